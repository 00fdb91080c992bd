/* A log from its creation to its end, how far it is durable, and what it says about itself. */
#include "storage/log.h"

#include "base/assert.h"
#include "storage/backlog.h"
#include "storage/cold.h"
#include "storage/cold_file.h"
#include "storage/compaction.h"
#include "storage/groundwork.h"
#include "storage/index.h"
#include "storage/linger.h"
#include "storage/log_delete.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"

#include <stdlib.h>

void log_config_init(struct log_config *config)
{
    *config = (struct log_config){
        .segment_bytes_max = 1 << 30,
        .segment_ms_max = 604800000,
        .deletes = true,
        .retention_ms = 604800000,
        .retention_bytes = -1,
        .file_delete_delay_ms = 60000,
        .delete_retention_ms = 86400000,
        .max_compaction_lag_ms = INT64_MAX,
        .min_cleanable_dirty_ppm = 500000,
        .flush_messages = INT64_MAX,
        .flush_ms = INT64_MAX,
    };
}

/* --- Durability ------------------------------------------------------------------------------- */

int64_t log_visible_offset(const struct log *log)
{
    int64_t acknowledged = log->loose == NULL ? 0 : log->loose->acknowledged_offset;
    return acknowledged > log->durable_offset ? acknowledged : log->durable_offset;
}

/* A log that was loose once stays known to have been: what it has acknowledged stays visible. Where
 * memory is short, everything is durable before it is acknowledged. */
static void configure_looseness(struct log *log)
{
    const struct log_config *config = &log->config;
    bool is_wanted = loose_core_is_wanted(config->flush_messages, config->flush_ms);
    if (log->loose == NULL && is_wanted)
        log->loose = calloc(1, sizeof *log->loose);
    if (log->loose != NULL)
        loose_core_configure(log->loose, config->flush_messages, config->flush_ms);
}

static int64_t compute_durable_offset(const struct log *log)
{
    int64_t offset =
        log->journaled_offset > log->synced_offset ? log->journaled_offset : log->synced_offset;
    struct list_node *node = list_first(&log->directs);
    if (node == NULL)
        return offset;
    int64_t limit = container_of(node, struct memory_frame, direct_node)->base_offset;
    return offset < limit ? offset : limit;
}

static int64_t acknowledgement_limit(struct log *log)
{
    if (log->loose == NULL || backlog_is_large(log->store))
        return log->durable_offset;
    return loose_core_limit(log->loose, log->durable_offset, log->end_offset,
                            io_now_ns(log->store->io));
}

/* Whole batches only: readers see none before it is acknowledged. */
static void land_appends(struct log *log)
{
    int64_t limit = acknowledgement_limit(log);
    struct list_node *node;
    while ((node = list_first(&log->appends)) != NULL) {
        struct log_append *append = container_of(node, struct log_append, waiting);
        if (append->last_offset >= limit)
            return;
        if (log->loose != NULL && append->last_offset >= log->loose->acknowledged_offset)
            log->loose->acknowledged_offset = append->last_offset + 1;
        list_remove(node);
        io_land(log->store->io, &append->completion, STATUS_OK);
    }
}

/* Somebody waits for the disk, or for others whom it keeps busy. */
static void speed_up(struct log *log)
{
    linger_end_of(log);
    if (backlog_is_large(log->store))
        backlog_hold(log);
}

/* A failed store says nothing more, not even what a commit under way has still brought to disk:
 * whoever waited has been told that it failed. */
void log_advance(struct log *log)
{
    if (log_has_failed(log))
        return;
    int64_t visible = log_visible_offset(log);
    int64_t durable = compute_durable_offset(log);
    assert(log->synced_offset <= log->written_offset);
    assert(log->written_offset <= log->end_offset);
    assert(log->journaled_offset <= log->end_offset);
    assert(durable <= log->end_offset);
    assert(durable >= log->durable_offset);
    log->durable_offset = durable;
    land_appends(log);
    if (log->loose != NULL && !list_is_empty(&log->appends))
        speed_up(log);
    if (log_visible_offset(log) > visible && log->observer != NULL)
        log->observer->durable_moved(log->observer);
}

static void journal_committed(struct journal_client *client, int64_t end_offset)
{
    struct log *log = container_of(client, struct log, journal_client);
    assert(end_offset >= log->journaled_offset);
    assert(end_offset <= log->end_offset);
    log->journaled_offset = end_offset;
    log_mention_landed(log);
    log_advance(log);
}

static void advance_landed(struct completion *completion, int32_t result)
{
    struct log *log = container_of(completion, struct log, advance);
    (void)result;
    struct store *store = log->store;
    assert(log->advance_is_pending);
    log->advance_is_pending = false;
    log_advance(log);
    log_delete_progressed(log);
    store_progressed(store);
}

void log_advance_soon(struct log *log)
{
    if (log->advance_is_pending)
        return;
    log->advance_is_pending = true;
    completion_init(&log->advance, advance_landed);
    io_land(log->store->io, &log->advance, STATUS_OK);
}

void log_land_appends(struct log *log, enum status status)
{
    struct list_node *node;
    while ((node = list_pop_front(&log->appends)) != NULL)
        io_land(log->store->io, &container_of(node, struct log_append, waiting)->completion,
                (int32_t)status);
}

void log_fail(struct log *log, enum status status)
{
    assert(status != STATUS_OK);
    log_land_appends(log, status);
    log_land_records(log, status);
    if (log->observer != NULL)
        log->observer->failed(log->observer, status);
}

/* --- Segments --------------------------------------------------------------------------------- */

struct segment *log_find_segment(const struct log *log, int64_t offset, uint32_t *index)
{
    uint32_t low = 0;
    uint32_t high = log->segment_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low - 1;
    return low == 0 ? NULL : log->segments[low - 1];
}

int64_t log_segment_end(const struct log *log, const struct segment *segment)
{
    uint32_t index;
    const struct segment *found = log_find_segment(log, segment->base_offset, &index);
    assert(found == segment);
    if (index + 1 == log->segment_count)
        return log->written_offset;
    int64_t next = log->segments[index + 1]->base_offset;
    return next < log->written_offset ? next : log->written_offset;
}

struct segment *log_add_segment(struct log *log, int64_t base_offset, uint32_t generation)
{
    assert(log->segment_count == 0 || log_active_segment(log)->base_offset < base_offset);
    if (log->segment_count == log->segment_capacity) {
        uint32_t capacity = log->segment_capacity == 0 ? 1 : log->segment_capacity * 2;
        struct segment **segments = realloc(log->segments, capacity * sizeof(struct segment *));
        if (segments == NULL)
            return NULL;
        log->segments = segments;
        log->segment_capacity = capacity;
    }
    struct segment *segment = segment_create(base_offset, generation);
    if (segment != NULL)
        log->segments[log->segment_count++] = segment;
    return segment;
}

void log_retire_segment(struct log *log, struct segment *segment)
{
    assert(!segment->is_retired);
    segment->is_retired = true;
    cold_blocks_drop(log, segment);
    cold_file_forget(segment);
    index_forget(log, segment);
    log_forget_aborted(log, segment);
    segment_release(segment);
}

bool log_note_damage(struct log *log, int64_t from, int64_t to)
{
    assert(from >= log->start_offset);
    assert(to <= log->end_offset);
    return damage_core_note(&log->damages, from, to);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void init_lists(struct log *log)
{
    list_node_init(&log->node);
    list_node_init(&log->flush_node);
    list_node_init(&log->linger_node);
    list_node_init(&log->held_node);
    list_node_init(&log->dirty_node);
    list_node_init(&log->mark_node);
    list_node_init(&log->mention_node);
    list_node_init(&log->place.node);
    list_node_init(&log->unswept_node);
    list_init(&log->frames);
    list_init(&log->directs);
    list_init(&log->appends);
    list_init(&log->records);
    list_init(&log->loads);
    list_init(&log->lookups);
    list_init(&log->index_loads);
    list_init(&log->aborted_ops);
}

struct log *log_create(struct store *store, const struct log_id *id,
                       const struct log_config *config)
{
    assert(id->partition >= 0);
    assert(id->topic_name.size <= TOPIC_NAME_SIZE_MAX);
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    char path[PATH_SIZE];
    path_partition(store->directory, id, path);
    log->directory = strdup(path);
    log->topic_name = strndup((const char *)id->topic_name.data, id->topic_name.size);
    if (log->directory == NULL || log->topic_name == NULL) {
        free(log->directory);
        free(log->topic_name);
        free(log);
        return NULL;
    }
    log->store = store;
    log->id = *id;
    log->id.topic_name = bytes_of_text(log->topic_name);
    log->config = *config;
    log->write_handle = -1;
    log->written_dirty_sequence = UINT64_MAX;
    log->opaque_offset = INT64_MAX;
    log->journal_client.committed = journal_committed;
    epoch_core_init(&log->epochs);
    producer_core_init(&log->producers, store->options.producer_expiration_ms,
                       &store->producer_budget);
    init_lists(log);
    configure_looseness(log);
    return log;
}

bool log_is_before_memory(const struct log *log, int64_t offset)
{
    const struct list_node *first = list_first(&log->frames);
    return first == NULL || offset < container_of(first, struct memory_frame, node)->base_offset;
}

void log_drop_frame(struct memory_frame *frame)
{
    struct store *store = frame->log->store;
    if (frame->log->read_frame == frame)
        frame->log->read_frame = NULL;
    tail_cache_remove(frame);
    if (frame->state == FRAME_SEALED)
        backlog_take(frame);
    list_remove(&frame->direct_node);
    list_remove(&frame->node);
    chunk_release(frame->chunk, store->io);
    segment_release(frame->segment);
    pool_release(&store->frames, frame);
}

void log_destroy(struct log *log)
{
    struct list_node *node;
    while ((node = list_first(&log->frames)) != NULL)
        log_drop_frame(container_of(node, struct memory_frame, node));
    cold_blocks_drop(log, NULL);
    log_retire_drop(log);
    cold_drop_loads(log);
    groundwork_drop(log);
    index_drop_loads(log);
    log_drop_lookups(log);
    log_drop_aborted_ops(log);
    for (uint32_t i = 0; i < log->segment_count; i++)
        log_retire_segment(log, log->segments[i]);
    free(log->segments);
    segment_release(log->write_segment);
    list_remove(&log->node);
    list_remove(&log->flush_node);
    list_remove(&log->linger_node);
    list_remove(&log->held_node);
    list_remove(&log->dirty_node);
    list_remove(&log->mark_node);
    list_remove(&log->mention_node);
    catalog_forget(&log->store->catalog, &log->place);
    log_drop_snapshot(log);
    list_remove(&log->unswept_node);
    epoch_core_deinit(&log->epochs);
    damage_core_deinit(&log->damages);
    producer_core_deinit(&log->producers);
    free(log->loose);
    free(log->directory);
    free(log->topic_name);
    free(log);
}

/* --- Where it stands -------------------------------------------------------------------------- */

/* What has been shown does not come back: not before the new start is durable. */
int64_t log_start_offset(const struct log *log)
{
    return log->recorded_start_offset;
}

int64_t log_durable_offset(const struct log *log)
{
    return log_visible_offset(log);
}

int64_t log_end_offset(const struct log *log)
{
    return log->end_offset;
}

uint64_t log_size_bytes(const struct log *log)
{
    uint64_t size = log->open == NULL ? 0 : log->open->payload_size;
    for (uint32_t i = 0; i < log->segment_count; i++)
        size += log->segments[i]->size_bytes;
    return size;
}

void log_describe(const struct log *log, struct log_facts *facts)
{
    *facts = (struct log_facts){
        .start_offset = log->start_offset,
        .end_offset = log->end_offset,
        .size_bytes = log_size_bytes(log),
        .segment_count = log->segment_count,
        .damage_count = log->damages.count,
        .is_loose = loose_core_is_wanted(log->config.flush_messages, log->config.flush_ms),
        .is_uncleanable = log->is_uncleanable,
        .has_failed = log_has_failed(log),
    };
}

bool log_has_failed(const struct log *log)
{
    return log->store->failure != STATUS_OK;
}

int32_t log_last_epoch(const struct log *log)
{
    return epoch_core_last(&log->epochs);
}

bool log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch, int64_t *end_offset)
{
    return epoch_core_end(&log->epochs, epoch, log->end_offset, found_epoch, end_offset);
}

int32_t log_epoch_at(const struct log *log, int64_t offset)
{
    if (offset < 0 || offset >= log->end_offset)
        return -1;
    return epoch_core_at(&log->epochs, offset);
}

void log_note_high_watermark(struct log *log, int64_t high_watermark)
{
    assert(high_watermark <= log->end_offset);
    if (log->high_watermark >= high_watermark)
        return;
    log->high_watermark = high_watermark;
    transaction_core_commit(&log->producers.transactions, high_watermark);
}

/* The start moves over an open transaction, which stays open: what is left of it is not decided. */
int64_t log_last_stable_offset(const struct log *log)
{
    int64_t unstable = transaction_core_first_unstable(&log->producers.transactions);
    if (unstable < log->start_offset)
        unstable = log->start_offset;
    return unstable < log->high_watermark ? unstable : log->high_watermark;
}

static bool deletes_otherwise(const struct log_config *a, const struct log_config *b)
{
    return a->deletes != b->deletes || a->retention_ms != b->retention_ms ||
           a->retention_bytes != b->retention_bytes || a->segment_ms_max != b->segment_ms_max;
}

void log_configure(struct log *log, const struct log_config *config)
{
    bool is_to_be_checked = deletes_otherwise(&log->config, config);
    log->config = *config;
    configure_looseness(log);
    linger_end_of(log);
    compaction_want(log->store, log);
    log_advance_soon(log);
    if (is_to_be_checked)
        log_retire_check(log, retention_now_ms(log->store));
}

void log_observe(struct log *log, struct log_observer *observer)
{
    log->observer = observer;
}
