/* The twins notice every kind of lie: after the same honest life, one fact about it is changed in
 * the model, or the log is told something behind the model's back, and they complain of just that.
 */
#include "storage/log_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

#include <stdlib.h>
#include <string.h>

enum { BATCHES = 60, PRODUCER = 100, LIVES_MAX = 20 };

struct fixture {
    struct sim_harness sim;
    struct rig rig;
    struct twins twins;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    sim_harness_init(&fixture->sim, 3);
    rig_init(&fixture->rig, &fixture->sim.harness);
    fixture->rig.config.segment_bytes_max = 64 << 10;
    fixture->rig.config.file_delete_delay_ms = 0;
    fixture->rig.config.min_cleanable_dirty_ppm = 0;
    fixture->rig.options.cleaner_backoff_ms = 5;
    twins_init(&fixture->twins, &fixture->rig, 1);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    sim_harness_deinit(&fixture->sim);
    rig_deinit(&fixture->rig);
    twins_deinit(&fixture->twins);
    free(fixture);
    return 0;
}

/* Batches of a producer, timestamps that rise, a new leader epoch in the middle. */
static void live(struct fixture *fixture)
{
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    for (int32_t i = 0; i < BATCHES; i++) {
        fixture->rig.leader_epoch = i < BATCHES / 2 ? 1 : 2;
        struct rig_batch shape = {.value_size = 5000,
                                  .producer_id = PRODUCER,
                                  .base_sequence = i,
                                  .key_count = 5,
                                  .timestamp_ms = 1000 + i,
                                  .seed = (uint64_t)i};
        twins_append(&fixture->twins, 0, &shape);
    }
    twins_settle(&fixture->twins);
    assert_true(twins_are_well(&fixture->twins));
}

static void restart(struct fixture *fixture)
{
    rig_cut_power(&fixture->rig);
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    twins_reopened(&fixture->twins);
}

static struct model *model_of(struct fixture *fixture)
{
    return &fixture->twins.models[0];
}

static void assert_complaint(const struct fixture *fixture, const char *part)
{
    if (strstr(fixture->twins.complaint, part) == NULL)
        fail_msg("the complaint is \"%s\"", fixture->twins.complaint);
}

/* Without a lie there is nothing to complain of. */
static void the_honest_pass(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    twins_compare(&fixture->twins, 0);
    restart(fixture);
    assert_string_equal(fixture->twins.complaint, "");
    assert_true(fixture->twins.answer_count > BATCHES);
}

static void lost_batch_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    struct bytes batch = rig_make(&fixture->rig, &(struct rig_batch){0});
    model_append(model_of(fixture), batch, 2, 0);
    model_acknowledge_all(model_of(fixture));
    restart(fixture);
    assert_complaint(fixture, "an acknowledged batch is lost");
}

static void batch_from_nowhere_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    rig_put(&fixture->rig, 0, &(struct rig_batch){0});
    restart(fixture);
    assert_complaint(fixture, "more than was ever appended");
}

static void wrong_byte_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    model_of(fixture)->batches[17].digest ^= 1;
    twins_compare(&fixture->twins, 0);
    assert_complaint(fixture, "the checksum of a batch read");
}

static void wrong_epoch_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    model_of(fixture)->batches[BATCHES / 2].leader_epoch = 1;
    twins_compare_state(&fixture->twins, 0);
    assert_complaint(fixture, "an epoch");
}

static void wrong_sequence_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    model_of(fixture)->batches[BATCHES - 3].base_sequence++;
    twins_compare_state(&fixture->twins, 0);
    assert_complaint(fixture, "a base sequence");
}

static void wrong_timestamp_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct log_lookup lookup = {.timestamp_ms = 1030, .end_offset = INT64_MAX};
    live(fixture);
    model_of(fixture)->records[30].timestamp_ms = 0;
    twins_lookup(&fixture->twins, 0, &lookup);
    assert_complaint(fixture, "the offset of a timestamp");
}

static void return_of_the_deleted_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    twins_commit(&fixture->twins, 0);
    twins_delete_records(&fixture->twins, 0, 7);
    model_of(fixture)->deleted_to = 8;
    restart(fixture);
    assert_complaint(fixture, "but is deleted up to 8");
}

/* The log takes everything for committed, and the model has not been told. */
static void retention_above_the_high_watermark_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    rig_commit(&fixture->rig, 0);
    fixture->rig.config.retention_bytes = 0;
    log_configure(fixture->rig.logs[0], &fixture->rig.config);
    rig_retain(&fixture->rig);
    twins_watch(&fixture->twins);
    assert_complaint(fixture, "above the high watermark is deleted");
}

static void retention_of_too_much_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live(fixture);
    twins_commit(&fixture->twins, 0);
    fixture->rig.config.retention_bytes = 100000;
    log_configure(fixture->rig.logs[0], &fixture->rig.config);
    rig_retain(&fixture->rig);
    fixture->rig.logs[0]->config.retention_bytes = 300000;
    twins_watch(&fixture->twins);
    assert_complaint(fixture, "neither old nor too much");
}

/* A transaction of two batches, and what ends it. */
static void live_with_transaction(struct fixture *fixture, bool is_abort)
{
    struct rig_batch shape = {.producer_id = PRODUCER + 1, .is_transactional = true};
    live(fixture);
    for (shape.base_sequence = 0; shape.base_sequence < 2; shape.base_sequence++)
        twins_append(&fixture->twins, 0, &shape);
    twins_append_marker(&fixture->twins, 0,
                        &(struct rig_marker){.producer_id = PRODUCER + 1, .is_abort = is_abort});
    twins_settle(&fixture->twins);
    twins_commit(&fixture->twins, 0);
    for (int64_t offset = 0; offset < BATCHES + 2; offset++)
        twins_read_committed(&fixture->twins, 0, offset);
    assert_string_equal(fixture->twins.complaint, "");
}

static void shown_aborted_transaction_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live_with_transaction(fixture, false);
    model_of(fixture)->batches[BATCHES + 2].is_abort = true;
    twins_read_committed(&fixture->twins, 0, BATCHES);
    assert_complaint(fixture, "is shown to readers of committed");
}

static void hidden_committed_transaction_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live_with_transaction(fixture, true);
    model_of(fixture)->batches[BATCHES + 2].is_abort = false;
    twins_read_committed(&fixture->twins, 0, BATCHES);
    assert_complaint(fixture, "is not shown to readers of committed");
}

static void wrong_stable_offset_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live_with_transaction(fixture, true);
    model_of(fixture)->batches[BATCHES + 2].is_marker = false;
    twins_read_committed(&fixture->twins, 0, BATCHES);
    assert_complaint(fixture, "the last stable offset is");
}

static void wrong_fencing_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    live_with_transaction(fixture, true);
    model_of(fixture)->batches[BATCHES + 2].coordinator_epoch = 9;
    twins_append_marker(&fixture->twins, 0, &(struct rig_marker){.producer_id = PRODUCER + 1});
    assert_complaint(fixture, "what an append is refused with");
}

/* The log is loose, and the model has not been told. Some power cuts lose nothing. */
static void acknowledgement_before_the_disk_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct log_config loose = fixture->rig.config;
    loose.flush_messages = 1000;
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < LIVES_MAX && twins_are_well(&fixture->twins); i++) {
        log_configure(fixture->rig.logs[0], &loose);
        twins_append(&fixture->twins, 0, &(struct rig_batch){.value_size = 5000});
        twins_settle(&fixture->twins);
        restart(fixture);
    }
    assert_complaint(fixture, "an acknowledged batch is lost");
}

static void wait_clean(struct fixture *fixture)
{
    const struct log *log = fixture->rig.logs[0];
    for (uint32_t turns = 0; log->cleaned_offset == 0 || log->busy_count > 0; turns++) {
        assert_true(turns < 1000000);
        rig_turn(&fixture->rig);
    }
}

/* The same compaction is right where newer records were committed, and wrong where they were not.
 */
static void compaction_above_the_high_watermark_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.compacts = true;
    fixture->rig.config.deletes = false;
    fixture->twins.are_compacted = true;
    live(fixture);
    twins_commit(&fixture->twins, 0);
    wait_clean(fixture);
    twins_compare(&fixture->twins, 0);
    assert_string_equal(fixture->twins.complaint, "");
    model_of(fixture)->committed_to = 10;
    twins_compare(&fixture->twins, 0);
    assert_complaint(fixture, "a record is missing that is the newest of its key");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_honest_pass),
        CASE(lost_batch_is_noticed),
        CASE(batch_from_nowhere_is_noticed),
        CASE(wrong_byte_is_noticed),
        CASE(wrong_epoch_is_noticed),
        CASE(wrong_sequence_is_noticed),
        CASE(wrong_timestamp_is_noticed),
        CASE(return_of_the_deleted_is_noticed),
        CASE(retention_above_the_high_watermark_is_noticed),
        CASE(retention_of_too_much_is_noticed),
        CASE(shown_aborted_transaction_is_noticed),
        CASE(hidden_committed_transaction_is_noticed),
        CASE(wrong_stable_offset_is_noticed),
        CASE(wrong_fencing_is_noticed),
        CASE(acknowledgement_before_the_disk_is_noticed),
        CASE(compaction_above_the_high_watermark_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
