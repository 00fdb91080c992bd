/* Where consuming starts and ends, as `topic consume -o` takes it.
 *
 *   start  end  N  +N (after the start)  -N (before the end)     a point: from there on, for ever
 *   FROM:TO                                                       up to TO, which is left out
 *   :TO                                                           from the start
 *   @T  @T1:T2                                                    the first records at or after
 * these times
 *
 * `end` as TO is where the log ends when consuming starts. */
#ifndef TAILRACE_CLI_CONSUME_RANGE_H
#define TAILRACE_CLI_CONSUME_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum point_kind { POINT_START, POINT_END, POINT_OFFSET, POINT_TIME };

struct range_point {
    enum point_kind kind;
    int64_t number; /* an offset, milliseconds, or what to add to the start or the end */
};

struct consume_range {
    struct range_point from;
    struct range_point to;
    bool has_end;
};

/* False if the text is none of the above. */
bool consume_range_parse(struct consume_range *range, const char *text, int64_t now_ms);

#endif
