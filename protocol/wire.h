/* The shapes of Kafka's wire that lie between numbers and messages: strings, bytes, records,
 * arrays, nullable structs and tagged fields. The generated codecs are written in these words.
 *
 * Lengths and counts have two forms, chosen by the version of the message:
 *
 *   classic   strings: int16 length; bytes, records, arrays: int32; negative is null
 *   compact   unsigned varint of length + 1; 0 is null (flexible versions)
 *
 * A struct of a flexible version ends with its tagged fields: a count, then for each a tag, a size
 * and that many bytes, all three unsigned varints. Unknown tags are skipped. Like Kafka's own
 * classes the reader takes tags in any order, and the last of a tag that is repeated; unlike them
 * it refuses a known tag whose size is not the size of its content.
 *
 * All functions keep the sticky error of their reader or writer. */
#ifndef TAILRACE_PROTOCOL_WIRE_H
#define TAILRACE_PROTOCOL_WIRE_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Record batches as they stand in a message. Decoding gives one piece, a view into the frame, in
 * the arena (none for null or empty); encoding references the pieces without copying, so they must
 * stay until the text has been sent; one without data leaves a gap for bytes that whoever sends it
 * has elsewhere. `size` is the sum of the pieces' sizes. */
struct records_field {
    struct bytes *pieces;
    uint32_t piece_count;
    size_t size;
    bool is_null;
};

enum wire_form { WIRE_CLASSIC, WIRE_COMPACT };
enum wire_null { WIRE_NOT_NULL, WIRE_NULLABLE };

/* What an array that is empty, but not null, points at. Must not be followed. */
extern const char wire_nothing;
#define WIRE_EMPTY ((void *)(uintptr_t)&wire_nothing)

/* Kafka's limit for strings, also where the compact form could say more. */
enum { WIRE_STRING_SIZE_MAX = INT16_MAX };

/* Reading. A null where none may be, or a length beyond the type's limit, is STATUS_MALFORMED; a
 * length or count beyond what remains is STATUS_TRUNCATED. */

bool wire_read_bool(struct reader *reader);
struct bytes wire_read_string(struct reader *reader, enum wire_form form, enum wire_null null);
struct bytes wire_read_bytes(struct reader *reader, enum wire_form form, enum wire_null null);
struct records_field wire_read_records(struct reader *reader, enum wire_form form,
                                       enum wire_null null, struct arena *arena);

struct wire_array {
    enum wire_form form;
    enum wire_null null;
    uint32_t wire_size_min; /* fewest bytes that an element takes on the wire, >= 1 */
    size_t element_size;    /* in memory */
};

/* Reads an array's count and answers room for its elements, cleared; the caller reads them. The
 * count is checked against the bytes that remain before anything is allocated. NULL and count 0 for
 * null and on failure; not NULL for an empty array. */
void *wire_read_array(struct reader *reader, struct arena *arena, struct wire_array array,
                      uint32_t *count);

/* `size` bytes of the arena, cleared; NULL and STATUS_NO_MEMORY in the reader at its limit, NULL
 * also if the reader has failed before. */
void *wire_allocate(struct reader *reader, struct arena *arena, size_t size);

/* Whether a nullable struct follows; the second for one that is the content of a tag. */
bool wire_read_presence(struct reader *reader);
bool wire_read_tag_presence(struct reader *reader);

/* Walks over the tagged fields at the end of a struct. */
struct wire_tags {
    uint32_t left; /* fields that have not been reached */
    uint32_t tag;  /* of the present one */
    size_t end;    /* where its content must end */
};

struct wire_tags wire_tags_open(struct reader *reader);

/* Goes on to the next field; false at the end or on failure. The content of the present one must
 * have been read to its last byte, or skipped. */
bool wire_tags_next(struct reader *reader, struct wire_tags *tags);
void wire_tags_skip(struct reader *reader, const struct wire_tags *tags);

/* Skips all tagged fields of a struct: nearly always there are none, which is one byte of zero. */
void wire_skip_some_tags(struct reader *reader);

static inline void wire_skip_tags(struct reader *reader)
{
    if (reader->status == STATUS_OK && reader_remaining(reader) > 0 &&
        reader->data[reader->position] == 0)
        reader->position++;
    else
        wire_skip_some_tags(reader);
}

/* Writing. A null where none may be is STATUS_INVALID, a length beyond its limit
 * STATUS_TOO_LARGE. */

void wire_write_bool(struct writer *writer, bool value);
void wire_write_string(struct writer *writer, enum wire_form form, enum wire_null null,
                       struct bytes text);
void wire_write_bytes(struct writer *writer, enum wire_form form, enum wire_null null,
                      struct bytes bytes);
void wire_write_records(struct writer *writer, enum wire_form form, enum wire_null null,
                        const struct records_field *records);

/* The count of an array whose elements follow. One that may not be null is written as empty where
 * its pointer is NULL. */
void wire_write_count(struct writer *writer, enum wire_form form, enum wire_null null, bool is_null,
                      uint32_t count);

/* Whether the struct is there, where it may be missing; answers whether to write it now. */
bool wire_write_presence(struct writer *writer, enum wire_null null, bool is_present);
bool wire_write_tag_presence(struct writer *writer, enum wire_null null, bool is_present);

/* Tagged fields: begin the list, then begin and end each one in rising order of tags. Both begins
 * answer a position for the later call. No records between them. */
size_t wire_write_tags_begin(struct writer *writer);
size_t wire_write_tag_begin(struct writer *writer, size_t tags, uint32_t tag);
void wire_write_tag_end(struct writer *writer, size_t tag);

static inline void wire_write_no_tags(struct writer *writer)
{
    writer_u8(writer, 0);
}

#endif
