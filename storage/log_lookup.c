/* Finding a record by its timestamp. The indexes say where to begin; from there batches are read
 * like any reader reads them, and the first that holds a late enough record is opened. */
#include "base/assert.h"
#include "protocol/batch_record.h"
#include "storage/index.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

enum {
    LOOKUP_READ_BYTES = 256 * 1024,
    LOOKUP_RECORDS_BYTES_MAX = 64 << 20,
};

/* --- Hints ------------------------------------------------------------------------------------ */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t segment_end_offset(const struct log *log, uint32_t index)
{
    if (index + 1 < log->segment_count)
        return log->segments[index + 1]->base_offset;
    return log->open != NULL ? log->open->base_offset : log->end_offset;
}

/* Where in the segment, from `from` on, a record may be at or after the timestamp; -1 if nowhere.
 * The index must be whole. What lies before its first entry, or has none, it does not know. */
static int64_t index_hint(const struct segment *segment, int64_t segment_end, int64_t timestamp_ms,
                          int64_t from)
{
    const struct frame_index *index = &segment->index;
    int64_t known_from = index->count > 0 && index->entries[0].position == 0
                             ? segment->base_offset
                             : (index->count > 0 ? index->entries[0].base_offset : segment_end);
    if (from < known_from)
        return from;
    for (uint32_t i = 0; i < index->count; i++) {
        int64_t end = i + 1 < index->count ? index->entries[i + 1].base_offset : segment_end;
        if (index->entries[i].max_timestamp_ms >= timestamp_ms && end > from)
            return later(from, index->entries[i].base_offset);
    }
    return -1;
}

/* The first offset from `from` on where to look for the timestamp; -1 if there is none. `wanted` is
 * the segment whose index must be loaded before that can be said; NULL: it has been said. */
static int64_t timestamp_hint(const struct log *log, int64_t timestamp_ms, int64_t from,
                              struct segment **wanted)
{
    *wanted = NULL;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        int64_t segment_end = segment_end_offset(log, i);
        if (segment->max_timestamp_ms < timestamp_ms || segment_end <= from)
            continue;
        if (segment->indexed_from != 0) {
            *wanted = segment;
            return -1;
        }
        int64_t hint =
            index_hint(segment, segment_end, timestamp_ms, later(from, segment->base_offset));
        if (hint >= 0)
            return hint;
    }
    if (log->open != NULL && log->open->max_timestamp_ms >= timestamp_ms)
        return later(from, log->open->base_offset);
    return -1;
}

/* The greatest timestamp of what lies wholly below `end_offset`, as far as the indexes know, and
 * the offset from where on the batches themselves must be asked. */
static int64_t greatest_timestamp(const struct log *log, int64_t end_offset, int64_t *unknown_from)
{
    int64_t greatest = -1;
    *unknown_from = log->start_offset;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        int64_t segment_end = segment_end_offset(log, i);
        if (segment_end <= end_offset) {
            greatest = later(greatest, segment->max_timestamp_ms);
            *unknown_from = later(*unknown_from, segment_end);
            continue;
        }
        for (uint32_t k = 0; k + 1 < segment->index.count && segment->indexed_from == 0; k++) {
            if (segment->index.entries[k + 1].base_offset > end_offset)
                break;
            greatest = later(greatest, segment->index.entries[k].max_timestamp_ms);
            *unknown_from = later(*unknown_from, segment->index.entries[k + 1].base_offset);
        }
        break;
    }
    return greatest;
}

/* --- The operation ----------------------------------------------------------------------------
 *
 *   START ──▶ SCAN (what the indexes do not cover; want_max only) ──▶ SEEK ◀──▶ SEARCH ──▶ END
 *              ▲                                                       ▲ └──▶ INDEX (load one)
 *              └── all of it (want_max only): ─────────────────────────┴───────┘
 *                  the greatest timestamp that the indexes know is of a record which was deleted,
 *                  compacted away or damaged
 */
enum lookup_stage {
    LOOKUP_START,
    LOOKUP_SCAN,
    LOOKUP_SEEK,
    LOOKUP_INDEX,
    LOOKUP_SEARCH,
    LOOKUP_END
};

static const struct op_stage lookup_stages[] = {
    [LOOKUP_START] = {"start", 0},
    [LOOKUP_SCAN] = {"scan", AFTER(LOOKUP_START) | AFTER(LOOKUP_SCAN) | AFTER(LOOKUP_SEEK) |
                                 AFTER(LOOKUP_SEARCH)},
    [LOOKUP_SEEK] = {"seek", AFTER(LOOKUP_START) | AFTER(LOOKUP_SCAN) | AFTER(LOOKUP_INDEX) |
                                 AFTER(LOOKUP_SEARCH)},
    [LOOKUP_INDEX] = {"index", AFTER(LOOKUP_SEEK)},
    [LOOKUP_SEARCH] = {"search", AFTER(LOOKUP_SEEK)},
    [LOOKUP_END] = {"end", AFTER(LOOKUP_START) | AFTER(LOOKUP_SCAN) | AFTER(LOOKUP_SEEK) |
                               AFTER(LOOKUP_INDEX) | AFTER(LOOKUP_SEARCH)},
};

struct lookup_op {
    struct op op;
    struct list_node node; /* log->lookups */
    struct log *log;
    struct log_lookup *lookup;
    struct log_read read;
    struct index_wait index;
    int64_t end_offset;
    int64_t timestamp_ms;
    int64_t position;
    bool is_exhaustive; /* every batch is looked at, whatever the indexes say */
    enum status status;
};

static void read_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct lookup_op, read.completion)->op, result);
}

static enum op_progress move_to(struct lookup_op *lookup, enum lookup_stage stage)
{
    op_move(&lookup->op, stage);
    return OP_AGAIN;
}

static enum op_progress read_at(struct lookup_op *lookup, int64_t offset, enum lookup_stage stage)
{
    assert(offset < lookup->end_offset);
    assert(lookup->read.chunk_count == 0);
    lookup->read.offset = offset;
    lookup->read.end_offset = lookup->end_offset;
    lookup->read.size_bytes_max = LOOKUP_READ_BYTES;
    lookup->read.first_batch_anyway = true;
    completion_init(&lookup->read.completion, read_landed);
    op_expect(&lookup->op);
    log_read(lookup->log, &lookup->read);
    op_move(&lookup->op, stage);
    return OP_WAIT;
}

static enum op_progress lookup_start(struct lookup_op *lookup)
{
    struct log *log = lookup->log;
    int64_t visible = log_visible_offset(log);
    lookup->end_offset =
        lookup->lookup->end_offset < visible ? lookup->lookup->end_offset : visible;
    lookup->position = log->start_offset;
    lookup->timestamp_ms = lookup->lookup->timestamp_ms;
    if (lookup->end_offset <= log->start_offset)
        return move_to(lookup, LOOKUP_END);
    if (!lookup->lookup->want_max)
        return move_to(lookup, LOOKUP_SEEK);
    lookup->timestamp_ms = greatest_timestamp(log, lookup->end_offset, &lookup->position);
    if (lookup->position >= lookup->end_offset) {
        lookup->position = log->start_offset;
        return move_to(lookup, LOOKUP_SEEK);
    }
    return read_at(lookup, lookup->position, LOOKUP_SCAN);
}

static void note_timestamps(struct lookup_op *lookup)
{
    for (uint32_t i = 0; i < lookup->read.piece_count; i++) {
        struct bytes rest = lookup->read.pieces[i];
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            int64_t timestamp = (int64_t)load_u64_be(batch.data + BATCH_MAX_TIMESTAMP_AT);
            lookup->timestamp_ms = later(lookup->timestamp_ms, timestamp);
        }
    }
}

static bool is_wanted(const struct lookup_op *lookup, const struct record_view *record)
{
    if (record->offset < lookup->log->start_offset || record->offset >= lookup->end_offset)
        return false;
    return lookup->is_exhaustive ? record->timestamp > lookup->timestamp_ms
                                 : record->timestamp >= lookup->timestamp_ms;
}

static void take_record(struct lookup_op *lookup, const struct record_view *record,
                        int32_t leader_epoch)
{
    lookup->lookup->found = true;
    lookup->lookup->found_offset = record->offset;
    lookup->lookup->found_timestamp_ms = record->timestamp;
    lookup->lookup->found_leader_epoch = leader_epoch;
    lookup->timestamp_ms = record->timestamp;
}

/* The first late enough one ends the search, unless it is exhaustive. */
static bool goes_on(const struct lookup_op *lookup)
{
    return lookup->is_exhaustive || !lookup->lookup->found;
}

static enum status search_batch(struct lookup_op *lookup, struct bytes batch)
{
    struct arena arena;
    struct record_iterator iterator;
    struct record_view record;
    arena_init(&arena, LOOKUP_RECORDS_BYTES_MAX + (1 << 20));
    enum status status = record_iterator_open(&iterator, batch, LOOKUP_RECORDS_BYTES_MAX, &arena);
    while (status == STATUS_OK && goes_on(lookup) && record_iterator_next(&iterator, &record))
        if (is_wanted(lookup, &record))
            take_record(lookup, &record, iterator.header.leader_epoch);
    arena_deinit(&arena);
    return status == STATUS_NO_MEMORY ? status : STATUS_OK;
}

static enum status search_pieces(struct lookup_op *lookup)
{
    for (uint32_t i = 0; i < lookup->read.piece_count; i++) {
        struct bytes rest = lookup->read.pieces[i];
        struct bytes batch;
        while (goes_on(lookup) && batch_next(&rest, &batch) == STATUS_OK) {
            int64_t timestamp = (int64_t)load_u64_be(batch.data + BATCH_MAX_TIMESTAMP_AT);
            enum status status =
                timestamp < lookup->timestamp_ms ? STATUS_OK : search_batch(lookup, batch);
            if (status != STATUS_OK)
                return status;
        }
    }
    return STATUS_OK;
}

/* The indexes lead to nothing. */
static enum op_progress give_up(struct lookup_op *lookup)
{
    int64_t start_offset = lookup->log->start_offset;
    bool may_be_misled = lookup->lookup->want_max && !lookup->is_exhaustive &&
                         lookup->status == STATUS_OK && start_offset < lookup->end_offset;
    if (!may_be_misled)
        return move_to(lookup, LOOKUP_END);
    lookup->is_exhaustive = true;
    lookup->timestamp_ms = INT64_MIN;
    return read_at(lookup, start_offset, LOOKUP_SCAN);
}

/* What is damaged has no timestamps to be found: the search goes on behind it. */
static bool steps_over_damage(struct lookup_op *lookup)
{
    if (lookup->op.error != STATUS_CORRUPT || lookup->read.next_offset <= lookup->read.offset)
        return false;
    lookup->op.error = 0;
    return true;
}

static enum op_progress lookup_scan(struct lookup_op *lookup)
{
    bool was_damaged = steps_over_damage(lookup);
    if (lookup->op.error != 0)
        return move_to(lookup, LOOKUP_END);
    if (lookup->is_exhaustive)
        lookup->status = search_pieces(lookup);
    else
        note_timestamps(lookup);
    int64_t next_offset = lookup->read.next_offset;
    bool is_over =
        (lookup->read.piece_count == 0 && !was_damaged) || next_offset >= lookup->end_offset;
    log_read_release(&lookup->read, lookup->log->store->io);
    if (!is_over && lookup->status == STATUS_OK)
        return read_at(lookup, next_offset, LOOKUP_SCAN);
    if (lookup->is_exhaustive)
        return move_to(lookup, LOOKUP_END);
    lookup->position = lookup->log->start_offset;
    return move_to(lookup, LOOKUP_SEEK);
}

static void index_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct lookup_op, index.completion)->op, result);
}

static enum op_progress load_index(struct lookup_op *lookup, struct segment *segment)
{
    completion_init(&lookup->index.completion, index_landed);
    op_expect(&lookup->op);
    index_want(lookup->log, segment, &lookup->index);
    op_move(&lookup->op, LOOKUP_INDEX);
    return OP_WAIT;
}

static enum op_progress lookup_seek(struct lookup_op *lookup)
{
    struct segment *wanted;
    if (lookup->log->deletion != NULL) {
        lookup->status = STATUS_CANCELLED;
        return move_to(lookup, LOOKUP_END);
    }
    int64_t hint = timestamp_hint(lookup->log, lookup->timestamp_ms, lookup->position, &wanted);
    if (wanted != NULL)
        return load_index(lookup, wanted);
    if (hint < 0 || hint >= lookup->end_offset)
        return give_up(lookup);
    return read_at(lookup, hint, LOOKUP_SEARCH);
}

static enum op_progress lookup_search(struct lookup_op *lookup)
{
    bool was_damaged = steps_over_damage(lookup);
    if (lookup->op.error != 0)
        return move_to(lookup, LOOKUP_END);
    lookup->status = search_pieces(lookup);
    bool has_more = lookup->read.next_offset > lookup->read.offset || was_damaged;
    lookup->position = lookup->read.next_offset;
    log_read_release(&lookup->read, lookup->log->store->io);
    if (lookup->lookup->found || lookup->status != STATUS_OK)
        return move_to(lookup, LOOKUP_END);
    return has_more ? move_to(lookup, LOOKUP_SEEK) : give_up(lookup);
}

static enum op_progress lookup_end(struct lookup_op *lookup)
{
    struct log *log = lookup->log;
    assert(log->busy_count > 0);
    assert(lookup->read.chunk_count == 0);
    if (lookup->op.error != 0)
        lookup->status = (enum status)lookup->op.error;
    io_land(log->store->io, &lookup->lookup->completion, (int32_t)lookup->status);
    list_remove(&lookup->node);
    free(lookup);
    log->busy_count--;
    log_delete_progressed(log);
    store_progressed(log->store);
    return OP_DONE;
}

static enum op_progress lookup_step(struct op *op)
{
    struct lookup_op *lookup = container_of(op, struct lookup_op, op);
    switch ((enum lookup_stage)op->stage) {
    case LOOKUP_START: return lookup_start(lookup);
    case LOOKUP_SCAN: return lookup_scan(lookup);
    case LOOKUP_SEEK: return lookup_seek(lookup);
    case LOOKUP_INDEX: return move_to(lookup, lookup->op.error != 0 ? LOOKUP_END : LOOKUP_SEEK);
    case LOOKUP_SEARCH: return lookup_search(lookup);
    case LOOKUP_END: return lookup_end(lookup);
    }
    unreachable();
}

static const struct op_kind lookup_kind = {"lookup", lookup_step, lookup_stages};

void log_lookup(struct log *log, struct log_lookup *lookup)
{
    lookup->found = false;
    list_node_init(&lookup->waiting);
    struct lookup_op *op = calloc(1, sizeof *op);
    if (op == NULL || log->deletion != NULL) {
        free(op);
        io_land(log->store->io, &lookup->completion,
                log->deletion != NULL ? STATUS_CANCELLED : STATUS_NO_MEMORY);
        return;
    }
    op->log = log;
    op->lookup = lookup;
    list_push_back(&log->lookups, &op->node);
    log->busy_count++;
    op_start(&op->op, &lookup_kind, io_ops(log->store->io));
}

void log_drop_lookups(struct log *log)
{
    struct list_node *node;
    while ((node = list_pop_front(&log->lookups)) != NULL) {
        struct lookup_op *lookup = container_of(node, struct lookup_op, node);
        log_read_release(&lookup->read, log->store->io);
        free(lookup);
    }
}
