/* What comes next for a log that is being written: the order of duties, and nothing else. What is
 * picked is asked for at once; nothing is taken in here. */
#include "storage/flush_parts.h"

#include "storage/flush_turn.h"
#include "storage/groundwork.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/* There is something to write whose time has come. */
static bool has_writable(const struct log *log)
{
    return linger_has_due(log) && log_may_write(log, log->unwritten) && !groundwork_is_awaited(log);
}

/* Beside a sync goes what needs nothing else done first, and keeps no other log waiting. And not a
 * little: a sync is needed for it as well, and those who are about to be answered tend to ask again
 * and come along. */
static bool goes_beside_sync(const struct flush *flush, const struct memory_frame *frame)
{
    const struct log *log = flush->log;
    const struct segment *segment = frame->segment;
    return segment == log->write_segment &&
           segment->size_bytes - frame->position >= flush->store->options.beside_size_bytes &&
           memory_frame_end(frame) <= segment->allocated_bytes &&
           (log->loose != NULL || (flush->has_turn && list_is_empty(&flush->store->round_turns)));
}

static bool may_write(const struct flush *flush)
{
    const struct log *log = flush->log;
    return !flush->round.is_under_way && has_writable(log) &&
           (!flush->sync.is_under_way || goes_beside_sync(flush, log->unwritten));
}

/* Who waits for a large batch waits for its sync. Others want all that there is synced at once. */
static bool should_sync(const struct flush *flush)
{
    const struct log *log = flush->log;
    if (flush->sync.is_under_way || !log_has_unsynced(log))
        return false;
    bool snapshot_waits = log->snapshot != NULL && !log->snapshot->is_put;
    return log_has_written_direct(log) || (!flush->round.is_under_way && !has_writable(log) &&
                                           (log->wants_sync || snapshot_waits));
}

static enum op_progress pick_write(struct flush *flush, struct memory_frame *frame)
{
    struct log *log = flush->log;
    if (frame->segment != log->write_segment) {
        if (log_has_unsynced(log))
            return flush_ask_sync(flush);
        if (recycle_leaves_rest(log))
            return flush_ask_cut(flush);
        if (log->write_handle >= 0)
            return flush_ask_close(flush);
        return flush_ask_open(flush, frame->segment);
    }
    if (log->write_handle < 0)
        return flush_ask_open(flush, frame->segment);
    if (memory_frame_end(frame) > frame->segment->allocated_bytes)
        return flush_ask_allocate(flush, frame->segment, memory_frame_end(frame));
    return flush_ask_write(flush);
}

/* The segment may have to be synced later: that opens it again. Not while more for it lingers: with
 * the closing its index may be put away, as of what is whole. */
static bool should_close(const struct store *store, const struct log *log)
{
    if (list_node_is_linked(&log->linger_node))
        return false;
    return log->wants_close || store->open_file_count > store->options.open_files_max;
}

enum op_progress flush_pick(struct flush *flush)
{
    struct log *log = flush->log;
    bool may_go_on =
        flush->store->failure == STATUS_OK && log->deletion == NULL && flush->op.error == 0;
    if (may_go_on && should_sync(flush))
        return flush_ask_sync(flush);
    if (may_go_on && may_write(flush))
        return pick_write(flush, log->unwritten);
    if (flush_is_busy(flush))
        return flush_watch(flush);
    if (may_go_on && recycle_leaves_rest(log))
        return flush_ask_cut(flush);
    if (may_go_on && log->write_handle >= 0 && should_close(flush->store, log))
        return flush_ask_close(flush);
    if (log->unwritten == NULL && !log_has_unsynced(log))
        log->wants_sync = false;
    op_move(&flush->op, FLUSH_END);
    return OP_AGAIN;
}
