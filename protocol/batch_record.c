/* The cursor reads from a window that may be the whole of the records or a part of what a
 * decompressor makes; it says where things lie and hands out no bytes. The iterator stands on
 * records that are all in memory and hands out views.
 *
 * Sizes inside a record are a client's word: none is used before the reader has found that many
 * bytes. */
#include "protocol/batch_record.h"

#include "base/assert.h"

/* The longest run of numbers between two things that have a size: length, attributes, two deltas
 * and the key's size. */
enum { NUMBERS_SIZE_MAX = 32 };

static_assert(5 + 1 + 10 + 5 + 5 <= NUMBERS_SIZE_MAX, "the head of a record is read in one piece");

static void reader_skip_field(struct reader *reader, struct bytes *field)
{
    assert(field != NULL);
    int32_t size = reader_varint(reader);
    assert(reader->position <= reader->size);
    *field = size < 0 ? (struct bytes){0} : reader_bytes(reader, (size_t)size);
}

bool record_header_next(struct record_view *record, struct record_header *header)
{
    assert(header != NULL);
    assert(record->header_count >= 0);
    if (record->header_count == 0)
        return false;
    struct reader reader;
    reader_init(&reader, record->headers);
    reader_skip_field(&reader, &header->key);
    reader_skip_field(&reader, &header->value);
    assert(reader.status == STATUS_OK);
    assert(!bytes_are_null(header->key));
    record->header_count--;
    record->headers =
        bytes_of(record->headers.data + reader.position, record->headers.size - reader.position);
    return true;
}

void record_cursor_init(struct record_cursor *cursor, struct bytes records)
{
    *cursor = (struct record_cursor){0};
    reader_init(&cursor->reader, records);
}

void record_cursor_init_stream(struct record_cursor *cursor, struct decompressor *source,
                               uint8_t *window)
{
    assert(source != NULL);
    assert(window != NULL);
    *cursor = (struct record_cursor){.source = source, .window = window};
    reader_init(&cursor->reader, bytes_of(window, 0));
}

static size_t cursor_position(const struct record_cursor *cursor)
{
    assert(cursor->reader.position <= cursor->reader.size);
    return cursor->passed_bytes + cursor->reader.position;
}

/* A broken record stays broken whatever more could be had. */
static bool cursor_wants_more(const struct record_cursor *cursor, size_t size)
{
    return cursor->source != NULL && cursor->reader.status == STATUS_OK &&
           reader_remaining(&cursor->reader) < size;
}

/* Moves what is left in the window to its front and puts more behind it. */
static void cursor_refill(struct record_cursor *cursor)
{
    assert(cursor->source != NULL);
    assert(cursor->reader.status == STATUS_OK);
    size_t rest = reader_remaining(&cursor->reader);
    memmove(cursor->window, cursor->window + cursor->reader.position, rest);
    cursor->passed_bytes += cursor->reader.position;
    assert(rest < RECORD_WINDOW_SIZE);
    size_t count = 0;
    cursor->source_status =
        decompressor_read(cursor->source, cursor->window + rest, RECORD_WINDOW_SIZE - rest, &count);
    if (cursor->source_status != STATUS_OK || count == 0)
        cursor->source = NULL;
    reader_init(&cursor->reader,
                bytes_of(cursor->window, cursor->source == NULL ? rest : rest + count));
}

/* Afterwards as many bytes are at hand as numbers in a row may take, or all that are left. */
static void cursor_ensure_numbers(struct record_cursor *cursor)
{
    while (cursor_wants_more(cursor, NUMBERS_SIZE_MAX))
        cursor_refill(cursor);
}

static void cursor_skip(struct record_cursor *cursor, size_t size)
{
    while (cursor_wants_more(cursor, size)) {
        size -= reader_remaining(&cursor->reader);
        reader_skip(&cursor->reader, reader_remaining(&cursor->reader));
        cursor_refill(cursor);
    }
    reader_skip(&cursor->reader, size);
}

/* A size and that many bytes; -1 for null, as which Kafka reads every negative size. */
static int32_t cursor_field(struct record_cursor *cursor, size_t *position)
{
    assert(position != NULL);
    cursor_ensure_numbers(cursor);
    int32_t size = reader_varint(&cursor->reader);
    *position = cursor_position(cursor);
    if (size < 0)
        return -1;
    cursor_skip(cursor, (size_t)size);
    return size;
}

/* Each header takes at least two bytes, so a count that lies ends this soon. */
static void cursor_headers(struct record_cursor *cursor, int32_t count)
{
    if (count < 0)
        reader_fail(&cursor->reader, STATUS_MALFORMED);
    for (int32_t i = 0; i < count && cursor->reader.status == STATUS_OK; i++) {
        size_t position;
        if (cursor_field(cursor, &position) < 0)
            reader_fail(&cursor->reader, STATUS_MALFORMED);
        cursor_field(cursor, &position);
    }
}

bool record_cursor_next(struct record_cursor *cursor, struct record_shape *shape)
{
    assert(shape != NULL);
    assert(cursor->reader.status == STATUS_OK);
    cursor_ensure_numbers(cursor);
    struct reader *reader = &cursor->reader;
    int32_t length = reader_varint(reader);
    size_t start = cursor_position(cursor);
    reader_skip(reader, sizeof(int8_t));
    shape->timestamp_delta = reader_varlong(reader);
    shape->offset_delta = reader_varint(reader);
    shape->key_size = cursor_field(cursor, &shape->key_position);
    shape->value_size = cursor_field(cursor, &shape->value_position);
    cursor_ensure_numbers(cursor);
    shape->header_count = reader_varint(reader);
    shape->headers_position = cursor_position(cursor);
    cursor_headers(cursor, shape->header_count);
    shape->end_position = cursor_position(cursor);
    return reader->status == STATUS_OK && cursor->source_status == STATUS_OK && length >= 0 &&
           shape->end_position - start == (size_t)length;
}

bool record_cursor_is_at_end(struct record_cursor *cursor)
{
    assert(cursor->reader.status == STATUS_OK);
    cursor_ensure_numbers(cursor);
    return cursor->source_status == STATUS_OK && reader_remaining(&cursor->reader) == 0;
}

enum status record_iterator_open(struct record_iterator *iterator, struct bytes batch,
                                 size_t records_bytes_max, struct arena *arena)
{
    assert(arena != NULL);
    *iterator = (struct record_iterator){0};
    enum status status = batch_header_read(batch, &iterator->header);
    if (status != STATUS_OK)
        return status;
    enum compression compression;
    if (!batch_compression(&iterator->header, &compression))
        return STATUS_UNSUPPORTED;
    if (batch.size != batch_size_bytes(&iterator->header) || iterator->header.record_count < 0)
        return STATUS_MALFORMED;
    struct bytes stored = bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE);
    /* What compaction has emptied keeps its codec but has no bytes to decompress. */
    if (iterator->header.record_count == 0 && stored.size == 0)
        compression = COMPRESSION_NONE;
    status =
        compression_decompress(compression, stored, records_bytes_max, arena, &iterator->records);
    if (status != STATUS_OK)
        return status;
    assert(!bytes_are_null(iterator->records));
    iterator->left_count = iterator->header.record_count;
    record_cursor_init(&iterator->cursor, iterator->records);
    return STATUS_OK;
}

static struct bytes iterator_piece(const struct record_iterator *iterator, size_t position,
                                   int32_t size)
{
    if (size < 0)
        return (struct bytes){0};
    assert(position + (size_t)size <= iterator->records.size);
    return bytes_of(iterator->records.data + position, (size_t)size);
}

static int64_t iterator_timestamp(const struct record_iterator *iterator, int64_t delta)
{
    const struct batch_header *header = &iterator->header;
    if (batch_timestamp_type(header) == TIMESTAMP_LOG_APPEND_TIME)
        return header->max_timestamp;
    return batch_timestamp_add(header->base_timestamp, delta);
}

bool record_iterator_next(struct record_iterator *iterator, struct record_view *record)
{
    assert(record != NULL);
    assert(iterator->left_count >= 0);
    if (iterator->status != STATUS_OK)
        return false;
    if (iterator->left_count == 0) {
        if (!record_cursor_is_at_end(&iterator->cursor))
            iterator->status = STATUS_MALFORMED;
        return false;
    }
    struct record_shape shape;
    if (!record_cursor_next(&iterator->cursor, &shape)) {
        iterator->status = STATUS_MALFORMED;
        return false;
    }
    assert(iterator->left_count > 0);
    assert(shape.headers_position <= shape.end_position);
    iterator->left_count--;
    int32_t headers_size = (int32_t)(shape.end_position - shape.headers_position);
    *record = (struct record_view){
        .offset = (int64_t)((uint64_t)iterator->header.base_offset +
                            (uint64_t)(int64_t)shape.offset_delta),
        .timestamp = iterator_timestamp(iterator, shape.timestamp_delta),
        .key = iterator_piece(iterator, shape.key_position, shape.key_size),
        .value = iterator_piece(iterator, shape.value_position, shape.value_size),
        .header_count = shape.header_count,
        .headers = iterator_piece(iterator, shape.headers_position, headers_size),
    };
    return true;
}
