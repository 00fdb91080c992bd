/* The broker's story bites: each deliberate mistake is found within the seeds that the right broker
 * survives, by a broken promise and not by a crash. */
#include "sim/broker_story.h"
#include "sim/runner.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SEED_COUNT = 200 };

/* In a process of its own, as a broker with a mistake may also trip over an assertion. */
static enum outcome outcome_of(uint64_t seed, const char *bite)
{
    struct verdict verdict;
    struct runner runner = {.story = &broker_story, .options = {.seed = seed, .bite = bite}};
    assert_true(runner_start(&runner));
    runner_wait(&runner, 1, &verdict);
    return verdict.outcome;
}

static void assert_found(const char *bite)
{
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++)
        if (outcome_of(seed, bite) == OUTCOME_UNSAFE)
            return;
    fail_msg("no seed found the mistake \"%s\"", bite);
}

static void test_missing_sync_is_found(void **state)
{
    /* A broker that syncs nothing loses what it acknowledged. */
    assert_found("no-sync");
}

static void test_early_acknowledgement_is_found(void **state)
{
    /* A broker that acknowledges before its commit loses what it acknowledged. */
    assert_found("early-ack");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_sync_is_found),
        cmocka_unit_test(test_early_acknowledgement_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
