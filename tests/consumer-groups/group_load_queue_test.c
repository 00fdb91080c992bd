/* A few shards load at once, and those who are asked for do so before the rest. */
#include "consumer-groups/group_load_queue.h"

#include "tests/consumer-groups/check.h"

enum { COUNT = GROUP_LOADS_AT_ONCE + 4, FIRST_WAITING = GROUP_LOADS_AT_ONCE };

struct fixture {
    struct group_load_queue queue;
    struct shard {
        struct group_load_place place;
        struct fixture *fixture;
    } shards[COUNT];
    uint32_t called[COUNT]; /* in their order */
    uint32_t called_count;
};

static void called(struct group_load_place *place)
{
    struct shard *shard = container_of(place, struct shard, place);
    struct fixture *fixture = shard->fixture;
    fixture->called[fixture->called_count++] = (uint32_t)(shard - fixture->shards);
}

/* All have come, and as many as may are in. */
static void fill(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    group_load_queue_init(&fixture->queue);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture->shards[i].fixture = fixture;
        group_load_place_init(&fixture->shards[i].place, called);
        assert_int_equal(group_load_queue_enter(&fixture->queue, &fixture->shards[i].place),
                         i < FIRST_WAITING);
    }
}

/* As many as may are let in at once; the others follow in the order in which they came. */
static void test_they_take_turns(void **state)
{
    struct fixture fixture;
    fill(&fixture);
    for (uint32_t i = FIRST_WAITING; i < COUNT; i++) {
        assert_int_equal(fixture.called_count, i - FIRST_WAITING);
        group_load_queue_next(&fixture.queue);
        assert_int_equal(fixture.called[i - FIRST_WAITING], i);
        assert_int_equal(fixture.queue.running, GROUP_LOADS_AT_ONCE);
    }
    for (uint32_t i = 0; i < GROUP_LOADS_AT_ONCE; i++)
        group_load_queue_next(&fixture.queue);
    assert_int_equal(fixture.queue.running, 0);
    assert_int_equal(fixture.called_count, COUNT - FIRST_WAITING);
}

/* Whoever is asked for goes first; to ask for one that does not wait changes nothing. */
static void test_the_wanted_goes_first(void **state)
{
    struct fixture fixture;
    fill(&fixture);
    group_load_queue_hurry(&fixture.queue, &fixture.shards[FIRST_WAITING + 2].place);
    group_load_queue_hurry(&fixture.queue, &fixture.shards[0].place);
    group_load_queue_next(&fixture.queue);
    group_load_queue_next(&fixture.queue);
    assert_int_equal(fixture.called[0], FIRST_WAITING + 2);
    assert_int_equal(fixture.called[1], FIRST_WAITING);
}

/* Who leaves is not called, and may come again; who comes twice waits once. */
static void test_who_leaves_is_not_called(void **state)
{
    struct fixture fixture;
    fill(&fixture);
    group_load_queue_leave(&fixture.shards[FIRST_WAITING].place);
    group_load_queue_leave(&fixture.shards[0].place);
    assert_false(group_load_queue_enter(&fixture.queue, &fixture.shards[FIRST_WAITING + 1].place));
    assert_false(group_load_queue_enter(&fixture.queue, &fixture.shards[FIRST_WAITING].place));
    for (uint32_t i = FIRST_WAITING; i < COUNT; i++)
        group_load_queue_next(&fixture.queue);
    assert_int_equal(fixture.called_count, COUNT - FIRST_WAITING);
    assert_int_equal(fixture.called[0], FIRST_WAITING + 1);
    assert_int_equal(fixture.called[COUNT - FIRST_WAITING - 1], FIRST_WAITING);
    assert_int_equal(fixture.queue.running, GROUP_LOADS_AT_ONCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_take_turns),
        cmocka_unit_test(test_the_wanted_goes_first),
        cmocka_unit_test(test_who_leaves_is_not_called),
    };
    return cmocka_run_group_tests_name("group_load_queue", tests, NULL, NULL);
}
