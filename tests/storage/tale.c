#include "tests/storage/tale.h"

#include "base/assert.h"
#include "sim/disk.h"
#include "storage/log_struct.h"

enum { SMALL = 900, MIDDLE = 7000, LARGE = 50000, HUGE = 120000 };
enum { RETRIES_MAX = 3000, KEYS = 5, FLUSH_MESSAGES = 40, PATIENCE_MS = 3000 };

static void note(struct tale *tale, enum deed deed, bool is_done)
{
    tale->deeds |= (uint32_t)is_done << deed;
}

bool tale_goes_on(const struct tale *tale)
{
    return tale->rig.is_alive && twins_are_well(&tale->twins);
}

/* --- What is done ----------------------------------------------------------------------------- */

/* The rig's, for every log; but one may acknowledge before the disk has it. */
static void configure(struct tale *tale)
{
    for (uint32_t log = 0; log < TALE_LOGS && tale_goes_on(tale); log++) {
        struct log_config config = tale->rig.config;
        if (tale->twins.fates[log] != TWIN_LIVES)
            continue;
        if (tale->twins.are_loose[log])
            config.flush_messages = FLUSH_MESSAGES;
        log_configure(tale->rig.logs[log], &config);
    }
}

static void commit(struct tale *tale)
{
    for (uint32_t log = 0; log < TALE_LOGS && tale_goes_on(tale); log++)
        if (tale->twins.fates[log] == TWIN_LIVES)
            twins_commit(&tale->twins, log);
}

/* Lets things happen until `is_done`, but not for ever: what a fault has struck may never come. */
static bool wait_until(struct tale *tale, bool (*is_done)(struct tale *tale))
{
    int64_t end_ms = tale_goes_on(tale) ? io_wall_ms(tale->rig.io) + PATIENCE_MS : 0;
    while (tale_goes_on(tale) && !is_done(tale) && io_wall_ms(tale->rig.io) < end_ms)
        rig_turn(&tale->rig);
    return tale_goes_on(tale) && is_done(tale);
}

static bool is_refused_for_now(enum status status)
{
    return status == STATUS_NO_SPACE || status == STATUS_NO_MEMORY;
}

/* A batch, again and again as long as there is no space for it: a full disk is not for ever. */
static void append(struct tale *tale, uint32_t log, uint32_t size, bool has_producer)
{
    const struct model_batch *last;
    struct rig_batch shape = {.value_size = size, .seed = ++tale->batch_count};
    if (tale->plot->compacts) {
        shape.key_count = KEYS;
        shape.has_tombstones = true;
    }
    if (has_producer) {
        shape.producer_id = 100 + log;
        if (model_producer(&tale->twins.models[log], shape.producer_id, &last, 1) > 0)
            shape.base_sequence = last->last_sequence + 1;
    }
    shape.timestamp_ms = tale->rig.now_ms + tale->batch_count;
    uint32_t attempts = 0;
    while (tale_goes_on(tale) && is_refused_for_now(twins_append(&tale->twins, log, &shape))) {
        if (++attempts == RETRIES_MAX)
            twins_complain(&tale->twins, "log %u: an append is refused for ever", log);
        twins_settle(&tale->twins);
        if (tale_goes_on(tale))
            rig_turn(&tale->rig);
    }
}

static void append_many(struct tale *tale, uint32_t log, uint32_t count, uint32_t size)
{
    if (tale->twins.fates[log] != TWIN_LIVES)
        return;
    for (uint32_t i = 0; i < count && tale_goes_on(tale); i++)
        append(tale, log, size, i % 2 == 0);
}

static void append_a_few(struct tale *tale)
{
    for (uint32_t log = 0; log < TALE_LOGS; log++)
        append_many(tale, log, 3, SMALL);
    twins_settle(&tale->twins);
}

static void append_large(struct tale *tale)
{
    append(tale, 0, LARGE, true);
    append(tale, 1, LARGE, false);
    append(tale, 1, SMALL, true);
    append(tale, 1, LARGE, false);
    twins_settle(&tale->twins);
}

/* Segments of 128 KiB. */
static void roll(struct tale *tale)
{
    append_many(tale, 0, 3, LARGE);
    append_many(tale, 1, 2, LARGE);
    tale->rig.leader_epoch++;
    append_many(tale, 0, 2, SMALL);
    twins_settle(&tale->twins);
    note(tale, DEED_ROLL, tale_goes_on(tale) && tale->rig.logs[0]->segment_count > 1);
}

/* More than the journal holds: it must be emptied into the segments. */
static void fill_journal(struct tale *tale)
{
    for (uint32_t i = 0; i < 9 && tale_goes_on(tale); i++) {
        append_many(tale, 0, 5, MIDDLE);
        append_many(tale, 2, 4, MIDDLE);
        twins_settle(&tale->twins);
    }
    note(tale, DEED_CHECKPOINT, tale_goes_on(tale) && tale->rig.logs[0]->recorded_offset > 0);
}

static void read_cold(struct tale *tale)
{
    for (uint32_t log = 0; log < TALE_LOGS && tale_goes_on(tale); log++) {
        struct log_lookup lookup = {.timestamp_ms = tale->rig.now_ms + 5, .end_offset = INT64_MAX};
        if (tale->twins.fates[log] != TWIN_LIVES)
            continue;
        twins_lookup(&tale->twins, log, &lookup);
        for (int64_t offset = 0; offset < 40 && tale_goes_on(tale); offset += 7) {
            struct log_read read = {.offset = offset,
                                    .end_offset = INT64_MAX,
                                    .size_bytes_max = 20000,
                                    .first_batch_anyway = true};
            twins_read(&tale->twins, log, &read);
        }
    }
}

static void delete_log(struct tale *tale)
{
    if (!tale_goes_on(tale))
        return;
    twins_delete(&tale->twins, 2);
    note(tale, DEED_DELETION, tale->twins.fates[2] == TWIN_IS_GONE);
}

/* Records are deleted up to the middle of a batch, or so. */
static void trim(struct tale *tale)
{
    for (uint32_t log = 0; log < 2 && tale_goes_on(tale); log++) {
        twins_commit(&tale->twins, log);
        twins_delete_records(&tale->twins, log, 10);
    }
}

/* Old segments go, and their files with them. */
static void retain(struct tale *tale)
{
    twins_settle(&tale->twins);
    tale->rig.config.retention_bytes = 200 << 10;
    tale->rig.config.file_delete_delay_ms = 0;
    int64_t start_offset = tale_goes_on(tale) ? tale->rig.logs[0]->start_offset : 0;
    commit(tale);
    configure(tale);
    if (tale_goes_on(tale))
        rig_retain(&tale->rig);
    twins_watch(&tale->twins);
    note(tale, DEED_RETENTION,
         tale_goes_on(tale) && tale->rig.logs[0]->start_offset > start_offset);
}

/* --- Compaction ------------------------------------------------------------------------------- */

static void append_keyed(struct tale *tale)
{
    append_many(tale, 0, 3, LARGE);
    append_many(tale, 1, 9, MIDDLE);
    append_many(tale, 0, 2, SMALL);
    append_many(tale, 1, 3, LARGE);
    twins_settle(&tale->twins);
}

/* One that has failed, or cannot be read, is clean enough. */
static bool is_clean(const struct log *log)
{
    if (log->is_uncleanable || log_has_failed(log))
        return true;
    return log->cleaned_offset >= log_active_segment(log)->base_offset && log->busy_count == 0;
}

static bool are_clean(struct tale *tale)
{
    return is_clean(tale->rig.logs[0]) && is_clean(tale->rig.logs[1]);
}

/* Segments are cleaned, the former ones go; and next time what was cleaned is joined. */
static void clean(struct tale *tale)
{
    twins_settle(&tale->twins);
    commit(tale);
    bool is_done = wait_until(tale, are_clean);
    if (tale_goes_on(tale))
        rig_retain(&tale->rig); /* until the files have gone */
    note(tale, DEED_COMPACTION,
         is_done && tale_goes_on(tale) && tale->rig.logs[0]->exchange_count > 0);
}

/* --- Indexes ---------------------------------------------------------------------------------- */

/* A segment that is worth an index file. */
static void append_for_index(struct tale *tale)
{
    append_many(tale, 0, 6, HUGE);
    twins_settle(&tale->twins);
}

static bool has_index(struct tale *tale)
{
    struct disk *disk = node_disk(tale->sim.node);
    struct inode *file;
    char partition[PATH_SIZE], path[PATH_SIZE];
    struct log_id id = rig_log_id(0);
    path_partition(tale->rig.harness->directory, &id, partition);
    path_index(partition, 0, 0, path);
    if (disk_open(disk, path, 0, &file) != STATUS_OK)
        return false;
    disk_release(disk, file);
    return true;
}

static bool has_no_index(struct tale *tale)
{
    return !has_index(tale);
}

static void write_index(struct tale *tale)
{
    note(tale, DEED_INDEX, wait_until(tale, has_index));
}

static void remove_index(struct tale *tale)
{
    note(tale, DEED_INDEX_REMOVED,
         (tale->deeds >> DEED_INDEX & 1) && wait_until(tale, has_no_index));
}

/* --- Acknowledging early ---------------------------------------------------------------------- */

/* Some of it is acknowledged before the disk has it. */
static void append_loosely(struct tale *tale)
{
    for (uint32_t i = 0; i < 4 && tale_goes_on(tale); i++) {
        append_many(tale, TALE_LOOSE_LOG, 3, i % 2 == 0 ? SMALL : LARGE);
        append_many(tale, 1, 1, SMALL);
        const struct log *log = tale->rig.logs[TALE_LOOSE_LOG];
        note(tale, DEED_LOOSE, tale_goes_on(tale) && log_durable_offset(log) > log->durable_offset);
        twins_settle(&tale->twins);
    }
}

/* --- Lives ------------------------------------------------------------------------------------ */

/* An error may be met here, too: then the start fails, and the next one does not. */
void tale_start(struct tale *tale)
{
    enum status status = rig_start(&tale->rig, 1 + tale->start_count++ % 2, TALE_LOGS);
    if (status == STATUS_OK) {
        twins_reopened(&tale->twins);
        configure(tale);
    } else if (status == STATUS_CORRUPT || (tale->rig.is_alive && !tale->twins.may_fail))
        twins_complain(&tale->twins, "a start ends with %s", status_text(status));
}

void tale_stop(struct tale *tale)
{
    twins_settle(&tale->twins);
    if (!tale_goes_on(tale))
        return;
    bool was_struck = !node_has_plans(tale->sim.node);
    enum status status = rig_stop(&tale->rig);
    bool is_struck = !node_has_plans(tale->sim.node);
    bool is_excused = is_struck && (!was_struck || tale->twins.may_fail);
    if (status == STATUS_OK)
        twins_stopped(&tale->twins);
    else if (tale->rig.is_alive && !is_excused)
        twins_complain(&tale->twins, "a stop ends with %s", status_text(status));
}

static void stop_and_start(struct tale *tale)
{
    tale_stop(tale);
    if (twins_are_well(&tale->twins))
        tale_start(tale);
}

/* --- The stories ------------------------------------------------------------------------------ */

static void (*const keeping[])(struct tale *tale) = {
    tale_start,     append_a_few, append_large, roll,       fill_journal, read_cold,
    trim,           roll,         retain,       delete_log, read_cold,    append_large,
    stop_and_start, append_a_few, fill_journal, retain,     roll,
};

static void (*const cleaning[])(struct tale *tale) = {
    tale_start, append_keyed, clean, append_keyed, clean, stop_and_start, read_cold,
};

static void (*const indexing[])(struct tale *tale) = {
    tale_start, append_for_index, write_index, append_loosely, stop_and_start,
    read_cold,  append_for_index, retain,      remove_index,   delete_log,
};

#define CHAPTERS(name) name, sizeof(name) / sizeof(name)[0]

const struct plot plots[PLOT_COUNT] = {
    {"keeping", CHAPTERS(keeping), .segment_bytes_max = 128 << 10},
    {"cleaning", CHAPTERS(cleaning), .compacts = true, .segment_bytes_max = 128 << 10},
    {"indexing", CHAPTERS(indexing), .is_loose = true, .segment_bytes_max = 600 << 10},
};

/* --- Telling ---------------------------------------------------------------------------------- */

static void init_rig(struct tale *tale)
{
    struct rig *rig = &tale->rig;
    rig_init(rig, &tale->sim.harness);
    rig->options.journal_file_bytes = 256 << 10;
    rig->options.direct_size_bytes = 16 << 10;
    rig->options.beside_size_bytes = 16 << 10;
    rig->options.memory_bytes_max = 16 << 20;
    rig->options.cache_bytes_max = 64 << 10;
    rig->options.cleaner_backoff_ms = 5;
    rig->options.cleaner_dedupe_buffer_bytes = 64 << 10;
    rig->config.segment_bytes_max = tale->plot->segment_bytes_max;
    rig->config.min_cleanable_dirty_ppm = 0;
    rig->config.compacts = tale->plot->compacts;
    rig->config.deletes = !tale->plot->compacts;
    if (tale->plot->compacts)
        rig->config.file_delete_delay_ms = 0;
}

void tale_init(struct tale *tale, const struct plot *plot, uint64_t seed)
{
    assert(plot->chapter_count > 0);
    *tale = (struct tale){.plot = plot};
    sim_harness_init(&tale->sim, seed);
    init_rig(tale);
    twins_init(&tale->twins, &tale->rig, TALE_LOGS);
    tale->twins.are_compacted = plot->compacts;
    tale->twins.are_loose[TALE_LOOSE_LOG] = plot->is_loose;
}

void tale_deinit(struct tale *tale)
{
    if (tale->rig.is_alive)
        rig_kill(&tale->rig);
    sim_harness_deinit(&tale->sim);
    rig_deinit(&tale->rig);
    twins_deinit(&tale->twins);
}

void tale_tell(struct tale *tale)
{
    const struct plot *plot = tale->plot;
    for (uint32_t i = 0; i < plot->chapter_count && twins_are_well(&tale->twins); i++)
        plot->chapters[i](tale);
}

void tale_go_on(struct tale *tale)
{
    append_a_few(tale);
    roll(tale);
}
