#include "storage/compaction_op.h"

#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   START ──▶ ABORTED ──▶ CLEAR ◀─┐ ──▶ INDEX ◀─┐ ──▶ CLOSE ──▶ GROUP ◀─┐ ──▶ END
 *     │          │          └─────┘       └─────┘ frames, pauses  └─────┘ each new segment
 *     └── no memory, or what cannot be read ──▶ END
 */
enum compaction_stage {
    COMPACTION_START,
    COMPACTION_ABORTED,
    COMPACTION_CLEAR,
    COMPACTION_INDEX,
    COMPACTION_CLOSE,
    COMPACTION_GROUP,
    COMPACTION_END
};

static const struct op_stage compaction_stages[] = {
    [COMPACTION_START] = {"start", 0},
    [COMPACTION_ABORTED] = {"aborted", AFTER(COMPACTION_START)},
    [COMPACTION_CLEAR] = {"clear", AFTER(COMPACTION_ABORTED) | AFTER(COMPACTION_CLEAR)},
    [COMPACTION_INDEX] = {"index", AFTER(COMPACTION_CLEAR) | AFTER(COMPACTION_INDEX)},
    [COMPACTION_CLOSE] = {"close", AFTER(COMPACTION_INDEX)},
    [COMPACTION_GROUP] = {"group", AFTER(COMPACTION_CLOSE) | AFTER(COMPACTION_GROUP)},
    [COMPACTION_END] = {"end", AFTER(COMPACTION_START) | AFTER(COMPACTION_ABORTED) |
                                   AFTER(COMPACTION_CLEAR) | AFTER(COMPACTION_CLOSE) |
                                   AFTER(COMPACTION_GROUP)},
};

enum {
    MAP_BYTES_MIN = 64 * 1024,
    CLEAR_SLICE_BYTES = 256 * 1024,
    /* Of the store's memory: what the records of one batch may take, and all that is made of it. */
    RECORDS_SHARE = 16,
    ARENA_SHARE = 2,
};

static struct io *io_of(const struct compaction *compaction)
{
    return compaction->store->io;
}

static void child_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct compaction, landed)->op, result);
}

static struct completion *expect_child(struct compaction *compaction)
{
    completion_init(&compaction->landed, child_landed);
    op_expect(&compaction->op);
    return &compaction->landed;
}

static enum op_progress wait_in(struct compaction *compaction, enum compaction_stage stage)
{
    op_move(&compaction->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct compaction *compaction, enum compaction_stage stage)
{
    op_move(&compaction->op, stage);
    return OP_AGAIN;
}

/* --- The pass --------------------------------------------------------------------------------- */

/* Every record of the dirty part may have a key of its own. What is not to be had now makes the
 * pass shorter. */
static bool take_map(struct compaction *compaction)
{
    const struct compaction_pass *pass = &compaction->pass;
    size_t size_bytes = compaction->store->options.cleaner_dedupe_buffer_bytes;
    uint64_t records_max = (uint64_t)(pass->end_offset - pass->dirty_offset);
    if (records_max < size_bytes && offset_map_size(records_max) < size_bytes)
        size_bytes = offset_map_size(records_max);
    do {
        compaction->map_memory = store_acquire_chunk(compaction->store, size_bytes);
        if (compaction->map_memory == NULL && size_bytes <= MAP_BYTES_MIN)
            return false;
        if (compaction->map_memory == NULL)
            size_bytes /= 2;
        compaction->pass.map_is_short |= compaction->map_memory == NULL;
    } while (compaction->map_memory == NULL);
    struct hash_seed seed;
    io_secret(io_of(compaction), &seed, sizeof seed);
    offset_map_init(&compaction->map, compaction->map_memory->data, size_bytes, seed);
    return true;
}

static void aborted_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct compaction, aborted.completion)->op, result);
}

static enum op_progress compaction_start(struct compaction *compaction)
{
    if (compaction->status != STATUS_OK || !take_map(compaction)) {
        compaction->status = STATUS_NO_MEMORY;
        return move_to(compaction, COMPACTION_END);
    }
    compaction->aborted.from = compaction->segments[0]->base_offset;
    compaction->aborted.to = compaction->pass.end_offset;
    compaction->aborted.exchange_count = compaction->log->exchange_count;
    completion_init(&compaction->aborted.completion, aborted_landed);
    op_expect(&compaction->op);
    log_aborted(compaction->log, &compaction->aborted);
    return wait_in(compaction, COMPACTION_ABORTED);
}

/* For one reading of the log. */
static void begin_transactions(struct compaction *compaction)
{
    const struct aborted_list *aborted = &compaction->aborted.list;
    compaction_transactions_deinit(&compaction->transactions);
    compaction_transactions_init(&compaction->transactions, aborted->entries, aborted->count);
}

static enum op_progress compaction_aborted(struct compaction *compaction)
{
    compaction->status = (enum status)compaction->op.error;
    compaction->op.error = 0;
    if (compaction->status != STATUS_OK)
        return move_to(compaction, COMPACTION_END);
    begin_transactions(compaction);
    return move_to(compaction, COMPACTION_CLEAR);
}

/* From the first segment with something dirty on. */
static void begin_indexing(struct compaction *compaction)
{
    uint32_t first = 0;
    while (first + 1 < compaction->segment_count &&
           compaction->segments[first + 1]->base_offset <= compaction->pass.dirty_offset)
        first++;
    segment_reader_init(&compaction->reader, compaction->log, &compaction->segments[first],
                        compaction->segment_count - first);
}

static enum op_progress compaction_clear(struct compaction *compaction)
{
    if (compaction_is_unwanted(compaction->log)) {
        compaction->status = STATUS_CANCELLED;
        return move_to(compaction, COMPACTION_END);
    }
    if (compaction_pace_wait(&compaction->pace, &compaction->op))
        return wait_in(compaction, COMPACTION_CLEAR);
    compaction_pace_work(&compaction->pace, CLEAR_SLICE_BYTES, 0);
    if (offset_map_clear(&compaction->map, CLEAR_SLICE_BYTES))
        return move_to(compaction, COMPACTION_CLEAR);
    begin_indexing(compaction);
    return move_to(compaction, COMPACTION_INDEX);
}

static enum op_progress close_reader(struct compaction *compaction, enum status status)
{
    compaction->status = status;
    compaction->op.error = 0;
    segment_reader_close(&compaction->reader, expect_child(compaction));
    return wait_in(compaction, COMPACTION_CLOSE);
}

static enum op_progress index_frame(struct compaction *compaction)
{
    struct frame_header header;
    switch (segment_reader_take(&compaction->reader, &header, &compaction->rest)) {
    case READER_FRAME: return move_to(compaction, COMPACTION_INDEX);
    case READER_EMPTY:
        compaction_pace_transfer(&compaction->pace, SEGMENT_READ_SIZE);
        segment_reader_advance(&compaction->reader, expect_child(compaction));
        return wait_in(compaction, COMPACTION_INDEX);
    case READER_END: return close_reader(compaction, STATUS_OK);
    case READER_DAMAGED: return close_reader(compaction, STATUS_CORRUPT);
    }
    unreachable();
}

/* When the map is full the pass ends before the batch that had no room, and the next pass goes on
 * from there. */
static enum op_progress index_batch(struct compaction *compaction)
{
    struct bytes batch;
    struct batch_header header;
    bool is_full = false;
    enum status status = batch_next(&compaction->rest, &batch);
    if (status == STATUS_OK)
        status = batch_header_read(batch, &header);
    if (status != STATUS_OK)
        return close_reader(compaction, STATUS_CORRUPT);
    arena_reset(&compaction->arena);
    status = compaction_index_batch(&compaction->pass, batch, &compaction->arena, &is_full);
    if (status != STATUS_OK)
        return close_reader(compaction, status);
    compaction_pace_work(&compaction->pace, batch.size, (uint32_t)header.record_count);
    if (!is_full)
        return move_to(compaction, COMPACTION_INDEX);
    assert(header.base_offset > compaction->pass.dirty_offset);
    compaction->pass.end_offset = header.base_offset;
    return close_reader(compaction, STATUS_OK);
}

static enum op_progress compaction_index(struct compaction *compaction)
{
    if (compaction->op.error != 0)
        return close_reader(compaction, (enum status)compaction->op.error);
    if (compaction_is_unwanted(compaction->log))
        return close_reader(compaction, STATUS_CANCELLED);
    if (compaction_pace_wait(&compaction->pace, &compaction->op))
        return wait_in(compaction, COMPACTION_INDEX);
    return compaction->rest.size > 0 ? index_batch(compaction) : index_frame(compaction);
}

/* Now that the end of the pass is known. */
static void begin_filtering(struct compaction *compaction)
{
    while (compaction->segments[compaction->segment_count - 1]->base_offset >=
           compaction->pass.end_offset)
        segment_release(compaction->segments[--compaction->segment_count]);
    begin_transactions(compaction);
}

static enum op_progress compaction_close(struct compaction *compaction)
{
    if (compaction->status != STATUS_OK)
        return move_to(compaction, COMPACTION_END);
    begin_filtering(compaction);
    return move_to(compaction, COMPACTION_GROUP);
}

static void start_group(struct compaction *compaction, uint32_t count)
{
    uint32_t first = compaction->segment_done;
    compaction->segment_done += count;
    bool is_last = compaction->segment_done == compaction->segment_count;
    compaction->group = (struct compaction_group){
        .log = compaction->log,
        .pass = &compaction->pass,
        .pace = &compaction->pace,
        .arena = &compaction->arena,
        .tally = &compaction->tally,
        .segments = &compaction->segments[first],
        .segment_count = count,
        .cleaned_offset = is_last ? compaction->pass.end_offset : -1,
    };
    compaction_group_start(&compaction->group, expect_child(compaction));
}

static enum op_progress compaction_next_group(struct compaction *compaction)
{
    uint32_t left = compaction->segment_count - compaction->segment_done;
    compaction->status = (enum status)compaction->op.error;
    if (compaction->status != STATUS_OK || left == 0)
        return move_to(compaction, COMPACTION_END);
    int64_t end_offset = compaction->facts[compaction->segment_count].base_offset;
    uint32_t count = compaction_group_count(&compaction->facts[compaction->segment_done], left,
                                            end_offset, compaction->log->config.segment_bytes_max);
    start_group(compaction, count);
    return wait_in(compaction, COMPACTION_GROUP);
}

/* --- The end of a pass ------------------------------------------------------------------------ */

static void report_pass(const struct compaction *compaction)
{
    const struct log *log = compaction->log;
    const struct compaction_tally *tally = &compaction->tally;
    uint64_t took_ns = io_now_ns(io_of(compaction)) - compaction->begun_ns;
    metrics_observe_ns(compaction->store->options.metrics, METRIC_HISTOGRAM_COMPACTION, took_ns);
    log_info(
        compaction->store->logger, "log compacted", field_bytes("topic", log->id.topic_name),
        field_i64("partition", log->id.partition), field_i64("from", compaction->pass.dirty_offset),
        field_i64("to", compaction->pass.end_offset), field_u64("records", tally->records_read),
        field_u64("kept", tally->records_kept),
        field_u64("without_key", tally->records_without_key), field_u64("bytes", tally->bytes_read),
        field_u64("bytes_kept", tally->bytes_kept), field_u64("took_ms", took_ns / 1000000));
}

static void report_failure(const struct compaction *compaction, const char *what)
{
    const struct log *log = compaction->log;
    log_warn(compaction->store->logger, what, field_bytes("topic", log->id.topic_name),
             field_i64("partition", log->id.partition),
             field_i64("from", compaction->pass.dirty_offset),
             field_status("error", compaction->status));
}

static bool is_shortage(enum status status)
{
    return status == STATUS_NO_MEMORY || status == STATUS_NO_SPACE || status == STATUS_NO_FILES;
}

/* What is short may be there later; what cannot be read will not become better. Nothing need be
 * said of a log that goes away, or a store that has stopped or failed. */
static void judge_end(struct compaction *compaction)
{
    enum status status = compaction->status;
    if (status == STATUS_OK) {
        report_pass(compaction);
        return;
    }
    if (status == STATUS_CANCELLED || compaction->store->failure != STATUS_OK ||
        compaction->store->is_stopping)
        return;
    if (is_shortage(status)) {
        report_failure(compaction, "compaction is put off");
        return;
    }
    compaction->log->is_uncleanable = true;
    report_failure(compaction, "log cannot be compacted and is left out until the next start");
}

static void give_back(struct compaction *compaction)
{
    if (compaction->map_memory != NULL)
        chunk_release(compaction->map_memory, io_of(compaction));
    compaction->map_memory = NULL;
    for (uint32_t i = 0; i < compaction->segment_count; i++)
        segment_release(compaction->segments[i]);
    compaction->segment_count = 0;
    free(compaction->segments);
    free(compaction->facts);
    compaction->segments = NULL;
    compaction->facts = NULL;
    compaction_transactions_deinit(&compaction->transactions);
    aborted_list_deinit(&compaction->aborted.list);
    arena_deinit(&compaction->arena);
}

void compaction_look_after(struct compaction *compaction, int64_t delay_ms)
{
    struct io *io = io_of(compaction);
    if (!timer_is_running(&compaction->backoff) && !compaction->store->is_stopping)
        io_timer_start(io, &compaction->backoff, io_now_ns(io) + (uint64_t)delay_ms * 1000000);
}

static enum op_progress compaction_end(struct compaction *compaction)
{
    struct store *store = compaction->store;
    struct log *log = compaction->log;
    judge_end(compaction);
    give_back(compaction);
    compaction->log = NULL;
    assert(log->busy_count > 0);
    log->busy_count--;
    compaction_look_after(compaction,
                          compaction->status == STATUS_OK ? 0 : store->options.cleaner_backoff_ms);
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress compaction_step(struct op *op)
{
    struct compaction *compaction = container_of(op, struct compaction, op);
    switch ((enum compaction_stage)op->stage) {
    case COMPACTION_START: return compaction_start(compaction);
    case COMPACTION_ABORTED: return compaction_aborted(compaction);
    case COMPACTION_CLEAR: return compaction_clear(compaction);
    case COMPACTION_INDEX: return compaction_index(compaction);
    case COMPACTION_CLOSE: return compaction_close(compaction);
    case COMPACTION_GROUP: return compaction_next_group(compaction);
    case COMPACTION_END: return compaction_end(compaction);
    }
    unreachable();
}

static const struct op_kind compaction_kind = {"compaction", compaction_step, compaction_stages};

/* --- The beginning of a pass ------------------------------------------------------------------ */

struct compaction_segment compaction_facts_of(const struct segment *segment)
{
    return (struct compaction_segment){segment->base_offset, segment->size_bytes,
                                       segment->max_timestamp_ms, segment->created_ms};
}

/* The segments from the start of the log to the end of the pass; false without memory. */
static bool take_segments(struct compaction *compaction, int64_t end_offset)
{
    const struct log *log = compaction->log;
    uint32_t count = 0;
    while (log->segments[count]->base_offset < end_offset)
        count++;
    assert(count > 0);
    assert(count < log->segment_count); /* the active one stays out of it */
    compaction->segments = calloc(count, sizeof(struct segment *));
    compaction->facts = calloc(count + 1, sizeof *compaction->facts);
    if (compaction->segments == NULL || compaction->facts == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        compaction->segments[i] = segment_retain(log->segments[i]);
    for (uint32_t i = 0; i <= count; i++)
        compaction->facts[i] = compaction_facts_of(log->segments[i]);
    compaction->segment_count = count;
    return true;
}

void compaction_begin_pass(struct compaction *compaction, struct log *log,
                           const struct compaction_need *need)
{
    struct io *io = io_of(compaction);
    const struct store_options *options = &compaction->store->options;
    assert(compaction->log == NULL);
    assert(log->store == compaction->store);
    assert(need->dirty_offset < need->end_offset);
    compaction->log = log;
    compaction->status = STATUS_OK;
    compaction->segment_done = 0;
    compaction->rest = (struct bytes){0};
    compaction->tally = (struct compaction_tally){0};
    compaction->begun_ns = io_now_ns(io);
    compaction_pace_init(&compaction->pace, io, options->cleaner_io_bytes_per_second_max);
    compaction->pass = (struct compaction_pass){
        .map = &compaction->map,
        .transactions = &compaction->transactions,
        .dirty_offset = need->dirty_offset,
        .end_offset = need->end_offset,
        .now_ms = io_wall_ms(io),
        .delete_retention_ms = log->config.delete_retention_ms,
        .producers = &log->producers,
        .epochs = &log->epochs,
        .records_bytes_max = options->memory_bytes_max / RECORDS_SHARE,
        .opaque_offset = log->opaque_offset,
    };
    compaction_transactions_init(&compaction->transactions, NULL, 0);
    arena_init(&compaction->arena, options->memory_bytes_max / ARENA_SHARE);
    log->busy_count++;
    if (!take_segments(compaction, need->end_offset))
        compaction->status = STATUS_NO_MEMORY;
    op_start(&compaction->op, &compaction_kind, io_ops(io));
}

void compaction_drop_pass(struct compaction *compaction)
{
    if (compaction->log == NULL)
        return;
    segment_reader_drop(&compaction->reader);
    compaction_group_drop(&compaction->group);
    give_back(compaction);
}
