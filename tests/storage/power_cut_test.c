/* Power cuts at random moments: while appending, while checkpointing, while recovering from the
 * last cut. What was acknowledged is there afterwards, in place and unchanged; what was not is
 * there as it was sent, or not at all. A failing seed is printed. The same test without syncs must
 * fail. */
#include "base/crc32c.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdio.h>
#include <stdlib.h>

/* A sanitizer takes ten times as long. */
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 30, BITING_SEEDS = 10 };
#else
enum { SEEDS = 300, BITING_SEEDS = 40 };
#endif

enum { LOGS = 3, LIVES = 6, BATCHES_MAX = 4096, IN_FLIGHT_MAX = 48 };

/* One batch that was sent and got an offset; of several sent to one offset in different lives, the
 * newest. Before recovery both may be what is found. */
struct sent {
    int64_t base_offset;
    int64_t last_offset;
    uint32_t crc;
    bool is_acknowledged;
};

/* What a log must hold. */
struct ledger {
    struct sent sent[BATCHES_MAX];
    uint32_t count;
};

struct flight {
    struct rig_append append;
    struct ledger *ledger;
    uint32_t sent_index;
    bool is_used;
};

struct story {
    struct sim_harness sim;
    struct rig rig;
    struct prng prng;
    struct ledger ledgers[LOGS];
    struct flight flights[IN_FLIGHT_MAX];
    const char *complaint; /* NULL: all is well */
};

static void complain(struct story *story, const char *complaint)
{
    if (story->complaint == NULL)
        story->complaint = complaint;
}

/* --- Appending -------------------------------------------------------------------------------- */

static uint32_t random_size(struct prng *prng)
{
    switch (prng_below(prng, 10)) {
    case 0: return 1 + (uint32_t)prng_below(prng, 60000);
    case 1: return 16000 + (uint32_t)prng_below(prng, 100000);
    default: return 1 + (uint32_t)prng_below(prng, 3000);
    }
}

static void harvest(struct story *story)
{
    for (uint32_t i = 0; i < IN_FLIGHT_MAX; i++) {
        struct flight *flight = &story->flights[i];
        if (!flight->is_used || !flight->append.has_landed)
            continue;
        flight->is_used = false;
        if (flight->append.result == STATUS_OK)
            flight->ledger->sent[flight->sent_index].is_acknowledged = true;
    }
}

static void send(struct story *story, struct flight *flight)
{
    uint32_t log = (uint32_t)prng_below(&story->prng, LOGS);
    struct ledger *ledger = &story->ledgers[log];
    if (ledger->count == BATCHES_MAX)
        return;
    struct rig_batch shape = {.value_size = random_size(&story->prng),
                              .record_count = 1 + (uint32_t)prng_below(&story->prng, 3),
                              .seed = prng_u64(&story->prng)};
    struct bytes batch = rig_make(&story->rig, &shape);
    rig_append(&story->rig, log, &flight->append, batch);
    flight->is_used = true;
    flight->ledger = ledger;
    flight->sent_index = ledger->count;
    if (flight->append.append.refused != STATUS_OK) {
        flight->is_used = false;
        while (!flight->append.has_landed && story->rig.is_alive)
            rig_turn(&story->rig);
        return;
    }
    ledger->sent[ledger->count++] =
        (struct sent){flight->append.append.base_offset, flight->append.append.last_offset,
                      load_u32_be(batch.data + BATCH_CRC_AT), false};
}

static void work(struct story *story)
{
    uint32_t steps = (uint32_t)prng_between(&story->prng, 20, 400);
    for (uint32_t i = 0; i < steps && story->rig.is_alive; i++) {
        struct flight *flight = &story->flights[prng_below(&story->prng, IN_FLIGHT_MAX)];
        if (!flight->is_used)
            send(story, flight);
        uint64_t turns = prng_below(&story->prng, 6);
        for (uint64_t k = 0; k < turns && story->rig.is_alive; k++)
            rig_turn(&story->rig);
        harvest(story);
    }
}

/* --- Checking --------------------------------------------------------------------------------- */

/* The batch found in the log is one that was sent to this offset. Entries of the ledger that were
 * lost, and offsets given anew in later lives, are found by searching from the newest. */
static bool was_sent(const struct ledger *ledger, const struct batch_header *header,
                     bool *is_acknowledged)
{
    for (uint32_t i = ledger->count; i > 0; i--) {
        const struct sent *sent = &ledger->sent[i - 1];
        if (sent->base_offset != header->base_offset || sent->crc != header->crc)
            continue;
        *is_acknowledged = sent->is_acknowledged;
        return true;
    }
    return false;
}

/* What survived becomes the ledger's content: from now on it is as good as acknowledged, because
 * readers may have seen it. */
static void check_batches(struct story *story, struct ledger *ledger, struct ledger *survived,
                          const struct log_read *read)
{
    for (uint32_t i = 0; i < read->piece_count; i++) {
        struct bytes rest = read->pieces[i];
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            struct batch_header header;
            bool is_acknowledged = false;
            if (batch_header_read(batch, &header) != STATUS_OK || !batch_crc_is_right(batch) ||
                !was_sent(ledger, &header, &is_acknowledged)) {
                complain(story, "a batch that nobody sent");
                return;
            }
            survived->sent[survived->count++] =
                (struct sent){header.base_offset, batch_last_offset(&header), header.crc, true};
        }
    }
}

static void check_acknowledged(struct story *story, const struct ledger *ledger,
                               const struct ledger *survived)
{
    for (uint32_t i = 0; i < ledger->count; i++) {
        const struct sent *sent = &ledger->sent[i];
        bool is_there = !sent->is_acknowledged;
        for (uint32_t k = 0; k < survived->count && !is_there; k++)
            is_there = survived->sent[k].base_offset == sent->base_offset &&
                       survived->sent[k].crc == sent->crc;
        if (!is_there)
            complain(story, "an acknowledged batch is lost");
    }
}

static void check_log(struct story *story, uint32_t log)
{
    struct ledger *survived = calloc(1, sizeof *survived);
    int64_t offset = 0;
    for (;;) {
        struct log_read read;
        int32_t result = rig_read(&story->rig, log, offset, INT64_MAX, 1 << 20, &read);
        if (!story->rig.is_alive)
            break;
        if (result != STATUS_OK)
            complain(story, "a read failed");
        if (result != STATUS_OK || read.piece_count == 0)
            break;
        check_batches(story, &story->ledgers[log], survived, &read);
        offset = read.next_offset;
        log_read_release(&read, story->rig.io);
    }
    if (story->rig.is_alive) {
        check_acknowledged(story, &story->ledgers[log], survived);
        if (offset != log_end_offset(story->rig.logs[log]))
            complain(story, "the log ends elsewhere than it says");
        story->ledgers[log] = *survived;
    }
    free(survived);
}

/* --- The story -------------------------------------------------------------------------------- */

static void plan_cut(struct story *story)
{
    node_plan(story->sim.node, (struct planned_fault){
                                   .effect = PLAN_POWER_CUT,
                                   .kinds = (uint32_t)PLAN_ANY_FILE,
                                   .nth = 1 + prng_below(&story->prng, 250),
                               });
}

/* Starts again until a recovery is not cut short. */
static bool come_up(struct story *story)
{
    for (uint32_t attempt = 0; attempt < 12; attempt++) {
        enum status status = rig_start(&story->rig, 1, LOGS);
        if (status == STATUS_OK)
            return true;
        if (status == STATUS_CORRUPT) {
            complain(story, "recovery takes a torn tail for damage");
            return false;
        }
    }
    complain(story, "recovery does not end");
    return false;
}

static void live(struct story *story, uint32_t life)
{
    if (!come_up(story))
        return;
    for (uint32_t log = 0; log < LOGS && story->rig.is_alive; log++)
        check_log(story, log);
    if (story->complaint == NULL && prng_chance(&story->prng, 2, 3) && life < LIVES - 1)
        plan_cut(story);
    memset(story->flights, 0, sizeof story->flights);
    work(story);
    harvest(story);
    if (story->rig.is_alive)
        rig_cut_power(&story->rig);
    arena_reset(&story->rig.arena);
}

/* Answers what went wrong, or NULL. */
static const char *run_story(uint64_t seed, bool skips_sync)
{
    struct story *story = calloc(1, sizeof *story);
    prng_init(&story->prng, seed);
    sim_harness_init(&story->sim, seed);
    rig_init(&story->rig, &story->sim.harness);
    story->rig.options.unsafe_skip_sync = skips_sync;
    story->rig.options.journal_file_bytes = 256 << 10;
    story->rig.options.direct_size_bytes = 16 << 10;
    story->rig.options.beside_size_bytes = 16 << 10;
    story->rig.options.memory_bytes_max = 16 << 20;
    story->rig.options.cache_bytes_max = 512 << 10;
    story->rig.config.segment_bytes_max = 512 << 10;
    for (uint32_t life = 0; life < LIVES && story->complaint == NULL; life++)
        live(story, life);
    if (story->complaint != NULL && !skips_sync)
        print_message("seed %llu: %s\n%s\n", (unsigned long long)seed, story->complaint,
                      story->rig.log_text);
    const char *complaint = story->complaint;
    if (story->rig.is_alive)
        rig_kill(&story->rig);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    free(story);
    return complaint;
}

/* Nothing that was acknowledged is ever lost. */
static void acknowledged_survives(void **state)
{
    uint32_t failed_count = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        failed_count += run_story(seed, false) != NULL;
    assert_int_equal(failed_count, 0);
}

/* Without syncs it is, and this test notices. */
static void skipped_sync_is_noticed(void **state)
{
    uint32_t failed_count = 0;
    for (uint64_t seed = 1; seed <= BITING_SEEDS; seed++)
        failed_count += run_story(seed, true) != NULL;
    assert_true(failed_count > 0);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 2)
        return run_story(strtoull(arguments[1], NULL, 10), false) != NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_survives),
        cmocka_unit_test(skipped_sync_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
