/* The medium changes what lies on it: at a random place of a random file of a store at rest, one
 * bit flips, or a block of 4 KiB turns to zeros. However it was left, the store starts, never
 * serves a wrong byte, and loses nothing but what was hit, of which it says so.
 *
 * Or it lies while the store runs: reads and writes go to the wrong place, bits flip under reads.
 *
 *   storage_rot               all of it
 *   storage_rot CASE SEED     one case, which is what a failure prints */
#include "base/assert.h"
#include "storage/frame.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 60 };
#else
enum { SEEDS = 1000 };
#endif

enum {
    LOGS = 3,
    FILES_MAX = 256,
    BLOCK = 4096,
    ARENA_BYTES_MAX = 1 << 20,
    LOOKUPS = 5,
    IDLE_TURNS = 500,
    FRAME_BYTES_MAX = 81000
};

struct story {
    struct sim_harness sim;
    struct rig rig;
    struct twins twins;
    struct prng prng;
    struct arena arena;
    char *files[FILES_MAX];
    uint32_t file_count;
    char spoilt_path[PATH_SIZE];
    uint64_t spoilt_at;
    bool has_lost[LOGS]; /* something of it is unreadable */
};

static uint64_t below(struct story *story, uint64_t bound)
{
    return prng_below(&story->prng, bound);
}

/* --- A store at rest -------------------------------------------------------------------------- */

static uint32_t maybe(struct story *story, uint32_t chance)
{
    return prng_chance(&story->prng, 1, 2) ? chance : 0;
}

static void append(struct story *story, uint32_t log, uint32_t size)
{
    struct rig_batch shape = {.value_size = size,
                              .seed = prng_u64(&story->prng),
                              .timestamp_ms = story->rig.now_ms + (int64_t)below(story, 5000)};
    const struct model_batch *last;
    if (prng_chance(&story->prng, 1, 2)) {
        shape.producer_id = 100 + log;
        if (model_producer(&story->twins.models[log], shape.producer_id, &last, 1) > 0)
            shape.base_sequence = last->last_sequence + 1;
    }
    twins_append(&story->twins, log, &shape);
}

static uint32_t choose_size(struct story *story)
{
    return prng_chance(&story->prng, 1, 6) ? 20000 + (uint32_t)below(story, 60000)
                                           : 1 + (uint32_t)below(story, 9000);
}

/* Of nobody. */
static void append_plain(struct story *story)
{
    struct rig_batch shape = {.value_size = choose_size(story), .seed = prng_u64(&story->prng)};
    twins_append(&story->twins, (uint32_t)below(story, LOGS), &shape);
}

/* In the end it has been quiet for a while: a large batch is marked as durable not at once but
 * soon, and until then its damage cannot be told from a torn tail. */
static void fill(struct story *story)
{
    for (uint32_t i = 0; i < 60; i++) {
        append(story, (uint32_t)below(story, LOGS), choose_size(story));
        if (prng_chance(&story->prng, 1, 10))
            story->rig.leader_epoch++;
        if (prng_chance(&story->prng, 1, 4))
            twins_settle(&story->twins);
    }
    twins_settle(&story->twins);
    append(story, 0, 10);
    twins_settle(&story->twins);
    for (uint32_t turns = 0; turns < IDLE_TURNS; turns++)
        rig_turn(&story->rig);
}

static void lie_down(struct story *story)
{
    switch (below(story, 3)) {
    case 0: rig_stop(&story->rig); break;
    case 1: rig_kill(&story->rig); break;
    case 2: rig_cut_power(&story->rig); break;
    }
}

/* --- What rots -------------------------------------------------------------------------------- */

static void collect_files(struct story *story, const char *directory)
{
    struct disk *disk = node_disk(story->sim.node);
    struct io_entry *entries;
    uint32_t entry_count;
    assert_int_equal(disk_list(disk, directory, &story->arena, &entries, &entry_count), STATUS_OK);
    for (uint32_t i = 0; i < entry_count; i++) {
        char path[PATH_SIZE];
        path_join(directory, entries[i].name, path);
        if (entries[i].is_directory) {
            collect_files(story, path);
        } else {
            assert_true(story->file_count < FILES_MAX);
            story->files[story->file_count++] = arena_copy_text(&story->arena, path, strlen(path));
        }
    }
}

/* Anywhere, but rather where something is written: most of a journal is zeros. */
static uint64_t choose_place(struct story *story, const struct file *file)
{
    static const uint8_t zeros[BLOCK];
    uint8_t block[BLOCK];
    uint64_t place = 0;
    for (uint32_t i = 0; i < 50; i++) {
        place = below(story, file->current_size_bytes);
        size_t size = file_read(file, place / BLOCK * BLOCK, block, BLOCK);
        if (memcmp(block, zeros, size) != 0)
            break;
    }
    return place;
}

static void rot(struct story *story)
{
    struct disk *disk = node_disk(story->sim.node);
    struct inode *file;
    uint8_t bytes[BLOCK] = {0};
    arena_reset(&story->arena);
    collect_files(story, story->rig.harness->directory);
    const char *path = story->files[below(story, story->file_count)];
    assert_int_equal(disk_open(disk, path, 0, &file), STATUS_OK);
    uint64_t place = file->file.current_size_bytes == 0 ? 0 : choose_place(story, &file->file);
    size_t size = 1;
    if (prng_chance(&story->prng, 1, 10)) {
        place = place / BLOCK * BLOCK;
        uint64_t rest = file->file.current_size_bytes - place;
        size = rest < BLOCK ? rest : BLOCK;
    } else {
        file_read(&file->file, place, bytes, 1);
        bytes[0] ^= (uint8_t)(1u << below(story, 8));
    }
    if (file->file.current_size_bytes > 0)
        assert_int_equal(disk_write(disk, file, place, bytes, size), STATUS_OK);
    file_sync(&file->file, file_sync_mark(&file->file));
    disk_release(disk, file);
    path_copy(path, story->spoilt_path);
    story->spoilt_at = place;
}

static bool has_hit(const struct story *story, const char *part)
{
    return strstr(story->spoilt_path, part) != NULL;
}

static bool is_reported(const struct story *story)
{
    return strstr(story->rig.log_text, "level=warn") != NULL ||
           strstr(story->rig.log_text, "level=error") != NULL;
}

/* --- What is left ----------------------------------------------------------------------------- */

/* The last commit of a journal may be one that was never completed: that it was, nobody can know.
 */
static bool may_be_a_torn_tail(const struct story *story, uint32_t log, int64_t end_offset)
{
    const struct model *model = &story->twins.models[log];
    return has_hit(story, "/journal/") && log == 0 &&
           end_offset == model->batches[model->batch_count - 1].base_offset;
}

static void check_end(struct story *story, uint32_t log)
{
    struct model *model = &story->twins.models[log];
    int64_t end_offset = log_end_offset(story->rig.logs[log]);
    if (end_offset == model->end_offset)
        return;
    story->has_lost[log] = true;
    if (!may_be_a_torn_tail(story, log, end_offset) && !is_reported(story))
        twins_complain(&story->twins, "log %u ends at %" PRId64 " without a word", log, end_offset);
    for (uint32_t i = 0; i < model->batch_count; i++)
        model->batches[i].is_acknowledged = false;
    const char *complaint = model_cut(model, end_offset);
    if (complaint != NULL)
        twins_complain(&story->twins, "log %u: %s", log, complaint);
}

/* Reads all; answers how many bytes cannot be read, and whether they lie in more than one place. */
static uint64_t read_through(struct story *story, uint32_t log, uint32_t *hole_count)
{
    const struct model *model = &story->twins.models[log];
    int64_t offset = model->start_offset;
    uint64_t lost_bytes = 0;
    bool was_lost = false;
    *hole_count = 0;
    while (offset < model->end_offset && twins_are_well(&story->twins)) {
        struct log_read read = {.offset = offset,
                                .end_offset = INT64_MAX,
                                .size_bytes_max = 1 + (uint32_t)below(story, 200000),
                                .first_batch_anyway = true};
        bool is_lost = twins_read(&story->twins, log, &read) != STATUS_OK;
        const struct model_batch *batch = model_batch_from(model, offset);
        lost_bytes += is_lost ? batch->size_bytes : 0;
        *hole_count += is_lost && !was_lost;
        was_lost = is_lost;
        offset = is_lost ? batch->last_offset + 1 : read.next_offset;
    }
    return lost_bytes;
}

/* Only what was hit is lost: one frame. */
static void check_content(struct story *story, uint32_t log)
{
    uint32_t hole_count;
    uint64_t lost_bytes = read_through(story, log, &hole_count);
    if (lost_bytes == 0)
        return;
    story->has_lost[log] = true;
    if (hole_count > 1)
        twins_complain(&story->twins, "log %u has %u holes", log, hole_count);
    if (lost_bytes > FRAME_BYTES_MAX)
        twins_complain(&story->twins, "log %u has lost %" PRIu64 " bytes", log, lost_bytes);
    if (!is_reported(story))
        twins_complain(&story->twins, "log %u has damage without a word", log);
}

static void check_lookups(struct story *story, uint32_t log)
{
    for (uint32_t i = 0; i < LOOKUPS && !story->has_lost[log]; i++) {
        struct log_lookup lookup = {.timestamp_ms = story->rig.now_ms + (int64_t)below(story, 5000),
                                    .end_offset = INT64_MAX,
                                    .want_max = i == 0};
        twins_lookup(&story->twins, log, &lookup);
    }
}

static void check_log(struct story *story, uint32_t log)
{
    check_end(story, log);
    check_content(story, log);
    check_lookups(story, log);
    if (!story->has_lost[log])
        twins_compare_state(&story->twins, log);
}

/* --- The story -------------------------------------------------------------------------------- */

static void begin(struct story *story, uint64_t seed)
{
    prng_init(&story->prng, seed);
    sim_harness_init(&story->sim, seed);
    rig_init(&story->rig, &story->sim.harness);
    arena_init(&story->arena, ARENA_BYTES_MAX);
    story->rig.options.journal_file_bytes = 256 << 10;
    story->rig.options.direct_size_bytes = 16 << 10;
    story->rig.options.memory_bytes_max = 8 << 20;
    story->rig.options.cache_bytes_max = 64 << 10;
    story->rig.config.segment_bytes_max = 128 << 10;
    twins_init(&story->twins, &story->rig, LOGS);
}

static void finish(struct story *story)
{
    if (story->rig.is_alive)
        rig_kill(&story->rig);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    twins_deinit(&story->twins);
    arena_deinit(&story->arena);
    free(story);
}

/* One bad block never keeps a store from starting. */
static void wake_up(struct story *story)
{
    story->rig.log_size = 0;
    enum status status = rig_start(&story->rig, 1, LOGS);
    if (status != STATUS_OK)
        twins_complain(&story->twins, "a start ends with %s", status_text(status));
    for (uint32_t log = 0; log < LOGS && story->rig.is_alive; log++)
        check_log(story, log);
}

/* --- At rest ---------------------------------------------------------------------------------- */

static void rot_at_rest(struct story *story)
{
    assert_int_equal(rig_start(&story->rig, 1, LOGS), STATUS_OK);
    fill(story);
    lie_down(story);
    rot(story);
    story->twins.may_be_damaged = true;
    story->rig.may_be_damaged = true;
    wake_up(story);
}

/* --- While it runs ---------------------------------------------------------------------------- */

/* What a medium that lies has lost, nobody can know: the log is as long as it says. */
static void believe(struct story *story, uint32_t log)
{
    struct model *model = &story->twins.models[log];
    int64_t end_offset = log_end_offset(story->rig.logs[log]);
    for (uint32_t i = 0; i < model->batch_count; i++)
        model->batches[i].is_acknowledged = false;
    const char *complaint = model_cut(model, end_offset);
    if (complaint != NULL)
        twins_complain(&story->twins, "log %u: %s", log, complaint);
}

static void read_anywhere(struct story *story)
{
    uint32_t log = (uint32_t)below(story, LOGS);
    uint64_t end_offset = (uint64_t)story->twins.models[log].end_offset;
    struct log_read read = {.offset = (int64_t)below(story, end_offset + 1),
                            .end_offset = INT64_MAX,
                            .size_bytes_max = 1 + (uint32_t)below(story, 200000),
                            .first_batch_anyway = true};
    twins_read(&story->twins, log, &read);
}

static void live_with_lies(struct story *story)
{
    for (uint32_t log = 0; log < LOGS; log++)
        believe(story, log);
    for (uint32_t i = 0; i < 80 && twins_are_well(&story->twins); i++) {
        append_plain(story);
        if (prng_chance(&story->prng, 1, 4))
            twins_settle(&story->twins);
        read_anywhere(story);
    }
    twins_settle(&story->twins);
    lie_down(story);
    twins_harvest(&story->twins);
}

static void rot_while_running(struct story *story)
{
    story->twins.may_be_damaged = true;
    story->rig.may_be_damaged = true;
    story->sim.world->faults.disk = (struct disk_faults){.rotten_read = maybe(story, 20000),
                                                         .misdirected_read = maybe(story, 20000),
                                                         .misdirected_write = maybe(story, 5000)};
    for (uint32_t life = 0; life < 3 && twins_are_well(&story->twins); life++) {
        story->rig.log_size = 0;
        enum status status = rig_start(&story->rig, 1, LOGS);
        if (status == STATUS_OK)
            live_with_lies(story);
        else if (!is_reported(story))
            twins_complain(&story->twins, "a start ends with %s without a word",
                           status_text(status));
    }
}

/* --- Cases ------------------------------------------------------------------------------------ */

struct rot_case {
    const char *name;
    void (*play)(struct story *story);
};

static const struct rot_case at_rest = {"at-rest", rot_at_rest};
static const struct rot_case while_running = {"while-running", rot_while_running};

static bool run_story(const struct rot_case *rot_case, uint64_t seed)
{
    struct story *story = calloc(1, sizeof *story);
    assert(story != NULL);
    begin(story, seed);
    rot_case->play(story);
    bool is_well = twins_are_well(&story->twins);
    if (!is_well)
        fprintf(stderr, "storage_rot %s %" PRIu64 ": %s at %" PRIu64 ": %s\n%s", rot_case->name,
                seed, story->spoilt_path, story->spoilt_at, story->twins.complaint,
                story->rig.log_text);
    finish(story);
    return is_well;
}

static uint32_t run_stories(const struct rot_case *rot_case, uint32_t seed_count)
{
    uint32_t failed_count = 0;
    for (uint64_t seed = 1; seed <= seed_count; seed++)
        failed_count += !run_story(rot_case, seed);
    return failed_count;
}

/* Damage is noticed, told, and stays where it is. */
static void damage_is_contained(void **state)
{
    (void)state;
    assert_int_equal(run_stories(&at_rest, SEEDS), 0);
}

/* Nothing wrong is served, whatever the medium answers. */
static void lies_are_not_passed_on(void **state)
{
    (void)state;
    assert_int_equal(run_stories(&while_running, SEEDS / 5), 0);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 3)
        return !run_story(strcmp(arguments[1], at_rest.name) == 0 ? &at_rest : &while_running,
                          strtoull(arguments[2], NULL, 10));
    const struct CMUnitTest tests[] = {cmocka_unit_test(damage_is_contained),
                                       cmocka_unit_test(lies_are_not_passed_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
