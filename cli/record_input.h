/* Records from a stream of bytes, in the format language of rpk.
 *
 *   %v value   %k key   %t topic   %p partition   everything else stands between the fields
 *
 * A field ends where the plain text that follows it begins, so `%k %v\n` takes "a b c" apart into
 * the key "a" and the value "b c". A last record may lack its final text. In braces behind %v and
 * %k: {hex} {base64}. Escapes as in record_format.h.
 *
 * Input is read in large pieces; a record is a view into the buffer until the next one is asked
 * for. A record larger than its limit is an error, so an endless line does not take all memory. */
#ifndef TAILRACE_CLI_RECORD_INPUT_H
#define TAILRACE_CLI_RECORD_INPUT_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>

enum {
    INPUT_FIELD_MAX = 16,
    INPUT_RECORD_SIZE_MAX = 256 << 20,
};

struct input_field {
    char letter; /* v, k, t or p */
    bool is_hex;
    bool is_base64;
    struct bytes end; /* the text behind it; never empty */
};

struct record_input {
    struct bytes start; /* text in front of the first field */
    struct input_field fields[INPUT_FIELD_MAX];
    uint32_t field_count;
    int file;
    int interrupt; /* a descriptor that becomes readable when the user wants to stop; -1: none */
    uint8_t *buffer;
    size_t buffer_capacity;
    size_t begin; /* of what was read and not yet taken */
    size_t end;
    size_t searched; /* of the current field: no end was found before here */
    bool at_end;
    bool is_interrupted;
    uint64_t record_count;
    char problem[160];
};

/* What was read; null where the format has no such field. */
struct input_record {
    struct bytes topic;
    struct bytes key;
    struct bytes value;
    int32_t partition; /* -1: not given */
};

enum input_result { INPUT_RECORD, INPUT_END, INPUT_BROKEN };

/* False with `problem` set if the format makes no sense. */
bool record_input_open(struct record_input *input, const char *format, int file, int interrupt,
                       struct arena *arena);
void record_input_close(struct record_input *input);

/* The next record. INPUT_END at the end or when interrupted; INPUT_BROKEN with `problem` set. */
enum input_result record_input_next(struct record_input *input, struct input_record *record);

/* True if the next record needs more bytes than were read: a moment to flush what was taken. */
bool record_input_must_wait(const struct record_input *input);

#endif
