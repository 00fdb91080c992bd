/* The invariant that everything rests on: a timer with a deadline after `now` is filed on the level
 * and in the slot that level_of and slot_of give for the wheel's current time. Time therefore never
 * jumps over the start of a slot that is not empty; it stops there, and the slot is filed anew. */
#include "base/timer_wheel.h"

#include "base/assert.h"

#include <stddef.h>

static_assert(TIMER_WHEEL_LEVELS * TIMER_WHEEL_DIGIT_BITS >= 64, "the levels cover every deadline");
static_assert(1 << TIMER_WHEEL_DIGIT_BITS == TIMER_WHEEL_SLOTS, "one slot for each digit");

/* Where a deadline after `now` waits. Both are derived, never stored: they change with `now`. */
static uint32_t level_of(uint64_t now, uint64_t deadline)
{
    assert(deadline > now);
    uint32_t highest_bit = 63 - (uint32_t)__builtin_clzll(deadline ^ now);
    uint32_t level = highest_bit / TIMER_WHEEL_DIGIT_BITS;
    assert(level < TIMER_WHEEL_LEVELS);
    return level;
}

static uint32_t slot_of(uint64_t deadline, uint32_t level)
{
    assert(level < TIMER_WHEEL_LEVELS);
    return deadline >> (level * TIMER_WHEEL_DIGIT_BITS) & (TIMER_WHEEL_SLOTS - 1);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now)
{
    assert(wheel != NULL);
    wheel->now = now;
    wheel->count = 0;
    list_init(&wheel->overdue);
    for (uint32_t level = 0; level < TIMER_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (uint32_t slot = 0; slot < TIMER_WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
}

void timer_init(struct timer *timer, void (*fired)(struct timer *timer))
{
    assert(fired != NULL);
    list_node_init(&timer->node);
    timer->deadline = 0;
    timer->fired = fired;
}

/* Files the timer where its deadline belongs at the wheel's time. */
static void wheel_file(struct timer_wheel *wheel, struct timer *timer)
{
    assert(!list_node_is_linked(&timer->node));
    if (timer->deadline <= wheel->now) {
        list_push_back(&wheel->overdue, &timer->node);
        return;
    }
    uint32_t level = level_of(wheel->now, timer->deadline);
    uint32_t slot = slot_of(timer->deadline, level);
    assert((wheel->occupied[level] >> slot & 1) == !list_is_empty(&wheel->slots[level][slot]));
    list_push_back(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= 1ull << slot;
}

void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline)
{
    assert(timer->fired != NULL);
    assert(timer->node.next != NULL);
    assert(!timer_is_running(timer));
    timer->deadline = deadline;
    wheel_file(wheel, timer);
    wheel->count++;
}

/* A slot that becomes empty loses its bit, or time would stop at it for nothing. */
void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    assert(timer->node.next != NULL);
    if (!timer_is_running(timer))
        return;
    assert(wheel->count > 0);
    list_remove(&timer->node);
    wheel->count--;
    if (timer->deadline <= wheel->now)
        return;
    uint32_t level = level_of(wheel->now, timer->deadline);
    uint32_t slot = slot_of(timer->deadline, level);
    if (list_is_empty(&wheel->slots[level][slot]))
        wheel->occupied[level] &= ~(1ull << slot);
}

/* The first slot that is not empty; false when all are. `start` is the first tick that it covers.
 */
static bool wheel_first_slot(const struct timer_wheel *wheel, uint32_t *level, uint32_t *slot,
                             uint64_t *start)
{
    for (uint32_t i = 0; i < TIMER_WHEEL_LEVELS; i++) {
        if (wheel->occupied[i] == 0)
            continue;
        uint32_t shift = i * TIMER_WHEEL_DIGIT_BITS;
        uint64_t above = i == TIMER_WHEEL_LEVELS - 1
                             ? 0
                             : wheel->now >> (shift + TIMER_WHEEL_DIGIT_BITS)
                                                 << TIMER_WHEEL_DIGIT_BITS;
        *level = i;
        *slot = (uint32_t)__builtin_ctzll(wheel->occupied[i]);
        *start = (above | *slot) << shift;
        assert(*start > wheel->now);
        return true;
    }
    return false;
}

/* Takes the next slot that starts by `now`: time moves to its start, what is due then becomes
 * overdue, and the rest moves to lower levels. False when there is none. */
static bool wheel_turn(struct timer_wheel *wheel, uint64_t now)
{
    uint32_t level;
    uint32_t slot;
    uint64_t start;
    if (!wheel_first_slot(wheel, &level, &slot, &start) || start > now)
        return false;
    struct list moving;
    list_init(&moving);
    list_append(&moving, &wheel->slots[level][slot]);
    assert(!list_is_empty(&moving));
    wheel->occupied[level] &= ~(1ull << slot);
    wheel->now = start;
    struct list_node *node;
    while ((node = list_pop_front(&moving)) != NULL)
        wheel_file(wheel, container_of(node, struct timer, node));
    return true;
}

uint32_t timer_wheel_advance(struct timer_wheel *wheel, uint64_t now)
{
    assert(now >= wheel->now);
    while (wheel_turn(wheel, now)) {
    }
    assert(wheel->now <= now);
    wheel->now = now;

    struct list due;
    list_init(&due);
    list_append(&due, &wheel->overdue);
    uint32_t fired_count = 0;
    struct list_node *node;
    while ((node = list_pop_front(&due)) != NULL) {
        struct timer *timer = container_of(node, struct timer, node);
        assert(wheel->count > 0);
        wheel->count--;
        fired_count++;
        timer->fired(timer);
    }
    return fired_count;
}

/* The start of a slot and not the deadline in it: waking a little early only files its timers anew.
 */
bool timer_wheel_next(const struct timer_wheel *wheel, uint64_t *tick)
{
    assert(tick != NULL);
    if (!list_is_empty(&wheel->overdue)) {
        *tick = wheel->now;
        return true;
    }
    uint32_t level;
    uint32_t slot;
    return wheel_first_slot(wheel, &level, &slot, tick);
}
