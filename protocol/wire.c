/* Shared words of the generated codecs; protocol/wire.h describes the format. */
#include "protocol/wire.h"

#include "base/assert.h"

enum { LENGTH_NULL = -1, TAG_COUNT_MAX = 127, VARINT_SIZE_MAX = 5 };

const char wire_nothing = '\0';

/* Reading */

bool wire_read_bool(struct reader *reader)
{
    return reader_u8(reader) != 0;
}

/* Every negative length is null, as Kafka reads it. Wraps for a varint of 0 and beyond INT32_MAX.
 */
static int32_t read_compact_length(struct reader *reader)
{
    return (int32_t)(reader_uvarint(reader) - 1);
}

/* The length, LENGTH_NULL for a null that is allowed, or 0 and a failed reader. */
static int32_t check_length(struct reader *reader, enum wire_null null, int32_t length)
{
    if (reader->status != STATUS_OK)
        return 0;
    if (length >= 0)
        return length;
    if (null == WIRE_NULLABLE)
        return LENGTH_NULL;
    reader_fail(reader, STATUS_MALFORMED);
    return 0;
}

/* Of bytes, records and arrays, whose classic form is four bytes. */
static int32_t read_length(struct reader *reader, enum wire_form form, enum wire_null null)
{
    int32_t length = form == WIRE_COMPACT ? read_compact_length(reader) : reader_i32(reader);
    return check_length(reader, null, length);
}

struct bytes wire_read_string(struct reader *reader, enum wire_form form, enum wire_null null)
{
    int32_t length = form == WIRE_COMPACT ? read_compact_length(reader) : reader_i16(reader);
    length = check_length(reader, null, length);
    if (length == LENGTH_NULL)
        return (struct bytes){0};
    if (length > WIRE_STRING_SIZE_MAX)
        reader_fail(reader, STATUS_MALFORMED);
    return reader_bytes(reader, (size_t)length);
}

struct bytes wire_read_bytes(struct reader *reader, enum wire_form form, enum wire_null null)
{
    int32_t length = read_length(reader, form, null);
    if (length == LENGTH_NULL)
        return (struct bytes){0};
    return reader_bytes(reader, (size_t)length);
}

struct records_field wire_read_records(struct reader *reader, enum wire_form form,
                                       enum wire_null null, struct arena *arena)
{
    struct bytes view = wire_read_bytes(reader, form, null);
    if (bytes_are_null(view))
        return (struct records_field){.is_null = true};
    if (view.size == 0)
        return (struct records_field){0};
    struct bytes *piece = wire_allocate(reader, arena, sizeof *piece);
    if (piece == NULL)
        return (struct records_field){.is_null = true};
    *piece = view;
    return (struct records_field){.pieces = piece, .piece_count = 1, .size = view.size};
}

void *wire_allocate(struct reader *reader, struct arena *arena, size_t size)
{
    assert(arena != NULL);
    assert(size > 0);
    if (reader->status != STATUS_OK)
        return NULL;
    void *memory = arena_allocate_array(arena, 1, size);
    if (memory == NULL)
        reader_fail(reader, STATUS_NO_MEMORY);
    return memory;
}

void *wire_read_array(struct reader *reader, struct arena *arena, struct wire_array array,
                      uint32_t *count)
{
    assert(count != NULL);
    assert(array.wire_size_min > 0);
    assert(array.element_size > 0);
    *count = 0;
    int32_t length = read_length(reader, array.form, array.null);
    if (length == LENGTH_NULL || reader->status != STATUS_OK)
        return NULL;
    if (length == 0)
        return WIRE_EMPTY;
    if ((size_t)length > reader_remaining(reader) / array.wire_size_min) {
        reader_fail(reader, STATUS_TRUNCATED);
        return NULL;
    }
    void *elements = arena_allocate_array(arena, (size_t)length, array.element_size);
    if (elements == NULL)
        reader_fail(reader, STATUS_NO_MEMORY);
    else
        *count = (uint32_t)length;
    return elements;
}

bool wire_read_presence(struct reader *reader)
{
    return reader_i8(reader) >= 0 && reader->status == STATUS_OK;
}

bool wire_read_tag_presence(struct reader *reader)
{
    return reader_uvarint(reader) != 0;
}

struct wire_tags wire_tags_open(struct reader *reader)
{
    return (struct wire_tags){.left = reader_uvarint(reader), .end = reader->position};
}

bool wire_tags_next(struct reader *reader, struct wire_tags *tags)
{
    assert(tags != NULL);
    if (reader->status == STATUS_OK && reader->position != tags->end)
        reader_fail(reader, STATUS_MALFORMED);
    if (reader->status != STATUS_OK || tags->left == 0)
        return false;
    tags->left--;
    tags->tag = reader_uvarint(reader);
    uint32_t size = reader_uvarint(reader);
    if (reader->status == STATUS_OK && size > reader_remaining(reader))
        reader_fail(reader, STATUS_TRUNCATED);
    tags->end = reader->position + size;
    return reader->status == STATUS_OK;
}

void wire_tags_skip(struct reader *reader, const struct wire_tags *tags)
{
    assert(tags->end >= reader->position);
    reader_skip(reader, tags->end - reader->position);
}

void wire_skip_some_tags(struct reader *reader)
{
    struct wire_tags tags = wire_tags_open(reader);
    while (wire_tags_next(reader, &tags))
        wire_tags_skip(reader, &tags);
}

/* Writing */

void wire_write_bool(struct writer *writer, bool value)
{
    writer_u8(writer, value ? 1 : 0);
}

/* The length of bytes, records and arrays; LENGTH_NULL for null. */
static void write_length(struct writer *writer, enum wire_form form, int32_t length)
{
    assert(length >= LENGTH_NULL);
    if (form == WIRE_COMPACT)
        writer_uvarint(writer, (uint32_t)length + 1);
    else
        writer_i32(writer, length);
}

static void write_string_length(struct writer *writer, enum wire_form form, int32_t length)
{
    assert(length <= WIRE_STRING_SIZE_MAX);
    if (form == WIRE_COMPACT)
        write_length(writer, form, length);
    else
        writer_i16(writer, (int16_t)length);
}

/* Whether a value of `size` bytes, or null, may stand here; fails the writer if not. */
static bool may_write(struct writer *writer, enum wire_null null, bool is_null, size_t size,
                      size_t size_max)
{
    assert(!is_null || size == 0);
    if (is_null && null == WIRE_NOT_NULL)
        writer_fail(writer, STATUS_INVALID);
    else if (size > size_max)
        writer_fail(writer, STATUS_TOO_LARGE);
    return writer->status == STATUS_OK;
}

void wire_write_string(struct writer *writer, enum wire_form form, enum wire_null null,
                       struct bytes text)
{
    if (!may_write(writer, null, bytes_are_null(text), text.size, WIRE_STRING_SIZE_MAX))
        return;
    write_string_length(writer, form, bytes_are_null(text) ? LENGTH_NULL : (int32_t)text.size);
    writer_bytes(writer, text);
}

void wire_write_bytes(struct writer *writer, enum wire_form form, enum wire_null null,
                      struct bytes bytes)
{
    if (!may_write(writer, null, bytes_are_null(bytes), bytes.size, INT32_MAX))
        return;
    write_length(writer, form, bytes_are_null(bytes) ? LENGTH_NULL : (int32_t)bytes.size);
    writer_bytes(writer, bytes);
}

void wire_write_records(struct writer *writer, enum wire_form form, enum wire_null null,
                        const struct records_field *records)
{
    assert(records->pieces != NULL || records->piece_count == 0);
    if (!may_write(writer, null, records->is_null, records->size, INT32_MAX))
        return;
    assert(!records->is_null || records->size == 0);
    write_length(writer, form, records->is_null ? LENGTH_NULL : (int32_t)records->size);
    size_t size = 0;
    for (uint32_t i = 0; i < records->piece_count; i++) {
        if (bytes_are_null(records->pieces[i]))
            writer_gap(writer, records->pieces[i].size);
        else
            writer_reference(writer, records->pieces[i]);
        size += records->pieces[i].size;
    }
    assert(size == records->size);
}

void wire_write_count(struct writer *writer, enum wire_form form, enum wire_null null, bool is_null,
                      uint32_t count)
{
    assert(!is_null || count == 0);
    assert(count <= INT32_MAX);
    bool as_null = is_null && null == WIRE_NULLABLE;
    write_length(writer, form, as_null ? LENGTH_NULL : (int32_t)count);
}

bool wire_write_presence(struct writer *writer, enum wire_null null, bool is_present)
{
    if (!may_write(writer, null, !is_present, 0, 0))
        return false;
    if (null == WIRE_NULLABLE)
        writer_i8(writer, is_present ? 1 : -1);
    return is_present;
}

bool wire_write_tag_presence(struct writer *writer, enum wire_null null, bool is_present)
{
    if (!may_write(writer, null, !is_present, 0, 0))
        return false;
    if (null == WIRE_NULLABLE)
        writer_uvarint(writer, is_present ? 1 : 0);
    return is_present;
}

/* The count starts at 0 in a byte of its own and is raised with each field. */
size_t wire_write_tags_begin(struct writer *writer)
{
    size_t position = writer->size;
    writer_u8(writer, 0);
    return position;
}

size_t wire_write_tag_begin(struct writer *writer, size_t tags, uint32_t tag)
{
    if (writer->status != STATUS_OK)
        return 0;
    assert(tags < writer->size);
    assert(writer->data[tags] < TAG_COUNT_MAX);
    writer->data[tags]++;
    writer_uvarint(writer, tag);
    return writer->size;
}

/* The size stands before the content but is known only now: the content moves up to make room. */
void wire_write_tag_end(struct writer *writer, size_t tag)
{
    if (writer->status != STATUS_OK)
        return;
    assert(tag <= writer->size);
    size_t content_size = writer->size - tag;
    writer_uvarint(writer, (uint32_t)content_size);
    if (writer->status != STATUS_OK)
        return;
    uint8_t size[VARINT_SIZE_MAX];
    size_t size_size = writer->size - tag - content_size;
    assert(size_size <= sizeof size);
    memcpy(size, writer->data + tag + content_size, size_size);
    memmove(writer->data + tag + size_size, writer->data + tag, content_size);
    memcpy(writer->data + tag, size, size_size);
}
