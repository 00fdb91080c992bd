/* A store from its creation to its end: memory shared by its logs, who may write when, and what
 * happens when the disk fails or is full. */
#include "storage/store.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/cold_file.h"
#include "storage/compaction.h"
#include "storage/epoch_file.h"
#include "storage/groundwork.h"
#include "storage/leftovers.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/overdue.h"
#include "storage/paged.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"

#include <stdlib.h>

void store_options_init(struct store_options *options)
{
    *options = (struct store_options){
        .journal_file_bytes = 16 << 20,
        .journal_file_count = 16,
        .direct_size_bytes = 32 << 10,
        .beside_size_bytes = 128 << 10,
        .recycle_bytes_min = 16 << 20,
        .memory_bytes_max = (size_t)256 << 20,
        .cache_bytes_max = (size_t)64 << 20,
        .open_files_max = 256,
        .producer_expiration_ms = 86400000,
        .producers_max = 1000000,
        .cleaner_enable = true,
        .cleaner_dedupe_buffer_bytes = 32 << 20,
        .cleaner_backoff_ms = 15000,
        .retention_check_ms = 300000,
        .free_bytes_min = 16 << 20,
        .reserve_bytes = 4 << 20,
    };
}

/* --- Memory ----------------------------------------------------------------------------------- */

void store_trim_caches(struct store *store)
{
    tail_cache_trim(store);
    cold_trim(store);
}

static void relief_landed(struct completion *completion, int32_t result)
{
    struct store *store = container_of(completion, struct store, relief);
    (void)result;
    assert(store->relief_is_pending);
    store->relief_is_pending = false;
    struct log *log;
    list_for_each_entry (log, &store->dirty, dirty_node) {
        if (log->deletion == NULL)
            log_seal(log);
    }
    linger_end(store);
    store_progressed(store);
}

/* All memory may be in the tails of logs that nobody appends to just now: they are written, and can
 * be evicted then. Not from within: the caller may be filling such a tail. */
static void want_relief(struct store *store)
{
    bool has_some = !list_is_empty(&store->dirty) || linger_is_any(store);
    if (store->relief_is_pending || !has_some || store->is_stopping)
        return;
    store->relief_is_pending = true;
    completion_init(&store->relief, relief_landed);
    io_land(store->io, &store->relief, STATUS_OK);
}

/* What was read for catching up goes before the tails that everybody reads. */
struct chunk *store_acquire_chunk(struct store *store, size_t size_bytes)
{
    struct chunk *chunk;
    while ((chunk = chunk_acquire(&store->chunks, size_bytes)) == NULL) {
        if (cold_evict(store) || tail_cache_evict(store))
            continue;
        want_relief(store);
        return NULL;
    }
    return chunk;
}

/* The caches are full most of the time, and no sign of scarcity. */
static bool is_plentiful(const struct store *store, size_t size_bytes)
{
    const struct chunk_pool *pool = &store->chunks;
    size_t evictable_bytes = store->cache_bytes + store->cold_bytes;
    assert(evictable_bytes <= pool->used_bytes);
    return pool->used_bytes - evictable_bytes + size_bytes <= pool->limit_bytes / GROWING_SHARE;
}

struct chunk *store_acquire_growing_chunk(struct store *store, size_t size_bytes,
                                          size_t likely_bytes)
{
    assert(size_bytes > 0);
    struct chunk *chunk = NULL;
    if (likely_bytes > size_bytes && is_plentiful(store, likely_bytes))
        chunk = chunk_acquire(&store->chunks, likely_bytes);
    return chunk != NULL ? chunk : store_acquire_chunk(store, size_bytes);
}

/* --- Failure and shortage --------------------------------------------------------------------- */

void store_fail(struct store *store, enum status status)
{
    assert(status != STATUS_OK);
    metrics_add(store->options.metrics, METRIC_WRITE_ERRORS, 1);
    if (store->failure != STATUS_OK)
        return;
    store->failure = status;
    log_error(store->logger, "storage failed, nothing more is accepted; restart after repair",
              field_text("directory", store->directory), field_status("error", status));
    struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        log_fail(log, STATUS_FAILED);
    }
    if (store->options.observer != NULL)
        store->options.observer->failed(store->options.observer, status);
    store_progressed(store);
}

void store_retry(struct store *store)
{
    struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        log_pursue_record(log);
        if (log->unwritten != NULL || log->wants_sync)
            store_want_flush(store, log, false);
    }
    journal_retry(&store->journal);
    catalog_retry(&store->catalog);
}

static void retry_fired(struct timer *timer)
{
    store_retry(container_of(timer, struct store, retry));
}

void store_retry_soon(struct store *store)
{
    if (!timer_is_running(&store->retry) && !store->is_stopping)
        io_timer_start(store->io, &store->retry, io_now_ns(store->io) + RETRY_NS);
}

/* --- Flushing --------------------------------------------------------------------------------- */

/* Of those that somebody waits for the one who has waited longest; now and then another, which may
 * have the journal wait for it. NULL: nobody wants to. */
static struct list_node *next_queued(struct store *store)
{
    struct list_node *node = NULL;
    if (store->awaited_row_count < AWAITED_ROW_MAX)
        node = list_pop_front(&store->awaited_queue);
    store->awaited_row_count = node != NULL ? store->awaited_row_count + 1 : 0;
    if (node == NULL)
        node = list_pop_front(&store->flush_queue);
    return node != NULL ? node : list_pop_front(&store->awaited_queue);
}

static void dispatch_flushes(struct store *store)
{
    while (!list_is_empty(&store->idle_flushes)) {
        struct list_node *log = next_queued(store);
        if (log == NULL)
            return;
        struct list_node *flush = list_pop_front(&store->idle_flushes);
        flush_start(container_of(flush, struct flush, node),
                    container_of(log, struct log, flush_node));
    }
}

/* What is left of a disk that is full is for those who give space back. */
static bool must_wait_for_room(const struct store *store, const struct log *log)
{
    return store->room.level == ROOM_DRY && !log_wants_record(log);
}

/* There is nothing else to do for the log either. */
static bool waits_for_ground(const struct log *log)
{
    return groundwork_is_awaited(log) && log->written_offset == log->synced_offset;
}

static void queue(struct store *store, struct log *log, bool is_awaited)
{
    bool is_queued = list_node_is_linked(&log->flush_node);
    if (is_queued && (log->is_awaited || !is_awaited))
        return;
    list_remove(&log->flush_node);
    log->is_awaited = is_awaited;
    list_push_back(is_awaited ? &store->awaited_queue : &store->flush_queue, &log->flush_node);
}

void store_want_flush(struct store *store, struct log *log, bool is_awaited)
{
    linger_is_over(log);
    if (log->flush != NULL)
        flush_notice(log->flush);
    if (log->flush != NULL || log->deletion != NULL || store->failure != STATUS_OK ||
        must_wait_for_room(store, log) || log_waits_for_mention(log) || waits_for_ground(log))
        return;
    queue(store, log, is_awaited);
    dispatch_flushes(store);
}

void store_flush_ended(struct store *store, struct flush *flush)
{
    assert(flush->log == NULL);
    assert(flush->store == store);
    list_push_back(&store->idle_flushes, &flush->node);
    dispatch_flushes(store);
    store_progressed(store);
}

/* --- What the journal asks -------------------------------------------------------------------- */

static struct store *store_of(struct journal_owner *owner)
{
    return container_of(owner, struct store, journal_owner);
}

static struct chunk *journal_acquire_chunk(struct journal_owner *owner, size_t size_bytes,
                                           size_t likely_bytes)
{
    return store_acquire_growing_chunk(store_of(owner), size_bytes, likely_bytes);
}

static void journal_wants_checkpoint(struct journal_owner *owner, uint64_t last_sequence)
{
    checkpoint_offer(store_of(owner), last_sequence);
}

static void journal_progressed(struct journal_owner *owner)
{
    struct store *store = store_of(owner);
    if (store->journal.is_short_of_space)
        room_ran_short(&store->room);
    store_progressed(store);
}

static void journal_failed(struct journal_owner *owner, enum status status)
{
    store_fail(store_of(owner), status);
}

/* --- What the catalog asks -------------------------------------------------------------------- */

static struct store *store_of_catalog(struct catalog_owner *owner)
{
    return container_of(owner, struct store, catalog_owner);
}

static void catalog_renew(struct catalog_owner *owner, struct catalog_place *place)
{
    (void)owner;
    log_want_record(container_of(place, struct log, place));
}

static void catalog_ran_short(struct catalog_owner *owner)
{
    room_ran_short(&store_of_catalog(owner)->room);
}

static void catalog_progressed(struct catalog_owner *owner)
{
    store_progressed(store_of_catalog(owner));
}

static void catalog_failed(struct catalog_owner *owner, enum status status)
{
    store_fail(store_of_catalog(owner), status);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Each opens a file beyond those that stay open, and perhaps a directory: where handles are few,
 * there are few at the same time. */
static uint32_t flush_count(const struct store_options *options)
{
    uint32_t share = options->open_files_max / 2;
    if (share == 0)
        return 1;
    return share < FLUSHES_MAX ? share : FLUSHES_MAX;
}

static void init_struct(struct store *store, struct io *io, const struct store_options *options,
                        struct logger *logger)
{
    store->io = io;
    store->logger = logger;
    store->options = *options;
    store->journal_owner = (struct journal_owner){journal_acquire_chunk, journal_wants_checkpoint,
                                                  journal_progressed, journal_failed};
    store->catalog_owner = (struct catalog_owner){catalog_renew, catalog_ran_short,
                                                  catalog_progressed, catalog_failed};
    chunk_pool_init(&store->chunks, io, options->memory_bytes_max);
    pool_init(&store->frames, sizeof(struct memory_frame),
              (uint32_t)(options->memory_bytes_max / FRAME_ALIGNMENT));
    producer_budget_init(&store->producer_budget, options->producers_max);
    list_init(&store->logs);
    list_init(&store->openings);
    list_init(&store->deletions);
    list_init(&store->unswept);
    list_init(&store->marks);
    list_init(&store->mentioned);
    list_init(&store->dirty);
    list_init(&store->idle_flushes);
    list_init(&store->awaited_queue);
    list_init(&store->flush_queue);
    list_init(&store->held_logs);
    list_init(&store->round_turns);
    list_init(&store->cache);
    list_init(&store->unread_cache);
    list_init(&store->cold);
    list_init(&store->cold_kept);
    cold_step_init(store);
    list_init(&store->cold_files);
    list_init(&store->cold_turns);
    list_init(&store->paged);
    list_init(&store->paged_files);
    list_init(&store->indexes);
    list_init(&store->aborted);
    timer_init(&store->retry, retry_fired);
    room_init(&store->room, store);
    linger_init(store);
    timer_init(&store->marking, store_marking_fired);
    timer_init(&store->idling, checkpoint_idling_fired);
    graveyard_init(&store->graveyard, store);
    retention_init(store);
    for (uint32_t i = 0; i < flush_count(options); i++) {
        store->flushes[i].store = store;
        list_push_back(&store->idle_flushes, &store->flushes[i].node);
    }
}

static enum status open_files(struct store *store)
{
    uint64_t epoch;
    enum status status = epoch_file_read(store->io, store->directory, store->logger, &epoch);
    if (status != STATUS_OK)
        return status;
    catalog_init(&store->catalog, store->io, &store->catalog_owner,
                 &(struct catalog_options){
                     .store_directory = store->directory,
                     .epoch = epoch,
                     .last_version = store->states->last_version,
                     .skips_sync = store->options.unsafe_skip_sync,
                 });
    status = room_open(&store->room);
    if (status != STATUS_OK)
        return status;
    return journal_open(&store->journal, store->io, &store->journal_owner,
                        &(struct journal_options){
                            .store_directory = store->directory,
                            .epoch = epoch,
                            .file_bytes = store->options.journal_file_bytes,
                            .file_count = store->options.journal_file_count,
                            .skips_sync = store->options.unsafe_skip_sync,
                            .metrics = store->options.metrics,
                        });
}

static bool options_are_valid(const struct io *io, const struct store_options *options)
{
    uint64_t commit_bytes = commit_stored_size(
        COMMIT_HEADER_SIZE + commit_entry_stored_size(options->direct_size_bytes));
    if (options->unsafe_skip_sync && strcmp(io_backend_name(io), "sim") != 0)
        return false;
    return strlen(options->directory) <= PATH_STORE_SIZE_MAX && options->journal_file_count >= 2 &&
           options->journal_file_count <= JOURNAL_FILES_MAX &&
           options->journal_file_bytes % COMMIT_ALIGNMENT == 0 &&
           options->journal_file_bytes / 2 >= commit_bytes && commit_bytes <= COMMIT_SIZE_MAX &&
           options->producer_expiration_ms > 0 && options->producers_max > 0 &&
           options->retention_check_ms >= 0 && options->cleaner_backoff_ms >= 0 &&
           options->reserve_bytes > 0;
}

enum status store_create(struct io *io, const struct store_options *options,
                         struct store_states *states, struct logger *logger, struct store **result)
{
    if (!options_are_valid(io, options))
        return STATUS_INVALID;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return STATUS_NO_MEMORY;
    init_struct(store, io, options, logger);
    store->states = states;
    store->directory = strdup(options->directory);
    enum status status = store->directory == NULL ? STATUS_NO_MEMORY : compaction_create(store);
    if (status == STATUS_OK)
        status = open_files(store);
    if (status != STATUS_OK) {
        store_destroy(store);
        return status;
    }
    *result = store;
    return STATUS_OK;
}

void store_destroy(struct store *store)
{
    io_timer_cancel(store->io, &store->retry);
    room_stop(&store->room);
    io_timer_cancel(store->io, &store->marking);
    io_timer_cancel(store->io, &store->idling);
    linger_stop(store);
    compaction_destroy(store);
    retention_stop(store);
    graveyard_deinit(&store->graveyard);
    leftovers_drop(store);
    for (uint32_t i = 0; i < FLUSHES_MAX; i++)
        recycle_drop(&store->flushes[i].recycle);
    overdue_drop(store);
    struct list_node *node;
    cold_files_drop(store);
    paged_files_drop(store);
    catalog_abandon(&store->catalog);
    while ((node = list_first(&store->logs)) != NULL)
        log_destroy(container_of(node, struct log, node));
    store_drop_openings(store);
    store_drop_deletions(store);
    if (store->catalog.io != NULL)
        catalog_deinit(&store->catalog);
    if (store->journal.io != NULL)
        journal_deinit(&store->journal);
    if (store->zeros != NULL)
        chunk_release(store->zeros, store->io);
    pool_deinit(&store->frames);
    chunk_pool_deinit(&store->chunks);
    free(store->ghost);
    free(store->stop);
    free(store->directory);
    free(store);
}

void store_describe(const struct store *store, struct store_facts *facts)
{
    *facts = (struct store_facts){
        .memory_bytes = store->chunks.used_bytes,
        .cache_bytes = store->cache_bytes,
        .cold_bytes = store->cold_bytes,
        .has_failed = store->failure != STATUS_OK,
        .is_full = store->is_full,
        .dirty_percent_max = compaction_dirty_percent(store),
        .producer_count = store->producer_budget.count,
        .producers_forgotten = store->producer_budget.forgotten_count,
    };
}

bool store_has_failed(const struct store *store)
{
    return store->failure != STATUS_OK;
}

struct chunk_pool *store_chunks(struct store *store)
{
    return &store->chunks;
}
