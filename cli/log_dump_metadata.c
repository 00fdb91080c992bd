/* log dump of the files under cluster/: the state, a file of the metadata log, a snapshot. They are
 * small enough to be taken whole, as the broker takes them at its start. */
#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/dump_metadata.h"
#include "cli/log_dump.h"
#include "cli/metadata_scan.h"

static struct bytes content_of(struct dump *dump)
{
    return file_window_at(&dump->window, 0, dump->window.size_bytes);
}

void dump_metadata_state(struct dump *dump)
{
    struct metadata_state state;
    assert(dump->path != NULL);
    if (metadata_state_decode(content_of(dump), &state) != STATUS_OK) {
        dump_damage(dump, 0, 0, dump->window.size_bytes, "a state whose checksum is wrong");
        return;
    }
    dump_line(dump->options.tool, 0, "metadata_state",
              json_pack("{s:I, s:I, s:I, s:I, s:s}", "term", (json_int_t)state.term, "vote",
                        (json_int_t)state.vote, "stored_index", (json_int_t)state.stored_index,
                        "server_id", (json_int_t)state.server_id, "checksum", "right"));
}

/* --- Log -------------------------------------------------------------------------------------- */

static const char *kind_name(enum metadata_entry_kind kind)
{
    switch (kind) {
    case METADATA_ENTRY_COMMAND: return "command";
    case METADATA_ENTRY_BARRIER: return "barrier";
    case METADATA_ENTRY_CHANGE: return "change";
    }
    unreachable(); /* decoding has looked at it */
}

static void dump_entries(struct dump *dump, const struct metadata_batch *batch, uint64_t position)
{
    const struct tool *tool = dump->options.tool;
    struct metadata_entry entry;
    uint64_t index = batch->first_index;
    size_t at = 0;
    while (metadata_batch_entry(batch, &at, &entry)) {
        dump_line(tool, 2, "entry",
                  json_pack("{s:I, s:I, s:s, s:I}", "index", (json_int_t)index++, "term",
                            (json_int_t)entry.term, "kind", kind_name(entry.kind), "size",
                            (json_int_t)entry.data.size));
        if (entry.kind == METADATA_ENTRY_COMMAND && !dump_metadata_records(tool, 3, entry.data))
            dump_damage(dump, 3, position, entry.data.size, "not a record of the metadata");
    }
}

static void dump_piece(struct dump *dump, const struct metadata_piece *piece)
{
    bool is_end = piece->kind == METADATA_PIECE_TAIL && piece->used_size == 0;
    json_t *place = json_pack("{s:I, s:I}", "position", (json_int_t)piece->position, "size",
                              (json_int_t)piece->size_bytes);
    if (piece->kind == METADATA_PIECE_BATCH) {
        json_object_set_new(place, "first_index",
                            json_integer((json_int_t)piece->batch.first_index));
        json_object_set_new(place, "entries", json_integer(piece->batch.entry_count));
        json_object_set_new(place, "checksum", json_string("right"));
        dump_line(dump->options.tool, 1, "metadata_batch", place);
        dump_entries(dump, &piece->batch, piece->position);
        return;
    }
    if (!is_end)
        dump_damage(dump, 1, piece->position, piece->size_bytes, "not a batch of this file");
    if (piece->kind == METADATA_PIECE_TAIL)
        dump_line(dump->options.tool, 1, "end", place);
    else
        json_decref(place);
}

void dump_metadata_log(struct dump *dump)
{
    struct bytes content = content_of(dump);
    struct metadata_log_header header;
    struct metadata_scan scan;
    struct metadata_piece piece;
    struct bytes block = bytes_of(
        content.data, content.size < METADATA_BLOCK_SIZE ? content.size : METADATA_BLOCK_SIZE);
    if (metadata_log_header_decode(block, &header) != STATUS_OK) {
        dump_damage(dump, 0, 0, dump->window.size_bytes, "a header whose checksum is wrong");
        return;
    }
    dump_line(dump->options.tool, 0, "metadata_log",
              json_pack("{s:I, s:I}", "size", (json_int_t)dump->window.size_bytes, "first_index",
                        (json_int_t)header.first_index));
    metadata_scan_init(&scan, content, header.file_id);
    while (metadata_scan_next(&scan, &piece))
        dump_piece(dump, &piece);
}

/* --- Snapshot --------------------------------------------------------------------------------- */

void dump_metadata_snapshot(struct dump *dump)
{
    struct metadata_snapshot snapshot;
    if (metadata_snapshot_decode(content_of(dump), &snapshot) != STATUS_OK) {
        dump_damage(dump, 0, 0, dump->window.size_bytes, "a snapshot whose checksum is wrong");
        return;
    }
    dump_line(dump->options.tool, 0, "metadata_snapshot",
              json_pack("{s:I, s:I, s:I, s:I, s:s}", "size", (json_int_t)dump->window.size_bytes,
                        "index", (json_int_t)snapshot.index, "term", (json_int_t)snapshot.term,
                        "configuration_index", (json_int_t)snapshot.configuration_index, "checksum",
                        "right"));
    if (!dump_metadata_records(dump->options.tool, 1, snapshot.records))
        dump_damage(dump, 1, 0, dump->window.size_bytes, "not a record of the metadata");
}
