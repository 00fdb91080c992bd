/* The differential test: a random life of a store beside a naive model of it. Appends of all sizes
 * and codecs, producers that repeat, skip and restart, new leader epochs, segments that roll by
 * size and age, reads, lookups, orderly stops, kills, power cuts, other numbers of cores; every
 * answer equals the model's.
 *
 *   storage_model                    a few thousand steps
 *   storage_model FIRST LAST STEPS   these seeds with so many steps each; a failure prints its own
 */
#include "base/assert.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t NS_PER_MS = 1000 * 1000;

enum { LOGS = 3, CORES_MAX = 3, PRODUCERS = 4, SEEDS = 24, STEPS = 200, START_ATTEMPTS = 20 };

/* A cleaned segment has one generation more than those it was made of: never so many. */
enum { LEFTOVER_GENERATION = 1000, LEFTOVER_SIZE = 5000, SWEEP_SECONDS = 30 };

struct story {
    struct sim_harness sim;
    struct faults faults; /* of this story's world, when it is not quiet */
    struct rig rig;
    struct prng prng;
    struct twins twins;
    uint32_t core_count;
    int64_t leftovers[LOGS]; /* the base offset of a file that belongs to no log; -1: none */
    bool is_loose;           /* acknowledgements run ahead of the disk */
};

static uint64_t below(struct story *story, uint64_t bound)
{
    return prng_below(&story->prng, bound);
}

static bool chance(struct story *story, uint32_t numerator, uint32_t denominator)
{
    return prng_chance(&story->prng, numerator, denominator);
}

static uint32_t choose_log(struct story *story)
{
    return (uint32_t)below(story, LOGS);
}

/* --- Appending -------------------------------------------------------------------------------- */

static uint32_t choose_size(struct story *story)
{
    switch (below(story, 12)) {
    case 0: return 1;
    case 1: return 30000 + (uint32_t)below(story, 6000); /* about what goes past the journal */
    case 2: return 1 + (uint32_t)below(story, 200 << 10);
    case 3: return 1 + (uint32_t)below(story, 60000);
    default: return 1 + (uint32_t)below(story, 3000);
    }
}

/* Mostly near now, going on or back; now and then far away. */
static void choose_times(struct story *story, struct rig_batch *shape)
{
    shape->timestamp_ms = story->rig.now_ms + (int64_t)below(story, 2000) - 1000;
    shape->timestamp_step_ms = (int64_t)below(story, 7) - 3;
    if (chance(story, 1, 40))
        shape->timestamp_ms += (int64_t)below(story, 1000000) - 500000;
}

/* Of a producer's batches in the model: the next one, a repetition, a gap, an older epoch, a newer
 * one that begins as it should or not. */
static void choose_sequence(struct story *story, uint32_t log, struct rig_batch *shape)
{
    const struct model_batch *known[8];
    shape->producer_id = 100 + (int64_t)below(story, PRODUCERS);
    uint32_t count = model_producer(&story->twins.models[log], shape->producer_id, known, 8);
    if (count == 0) {
        shape->base_sequence = chance(story, 1, 3) ? INT32_MAX - (int32_t)below(story, 20) : 0;
        return;
    }
    const struct model_batch *chosen = known[below(story, count)];
    shape->producer_epoch = known[0]->producer_epoch;
    shape->base_sequence = known[0]->last_sequence == INT32_MAX ? 0 : known[0]->last_sequence + 1;
    switch (below(story, 16)) {
    case 0:
    case 1:
        shape->base_sequence = chosen->base_sequence;
        shape->record_count = chosen->record_count;
        break;
    case 2: shape->base_sequence = (int32_t)below(story, INT32_MAX); break;
    case 3: shape->producer_epoch -= shape->producer_epoch > 0; break;
    case 4: shape->producer_epoch++; break;
    case 5:
        shape->producer_epoch++;
        shape->base_sequence = 0;
        break;
    default: break;
    }
}

/* Of a transaction that is open, or of none; the producer's epoch, the one before or the next. */
static void append_marker(struct story *story)
{
    uint32_t log = choose_log(story);
    struct rig_marker shape = {
        .producer_id = 100 + (int64_t)below(story, PRODUCERS),
        .coordinator_epoch = story->rig.leader_epoch + (chance(story, 1, 20) ? -1 : 0),
        .is_abort = chance(story, 1, 2),
    };
    int16_t epoch = model_producer_epoch(&story->twins.models[log], shape.producer_id);
    shape.producer_epoch = epoch < 0 ? 0 : epoch;
    if (chance(story, 1, 10))
        shape.producer_epoch += chance(story, 1, 2) || epoch <= 0 ? 1 : -1;
    twins_append_marker(&story->twins, log, &shape);
}

/* Most of what a producer with an open transaction sends belongs to it. */
static bool choose_transactional(struct story *story, uint32_t log, int64_t producer_id)
{
    bool is_open = model_is_open(&story->twins.models[log], producer_id);
    return is_open ? chance(story, 15, 16) : chance(story, 1, 3);
}

static void append(struct story *story)
{
    struct rig_batch shape = {
        .value_size = choose_size(story),
        .record_count = chance(story, 1, 4) ? 1 + (uint32_t)below(story, 20) : 1,
        .compression = chance(story, 1, 3) ? (enum compression)below(story, COMPRESSION_COUNT)
                                           : COMPRESSION_NONE,
        .key_count = story->twins.are_compacted ? 1 + (uint32_t)below(story, 60) : 0,
        .has_tombstones = story->twins.are_compacted,
        .seed = prng_u64(&story->prng),
    };
    uint32_t log = choose_log(story);
    shape.value_size /= shape.record_count;
    choose_times(story, &shape);
    if (chance(story, 1, 2))
        choose_sequence(story, log, &shape);
    if (shape.producer_id != 0)
        shape.is_transactional = choose_transactional(story, log, shape.producer_id);
    twins_append(&story->twins, log, &shape);
}

static void append_many(struct story *story)
{
    for (uint64_t count = 1 + below(story, 40); count > 0; count--)
        append(story);
}

static void let_pass(struct story *story)
{
    for (uint64_t turns = below(story, 30); turns > 0 && story->rig.is_alive; turns--)
        rig_turn(&story->rig);
    twins_harvest(&story->twins);
}

static void settle(struct story *story)
{
    twins_settle(&story->twins);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Within the log, at its ends, and a little beyond. */
static int64_t choose_offset(struct story *story, uint32_t log)
{
    const struct model *model = &story->twins.models[log];
    int64_t size = model->end_offset - model->start_offset;
    int64_t offset = model->start_offset + (int64_t)below(story, (uint64_t)size + 1);
    if (chance(story, 1, 20))
        offset = model->end_offset + (int64_t)below(story, 3) - 1;
    if (chance(story, 1, 20))
        offset = model->start_offset + (int64_t)below(story, 3) - 1;
    return offset < 0 ? 0 : offset;
}

static void read_once(struct story *story)
{
    uint32_t log = choose_log(story);
    struct log_read read = {
        .offset = choose_offset(story, log),
        .end_offset = chance(story, 1, 3) ? choose_offset(story, log) : INT64_MAX,
        .size_bytes_max = 1 + (uint32_t)below(story, chance(story, 1, 2) ? 5000 : 1 << 20),
        .first_batch_anyway = chance(story, 4, 5),
    };
    twins_read(&story->twins, log, &read);
}

/* Where a batch begins: readers' limits lie between batches. */
static int64_t choose_limit(struct story *story, uint32_t log)
{
    const struct model *model = &story->twins.models[log];
    const struct model_batch *batch = model_batch_from(model, choose_offset(story, log));
    return batch == NULL || chance(story, 2, 3) ? INT64_MAX : batch->base_offset;
}

static void read_committed(struct story *story)
{
    uint32_t log = choose_log(story);
    twins_read_committed(&story->twins, log, choose_offset(story, log));
}

static void look_up(struct story *story)
{
    uint32_t log = choose_log(story);
    const struct model *model = &story->twins.models[log];
    struct log_lookup lookup = {
        .timestamp_ms = story->rig.now_ms + (int64_t)below(story, 20000) - 10000,
        .end_offset = choose_limit(story, log),
        .want_max = chance(story, 1, 3),
    };
    if (model->record_count > 0 && chance(story, 2, 3))
        lookup.timestamp_ms = model->records[below(story, model->record_count)].timestamp_ms +
                              (int64_t)below(story, 3) - 1;
    twins_lookup(&story->twins, log, &lookup);
}

static void ask_epoch(struct story *story)
{
    uint32_t log = choose_log(story);
    twins_ask_epoch(&story->twins, log,
                    (int32_t)below(story, (uint64_t)story->rig.leader_epoch + 3),
                    choose_offset(story, log));
}

/* While everything is compared nothing goes wrong. */
static void set_quiet(struct story *story, bool is_quiet)
{
    story->sim.world->faults = is_quiet ? (struct faults){0} : story->faults;
}

static void compare(struct story *story)
{
    twins_settle(&story->twins);
    set_quiet(story, true);
    twins_compare(&story->twins, choose_log(story));
    set_quiet(story, false);
}

/* --- Changing the world ----------------------------------------------------------------------- */

static void raise_epoch(struct story *story)
{
    story->rig.leader_epoch += 1 + (int32_t)below(story, 2);
}

static void let_time_pass(struct story *story)
{
    world_run_until(story->sim.world,
                    world_now_ns(story->sim.world) + below(story, 4000) * NS_PER_MS);
    twins_harvest(&story->twins);
    if (story->rig.is_alive)
        story->rig.now_ms = io_wall_ms(story->rig.io);
}

/* Kafka lets these change while the topic is in use. */
static void draw_config(struct story *story)
{
    story->rig.config.segment_bytes_max = (64u << 10) << below(story, 5);
    story->rig.config.segment_ms_max = chance(story, 1, 2) ? 10000 : INT64_MAX;
    story->rig.config.retention_bytes = chance(story, 1, 2) ? (int64_t)below(story, 500000) : -1;
    story->rig.config.retention_ms = chance(story, 1, 3) ? (int64_t)below(story, 30000) : -1;
    story->rig.config.file_delete_delay_ms = (int64_t)below(story, 3000);
    story->rig.config.compacts = story->twins.are_compacted;
    story->rig.config.deletes = !story->twins.are_compacted || chance(story, 1, 2);
    story->rig.config.min_cleanable_dirty_ppm = (uint32_t)below(story, 600000);
    story->rig.config.delete_retention_ms = (int64_t)below(story, 5000);
    bool are_loose = story->twins.are_loose[0];
    uint64_t most = chance(story, 1, 2) ? 60 : 4000;
    story->rig.config.flush_messages = are_loose ? 1 + (int64_t)below(story, most) : INT64_MAX;
    story->rig.config.flush_ms = are_loose ? 1 + (int64_t)below(story, 3000) : INT64_MAX;
}

static void configure(struct story *story)
{
    twins_watch(&story->twins);
    draw_config(story);
    for (uint32_t log = 0; log < LOGS; log++)
        log_configure(story->rig.logs[log], &story->rig.config);
}

static void commit(struct story *story)
{
    for (uint32_t log = 0; log < LOGS; log++)
        twins_commit(&story->twins, log);
}

static void delete_records(struct story *story)
{
    uint32_t log = choose_log(story);
    int64_t offset = chance(story, 1, 10) ? -1 : choose_offset(story, log);
    const struct model *model = &story->twins.models[log];
    if (chance(story, 2, 3) && offset > 0) /* mostly a little */
        offset = model->start_offset + (offset - model->start_offset) / 4;
    twins_delete_records(&story->twins, log, offset);
}

static void leftover_path(uint32_t log, int64_t base_offset, const struct story *story,
                          char path[static PATH_SIZE])
{
    char partition[PATH_SIZE];
    struct log_id id = rig_log_id(log);
    path_partition(story->rig.harness->directory, &id, partition);
    path_segment(partition, base_offset, LEFTOVER_GENERATION, path);
}

/* What a compaction leaves behind that was cut short: a file that no state lists. Not after an
 * orderly stop, which says that there are none. */
static void leave_something(struct story *story)
{
    static const uint8_t rubbish[LEFTOVER_SIZE] = {1, 2, 3};
    char path[PATH_SIZE];
    uint32_t log = choose_log(story);
    int64_t base_offset = choose_offset(story, log);
    leftover_path(log, base_offset, story, path);
    set_quiet(story, true);
    if (rig_plant(&story->rig, path, bytes_of(rubbish, sizeof rubbish)) == STATUS_OK)
        story->leftovers[log] = base_offset;
    set_quiet(story, false);
}

/* The last life of the story goes on until it must be gone, but for a log in which nothing was
 * ever. */
static void check_swept(struct story *story)
{
    char path[PATH_SIZE];
    uint64_t size_bytes;
    world_run_until(story->sim.world,
                    world_now_ns(story->sim.world) + SWEEP_SECONDS * 1000 * NS_PER_MS);
    for (uint32_t log = 0; log < LOGS; log++) {
        if (story->leftovers[log] < 0 || log_end_offset(story->rig.logs[log]) == 0)
            continue;
        leftover_path(log, story->leftovers[log], story, path);
        if (rig_has_file(&story->rig, path, &size_bytes))
            twins_complain(&story->twins, "log %u: a leftover is still there", log);
    }
}

/* A new life, on another number of cores perhaps; now and then it is cut short while it recovers.
 */
static void start(struct story *story)
{
    enum status status = STATUS_FAILED;
    story->core_count = 1 + (uint32_t)below(story, CORES_MAX);
    for (uint32_t i = 0; i < START_ATTEMPTS && status != STATUS_OK; i++) {
        set_quiet(story, i > 2);
        if (i > 0 && chance(story, 1, 3))
            node_plan(story->sim.node,
                      (struct planned_fault){PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE,
                                             1 + below(story, 60)});
        status = rig_start(&story->rig, story->core_count, LOGS);
        node_forget_plans(story->sim.node);
        if (status == STATUS_CORRUPT || (status != STATUS_FAILED && !story->twins.may_fail))
            break;
    }
    set_quiet(story, true);
    if (status != STATUS_OK)
        twins_complain(&story->twins, "a start ends with %s", status_text(status));
    else
        twins_reopened(&story->twins);
    set_quiet(story, false);
}

static void restart(struct story *story)
{
    uint64_t way = below(story, 4);
    if (way == 0)
        twins_settle(&story->twins);
    let_pass(story);
    if (way == 0 && rig_stop(&story->rig) != STATUS_OK && !story->twins.may_fail)
        twins_complain(&story->twins, "a stop has failed");
    else if (way == 1)
        rig_kill(&story->rig);
    else if (way > 1)
        rig_cut_power(&story->rig);
    twins_harvest(&story->twins);
    if (way > 0 && !story->rig.is_alive && chance(story, 1, 4))
        leave_something(story);
    start(story);
}

/* --- The story -------------------------------------------------------------------------------- */

static const struct play {
    uint32_t weight;
    void (*act)(struct story *story);
} plays[] = {
    {30, append},     {8, append_many},   {8, let_pass},        {4, settle},
    {20, read_once},  {8, append_marker}, {12, read_committed}, {10, look_up},
    {6, ask_epoch},   {1, compare},       {6, commit},          {2, delete_records},
    {3, raise_epoch}, {5, let_time_pass}, {1, configure},       {2, restart},
};

static bool any_has_failed(const struct story *story)
{
    for (uint32_t i = 0; i < story->rig.core_count; i++)
        if (store_has_failed(story->rig.stores[i]))
            return true;
    return false;
}

/* Who has failed for good is started again, as a supervisor would do. */
static void play_one(struct story *story)
{
    enum { PLAY_COUNT = sizeof plays / sizeof plays[0] };
    uint32_t total = 0;
    for (uint32_t i = 0; i < PLAY_COUNT; i++)
        total += plays[i].weight;
    uint64_t drawn = below(story, total);
    uint32_t index = 0;
    while (drawn >= plays[index].weight)
        drawn -= plays[index++].weight;
    plays[index].act(story);
    if (twins_are_well(&story->twins) && any_has_failed(story))
        restart(story);
}

/* In every other world transfers come in pieces, in every third things fail. */
static void draw_faults(struct story *story)
{
    struct disk_faults *disk = &story->faults.disk;
    disk->short_count = chance(story, 1, 2) ? 50000 : 0;
    story->twins.may_fail = chance(story, 1, 3);
    if (!story->twins.may_fail)
        return;
    disk->read_error = chance(story, 1, 2) ? 5000 : 0;
    disk->write_error = chance(story, 1, 2) ? 3000 : 0;
    disk->sync_error = chance(story, 1, 2) ? 3000 : 0;
    disk->name_error = chance(story, 1, 2) ? 3000 : 0;
    disk->no_space = chance(story, 1, 2) ? 10000 : 0;
    disk->evict = chance(story, 1, 2) ? 500000 : 0;
}

static void begin(struct story *story, uint64_t seed)
{
    prng_init(&story->prng, seed);
    sim_harness_init(&story->sim, seed);
    rig_init(&story->rig, &story->sim.harness);
    story->rig.options.journal_file_bytes = (256u << 10) << below(story, 2);
    story->rig.options.direct_size_bytes = (8u << 10) << below(story, 3);
    story->rig.options.memory_bytes_max = (8u << 20) << below(story, 2);
    story->rig.options.cache_bytes_max = (128u << 10) << below(story, 4);
    story->rig.options.recycle_bytes_min = 16 << 10;
    story->rig.options.retention_check_ms = 1 + (int64_t)below(story, 3000);
    story->rig.options.cleaner_backoff_ms = 1 + (int64_t)below(story, 1000);
    story->rig.options.cleaner_dedupe_buffer_bytes = (4u << 10) << below(story, 5);
    memset(story->leftovers, -1, sizeof story->leftovers);
    twins_init(&story->twins, &story->rig, LOGS);
    story->twins.are_compacted = chance(story, 1, 3);
    bool are_loose = chance(story, 1, 4);
    for (uint32_t log = 0; log < LOGS; log++)
        story->twins.are_loose[log] = are_loose;
    draw_faults(story);
    draw_config(story);
    start(story);
}

static void end(struct story *story)
{
    if (story->rig.is_alive)
        rig_kill(&story->rig);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    twins_deinit(&story->twins);
    free(story);
}

/* True if all answers were equal; otherwise says how to see it again. */
static bool run_story(uint64_t seed, uint64_t step_count)
{
    struct story *story = calloc(1, sizeof *story);
    assert(story != NULL);
    begin(story, seed);
    uint64_t step = 0;
    for (; step < step_count && twins_are_well(&story->twins); step++)
        play_one(story);
    story->faults = (struct faults){0};
    set_quiet(story, true);
    if (twins_are_well(&story->twins))
        restart(story);
    if (twins_are_well(&story->twins))
        check_swept(story);
    bool is_well = twins_are_well(&story->twins);
    if (!is_well)
        fprintf(stderr,
                "storage_model %" PRIu64 " %" PRIu64 " %" PRIu64 ": at step %" PRIu64 ": %s\n%s",
                seed, seed, step_count, step, story->twins.complaint, story->rig.log_text);
    end(story);
    return is_well;
}

static uint32_t run_stories(uint64_t first_seed, uint64_t last_seed, uint64_t step_count)
{
    uint32_t failed_count = 0;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++)
        failed_count += !run_story(seed, step_count);
    return failed_count;
}

/* The store answers like the model, whatever happens. */
static void store_equals_the_model(void **state)
{
    (void)state;
    assert_int_equal(run_stories(1, SEEDS, STEPS), 0);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 4)
        return run_stories(strtoull(arguments[1], NULL, 10), strtoull(arguments[2], NULL, 10),
                           strtoull(arguments[3], NULL, 10)) > 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(store_equals_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
