/* log dump of the small files: which run it is, whose the directory is, what holds a place. */
#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/log_dump.h"
#include "cluster/meta_properties.h"
#include "storage/epoch_file.h"

enum { PROPERTIES_MEMORY_MAX = 128 * 1024 };

/* The same format in `epoch` and in `<core>.clean`; the name tells which. */
void dump_epoch(struct dump *dump)
{
    static const char ending[] = ".clean";
    uint64_t epoch;
    size_t size = strlen(dump->path);
    size_t ending_size = sizeof ending - 1;
    bool is_clean = size > ending_size && strcmp(dump->path + size - ending_size, ending) == 0;
    struct bytes content = file_window_at(&dump->window, 0, FILE_BLOCK_SIZE);
    if (epoch_file_decode(content, &epoch) != STATUS_OK)
        dump_damage(dump, 0, 0, dump->window.size_bytes, "an epoch whose checksum is wrong");
    else
        dump_line(dump->options.tool, 0, is_clean ? "clean" : "epoch",
                  json_pack("{s:I, s:s}", "epoch", (json_int_t)epoch, "checksum", "right"));
}

void dump_meta_properties(struct dump *dump)
{
    struct arena arena;
    struct meta_properties properties;
    char cluster_id[UUID_TEXT_SIZE];
    char directory_id[UUID_TEXT_SIZE];
    arena_init(&arena, PROPERTIES_MEMORY_MAX);
    struct bytes content = file_window_at(&dump->window, 0, FILE_BLOCK_SIZE);
    enum status status = meta_properties_parse(content, &arena, &properties);
    arena_deinit(&arena);
    if (status != STATUS_OK) {
        dump_damage(dump, 0, 0, dump->window.size_bytes, "something is missing or makes no sense");
        return;
    }
    uuid_format(properties.cluster_id, cluster_id);
    uuid_format(properties.directory_id, directory_id);
    dump_line(dump->options.tool, 0, "meta_properties",
              json_pack("{s:s, s:i, s:s}", "cluster_id", cluster_id, "node_id",
                        (int)properties.node_id, "directory_id", directory_id));
}

/* Nothing that stands in these means anything. */
void dump_opaque(struct dump *dump)
{
    assert(dump->path != NULL);
    dump_line(dump->options.tool, 0, "opaque",
              json_pack("{s:I}", "size", (json_int_t)dump->window.size_bytes));
}
