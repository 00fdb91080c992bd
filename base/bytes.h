/* Bytes: views, a reader that cannot run over its end, and a writer into an arena.
 *
 * Both reader and writer keep a sticky error: after the first failure every further call does
 * nothing and reads answer zero, so a decoder reads all its fields in a row and asks once at the
 * end. Numbers are big-endian, as on Kafka's wire, unless the name says `_le`. */
#ifndef TAILRACE_BASE_BYTES_H
#define TAILRACE_BASE_BYTES_H

#include "base/arena.h"
#include "base/assert.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes. `data` is NULL for "no value" (Kafka's null), which is different from empty. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

/* The characters of a C string without the final zero. */
static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_are_null(struct bytes bytes)
{
    return bytes.data == NULL;
}

/* Equal content; null equals only null. */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return (a.data == NULL) == (b.data == NULL) && a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
    return a.data != NULL && bytes_equal(a, bytes_of_text(text));
}

/* <0, 0, >0 in the order of the bytes; what another begins with comes before it, null is empty. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* A 128-bit identifier (Kafka's uuid): topic ids, cluster ids, directory ids. All zero is "none".
 */
struct uuid {
    uint8_t bytes[16];
};

#define UUID_NONE ((struct uuid){{0}})

static inline bool uuid_is_zero(struct uuid uuid)
{
    static const struct uuid zero;
    return memcmp(&uuid, &zero, sizeof zero) == 0;
}

static inline bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Kafka's text form, 22 characters of URL-safe base64 without padding, and a final zero. */
enum { UUID_TEXT_SIZE = 23 };
void uuid_format(struct uuid uuid, char text[static UUID_TEXT_SIZE]);
bool uuid_parse(struct bytes text, struct uuid *uuid);

/* Unaligned fields of stored formats. */
static inline uint32_t load_u32_be(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t load_u64_be(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap64(value);
}

static inline uint16_t load_u16_be(const void *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap16(value);
}

static inline void store_u16_be(void *to, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(to, &value, sizeof value);
}

static inline void store_u32_be(void *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

static inline void store_u64_be(void *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, sizeof value);
}

struct reader {
    const uint8_t *data;
    size_t size;
    size_t position;    /* <= size */
    enum status status; /* STATUS_OK until the first failure, then that failure for good */
};

void reader_init(struct reader *reader, struct bytes bytes);

/* Records a failure found by the caller; the first one stays. */
void reader_fail(struct reader *reader, enum status status);

static inline size_t reader_remaining(const struct reader *reader)
{
    return reader->size - reader->position;
}

/* The address of the next `size` bytes, or NULL and a failed reader. What reads goes through here,
 * and is part of whoever reads: a message of a few fields would be as many calls. */
static inline const uint8_t *reader_take(struct reader *reader, size_t size)
{
    assert(reader->position <= reader->size);
    if (reader->status != STATUS_OK)
        return NULL;
    if (size > reader_remaining(reader)) {
        reader->status = STATUS_TRUNCATED;
        return NULL;
    }
    const uint8_t *from = reader->data + reader->position;
    reader->position += size;
    return from;
}

static inline uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *from = reader_take(reader, 1);
    return from == NULL ? 0 : *from;
}

static inline int8_t reader_i8(struct reader *reader)
{
    return (int8_t)reader_u8(reader);
}

static inline uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *from = reader_take(reader, 2);
    return from == NULL ? 0 : load_u16_be(from);
}

static inline int16_t reader_i16(struct reader *reader)
{
    return (int16_t)reader_u16(reader);
}

static inline uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *from = reader_take(reader, 4);
    return from == NULL ? 0 : load_u32_be(from);
}

static inline int32_t reader_i32(struct reader *reader)
{
    return (int32_t)reader_u32(reader);
}

static inline uint64_t reader_u64(struct reader *reader)
{
    const uint8_t *from = reader_take(reader, 8);
    return from == NULL ? 0 : load_u64_be(from);
}

static inline int64_t reader_i64(struct reader *reader)
{
    return (int64_t)reader_u64(reader);
}

double reader_f64(struct reader *reader);

static inline struct uuid reader_uuid(struct reader *reader)
{
    struct uuid uuid = {0};
    const uint8_t *from = reader_take(reader, sizeof uuid.bytes);
    if (from != NULL)
        memcpy(uuid.bytes, from, sizeof uuid.bytes);
    return uuid;
}

/* A view of the next `size` bytes; null view and a failed reader when fewer remain. A view of zero
 * bytes is not null. */
static inline struct bytes reader_bytes(struct reader *reader, size_t size)
{
    const uint8_t *from = reader_take(reader, size);
    return from == NULL ? (struct bytes){0} : bytes_of(from, size);
}

static inline void reader_skip(struct reader *reader, size_t size)
{
    reader_take(reader, size);
}

/* LEB128. More than 5 (u32, i32) or 10 (i64) bytes, or bits beyond the type, are malformed. The
 * signed forms are zigzag. */
static inline uint32_t reader_uvarint(struct reader *reader);
static inline int32_t reader_varint(struct reader *reader);
static inline int64_t reader_varlong(struct reader *reader);

/* The part of the three above that numbers of one and two bytes, nearly all there are, go round. */
uint64_t reader_leb128_long(struct reader *reader, uint32_t bits_max);

static inline uint64_t reader_leb128(struct reader *reader, uint32_t bits_max)
{
    if (reader->status == STATUS_OK && reader_remaining(reader) >= 2) {
        const uint8_t *from = reader->data + reader->position;
        if (from[0] < 0x80) {
            reader->position += 1;
            return from[0];
        }
        if (from[1] < 0x80) {
            reader->position += 2;
            return (from[0] & 0x7fu) | (uint32_t)from[1] << 7;
        }
    }
    return reader_leb128_long(reader, bits_max);
}

static inline uint32_t reader_uvarint(struct reader *reader)
{
    return (uint32_t)reader_leb128(reader, 32);
}

static inline int32_t reader_varint(struct reader *reader)
{
    uint32_t raw = reader_uvarint(reader);
    return (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1);
}

static inline int64_t reader_varlong(struct reader *reader)
{
    uint64_t raw = reader_leb128(reader, 64);
    return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

/* Bytes taken into a response without copying: they stand at `position` of the final text. */
struct writer_reference {
    size_t position; /* in the writer's own bytes, before which the reference stands */
    struct bytes bytes;
};

/* Writes into memory of an arena, growing by doubling. What is large and already lies somewhere is
 * referenced, not copied; writer_total_size counts it, writer_pieces lays it all out. */
struct writer {
    struct arena *arena;
    uint8_t *data;
    size_t size;
    size_t capacity;
    struct writer_reference *references;
    uint32_t reference_count;
    uint32_t reference_capacity;
    size_t referenced_bytes;
    enum status status; /* STATUS_NO_MEMORY when the arena's limit was reached */
};

void writer_init(struct writer *writer, struct arena *arena);
void writer_fail(struct writer *writer, enum status status);

/* Makes room for `size` more bytes, of which there are fewer left; false and a failed writer
 * without memory. */
bool writer_grow(struct writer *writer, size_t size);

/* Room for `size` more bytes, or NULL and a failed writer. */
static inline uint8_t *writer_claim(struct writer *writer, size_t size)
{
    assert(writer->size <= writer->capacity);
    if (writer->status != STATUS_OK)
        return NULL;
    if (size > writer->capacity - writer->size && !writer_grow(writer, size))
        return NULL;
    uint8_t *to = writer->data + writer->size;
    writer->size += size;
    return to;
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
    uint8_t *to = writer_claim(writer, 1);
    if (to != NULL)
        *to = value;
}

static inline void writer_i8(struct writer *writer, int8_t value)
{
    writer_u8(writer, (uint8_t)value);
}

static inline void writer_u16(struct writer *writer, uint16_t value)
{
    uint8_t *to = writer_claim(writer, 2);
    if (to != NULL)
        store_u16_be(to, value);
}

static inline void writer_i16(struct writer *writer, int16_t value)
{
    writer_u16(writer, (uint16_t)value);
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
    uint8_t *to = writer_claim(writer, 4);
    if (to != NULL)
        store_u32_be(to, value);
}

static inline void writer_i32(struct writer *writer, int32_t value)
{
    writer_u32(writer, (uint32_t)value);
}

static inline void writer_u64(struct writer *writer, uint64_t value)
{
    uint8_t *to = writer_claim(writer, 8);
    if (to != NULL)
        store_u64_be(to, value);
}

static inline void writer_i64(struct writer *writer, int64_t value)
{
    writer_u64(writer, (uint64_t)value);
}

void writer_f64(struct writer *writer, double value);
void writer_uuid(struct writer *writer, struct uuid value);

/* LEB128 of any length; nearly all numbers take one byte and go round it. */
void writer_leb128_long(struct writer *writer, uint64_t value);

static inline void writer_uvarint(struct writer *writer, uint32_t value)
{
    if (value < 0x80)
        writer_u8(writer, (uint8_t)value);
    else
        writer_leb128_long(writer, value);
}

void writer_varint(struct writer *writer, int32_t value);
void writer_varlong(struct writer *writer, int64_t value);
void writer_bytes(struct writer *writer, struct bytes bytes);

/* The bytes must stay where they are until the text has been sent. */
void writer_reference(struct writer *writer, struct bytes bytes);

/* So many bytes that lie elsewhere, where whoever sends the pieces knows: a piece without data. */
void writer_gap(struct writer *writer, size_t size);

/* Overwrites four bytes written before at `position` (a length that is known only now). */
void writer_patch_i32(struct writer *writer, size_t position, int32_t value);

/* Own and referenced bytes together. */
static inline size_t writer_total_size(const struct writer *writer)
{
    return writer->size + writer->referenced_bytes;
}

/* Own bytes only; asserts that nothing is referenced. */
struct bytes writer_result(const struct writer *writer);

/* The whole text as pieces in order, allocated in the writer's arena; false when the arena's limit
 * was reached. */
bool writer_pieces(const struct writer *writer, struct bytes **pieces, uint32_t *piece_count);

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "stored formats are little-endian structs; a big-endian port must swap them");

#endif
