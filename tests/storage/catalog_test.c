/* The catalog: what it keeps through torn writes, flipped bits, lost files, growth, and a number of
 * cores that changes; and that recovery looks at the logs which were written to, and at no other.
 */
#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

static int set_up(void **state)
{
    sim_rig_set_up(state, 23);
    return 0;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

struct wish {
    struct log_record record;
    bool has_landed;
    int32_t result;
};

static void wish_landed(struct completion *completion, int32_t result)
{
    struct wish *wish = container_of(completion, struct wish, record.completion);
    wish->has_landed = true;
    wish->result = result;
}

struct nap {
    struct timer timer;
    bool is_over;
};

static void nap_ended(struct timer *timer)
{
    container_of(timer, struct nap, timer)->is_over = true;
}

static void record(struct rig *rig, uint32_t log)
{
    struct wish wish = {0};
    completion_init(&wish.record.completion, wish_landed);
    log_record(rig->logs[log], &wish.record);
    while (!wish.has_landed)
        rig_turn(rig);
    assert_int_equal(wish.result, STATUS_OK);
}

/* --- Files behind the store's back ------------------------------------------------------------ */

static struct inode *open_file(struct sim_rig *fixture, const char *path)
{
    struct inode *file;
    if (disk_open(node_disk(fixture->sim.node), path, 0, &file) != STATUS_OK)
        return NULL;
    return file;
}

static uint64_t size_of(struct sim_rig *fixture, const char *path)
{
    struct inode *file = open_file(fixture, path);
    assert_non_null(file);
    uint64_t size = file->file.current_size_bytes;
    disk_release(node_disk(fixture->sim.node), file);
    return size;
}

static void fill_block(struct sim_rig *fixture, const char *path, uint64_t block, uint8_t byte)
{
    struct inode *file = open_file(fixture, path);
    uint8_t bytes[IO_BLOCK_SIZE];
    memset(bytes, byte, sizeof bytes);
    assert_non_null(file);
    assert_int_equal(
        disk_write(node_disk(fixture->sim.node), file, block * IO_BLOCK_SIZE, bytes, sizeof bytes),
        STATUS_OK);
    disk_release(node_disk(fixture->sim.node), file);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* A store with three logs, the second of which begins later; killed. Answers how many commits its
 * catalog has, each of which takes two blocks. */
static uint64_t make_store(struct sim_rig *fixture)
{
    struct rig *rig = &fixture->rig;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    rig_put_many(rig, 0, 4, 100000);
    rig_put_many(rig, 1, 5, 100000);
    rig_put_many(rig, 2, 6, 3000);
    rig->logs[1]->start_offset = 2;
    for (uint32_t i = 0; i < 3; i++)
        record(rig, i);
    uint64_t commit_count = rig->stores[0]->catalog.position / IO_BLOCK_SIZE / 2;
    rig_kill(rig);
    return commit_count;
}

static void check_contents(struct rig *rig)
{
    static const int64_t ends[] = {4, 5, 6};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t digest;
        assert_int_equal(log_end_offset(rig->logs[i]), ends[i]);
        assert_int_equal(rig_read_all(rig, i, &digest), ends[i]);
    }
}

static void check_store(struct rig *rig)
{
    static const int64_t starts[] = {0, 2, 0};
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(log_start_offset(rig->logs[i]), starts[i]);
    check_contents(rig);
}

/* Any one block of what a core has recorded may go bad: every commit is there twice. */
static void any_block_may_go_bad(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    path_catalog(rig->harness->directory, 0, 1, path);
    make_store(fixture);
    uint64_t block_count = size_of(fixture, path) / IO_BLOCK_SIZE;
    for (uint64_t block = 0; block < block_count && block < 16; block++) {
        make_store(fixture);
        fill_block(fixture, path, block, (uint8_t)(block % 2 * 0x5a));
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        check_store(rig);
        rig_kill(rig);
    }
}

/* The same of the base. */
static void any_block_of_the_base_may_go_bad(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    path_catalog_base(rig->harness->directory, path);
    for (uint64_t block = 0; block < 2; block++) {
        make_store(fixture);
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_true(size_of(fixture, path) >= 2 * IO_BLOCK_SIZE);
        fill_block(fixture, path, block, 0xff);
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        check_store(rig);
        rig_kill(rig);
    }
}

/* --- The last commit -------------------------------------------------------------------------- */

enum { TORN_PRODUCERS = 200 };

/* Where the last commit of core 0 lies in its file, both copies, in blocks. */
struct last_commit {
    char path[PATH_SIZE];
    uint64_t first_block;
    uint64_t block_count;
};

/* A store as make_store leaves it, in which log 1 has then recorded, in a commit of several blocks,
 * that it begins at 3. */
static struct last_commit make_last_commit(struct sim_rig *fixture)
{
    struct rig *rig = &fixture->rig;
    struct last_commit last;
    rig->harness->reset(rig->harness);
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    const struct catalog *catalog = &rig->stores[0]->catalog;
    rig_put_many(rig, 0, 4, 100000);
    for (int64_t i = 0; i < TORN_PRODUCERS; i++)
        rig_put(rig, 1, &(struct rig_batch){.producer_id = 1 + i});
    rig_put_many(rig, 2, 6, 3000);
    rig->logs[1]->start_offset = 2;
    for (uint32_t i = 0; i < 3; i++)
        record(rig, i);
    last.first_block = catalog->position / IO_BLOCK_SIZE;
    rig->logs[1]->start_offset = 3;
    record(rig, 1);
    last.block_count = catalog->position / IO_BLOCK_SIZE - last.first_block;
    path_catalog(rig->harness->directory, 0, catalog->file, last.path);
    assert_true(last.block_count >= 4);
    rig_kill(rig);
    return last;
}

static void check_last_commit(struct rig *rig, int64_t start_offset)
{
    static const int64_t ends[] = {4, TORN_PRODUCERS, 6};
    assert_false(rig->report.catalog_was_damaged);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t digest;
        assert_int_equal(log_start_offset(rig->logs[i]), i == 1 ? start_offset : 0);
        assert_int_equal(rig_read_all(rig, i, &digest), ends[i]);
    }
    for (int64_t id = 1; id <= TORN_PRODUCERS; id++)
        assert_non_null(producer_core_find(&rig->logs[1]->producers, id));
}

/* A last commit that ends at any of its blocks is whole if one copy is, and otherwise as if it had
 * never been: it is not taken for damage, and what was recorded before holds. */
static void last_commit_may_be_torn_at_any_block(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    uint64_t block_count = make_last_commit(fixture).block_count;
    for (uint64_t written = 0; written <= block_count; written++) {
        struct last_commit last = make_last_commit(fixture);
        for (uint64_t block = written; block < block_count; block++)
            fill_block(fixture, last.path, last.first_block + block, 0);
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        check_last_commit(rig, 2 * written >= block_count ? 3 : 2);
        rig_kill(rig);
    }
}

/* When both copies of commits are bad that others follow, states are missing: that is damage, and
 * a log that is in no other commit is built anew. The others are as they were. */
static void both_copies_of_commits_go_bad(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    rig->may_be_damaged = true;
    path_catalog(rig->harness->directory, 0, 1, path);
    uint64_t pair_count = make_store(fixture);
    assert_true(pair_count > 3);
    for (uint64_t lost = 1; lost < pair_count; lost++) {
        make_store(fixture);
        for (uint64_t block = 0; block < 2 * lost; block++)
            fill_block(fixture, path, block, 0x5a);
        rig->log_size = 0;
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        assert_true(rig->report.catalog_was_damaged);
        check_contents(rig);
        rig_kill(rig);
    }
    assert_non_null(strstr(rig->log_text, "built anew from its segments"));
}

/* --- The start -------------------------------------------------------------------------------- */

struct trim {
    struct log_delete_records deletion;
    bool has_landed;
    int32_t result;
};

static void trim_landed(struct completion *completion, int32_t result)
{
    struct trim *trim = container_of(completion, struct trim, deletion.completion);
    trim->has_landed = true;
    trim->result = result;
}

/* The start offset is shown, and its deletion answered, only when it is durable: whoever was told
 * of it finds it there after a power cut at any moment. Nothing below can be read all the while. */
static void start_is_shown_when_it_is_durable(void **state)
{
    enum { CUTS = 40 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    bool was_hidden = false, was_shown = false;
    for (uint32_t cut = 0; cut < CUTS; cut++) {
        struct trim trim = {.deletion.offset = 3};
        struct log_read read;
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        rig_put_many(rig, 0, 5, 3000);
        rig_commit(rig, 0);
        completion_init(&trim.deletion.completion, trim_landed);
        log_delete_records(rig->logs[0], &trim.deletion);
        assert_int_equal(log_start_offset(rig->logs[0]), 0);
        assert_int_equal(rig_read(rig, 0, 2, INT64_MAX, 10000, &read), STATUS_OUT_OF_RANGE);
        for (uint32_t i = 0; i < cut; i++)
            rig_turn(rig);
        int64_t shown_offset = log_start_offset(rig->logs[0]);
        was_hidden = was_hidden || shown_offset == 0;
        was_shown = was_shown || trim.has_landed;
        if (trim.has_landed)
            assert_int_equal(shown_offset, 3);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_in_range(log_start_offset(rig->logs[0]), shown_offset, 3);
        rig_kill(rig);
    }
    assert_true(was_hidden);
    assert_true(was_shown);
}

/* --- Lost ------------------------------------------------------------------------------------- */

/* When both copies are gone, or the base is, logs are built anew from their segments: what they
 * hold is all there, and the log says so. Where a log begins, its segments know only roughly. */
static void catalog_that_is_lost(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    char path[PATH_SIZE];
    rig->may_be_damaged = true;
    path_catalog_base(rig->harness->directory, path);
    for (uint32_t round = 0; round < 2; round++) {
        make_store(fixture);
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        if (round == 0)
            assert_int_equal(rig_stop(rig), STATUS_OK);
        else
            rig_kill(rig);
        for (uint64_t block = 0; block < 2; block++)
            fill_block(fixture, path, block, 0xff);
        rig->log_size = 0;
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        assert_true(rig->report.catalog_was_damaged);
        assert_non_null(strstr(rig->log_text, "built anew from its segments"));
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(log_start_offset(rig->logs[i]), 0);
        check_contents(rig);
        rig_put_many(rig, 0, 1, 3000);
        assert_int_equal(rig_stop(rig), STATUS_OK);
        assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
        assert_false(rig->report.catalog_was_damaged);
        rig_kill(rig);
    }
}

/* What a log that is built anew knows beside its batches is what they say: leader epochs, and
 * producers, whose repetitions are recognized. */
static void lost_log_knows_its_producers_and_epochs(void **state)
{
    enum { BATCHES = 6 };
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    struct rig_append again;
    char path[PATH_SIZE];
    rig->may_be_damaged = true;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (int32_t i = 0; i < BATCHES; i++) {
        rig->leader_epoch = i / 2;
        rig_put(rig, 0, &(struct rig_batch){.producer_id = 7, .base_sequence = i, .seed = 1});
    }
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK); /* its state is in the base alone */
    rig_cut_power(rig);
    path_catalog_base(rig->harness->directory, path);
    for (uint64_t block = 0; block < 2; block++)
        fill_block(fixture, path, block, 0xff);
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
        assert_int_equal(rig->report.catalog_was_damaged, life == 0);
        for (int64_t offset = 0; offset < BATCHES; offset++)
            assert_int_equal(log_epoch_at(rig->logs[0], offset), offset / 2);
        struct rig_batch last = {.producer_id = 7, .base_sequence = BATCHES - 1, .seed = 1};
        rig_append(rig, 0, &again, rig_make(rig, &last));
        assert_int_equal(rig_append_wait(rig, &again), STATUS_OK);
        assert_true(again.append.is_duplicate);
        assert_int_equal(again.append.base_offset, BATCHES - 1);
        rig_cut_power(rig);
    }
}

/* --- Growing ---------------------------------------------------------------------------------- */

/* A file that has grown large makes way for the next one, which has what the former had; nothing is
 * lost at a power cut before, during and after that. */
static void file_makes_way_for_the_next(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    for (uint32_t cut = 0; cut < 24; cut++) {
        rig->harness->reset(rig->harness);
        assert_int_equal(rig_start(rig, 1, 4), STATUS_OK);
        struct catalog *catalog = &rig->stores[0]->catalog;
        for (uint32_t i = 0; i < 3; i++)
            rig_put_many(rig, i, 2 + i, 3000);
        catalog->position = CATALOG_ROLL_BYTES; /* as if there were so much before */
        catalog->allocated_bytes = CATALOG_ROLL_BYTES;
        rig->logs[1]->start_offset = 1;
        record(rig, 1);
        for (uint32_t i = 0; i < cut * 3 && (catalog->file == 1 || catalog->former_file != 0); i++)
            rig_turn(rig);
        if (cut == 23)
            assert_int_equal(catalog->former_file, 0);
        rig_cut_power(rig);
        assert_int_equal(rig_start(rig, 1, 4), STATUS_OK);
        assert_int_equal(log_start_offset(rig->logs[1]), 1);
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(log_end_offset(rig->logs[i]), i == 3 ? 0 : 2 + i);
        rig_kill(rig);
        arena_reset(&rig->arena);
    }
}

/* A log that the base has stays removed, however often the file changes. */
static void removed_log_stays_removed(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    rig_put_many(rig, 0, 3, 3000);
    rig_put_many(rig, 1, 3, 3000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_int_equal(rig_delete(rig, 0), STATUS_OK);
    struct catalog *catalog = &rig->stores[0]->catalog;
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t file = catalog->file;
        catalog->position = CATALOG_ROLL_BYTES;
        catalog->allocated_bytes = CATALOG_ROLL_BYTES;
        record(rig, 1);
        while (catalog->file == file || catalog->former_file != 0)
            rig_turn(rig);
    }
    rig_cut_power(rig);
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    assert_int_equal(rig->report.log_count, 1);
    assert_int_equal(log_end_offset(rig->logs[0]), 0);
    assert_int_equal(log_end_offset(rig->logs[1]), 3);
}

/* --- Many ------------------------------------------------------------------------------------- */

/* The number of cores may change between two runs, after a stop and after a cut. */
static void cores_may_change(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static const uint32_t core_counts[] = {1, 3, 2, 4, 1, 2};
    for (uint32_t life = 0; life < 6; life++) {
        assert_int_equal(rig_start(rig, core_counts[life], RIG_LOGS_MAX), STATUS_OK);
        for (uint32_t i = 0; i < RIG_LOGS_MAX; i++) {
            uint32_t digest;
            assert_int_equal(rig_read_all(rig, i, &digest), life * (i + 1));
            rig_put_many(rig, i, i + 1, i % 2 == 0 ? 3000 : 100000);
        }
        if (life % 2 == 0)
            assert_int_equal(rig_stop(rig), STATUS_OK);
        else
            rig_cut_power(rig);
    }
}

enum { OPENS_MAX = 4 }; /* of one log, at recovery */

/* Starts with a thousand logs; answers how many files were opened until they could be used. */
static uint64_t count_opens(struct sim_rig *fixture)
{
    struct sim_harness *sim = &fixture->sim;
    node_forget_plans(sim->node);
    node_plan(sim->node, (struct planned_fault){PLAN_KILL, 1u << IO_OPEN, UINT64_MAX});
    assert_int_equal(rig_start(&fixture->rig, 1, RIG_LOGS_MANY), STATUS_OK);
    return node_count_planned(sim->node);
}

/* After a crash, only the logs that were written to are looked at; the others' files are not even
 * opened. Opening a log that is known opens nothing either. */
static void idle_logs_are_not_looked_at(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    for (uint32_t i = 0; i < RIG_LOGS_MAX; i++)
        rig_put_many(rig, i, 3, 100000);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    rig_put_many(rig, 2, 1, 3000);
    rig_put_many(rig, 5, 1, 100000);
    rig_cut_power(rig);
    /* Whoever looked would complain. */
    for (uint32_t i = 0; i < RIG_LOGS_MAX; i++) {
        char path[PATH_SIZE];
        rig_segment_path(rig, i, 0, path);
        if (i != 2 && i != 5)
            assert_int_equal(disk_unlink(node_disk(fixture->sim.node), path), STATUS_OK);
    }
    rig->log_size = 0;
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MAX), STATUS_OK);
    assert_null(strstr(rig->log_text, "missing"));
    for (uint32_t i = 0; i < RIG_LOGS_MAX; i++)
        assert_int_equal(log_end_offset(rig->logs[i]), i == 2 || i == 5 ? 4 : 3);
}

/* Of a thousand logs with records, those are opened that were written to since; and a stop records
 * what all of them have, whoever is ready first. */
static void three_of_a_thousand(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static const uint32_t written[] = {0, 501, 999};
    assert_int_equal(rig_start(rig, 1, RIG_LOGS_MANY), STATUS_OK);
    for (uint32_t i = 0; i < RIG_LOGS_MANY; i++)
        rig_put_many(rig, i, 1, i % 7 == 0 ? 50000 : 10);
    assert_int_equal(rig_stop(rig), STATUS_OK);
    uint64_t without = count_opens(fixture);
    assert_true(rig->report.was_clean);
    for (uint32_t i = 0; i < 3; i++)
        rig_put_many(rig, written[i], 1, i == 1 ? 50000 : 10);
    rig_cut_power(rig);
    uint64_t with = count_opens(fixture);
    assert_false(rig->report.was_clean);
    assert_in_range(with, without + 3, without + 3 * OPENS_MAX);
    for (uint32_t i = 0; i < RIG_LOGS_MANY; i++) {
        bool is_written = i == 0 || i == 501 || i == 999;
        assert_int_equal(log_end_offset(rig->logs[i]), is_written ? 2 : 1);
    }
}

static bool is_written(struct sim_rig *fixture, const char *path, uint64_t position)
{
    struct inode *file = open_file(fixture, path);
    uint8_t magic = 0;
    file_read(&file->file, position, &magic, sizeof magic);
    disk_release(node_disk(fixture->sim.node), file);
    return magic != 0;
}

/* Nothing of a log is in its files beyond what is recorded before the journal durably mentions it:
 * in a run that ends then, nobody would look for it, and the next one would write over half of it.
 * Only the first batch after a checkpoint pays for that. */
static void mention_comes_first(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 2), STATUS_OK);
    struct store *store = rig->stores[0];
    struct log *log = rig->logs[0];
    struct rig_append append;
    char path[PATH_SIZE];
    rig_segment_path(rig, 0, 0, path);
    rig_put_many(rig, 0, 1, 100000);
    checkpoint_request(store, journal_landed_sequence(&store->journal));
    while (log->mention_sequence != 0 || store->checkpoint.is_running)
        rig_turn(rig);
    uint64_t before = journal_landed_sequence(&store->journal);
    uint64_t position = log_active_segment(log)->size_bytes;
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){.value_size = 100000}));
    while (journal_landed_sequence(&store->journal) == before) {
        assert_false(is_written(fixture, path, position));
        assert_false(append.has_landed);
        rig_turn(rig);
    }
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    assert_true(is_written(fixture, path, position));
    before = journal_landed_sequence(&store->journal);
    rig_append(rig, 0, &append, rig_make(rig, &(struct rig_batch){.value_size = 100000}));
    assert_int_equal(rig_append_wait(rig, &append), STATUS_OK);
    assert_int_equal(journal_landed_sequence(&store->journal), before);
}

/* Turns until so much time has gone by; nothing happens in a store that has nothing to do. */
static void wait_s(struct rig *rig, uint64_t seconds)
{
    struct nap nap = {.is_over = false};
    timer_init(&nap.timer, nap_ended);
    io_timer_start(rig->io, &nap.timer, io_now_ns(rig->io) + seconds * 1000 * 1000 * 1000);
    while (!nap.is_over)
        rig_turn(rig);
}

/* Some time after the last append, everything is recorded: no start would find anything to scan.
 * Then the store sleeps; and while somebody appends, it does not begin. */
static void idle_store_is_recorded(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    static const int64_t ends[] = {5, 4, 0};
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    struct store *store = rig->stores[0];
    assert_false(timer_is_running(&store->idling));
    rig_put_many(rig, 0, 1, 10);
    wait_s(rig, 60); /* until the ring's files are made, too */
    for (uint32_t i = 0; i < 4; i++) {
        rig_put_many(rig, 0, 1, 10);
        rig_put_many(rig, 1, 1, 40000);
        wait_s(rig, 8);
        assert_int_equal(rig->logs[0]->recorded_offset, 1);
    }
    wait_s(rig, 22);
    assert_false(store->checkpoint.is_running);
    assert_true(list_is_empty(&store->mentioned));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(rig->logs[i]->recorded_offset, ends[i]);
    assert_false(timer_is_running(&store->idling));
    assert_false(timer_is_running(&store->marking));
    rig_kill(rig);
    assert_int_equal(rig_start(rig, 1, 3), STATUS_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(log_end_offset(rig->logs[i]), ends[i]);
}

/* --- Starts that are cut short ---------------------------------------------------------------- */

enum { NAMES_CHANGED_MAX = 10 };

/* A start that is cut short by this at the nth change of names, if it has as many. */
static void start_until(struct sim_rig *fixture, enum planned_effect effect, uint64_t nth)
{
    const uint32_t kinds = 1u << IO_RENAME | 1u << IO_SYNC_DIRECTORY | 1u << IO_UNLINK;
    node_plan(fixture->sim.node, (struct planned_fault){effect, kinds, nth});
    if (rig_start(&fixture->rig, 1, 1) == STATUS_OK)
        rig_cut_power(&fixture->rig);
    node_forget_plans(fixture->sim.node);
}

/* A start is killed, and the power goes in the next: what the second has read from the cache of the
 * first, and built on, a power cut must not take back. */
static void start_killed_and_the_next_cut(void **state)
{
    struct sim_rig *fixture = *state;
    struct rig *rig = &fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    rig_put_many(rig, 0, 3, 100);
    rig_kill(rig);
    for (uint64_t killed = 1; killed <= NAMES_CHANGED_MAX; killed++)
        for (uint64_t cut = 1; cut <= NAMES_CHANGED_MAX; cut++) {
            start_until(fixture, PLAN_KILL, killed);
            start_until(fixture, PLAN_POWER_CUT, cut);
            assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
            assert_int_equal(log_end_offset(rig->logs[0]), 3);
            rig_kill(rig);
        }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, sim_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(any_block_may_go_bad),
        CASE(any_block_of_the_base_may_go_bad),
        CASE(last_commit_may_be_torn_at_any_block),
        CASE(both_copies_of_commits_go_bad),
        CASE(start_is_shown_when_it_is_durable),
        CASE(catalog_that_is_lost),
        CASE(lost_log_knows_its_producers_and_epochs),
        CASE(file_makes_way_for_the_next),
        CASE(removed_log_stays_removed),
        CASE(cores_may_change),
        CASE(idle_logs_are_not_looked_at),
        CASE(mention_comes_first),
        CASE(three_of_a_thousand),
        CASE(idle_store_is_recorded),
        CASE(start_killed_and_the_next_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
