/* log dump of a segment: its frames, their batches, and what is damaged in between. */
#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/log_dump.h"
#include "cli/log_place.h"
#include "cli/segment_scan.h"

#include <stdlib.h>

/* True if the path tells where the segment belongs, which its frames' checksums are bound to. */
static bool find_place(const struct dump *dump, struct log_place *place)
{
    char *path = realpath(dump->path, NULL);
    bool is_found = path != NULL && strlen(path) < PATH_SIZE && log_place_of_segment(path, place);
    free(path);
    return is_found;
}

static void dump_heading(const struct dump *dump, const struct log_place *place)
{
    char id[UUID_TEXT_SIZE];
    json_t *fields = json_pack("{s:I}", "size", (json_int_t)dump->window.size_bytes);
    if (place != NULL) {
        uuid_format(place->frame.topic_id, id);
        json_t *more = json_pack("{s:s, s:s, s:i, s:I, s:I}", "topic", place->topic_name,
                                 "topic_id", id, "partition", (int)place->frame.partition,
                                 "base_offset", (json_int_t)place->frame.segment_base_offset,
                                 "generation", (json_int_t)place->frame.segment_generation);
        json_object_update(fields, more);
        json_decref(more);
    }
    dump_line(dump->options.tool, 0, "segment", fields);
}

static json_t *frame_fields(const struct segment_piece *piece, const char *checksum)
{
    const struct frame_header *header = &piece->header;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:i, s:i, s:I, s:I, s:b, s:s}", "position",
        (json_int_t)piece->position, "size", (json_int_t)piece->size_bytes, "base_offset",
        (json_int_t)header->base_offset, "last_offset", (json_int_t)header->last_offset, "batches",
        (int)header->batch_count, "leader_epoch", (int)header->leader_epoch, "durable_offset",
        (json_int_t)header->durable_offset, "max_timestamp", (json_int_t)header->max_timestamp_ms,
        "direct", (header->flags & FRAME_FLAG_DIRECT) != 0, "checksum", checksum);
}

/* What a damaged frame holds is shown as far as it goes: one wrong byte spoils a checksum, not the
 * rest. */
static void dump_damaged(struct dump *dump, const struct segment_piece *piece)
{
    dump_damage(dump, 1, piece->position, piece->size_bytes,
                piece->has_header ? "a frame whose checksum is wrong" : "not a frame");
    if (!piece->has_header || piece->header.payload_size > piece->size_bytes)
        return;
    uint64_t size_bytes = frame_stored_size(piece->header.payload_size);
    struct bytes bytes = file_window_at(&dump->window, piece->position, size_bytes);
    if (bytes.size < size_bytes)
        return;
    dump_line(dump->options.tool, 1, "frame", frame_fields(piece, "wrong"));
    dump_batches(&dump->options, 2,
                 bytes_of(bytes.data + FRAME_HEADER_SIZE, piece->header.payload_size),
                 piece->position + FRAME_HEADER_SIZE);
}

static void dump_tail(struct dump *dump, const struct segment_piece *piece)
{
    if (piece->used_size > 0)
        dump_damaged(dump, piece);
    if (piece->rest_size > 0)
        dump_line(dump->options.tool, 1, "rest",
                  json_pack("{s:I, s:I}", "position",
                            (json_int_t)(piece->position + piece->size_bytes - piece->rest_size),
                            "size", (json_int_t)piece->rest_size));
    dump_line(dump->options.tool, 1, "end",
              json_pack("{s:I, s:I}", "position", (json_int_t)piece->position, "size",
                        (json_int_t)piece->size_bytes));
}

static void dump_piece(struct dump *dump, const struct segment_piece *piece, const char *checksum)
{
    switch (piece->kind) {
    case PIECE_FRAME:
        dump_line(dump->options.tool, 1, "frame", frame_fields(piece, checksum));
        dump_batches(&dump->options, 2, piece->payload, piece->position + FRAME_HEADER_SIZE);
        break;
    case PIECE_DAMAGE: dump_damaged(dump, piece); break;
    case PIECE_TAIL: dump_tail(dump, piece); break;
    }
}

void dump_segment(struct dump *dump)
{
    assert(dump->path != NULL);
    struct log_place place;
    struct segment_scan scan;
    struct segment_piece piece;
    bool has_place = find_place(dump, &place);
    dump_heading(dump, has_place ? &place : NULL);
    segment_scan_init(&scan, &dump->window, has_place ? &place.frame : NULL);
    while (segment_scan_next(&scan, &piece))
        dump_piece(dump, &piece, has_place ? "right" : "unknown");
    if (scan.has_failed)
        dump_damage(dump, 1, scan.position, 0, "a frame larger than the memory there is");
}
