/* The broker's story gets to what it is to judge: in some of its seeds memory is so small that
 * blocks go and are wanted again, and their bytes come to consumers from files. */
#include "sim/broker_story.h"
#include "sim/runner.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SEED_COUNT = 16 };

static void test_some_seeds_send_from_files(void **state)
{
    uint64_t range_bytes = 0;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        struct verdict verdict;
        struct runner runner = {.story = &broker_story, .options = {.seed = seed}};
        assert_true(runner_start(&runner));
        runner_wait(&runner, 1, &verdict);
        assert_int_equal(verdict.outcome, OUTCOME_GOOD);
        range_bytes += verdict.range_bytes;
    }
    assert_true(range_bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_some_seeds_send_from_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
