#include "storage/log_sync.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"

bool log_has_unsynced(const struct log *log)
{
    return log->written_offset > log->synced_offset;
}

void log_sync_begin(struct log_sync *sync, struct log *log)
{
    struct io *io = log->store->io;
    assert(!sync->is_under_way);
    assert(log->write_handle >= 0);
    assert(log_has_unsynced(log));
    sync->is_under_way = true;
    sync->has_landed = false;
    sync->target_offset = log->written_offset;
    log->written_dirty_sequence = UINT64_MAX;
    if (log->store->options.unsafe_skip_sync)
        io_land(io, &sync->request.completion, STATUS_OK);
    else
        io_sync(io, &sync->request, log->write_handle);
}

/* The oldest commit that holds batches of this log which are not synced. */
static uint64_t oldest_unsynced_commit(const struct log *log)
{
    uint64_t sequence = log->written_dirty_sequence;
    /* From the newest backwards: whatever is older than a written frame has been written, and of
     * those there are as many as the cache holds. */
    const struct list_node *node = log->frames.head.prev;
    for (; node != &log->frames.head; node = node->prev) {
        const struct memory_frame *frame = container_of(node, struct memory_frame, node);
        if (frame->state == FRAME_WRITTEN)
            break;
        if (frame->commit_sequence < sequence)
            sequence = frame->commit_sequence;
    }
    return sequence == UINT64_MAX ? 0 : sequence;
}

static void release_directs(struct log *log)
{
    struct list_node *node;
    while ((node = list_first(&log->directs)) != NULL) {
        struct memory_frame *frame = container_of(node, struct memory_frame, direct_node);
        if (frame->next_offset > log->synced_offset)
            return;
        list_remove(node);
        tail_cache_add(frame);
    }
}

static void note_clean(struct log *log)
{
    log->dirty_sequence = oldest_unsynced_commit(log);
    list_remove(&log->dirty_node);
    if (log->dirty_sequence != 0)
        list_push_back(&log->store->dirty, &log->dirty_node);
}

/* What was written meanwhile is for the next one, and whoever wants a sync may mean that. */
static void note_synced(struct log *log, int64_t offset)
{
    assert(offset >= log->synced_offset);
    assert(offset <= log->written_offset);
    log->synced_offset = offset;
    log->wants_sync = log->wants_sync && (log->unwritten != NULL || log_has_unsynced(log));
    note_clean(log);
}

bool log_sync_take_in(struct log_sync *sync, struct log *log)
{
    assert(sync->is_under_way);
    assert(sync->has_landed);
    sync->is_under_way = false;
    sync->has_landed = false;
    if (sync->request.completion.result < 0)
        return false;
    bool had_directs = !list_is_empty(&log->directs);
    note_synced(log, sync->target_offset);
    release_directs(log);
    log_advance(log);
    log_pursue_record(log);
    if (had_directs)
        store_want_mark(log->store, log);
    return true;
}
