/* Commits and tails begin as large as those before them became, while memory is plentiful, and give
 * back what they did not need. */
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

enum { VALUE_SIZE = 1000, BLOCK = FRAME_ALIGNMENT, LOAD_COUNT = 100, REST_COUNT = 30 };

static int set_up(void **state)
{
    struct sim_rig *fixture = sim_rig_set_up(state, 47);
    fixture->rig.options.journal_file_bytes = 8 << 20; /* no checkpoint seals the tails */
    return 0;
}

/* --- Commits ---------------------------------------------------------------------------------- */

static struct bytes batch_of_one(struct rig *rig)
{
    return rig_make(rig, &(struct rig_batch){.value_size = VALUE_SIZE});
}

/* Of the chunk in which the commit gathers that the next append begins. */
static size_t first_capacity(struct rig *rig)
{
    struct rig_append append;
    rig_append(rig, 0, &append, batch_of_one(rig));
    const struct list_node *node = list_last(&rig->stores[0]->journal.waiting);
    assert_non_null(node);
    size_t capacity = container_of(node, struct journal_commit, node)->chunk->capacity_bytes;
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    return capacity;
}

/* All share a commit. */
static void append_together(struct rig *rig, uint32_t count)
{
    struct rig_append appends[LOAD_COUNT];
    assert_in_range(count, 1, LOAD_COUNT);
    for (uint32_t i = 0; i < count; i++)
        rig_append(rig, 0, &appends[i], batch_of_one(rig));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rig_append_wait(rig, &appends[i]), STATUS_OK);
}

/* After a large commit the next begins as large; when only small ones come, they begin small again,
 * and between two commits the journal holds nothing. */
static void commits_begin_as_large_as_they_become(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    const struct journal *journal = &rig->stores[0]->journal;
    assert_int_equal(first_capacity(rig), BLOCK);
    append_together(rig, LOAD_COUNT);
    assert_true(first_capacity(rig) >= LOAD_COUNT * VALUE_SIZE);
    for (uint32_t i = 0; i < REST_COUNT; i++)
        append_together(rig, 1);
    assert_int_equal(first_capacity(rig), BLOCK);
    assert_null(journal->in_flight);
    assert_true(list_is_empty(&journal->waiting));
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- Tails ------------------------------------------------------------------------------------ */

/* Appends until the tail is a new frame with one batch in it; answers what memory it has. */
static size_t next_tail(struct rig *rig, uint32_t log_index, uint32_t value_size)
{
    const struct log *log = rig->logs[log_index];
    do
        rig_put_many(rig, log_index, 1, value_size);
    while (log->open == NULL || log->open->batch_count > 1);
    return log->open->chunk->capacity_bytes;
}

static size_t next_tail_capacity(struct rig *rig)
{
    return next_tail(rig, 0, VALUE_SIZE);
}

static size_t last_frame_capacity(const struct rig *rig)
{
    const struct list_node *node = list_last(&rig->logs[0]->frames);
    return container_of(node, struct memory_frame, node)->chunk->capacity_bytes;
}

/* The first file of a new journal is left early, and that seals the tail once. */
static void start_with_full_frames(struct rig *rig)
{
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(next_tail_capacity(rig), BLOCK);
    next_tail_capacity(rig);
    next_tail_capacity(rig);
}

/* The frame behind a full one begins as large; sealed with little in it, as at rest, it keeps only
 * what it needs, and reads as before. */
static void tails_begin_as_large_as_they_become(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint32_t before, after;
    start_with_full_frames(rig);
    assert_int_equal(next_tail_capacity(rig), FRAME_SMALL_SIZE_MAX);
    rig_put_many(rig, 0, 3, VALUE_SIZE);
    int64_t end = rig_read_all(rig, 0, &before);
    log_seal(rig->logs[0]);
    assert_int_equal(last_frame_capacity(rig), 2 * BLOCK);
    assert_int_equal(rig_read_all(rig, 0, &after), end);
    assert_int_equal(after, before);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* A log that is sealed again and again with little in it comes to ask for little. */
static void tails_shrink(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    start_with_full_frames(rig);
    assert_int_equal(next_tail_capacity(rig), FRAME_SMALL_SIZE_MAX);
    for (uint32_t i = 0; i < REST_COUNT; i++) {
        log_seal(rig->logs[0]);
        rig_put_many(rig, 0, 1, VALUE_SIZE);
    }
    assert_int_equal(rig->logs[0]->open->chunk->capacity_bytes, BLOCK);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Tails have at most their share of the memory for what they may not need: of many logs the later
 * ones begin small. A cache that is full keeps nobody from beginning large. */
static void memory_ahead_has_a_bound(void **state)
{
    enum { LOGS = 32, LARGE_VALUE_SIZE = 20000, MEMORY = 4 << 20 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.memory_bytes_max = MEMORY;
    rig->options.cache_bytes_max = MEMORY / 2;
    assert_int_equal(rig_start(rig, 1, LOGS), STATUS_OK);
    while (rig->stores[0]->cache_bytes <= MEMORY / 2 - FRAME_SMALL_SIZE_MAX) {
        tail_cache_note_reader(rig->logs[0]);
        rig_put_many(rig, 0, 1, LARGE_VALUE_SIZE);
    }
    size_t large_count = 0;
    for (uint32_t log = 0; log < LOGS; log++) {
        next_tail(rig, log, LARGE_VALUE_SIZE);
        large_count += next_tail(rig, log, LARGE_VALUE_SIZE) == FRAME_SMALL_SIZE_MAX;
    }
    assert_in_range(large_count, 8, MEMORY / GROWING_SHARE / FRAME_SMALL_SIZE_MAX);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(commits_begin_as_large_as_they_become),
        CASE(tails_begin_as_large_as_they_become),
        CASE(tails_shrink),
        CASE(memory_ahead_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
