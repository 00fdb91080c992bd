/* How a record is printed, in the format language of rpk.
 *
 *   %t topic   %k key        %v value       %h{...} for each header, with its own %k and %v
 *   %T         %K            %V             %H      how large, or how many headers
 *   %p partition   %o offset   %e leader epoch   %d timestamp (ms)   %i number of the record, from
 * 1
 *   %% %{ %}   the sign itself              \t \n \r \\ \xNN   as in C
 *
 * In braces behind a letter stands how it is written:
 *   bytes     {hex} {base64}
 *   numbers   {hex} {big8} {big16} {big32} {big64} {little8} ... {little64} (raw bytes)
 *   %d        {rfc3339} {strftime[%F %T]}
 *
 * Null prints as nothing and has size -1, as on the wire. */
#ifndef TAILRACE_CLI_RECORD_FORMAT_H
#define TAILRACE_CLI_RECORD_FORMAT_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdio.h>

struct record_header {
    struct bytes key;
    struct bytes value;
};

/* Borrows everything. */
struct record {
    struct bytes topic;
    struct bytes key;
    struct bytes value;
    const struct record_header *headers;
    uint32_t header_count;
    int32_t partition;
    int32_t leader_epoch; /* -1 if not known */
    int64_t offset;
    int64_t time_ms;
    int64_t index; /* from 1 */
};

struct format_part;

struct record_format {
    const struct format_part *parts;
    uint32_t part_count;
    char problem[128]; /* why it could not be parsed */
};

/* Takes `text` apart, once; what it needs comes from the arena, and `text` must stay. False with
 * `problem` set. */
bool record_format_parse(struct record_format *format, const char *text, struct arena *arena);

/* Writes one record as the format says. */
void record_format_print(const struct record_format *format, const struct record *record,
                         FILE *out);

/* Replaces \t \n \r \\ \xNN at the start of `text` by the byte they mean; answers how many
 * characters that were, 0 if it is something else. */
uint32_t format_escape(const char *text, char *byte);

#endif
