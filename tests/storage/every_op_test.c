/* One fixed story (a start, small and large appends, rolls, checkpoints, cold reads, the deletion
 * of a log, an orderly stop, a second life), in which something goes wrong at the nth operation of
 * the disk, for every n: the power is cut, the process is killed, or the operation fails, finds no
 * space, or is done in part. Afterwards nothing acknowledged is lost, nothing wrong is served, what
 * is known beside the batches is what a reading of them gives, and the store works on.
 *
 *   storage_every_op                     all of it
 *   storage_every_op TROUBLE NTH SEED    one case, which is what a failure prints */
#include "base/assert.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sanitizer takes ten times as long: it takes only every so manieth case. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 20 };
#else
enum { STRIDE = 1 };
#endif

enum { LOGS = 3, SMALL = 900, MIDDLE = 7000, LARGE = 50000, NTH_MAX = 20000, RETRIES_MAX = 3000 };

/* Deliberate mistakes, to show that they are found. */
enum mistake { NO_MISTAKE, SKIPPED_SYNC, EARLY_ACKNOWLEDGEMENT };

/* What goes wrong, and at what kinds of operations. */
struct trouble {
    const char *name;
    enum planned_effect effect;
    uint32_t kinds;
    uint32_t seed_count; /* how often each n is tried: what a power cut takes is drawn anew */
    bool is_nested;      /* the recovery is cut short as well */
    enum mistake mistake;
};

enum {
    /* An error of a close, or of asking for a size, has no meaning of its own. */
    FAILING = PLAN_ANY_FILE & ~(1 << IO_CLOSE | 1 << IO_FILE_SIZE | 1 << IO_FREE_SPACE),
    GROWING =
        1 << IO_OPEN | 1 << IO_WRITE | 1 << IO_ALLOCATE | 1 << IO_MAKE_DIRECTORY | 1 << IO_RENAME,
    MOVING = 1 << IO_READ | 1 << IO_WRITE,
};

static const struct trouble troubles[] = {
    {"power-cut", PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, 2},
    {"nested-power-cut", PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, 1, true},
    {"kill", PLAN_KILL, (uint32_t)PLAN_ANY_FILE, 1},
    {"error", PLAN_IO_ERROR, (uint32_t)FAILING, 1},
    {"no-space", PLAN_NO_SPACE, (uint32_t)GROWING, 1},
    {"short", PLAN_SHORT, (uint32_t)MOVING, 1},
    {"skipped-sync", PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, 1, false, SKIPPED_SYNC},
    {"early-ack", PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE, 1, false, EARLY_ACKNOWLEDGEMENT},
};

struct story {
    const struct trouble *trouble;
    struct sim_harness sim;
    struct rig rig;
    struct twins twins;
    struct prng prng;
    uint32_t batch_count; /* so far, to make each another */
    uint32_t start_count; /* every other life has two cores */
};

static bool goes_on(const struct story *story)
{
    return story->rig.is_alive && twins_are_well(&story->twins);
}

/* --- What is done ------------------------------------------------------------------------------
 */

static bool is_refused_for_now(enum status status)
{
    return status == STATUS_NO_SPACE || status == STATUS_NO_MEMORY;
}

/* A batch, again and again as long as there is no space for it: a full disk is not for ever. */
static void append(struct story *story, uint32_t log, uint32_t size, bool has_producer)
{
    const struct model_batch *last;
    struct rig_batch shape = {.value_size = size, .seed = ++story->batch_count};
    if (has_producer) {
        shape.producer_id = 100 + log;
        if (model_producer(&story->twins.models[log], shape.producer_id, &last, 1) > 0)
            shape.base_sequence = last->last_sequence + 1;
    }
    shape.timestamp_ms = story->rig.now_ms + story->batch_count;
    uint32_t attempts = 0;
    while (goes_on(story) && is_refused_for_now(twins_append(&story->twins, log, &shape))) {
        if (++attempts == RETRIES_MAX)
            twins_complain(&story->twins, "log %u: an append is refused for ever", log);
        twins_settle(&story->twins);
        if (goes_on(story))
            rig_turn(&story->rig);
    }
}

static void append_many(struct story *story, uint32_t log, uint32_t count, uint32_t size)
{
    if (story->twins.fates[log] != TWIN_LIVES)
        return;
    for (uint32_t i = 0; i < count && goes_on(story); i++)
        append(story, log, size, i % 2 == 0);
}

static void append_a_few(struct story *story)
{
    for (uint32_t log = 0; log < LOGS; log++)
        append_many(story, log, 3, SMALL);
    twins_settle(&story->twins);
}

static void append_large(struct story *story)
{
    append(story, 0, LARGE, true);
    append(story, 1, LARGE, false);
    append(story, 1, SMALL, true);
    append(story, 1, LARGE, false);
    twins_settle(&story->twins);
}

/* Segments of 128 KiB. */
static void roll(struct story *story)
{
    append_many(story, 0, 3, LARGE);
    append_many(story, 1, 2, LARGE);
    story->rig.leader_epoch++;
    append_many(story, 0, 2, SMALL);
    twins_settle(&story->twins);
}

/* More than the journal holds: it must be emptied into the segments. */
static void fill_journal(struct story *story)
{
    for (uint32_t i = 0; i < 9 && goes_on(story); i++) {
        append_many(story, 0, 5, MIDDLE);
        append_many(story, 2, 4, MIDDLE);
        twins_settle(&story->twins);
    }
}

static void read_cold(struct story *story)
{
    for (uint32_t log = 0; log < LOGS && goes_on(story); log++) {
        struct log_lookup lookup = {.timestamp_ms = story->rig.now_ms + 5, .end_offset = INT64_MAX};
        if (story->twins.fates[log] != TWIN_LIVES)
            continue;
        twins_lookup(&story->twins, log, &lookup);
        for (int64_t offset = 0; offset < 40 && goes_on(story); offset += 7) {
            struct log_read read = {.offset = offset,
                                    .end_offset = INT64_MAX,
                                    .size_bytes_max = 20000,
                                    .first_batch_anyway = true};
            twins_read(&story->twins, log, &read);
        }
    }
}

static void delete_log(struct story *story)
{
    if (goes_on(story))
        twins_delete(&story->twins, 2);
}

/* Records are deleted up to the middle of a batch, or so. */
static void trim(struct story *story)
{
    for (uint32_t log = 0; log < 2 && goes_on(story); log++) {
        twins_commit(&story->twins, log);
        twins_delete_records(&story->twins, log, 10);
    }
}

/* Old segments go, and their files with them. */
static void retain(struct story *story)
{
    twins_settle(&story->twins);
    story->rig.config.retention_bytes = 200 << 10;
    story->rig.config.file_delete_delay_ms = 0;
    for (uint32_t log = 0; log < LOGS && goes_on(story); log++) {
        if (story->twins.fates[log] != TWIN_LIVES)
            continue;
        twins_commit(&story->twins, log);
        log_configure(story->rig.logs[log], &story->rig.config);
    }
    if (goes_on(story))
        rig_retain(&story->rig);
    twins_watch(&story->twins);
}

/* An error may be met here, too: then the start fails, and the next one does not. */
static void start(struct story *story)
{
    enum status status = rig_start(&story->rig, 1 + story->start_count++ % 2, LOGS);
    if (status == STATUS_OK)
        twins_reopened(&story->twins);
    else if (status == STATUS_CORRUPT || (story->rig.is_alive && !story->twins.may_fail))
        twins_complain(&story->twins, "a start ends with %s", status_text(status));
}

static void stop(struct story *story)
{
    twins_settle(&story->twins);
    if (!goes_on(story))
        return;
    bool was_struck = !node_has_plans(story->sim.node);
    enum status status = rig_stop(&story->rig);
    bool is_struck = !node_has_plans(story->sim.node);
    bool is_excused = is_struck && (!was_struck || story->twins.may_fail);
    if (status != STATUS_OK && story->rig.is_alive && !is_excused)
        twins_complain(&story->twins, "a stop ends with %s", status_text(status));
}

static void stop_and_start(struct story *story)
{
    stop(story);
    if (twins_are_well(&story->twins))
        start(story);
}

/* --- The story --------------------------------------------------------------------------------
 */

static void (*const chapters[])(struct story *story) = {
    start,          append_a_few, append_large, roll,       fill_journal, read_cold,
    trim,           roll,         retain,       delete_log, read_cold,    append_large,
    stop_and_start, append_a_few, fill_journal, retain,     roll,
};

static void begin(struct story *story, const struct trouble *trouble, uint64_t nth, uint64_t seed)
{
    story->trouble = trouble;
    prng_init(&story->prng, seed);
    sim_harness_init(&story->sim, seed);
    story->sim.plan = (struct planned_fault){trouble->effect, trouble->kinds, nth};
    rig_init(&story->rig, &story->sim.harness);
    story->rig.options.journal_file_bytes = 256 << 10;
    story->rig.options.direct_size_bytes = 16 << 10;
    story->rig.options.memory_bytes_max = 16 << 20;
    story->rig.options.cache_bytes_max = 64 << 10;
    story->rig.options.unsafe_skip_sync = trouble->mistake == SKIPPED_SYNC;
    story->rig.config.segment_bytes_max = 128 << 10;
    if (trouble->mistake == EARLY_ACKNOWLEDGEMENT)
        story->rig.config.flush_messages = 1000; /* Kafka's way to ask for it */
    twins_init(&story->twins, &story->rig, LOGS);
    story->twins.may_fail = trouble->effect == PLAN_IO_ERROR || trouble->effect == PLAN_NO_SPACE;
}

static void finish(struct story *story)
{
    if (story->rig.is_alive)
        rig_kill(&story->rig);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    twins_deinit(&story->twins);
    free(story);
}

/* However the life came to its end, or is brought to it now. */
static void end_life(struct story *story)
{
    switch (prng_below(&story->prng, 3)) {
    case 0: stop(story); break;
    case 1: rig_kill(&story->rig); break;
    case 2: rig_cut_power(&story->rig); break;
    }
    twins_harvest(&story->twins);
}

static void cut_recoveries_short(struct story *story)
{
    for (uint64_t count = 1 + prng_below(&story->prng, 3); count > 0; count--) {
        node_plan(story->sim.node, (struct planned_fault){PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE,
                                                          1 + prng_below(&story->prng, 80)});
        if (rig_start(&story->rig, 1, LOGS) == STATUS_OK)
            rig_cut_power(&story->rig);
        node_forget_plans(story->sim.node);
    }
}

/* From here on nothing goes wrong any more: the store is whole, takes more, and stops in order. */
static void check_aftermath(struct story *story)
{
    story->twins.may_fail = false;
    start(story);
    if (!story->rig.is_alive)
        twins_complain(&story->twins, "a start has failed");
    append_a_few(story);
    roll(story);
    for (uint32_t log = 0; log < LOGS && goes_on(story); log++)
        twins_compare(&story->twins, log);
    stop_and_start(story);
    if (goes_on(story) && !story->rig.report.was_clean)
        twins_complain(&story->twins, "an orderly stop leaves something to recover");
}

/* True if all went well. `has_struck` false: the story is over before its nth operation. */
static bool run_story(const struct trouble *trouble, uint64_t nth, uint64_t seed, bool *has_struck)
{
    enum { CHAPTER_COUNT = sizeof chapters / sizeof chapters[0] };
    struct story *story = calloc(1, sizeof *story);
    assert(story != NULL);
    begin(story, trouble, nth, seed);
    for (uint32_t i = 0; i < CHAPTER_COUNT && twins_are_well(&story->twins); i++)
        chapters[i](story);
    *has_struck = !node_has_plans(story->sim.node);
    node_forget_plans(story->sim.node);
    if (goes_on(story))
        end_life(story);
    if (trouble->is_nested && twins_are_well(&story->twins))
        cut_recoveries_short(story);
    if (twins_are_well(&story->twins))
        check_aftermath(story);
    bool is_well = twins_are_well(&story->twins);
    if (!is_well && trouble->mistake == NO_MISTAKE)
        fprintf(stderr, "storage_every_op %s %" PRIu64 " %" PRIu64 ": %s\n%s", trouble->name, nth,
                seed, story->twins.complaint, story->rig.log_text);
    finish(story);
    return is_well;
}

/* For every n until the story is over before it comes to it. */
static uint32_t run_trouble(const struct trouble *trouble)
{
    uint32_t failed_count = 0;
    bool has_struck = true;
    for (uint64_t nth = 1; has_struck; nth += STRIDE) {
        assert_true(nth < NTH_MAX);
        for (uint32_t i = 0; i < trouble->seed_count; i++)
            failed_count += !run_story(trouble, nth, 1000 * i + nth, &has_struck);
    }
    return failed_count;
}

static const struct trouble *find_trouble(const char *name)
{
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if (strcmp(troubles[i].name, name) == 0)
            return &troubles[i];
    fail_msg("no such trouble");
    return NULL;
}

#define TROUBLE_CASE(function, name)                                                               \
    static void function(void **state)                                                             \
    {                                                                                              \
        assert_int_equal(run_trouble(find_trouble(name)), 0);                                      \
    }

/* A power cut before any operation, whatever it leaves of those before it. */
TROUBLE_CASE(power_is_cut_anywhere, "power-cut")
/* The same, and the recovery is cut short, too. */
TROUBLE_CASE(recovery_is_cut_anywhere, "nested-power-cut")
TROUBLE_CASE(process_is_killed_anywhere, "kill")
/* Any operation fails: what depends on it is not acknowledged, and the store says so. */
TROUBLE_CASE(any_operation_fails, "error")
/* Any file finds no space: nothing fails for good, and it is taken when there is space again. */
TROUBLE_CASE(any_growth_finds_no_space, "no-space")
/* Any transfer is done in part: nobody notices. */
TROUBLE_CASE(any_transfer_is_short, "short")

/* A mistake is found soon. */
static bool is_found(const struct trouble *trouble)
{
    bool has_struck = true;
    for (uint64_t nth = 1; has_struck; nth += 7)
        if (!run_story(trouble, nth, nth, &has_struck))
            return true;
    return false;
}

/* Who does not sync, or acknowledges before he does, is found out. */
static void mistakes_are_found(void **state)
{
    assert_true(is_found(find_trouble("skipped-sync")));
    assert_true(is_found(find_trouble("early-ack")));
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 4) {
        bool has_struck;
        return !run_story(find_trouble(arguments[1]), strtoull(arguments[2], NULL, 10),
                          strtoull(arguments[3], NULL, 10), &has_struck);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_cut_anywhere),      cmocka_unit_test(recovery_is_cut_anywhere),
        cmocka_unit_test(process_is_killed_anywhere), cmocka_unit_test(any_operation_fails),
        cmocka_unit_test(any_growth_finds_no_space),  cmocka_unit_test(any_transfer_is_short),
        cmocka_unit_test(mistakes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
