/* Text from people and clients: trimming, cutting, parsing numbers, sizes and durations, and the
 * other way round. Everything works on borrowed bytes and depends on no locale. Parsers answer
 * STATUS_INVALID for what is not of the form, STATUS_OUT_OF_RANGE for what is but does not fit, and
 * leave `value` alone in both cases. */
#ifndef TAILRACE_BASE_TEXT_H
#define TAILRACE_BASE_TEXT_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without the spaces, tabs and line ends at both ends. */
struct bytes text_trim(struct bytes text);

/* Takes the part before the next `separator` off the front of `rest`, trimmed; false when nothing
 * is left. "a, ,b" has three items, the second empty; "" has none. */
bool text_next_item(struct bytes *rest, char separator, struct bytes *item);

/* Equal but for the case of ASCII letters, as Kafka compares booleans and security protocols. */
bool text_equal_ignoring_case(struct bytes text, const char *other);

/* A decimal number, with - if negative. */
enum status text_parse_i64(struct bytes text, int64_t min, int64_t max, int64_t *value);

/* A decimal fraction such as 0.5 or 1e-3; never infinite, never not-a-number. */
enum status text_parse_f64(struct bytes text, double min, double max, double *value);

/* true or false, in any case. */
enum status text_parse_bool(struct bytes text, bool *value);

/* Bytes: a plain number, or one with B, KiB, MiB, GiB or TiB. Never negative. */
enum status text_parse_size(struct bytes text, int64_t *value);

/* Milliseconds: a plain number, or parts with d, h, m, s or ms, such as 1h30m. Never negative. */
enum status text_parse_duration_ms(struct bytes text, int64_t *value);

/* Room for any result of the three below, with its final zero. */
enum { TEXT_FORMAT_SIZE = 32 };

/* The largest unit that leaves no remainder: 64KiB, 1500B. `value` >= 0. */
void text_format_size(int64_t value, char text[static TEXT_FORMAT_SIZE]);

/* Parts without zeros: 1h30m, 250ms, 0ms. `value` >= 0. */
void text_format_duration_ms(int64_t value, char text[static TEXT_FORMAT_SIZE]);

/* RFC 3339 in UTC with milliseconds: 2026-11-22T06:40:00.123Z, of milliseconds since 1970. Times
 * outside the years 1 to 9999 give the nearest one inside. */
void text_format_time_ms(int64_t time_ms, char text[static TEXT_FORMAT_SIZE]);

/* What a hexadecimal digit stands for, in either case; -1: it is none. */
int text_hex_digit(uint8_t digit);

/* The size in bytes of the UTF-8 character at the start of `text`, and its code point; 0 if there
 * is none, or an over-long, surrogate or impossible one. */
size_t text_utf8_character(struct bytes text, uint32_t *code_point);

#endif
