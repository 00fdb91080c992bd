/* A batch comes into the log. Everything that can be refused is checked and reserved first; then
 * the batch is placed, and nothing can fail any more, so a batch is never half appended. */
#include "base/assert.h"
#include "base/hash.h"
#include "storage/backlog.h"
#include "storage/growth_core.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/producer_batch.h"
#include "storage/retention_core.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* Kafka's tools, and our index entries of old segments, keep offsets relative to the segment in 31
 * bits. */
enum { SEGMENT_SPAN_MAX = INT32_MAX };

/* --- Room ------------------------------------------------------------------------------------- */

/* Segments of a log, and of different logs, take appends for different times (segment.jitter.ms).
 * Every append asks, so there is no hash for the many logs that want no jitter. */
static int64_t age_max_ms(const struct log *log, const struct segment *segment)
{
    if (log->config.segment_jitter_ms == 0)
        return log->config.segment_ms_max;
    struct hash_seed seed = {{0, (uint64_t)log->id.partition}};
    memcpy(seed.words, log->id.topic_id.bytes, sizeof seed.words[0]);
    return retention_core_segment_ms(log->config.segment_ms_max, log->config.segment_jitter_ms,
                                     hash_u64(seed, (uint64_t)segment->base_offset));
}

bool log_segment_is_too_old(const struct log *log, const struct segment *segment, int64_t now_ms)
{
    return segment->created_ms >= 0 && now_ms - segment->created_ms >= age_max_ms(log, segment);
}

static bool must_roll(const struct log *log, const struct segment *segment,
                      const struct batch_header *header, uint64_t stored_size, int64_t now_ms)
{
    if (segment->size_bytes == 0)
        return false;
    int64_t last_offset = log->end_offset + header->last_offset_delta;
    return segment->size_bytes + stored_size > log->config.segment_bytes_max ||
           last_offset - segment->base_offset > SEGMENT_SPAN_MAX ||
           log_segment_is_too_old(log, segment, now_ms);
}

/* The segment for the next frame; everything before has been sealed. */
static struct segment *segment_for(struct log *log, const struct batch_header *header,
                                   uint64_t stored_size, int64_t now_ms)
{
    assert(log->open == NULL);
    struct segment *segment = log_active_segment(log);
    if (segment == NULL || must_roll(log, segment, header, stored_size, now_ms)) {
        if (segment != NULL)
            log_take_snapshot(log);
        segment = log_add_segment(log, log->end_offset, 0);
    }
    if (segment != NULL && segment->created_ms < 0)
        segment->created_ms = now_ms;
    return segment;
}

static bool is_direct(const struct log *log, uint64_t batch_size)
{
    return batch_size >= log->store->options.direct_size_bytes ||
           frame_stored_size(batch_size) > FRAME_SMALL_SIZE_MAX;
}

/* A frame that gathers small batches begins as large as those before it became, since growing
 * copies what is in it. */
static struct chunk *frame_chunk(struct log *log, uint64_t payload_size)
{
    uint64_t stored_size = frame_stored_size(payload_size);
    if (is_direct(log, payload_size))
        return store_acquire_chunk(log->store, stored_size);
    uint64_t likely_size = frame_stored_size(log->likely_payload_size);
    assert(likely_size <= FRAME_SMALL_SIZE_MAX);
    return store_acquire_growing_chunk(log->store, stored_size, likely_size);
}

/* A new frame at the end of the log with room for `payload_size`; NULL without memory. */
static struct memory_frame *begin_frame(struct log *log, const struct batch_header *header,
                                        uint64_t payload_size, int64_t now_ms)
{
    struct store *store = log->store;
    struct memory_frame *frame = pool_acquire(&store->frames);
    if (frame == NULL)
        return NULL;
    struct chunk *chunk = frame_chunk(log, payload_size);
    struct segment *segment =
        chunk == NULL ? NULL : segment_for(log, header, frame_stored_size(payload_size), now_ms);
    if (segment == NULL) {
        if (chunk != NULL)
            chunk_release(chunk, store->io);
        pool_release(&store->frames, frame);
        return NULL;
    }
    *frame = (struct memory_frame){
        .log = log,
        .segment = segment_retain(segment),
        .chunk = chunk,
        .base_offset = log->end_offset,
        .next_offset = log->end_offset,
        .max_timestamp_ms = -1,
        .commit_sequence = UINT64_MAX,
        .read_offset = log->end_offset,
    };
    list_node_init(&frame->cache_node);
    list_node_init(&frame->direct_node);
    list_push_back(&log->frames, &frame->node);
    return frame;
}

/* Readers keep the old chunk as long as they need it. */
static void exchange_chunk(struct memory_frame *frame, struct chunk *chunk)
{
    assert(frame->state == FRAME_OPEN);
    assert(FRAME_HEADER_SIZE + frame->payload_size <= chunk->capacity_bytes);
    memcpy(chunk->data + FRAME_HEADER_SIZE, frame->chunk->data + FRAME_HEADER_SIZE,
           frame->payload_size);
    chunk_release(frame->chunk, frame->log->store->io);
    frame->chunk = chunk;
}

/* The tail's chunk doubles as it fills, so that a slow partition holds little memory. */
static bool grow_frame(struct log *log, struct memory_frame *frame, uint64_t payload_size)
{
    if (frame_stored_size(payload_size) <= frame->chunk->capacity_bytes)
        return true;
    size_t size = chunk_size_grown(frame->chunk, frame_stored_size(payload_size));
    if (size > FRAME_SMALL_SIZE_MAX)
        size = FRAME_SMALL_SIZE_MAX;
    assert(size >= frame_stored_size(payload_size));
    struct chunk *larger = store_acquire_chunk(log->store, size);
    if (larger == NULL)
        return false;
    exchange_chunk(frame, larger);
    return true;
}

/* Makes log->open a frame with room for the batch. */
static bool make_room(struct log *log, const struct batch_header *header, uint64_t batch_size,
                      int64_t now_ms)
{
    if (log->open != NULL) {
        uint64_t payload_size = log->open->payload_size + batch_size;
        bool fits = frame_stored_size(payload_size) <= FRAME_SMALL_SIZE_MAX &&
                    log->open->segment->size_bytes + frame_stored_size(payload_size) <=
                        log->config.segment_bytes_max;
        if (fits && !log_segment_is_too_old(log, log->open->segment, now_ms))
            return grow_frame(log, log->open, payload_size);
        log_seal(log);
    }
    log->open = begin_frame(log, header, batch_size, now_ms);
    return log->open != NULL;
}

/* A small batch goes there; a large one only if the log has not been mentioned yet. */
static enum status reserve_journal(struct log *log, uint64_t batch_size)
{
    struct journal *journal = &log->store->journal;
    if (!is_direct(log, batch_size))
        return journal_reserve(journal, (uint32_t)batch_size);
    return log->mention_sequence == 0 ? journal_reserve(journal, 0) : STATUS_OK;
}

/* Everything that may be short is taken here. */
static enum status reserve(struct log *log, const struct log_append *append,
                           const struct batch_header *header)
{
    uint64_t size = append->batch.size;
    if (frame_stored_size(size) > CHUNK_SIZE_MAX)
        return STATUS_TOO_LARGE;
    if (!epoch_core_reserve(&log->epochs))
        return STATUS_NO_MEMORY;
    if (!producer_batch_reserve(&log->producers, header))
        return STATUS_NO_MEMORY;
    enum status status = reserve_journal(log, size);
    if (status != STATUS_OK)
        return status;
    if (is_direct(log, size)) {
        log_seal(log);
        log->open = begin_frame(log, header, size, append->now_ms);
        return log->open == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    }
    return make_room(log, header, size, append->now_ms) ? STATUS_OK : STATUS_NO_MEMORY;
}

/* --- Placing ---------------------------------------------------------------------------------- */

static uint8_t *copy_batch(struct log *log, struct memory_frame *frame,
                           const struct log_append *append, const struct batch_header *header)
{
    uint8_t *to = frame->chunk->data + FRAME_HEADER_SIZE + frame->payload_size;
    assert(FRAME_HEADER_SIZE + frame->payload_size + append->batch.size <=
           frame->chunk->capacity_bytes);
    memcpy(to, append->batch.data, append->batch.size);
    batch_set_base_offset(to, log->end_offset);
    batch_set_leader_epoch(to, append->leader_epoch);
    frame->payload_size += (uint32_t)append->batch.size;
    frame->batch_count++;
    frame->next_offset = log->end_offset + header->last_offset_delta + 1;
    frame->leader_epoch = append->leader_epoch;
    if (frame->segment->appended_ms < append->now_ms)
        frame->segment->appended_ms = append->now_ms;
    if (frame->max_timestamp_ms < header->max_timestamp)
        frame->max_timestamp_ms = header->max_timestamp;
    return to;
}

static void note_dirty(struct log *log, struct memory_frame *frame, uint64_t sequence)
{
    if (frame->commit_sequence > sequence)
        frame->commit_sequence = sequence;
    log_note_mention(log, sequence);
    if (log->dirty_sequence != 0)
        return;
    log->dirty_sequence = sequence;
    list_push_back(&log->store->dirty, &log->dirty_node);
}

static void put_into_journal(struct log *log, struct memory_frame *frame, const uint8_t *batch,
                             uint32_t batch_size)
{
    struct commit_entry entry = {
        .kind = COMMIT_BATCH,
        .partition = log->id.partition,
        .topic_id = log->id.topic_id,
        .base_offset = log->end_offset,
        .durable_offset = log->durable_offset,
        .payload_size = batch_size,
        .life = log->life,
    };
    struct journal *journal = &log->store->journal;
    assert(!frame->is_direct);
    uint64_t sequence =
        journal_append(journal, &entry, batch, &log->journal_client, frame->next_offset);
    note_dirty(log, frame, sequence);
}

static void note_batch(struct log *log, const struct log_append *append,
                       const struct batch_header *header)
{
    epoch_core_note(&log->epochs, append->leader_epoch, log->end_offset);
    struct aborted_transaction aborted;
    if (producer_batch_note(&log->producers, header, append->batch, append->now_ms, &aborted))
        segment_note_aborted(log->open->segment, &aborted);
}

/* Told to the other cores now and then only, for they share the line that it is written to. */
static void note_appending(struct store *store)
{
    _Atomic uint64_t *appended_ns = &store->states->appended_ns;
    uint64_t now_ns = io_now_ns(store->io);
    if (now_ns >= atomic_load_explicit(appended_ns, memory_order_relaxed) + APPENDED_STEP_NS)
        atomic_store_explicit(appended_ns, now_ns, memory_order_relaxed);
}

static void place(struct log *log, struct log_append *append, const struct batch_header *header)
{
    struct memory_frame *frame = log->open;
    assert(frame != NULL);
    note_appending(log->store);
    assert(frame->next_offset == log->end_offset);
    uint8_t *batch = copy_batch(log, frame, append, header);
    bool direct = is_direct(log, append->batch.size);
    log->is_active = true;
    if (direct && log->mention_sequence == 0)
        log_put_mark(log);
    if (!direct)
        put_into_journal(log, frame, batch, (uint32_t)append->batch.size);
    note_batch(log, append, header);
    if (log->loose != NULL)
        loose_core_note(log->loose, log->end_offset, io_now_ns(log->store->io));
    append->base_offset = log->end_offset;
    append->last_offset = frame->next_offset - 1;
    append->append_time_ms = append->now_ms;
    log->end_offset = frame->next_offset;
    if (!direct) {
        linger_in_journal(log);
        return;
    }
    frame->is_direct = true;
    list_push_back(&log->directs, &frame->direct_node);
    log_seal(log);
}

/* In order of last offsets; only a duplicate is not the last. */
static void wait_durable(struct log *log, struct log_append *append)
{
    assert(append->base_offset >= 0);
    assert(append->last_offset < log->end_offset);
    struct list_node *position = &log->appends.head;
    while (position->prev != &log->appends.head &&
           container_of(position->prev, struct log_append, waiting)->last_offset >
               append->last_offset)
        position = position->prev;
    list_insert_before(position, &append->waiting);
    if (append->last_offset < log_visible_offset(log))
        log_advance_soon(log);
}

/* --- Admitting -------------------------------------------------------------------------------- */

static enum status check_producer(const struct log *log, struct log_append *append,
                                  const struct batch_header *header)
{
    struct producer_batch original;
    enum status status =
        producer_batch_check(&log->producers, header, append->batch, append->now_ms, &original);
    if (status == STATUS_DUPLICATE) {
        append->is_duplicate = true;
        append->base_offset = original.base_offset;
        append->last_offset = original.last_offset;
        append->append_time_ms = original.append_time_ms;
    }
    return status;
}

static enum status admit(const struct log *log, struct log_append *append,
                         struct batch_header *header)
{
    const struct store *store = log->store;
    if (store->failure != STATUS_OK || store->is_stopping || log->deletion != NULL)
        return STATUS_FAILED;
    enum status status = batch_header_read(append->batch, header);
    if (status != STATUS_OK)
        return status;
    if (append->batch.size != batch_size_bytes(header) || header->last_offset_delta < 0)
        return STATUS_MALFORMED;
    header->base_offset = log->end_offset;
    status = check_producer(log, append, header);
    if (status == STATUS_OK && store->is_full)
        return STATUS_NO_SPACE;
    return status;
}

void log_append(struct log *log, struct log_append *append)
{
    assert(append->leader_epoch >= 0);
    list_node_init(&append->waiting);
    append->is_duplicate = false;
    append->base_offset = -1;
    append->last_offset = -1;
    append->append_time_ms = -1;

    struct batch_header header;
    enum status status = admit(log, append, &header);
    if (status == STATUS_OK)
        status = reserve(log, append, &header);
    if (status == STATUS_OK)
        place(log, append, &header);
    append->refused = append->is_duplicate ? STATUS_OK : status;
    if (append->refused != STATUS_OK) {
        io_land(log->store->io, &append->completion, (int32_t)append->refused);
        return;
    }
    wait_durable(log, append);
    if (log->loose != NULL)
        log_advance_soon(log);
}

void log_append_give_up(struct log_append *append, struct io *io, enum status status)
{
    assert(status != STATUS_OK);
    if (!list_node_is_linked(&append->waiting))
        return;
    list_remove(&append->waiting);
    io_land(io, &append->completion, (int32_t)status);
}

/* --- Sealing ---------------------------------------------------------------------------------- */

/* A frame that is sealed before it became as large as those before it may lie in the cache for
 * long: it keeps no more memory than if it had grown. */
static void trim_frame(struct log *log, struct memory_frame *frame)
{
    uint64_t stored_size = frame_stored_size(frame->payload_size);
    if (!growth_core_is_too_large(frame->chunk->capacity_bytes, stored_size))
        return;
    struct chunk *smaller = chunk_acquire(&log->store->chunks, stored_size);
    if (smaller != NULL)
        exchange_chunk(frame, smaller);
}

static void seal_frame(struct log *log, struct memory_frame *frame)
{
    struct segment *segment = frame->segment;
    struct frame_place place = log_frame_place(log, segment);
    assert(frame->state == FRAME_OPEN);
    assert(frame->next_offset == log->end_offset);
    assert(segment == log_active_segment(log));
    frame->position = segment->size_bytes;
    frame->state = FRAME_SEALED;
    frame_seal(frame->chunk->data, &place, frame->position,
               &(struct frame_facts){
                   .payload_size = frame->payload_size,
                   .batch_count = frame->batch_count,
                   .base_offset = frame->base_offset,
                   .last_offset = frame->next_offset - 1,
                   .leader_epoch = frame->leader_epoch,
                   .max_timestamp_ms = frame->max_timestamp_ms,
                   .durable_offset = log->durable_offset,
                   .is_direct = frame->is_direct,
               });
    uint64_t stored_size = frame_stored_size(frame->payload_size);
    segment_note_frame(segment, frame->base_offset, frame->position, stored_size,
                       frame->max_timestamp_ms);
    log->unrecorded_bytes += stored_size;
    backlog_add(frame);
    checkpoint_note_sealed(log->store, stored_size);
}

void log_seal(struct log *log)
{
    struct memory_frame *frame = log->open;
    if (frame == NULL)
        return;
    log->open = NULL;
    assert(frame->batch_count > 0); /* a frame is begun only for a batch that will be placed */
    assert(frame == container_of(list_last(&log->frames), struct memory_frame, node));
    if (!frame->is_direct) {
        log->likely_payload_size =
            growth_core_likely(log->likely_payload_size, frame->payload_size);
        trim_frame(log, frame);
    }
    seal_frame(log, frame);
    if (log->unwritten == NULL)
        log->unwritten = frame;
    if (log->unrecorded_bytes >= SNAPSHOT_INTERVAL)
        log_take_snapshot(log);
    if (!linger_in_memory(log, frame))
        store_want_flush(log->store, log, frame->is_direct);
}
