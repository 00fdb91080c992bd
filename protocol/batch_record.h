/* The records inside a batch.
 *
 *    length          varint    of all that follows in this record
 *    attributes      i8        unused
 *    timestamp delta varlong   to the batch's base timestamp
 *    offset delta    varint    to the batch's base offset
 *    key             varint size, bytes; -1 is null
 *    value           varint size, bytes; -1 is null
 *    header count    varint
 *      key           varint size, bytes; never null
 *      value         varint size, bytes; -1 is null
 *
 * Two ways to go through them. An iterator gives views of records that lie in memory, decompressed
 * into an arena if need be. A cursor gives the shapes of records (positions and sizes, no content)
 * and decompresses as it goes through a small window, so that a batch can be checked in constant
 * memory however large it becomes. Neither trusts a byte. Any core may use them. */
#ifndef TAILRACE_PROTOCOL_BATCH_RECORD_H
#define TAILRACE_PROTOCOL_BATCH_RECORD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "protocol/batch.h"
#include "protocol/compression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_header {
    struct bytes key;
    struct bytes value; /* may be null */
};

/* A record of which all that has a size is borrowed. */
struct record_view {
    int64_t offset;
    int64_t timestamp; /* the append time, if that is what the batch has */
    struct bytes key;  /* may be null */
    struct bytes value;
    int32_t header_count;
    struct bytes headers; /* encoded as above, without their count */
};

/* Takes the first header off the view; false if none is left. */
bool record_header_next(struct record_view *record, struct record_header *header);

struct record_shape {
    int64_t timestamp_delta;
    int32_t offset_delta;
    int32_t key_size;   /* -1 for null */
    int32_t value_size; /* -1 for null */
    int32_t header_count;
    size_t key_position; /* this and the others count from the start of the first record */
    size_t value_position;
    size_t headers_position;
    size_t end_position;
};

enum { RECORD_WINDOW_SIZE = 32 * 1024 };

struct record_cursor {
    struct reader reader;        /* over the bytes at hand */
    size_t passed_bytes;         /* that came before those */
    struct decompressor *source; /* where more come from; NULL if all are at hand */
    uint8_t *window;
    enum status source_status; /* STATUS_OK, or why no more came from the source */
};

/* Over records that are not compressed. */
void record_cursor_init(struct record_cursor *cursor, struct bytes records);

/* Over what comes out of `source`, by way of a window of RECORD_WINDOW_SIZE bytes. Both stay the
 * caller's and must outlive the cursor. */
void record_cursor_init_stream(struct record_cursor *cursor, struct decompressor *source,
                               uint8_t *window);

/* The shape of the next record. False if there is none or it is broken: source_status has the
 * reason, or is STATUS_OK if the bytes could be had but are no record. */
bool record_cursor_next(struct record_cursor *cursor, struct record_shape *shape);

/* True if nothing stands after the last record that was read. source_status as above. */
bool record_cursor_is_at_end(struct record_cursor *cursor);

struct record_iterator {
    struct batch_header header;
    struct bytes records; /* not compressed */
    struct record_cursor cursor;
    int32_t left_count;
    enum status status; /* STATUS_OK until something turned out broken */
};

/* Begins with the first record of a whole batch. Compressed records are decompressed into the
 * arena, up to `records_bytes_max` bytes. STATUS_MALFORMED for a batch that is broken so far,
 * STATUS_UNSUPPORTED for another magic or an unknown codec, STATUS_TOO_LARGE, STATUS_NO_MEMORY. The
 * checksum is not looked at. */
enum status record_iterator_open(struct record_iterator *iterator, struct bytes batch,
                                 size_t records_bytes_max, struct arena *arena);

/* The next record; false after the last one, and if status is not STATUS_OK: then what follows is
 * broken, or something stands after the last record. The view is valid as long as the batch and
 * the arena. */
bool record_iterator_next(struct record_iterator *iterator, struct record_view *record);

#endif
