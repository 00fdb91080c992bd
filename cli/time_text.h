/* Moments as people write them: milliseconds or seconds since 1970 (13 or 10 digits), a date
 * (2026-11-22), RFC 3339 (2026-11-22T06:40:00Z, with a fraction and an offset if wanted), a time
 * span before now (-1h30m), or `now`. */
#ifndef TAILRACE_CLI_TIME_TEXT_H
#define TAILRACE_CLI_TIME_TEXT_H

#include "base/bytes.h"

/* False, leaving `time_ms` alone, if it is none of them. */
bool time_text_parse(struct bytes text, int64_t now_ms, int64_t *time_ms);

/* The wall clock, in milliseconds since 1970. */
int64_t time_now_ms(void);

/* A clock that nobody sets, for distances. */
int64_t time_steady_ms(void);

#endif
