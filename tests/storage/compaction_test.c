/* Logs are compacted in the background, and hold what a naive pass would have left, whatever
 * happens meanwhile. */
#include "storage/path.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/compaction_model.h"
#include "tests/storage/sim_harness.h"

#include <stdio.h>
#include <stdlib.h>

/* A sanitizer takes ten times as long. */
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 4, STRIDE = 12 };
#else
enum { SEEDS = 20, STRIDE = 1 };
#endif

static const struct model_expectation exact = {.is_exact = true, .tombstones_stay = true};
static const struct model_expectation safe = {.tombstones_stay = true};

struct fixture {
    struct sim_harness sim;
    struct rig rig;
    struct compaction_model model;
    uint64_t seed;
};

static void begin(struct fixture *fixture, uint64_t seed)
{
    struct rig *rig = &fixture->rig;
    fixture->seed = seed;
    sim_harness_init(&fixture->sim, seed);
    rig_init(rig, &fixture->sim.harness);
    model_init(&fixture->model, rig, seed);
    rig->options.cleaner_backoff_ms = 5;
    rig->options.cleaner_dedupe_buffer_bytes = 64 << 10;
    rig->options.direct_size_bytes = 16 << 10;
    rig->options.memory_bytes_max = 16 << 20;
    rig->options.cache_bytes_max = 256 << 10;
    rig->config.compacts = true;
    rig->config.deletes = false;
    rig->config.min_cleanable_dirty_ppm = 0;
    rig->config.segment_bytes_max = 64 << 10;
}

static void end(struct fixture *fixture)
{
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    sim_harness_deinit(&fixture->sim);
    rig_deinit(&fixture->rig);
    model_deinit(&fixture->model);
}

static void start(struct fixture *fixture)
{
    assert_int_equal(rig_start(&fixture->rig, 1, 1), STATUS_OK);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    begin(*state, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->seed > 1)
        print_message("seed %llu\n", (unsigned long long)fixture->seed);
    end(fixture);
    free(fixture);
    return 0;
}

/* --- What is left ----------------------------------------------------------------------------- */

/* The newest record of each key stays, at its offset, and nothing else does; a restart changes
 * nothing, and neither does another pass. */
static void newest_of_each_key_stays(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_true(model_append(&fixture->model, 6000));
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    model_compare(&fixture->model, exact);
    assert_true(log_size_bytes(fixture->rig.logs[0]) < 100 << 10); /* of 800 KiB */
    assert_non_null(strstr(fixture->rig.log_text, "log compacted"));
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);

    start(fixture);
    int64_t cleaned_offset = fixture->rig.logs[0]->cleaned_offset;
    assert_true(cleaned_offset > 0);
    model_cut(&fixture->model);
    model_compare(&fixture->model, exact);
    assert_true(model_append(&fixture->model, 3000));
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    assert_true(fixture->rig.logs[0]->cleaned_offset > cleaned_offset);
    model_compare(&fixture->model, exact);
}

/* More keys than the map has room for: several passes, and the end is the same. */
static void keys_beyond_memory(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.options.cleaner_dedupe_buffer_bytes = 4 << 10; /* 153 keys */
    fixture->model.key_count = 2000;
    start(fixture);
    assert_true(model_append(&fixture->model, 8000));
    assert_true(model_settle(&fixture->model));
    int64_t seen = 0;
    uint32_t passes = 0;
    uint32_t turns = 0;
    while (fixture->rig.logs[0]->cleaned_offset <
           log_active_segment(fixture->rig.logs[0])->base_offset) {
        model_turn(&fixture->model);
        assert_true(turns++ < 2000000);
        if (fixture->rig.logs[0]->cleaned_offset == seen || fixture->rig.logs[0]->busy_count > 0)
            continue;
        seen = fixture->rig.logs[0]->cleaned_offset;
        passes++;
        if (passes % 8 == 1 && model_settle(&fixture->model))
            model_compare(&fixture->model, safe);
    }
    assert_true(passes > 5);
    assert_true(model_wait_clean(&fixture->model));
    model_compare(&fixture->model, exact);
}

static void run_one_pass(struct fixture *fixture)
{
    fixture->rig.options.cleaner_dedupe_buffer_bytes = 2 << 10;
    fixture->rig.config.min_cleanable_dirty_ppm = 999000; /* not due again after it */
    fixture->model.key_count = 500;
    start(fixture);
    assert_true(model_append(&fixture->model, 2000));
    assert_true(model_settle(&fixture->model));
    const struct log *log = fixture->rig.logs[0];
    for (uint32_t turns = 0; log->cleaned_offset == 0 || log->busy_count > 0; turns++) {
        assert_true(turns < 2000000);
        model_turn(&fixture->model);
    }
    assert_true(log->cleaned_offset < log_active_segment(log)->base_offset);
    model_compare(&fixture->model, exact);
}

/* A pass that had no memory for more keys has done all below its end, and nothing because of what
 * lies above. */
static void pass_that_ends_early(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t seed = 2; seed < 10; seed++) {
        end(fixture);
        begin(fixture, seed);
        run_one_pass(fixture);
    }
    fixture->seed = 1;
}

/* Tombstones stay for delete.retention.ms after they were first met, and are gone after the pass
 * that follows. */
static void tombstones_go_after_their_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.config.delete_retention_ms = 0;
    fixture->model.tombstone_percent = 50;
    start(fixture);
    assert_true(model_append(&fixture->model, 4000));
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    model_compare(&fixture->model, exact);
    int64_t first_pass = fixture->rig.logs[0]->cleaned_offset;
    assert_true(model_append(&fixture->model, 2000));
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    model_compare(&fixture->model, (struct model_expectation){.is_exact = true});
    for (int64_t i = 0; i < first_pass; i++)
        assert_false(fixture->model.records[i].is_tombstone && fixture->model.records[i].is_there);
}

/* From every offset, in a gap or not, a read answers the next batch there is, also where whole
 * segments have gone; and a lookup finds what is left. */
static void gaps_are_passed(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    start(fixture);
    assert_true(model_append(&fixture->model, 3000));
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    assert_int_equal(rig_stop(rig), STATUS_OK);
    start(fixture);
    model_read(&fixture->model);
    const struct model_record *records = fixture->model.records;
    int64_t end = log_end_offset(rig->logs[0]);
    int64_t left = end;
    for (int64_t offset = end - 1; offset >= 0; offset--) {
        struct log_read read;
        struct batch_header header;
        left = records[offset].is_there ? offset : left;
        assert_int_equal(rig_read(rig, 0, offset, INT64_MAX, 1, &read), STATUS_OK);
        assert_int_equal(batch_header_read(read.pieces[0], &header), STATUS_OK);
        assert_true(batch_last_offset(&header) >= offset);
        assert_true(header.base_offset <= left);
        log_read_release(&read, rig->io);
    }
    struct log_lookup lookup = {.timestamp_ms = 0, .end_offset = end};
    assert_int_equal(rig_lookup(rig, 0, &lookup), STATUS_OK);
    assert_true(lookup.found);
    assert_int_equal(lookup.found_offset, left);
}

/* Readers who come while the log is compacted see a whole log each time. */
static void reading_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    fixture->rig.options.cache_bytes_max = 64 << 10;
    start(fixture);
    for (uint32_t round = 0; round < 4; round++) {
        assert_true(model_append(&fixture->model, 1500));
        assert_true(model_settle(&fixture->model));
        for (uint32_t i = 0; i < 3; i++)
            model_read(&fixture->model);
        assert_true(model_wait_clean(&fixture->model));
    }
    model_compare(&fixture->model, exact);
}

/* Small batches of one key, until those before are in segments that may be compacted. */
static void put_small(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rig_put(rig, 0, &(struct rig_batch){.record_count = 1, .value_size = 4000, .seed = i});
}

/* Of the first batch that has records. */
static int64_t first_base_offset(struct rig *rig)
{
    struct batch_header header = {0};
    for (int64_t offset = 0; header.record_count == 0; offset = batch_last_offset(&header) + 1) {
        struct log_read read;
        assert_int_equal(rig_read(rig, 0, offset, INT64_MAX, 1, &read), STATUS_OK);
        assert_int_equal(batch_header_read(read.pieces[0], &header), STATUS_OK);
        log_read_release(&read, rig->io);
    }
    return header.base_offset;
}

/* A batch that would take too much memory when decompressed stays as it is, and everything else is
 * compacted; it is said once. A life with more memory finds it. */
static void too_large_batches_stay(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = &fixture->rig;
    enum { LARGE = 3 };
    start(fixture);
    put_small(rig, LARGE);
    rig_put(rig, 0,
            &(struct rig_batch){
                .record_count = 1, .value_size = 1200 << 10, .compression = COMPRESSION_GZIP});
    for (uint32_t round = 0; round < 2; round++) {
        put_small(rig, 40);
        assert_true(model_settle(&fixture->model));
        assert_true(model_wait_clean(&fixture->model));
        assert_false(rig->logs[0]->is_uncleanable);
        assert_int_equal(first_base_offset(rig), LARGE);
    }
    const char *said = strstr(rig->log_text, "too large for the memory of compaction");
    assert_non_null(said);
    assert_null(strstr(said + 1, "too large for the memory of compaction"));
    assert_int_equal(rig_stop(rig), STATUS_OK);
    rig->options.memory_bytes_max = 64 << 20;
    start(fixture);
    assert_int_equal(rig->logs[0]->cleaned_offset, LARGE);
    assert_true(model_settle(&fixture->model));
    assert_true(model_wait_clean(&fixture->model));
    assert_true(first_base_offset(rig) > LARGE);
}

/* --- What happens meanwhile ------------------------------------------------------------------- */

static void live(struct fixture *fixture)
{
    struct compaction_model *model = &fixture->model;
    struct prng *prng = &model->prng;
    start(fixture);
    model_cut(model);
    model_compare(model, safe);
    for (uint32_t round = 0; round < 3; round++) {
        model_append(model, 1 + (uint32_t)prng_below(prng, 1500));
        for (uint64_t turns = prng_below(prng, 3000); turns > 0 && fixture->rig.is_alive; turns--)
            model_turn(&fixture->model);
    }
    model_settle(model);
    if (prng_chance(prng, 1, 2)) {
        model_wait_clean(model);
        model_compare(model, exact);
    } else if (fixture->rig.logs[0]->busy_count == 0) {
        model_compare(model, safe);
    }
    uint64_t how = prng_below(prng, 3);
    if (how == 0)
        assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    else if (how == 1)
        rig_kill(&fixture->rig);
    else
        rig_cut_power(&fixture->rig);
}

/* Appends, passes with little memory, stops, kills and power cuts, as the seed will have it. */
static void any_history(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t seed = 2; seed < 2 + SEEDS; seed++) {
        end(fixture);
        begin(fixture, seed);
        fixture->model.key_count = 1 + (uint32_t)prng_below(&fixture->model.prng, 400);
        fixture->rig.options.cleaner_dedupe_buffer_bytes =
            prng_between(&fixture->model.prng, 2 << 10, 16 << 10);
        for (uint32_t life = 0; life < 4; life++)
            live(fixture);
    }
    fixture->seed = 1;
}

/* A life that appends the same each time and compacts, in which something goes wrong at the nth
 * operation of the disk. False when the compaction was over before that. */
static bool run_into(struct fixture *fixture, enum planned_effect effect, uint64_t nth)
{
    end(fixture);
    begin(fixture, 1);
    fixture->rig.options.cleaner_enable = false;
    start(fixture);
    assert_true(model_append(&fixture->model, 900));
    assert_int_equal(rig_stop(&fixture->rig), STATUS_OK);
    fixture->rig.options.cleaner_enable = true;
    start(fixture);
    node_plan(
        fixture->sim.node,
        (struct planned_fault){.effect = effect, .kinds = (uint32_t)PLAN_ANY_FILE, .nth = nth});
    struct log *log = fixture->rig.logs[0];
    while (fixture->rig.is_alive && !store_has_failed(fixture->rig.stores[0]) &&
           !log->is_uncleanable &&
           (log->cleaned_offset < log_active_segment(log)->base_offset || log->busy_count > 0))
        model_turn(&fixture->model);
    return node_has_plans(fixture->sim.node) == false;
}

static void end_well(struct fixture *fixture)
{
    node_forget_plans(fixture->sim.node);
    if (fixture->rig.is_alive)
        rig_kill(&fixture->rig);
    start(fixture);
    model_cut(&fixture->model);
    assert_true(fixture->model.record_count >= 900);
    model_compare(&fixture->model, safe);
    assert_true(model_wait_clean(&fixture->model));
    model_compare(&fixture->model, exact);
}

/* A power cut, a kill or an error at any operation: the log is whole afterwards, and the next pass
 * comes to the same end. */
static void trouble_at_any_operation(void **state)
{
    static const enum planned_effect effects[] = {PLAN_POWER_CUT, PLAN_KILL, PLAN_IO_ERROR,
                                                  PLAN_NO_SPACE, PLAN_SHORT};
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        uint64_t nth = 1;
        for (; run_into(fixture, effects[i], nth); nth += STRIDE)
            end_well(fixture);
        assert_true(nth > 20);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(newest_of_each_key_stays), CASE(keys_beyond_memory),
        CASE(pass_that_ends_early),     CASE(tombstones_go_after_their_time),
        CASE(gaps_are_passed),          CASE(reading_meanwhile),
        CASE(too_large_batches_stay),   CASE(any_history),
        CASE(trouble_at_any_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
