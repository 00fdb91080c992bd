#include "base/completion.h"

#include "tests/base/check.h"

/* Notes the order of landings, and asks again once if told to. */
struct asker {
    struct completion completion;
    struct ready_queue *queue;
    int order;
    int32_t result;
    int *landed_count;
    bool asks_again;
};

static void asker_landed(struct completion *completion, int32_t result)
{
    struct asker *asker = container_of(completion, struct asker, completion);
    asker->order = ++*asker->landed_count;
    asker->result = result;
    if (asker->asks_again) {
        asker->asks_again = false;
        ready_queue_push(asker->queue, completion, result + 1);
    }
}

/* Completions land in order, from the queue alone, and what is pushed meanwhile waits a turn. */
static void test_turns(void **state)
{
    struct ready_queue queue;
    struct asker askers[3];
    int landed_count = 0;
    ready_queue_init(&queue);
    for (int i = 0; i < 3; i++) {
        askers[i] = (struct asker){.queue = &queue, .landed_count = &landed_count};
        completion_init(&askers[i].completion, asker_landed);
        ready_queue_push(&queue, &askers[i].completion, 10 * i);
    }
    askers[0].asks_again = true;
    assert_int_equal(landed_count, 0);

    assert_int_equal(ready_queue_run(&queue), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(askers[i].order, i + 1);
        assert_int_equal(askers[i].result, 10 * i);
    }
    assert_false(ready_queue_is_empty(&queue));
    assert_int_equal(ready_queue_run(&queue), 1);
    assert_int_equal(askers[0].order, 4);
    assert_int_equal(askers[0].result, 1);
    assert_true(ready_queue_is_empty(&queue));
    assert_int_equal(ready_queue_run(&queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
