#include "storage/round.h"

#include "base/assert.h"
#include "storage/backlog.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"

/* --- Gathering -------------------------------------------------------------------------------- */

static struct memory_frame *next_sealed(struct log *log, struct memory_frame *frame)
{
    if (frame->node.next == &log->frames.head)
        return NULL;
    struct memory_frame *next = container_of(frame->node.next, struct memory_frame, node);
    return next->state == FRAME_SEALED ? next : NULL;
}

/* Same segment, space reserved, and not too much together. */
static bool fits(const struct round *round, const struct log *log, const struct memory_frame *frame)
{
    uint64_t end = memory_frame_end(frame);
    if (frame->segment != log->write_segment || !log_may_write(log, frame) ||
        end > frame->segment->allocated_bytes)
        return false;
    return round->frame_count == 0 || (round->frame_count < ROUND_FRAMES_MAX &&
                                       end - round->frames[0]->position <= ROUND_SIZE_MAX);
}

static void add(struct round *round, struct memory_frame *frame)
{
    uint32_t index = round->frame_count++;
    assert(index == 0 || memory_frame_end(round->frames[index - 1]) == frame->position);
    round->frames[index] = frame;
    round->pieces[index] = bytes_of(frame->chunk->data, frame_stored_size(frame->payload_size));
    round->has_direct = round->has_direct || frame->is_direct;
}

void round_gather(struct round *round, struct log *log)
{
    struct memory_frame *frame = log->unwritten;
    assert(!round->is_under_way);
    round->frame_count = 0;
    round->has_direct = false;
    while (frame != NULL && fits(round, log, frame)) {
        add(round, frame);
        frame = next_sealed(log, frame);
    }
    assert(round->frame_count > 0);
}

uint64_t round_bytes(const struct round *round)
{
    assert(round->frame_count > 0);
    return memory_frame_end(round->frames[round->frame_count - 1]) - round->frames[0]->position;
}

/* --- Writing ---------------------------------------------------------------------------------- */

void round_write(struct round *round, const struct log *log)
{
    assert(log->write_handle >= 0);
    assert(log->write_segment->exists);
    assert(round->frame_count > 0);
    assert(!round->is_under_way);
    round->is_under_way = true;
    round->has_landed = false;
    io_write_pieces(log->store->io, &round->request, log->write_handle, round->pieces,
                    round->frame_count, round->frames[0]->position);
}

static void note_written(struct log *log, struct memory_frame *frame)
{
    assert(frame->state == FRAME_SEALED);
    assert(frame->base_offset >= log->written_offset);
    backlog_take(frame);
    frame->state = FRAME_WRITTEN;
    log->written_offset = frame->next_offset;
    if (frame->commit_sequence < log->written_dirty_sequence)
        log->written_dirty_sequence = frame->commit_sequence;
    if (!frame->is_direct)
        tail_cache_add(frame);
}

bool round_take_in(struct round *round, struct log *log)
{
    assert(round->is_under_way);
    assert(round->has_landed);
    assert(log->unwritten == round->frames[0]);
    round->is_under_way = false;
    round->has_landed = false;
    if (round->request.completion.result < 0)
        return false;
    log->unwritten = next_sealed(log, round->frames[round->frame_count - 1]);
    for (uint32_t i = 0; i < round->frame_count; i++)
        note_written(log, round->frames[i]);
    return true;
}
