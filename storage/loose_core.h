/* How far acknowledgements may run ahead of the disk, in a topic that asks for it by flush.messages
 * or flush.ms. Pure: time comes with each call. An acknowledgement is given early only while
 *
 *   fewer than flush.messages records, those it is for among them, are not on disk yet, and
 *   none of them is as old as flush.ms.
 *
 * So flush.messages=1 and flush.ms=0 mean what the defaults mean here: on disk first. Ages are
 * known by marks, each of which says when the records from an offset on were appended at the
 * earliest; they stand an eighth of flush.ms apart, and an age is never taken for less than it is.
 *
 * And how long what was acknowledged early may stay in memory. Nobody waits for it, and the disk is
 * busy for about as long with a little as with a lot; so it lingers until a good piece has gathered
 * or LOOSE_LINGER_MAX_NS are over, and uses no more than a part of what the settings allow: the
 * rest is for what is appended while the disk writes, so that no acknowledgement waits for a disk
 * that was idle. */
#ifndef TAILRACE_STORAGE_LOOSE_CORE_H
#define TAILRACE_STORAGE_LOOSE_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LOOSE_MARKS_MAX = 16,
    LOOSE_LINGER_MAX_NS = 50 * 1000 * 1000,
    LOOSE_LINGER_SHARE = 4, /* a quarter of flush.messages, and of flush.ms */
};

struct loose_mark {
    int64_t offset;
    uint64_t time_ns;
};

struct loose_core {
    int64_t messages;                         /* flush.messages; INT64_MAX: any number */
    int64_t ms;                               /* flush.ms; INT64_MAX: any age */
    int64_t acknowledged_offset;              /* everything below has been acknowledged */
    struct loose_mark marks[LOOSE_MARKS_MAX]; /* rising; the oldest at `first` */
    uint32_t first;
    uint32_t count;
};

/* Whether these settings let anything be acknowledged before it is on disk. */
bool loose_core_is_wanted(int64_t messages, int64_t ms);

/* `core` is cleared, or has been in use with other settings. */
void loose_core_configure(struct loose_core *core, int64_t messages, int64_t ms);

/* Records from `offset` on are appended now. */
void loose_core_note(struct loose_core *core, int64_t offset, uint64_t now_ns);

/* What lies below this offset may be acknowledged: at least `durable_offset`, and at most
 * `end_offset`. */
int64_t loose_core_limit(struct loose_core *core, int64_t durable_offset, int64_t end_offset,
                         uint64_t now_ns);

/* May what lies behind `durable_offset` stay in memory, as far as flush.messages is concerned?
 * Never where nothing is acknowledged early. */
bool loose_core_may_linger(const struct loose_core *core, int64_t durable_offset,
                           int64_t end_offset);

/* For how long, counted from the oldest that does. */
uint64_t loose_core_linger_ns(const struct loose_core *core);

#endif
