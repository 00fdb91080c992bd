/* The first story proves the simulator: a right program survives every seed, each mistake is found
 * within a few, and a seed tells the same story twice. */
#include "sim/ledger.h"
#include "sim/ledger_client.h"
#include "sim/ledger_server.h"
#include "sim/node.h"
#include "sim/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_COUNT = 40, ANSWERED_WANTED = 12 };

static const uint64_t ms_ns = 1000 * 1000;

static void test_right_program_survives(void **state)
{
    /* What was answered is there after every seed's trouble, and two runs of it are equal. */
    uint64_t last_hash = 0;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        struct story_options options = {.seed = seed};
        struct verdict verdict;
        runner_run(&ledger_story, &options, true, &verdict);
        if (verdict.outcome != OUTCOME_GOOD)
            fail_msg("seed %lu: %s", (unsigned long)seed, verdict.reason);
        assert_true(verdict.trace_hash != last_hash);
        last_hash = verdict.trace_hash;
    }
}

static void test_every_mistake_is_found(void **state)
{
    /* Each bite of the story fails within the seeds that the right program survives. */
    for (const struct story_bite *bite = ledger_story.bites; bite->name != NULL; bite++) {
        bool is_found = false;
        for (uint64_t seed = 1; seed <= SEED_COUNT && !is_found; seed++) {
            struct story_options options = {.seed = seed, .bite = bite->name};
            struct verdict verdict;
            ledger_story.run(&options, &verdict);
            is_found = verdict.outcome == OUTCOME_UNSAFE;
        }
        if (!is_found)
            fail_msg("no seed found the mistake \"%s\"", bite->name);
    }
}

static uint64_t ledger_end(struct node *server)
{
    uint64_t index = 0;
    uint64_t value;
    while (ledger_block_read(node_disk(server), index, &value)) {
        assert_int_equal(value, index + 1);
        index++;
    }
    return index;
}

/* One fault at one operation in an otherwise quiet world. Answers how many operations there were.
 */
static uint64_t run_with_fault(struct planned_fault fault)
{
    struct ledger_server_program server_program;
    struct ledger_client_program client_program;
    struct world *world = world_create(fault.nth, &(struct faults){0});
    ledger_server_program_init(&server_program, LEDGER_RIGHT);
    struct node *server = node_create(world, "server", &server_program.program, 1);
    ledger_client_program_init(&client_program, network_address(0, LEDGER_PORT));
    struct node *client = node_create(world, "client", &client_program.program, 1);
    node_plan(server, fault);
    node_restart_after(server, ms_ns);
    node_start(server, 0);
    node_start(client, 0);
    while (client_program.answered < ANSWERED_WANTED) {
        assert_true(world_now_ns(world) < 20000 * ms_ns);
        world_step(world);
    }
    node_restart_after(server, 0);
    node_kill(server, DEATH_POWER_CUT);
    world_step(world);
    assert_in_range(ledger_end(server), ANSWERED_WANTED, ANSWERED_WANTED + 1);
    uint64_t operation_count = node_file_operation_count(server);
    world_destroy(world);
    return operation_count;
}

static void test_each_operation_may_be_the_one_that_fails(void **state)
{
    /* Whichever file operation is struck, and however, the ledger goes on and loses nothing. */
    static const enum planned_effect effects[] = {PLAN_POWER_CUT, PLAN_KILL, PLAN_IO_ERROR,
                                                  PLAN_NO_SPACE, PLAN_SHORT};
    const struct planned_fault none = {PLAN_SHORT, (uint32_t)PLAN_ANY_FILE, UINT64_MAX};
    uint64_t operation_count = run_with_fault(none);
    assert_true(operation_count > 2 * ANSWERED_WANTED);
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        for (uint64_t nth = 1; nth <= operation_count; nth++)
            run_with_fault((struct planned_fault){effects[i], (uint32_t)PLAN_ANY_FILE, nth});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_program_survives),
        cmocka_unit_test(test_every_mistake_is_found),
        cmocka_unit_test(test_each_operation_may_be_the_one_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
