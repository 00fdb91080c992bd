/* Reading and taking take turns, each no longer than a slice: a core that loads goes on serving
 * everybody else, at the price that loading takes longer. */
#include "consumer-groups/group_load.h"

#include "base/assert.h"

enum {
    READ_BYTES = 1024 * 1024,
    SLICE_RECORDS = 500, /* some 100 microseconds */
    BATCH_BYTES_MAX = 128 * 1024 * 1024,
    RECORD_BYTES_MAX = 64 * 1024 * 1024,
};

enum group_load_stage { GROUP_LOAD_READ, GROUP_LOAD_TAKE, GROUP_LOAD_SETTLE, GROUP_LOAD_END };

static const struct op_stage group_load_stages[] = {
    [GROUP_LOAD_READ] = {"read", AFTER(GROUP_LOAD_TAKE)},
    [GROUP_LOAD_TAKE] = {"take", AFTER(GROUP_LOAD_READ)},
    [GROUP_LOAD_SETTLE] = {"settle", AFTER(GROUP_LOAD_READ)},
    [GROUP_LOAD_END] = {"end",
                        AFTER(GROUP_LOAD_READ) | AFTER(GROUP_LOAD_TAKE) | AFTER(GROUP_LOAD_SETTLE)},
};

static struct partition *find_partition(const struct group_load *load)
{
    return replica_manager_find(load->options.replicas, load->options.topic_id,
                                load->options.index);
}

static enum op_progress end_with(struct group_load *load, enum status status)
{
    assert(load->op.waiting == 0);
    load->status = status;
    op_move(&load->op, GROUP_LOAD_END);
    return OP_AGAIN;
}

/* --- READ ------------------------------------------------------------------------------------- */

static void read_landed(struct completion *completion, int32_t result)
{
    struct group_load *load = container_of(completion, struct group_load, read.completion);
    assert(load->is_reading);
    load->is_reading = false;
    op_landed(&load->op, result);
}

static enum op_progress load_read(struct group_load *load)
{
    assert(!load->is_reading);
    assert(load->op.waiting == 0);
    struct partition *partition = find_partition(load);
    if (load->is_unwanted || partition == NULL)
        return end_with(load, load->is_unwanted ? STATUS_CANCELLED : STATUS_NOT_FOUND);
    int64_t start_offset = log_start_offset(partition->log);
    if (load->offset < start_offset)
        load->offset = start_offset;
    if (load->offset >= load->end_offset) {
        op_move(&load->op, GROUP_LOAD_SETTLE);
        return OP_AGAIN;
    }
    load->read = (struct log_read){
        .offset = load->offset,
        .end_offset = load->end_offset,
        .size_bytes_max = READ_BYTES,
        .first_batch_anyway = true,
    };
    load->is_reading = true;
    load->piece = 0;
    load->rest = bytes_of(NULL, 0);
    op_move(&load->op, GROUP_LOAD_TAKE);
    op_expect(&load->op);
    completion_init(&load->read.completion, read_landed);
    log_read(partition->log, &load->read);
    return OP_WAIT;
}

/* --- TAKE ------------------------------------------------------------------------------------- */

/* Begins with the next batch of the read; false when there is none any more. Markers say nothing
 * about groups, and what stands in a transaction is not committed by standing there. */
static bool next_batch(struct group_load *load)
{
    assert(!load->has_batch);
    struct bytes batch;
    while (load->status == STATUS_OK) {
        if (batch_next(&load->rest, &batch) != STATUS_OK) {
            if (load->piece == load->read.piece_count)
                return false;
            load->rest = load->read.pieces[load->piece++];
            continue;
        }
        arena_reset(&load->batch_arena);
        load->status =
            record_iterator_open(&load->records, batch, BATCH_BYTES_MAX, &load->batch_arena);
        bool is_skipped =
            load->status == STATUS_OK && (batch_is_control(&load->records.header) ||
                                          batch_is_transactional(&load->records.header));
        if (load->status == STATUS_OK && !is_skipped)
            return true;
    }
    return false;
}

static void take_record(struct group_load *load, const struct record_view *record)
{
    struct group_record_view view;
    struct group_memory *memory = load->options.turn.memory;
    assert(!memory->is_restoring);
    arena_reset(&load->record_arena);
    enum status status = group_record_read(record->key, record->value, &load->record_arena, &view);
    memory->is_restoring = true;
    if (status == STATUS_OK)
        status = group_table_restore(load->options.table, &load->options.turn, &load->record_arena,
                                     &view);
    memory->is_restoring = false;
    load->record_count++;
    if (status == STATUS_MALFORMED || status == STATUS_TRUNCATED)
        load->malformed_count++;
    else
        load->status = status;
}

/* False: there is nothing more in what was read. */
static bool take_next(struct group_load *load)
{
    struct record_view record;
    if (!load->has_batch)
        load->has_batch = next_batch(load);
    if (!load->has_batch)
        return false;
    load->has_batch = record_iterator_next(&load->records, &record);
    if (load->has_batch)
        take_record(load, &record);
    else if (load->records.status != STATUS_OK)
        load->status = load->records.status;
    return load->status == STATUS_OK;
}

static void slice_yielded(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct group_load, yielded)->op, result);
}

static enum op_progress load_take(struct group_load *load)
{
    assert(!load->is_reading);
    uint32_t left = SLICE_RECORDS;
    if (load->op.error != STATUS_OK)
        return end_with(load, (enum status)load->op.error);
    load->options.turn.image = load->options.replicas->image;
    while (!load->is_unwanted && left > 0 && take_next(load))
        left--;
    if (!load->is_unwanted && left == 0) {
        op_expect(&load->op);
        completion_init(&load->yielded, slice_yielded);
        io_land(load->options.io, &load->yielded, STATUS_OK);
        return OP_WAIT;
    }
    bool is_at_end = load->read.piece_count == 0 && load->read.next_offset == load->offset;
    load->has_batch = false;
    load->offset = is_at_end ? load->end_offset : load->read.next_offset;
    log_read_release(&load->read, load->options.io);
    if (load->is_unwanted || load->status != STATUS_OK)
        return end_with(load, load->is_unwanted ? STATUS_CANCELLED : load->status);
    op_move(&load->op, GROUP_LOAD_READ);
    return OP_AGAIN;
}

/* --- SETTLE ----------------------------------------------------------------------------------- */

static void high_watermark_moved(struct partition_waiter *waiter)
{
    op_landed(&container_of(waiter, struct group_load, waiter)->op, STATUS_OK);
}

static enum op_progress load_settle(struct group_load *load)
{
    assert(load->offset >= load->end_offset);
    struct partition *partition = find_partition(load);
    if (load->is_unwanted || partition == NULL)
        return end_with(load, load->is_unwanted ? STATUS_CANCELLED : STATUS_NOT_FOUND);
    if (log_has_failed(partition->log))
        return end_with(load, STATUS_FAILED);
    if (partition_high_watermark(partition) >= load->end_offset)
        return end_with(load, STATUS_OK);
    op_expect(&load->op);
    load->waiter.woken = high_watermark_moved;
    partition_wait(partition, &load->waiter);
    return OP_WAIT;
}

static enum op_progress load_end(struct group_load *load)
{
    arena_deinit(&load->record_arena);
    arena_deinit(&load->batch_arena);
    io_land(load->options.io, load->done, (int32_t)load->status);
    return OP_DONE;
}

static enum op_progress load_step(struct op *op)
{
    struct group_load *load = container_of(op, struct group_load, op);
    switch ((enum group_load_stage)op->stage) {
    case GROUP_LOAD_READ: return load_read(load);
    case GROUP_LOAD_TAKE: return load_take(load);
    case GROUP_LOAD_SETTLE: return load_settle(load);
    case GROUP_LOAD_END: return load_end(load);
    }
    unreachable();
}

static const struct op_kind group_load_kind = {
    .name = "group_load",
    .step = load_step,
    .stages = group_load_stages,
};

void group_load_start(struct group_load *load, const struct group_load_options *options,
                      struct completion *done)
{
    assert(options->table->groups.count == 0);
    assert(done->landed != NULL);
    *load = (struct group_load){.options = *options, .done = done};
    struct partition *partition = find_partition(load);
    load->end_offset = partition == NULL ? 0 : log_end_offset(partition->log);
    list_node_init(&load->waiter.node);
    arena_init(&load->batch_arena, BATCH_BYTES_MAX);
    arena_init(&load->record_arena, RECORD_BYTES_MAX);
    op_start(&load->op, &group_load_kind, io_ops(options->io));
}

void group_load_cancel(struct group_load *load)
{
    load->is_unwanted = true;
    if (!list_node_is_linked(&load->waiter.node))
        return;
    partition_wait_end(&load->waiter);
    op_landed(&load->op, STATUS_OK);
}

void group_load_drop(struct group_load *load)
{
    if (load->is_reading || load->op.stage == GROUP_LOAD_TAKE)
        log_read_release(&load->read, load->options.io);
    arena_deinit(&load->record_arena);
    arena_deinit(&load->batch_arena);
}
