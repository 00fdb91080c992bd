/* The part of a fetch that is done on one core.
 *
 *   READ  walks over its partitions in the order of the request and reads what is there, several
 *         at a time but never more than the fetch may still return
 *   WATCH waits until the high watermark of any of them moves; partitions of a session have
 *         watchers for that, which a leg arms before it reads
 *
 * A leg travels as mail: fetch_leg_read and fetch_leg_watch send it, and `landed` is called when it
 * is back home. A watch that is not needed any more is called back by fetch_leg_recall: then both
 * the leg and the recall land. */
#ifndef TAILRACE_BROKER_FETCH_LEG_H
#define TAILRACE_BROKER_FETCH_LEG_H

#include "base/op.h"
#include "broker/fetch.h"

struct fetch_leg {
    struct op op; /* on the core where it works */
    struct completion mail;
    struct completion recall_mail;
    struct broker_core *home;
    struct broker_core *core;
    struct op *parent; /* the fetch */
    void (*landed)(struct fetch_leg *leg);
    void (*recalled)(struct fetch_leg *leg);

    struct fetch_partition *first; /* a chain in the order of the request; NULL: no work here */
    struct fetch_partition *last;
    int64_t size_bytes_max; /* of all reads together */
    bool read_committed;
    bool takes_files; /* the connection can send from files */

    struct fetch_partition *next; /* to read */
    int64_t size_bytes;           /* read so far */
    int64_t asked_bytes;          /* most that the reads under way may yield */
    bool is_watching;
};

void fetch_leg_read(struct fetch_leg *leg);
void fetch_leg_watch(struct fetch_leg *leg);
void fetch_leg_recall(struct fetch_leg *leg);

#endif
