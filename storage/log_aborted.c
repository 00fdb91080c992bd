/* Which transactions were aborted: from memory, or from the batches.
 *
 * Each segment answers for the markers that lie in it. In memory it has those that came in this
 * life, and those that somebody has wanted; the state of the log says of each segment where the
 * earliest of its aborted transactions begins, and that is where a reading begins that finds them
 * all, in earlier segments perhaps. So no file is needed, nothing can contradict the batches, and a
 * segment without aborted transactions is never asked.
 *
 * What retention has deleted, or compaction has taken out, is not found. Who asks about a read that
 * began before that holds records of which nobody knows any more what became of them, and is told
 * to read again. Where a batch on the way is damaged, it cannot be said whether what came before
 * was aborted; rather than show aborted records the answer is an error. */
#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/producer_batch.h"
#include "storage/store_struct.h"

#include <stdlib.h>

enum {
    ABORTED_READ_BYTES = 256 * 1024,
    ABORTED_BYTES_MAX = 8 << 20, /* of all closed segments of a store */
};

/* --- Keeping ---------------------------------------------------------------------------------- */

static void leave_list(struct store *store, struct segment *segment)
{
    if (!list_node_is_linked(&segment->aborted_node))
        return;
    assert(store->aborted_bytes >= segment->aborted_bytes);
    store->aborted_bytes -= segment->aborted_bytes;
    list_remove(&segment->aborted_node);
}

/* The one used last stays: somebody is about to use it. */
static void trim(struct store *store)
{
    struct list_node *node;
    while (store->aborted_bytes > ABORTED_BYTES_MAX &&
           (node = list_first(&store->aborted)) != list_last(&store->aborted)) {
        struct segment *segment = container_of(node, struct segment, aborted_node);
        leave_list(store, segment);
        segment_drop_aborted(segment);
    }
}

/* Not the active one: it goes on taking markers. */
void log_touch_aborted(struct log *log, struct segment *segment)
{
    struct store *store = log->store;
    leave_list(store, segment);
    if (segment->is_retired || segment->aborted.count == 0 || segment == log_active_segment(log))
        return;
    segment->aborted_bytes = aborted_list_bytes(&segment->aborted);
    store->aborted_bytes += segment->aborted_bytes;
    list_push_back(&store->aborted, &segment->aborted_node);
    trim(store);
}

void log_forget_aborted(struct log *log, struct segment *segment)
{
    assert(segment->is_retired);
    leave_list(log->store, segment);
}

/* --- The operation ----------------------------------------------------------------------------
 *
 *   SEEK ◀──▶ READ (the batches, for one segment) ──▶ END
 *     └────────────────────────────────────────────────▲
 */
enum aborted_stage { ABORTED_SEEK, ABORTED_READ, ABORTED_END };

static const struct op_stage aborted_stages[] = {
    [ABORTED_SEEK] = {"seek", AFTER(ABORTED_READ)},
    [ABORTED_READ] = {"read", AFTER(ABORTED_SEEK) | AFTER(ABORTED_READ)},
    [ABORTED_END] = {"end", AFTER(ABORTED_SEEK) | AFTER(ABORTED_READ)},
};

struct aborted_op {
    struct op op;
    struct list_node node; /* log->aborted_ops */
    struct log *log;
    struct log_aborted *wish;
    struct aborted_list list;   /* the answer so far */
    int64_t cursor;             /* segments that begin below have been asked */
    struct segment *segment;    /* being read for, retained; NULL: none */
    struct aborted_list found;  /* its */
    int64_t end_offset;         /* where the reading ends */
    struct producer_core known; /* the producers met on the way, and what they have open */
    struct log_read read;
};

static void read_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct aborted_op, read.completion)->op, result);
}

static enum op_progress move_to(struct aborted_op *aborted, enum aborted_stage stage)
{
    op_move(&aborted->op, stage);
    return OP_AGAIN;
}

static enum op_progress fail(struct aborted_op *aborted, enum status status)
{
    aborted->op.error = (int16_t)status;
    return move_to(aborted, ABORTED_END);
}

static void end_reading(struct aborted_op *aborted)
{
    if (aborted->segment == NULL)
        return;
    producer_core_deinit(&aborted->known);
    aborted_list_deinit(&aborted->found);
    segment_release(aborted->segment);
    aborted->segment = NULL;
}

static enum op_progress read_at(struct aborted_op *aborted, int64_t offset)
{
    assert(aborted->read.chunk_count == 0);
    aborted->read.offset = offset;
    aborted->read.end_offset = aborted->end_offset;
    aborted->read.size_bytes_max = ABORTED_READ_BYTES;
    aborted->read.first_batch_anyway = true;
    completion_init(&aborted->read.completion, read_landed);
    op_expect(&aborted->op);
    log_read(aborted->log, &aborted->read);
    op_move(&aborted->op, ABORTED_READ);
    return OP_WAIT;
}

static enum op_progress begin_reading(struct aborted_op *aborted, struct segment *segment)
{
    int64_t start_offset = aborted->log->start_offset;
    int64_t offset = segment->aborted_from > start_offset ? segment->aborted_from : start_offset;
    aborted->segment = segment_retain(segment);
    aborted->end_offset = segment->aborted_known_from;
    producer_core_init(&aborted->known, INT64_MAX, NULL);
    return read_at(aborted, offset);
}

/* The next segment that has something to say; NULL when all has been said. */
static struct segment *next_segment(const struct aborted_op *aborted, uint32_t *index)
{
    const struct log *log = aborted->log;
    while (*index < log->segment_count) {
        struct segment *segment = log->segments[*index];
        if (segment->base_offset >= aborted->cursor && segment->aborted_from >= 0 &&
            segment->aborted_from < aborted->wish->to)
            return segment;
        (*index)++;
    }
    return NULL;
}

/* Markers at or above `from` lie in the segment with that offset, or behind it. */
static uint32_t first_index(const struct log *log, int64_t from)
{
    uint32_t index;
    return log_find_segment(log, from, &index) == NULL ? 0 : index;
}

static enum op_progress aborted_seek(struct aborted_op *aborted)
{
    struct log *log = aborted->log;
    const struct log_aborted *wish = aborted->wish;
    if (log->deletion != NULL)
        return fail(aborted, STATUS_CANCELLED);
    uint32_t index = first_index(log, wish->from);
    struct segment *segment;
    while ((segment = next_segment(aborted, &index)) != NULL) {
        if (!segment_knows_aborted(segment))
            return begin_reading(aborted, segment);
        if (!aborted_list_select(&segment->aborted, wish->from, wish->to, &aborted->list))
            return fail(aborted, STATUS_NO_MEMORY);
        log_touch_aborted(log, segment);
        aborted->cursor = segment->base_offset + 1;
    }
    return move_to(aborted, ABORTED_END);
}

static enum status take_batch(struct aborted_op *aborted, struct bytes batch)
{
    struct batch_header header;
    struct aborted_transaction transaction;
    if (batch_header_read(batch, &header) != STATUS_OK)
        return STATUS_CORRUPT;
    if (!producer_batch_reserve(&aborted->known, &header))
        return STATUS_NO_MEMORY;
    bool has_aborted = producer_batch_note(&aborted->known, &header, batch, 0, &transaction);
    transaction_core_commit(&aborted->known.transactions, INT64_MAX);
    if (!has_aborted || transaction.last_offset < aborted->segment->base_offset)
        return STATUS_OK;
    return aborted_list_push(&aborted->found, &transaction) ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status take_pieces(struct aborted_op *aborted)
{
    for (uint32_t i = 0; i < aborted->read.piece_count; i++) {
        struct bytes rest = aborted->read.pieces[i];
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            enum status status = take_batch(aborted, batch);
            if (status != STATUS_OK)
                return status;
        }
    }
    return STATUS_OK;
}

/* Unless somebody else was quicker, or the segment has gone. Both are seen by looking again. */
static enum op_progress keep_found(struct aborted_op *aborted)
{
    struct segment *segment = aborted->segment;
    bool is_current = !segment->is_retired && segment->aborted_known_from == aborted->end_offset;
    if (is_current)
        leave_list(aborted->log->store, segment);
    if (is_current && !segment_complete_aborted(segment, &aborted->found))
        return fail(aborted, STATUS_NO_MEMORY);
    end_reading(aborted);
    return move_to(aborted, ABORTED_SEEK);
}

/* What lies below a start that has moved need not be known any more: from there again. */
static enum op_progress restart(struct aborted_op *aborted)
{
    aborted->op.error = 0;
    end_reading(aborted);
    return move_to(aborted, ABORTED_SEEK);
}

static enum op_progress aborted_read(struct aborted_op *aborted)
{
    struct log_read *read = &aborted->read;
    if (aborted->op.error == STATUS_OUT_OF_RANGE && read->offset < aborted->log->start_offset)
        return restart(aborted);
    if (aborted->op.error != 0)
        return move_to(aborted, ABORTED_END);
    enum status status = take_pieces(aborted);
    bool is_stuck = read->next_offset <= read->offset;
    log_read_release(read, aborted->log->store->io);
    if (status != STATUS_OK)
        return fail(aborted, status);
    if (read->next_offset >= aborted->end_offset)
        return keep_found(aborted);
    return is_stuck ? fail(aborted, STATUS_NO_MEMORY) : read_at(aborted, read->next_offset);
}

/* Something of what was read has been deleted since, or exchanged. */
static bool has_changed(const struct log *log, int64_t from, uint64_t exchange_count)
{
    return from < log->start_offset || exchange_count != log->exchange_count;
}

static void land(struct aborted_op *aborted)
{
    struct log_aborted *wish = aborted->wish;
    int32_t result = aborted->op.error;
    if (result == STATUS_OK && has_changed(aborted->log, wish->from, wish->exchange_count))
        result = STATUS_BUSY;
    if (result == STATUS_OK) {
        aborted_list_sort(&aborted->list);
        wish->list = aborted->list;
    } else {
        aborted_list_deinit(&aborted->list);
    }
    io_land(aborted->log->store->io, &wish->completion, result);
}

static enum op_progress aborted_end(struct aborted_op *aborted)
{
    struct log *log = aborted->log;
    struct store *store = log->store;
    assert(log->busy_count > 0);
    assert(aborted->read.chunk_count == 0);
    end_reading(aborted);
    land(aborted);
    list_remove(&aborted->node);
    free(aborted);
    log->busy_count--;
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress aborted_step(struct op *op)
{
    struct aborted_op *aborted = container_of(op, struct aborted_op, op);
    switch ((enum aborted_stage)op->stage) {
    case ABORTED_SEEK: return aborted_seek(aborted);
    case ABORTED_READ: return aborted_read(aborted);
    case ABORTED_END: return aborted_end(aborted);
    }
    unreachable();
}

static const struct op_kind aborted_kind = {"log-aborted", aborted_step, aborted_stages};

void log_aborted(struct log *log, struct log_aborted *wish)
{
    assert(wish->from <= wish->to);
    wish->list = (struct aborted_list){0};
    struct aborted_op *op = calloc(1, sizeof *op);
    if (op == NULL || log->deletion != NULL) {
        free(op);
        io_land(log->store->io, &wish->completion,
                log->deletion != NULL ? STATUS_CANCELLED : STATUS_NO_MEMORY);
        return;
    }
    op->log = log;
    op->wish = wish;
    list_push_back(&log->aborted_ops, &op->node);
    log->busy_count++;
    op_start(&op->op, &aborted_kind, io_ops(log->store->io));
}

bool log_may_have_aborted(const struct log *log, const struct log_read *read)
{
    if (has_changed(log, read->offset, read->exchange_count))
        return true;
    for (uint32_t i = first_index(log, read->offset); i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        if (segment->aborted_from >= 0 && segment->aborted_from < read->next_offset)
            return true;
    }
    return false;
}

void log_drop_aborted_ops(struct log *log)
{
    struct list_node *node;
    while ((node = list_pop_front(&log->aborted_ops)) != NULL) {
        struct aborted_op *aborted = container_of(node, struct aborted_op, node);
        log_read_release(&aborted->read, log->store->io);
        end_reading(aborted);
        aborted_list_deinit(&aborted->list);
        free(aborted);
    }
}
