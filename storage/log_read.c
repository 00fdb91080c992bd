/* Reading: from memory by reference, from disk through cold blocks. A read collects what is at
 * hand; only when that is nothing does it wait for the disk. */
#include "base/assert.h"
#include "storage/cold.h"
#include "storage/cold_block.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/store_struct.h"
#include "storage/tail_cache.h"

/* Batches that lie together in memory. */
struct span {
    struct bytes payload;
    struct chunk *chunk;
    int64_t base_offset;
    int64_t next_offset;
    struct memory_frame *frame; /* that it lies in; NULL: in a block */
    struct cold_block *block;
    uint32_t block_position; /* of what follows it there */
    uint64_t file_position;  /* of a payload without data, in the block's file */
};

/* --- Finding ---------------------------------------------------------------------------------- */

static struct memory_frame *frame_of(struct list_node *node)
{
    return container_of(node, struct memory_frame, node);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)(b - a) : (uint64_t)(a - b);
}

/* Readers are near the end or go on where one has been; between a cache's ends lie thousands of
 * frames, and each that is only passed by costs a miss of the processor's cache. */
static struct memory_frame *nearest_known_frame(const struct log *log, int64_t offset)
{
    struct memory_frame *last = frame_of(list_last(&log->frames));
    struct memory_frame *read = log->read_frame;
    bool is_nearer =
        read != NULL && distance(read->base_offset, offset) < distance(last->base_offset, offset);
    return is_nearer ? read : last;
}

/* The frame with `offset`, which is not before the first one; NULL if it has gone from between
 * others, as large batches wait for their sync before they may go and small ones do not. */
static struct memory_frame *find_frame(const struct log *log, int64_t offset)
{
    struct memory_frame *frame = nearest_known_frame(log, offset);
    while (frame->base_offset > offset)
        frame = frame_of(frame->node.prev);
    while (frame->next_offset <= offset && frame->node.next != &log->frames.head)
        frame = frame_of(frame->node.next);
    return frame->base_offset <= offset && offset < frame->next_offset ? frame : NULL;
}

/* Readers of the tail ask for what came since they asked last. To look for that from the frame's
 * first batch on would cost each of them more than all else here. */
static bool find_in_memory(struct log *log, int64_t offset, struct span *span)
{
    bool is_before = log_is_before_memory(log, offset);
    struct memory_frame *frame = is_before ? NULL : find_frame(log, offset);
    if (frame == NULL)
        return false;
    log->read_frame = frame;
    bool is_before_reader = offset < frame->read_offset;
    uint32_t position = is_before_reader ? 0 : frame->read_position;
    assert(position < frame->payload_size);
    *span = (struct span){
        .payload = bytes_of(frame->chunk->data + FRAME_HEADER_SIZE + position,
                            frame->payload_size - position),
        .chunk = frame->chunk,
        .base_offset = is_before_reader ? frame->base_offset : frame->read_offset,
        .next_offset = frame->next_offset,
        .frame = frame,
    };
    return true;
}

/* The first batch taken from the frame lies at `data`. */
static void note_reader(struct memory_frame *frame, int64_t offset, const uint8_t *data)
{
    const uint8_t *payload = frame->chunk->data + FRAME_HEADER_SIZE;
    assert(data >= payload);
    assert(data < payload + frame->payload_size);
    frame->read_offset = offset;
    frame->read_position = (uint32_t)(data - payload);
}

/* The same in a block that is sent from the page cache, where positions count frames. */
static bool find_in_paged(struct cold_block *block, uint32_t position, int64_t offset,
                          struct span *span)
{
    while (position < block->frame_count && block->frames[position].next_offset <= offset)
        position++;
    if (position == block->frame_count)
        return false;
    const struct paged_frame *frame = &block->frames[position];
    *span = (struct span){
        .payload = {NULL, frame->payload_size},
        .base_offset = frame->base_offset,
        .next_offset = frame->next_offset,
        .block = block,
        .block_position = position + 1,
        .file_position = frame->payload_position,
    };
    return true;
}

/* From `position` in the block on: the first frame that ends behind `offset`. */
static bool find_in_block(struct cold_block *block, uint32_t position, int64_t offset,
                          struct span *span)
{
    if (block->chunk == NULL)
        return find_in_paged(block, position, offset, span);
    const uint8_t *data = block->chunk->data + block->data_at;
    while (position < block->size_bytes) {
        struct frame_header header;
        memcpy(&header, data + position, sizeof header);
        assert(header.magic == FRAME_MAGIC);
        uint32_t next_position = position + (uint32_t)frame_stored_size(header.payload_size);
        if (offset <= header.last_offset) {
            *span = (struct span){
                .payload = bytes_of(data + position + FRAME_HEADER_SIZE, header.payload_size),
                .chunk = block->chunk,
                .base_offset = header.base_offset,
                .next_offset = header.last_offset + 1,
                .block = block,
                .block_position = next_position,
            };
            return true;
        }
        position = next_position;
    }
    return false;
}

/* The span with `offset`, or the next one if the offset lies in a gap of a block. `span` is the one
 * before, or empty. */
static bool find_span(struct log *log, int64_t offset, struct span *span)
{
    if (span->block != NULL && find_in_block(span->block, span->block_position, offset, span))
        return true;
    if (find_in_memory(log, offset, span))
        return true;
    struct cold_block *block = cold_block_find(log, offset);
    return block != NULL && find_in_block(block, 0, offset, span);
}

/* --- Collecting ------------------------------------------------------------------------------- */

static bool batch_fits(const struct log_read *read, size_t taken_bytes, size_t batch_bytes)
{
    size_t total = read->size_bytes + taken_bytes;
    return total + batch_bytes <= read->size_bytes_max || (total == 0 && read->first_batch_anyway);
}

/* All of it is wanted, and fits. */
static bool span_fits(const struct log_read *read, const struct span *span)
{
    return read->next_offset <= span->base_offset && span->next_offset <= read->end_offset &&
           read->size_bytes + span->payload.size <= read->size_bytes_max;
}

/* The batches of the span from `read->next_offset` on, up to the limits. `goes_on`: to its end. */
static struct bytes choose_batches(struct log_read *read, const struct span *span, bool *goes_on)
{
    struct bytes rest = span->payload;
    struct bytes taken = {rest.data, 0};
    struct bytes batch;
    *goes_on = true;
    while (*goes_on && batch_next(&rest, &batch) == STATUS_OK) {
        int64_t base_offset = (int64_t)load_u64_be(batch.data + BATCH_BASE_OFFSET_AT);
        int64_t next_offset =
            base_offset + (int32_t)load_u32_be(batch.data + BATCH_LAST_OFFSET_DELTA_AT) + 1;
        if (next_offset <= read->next_offset) {
            taken.data = rest.data;
            continue;
        }
        *goes_on = base_offset < read->end_offset && batch_fits(read, taken.size, batch.size);
        if (!*goes_on)
            break;
        taken.size += batch.size;
        read->next_offset = next_offset;
    }
    return taken;
}

/* All of a frame in the page cache, or nothing of it: its batches can be told apart in memory only.
 * The ranges of one read lie in one file. */
static bool take_range(struct log_read *read, const struct span *span)
{
    const struct cold_block *block = span->block;
    bool is_same_file = read->file == NULL || read->file == block->file;
    if (!read->takes_files || read->needs_memory || !span_fits(read, span) || !is_same_file ||
        paged_file_is_doubted(block->file))
        return false;
    assert(read->piece_count < LOG_READ_PIECES_MAX);
    assert(read->range_count <= read->piece_count);
    if (read->file == NULL)
        read->file = paged_file_retain(block->file);
    read->ranges[read->range_count++] =
        (struct io_file_range){paged_file_handle(block->file), span->file_position};
    read->pieces[read->piece_count++] = span->payload;
    read->size_bytes += span->payload.size;
    read->next_offset = span->next_offset;
    metrics_add(block->log->store->options.metrics, METRIC_PAGED_BYTES,
                (int64_t)span->payload.size);
    return true;
}

/* Takes of the span what is wanted and fits. Answers whether it was taken to its end, so that the
 * next may follow. Looking at each batch of a whole span would cost more than all else here: they
 * are not in the processor's cache. */
static bool take_batches(struct log_read *read, const struct span *span)
{
    if (bytes_are_null(span->payload))
        return take_range(read, span);
    struct bytes taken = span->payload;
    int64_t offset = read->next_offset;
    bool goes_on = true;
    if (span_fits(read, span))
        read->next_offset = span->next_offset;
    else
        taken = choose_batches(read, span, &goes_on);
    if (taken.size == 0)
        return false;
    assert(read->piece_count < LOG_READ_PIECES_MAX);
    assert(taken.data >= span->payload.data);
    assert(taken.data + taken.size <= span->payload.data + span->payload.size);
    if (span->frame != NULL)
        note_reader(span->frame, offset, taken.data);
    chunk_retain(span->chunk);
    read->pieces[read->piece_count++] = taken;
    read->chunks[read->chunk_count++] = span->chunk;
    read->size_bytes += taken.size;
    return goes_on;
}

/* Everything at hand. Answers whether the disk would have more; and in `span` what was taken last.
 */
static bool collect(struct log *log, struct log_read *read, struct span *span)
{
    while (read->next_offset < read->end_offset && read->piece_count < LOG_READ_PIECES_MAX) {
        struct cold_block *before = span->block;
        bool is_found = find_span(log, read->next_offset, span);
        if (before != NULL && (!is_found || span->block != before))
            cold_block_pass(before);
        if (!is_found)
            return true;
        if (!take_batches(read, span))
            return false;
    }
    return false;
}

static void count_read(struct log *log, const struct log_read *read, bool is_cold)
{
    struct metrics *metrics = log->store->options.metrics;
    if (read->range_count > 0)
        metrics_add(metrics, METRIC_PAGED_HITS, 1);
    if (read->has_waited)
        metrics_add(metrics, METRIC_COLD_CACHE_MISSES, 1);
    else if (is_cold)
        metrics_add(metrics, METRIC_COLD_CACHE_HITS, 1);
}

/* Whoever reads from the disk will want what follows, so that is brought in while this is sent. */
static void go_on(struct log *log, struct log_read *read)
{
    struct span span = {0};
    bool disk_has_more = collect(log, read, &span);
    read->needs_memory = read->piece_count == 0 && span.block != NULL && span.block->chunk == NULL;
    if ((disk_has_more || read->needs_memory) && read->piece_count == 0) {
        read->has_waited = true;
        cold_wait(log, read);
        return;
    }
    count_read(log, read, span.block != NULL);
    int64_t ahead = span.block != NULL ? span.block->next_offset : read->next_offset;
    if (span.block != NULL && read->next_offset >= span.block->next_offset)
        cold_block_pass(span.block);
    io_land(log->store->io, &read->completion, STATUS_OK);
    if (disk_has_more || span.block != NULL)
        cold_prefetch(log, ahead);
}

void log_read_resume(struct log *log, struct log_read *read, enum status status)
{
    list_node_init(&read->waiting);
    const struct log_damage *damage = damage_core_find(&log->damages, read->next_offset);
    if (log->deletion != NULL) {
        status = STATUS_CANCELLED;
    } else if (status == STATUS_OK && read->next_offset < log->start_offset) {
        status = STATUS_OUT_OF_RANGE; /* deleted while it waited */
    } else if (status == STATUS_OK && damage != NULL) {
        status = STATUS_CORRUPT;
        read->next_offset = damage->to;
    }
    if (status != STATUS_OK)
        io_land(log->store->io, &read->completion, (int32_t)status);
    else
        go_on(log, read);
}

void log_read(struct log *log, struct log_read *read)
{
    assert(read->offset >= 0);
    list_node_init(&read->waiting);
    read->piece_count = 0;
    read->chunk_count = 0;
    read->range_count = 0;
    read->file = NULL;
    read->size_bytes = 0;
    read->needs_memory = false;
    read->has_waited = false;
    read->next_offset = read->offset;
    read->exchange_count = log->exchange_count;
    if (read->offset < log->start_offset || read->offset > log->end_offset) {
        io_land(log->store->io, &read->completion, STATUS_OUT_OF_RANGE);
        return;
    }
    tail_cache_note_reader(log);
    if (read->end_offset > log_visible_offset(log))
        read->end_offset = log_visible_offset(log);
    log_read_resume(log, read, STATUS_OK);
}

void log_read_doubt_file(struct log_read *read)
{
    if (read->file != NULL)
        paged_file_doubt(read->file);
}

void log_read_release(struct log_read *read, struct io *io)
{
    for (uint32_t i = 0; i < read->chunk_count; i++)
        chunk_release(read->chunks[i], io);
    if (read->file != NULL)
        paged_file_release(read->file, io);
    read->file = NULL;
    read->range_count = 0;
    read->chunk_count = 0;
    read->piece_count = 0;
}
