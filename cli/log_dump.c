/* log dump: what stands in a file of the broker, down to the records. What a file is, its first
 * bytes say; where they are damaged or still zeros, its name. */
#include "cli/log_dump.h"

#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/log_place.h"
#include "cluster/metadata_format.h"

#include <string.h>

void dump_damage(struct dump *dump, uint32_t depth, uint64_t position, uint64_t size_bytes,
                 const char *what)
{
    dump->is_damaged = true;
    dump_line(dump->options.tool, depth, "damage",
              json_pack("{s:I, s:I, s:s}", "position", (json_int_t)position, "size",
                        (json_int_t)size_bytes, "what", what));
}

static bool is_segment_name(const char *name)
{
    int64_t base_offset;
    uint32_t generation;
    return path_parse_segment(name, &base_offset, &generation);
}

static bool is_commits_name(const char *name)
{
    uint32_t core;
    uint32_t file;
    return path_parse_journal(name, &core, &file) || path_parse_catalog(name, &core, &file);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t ending_size = strlen(ending);
    return size > ending_size && strcmp(name + size - ending_size, ending) == 0;
}

static bool is_index_name(const char *name)
{
    return ends_with(name, ".index");
}

static bool is_state_name(const char *name)
{
    return strcmp(name, "state") == 0;
}

static bool is_metadata_log_name(const char *name)
{
    return metadata_log_name_index(name) != 0;
}

static bool is_snapshot_name(const char *name)
{
    return metadata_snapshot_name_index(name) != 0;
}

static bool is_epoch_name(const char *name)
{
    return strcmp(name, "epoch") == 0 || ends_with(name, ".clean");
}

static bool is_properties_name(const char *name)
{
    return strcmp(name, "meta.properties") == 0;
}

static bool is_opaque_name(const char *name)
{
    return path_is_reserve(name) || strcmp(name, ".lock") == 0;
}

struct dump_kind {
    const char *magic; /* NULL: the name alone tells */
    bool (*has_name)(const char *name);
    void (*dump)(struct dump *dump);
};

static const struct dump_kind kinds[] = {
    {"TRF1", is_segment_name, dump_segment},
    {"TRJ1", is_commits_name, dump_journal},
    {"TRI1", is_index_name, dump_index},
    {"TRE1", is_epoch_name, dump_epoch},
    {"TRMSTATE", is_state_name, dump_metadata_state},
    {"TRM_LOG_", is_metadata_log_name, dump_metadata_log},
    {"TRM_SNAP", is_snapshot_name, dump_metadata_snapshot},
    {NULL, is_properties_name, dump_meta_properties},
    {NULL, is_opaque_name, dump_opaque},
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static bool begins_with(struct bytes begin, const char *magic)
{
    return magic != NULL && begin.size >= strlen(magic) &&
           memcmp(begin.data, magic, strlen(magic)) == 0;
}

static const struct dump_kind *kind_of(struct dump *dump)
{
    struct bytes begin = file_window_at(&dump->window, 0, FILE_BLOCK_SIZE);
    const char *slash = strrchr(dump->path, '/');
    const char *name = slash != NULL ? slash + 1 : dump->path;
    for (uint32_t i = 0; i < KIND_COUNT; i++)
        if (begins_with(begin, kinds[i].magic))
            return &kinds[i];
    for (uint32_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].has_name(name))
            return &kinds[i];
    return NULL;
}

static enum exit_code run_log_dump(struct tool *tool)
{
    struct dump dump = {.options.tool = tool, .path = tool->options.arguments[0]};
    dump.options.has_records = options_has(&tool->options, "print-data");
    enum status status = file_window_open(&dump.window, dump.path);
    if (status != STATUS_OK)
        return tool_error(tool, "%s: %s", dump.path,
                          status == STATUS_INVALID ? "not a file" : status_text(status));
    enum exit_code code = EXIT_CODE_OK;
    const struct dump_kind *kind = kind_of(&dump);
    if (kind != NULL)
        kind->dump(&dump);
    else
        code = tool_error(tool, "%s: not a file of a kind that is known", dump.path);
    file_window_close(&dump.window);
    return dump.is_damaged ? EXIT_CODE_FAILED : code;
}

static const struct option_row rows[] = {
    {0, "print-data", NULL, "also every record, with key, value and headers"},
};

const struct command command_log_dump = {
    .name = "log dump",
    .arguments = "FILE",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "show what stands in a file of the broker",
    .description =
        "Prints any file of a broker's log.dirs: a segment (its frames and batches), its index, a\n"
        "file of a journal or of the catalog (their commits and entries), the metadata log and\n"
        "its snapshots (their records), meta.properties, and the small files beside them. What is\n"
        "damaged is shown where it is, and the dump goes\n"
        "on behind it; the exit status is 1 then. A frame's own checksum is bound to its place, "
        "so\n"
        "that of a segment which was copied elsewhere is 'unknown'. The end of a file that is "
        "being\n"
        "written may look damaged.\n",
    .example = "tailrace log dump data/topics/orders-*/0/00000000000000000000.log --print-data\n",
    .json_shape =
        "one object a line; \"type\" says what it is about:\n"
        "{\"type\": \"segment\", \"size\": number, \"topic\": string, \"topic_id\": string,\n"
        "  \"partition\": number, \"base_offset\": number, \"generation\": number}\n"
        "{\"type\": \"frame\", \"position\": number, \"size\": number, \"base_offset\": number,\n"
        "  \"last_offset\": number, \"batches\": number, \"leader_epoch\": number,\n"
        "  \"durable_offset\": number, \"max_timestamp\": number, \"direct\": boolean,\n"
        "  \"checksum\": \"right\", \"wrong\" or \"unknown\"}\n"
        "{\"type\": \"batch\", \"position\": number, \"base_offset\": number, \"last_offset\": "
        "number,\n"
        "  \"records\": number, \"size\": number, \"codec\": string, \"checksum\": string,\n"
        "  \"flags\": [string, ...], \"base_timestamp\": number, \"max_timestamp\": number,\n"
        "  \"leader_epoch\": number, and numbers or null: \"producer_id\", \"producer_epoch\",\n"
        "  \"base_sequence\", \"last_sequence\"}\n"
        "{\"type\": \"record\", \"offset\": number, \"timestamp\": number, \"key\": string,\n"
        "  {\"base64\": string} or null, \"value\": the same, \"headers\": [{\"key\", \"value\"}, "
        "...]}\n"
        "{\"type\": \"end\", \"position\": number, \"size\": number}\n"
        "{\"type\": \"journal\" or \"catalog\", \"size\": number}\n"
        "{\"type\": \"commit\", \"position\": number, \"size\": number, \"epoch\": number,\n"
        "  \"sequence\": number, \"core\": number, \"entries\": number, \"checksum\": string}\n"
        "{\"type\": \"entry\", \"position\": number, \"kind\": \"batch\" or \"mark\",\n"
        "  \"topic_id\": string, \"partition\": number, \"base_offset\": number,\n"
        "  \"durable_offset\": number, \"size\": number}; of a catalog the kind is \"state\",\n"
        "  \"removed\" or \"end\", and \"version\" stands for \"base_offset\"\n"
        "{\"type\": \"state\", \"topic\": string, \"start_offset\": number,\n"
        "  \"recovery_offset\": number, \"cleaned_offset\": number, \"producers\": number,\n"
        "  \"segments\": [{\"base_offset\", \"generation\", \"size\", \"max_timestamp\"}, ...],\n"
        "  \"leader_epochs\": [{\"leader_epoch\", \"start_offset\"}, ...],\n"
        "  \"damage\": [{\"from\", \"to\"}, ...]}\n"
        "{\"type\": \"index\", \"size\": number, \"topic_id\": string, \"partition\": number,\n"
        "  \"base_offset\": number, \"generation\": number, \"covered_bytes\": number,\n"
        "  \"entries\": number, \"checksum\": string}, and for each entry\n"
        "{\"type\": \"entry\", \"base_offset\": number, \"position\": number,\n"
        "  \"max_timestamp\": number}\n"
        "{\"type\": \"epoch\" or \"clean\", \"epoch\": number, \"checksum\": string}\n"
        "{\"type\": \"meta_properties\", \"cluster_id\": string, \"node_id\": number,\n"
        "  \"directory_id\": string}\n"
        "{\"type\": \"opaque\", \"size\": number}; a lock, or space that is held\n"
        "{\"type\": \"metadata_state\", \"term\": number, \"vote\": number,\n"
        "  \"stored_index\": number, \"server_id\": number, \"checksum\": string}\n"
        "{\"type\": \"metadata_log\", \"size\": number, \"first_index\": number}\n"
        "{\"type\": \"metadata_batch\", \"position\": number, \"size\": number,\n"
        "  \"first_index\": number, \"entries\": number, \"checksum\": string}\n"
        "{\"type\": \"entry\", \"index\": number, \"term\": number, \"kind\": \"command\", "
        "\"barrier\"\n"
        "  or \"change\", \"size\": number}\n"
        "{\"type\": \"metadata_snapshot\", \"size\": number, \"index\": number, \"term\": number,\n"
        "  \"configuration_index\": number, \"checksum\": string}\n"
        "{\"type\": \"metadata\", \"record\": string, and the fields of that record}\n"
        "{\"type\": \"damage\", \"position\": number, \"size\": number, \"what\": string}\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_log_dump,
};
