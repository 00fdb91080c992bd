/* log dump of a journal file, or one of the catalog, which is made of the same commits, each twice:
 * every whole commit in it, those of earlier rounds and runs too, which their epoch and sequence
 * tell apart. */
#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/dump_state.h"
#include "cli/log_dump.h"
#include "storage/catalog.h"
#include "storage/commit.h"

static const char *kind_name(uint32_t kind)
{
    switch (kind) {
    case COMMIT_BATCH: return "batch";
    case COMMIT_MARK: return "mark";
    case COMMIT_STATE: return "state";
    case COMMIT_REMOVED: return "removed";
    case COMMIT_END: return "end";
    default: return "unknown";
    }
}

/* In a catalog an entry has a version where others have an offset. */
static json_t *entry_fields(const struct commit_entry *entry, uint64_t position)
{
    char id[UUID_TEXT_SIZE];
    bool is_state = entry->kind >= COMMIT_STATE;
    json_int_t number = is_state ? (json_int_t)entry->version : (json_int_t)entry->base_offset;
    uuid_format(entry->topic_id, id);
    return json_pack("{s:I, s:s, s:s, s:i, s:I, s:o, s:I}", "position", (json_int_t)position,
                     "kind", kind_name(entry->kind), "topic_id", id, "partition",
                     (int)entry->partition, is_state ? "version" : "base_offset", number,
                     "durable_offset", is_state ? json_null() : json_integer(entry->durable_offset),
                     "size", (json_int_t)entry->payload_size);
}

static void dump_entry(struct dump *dump, const struct commit_entry *entry, struct bytes payload,
                       uint64_t position)
{
    dump_line(dump->options.tool, 2, "entry", entry_fields(entry, position));
    if (entry->kind == COMMIT_BATCH)
        dump_batch(&dump->options, 3, payload, position + COMMIT_ENTRY_SIZE);
    if (entry->kind == COMMIT_STATE)
        dump_state(dump->options.tool, 3, payload);
}

static void dump_commit(struct dump *dump, struct bytes commit, const struct commit_header *header,
                        uint64_t at)
{
    struct commit_entry entry;
    struct bytes payload;
    uint32_t position = COMMIT_HEADER_SIZE;
    dump_line(dump->options.tool, 1, "commit",
              json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "position", (json_int_t)at, "size",
                        (json_int_t)header->size_bytes, "epoch", (json_int_t)header->epoch,
                        "sequence", (json_int_t)header->sequence, "core", (json_int_t)header->core,
                        "entries", (json_int_t)header->entry_count, "checksum", "right"));
    for (uint32_t begin = position; commit_next(commit, &position, &entry, &payload);
         begin = position)
        dump_entry(dump, &entry, payload, at + begin);
    if (position != commit.size)
        dump_damage(dump, 2, at + position, commit.size - position, "not an entry");
}

/* The epoch is the header's own: which of them is the present one, another file says. A block is
 * looked at first, and all of a commit only where one begins. */
static enum status look(struct dump *dump, uint64_t position, struct commit_header *header,
                        struct bytes *commit)
{
    struct bytes bytes = file_window_at(&dump->window, position, FILE_BLOCK_SIZE);
    uint64_t epoch = 0;
    if (bytes.size >= COMMIT_HEADER_SIZE)
        memcpy(&epoch, bytes.data + offsetof(struct commit_header, epoch), sizeof epoch);
    enum status status = commit_verify(bytes, epoch, CATALOG_COMMIT_SIZE_MAX, header);
    bool is_there = position + header->size_bytes <= dump->window.size_bytes;
    if (status == STATUS_TRUNCATED && is_there) {
        bytes = file_window_at(&dump->window, position, header->size_bytes);
        status = commit_verify(bytes, epoch, CATALOG_COMMIT_SIZE_MAX, header);
    }
    if (status == STATUS_OK)
        *commit = bytes_of(bytes.data, header->size_bytes);
    return status;
}

/* The format is the same, the name tells. */
static bool is_catalog(const char *path)
{
    uint32_t core;
    uint32_t file;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    return strcmp(name, "base") == 0 || path_parse_catalog(name, &core, &file);
}

/* Blocks that begin no commit are zeros, or the rests of commits of which newer ones have taken the
 * beginning: neither is worth a line each. */
void dump_journal(struct dump *dump)
{
    struct commit_header header;
    struct bytes commit;
    uint64_t position = 0;
    dump_line(dump->options.tool, 0, is_catalog(dump->path) ? "catalog" : "journal",
              json_pack("{s:I}", "size", (json_int_t)dump->window.size_bytes));
    while (position < dump->window.size_bytes) {
        enum status status = look(dump, position, &header, &commit);
        if (status == STATUS_OK)
            dump_commit(dump, commit, &header, position);
        else if (status == STATUS_UNSUPPORTED)
            dump_damage(dump, 1, position, 0, "a commit of a version that is not known");
        else if (status != STATUS_NOT_FOUND)
            dump_damage(dump, 1, position, header.size_bytes,
                        "a commit whose checksum is wrong, or the beginning of an overwritten one");
        position += status == STATUS_OK ? commit_stored_size(header.size_bytes) : COMMIT_ALIGNMENT;
    }
}
