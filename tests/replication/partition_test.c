/* A partition over a real log, on a store in the simulator: who is told what, and when. */
#include "replication/partition.h"

#include "protocol/batch_build.h"
#include "storage/store.h"
#include "tests/broker/sim_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SELF = 1, OTHER = 2, MIB = 1024 * 1024 };

struct fixture {
    struct sim_harness sim;
    struct io *io;
    struct store_options options;
    struct store_states *states;
    struct store *store;
    struct store_open open;
    struct partition partition;
    struct arena arena;
    bool has_landed; /* what the fixture itself has asked for */
};

static void fixture_landed(struct completion *completion, int32_t result)
{
    struct fixture *fixture = container_of(completion, struct fixture, open.completion);
    assert_int_equal(result, STATUS_OK);
    fixture->has_landed = true;
}

static void turn_until(struct fixture *fixture, const bool *happened)
{
    fixture->sim.harness.kick(&fixture->sim.harness);
    while (!*happened)
        fixture->sim.harness.turn(&fixture->sim.harness);
}

static void open_store(struct fixture *fixture)
{
    struct store_recovery_report report;
    store_options_init(&fixture->options);
    fixture->options.directory = "/data";
    fixture->options.memory_bytes_max = 64 * MIB;
    fixture->options.cache_bytes_max = 16 * MIB;
    struct logger *logger = io_logger(fixture->io);
    assert_int_equal(
        store_recover(fixture->io, &fixture->options, logger, &report, &fixture->states),
        STATUS_OK);
    assert_int_equal(
        store_create(fixture->io, &fixture->options, fixture->states, logger, &fixture->store),
        STATUS_OK);
}

static int setup(void **state)
{
    const struct faults quiet = {0};
    struct io *client_io;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    sim_harness_init(&fixture->sim, "partition", 1, &quiet);
    fixture->sim.harness.reset(&fixture->sim.harness);
    fixture->io = fixture->sim.harness.open(&fixture->sim.harness, 1, &client_io)[0];
    arena_init(&fixture->arena, 16 * MIB);
    open_store(fixture);
    fixture->open.id = (struct log_id){.topic_id = {{7}}, .topic_name = bytes_of_text("t")};
    log_config_init(&fixture->open.config);
    fixture->open.config.segment_bytes_max = 16 * MIB;
    completion_init(&fixture->open.completion, fixture_landed);
    store_open_log(fixture->store, &fixture->open);
    turn_until(fixture, &fixture->has_landed);
    partition_init(&fixture->partition, fixture->open.id.topic_id, 0, SELF, fixture->io,
                   fixture->open.log);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->partition.log != NULL)
        partition_deinit(&fixture->partition);
    fixture->has_landed = false;
    completion_init(&fixture->open.completion, fixture_landed);
    store_stop(fixture->store, &fixture->open.completion);
    turn_until(fixture, &fixture->has_landed);
    store_destroy(fixture->store);
    store_states_destroy(fixture->states);
    fixture->sim.harness.close(&fixture->sim.harness);
    sim_harness_deinit(&fixture->sim);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

struct appending {
    struct partition_append append;
    bool has_landed;
    int32_t result;
};

static void append_landed(struct completion *completion, int32_t result)
{
    struct partition_append *append = container_of(completion, struct partition_append, completion);
    struct appending *appending = container_of(append, struct appending, append);
    appending->has_landed = true;
    appending->result = result;
}

static void append_as(struct fixture *fixture, struct appending *appending, bool wait_committed,
                      const struct batch_options *options)
{
    struct batch_builder builder;
    *appending =
        (struct appending){.append.wait_committed = wait_committed, .append.log_start_offset = -1};
    batch_builder_init(&builder, options, &fixture->arena);
    batch_builder_append_simple(&builder, 1000, (struct bytes){0}, bytes_of_text("value"));
    assert_int_equal(batch_builder_finish(&builder, &appending->append.append.batch), STATUS_OK);
    completion_init(&appending->append.completion, append_landed);
    partition_append(&fixture->partition, &appending->append);
}

static void append_one(struct fixture *fixture, struct appending *appending, bool wait_committed)
{
    append_as(fixture, appending, wait_committed, &batch_options_plain);
}

/* The batch of one producer with this sequence. */
static void append_numbered(struct fixture *fixture, struct appending *appending,
                            bool wait_committed, int32_t sequence)
{
    struct batch_options options = batch_options_plain;
    options.producer_id = 5;
    options.producer_epoch = 0;
    options.base_sequence = sequence;
    append_as(fixture, appending, wait_committed, &options);
}

struct waiting {
    struct partition_waiter waiter;
    bool was_woken;
};

static void waiter_woken(struct partition_waiter *waiter)
{
    container_of(waiter, struct waiting, waiter)->was_woken = true;
}

static void lead_alone(struct fixture *fixture)
{
    const int32_t in_sync[] = {SELF};
    partition_lead(&fixture->partition, 3, in_sync, 1);
}

/* Alone in sync, what is durable is committed: the high watermark moves, the producer is answered
 * and readers are woken, once. */
static void what_is_durable_alone_is_committed(void **state)
{
    struct fixture *fixture = *state;
    struct appending appending;
    struct waiting waiting = {.waiter.woken = waiter_woken};
    lead_alone(fixture);
    partition_wait(&fixture->partition, &waiting.waiter);
    append_one(fixture, &appending, true);
    assert_int_equal(partition_high_watermark(&fixture->partition), 0);
    assert_false(waiting.was_woken);
    turn_until(fixture, &appending.has_landed);
    assert_int_equal(appending.result, STATUS_OK);
    assert_int_equal(appending.append.append.base_offset, 0);
    assert_int_equal(partition_high_watermark(&fixture->partition), 1);
    assert_true(waiting.was_woken);
    assert_false(list_node_is_linked(&waiting.waiter.node));
}

/* With another replica in sync that has nothing yet, acks=1 is answered when the batch is durable
 * here, acks=all is not; when the other leaves the set, it is. */
static void acks_all_waits_for_the_others(void **state)
{
    struct fixture *fixture = *state;
    const int32_t both[] = {SELF, OTHER};
    struct appending all;
    struct appending leader;
    partition_lead(&fixture->partition, 3, both, 2);
    append_one(fixture, &all, true);
    append_one(fixture, &leader, false);
    turn_until(fixture, &leader.has_landed);
    assert_int_equal(leader.result, STATUS_OK);
    assert_false(all.has_landed);
    assert_int_equal(partition_high_watermark(&fixture->partition), 0);
    lead_alone(fixture);
    turn_until(fixture, &all.has_landed);
    assert_int_equal(all.result, STATUS_OK);
    assert_int_equal(partition_high_watermark(&fixture->partition), 2);
}

/* A batch that is repeated is answered when it has been committed the first time: not before,
 * though it is durable here, and not only with what was appended behind it. */
static void repeated_batch_waits_for_its_own_commit(void **state)
{
    struct fixture *fixture = *state;
    const int32_t both[] = {SELF, OTHER};
    struct appending first;
    struct appending second;
    struct appending durable;
    struct appending again;
    partition_lead(&fixture->partition, 3, both, 2);
    append_numbered(fixture, &first, true, 0);
    append_numbered(fixture, &second, true, 1);
    append_numbered(fixture, &durable, false, 1);
    turn_until(fixture, &durable.has_landed);
    append_numbered(fixture, &again, true, 0);
    append_numbered(fixture, &durable, false, 0);
    turn_until(fixture, &durable.has_landed);
    assert_true(again.append.append.is_duplicate);
    assert_false(again.has_landed);
    replica_core_log_end(&fixture->partition.core, OTHER, 1);
    partition_lead(&fixture->partition, 3, both, 2);
    turn_until(fixture, &again.has_landed);
    assert_int_equal(again.result, STATUS_OK);
    assert_int_equal(again.append.append.base_offset, 0);
    assert_false(second.has_landed);
    lead_alone(fixture);
    turn_until(fixture, &second.has_landed);
}

/* When the partition goes, those who wait for the commit are told so, and readers are woken to look
 * for themselves. */
static void the_end_lets_everybody_go(void **state)
{
    struct fixture *fixture = *state;
    const int32_t both[] = {SELF, OTHER};
    struct appending all;
    struct appending leader;
    struct waiting waiting = {.waiter.woken = waiter_woken};
    partition_lead(&fixture->partition, 3, both, 2);
    append_one(fixture, &all, true);
    append_one(fixture, &leader, false);
    turn_until(fixture, &leader.has_landed);
    partition_wait(&fixture->partition, &waiting.waiter);
    partition_deinit(&fixture->partition);
    assert_true(waiting.was_woken);
    turn_until(fixture, &all.has_landed);
    assert_int_equal(all.result, STATUS_CANCELLED);
}

/* A batch that is with the disk when the partition goes is answered when it is durable; what the
 * answer tells of the log is known by then, for the log is not there to be asked. */
static void a_batch_with_the_disk_outlives_the_partition(void **state)
{
    struct fixture *fixture = *state;
    struct appending leader;
    lead_alone(fixture);
    append_one(fixture, &leader, false);
    assert_int_equal(leader.append.log_start_offset, 0);
    partition_deinit(&fixture->partition);
    assert_null(leader.append.partition->log);
    turn_until(fixture, &leader.has_landed);
    assert_int_equal(leader.result, STATUS_OK);
    assert_int_equal(leader.append.append.base_offset, 0);
}

/* A reader that does not want to wait any more is not woken, and may say so twice. */
static void who_stopped_waiting_is_not_woken(void **state)
{
    struct fixture *fixture = *state;
    struct appending appending;
    struct waiting waiting = {.waiter.woken = waiter_woken};
    lead_alone(fixture);
    partition_wait(&fixture->partition, &waiting.waiter);
    partition_wait_end(&waiting.waiter);
    partition_wait_end(&waiting.waiter);
    append_one(fixture, &appending, true);
    turn_until(fixture, &appending.has_landed);
    assert_false(waiting.was_woken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_durable_alone_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(acks_all_waits_for_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(repeated_batch_waits_for_its_own_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_lets_everybody_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_with_the_disk_outlives_the_partition, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_stopped_waiting_is_not_woken, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
