/* Running stories: whatever becomes of a seed, its verdict comes back. */
#include "sim/runner.h"
#include "sim/stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run_crash(const struct story_options *options, struct verdict *verdict)
{
    abort();
}

static void run_stuck(const struct story_options *options, struct verdict *verdict)
{
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD, .trace_hash = 1};
    verdict_fail(verdict, OUTCOME_STUCK, "seed %d waits", (int)options->seed);
    verdict_fail(verdict, OUTCOME_UNSAFE, "this follows from it");
}

/* State that survives from one run to the next: what no program under simulation may have. */
static void run_undetermined(const struct story_options *options, struct verdict *verdict)
{
    static uint64_t run_count;
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD, .trace_hash = run_count++};
}

static const struct story_bite no_bites[] = {{NULL, NULL}};

static struct verdict verdict_of(void (*run)(const struct story_options *, struct verdict *))
{
    const struct story story = {.name = "test", .bites = no_bites, .run = run};
    struct runner runners[2] = {{0}};
    runners[1] = (struct runner){.story = &story, .options = {.seed = 7}};
    struct verdict verdict;
    assert_true(runner_start(&runners[1]));
    assert_ptr_equal(runner_wait(runners, 2, &verdict), &runners[1]);
    assert_int_equal(runners[1].process, 0);
    return verdict;
}

static void test_crash_is_a_verdict(void **state)
{
    /* A seed that crashes its process is reported as a crash, with the signal. */
    struct verdict verdict = verdict_of(run_crash);
    assert_int_equal(verdict.outcome, OUTCOME_CRASH);
    assert_non_null(strstr(verdict.reason, "signal 6"));
}

static void test_first_failure_is_kept(void **state)
{
    /* The first failure is the verdict; what follows from it does not replace it. */
    struct verdict verdict = verdict_of(run_stuck);
    assert_int_equal(verdict.outcome, OUTCOME_STUCK);
    assert_string_equal(verdict.reason, "seed 7 waits");
}

static void test_two_different_runs_are_a_failure(void **state)
{
    /* A story whose second run differs from the first is not one that can be replayed. */
    const struct story story = {.name = "test", .bites = no_bites, .run = run_undetermined};
    struct story_options options = {.seed = 1};
    struct verdict verdict;
    runner_run(&story, &options, true, &verdict);
    assert_int_equal(verdict.outcome, OUTCOME_UNSAFE);
    assert_non_null(strstr(verdict.reason, "two runs differ"));
}

static void test_stories_are_found_by_name(void **state)
{
    /* Every story in the list is found by its name, and no other. */
    const struct story *story;
    for (size_t i = 0; (story = story_at(i)) != NULL; i++)
        assert_ptr_equal(story_find(story->name), story);
    assert_null(story_find("no such story"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_is_a_verdict),
        cmocka_unit_test(test_first_failure_is_kept),
        cmocka_unit_test(test_two_different_runs_are_a_failure),
        cmocka_unit_test(test_stories_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
