/* Fixed stories (tale.h: appends small and large, rolls, checkpoints, indexes, cold reads,
 * compaction, retention, deletions, an orderly stop, a second life), in which something goes wrong
 * at the nth operation of the disk, for every n: the power is cut, the process is killed, or the
 * operation fails, finds no space, or is done in part. Afterwards nothing acknowledged is lost,
 * nothing wrong is served, what is known beside the batches is what a reading of them gives, and
 * the store works on. The snapshot of the metadata has a story of its own, in
 * tests/cluster/controller_power_test.c.
 *
 *   storage_every_op                           all of it
 *   storage_every_op STORY TROUBLE NTH SEED    one case, which is what a failure prints */
#include "base/assert.h"
#include "tests/storage/check.h"
#include "tests/storage/tale.h"

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

enum { NTH_MAX = 20000 };

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

/* The nth operation of this story is struck. */
struct strike {
    const struct plot *plot;
    const struct trouble *trouble;
    uint64_t nth;
    uint64_t seed;
};

struct telling {
    struct tale tale;
    const struct trouble *trouble;
    struct prng prng;
};

static struct telling *begin(const struct strike *strike)
{
    const struct trouble *trouble = strike->trouble;
    struct telling *telling = calloc(1, sizeof *telling);
    assert(telling != NULL);
    telling->trouble = trouble;
    prng_init(&telling->prng, strike->seed);
    struct tale *tale = &telling->tale;
    tale_init(tale, strike->plot, strike->seed);
    tale->sim.plan = (struct planned_fault){trouble->effect, trouble->kinds, strike->nth};
    tale->twins.may_fail = trouble->effect == PLAN_IO_ERROR || trouble->effect == PLAN_NO_SPACE;
    tale->rig.options.unsafe_skip_sync = trouble->mistake == SKIPPED_SYNC;
    if (trouble->mistake == EARLY_ACKNOWLEDGEMENT)
        tale->rig.config.flush_messages = 1000; /* Kafka's way to ask for it */
    return telling;
}

/* However the life came to its end, or is brought to it now. */
static void end_life(struct telling *telling)
{
    struct tale *tale = &telling->tale;
    switch (prng_below(&telling->prng, 3)) {
    case 0: tale_stop(tale); break;
    case 1: rig_kill(&tale->rig); break;
    case 2: rig_cut_power(&tale->rig); break;
    }
    twins_harvest(&tale->twins);
}

static void cut_recoveries_short(struct telling *telling)
{
    struct tale *tale = &telling->tale;
    for (uint64_t count = 1 + prng_below(&telling->prng, 3); count > 0; count--) {
        node_plan(tale->sim.node, (struct planned_fault){PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE,
                                                         1 + prng_below(&telling->prng, 80)});
        if (rig_start(&tale->rig, 1, TALE_LOGS) == STATUS_OK)
            rig_cut_power(&tale->rig);
        node_forget_plans(tale->sim.node);
    }
}

/* From here on nothing goes wrong any more: the store is whole, takes more, and stops in order. */
static void check_aftermath(struct tale *tale)
{
    tale->twins.may_fail = false;
    tale_start(tale);
    if (!tale->rig.is_alive)
        twins_complain(&tale->twins, "a start has failed");
    tale_go_on(tale);
    for (uint32_t log = 0; log < TALE_LOGS && tale_goes_on(tale); log++)
        twins_compare(&tale->twins, log);
    tale_stop(tale);
    if (twins_are_well(&tale->twins))
        tale_start(tale);
    if (tale_goes_on(tale) && !tale->rig.report.was_clean)
        twins_complain(&tale->twins, "an orderly stop leaves something to recover");
}

struct outcome {
    bool is_well;
    bool has_struck; /* false: the story is over before its nth operation */
    uint32_t deeds;
    uint64_t operation_count; /* of the kinds that the trouble may strike */
};

static void report(const struct tale *tale, const struct strike *strike)
{
    fprintf(stderr, "storage_every_op %s %s %" PRIu64 " %" PRIu64 ": %s\n%s", strike->plot->name,
            strike->trouble->name, strike->nth, strike->seed, tale->twins.complaint,
            tale->rig.log_text);
}

static struct outcome run_story(const struct strike *strike)
{
    struct telling *telling = begin(strike);
    struct tale *tale = &telling->tale;
    tale_tell(tale);
    struct outcome outcome = {
        .has_struck = !node_has_plans(tale->sim.node),
        .deeds = tale->deeds,
        .operation_count = node_count_planned(tale->sim.node),
    };
    node_forget_plans(tale->sim.node);
    if (tale_goes_on(tale))
        end_life(telling);
    if (strike->trouble->is_nested && twins_are_well(&tale->twins))
        cut_recoveries_short(telling);
    if (twins_are_well(&tale->twins))
        check_aftermath(tale);
    outcome.is_well = twins_are_well(&tale->twins);
    if (!outcome.is_well && strike->trouble->mistake == NO_MISTAKE)
        report(tale, strike);
    tale_deinit(tale);
    free(telling);
    return outcome;
}

/* For every n until the story is over before it comes to it. */
static uint32_t run_plot(const struct plot *plot, const struct trouble *trouble)
{
    uint32_t failed_count = 0;
    bool has_struck = true;
    for (uint64_t nth = 1; has_struck; nth += STRIDE) {
        assert_true(nth < NTH_MAX);
        for (uint32_t i = 0; i < trouble->seed_count; i++) {
            struct outcome outcome =
                run_story(&(struct strike){plot, trouble, nth, 1000 * i + nth});
            has_struck = outcome.has_struck;
            failed_count += !outcome.is_well;
        }
    }
    return failed_count;
}

static uint32_t run_trouble(const struct trouble *trouble)
{
    uint32_t failed_count = 0;
    for (uint32_t i = 0; i < PLOT_COUNT; i++)
        failed_count += run_plot(&plots[i], trouble);
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
    for (uint64_t nth = 1; has_struck; nth += 7) {
        struct outcome outcome = run_story(&(struct strike){&plots[0], trouble, nth, nth});
        has_struck = outcome.has_struck;
        if (!outcome.is_well)
            return true;
    }
    return false;
}

/* Who does not sync, or acknowledges before he does, is found out. */
static void mistakes_are_found(void **state)
{
    assert_true(is_found(find_trouble("skipped-sync")));
    assert_true(is_found(find_trouble("early-ack")));
}

/* The stories come to everything that there is to strike at: each kind of operation, and all that a
 * store does in the background. */
static void stories_leave_nothing_out(void **state)
{
    static const enum io_kind kinds[] = {
        IO_OPEN,
        IO_CLOSE,
        IO_READ,
        IO_WRITE,
        IO_SYNC,
        IO_ALLOCATE,
        IO_RENAME,
        IO_UNLINK,
        IO_MAKE_DIRECTORY,
        IO_SYNC_DIRECTORY,
        IO_REMOVE_DIRECTORY,
        IO_LIST_DIRECTORY,
    };
    uint32_t deeds = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct trouble watching = {"watching", PLAN_KILL, 1u << kinds[i], 1};
        uint64_t count = 0;
        for (uint32_t plot = 0; plot < PLOT_COUNT; plot++) {
            struct outcome outcome =
                run_story(&(struct strike){&plots[plot], &watching, UINT64_MAX, 1});
            assert_true(outcome.is_well);
            count += outcome.operation_count;
            deeds |= outcome.deeds;
        }
        if (count == 0)
            fail_msg("no operation of kind %d", (int)kinds[i]);
    }
    assert_int_equal(deeds, (1u << DEED_COUNT) - 1);
}

static const struct plot *find_plot(const char *name)
{
    for (uint32_t i = 0; i < PLOT_COUNT; i++)
        if (strcmp(plots[i].name, name) == 0)
            return &plots[i];
    fail_msg("no such story");
    return NULL;
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 5)
        return !run_story(&(struct strike){find_plot(arguments[1]), find_trouble(arguments[2]),
                                           strtoull(arguments[3], NULL, 10),
                                           strtoull(arguments[4], NULL, 10)})
                    .is_well;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_leave_nothing_out), cmocka_unit_test(power_is_cut_anywhere),
        cmocka_unit_test(recovery_is_cut_anywhere),  cmocka_unit_test(process_is_killed_anywhere),
        cmocka_unit_test(any_operation_fails),       cmocka_unit_test(any_growth_finds_no_space),
        cmocka_unit_test(any_transfer_is_short),     cmocka_unit_test(mistakes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
