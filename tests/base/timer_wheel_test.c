#include "base/timer_wheel.h"

#include "base/prng.h"
#include "tests/base/check.h"

#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 4096 };

/* A timer that notes its firing, and then does one more thing if asked to. */
struct story;
struct probe {
    struct timer timer;
    struct story *story;
    int name;
    uint64_t again_after; /* starts itself again so many ticks later, if not 0 */
    struct probe *victim; /* cancels that one, if not NULL */
};

struct story {
    struct timer_wheel wheel;
    int fired[NOTES_MAX];
    uint64_t deadlines[NOTES_MAX];
    uint32_t fired_count;
};

static void probe_fired(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    struct story *story = probe->story;
    assert_false(timer_is_running(timer));
    assert_true(story->fired_count < NOTES_MAX);
    story->fired[story->fired_count] = probe->name;
    story->deadlines[story->fired_count++] = timer->deadline;
    if (probe->victim != NULL)
        timer_cancel(&story->wheel, &probe->victim->timer);
    if (probe->again_after != 0)
        timer_start(&story->wheel, timer, story->wheel.now + probe->again_after - 1);
}

static void begin_story(struct story *story, uint64_t now)
{
    timer_wheel_init(&story->wheel, now);
    story->fired_count = 0;
}

static void probe_init(struct probe *probe, struct story *story, int name)
{
    *probe = (struct probe){.story = story, .name = name};
    timer_init(&probe->timer, probe_fired);
}

/* Due timers fire by deadline, equal ones in the order of their starts, the others stay. */
static void test_order(void **state)
{
    static const uint64_t deadlines[] = {1100, 1001, 5000, 1001, 1064, 1099999, 1001};
    static const int expected[] = {1, 3, 6, 4, 0, 2};
    struct story story;
    struct probe probes[7];
    begin_story(&story, 1000);
    for (int i = 0; i < 7; i++) {
        probe_init(&probes[i], &story, i);
        timer_start(&story.wheel, &probes[i].timer, deadlines[i]);
    }
    assert_int_equal(timer_wheel_advance(&story.wheel, 1000), 0);
    assert_int_equal(timer_wheel_advance(&story.wheel, 6000), 6);
    assert_memory_equal(story.fired, expected, sizeof expected);
    assert_true(timer_is_running(&probes[5].timer));
    assert_int_equal(timer_wheel_advance(&story.wheel, 1099998), 0);
    assert_int_equal(timer_wheel_advance(&story.wheel, 1099999), 1);
    assert_int_equal(story.wheel.count, 0);
}

/* Of two equal deadlines the one started first fires first, even if it waited on a higher level. */
static void test_equal_deadlines_started_apart(void **state)
{
    struct story story;
    struct probe first;
    struct probe second;
    begin_story(&story, 0);
    probe_init(&first, &story, 1);
    probe_init(&second, &story, 2);
    timer_start(&story.wheel, &first.timer, 70000);
    timer_wheel_advance(&story.wheel, 69990);
    timer_start(&story.wheel, &second.timer, 70000);
    assert_int_equal(timer_wheel_advance(&story.wheel, 70000), 2);
    assert_int_equal(story.fired[0], 1);
    assert_int_equal(story.fired[1], 2);
}

/* A deadline that has passed fires at the next advance, and not inside the start. */
static void test_overdue(void **state)
{
    struct story story;
    struct probe probe;
    uint64_t tick = 0;
    begin_story(&story, 500);
    probe_init(&probe, &story, 7);
    timer_start(&story.wheel, &probe.timer, 3);
    assert_int_equal(story.fired_count, 0);
    assert_true(timer_wheel_next(&story.wheel, &tick));
    assert_int_equal(tick, 500);
    assert_int_equal(timer_wheel_advance(&story.wheel, 500), 1);
    assert_false(timer_wheel_next(&story.wheel, &tick));
}

/* A cancelled timer does not fire, and may be started again; cancelling twice does nothing. */
static void test_cancel(void **state)
{
    struct story story;
    struct probe probe;
    uint64_t tick;
    begin_story(&story, 0);
    probe_init(&probe, &story, 1);
    timer_start(&story.wheel, &probe.timer, 1u << 20);
    timer_cancel(&story.wheel, &probe.timer);
    timer_cancel(&story.wheel, &probe.timer);
    assert_int_equal(story.wheel.count, 0);
    assert_false(timer_wheel_next(&story.wheel, &tick));
    timer_start(&story.wheel, &probe.timer, 10);
    assert_int_equal(timer_wheel_advance(&story.wheel, 1u << 21), 1);
}

/* One that fires may cancel another that is due in the same advance. */
static void test_cancel_while_firing(void **state)
{
    struct story story;
    struct probe killer;
    struct probe victim;
    begin_story(&story, 0);
    probe_init(&killer, &story, 1);
    probe_init(&victim, &story, 2);
    killer.victim = &victim;
    timer_start(&story.wheel, &killer.timer, 5);
    timer_start(&story.wheel, &victim.timer, 6);
    assert_int_equal(timer_wheel_advance(&story.wheel, 100), 1);
    assert_int_equal(story.wheel.count, 0);
    assert_false(timer_is_running(&victim.timer));
}

/* One that starts itself again for now fires once per advance: an advance always ends. */
static void test_restart_while_firing(void **state)
{
    struct story story;
    struct probe probe;
    begin_story(&story, 0);
    probe_init(&probe, &story, 1);
    probe.again_after = 1;
    timer_start(&story.wheel, &probe.timer, 5);
    assert_int_equal(timer_wheel_advance(&story.wheel, 100), 1);
    assert_int_equal(timer_wheel_advance(&story.wheel, 100), 1);
    assert_int_equal(story.wheel.count, 1);
}

/* The largest deadline and the largest time are no special cases. */
static void test_end_of_time(void **state)
{
    struct story story;
    struct probe probe;
    uint64_t tick;
    begin_story(&story, 0);
    probe_init(&probe, &story, 1);
    timer_start(&story.wheel, &probe.timer, UINT64_MAX);
    assert_true(timer_wheel_next(&story.wheel, &tick));
    assert_int_equal(timer_wheel_advance(&story.wheel, UINT64_MAX - 1), 0);
    assert_true(timer_wheel_next(&story.wheel, &tick));
    assert_true(tick == UINT64_MAX);
    assert_int_equal(timer_wheel_advance(&story.wheel, UINT64_MAX), 1);
}

/* Whoever advances always to timer_wheel_next meets every deadline exactly, in few steps. */
static void test_next_never_late(void **state)
{
    struct story story;
    struct probe probe;
    begin_story(&story, 123456789);
    probe_init(&probe, &story, 1);
    timer_start(&story.wheel, &probe.timer, 123456789 + 3000000000);
    int steps = 0;
    uint64_t tick;
    while (timer_wheel_next(&story.wheel, &tick)) {
        assert_true(tick <= probe.timer.deadline);
        timer_wheel_advance(&story.wheel, tick);
        steps++;
    }
    assert_int_equal(story.fired_count, 1);
    assert_int_equal(story.wheel.now, probe.timer.deadline);
    assert_in_range(steps, 1, TIMER_WHEEL_LEVELS);
}

/* Any mixture of starts, cancels and advances fires exactly the timers that a plain search of all
 * of them finds, in order of deadline, and never misses what timer_wheel_next promised. */
static void check_random_history(uint64_t seed)
{
    enum { COUNT = 40, STEPS = 400 };
    static struct story story;
    static struct probe probes[COUNT];
    struct prng prng;
    prng_init(&prng, seed);
    begin_story(&story, prng_below(&prng, 1u << 30));
    for (int i = 0; i < COUNT; i++)
        probe_init(&probes[i], &story, i);

    for (int step = 0; step < STEPS; step++) {
        struct probe *probe = &probes[prng_below(&prng, COUNT)];
        if (timer_is_running(&probe->timer))
            timer_cancel(&story.wheel, &probe->timer);
        else
            timer_start(&story.wheel, &probe->timer,
                        story.wheel.now + prng_below(&prng, 1ull << prng_below(&prng, 40)));
        if (!prng_chance(&prng, 1, 4))
            continue;

        uint64_t now = story.wheel.now + prng_below(&prng, 1ull << prng_below(&prng, 40));
        uint64_t earliest = UINT64_MAX;
        uint32_t due_count = 0;
        for (int i = 0; i < COUNT; i++) {
            if (!timer_is_running(&probes[i].timer))
                continue;
            due_count += probes[i].timer.deadline <= now;
            if (probes[i].timer.deadline < earliest)
                earliest = probes[i].timer.deadline;
        }
        uint64_t next;
        if (timer_wheel_next(&story.wheel, &next))
            assert_true(next <= earliest || next == story.wheel.now);
        else
            assert_true(earliest == UINT64_MAX);

        uint64_t was = story.wheel.now;
        story.fired_count = 0;
        assert_int_equal(timer_wheel_advance(&story.wheel, now), due_count);
        for (uint32_t i = 1; i < story.fired_count; i++)
            assert_true(story.deadlines[i - 1] <= story.deadlines[i] || story.deadlines[i] <= was);
    }
}

static void test_random_histories(void **state)
{
    for (uint64_t seed = 1; seed <= 200; seed++)
        check_random_history(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_equal_deadlines_started_apart),
        cmocka_unit_test(test_overdue),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_while_firing),
        cmocka_unit_test(test_restart_while_firing),
        cmocka_unit_test(test_end_of_time),
        cmocka_unit_test(test_next_never_late),
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
