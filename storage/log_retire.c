#include "storage/log_retire.h"

#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/retention.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   RECORD ──▶ BURY */
enum retire_stage { RETIRE_RECORD, RETIRE_BURY };

static const struct op_stage retire_stages[] = {
    [RETIRE_RECORD] = {"record", 0},
    [RETIRE_BURY] = {"bury", AFTER(RETIRE_RECORD)},
};

struct log_retire {
    struct op op;
    struct log *log;
    struct log_record record;
    struct segment *segments[RETIRE_MAX]; /* retained */
    uint32_t segment_count;
};

/* --- Judging ---------------------------------------------------------------------------------- */

static int64_t next_offset_of(const struct log *log, uint32_t index)
{
    assert(index < log->segment_count);
    return index + 1 < log->segment_count ? log->segments[index + 1]->base_offset : log->end_offset;
}

static struct retention_segment facts_of(const struct log *log, uint32_t index)
{
    const struct segment *segment = log->segments[index];
    bool has_open = log->open != NULL && log->open->segment == segment;
    struct retention_segment facts = {
        .next_offset = next_offset_of(log, index),
        .size_bytes = segment->size_bytes + (has_open ? log->open->payload_size : 0),
        .max_timestamp_ms = segment->max_timestamp_ms,
        .appended_ms = segment->appended_ms,
    };
    if (has_open && facts.max_timestamp_ms < log->open->max_timestamp_ms)
        facts.max_timestamp_ms = log->open->max_timestamp_ms;
    return facts;
}

static void report(const struct log *log, uint32_t index, enum retention_reason reason)
{
    log_info(log->store->logger, "segment is deleted", field_bytes("topic", log->id.topic_name),
             field_i64("partition", log->id.partition),
             field_i64("base_offset", log->segments[index]->base_offset),
             field_i64("next_offset", next_offset_of(log, index)),
             field_text("reason", retention_reason_text(reason)));
}

/* How many of the oldest go. */
static uint32_t count_expired(const struct log *log, int64_t now_ms,
                              enum retention_reason reasons[static RETIRE_MAX])
{
    struct retention_log facts = {
        .deletes = log->config.deletes,
        .retention_ms = log->config.retention_ms,
        .retention_bytes = log->config.retention_bytes,
        .size_bytes = log_size_bytes(log),
        .start_offset = log->start_offset,
        .limit_offset = log->high_watermark,
        .now_ms = now_ms,
    };
    uint32_t count = 0;
    for (; count < RETIRE_MAX && count < log->segment_count; count++) {
        struct retention_segment oldest = facts_of(log, count);
        if (oldest.size_bytes == 0)
            break; /* the active one, and nothing in it yet */
        reasons[count] = retention_core_judge(&facts, &oldest);
        if (reasons[count] == RETENTION_KEEP)
            break;
        facts.size_bytes -= oldest.size_bytes;
    }
    return count;
}

/* --- Closing ---------------------------------------------------------------------------------- */

/* What comes next goes into a new segment. False without memory. */
static bool roll(struct log *log)
{
    log_seal(log);
    assert(log_active_segment(log)->size_bytes > 0);
    return log_add_segment(log, log->end_offset, 0) != NULL;
}

static void roll_if_too_old(struct log *log)
{
    const struct segment *active = log_active_segment(log);
    if (active == NULL || (active->size_bytes == 0 && log->open == NULL))
        return;
    if (!log_segment_is_too_old(log, active, io_wall_ms(log->store->io)) || !roll(log))
        return;
    log_take_snapshot(log);
    log_pursue_record(log);
    if (recycle_leaves_rest(log))
        store_want_flush(log->store, log, false);
}

/* Everything of the first `count` segments is synced, and no file of theirs is open for writing.
 * If not, that is asked for. */
static bool are_settled(struct log *log, uint32_t count)
{
    bool is_synced = next_offset_of(log, count - 1) <= log->synced_offset;
    bool is_closed = true;
    for (uint32_t i = 0; i < count; i++) {
        bool is_written = log->segments[i] == log->write_segment;
        is_closed = is_closed && (!is_written || (log->write_handle < 0 && log->flush == NULL));
    }
    if (is_synced && is_closed)
        return true;
    log_seal(log);
    log->wants_sync = log->wants_sync || !is_synced;
    log->wants_close = log->wants_close || !is_closed;
    log->wants_retention = true;
    store_want_flush(log->store, log, false);
    return false;
}

/* --- Letting go ------------------------------------------------------------------------------- */

/* All frames before the log's new beginning are on disk. */
static void drop_frames(struct log *log, int64_t offset)
{
    struct list_node *node;
    while ((node = list_first(&log->frames)) != NULL) {
        struct memory_frame *frame = container_of(node, struct memory_frame, node);
        if (frame->next_offset > offset)
            return;
        assert(frame->state == FRAME_WRITTEN);
        assert(!list_node_is_linked(&frame->direct_node));
        log_drop_frame(frame);
    }
}

static void move_start(struct log *log, int64_t offset)
{
    assert(offset <= log->high_watermark);
    if (log->start_offset >= offset)
        return;
    log->start_offset = offset;
    if (log->observer != NULL && log->observer->start_moved != NULL)
        log->observer->start_moved(log->observer);
}

static void take_out(struct log *log, struct log_retire *retire, uint32_t count)
{
    assert(count < log->segment_count);
    assert(log->segments[count]->base_offset <= log->synced_offset);
    int64_t offset = log->segments[count]->base_offset;
    drop_frames(log, offset);
    for (uint32_t i = 0; i < count; i++) {
        struct segment *segment = log->segments[i];
        metrics_add(log->store->options.metrics, METRIC_RETENTION_DELETED_SEGMENTS, 1);
        metrics_add(log->store->options.metrics, METRIC_RETENTION_DELETED_BYTES,
                    (int64_t)segment->size_bytes);
        retire->segments[i] = segment_retain(segment);
        if (segment == log->write_segment) {
            log->write_segment = NULL;
            segment_release(segment);
        }
        log_retire_segment(log, segment);
    }
    retire->segment_count = count;
    log->store->unlisted_count += count;
    log->segment_count -= count;
    memmove(log->segments, log->segments + count, log->segment_count * sizeof log->segments[0]);
    move_start(log, offset);
    epoch_core_forget(&log->epochs, log->start_offset);
    assert(log->start_offset <= log->high_watermark);
}

static void record_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct log_retire, record.completion)->op, result);
}

static enum op_progress retire_record(struct log_retire *retire)
{
    completion_init(&retire->record.completion, record_landed);
    op_expect(&retire->op);
    op_move(&retire->op, RETIRE_BURY);
    log_record(retire->log, &retire->record);
    return OP_WAIT;
}

/* If it could not be recorded, the next start may find the segments in the log again: then nothing
 * of them may be touched. */
static enum op_progress retire_bury(struct log_retire *retire)
{
    struct log *log = retire->log;
    struct store *store = log->store;
    bool is_recorded = retire->op.error == STATUS_OK;
    bool has_more = retire->segment_count == RETIRE_MAX;
    for (uint32_t i = 0; i < retire->segment_count; i++) {
        if (is_recorded)
            graveyard_bury_segment(&store->graveyard, log, retire->segments[i],
                                   log->config.file_delete_delay_ms);
        else
            segment_release(retire->segments[i]);
    }
    log->retire = NULL;
    free(retire);
    assert(log->busy_count > 0);
    log->busy_count--;
    if (is_recorded && (has_more || log->wants_retention))
        log_retire_check(log, retention_now_ms(store));
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress retire_step(struct op *op)
{
    struct log_retire *retire = container_of(op, struct log_retire, op);
    switch ((enum retire_stage)op->stage) {
    case RETIRE_RECORD: return retire_record(retire);
    case RETIRE_BURY: return retire_bury(retire);
    }
    unreachable();
}

static const struct op_kind retire_kind = {"log-retire", retire_step, retire_stages};

static bool is_at_work(const struct log *log)
{
    const struct store *store = log->store;
    return store->failure == STATUS_OK && !store->is_stopping && log->deletion == NULL;
}

void log_retire_check(struct log *log, int64_t now_ms)
{
    enum retention_reason reasons[RETIRE_MAX];
    bool must_wait = !log->is_swept || log->retire != NULL;
    log->wants_retention = must_wait;
    if (!is_at_work(log) || must_wait)
        return;
    roll_if_too_old(log);
    uint32_t count = count_expired(log, now_ms, reasons);
    if (count == 0 || !are_settled(log, count))
        return;
    if (count == log->segment_count && !roll(log))
        return;
    struct log_retire *retire = calloc(1, sizeof *retire);
    if (retire == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        report(log, i, reasons[i]);
    retire->log = log;
    log->retire = retire;
    log->busy_count++;
    take_out(log, retire, count);
    op_start(&retire->op, &retire_kind, io_ops(log->store->io));
}

/* Age is left to the checks until there has been one: before, the clock may not have been set. */
void log_retire_rolled(struct log *log)
{
    struct store *store = log->store;
    bool is_timed = store->retention.clock.has_begun;
    if (store->options.retention_check_ms > 0)
        log_retire_check(log, is_timed ? retention_now_ms(store) : -1);
}

void log_retire_progressed(struct log *log)
{
    if (log->wants_retention)
        log_retire_check(log, retention_now_ms(log->store));
}

void log_retire_drop(struct log *log)
{
    if (log->retire == NULL)
        return;
    for (uint32_t i = 0; i < log->retire->segment_count; i++)
        segment_release(log->retire->segments[i]);
    free(log->retire);
    log->retire = NULL;
}

/* --- On request ------------------------------------------------------------------------------- */

/* What lies below the start goes at once; what is too old may wait for the next check. */
static void delete_recorded(struct completion *completion, int32_t result)
{
    struct log_delete_records *deletion =
        container_of(completion, struct log_delete_records, record.completion);
    struct log *log = deletion->log;
    struct store *store = log->store;
    if (result == STATUS_OK)
        log_retire_check(log, -1);
    io_land(store->io, &deletion->completion, result);
}

void log_delete_records(struct log *log, struct log_delete_records *deletion)
{
    assert(deletion->completion.landed != NULL);
    int64_t offset = deletion->offset == -1 ? log->high_watermark : deletion->offset;
    deletion->log = log;
    deletion->start_offset = log->start_offset;
    enum status status = STATUS_OK;
    if (log->config.compacts && !log->config.deletes)
        status = STATUS_DENIED;
    else if (offset < 0 || offset > log->high_watermark)
        status = STATUS_OUT_OF_RANGE;
    if (status != STATUS_OK) {
        io_land(log->store->io, &deletion->completion, (int32_t)status);
        return;
    }
    if (is_at_work(log))
        move_start(log, offset);
    deletion->start_offset = log->start_offset;
    completion_init(&deletion->record.completion, delete_recorded);
    log_record(log, &deletion->record);
}
