/* Timers by the hundred thousand: starting and cancelling cost the same however many there are.
 *
 * A hierarchical wheel (Varghese and Lauck 1987). Time is a number of ticks; what a tick is, the
 * caller decides (nanoseconds in the reactor). The 64 bits of a deadline are read as 11 digits of
 * 6 bits, and a timer waits on the level of the highest digit in which its deadline differs from
 * the wheel's time, in the slot which that digit names:
 *
 *   level 0   64 slots of 1 tick         the deadline agrees with `now` in all digits but the last
 *   level 1   64 slots of 64 ticks       ... in all but the last two
 *   level 2   64 slots of 4,096 ticks
 *   ...
 *
 * So everything on a lower level is due before anything on a higher one, and a bit per slot finds
 * the next. When time reaches a slot of a higher level, its timers move down; each timer moves at
 * most ten times. The wheel has no clock: time is what timer_wheel_advance is told.
 *
 * Belongs to one core. Nothing here allocates or fails. */
#ifndef TAILRACE_BASE_TIMER_WHEEL_H
#define TAILRACE_BASE_TIMER_WHEEL_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct timer {
    struct list_node node;
    uint64_t deadline; /* ticks; of use to others only while the timer runs */
    void (*fired)(struct timer *timer);
};

enum { TIMER_WHEEL_DIGIT_BITS = 6, TIMER_WHEEL_SLOTS = 64, TIMER_WHEEL_LEVELS = 11 };

struct timer_wheel {
    uint64_t now;
    uint32_t count;                        /* timers that run */
    uint64_t occupied[TIMER_WHEEL_LEVELS]; /* bit n: slot n of the level is not empty */
    struct list overdue;                   /* started with a deadline that had passed already */
    struct list slots[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS];
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now);

/* A timer that does not run; `fired` is called once for each start that is not cancelled. */
void timer_init(struct timer *timer, void (*fired)(struct timer *timer));

static inline bool timer_is_running(const struct timer *timer)
{
    return list_node_is_linked(&timer->node);
}

/* The timer must not run. A deadline that is not after the wheel's time fires at the next advance,
 * never inside this call. */
void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline);

/* Does nothing to a timer that does not run. */
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);

/* Moves time to `now` (never back) and fires what is due: first what was overdue when it was
 * started, then by deadline, equal ones in the order of their starts. A timer does not run any more
 * when its `fired` is called, which may start and cancel any timer; what it starts is not fired by
 * this call. Answers how many fired. */
uint32_t timer_wheel_advance(struct timer_wheel *wheel, uint64_t now);

/* The tick at which to advance next; false when no timer runs. It is never later than the earliest
 * deadline. It may be earlier, when timers have to move down first. */
bool timer_wheel_next(const struct timer_wheel *wheel, uint64_t *tick);

#endif
