#include "tests/storage/story.h"

#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"

enum { SMALL = 900, MIDDLE = 7000, LARGE = 50000, HUGE = 120000 };
enum { RETRIES_MAX = 3000, KEYS = 5, FLUSH_MESSAGES = 8, PATIENCE_MS = 3000 };

static void note(struct story *story, enum deed deed, bool is_done)
{
    story->deeds |= (uint32_t)is_done << deed;
}

bool story_goes_on(const struct story *story)
{
    return story->rig.is_alive && twins_are_well(&story->twins);
}

/* --- What is done ------------------------------------------------------------------------------
 */

/* The rig's, for every log; but one may acknowledge before the disk has it. */
static void configure(struct story *story)
{
    for (uint32_t log = 0; log < STORY_LOGS && story_goes_on(story); log++) {
        struct log_config config = story->rig.config;
        if (story->twins.fates[log] != TWIN_LIVES)
            continue;
        if (story->twins.are_loose[log])
            config.flush_messages = FLUSH_MESSAGES;
        log_configure(story->rig.logs[log], &config);
    }
}

static void commit(struct story *story)
{
    for (uint32_t log = 0; log < STORY_LOGS && story_goes_on(story); log++)
        if (story->twins.fates[log] == TWIN_LIVES)
            twins_commit(&story->twins, log);
}

/* Lets things happen until `is_done`, but not for ever: what a fault has struck may never come. */
static bool wait_until(struct story *story, bool (*is_done)(struct story *story))
{
    int64_t end_ms = story_goes_on(story) ? io_wall_ms(story->rig.io) + PATIENCE_MS : 0;
    while (story_goes_on(story) && !is_done(story) && io_wall_ms(story->rig.io) < end_ms)
        rig_turn(&story->rig);
    return story_goes_on(story) && is_done(story);
}

static bool is_refused_for_now(enum status status)
{
    return status == STATUS_NO_SPACE || status == STATUS_NO_MEMORY;
}

/* A batch, again and again as long as there is no space for it: a full disk is not for ever. */
static void append(struct story *story, uint32_t log, uint32_t size, bool has_producer)
{
    const struct model_batch *last;
    struct rig_batch shape = {.value_size = size, .seed = ++story->batch_count};
    if (story->plot->compacts) {
        shape.key_count = KEYS;
        shape.has_tombstones = true;
    }
    if (has_producer) {
        shape.producer_id = 100 + log;
        if (model_producer(&story->twins.models[log], shape.producer_id, &last, 1) > 0)
            shape.base_sequence = last->last_sequence + 1;
    }
    shape.timestamp_ms = story->rig.now_ms + story->batch_count;
    uint32_t attempts = 0;
    while (story_goes_on(story) && is_refused_for_now(twins_append(&story->twins, log, &shape))) {
        if (++attempts == RETRIES_MAX)
            twins_complain(&story->twins, "log %u: an append is refused for ever", log);
        twins_settle(&story->twins);
        if (story_goes_on(story))
            rig_turn(&story->rig);
    }
}

static void append_many(struct story *story, uint32_t log, uint32_t count, uint32_t size)
{
    if (story->twins.fates[log] != TWIN_LIVES)
        return;
    for (uint32_t i = 0; i < count && story_goes_on(story); i++)
        append(story, log, size, i % 2 == 0);
}

static void append_a_few(struct story *story)
{
    for (uint32_t log = 0; log < STORY_LOGS; log++)
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
    note(story, DEED_ROLL, story_goes_on(story) && story->rig.logs[0]->segment_count > 1);
}

/* More than the journal holds: it must be emptied into the segments. */
static void fill_journal(struct story *story)
{
    for (uint32_t i = 0; i < 9 && story_goes_on(story); i++) {
        append_many(story, 0, 5, MIDDLE);
        append_many(story, 2, 4, MIDDLE);
        twins_settle(&story->twins);
    }
    note(story, DEED_CHECKPOINT, story_goes_on(story) && story->rig.logs[0]->recorded_offset > 0);
}

static void read_cold(struct story *story)
{
    for (uint32_t log = 0; log < STORY_LOGS && story_goes_on(story); log++) {
        struct log_lookup lookup = {.timestamp_ms = story->rig.now_ms + 5, .end_offset = INT64_MAX};
        if (story->twins.fates[log] != TWIN_LIVES)
            continue;
        twins_lookup(&story->twins, log, &lookup);
        for (int64_t offset = 0; offset < 40 && story_goes_on(story); offset += 7) {
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
    if (!story_goes_on(story))
        return;
    twins_delete(&story->twins, 2);
    note(story, DEED_DELETION, story->twins.fates[2] == TWIN_IS_GONE);
}

/* Records are deleted up to the middle of a batch, or so. */
static void trim(struct story *story)
{
    for (uint32_t log = 0; log < 2 && story_goes_on(story); log++) {
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
    int64_t start_offset = story_goes_on(story) ? story->rig.logs[0]->start_offset : 0;
    commit(story);
    configure(story);
    if (story_goes_on(story))
        rig_retain(&story->rig);
    twins_watch(&story->twins);
    note(story, DEED_RETENTION,
         story_goes_on(story) && story->rig.logs[0]->start_offset > start_offset);
}

/* --- Compaction -------------------------------------------------------------------------------
 */

static void append_keyed(struct story *story)
{
    append_many(story, 0, 3, LARGE);
    append_many(story, 1, 9, MIDDLE);
    append_many(story, 0, 2, SMALL);
    append_many(story, 1, 3, LARGE);
    twins_settle(&story->twins);
}

/* One that has failed, or cannot be read, is clean enough. */
static bool is_clean(const struct log *log)
{
    if (log->is_uncleanable || log_has_failed(log))
        return true;
    return log->cleaned_offset >= log_active_segment(log)->base_offset && log->busy_count == 0;
}

static bool are_clean(struct story *story)
{
    return is_clean(story->rig.logs[0]) && is_clean(story->rig.logs[1]);
}

/* Segments are cleaned, the former ones go; and next time what was cleaned is joined. */
static void clean(struct story *story)
{
    twins_settle(&story->twins);
    commit(story);
    bool is_done = wait_until(story, are_clean);
    if (story_goes_on(story))
        rig_retain(&story->rig); /* until the files have gone */
    note(story, DEED_COMPACTION, is_done && story->rig.logs[0]->exchange_count > 0);
}

/* --- Indexes ----------------------------------------------------------------------------------
 */

/* A segment that is worth an index file. */
static void append_for_index(struct story *story)
{
    append_many(story, 0, 6, HUGE);
    twins_settle(&story->twins);
}

static bool has_index(struct story *story)
{
    struct disk *disk = node_disk(story->sim.node);
    struct inode *file;
    char partition[PATH_SIZE], path[PATH_SIZE];
    struct log_id id = rig_log_id(0);
    path_partition(story->rig.harness->directory, &id, partition);
    path_index(partition, 0, 0, path);
    if (disk_open(disk, path, 0, &file) != STATUS_OK)
        return false;
    disk_release(disk, file);
    return true;
}

static bool has_no_index(struct story *story)
{
    return !has_index(story);
}

static void write_index(struct story *story)
{
    note(story, DEED_INDEX, wait_until(story, has_index));
}

static void remove_index(struct story *story)
{
    note(story, DEED_INDEX_REMOVED,
         (story->deeds >> DEED_INDEX & 1) && wait_until(story, has_no_index));
}

/* --- Acknowledging early ----------------------------------------------------------------------
 */

/* Some of it is acknowledged before the disk has it. */
static void append_loosely(struct story *story)
{
    for (uint32_t i = 0; i < 4 && story_goes_on(story); i++) {
        append_many(story, STORY_LOOSE_LOG, 3, i % 2 == 0 ? SMALL : LARGE);
        append_many(story, 1, 1, SMALL);
        const struct log *log = story->rig.logs[STORY_LOOSE_LOG];
        note(story, DEED_LOOSE,
             story_goes_on(story) && log_durable_offset(log) > log->durable_offset);
        twins_settle(&story->twins);
    }
}

/* --- Lives ------------------------------------------------------------------------------------
 */

/* An error may be met here, too: then the start fails, and the next one does not. */
void story_start(struct story *story)
{
    enum status status = rig_start(&story->rig, 1 + story->start_count++ % 2, STORY_LOGS);
    if (status == STATUS_OK) {
        twins_reopened(&story->twins);
        configure(story);
    } else if (status == STATUS_CORRUPT || (story->rig.is_alive && !story->twins.may_fail))
        twins_complain(&story->twins, "a start ends with %s", status_text(status));
}

void story_stop(struct story *story)
{
    twins_settle(&story->twins);
    if (!story_goes_on(story))
        return;
    bool was_struck = !node_has_plans(story->sim.node);
    enum status status = rig_stop(&story->rig);
    bool is_struck = !node_has_plans(story->sim.node);
    bool is_excused = is_struck && (!was_struck || story->twins.may_fail);
    if (status == STATUS_OK)
        twins_stopped(&story->twins);
    else if (story->rig.is_alive && !is_excused)
        twins_complain(&story->twins, "a stop ends with %s", status_text(status));
}

static void stop_and_start(struct story *story)
{
    story_stop(story);
    if (twins_are_well(&story->twins))
        story_start(story);
}

/* --- The stories ------------------------------------------------------------------------------
 */

static void (*const keeping[])(struct story *story) = {
    story_start,    append_a_few, append_large, roll,       fill_journal, read_cold,
    trim,           roll,         retain,       delete_log, read_cold,    append_large,
    stop_and_start, append_a_few, fill_journal, retain,     roll,
};

static void (*const cleaning[])(struct story *story) = {
    story_start, append_keyed, clean, append_keyed, clean, stop_and_start, read_cold,
};

static void (*const indexing[])(struct story *story) = {
    story_start, append_for_index, write_index, append_loosely, stop_and_start,
    read_cold,   append_for_index, retain,      remove_index,   delete_log,
};

#define CHAPTERS(name) name, sizeof(name) / sizeof(name)[0]

const struct plot plots[PLOT_COUNT] = {
    {"keeping", CHAPTERS(keeping), .segment_bytes_max = 128 << 10},
    {"cleaning", CHAPTERS(cleaning), .compacts = true, .segment_bytes_max = 128 << 10},
    {"indexing", CHAPTERS(indexing), .is_loose = true, .segment_bytes_max = 600 << 10},
};

/* --- Telling ----------------------------------------------------------------------------------
 */

static void init_rig(struct story *story)
{
    struct rig *rig = &story->rig;
    rig_init(rig, &story->sim.harness);
    rig->options.journal_file_bytes = 256 << 10;
    rig->options.direct_size_bytes = 16 << 10;
    rig->options.memory_bytes_max = 16 << 20;
    rig->options.cache_bytes_max = 64 << 10;
    rig->options.cleaner_backoff_ms = 5;
    rig->options.cleaner_dedupe_buffer_bytes = 64 << 10;
    rig->config.segment_bytes_max = story->plot->segment_bytes_max;
    rig->config.min_cleanable_dirty_ppm = 0;
    rig->config.compacts = story->plot->compacts;
    rig->config.deletes = !story->plot->compacts;
    if (story->plot->compacts)
        rig->config.file_delete_delay_ms = 0;
}

void story_init(struct story *story, const struct plot *plot, uint64_t seed)
{
    assert(plot->chapter_count > 0);
    *story = (struct story){.plot = plot};
    sim_harness_init(&story->sim, seed);
    init_rig(story);
    twins_init(&story->twins, &story->rig, STORY_LOGS);
    story->twins.are_compacted = plot->compacts;
    story->twins.are_loose[STORY_LOOSE_LOG] = plot->is_loose;
}

void story_deinit(struct story *story)
{
    if (story->rig.is_alive)
        rig_kill(&story->rig);
    sim_harness_deinit(&story->sim);
    rig_deinit(&story->rig);
    twins_deinit(&story->twins);
}

void story_tell(struct story *story)
{
    const struct plot *plot = story->plot;
    for (uint32_t i = 0; i < plot->chapter_count && twins_are_well(&story->twins); i++)
        plot->chapters[i](story);
}

void story_go_on(struct story *story)
{
    append_a_few(story);
    roll(story);
}
