/* log dump of the index of a segment: where it belongs, and its entries. */
#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/log_dump.h"
#include "storage/index_file.h"

static void dump_heading(const struct dump *dump, const struct frame_place *place,
                         const struct frame_index *index, uint64_t covered_bytes)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(place->topic_id, id);
    dump_line(dump->options.tool, 0, "index",
              json_pack("{s:I, s:s, s:i, s:I, s:I, s:I, s:I, s:s}", "size",
                        (json_int_t)dump->window.size_bytes, "topic_id", id, "partition",
                        (int)place->partition, "base_offset",
                        (json_int_t)place->segment_base_offset, "generation",
                        (json_int_t)place->segment_generation, "covered_bytes",
                        (json_int_t)covered_bytes, "entries", (json_int_t)index->count, "checksum",
                        "right"));
}

/* The file says where it belongs; whether that is true only matters to a broker. */
void dump_index(struct dump *dump)
{
    struct frame_place place;
    struct frame_index index = {0};
    uint64_t covered_bytes;
    assert(dump->path != NULL);
    struct bytes content = file_window_at(&dump->window, 0, INDEX_FILE_BYTES_MAX);
    if (!index_file_place(content, &place) ||
        index_file_decode(content, &place, &index, &covered_bytes) != STATUS_OK) {
        dump_damage(dump, 0, 0, dump->window.size_bytes, "an index whose checksum is wrong");
        return;
    }
    dump_heading(dump, &place, &index, covered_bytes);
    for (uint32_t i = 0; i < index.count; i++)
        dump_line(dump->options.tool, 1, "entry",
                  json_pack("{s:I, s:I, s:I}", "base_offset",
                            (json_int_t)index.entries[i].base_offset, "position",
                            (json_int_t)index.entries[i].position, "max_timestamp",
                            (json_int_t)index.entries[i].max_timestamp_ms));
    frame_index_deinit(&index);
}
