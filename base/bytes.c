/* Ids as text, and of readers and writers what is not part of every field: failures, long numbers,
 * growing and the final text. */
#include "base/bytes.h"

static const char base64_url[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void uuid_format(struct uuid uuid, char text[static UUID_TEXT_SIZE])
{
    assert(text != NULL);
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < sizeof uuid.bytes; i++) {
        bits = bits << 8 | uuid.bytes[i];
        bit_count += 8;
        while (bit_count >= 6) {
            bit_count -= 6;
            text[length++] = base64_url[bits >> bit_count & 63];
        }
    }
    text[length++] = base64_url[bits << (6 - bit_count) & 63];
    text[length] = '\0';
    assert(length == UUID_TEXT_SIZE - 1);
}

bool uuid_parse(struct bytes text, struct uuid *uuid)
{
    assert(uuid != NULL);
    if (text.size != UUID_TEXT_SIZE - 1)
        return false;
    struct uuid result = {0};
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        const char *found = text.data[i] == 0 ? NULL : memchr(base64_url, text.data[i], 64);
        if (found == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(found - base64_url);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            result.bytes[length++] = (uint8_t)(bits >> bit_count);
        }
    }
    assert(length == sizeof result.bytes);
    if ((bits & ((1u << bit_count) - 1)) != 0)
        return false;
    *uuid = result;
    return true;
}

void reader_init(struct reader *reader, struct bytes bytes)
{
    assert(reader != NULL);
    assert(bytes.data != NULL || bytes.size == 0);
    *reader = (struct reader){.data = bytes.data, .size = bytes.size};
}

void reader_fail(struct reader *reader, enum status status)
{
    assert(status != STATUS_OK);
    if (reader->status == STATUS_OK)
        reader->status = status;
}

double reader_f64(struct reader *reader)
{
    uint64_t bits = reader_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Over-long forms that still fit the bit count are legal in Kafka; bits beyond it are not. */
uint64_t reader_leb128_long(struct reader *reader, uint32_t bits_max)
{
    assert(bits_max == 32 || bits_max == 64);
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < bits_max; shift += 7) {
        uint8_t byte = reader_u8(reader);
        uint64_t part = byte & 0x7f;
        if (shift + 7 > bits_max && part >> (bits_max - shift) != 0) {
            reader_fail(reader, STATUS_MALFORMED);
            return 0;
        }
        value |= part << shift;
        if ((byte & 0x80) == 0)
            return reader->status == STATUS_OK ? value : 0;
    }
    reader_fail(reader, STATUS_MALFORMED);
    return 0;
}

void writer_init(struct writer *writer, struct arena *arena)
{
    assert(arena != NULL);
    *writer = (struct writer){.arena = arena};
}

void writer_fail(struct writer *writer, enum status status)
{
    assert(status != STATUS_OK);
    if (writer->status == STATUS_OK)
        writer->status = status;
}

/* The old piece is given back with the arena. */
bool writer_grow(struct writer *writer, size_t size)
{
    assert(size > writer->capacity - writer->size);
    assert(size < SIZE_MAX / 4); /* or doubling would come round to 0 and never end */
    size_t capacity = writer->capacity == 0 ? 256 : writer->capacity * 2;
    while (capacity - writer->size < size)
        capacity *= 2;
    uint8_t *data = arena_allocate(writer->arena, capacity);
    if (data == NULL) {
        writer->status = STATUS_NO_MEMORY;
        return false;
    }
    if (writer->size > 0)
        memcpy(data, writer->data, writer->size);
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

void writer_f64(struct writer *writer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    writer_u64(writer, bits);
}

void writer_uuid(struct writer *writer, struct uuid value)
{
    writer_bytes(writer, bytes_of(value.bytes, sizeof value.bytes));
}

void writer_leb128_long(struct writer *writer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        writer_u8(writer, (uint8_t)(value | 0x80));
    writer_u8(writer, (uint8_t)value);
}

void writer_varint(struct writer *writer, int32_t value)
{
    writer_leb128_long(writer, (uint32_t)value << 1 ^ (uint32_t)(value >> 31));
}

void writer_varlong(struct writer *writer, int64_t value)
{
    writer_leb128_long(writer, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void writer_bytes(struct writer *writer, struct bytes bytes)
{
    assert(bytes.data != NULL || bytes.size == 0);
    uint8_t *to = bytes.size == 0 ? NULL : writer_claim(writer, bytes.size);
    if (to != NULL)
        memcpy(to, bytes.data, bytes.size);
}

/* Large payloads are noted and not copied; the pieces are put in order when the result is asked
 * for. */
static void add_reference(struct writer *writer, struct bytes bytes)
{
    if (writer->status != STATUS_OK || bytes.size == 0)
        return;
    if (writer->reference_count == writer->reference_capacity) {
        uint32_t capacity = writer->reference_capacity == 0 ? 8 : writer->reference_capacity * 2;
        struct writer_reference *grown =
            arena_allocate_array(writer->arena, capacity, sizeof *grown);
        if (grown == NULL) {
            writer->status = STATUS_NO_MEMORY;
            return;
        }
        if (writer->reference_count > 0)
            memcpy(grown, writer->references, writer->reference_count * sizeof *grown);
        writer->references = grown;
        writer->reference_capacity = capacity;
    }
    writer->references[writer->reference_count++] =
        (struct writer_reference){.position = writer->size, .bytes = bytes};
    writer->referenced_bytes += bytes.size;
}

void writer_reference(struct writer *writer, struct bytes bytes)
{
    assert(bytes.data != NULL || bytes.size == 0);
    add_reference(writer, bytes);
}

void writer_gap(struct writer *writer, size_t size)
{
    add_reference(writer, (struct bytes){NULL, size});
}

void writer_patch_i32(struct writer *writer, size_t position, int32_t value)
{
    if (writer->status != STATUS_OK)
        return;
    assert(position + 4 <= writer->size);
    store_u32_be(writer->data + position, (uint32_t)value);
}

struct bytes writer_result(const struct writer *writer)
{
    assert(writer->reference_count == 0);
    return bytes_of(writer->data, writer->size);
}

/* At most one run of own bytes before each reference and one after the last. */
bool writer_pieces(const struct writer *writer, struct bytes **pieces, uint32_t *piece_count)
{
    assert(pieces != NULL);
    assert(piece_count != NULL);
    assert(writer->status == STATUS_OK);
    size_t count_max = 2 * (size_t)writer->reference_count + 1;
    struct bytes *result = arena_allocate_array(writer->arena, count_max, sizeof *result);
    if (result == NULL)
        return false;
    uint32_t count = 0;
    size_t done = 0;
    for (uint32_t i = 0; i < writer->reference_count; i++) {
        const struct writer_reference *reference = &writer->references[i];
        assert(reference->position >= done);
        if (reference->position > done)
            result[count++] = bytes_of(writer->data + done, reference->position - done);
        result[count++] = reference->bytes;
        done = reference->position;
    }
    if (writer->size > done)
        result[count++] = bytes_of(writer->data + done, writer->size - done);
    assert(count <= count_max);
    *pieces = result;
    *piece_count = count;
    return true;
}
