/* What a start reads, and what it need not look at: journals of several cores torn at any block,
 * the number of the run, the mark of an orderly stop, and a log that comes back under its old name.
 */
#include "sim/disk.h"
#include "storage/await.h"
#include "storage/log_struct.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

static int set_up(void **state)
{
    sim_rig_set_up(state, 31);
    return 0;
}

/* --- Blocks behind the store's back ----------------------------------------------------------- */

static bool read_block(struct sim_rig *fixture, const char *path, uint64_t position,
                       uint8_t block[static IO_BLOCK_SIZE])
{
    struct inode *file;
    struct disk *disk = node_disk(fixture->sim.node);
    if (disk_open(disk, path, 0, &file) != STATUS_OK)
        return false;
    size_t size = file_read(&file->file, position, block, IO_BLOCK_SIZE);
    disk_release(disk, file);
    return size == IO_BLOCK_SIZE;
}

static void spoil_block(struct sim_rig *fixture, const char *path, uint64_t position)
{
    struct inode *file;
    struct disk *disk = node_disk(fixture->sim.node);
    uint8_t block[IO_BLOCK_SIZE];
    memset(block, 0x5a, sizeof block);
    assert_int_equal(disk_open(disk, path, 0, &file), STATUS_OK);
    assert_int_equal(disk_write(disk, file, position, block, sizeof block), STATUS_OK);
    disk_release(disk, file);
}

/* --- Journals --------------------------------------------------------------------------------- */

enum { CORES = 3, ROUNDS = 4, BATCH_SIZE = 3000 };

struct torn {
    uint32_t core;
    uint64_t sequence;
    uint32_t lost_count;    /* batches, in all rounds */
    uint32_t damaged_count; /* certain: what the oldest file lacks may have been made free */
};

/* Where that commit, of one block, lies. */
static bool find_commit(struct sim_rig *fixture, const struct torn *torn, uint64_t epoch,
                        char path[static PATH_SIZE], uint64_t *position)
{
    const struct store_options *options = &fixture->rig.options;
    for (uint32_t file = 0; file < options->journal_file_count; file++) {
        path_journal(options->directory, torn->core, file, path);
        uint8_t block[IO_BLOCK_SIZE];
        for (*position = 0; read_block(fixture, path, *position, block);
             *position += IO_BLOCK_SIZE) {
            struct commit_header header;
            enum status status =
                commit_verify(bytes_of(block, sizeof block), epoch, COMMIT_SIZE_MAX, &header);
            if (status == STATUS_OK && header.sequence == torn->sequence)
                return true;
        }
    }
    return false;
}

/* A log on each core, batches for all of them in turn; killed. Answers the last sequence of the
 * torn journal. */
static uint64_t live_and_tear(struct sim_rig *fixture, const struct torn *torn)
{
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    uint64_t position = 0;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, CORES, CORES), STATUS_OK);
    for (uint32_t i = 0; i < ROUNDS * CORES; i++)
        rig_put_many(rig, i % CORES, 1, BATCH_SIZE);
    uint64_t epoch = rig->stores[0]->journal.epoch;
    uint64_t last = journal_landed_sequence(&rig->stores[torn->core]->journal);
    rig_kill(rig);
    if (find_commit(fixture, torn, epoch, path, &position)) /* or its file is being made anew */
        spoil_block(fixture, path, position);
    return last;
}

static uint32_t count_unreadable(struct rig *rig, uint32_t log)
{
    uint32_t count = 0;
    for (int64_t offset = 0; offset < log_end_offset(rig->logs[log]); offset++) {
        struct log_read read;
        int32_t result = rig_read(rig, log, offset, offset + 1, 1 << 20, &read);
        assert_true(result == STATUS_OK || result == STATUS_CORRUPT);
        count += result != STATUS_OK;
        if (result == STATUS_OK)
            log_read_release(&read, rig_door(rig, log));
    }
    return count;
}

static bool tear_and_start(struct sim_rig *fixture, struct torn *torn)
{
    struct rig *rig = &fixture->rig;
    uint64_t last = live_and_tear(fixture, torn);
    bool is_tail = torn->sequence == last;
    assert_int_equal(rig_start(rig, CORES, CORES), STATUS_OK);
    if (is_tail)
        assert_false(rig->report.journal_was_damaged);
    torn->damaged_count += rig->report.journal_was_damaged;
    for (uint32_t log = 0; log < CORES; log++) {
        bool is_cut = is_tail && log == torn->core;
        assert_true(log_end_offset(rig->logs[log]) >= ROUNDS - is_cut);
        assert_true(log_end_offset(rig->logs[log]) <= ROUNDS);
        uint32_t unreadable_count = count_unreadable(rig, log);
        assert_true(unreadable_count <=
                    (!is_tail && log == torn->core)); /* it may be in a segment */
        torn->lost_count += unreadable_count;
    }
    rig_kill(rig);
    return !is_tail;
}

/* The journals of several cores, any block of which has gone bad: the batch in it is lost, or, at
 * the end, was never acknowledged; all others are there. So it is with memory to keep what has been
 * read, and without. */
static void any_commit_may_be_torn(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static const size_t memory_sizes[] = {64 << 20, 1 << 20};
    struct torn torn = {0};
    rig->may_be_damaged = true;
    for (uint32_t i = 0; i < 2 * CORES; i++) {
        torn.core = i % CORES;
        torn.sequence = 1;
        rig->options.memory_bytes_max = memory_sizes[i / CORES];
        while (tear_and_start(fixture, &torn))
            torn.sequence++;
        assert_true(torn.sequence >= ROUNDS);
    }
    assert_true(torn.lost_count > 0);
    assert_true(torn.damaged_count > 0);
}

/* What has been checkpointed is not read again, though it is all still there: no more than the
 * files that were not, and not the logs that only the others mention. */
static void checkpointed_commits_are_passed_over(void **state)
{
    enum { FILES = 8, FILE_SIZE = 256 << 10, BATCHES = 500 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->options.journal_file_bytes = FILE_SIZE;
    rig->options.journal_file_count = FILES;
    rig->options.direct_size_bytes = 16 << 10;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    rig_put_many(rig, 1, 1, BATCH_SIZE);
    rig_put_many(rig, 0, BATCHES, BATCH_SIZE);
    uint64_t released = rig->stores[0]->journal.released_sequence;
    assert_true(released > BATCHES / 2);
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_true(rig->report.journal_bytes_replayed > 0);
    assert_true(rig->report.journal_bytes_replayed <= (BATCHES - released + 2) * IO_BLOCK_SIZE);
    uint32_t digest;
    assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES);
    assert_int_equal(rig_read_all(rig, 1, &digest), 1);
}

/* How far that was the newest commits say, and their file is read first: of a file that holds
 * nothing newer only the head is, so that what nobody could read behind it is not even seen. */
static void newest_commits_say_what_is_needed(void **state)
{
    enum { FILES = 8, FILE_SIZE = 256 << 10, BATCHES = 500 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct torn torn = {0};
    _Alignas(IO_BLOCK_SIZE) uint8_t block[IO_BLOCK_SIZE];
    char path[PATH_SIZE];
    uint64_t position;
    uint32_t digest;
    rig->options.journal_file_bytes = FILE_SIZE;
    rig->options.journal_file_count = FILES;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, BATCHES, BATCH_SIZE);
    uint64_t epoch = rig->stores[0]->journal.epoch;
    torn.sequence = rig->stores[0]->journal.released_sequence;
    rig_put_many(rig, 0, 1, BATCH_SIZE); /* says so */
    rig_kill(rig);
    assert_true(find_commit(fixture, &torn, epoch, path, &position));
    assert_true(position > 0);
    assert_true(read_block(fixture, path, position, block));
    memset(block + offsetof(struct commit_header, version), 0xff, sizeof(uint32_t));
    rig_overwrite(rig, path, position, bytes_of(block, sizeof block));
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_int_equal(rig_read_all(rig, 0, &digest), BATCHES + 1);
}

/* --- The number of the run -------------------------------------------------------------------- */

/* One of its two places may go bad, which is said if it is the first; both are too much. */
static void number_of_the_run_is_there_twice(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    path_epoch(rig->harness->directory, path);
    for (uint32_t spoilt = 1; spoilt <= 3; spoilt++) {
        uint32_t digest;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        rig_put_many(rig, 0, 3, BATCH_SIZE);
        rig_kill(rig);
        for (uint32_t copy = 0; copy < 2; copy++)
            if ((spoilt & 1u << copy) != 0)
                spoil_block(fixture, path, copy * IO_BLOCK_SIZE);
        rig->log_size = 0;
        enum status status = rig_start(rig, 1, 1);
        assert_int_equal(status, spoilt == 3 ? STATUS_CORRUPT : STATUS_OK);
        assert_int_equal(strstr(rig->log_text, "its copy is not") != NULL, spoilt == 1);
        if (status != STATUS_OK)
            continue;
        assert_int_equal(rig_read_all(rig, 0, &digest), 3);
        rig_kill(rig);
    }
}

/* --- Leftovers -------------------------------------------------------------------------------- */

enum { SEGMENTS = 4 };

static void put_segments(struct rig *rig, uint32_t log)
{
    rig->config.segment_bytes_max = 64 << 10;
    rig_put_many(rig, log, SEGMENTS, 60000);
}

static bool is_searched(const struct rig *rig)
{
    const struct store *store = rig->stores[0];
    return store->leftovers != NULL || !list_is_empty(&store->unswept);
}

static bool is_there(struct sim_rig *fixture, const char *path)
{
    struct inode *file;
    struct disk *disk = node_disk(fixture->sim.node);
    if (disk_open(disk, path, 0, &file) != STATUS_OK)
        return false;
    disk_release(disk, file);
    return true;
}

/* No directory is listed after an orderly stop that left nothing. */
static void orderly_stop_needs_no_search(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 64 << 10;
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    put_segments(rig, 0);
    put_segments(rig, 1);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        assert_true(rig->states->is_swept);
        assert_false(is_searched(rig));
        assert_int_equal(rig_stop(rig), STATUS_OK);
    }
}

/* After a crash every log is, and a stop that comes before the end of it leaves the rest to the
 * next start; as does one in whose life not all logs were opened. */
static void search_is_not_forgotten(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char directory[PATH_SIZE], path[PATH_SIZE];
    rig->config.segment_bytes_max = 64 << 10;
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    for (uint32_t i = 0; i < 3; i++)
        put_segments(rig, i);
    rig_kill(rig);
    struct log_id id = rig_log_id(2);
    path_partition(rig->harness->directory, &id, directory);
    path_segment(directory, 0, 7, path);
    rig_plant(rig, path, bytes_of_text("of nobody"));
    assert_true(is_there(fixture, path));
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    while (is_searched(rig))
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_true(is_there(fixture, path));
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    assert_false(rig->states->is_swept);
    assert_true(is_searched(rig));
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_true(is_there(fixture, path));
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    assert_false(rig->states->is_swept);
    while (is_searched(rig))
        rig_turn(rig);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_false(is_there(fixture, path));
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    assert_true(rig->states->is_swept);
}

/* What waits for its removal when the store stops is removed by the next life. */
static void waiting_removals_are_searched_for(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    rig->config.segment_bytes_max = 64 << 10;
    rig->config.retention_bytes = 1;
    rig->config.file_delete_delay_ms = 60000;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    put_segments(rig, 0);
    rig_commit(rig, 0);
    rig_retain(rig);
    assert_true(rig->stores[0]->unlisted_count > 0);
    assert_true(rig_count_files(rig, 0) >= SEGMENTS);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_false(rig->states->is_swept);
    while (is_searched(rig))
        rig_turn(rig);
    assert_true(rig_count_files(rig, 0) < SEGMENTS);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_true(rig->states->is_swept);
}

/* --- A name twice ----------------------------------------------------------------------------- */

struct landing {
    struct completion completion;
    bool has_landed;
};

static void landing_landed(struct completion *completion, int32_t result)
{
    (void)result;
    container_of(completion, struct landing, completion)->has_landed = true;
}

/* A log that was deleted and opened again in the same run does not get back, by a crash, the
 * batches of the former one, which the journal still has; nor does it lose its own. */
static void log_that_comes_back_is_another(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t round = 0; round < 8; round++) {
        uint32_t digest, digest_after;
        int64_t kept = round % 4;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
        rig_put_many(rig, 0, 5, round < 4 ? BATCH_SIZE : 60000);
        assert_int_equal(rig_delete(rig, 0), STATUS_OK);
        assert_int_equal(rig_open(rig, 0), STATUS_OK);
        for (int64_t i = 0; i < kept; i++)
            rig_put(rig, 0, &(struct rig_batch){.value_size = 100, .seed = 77});
        assert_int_equal(rig_read_all(rig, 0, &digest), kept);
        if (round % 2 == 0)
            rig_kill(rig);
        else
            rig_cut_power(rig);
        for (uint32_t life = 0; life < 2; life++) {
            assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
            assert_int_equal(log_end_offset(rig->logs[0]), kept);
            assert_int_equal(rig_read_all(rig, 0, &digest_after), kept);
            assert_int_equal(digest_after, digest);
            rig_kill(rig);
        }
    }
}

/* Until the deletion has come to its end, the name is not free. */
static void name_is_not_free_before_the_end(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct landing landing = {0};
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 1, BATCH_SIZE);
    completion_init(&landing.completion, landing_landed);
    store_delete_log(rig->stores[0], rig->logs[0], &landing.completion);
    assert_int_equal(rig_open(rig, 0), STATUS_BUSY);
    while (!landing.has_landed)
        rig_turn(rig);
    assert_int_equal(rig_open(rig, 0), STATUS_OK);
    assert_int_equal(log_end_offset(rig->logs[0]), 0);
}

/* A process that may open few files starts after a crash, however many logs were written to. */
static void few_handles_are_enough(void **state)
{
    enum { LOGS = 40, HANDLES = 16 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, LOGS), STATUS_OK);
    for (uint32_t i = 0; i < LOGS; i++)
        rig_put_many(rig, i, 2, 1000);
    rig_kill(rig);
    fixture->sim.world->faults.disk.handle_count_max = HANDLES;
    assert_int_equal(rig_start(rig, 1, LOGS), STATUS_OK);
    fixture->sim.world->faults.disk.handle_count_max = 0;
    uint32_t digest;
    for (uint32_t i = 0; i < LOGS; i++)
        assert_int_equal(rig_read_all(rig, i, &digest), 2);
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* --- What had not been made durable ----------------------------------------------------------- */

/* A kill while a commit is on its way, and the power goes while the start that found it brings it
 * into the segments; answers the end offset with which the log comes back. */
static int64_t lose_power_while_recovering(struct sim_rig *fixture, uint32_t turns, uint64_t nth)
{
    struct rig *rig = &fixture->rig;
    struct rig_append unanswered;
    struct node *node = fixture->sim.node;
    rig_append(rig, 0, &unanswered,
               rig_make(rig, &(struct rig_batch){.value_size = 900, .seed = turns}));
    for (uint32_t i = 0; i < turns && !unanswered.has_landed; i++)
        rig_turn(rig);
    int64_t acknowledged = unanswered.has_landed ? unanswered.append.last_offset + 1 : 0;
    rig_kill(rig);
    node_plan(node, (struct planned_fault){PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, nth});
    enum status status = rig_start(rig, 1, 1);
    node_forget_plans(node);
    if (status != STATUS_OK)
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    assert_true(log_end_offset(rig->logs[0]) >= acknowledged);
    return log_end_offset(rig->logs[0]);
}

/* What a start has found in a journal may be gone from it with the power, while the segments have
 * some of that already. It must not lie there behind the end of the log, as if it were what is
 * appended next: of other batches, for which the journal is good, nothing is lost then. */
static void nothing_is_left_of_a_journal_that_goes(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t i = 0; i < 400; i++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        rig_put(rig, 0, &(struct rig_batch){.value_size = 900, .seed = 1});
        rig_kill(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        int64_t end = lose_power_while_recovering(fixture, i % 20, 1 + i / 4 % 60);
        uint32_t before, after;
        rig_put(rig, 0, &(struct rig_batch){.value_size = 2000, .record_count = 3, .seed = 2});
        assert_int_equal(rig_read_all(rig, 0, &before), end + 3);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_int_equal(rig_read_all(rig, 0, &after), end + 3);
        assert_int_equal(after, before);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(any_commit_may_be_torn),
        CASE(checkpointed_commits_are_passed_over),
        CASE(newest_commits_say_what_is_needed),
        CASE(number_of_the_run_is_there_twice),
        CASE(orderly_stop_needs_no_search),
        CASE(search_is_not_forgotten),
        CASE(waiting_removals_are_searched_for),
        CASE(log_that_comes_back_is_another),
        CASE(name_is_not_free_before_the_end),
        CASE(few_handles_are_enough),
        CASE(nothing_is_left_of_a_journal_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
