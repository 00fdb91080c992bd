/* Frame after frame, batch after batch, in the slices that the pace allows. */
#include "storage/compaction_group.h"

#include "base/assert.h"
#include "storage/index.h"
#include "storage/store_struct.h"

#include <string.h>

/*   FILTER ◀─┐ ──▶ FINISH ──▶ EXCHANGE ──▶ BURY ──▶ END
 *     │  └───┘ frames, writes, pauses
 *     └── GIVE_UP ──▶ ABANDON ──▶ END
 */
enum group_stage {
    GROUP_FILTER,
    GROUP_FINISH,
    GROUP_EXCHANGE,
    GROUP_BURY,
    GROUP_GIVE_UP,
    GROUP_ABANDON,
    GROUP_END
};

static const struct op_stage group_stages[] = {
    [GROUP_FILTER] = {"filter", AFTER(GROUP_FILTER)},
    [GROUP_FINISH] = {"finish", AFTER(GROUP_FILTER)},
    [GROUP_EXCHANGE] = {"exchange", AFTER(GROUP_FINISH)},
    [GROUP_BURY] = {"bury", AFTER(GROUP_EXCHANGE)},
    [GROUP_GIVE_UP] = {"give-up",
                       AFTER(GROUP_FILTER) | AFTER(GROUP_FINISH) | AFTER(GROUP_EXCHANGE)},
    [GROUP_ABANDON] = {"abandon", AFTER(GROUP_GIVE_UP)},
    [GROUP_END] = {"end", AFTER(GROUP_BURY) | AFTER(GROUP_ABANDON)},
};

bool compaction_is_unwanted(const struct log *log)
{
    const struct store *store = log->store;
    return store->failure != STATUS_OK || store->is_stopping || log->deletion != NULL ||
           !log->is_swept || !log->config.compacts;
}

static void child_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct compaction_group, landed)->op, result);
}

static struct completion *expect_child(struct compaction_group *group)
{
    completion_init(&group->landed, child_landed);
    op_expect(&group->op);
    return &group->landed;
}

static enum op_progress wait_in(struct compaction_group *group, enum group_stage stage)
{
    op_move(&group->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct compaction_group *group, enum group_stage stage)
{
    op_move(&group->op, stage);
    return OP_AGAIN;
}

static enum op_progress give_up(struct compaction_group *group, enum status status)
{
    assert(status != STATUS_OK);
    group->status = status;
    return move_to(group, GROUP_GIVE_UP);
}

/* The reader or the writer has ended with an error. One of a write or sync is final, for the whole
 * store, unless there was only no room. */
static enum op_progress give_up_after_error(struct compaction_group *group)
{
    enum status status = (enum status)group->op.error;
    bool may_pass =
        status == STATUS_NO_SPACE || status == STATUS_NO_FILES || status == STATUS_NO_MEMORY;
    if (group->is_writing && !may_pass)
        store_fail(group->log->store, status);
    return give_up(group, status);
}

/* --- Filtering -------------------------------------------------------------------------------- */

/* What stays of the next batch of the frame goes to `kept`. */
static enum status filter_next(struct compaction_group *group)
{
    struct bytes batch;
    struct filtered_batch filtered;
    enum status status = batch_next(&group->rest, &batch);
    if (status != STATUS_OK)
        return STATUS_CORRUPT;
    arena_reset(group->arena);
    status = compaction_filter_batch(group->pass, batch, group->arena, &filtered);
    if (status != STATUS_OK)
        return status;
    struct compaction_tally *tally = group->tally;
    tally->records_read += filtered.record_count;
    tally->records_kept += filtered.kept_count;
    tally->records_without_key += filtered.keyless_count;
    tally->bytes_read += batch.size;
    tally->bytes_kept += filtered.batch.size;
    compaction_pace_work(group->pace, batch.size, filtered.record_count);
    group->kept = filtered.batch;
    return STATUS_OK;
}

/* STATUS_BUSY: the writer has to write first. */
static enum status put_kept(struct compaction_group *group)
{
    struct batch_header header;
    if (bytes_are_null(group->kept))
        return STATUS_OK;
    enum status status = batch_header_read(group->kept, &header);
    if (status == STATUS_OK)
        status = segment_writer_put(&group->writer, group->kept, &header);
    if (status == STATUS_OK)
        group->kept = (struct bytes){0};
    return status;
}

/* The next frame to go through. */
static enum op_progress filter_frame(struct compaction_group *group)
{
    struct frame_header header;
    switch (segment_reader_take(&group->reader, &header, &group->rest)) {
    case READER_FRAME: return move_to(group, GROUP_FILTER);
    case READER_EMPTY:
        compaction_pace_transfer(group->pace, SEGMENT_READ_SIZE);
        segment_reader_advance(&group->reader, expect_child(group));
        return wait_in(group, GROUP_FILTER);
    case READER_END:
        segment_reader_close(&group->reader, expect_child(group));
        return wait_in(group, GROUP_FINISH);
    case READER_DAMAGED: return give_up(group, STATUS_CORRUPT);
    }
    unreachable();
}

static enum op_progress flush_writer(struct compaction_group *group)
{
    group->is_writing = true;
    segment_writer_flush(&group->writer, expect_child(group));
    compaction_pace_transfer(group->pace, group->writer.size_bytes);
    return wait_in(group, GROUP_FILTER);
}

static enum op_progress group_filter(struct compaction_group *group)
{
    if (group->op.error != 0)
        return give_up_after_error(group);
    if (compaction_is_unwanted(group->log))
        return give_up(group, STATUS_CANCELLED);
    group->is_writing = false;
    if (compaction_pace_wait(group->pace, &group->op))
        return wait_in(group, GROUP_FILTER);
    enum status status = put_kept(group);
    if (status == STATUS_BUSY)
        return flush_writer(group);
    if (status == STATUS_OK && group->rest.size == 0)
        return filter_frame(group);
    if (status == STATUS_OK)
        status = filter_next(group);
    return status == STATUS_OK ? move_to(group, GROUP_FILTER) : give_up(group, status);
}

/* --- Taking their place ----------------------------------------------------------------------- */

static enum op_progress group_finish(struct compaction_group *group)
{
    if (group->op.error != 0)
        return give_up_after_error(group);
    group->is_writing = true;
    segment_writer_finish(&group->writer, expect_child(group));
    return wait_in(group, GROUP_EXCHANGE);
}

/* Said once in the life of a log. */
static void note_opaque(struct compaction_group *group)
{
    struct log *log = group->log;
    int64_t offset = group->pass->opaque_offset;
    if (log->opaque_offset == INT64_MAX && offset < INT64_MAX)
        log_warn(
            log->store->logger,
            "a batch is too large for the memory of compaction: it stays as it is, and from it "
            "on tombstones stay until the next start",
            field_bytes("topic", log->id.topic_name), field_i64("partition", log->id.partition),
            field_i64("offset", offset));
    if (log->opaque_offset > offset)
        log->opaque_offset = offset;
}

/* Where the old segments stand in the log's list, one behind the other; false if one of them is
 * not there any more, because retention was quicker. */
static bool find_segments(const struct compaction_group *group, uint32_t *index)
{
    const struct log *log = group->log;
    for (*index = 0; *index + group->segment_count < log->segment_count; (*index)++) {
        if (log->segments[*index] == group->segments[0])
            return memcmp(&log->segments[*index], group->segments,
                          group->segment_count * sizeof group->segments[0]) == 0;
    }
    return false;
}

/* Frames of the old segments that are still in memory: readers are to see what was kept. */
static void drop_frames(struct log *log, int64_t end_offset)
{
    struct list_node *node;
    while ((node = list_first(&log->frames)) != NULL) {
        struct memory_frame *frame = container_of(node, struct memory_frame, node);
        if (frame->next_offset > end_offset)
            return;
        assert(frame->state == FRAME_WRITTEN);
        assert(!list_node_is_linked(&frame->direct_node));
        log_drop_frame(frame);
    }
}

static bool exchange(struct compaction_group *group, struct segment *replacement)
{
    struct log *log = group->log;
    uint32_t index;
    if (!find_segments(group, &index))
        return false;
    uint32_t behind = index + group->segment_count;
    assert(behind < log->segment_count); /* the active one is never among them */
    assert(log->segments[behind]->base_offset <= log->synced_offset);
    drop_frames(log, log->segments[behind]->base_offset);
    for (uint32_t i = index; i < behind; i++)
        log_retire_segment(log, log->segments[i]);
    uint32_t to = index;
    if (replacement != NULL) {
        log->segments[to++] = replacement;
        index_put_away(log, replacement);
    }
    memmove(&log->segments[to], &log->segments[behind],
            (log->segment_count - behind) * sizeof log->segments[0]);
    log->segment_count -= behind - to;
    log->exchange_count++;
    if (replacement != NULL)
        index_put_away(log, replacement);
    if (group->cleaned_offset >= 0)
        log->cleaned_offset = group->cleaned_offset;
    note_opaque(group);
    return true;
}

static void record_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct compaction_group, record.completion)->op, result);
}

static enum op_progress group_exchange(struct compaction_group *group)
{
    struct log *log = group->log;
    if (group->op.error != 0)
        return give_up_after_error(group);
    if (compaction_is_unwanted(log))
        return give_up(group, STATUS_CANCELLED);
    struct segment *replacement = segment_writer_take(&group->writer);
    if (!exchange(group, replacement)) {
        segment_release(replacement);
        return give_up(group, STATUS_CANCELLED); /* its file is a leftover */
    }
    log->store->unlisted_count += group->segment_count;
    completion_init(&group->record.completion, record_landed);
    op_expect(&group->op);
    log_record(log, &group->record);
    return wait_in(group, GROUP_BURY);
}

/* If it could not be recorded, the next start may find the old segments in the log again: then
 * nothing of them may be touched. */
static enum op_progress group_bury(struct compaction_group *group)
{
    struct log *log = group->log;
    group->status = (enum status)group->op.error;
    for (uint32_t i = 0; i < group->segment_count && group->status == STATUS_OK; i++)
        graveyard_bury_segment(&log->store->graveyard, log, segment_retain(group->segments[i]),
                               log->config.file_delete_delay_ms);
    return move_to(group, GROUP_END);
}

/* --- Giving up -------------------------------------------------------------------------------- */

static enum op_progress group_give_up(struct compaction_group *group)
{
    group->op.error = 0;
    if (group->reader.is_closing)
        return move_to(group, GROUP_ABANDON);
    segment_reader_close(&group->reader, expect_child(group));
    return wait_in(group, GROUP_ABANDON);
}

static enum op_progress group_abandon(struct compaction_group *group)
{
    segment_writer_abandon(&group->writer, expect_child(group));
    return wait_in(group, GROUP_END);
}

/* What was given up may have left its file. */
static enum op_progress group_end(struct compaction_group *group)
{
    group->log->store->unlisted_count -= group->status == STATUS_OK;
    io_land(group->log->store->io, group->done, (int32_t)group->status);
    return OP_DONE;
}

static enum op_progress group_step(struct op *op)
{
    struct compaction_group *group = container_of(op, struct compaction_group, op);
    switch ((enum group_stage)op->stage) {
    case GROUP_FILTER: return group_filter(group);
    case GROUP_FINISH: return group_finish(group);
    case GROUP_EXCHANGE: return group_exchange(group);
    case GROUP_BURY: return group_bury(group);
    case GROUP_GIVE_UP: return group_give_up(group);
    case GROUP_ABANDON: return group_abandon(group);
    case GROUP_END: return group_end(group);
    }
    unreachable();
}

static const struct op_kind group_kind = {"compaction-group", group_step, group_stages};

static uint32_t next_generation(const struct compaction_group *group)
{
    uint32_t greatest = 0;
    for (uint32_t i = 0; i < group->segment_count; i++) {
        if (greatest < group->segments[i]->generation)
            greatest = group->segments[i]->generation;
    }
    assert(greatest < UINT32_MAX);
    return greatest + 1;
}

void compaction_group_start(struct compaction_group *group, struct completion *done)
{
    assert(group->segment_count > 0);
    assert(group->cleaned_offset >= -1);
    group->done = done;
    segment_reader_init(&group->reader, group->log, group->segments, group->segment_count);
    enum status status = segment_writer_begin(
        &group->writer, group->log, group->segments[0]->base_offset, next_generation(group));
    if (status != STATUS_OK) {
        io_land(group->log->store->io, done, (int32_t)status);
        return;
    }
    group->log->store->unlisted_count++; /* what it writes, until the end */
    op_start(&group->op, &group_kind, io_ops(group->log->store->io));
}

void compaction_group_drop(struct compaction_group *group)
{
    segment_reader_drop(&group->reader);
    segment_writer_drop(&group->writer);
}
