/* Reading frames back: open, find the place by the index (rebuilt from the headers if need be),
 * read a block, verify it, keep it. Nothing of a segment is served that has not been verified. */
#include "storage/cold.h"

#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* --- Blocks -----------------------------------------------------------------------------------
 */

static void drop_block(struct cold_block *block)
{
    struct store *store = block->log->store;
    list_remove(&block->log_node);
    list_remove(&block->lru_node);
    assert(store->cold_bytes >= block->chunk->capacity_bytes);
    store->cold_bytes -= block->chunk->capacity_bytes;
    chunk_release(block->chunk, store->io);
    segment_release(block->segment);
    free(block);
}

struct cold_block *cold_find(struct log *log, int64_t offset)
{
    struct cold_block *block;
    list_for_each_entry (block, &log->blocks, log_node) {
        if (block->base_offset > offset || block->next_offset <= offset)
            continue;
        list_remove(&block->lru_node);
        list_push_back(&log->store->cold, &block->lru_node);
        return block;
    }
    return NULL;
}

bool cold_evict(struct store *store)
{
    struct list_node *node = list_first(&store->cold);
    if (node == NULL)
        return false;
    drop_block(container_of(node, struct cold_block, lru_node));
    return true;
}

void cold_trim(struct store *store, size_t bytes_max)
{
    while (store->cold_bytes > bytes_max && cold_evict(store))
        ;
}

void cold_drop_blocks(struct log *log)
{
    struct list_node *node;
    while ((node = list_first(&log->blocks)) != NULL)
        drop_block(container_of(node, struct cold_block, log_node));
}

void log_retire_segment(struct log *log, struct segment *segment)
{
    assert(!segment->is_retired);
    segment->is_retired = true;
    struct cold_block *block, *following;
    list_for_each_entry_safe (block, following, &log->blocks, log_node) {
        if (block->segment == segment)
            drop_block(block);
    }
    segment_release(segment);
}

/* --- Loading ----------------------------------------------------------------------------------
 *
 *   OPEN ──▶ INDEX (frame by frame, if the index is not whole) ──▶ READ ──▶ VERIFY ──▶ CLOSE ──▶
 * END ▲ larger  │ └─────────┘
 */
enum load_stage {
    LOAD_OPEN,
    LOAD_OPENED,
    LOAD_INDEX,
    LOAD_READ,
    LOAD_VERIFY,
    LOAD_CLOSE,
    LOAD_END
};

static const struct op_stage load_stages[] = {
    [LOAD_OPEN] = {"open", 0},
    [LOAD_OPENED] = {"opened", AFTER(LOAD_OPEN)},
    [LOAD_INDEX] = {"index", AFTER(LOAD_OPENED) | AFTER(LOAD_INDEX)},
    [LOAD_READ] = {"read", AFTER(LOAD_OPENED) | AFTER(LOAD_INDEX) | AFTER(LOAD_VERIFY)},
    [LOAD_VERIFY] = {"verify", AFTER(LOAD_READ)},
    [LOAD_CLOSE] = {"close",
                    AFTER(LOAD_OPENED) | AFTER(LOAD_INDEX) | AFTER(LOAD_READ) | AFTER(LOAD_VERIFY)},
    [LOAD_END] = {"end", AFTER(LOAD_OPENED) | AFTER(LOAD_CLOSE)},
};

struct cold_load {
    struct op op;
    struct list_node node; /* log->loads */
    struct io_request request;
    struct log *log;
    struct segment *segment; /* retained */
    struct list waiting;     /* log_read */
    int64_t offset;
    int32_t handle;
    struct chunk *chunk;
    uint64_t position;
    uint64_t size_bytes;
    struct frame_index index; /* being rebuilt */
    uint64_t index_position;
    enum status status;
    char path[PATH_SIZE];
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct cold_load, request.completion)->op, result);
}

static struct io_request *expect(struct cold_load *load)
{
    completion_init(&load->request.completion, request_landed);
    op_expect(&load->op);
    return &load->request;
}

static enum op_progress move_to(struct cold_load *load, enum load_stage stage)
{
    op_move(&load->op, stage);
    return OP_AGAIN;
}

static enum op_progress give_up(struct cold_load *load, enum status status)
{
    assert(status != STATUS_OK);
    if (load->status == STATUS_OK)
        load->status = status;
    return move_to(load, LOAD_CLOSE);
}

static enum op_progress load_open(struct cold_load *load)
{
    path_segment(load->log->directory, load->segment->base_offset, load->segment->generation,
                 load->path);
    io_open(load->log->store->io, expect(load), load->path, IO_OPEN_READ_ONLY | IO_OPEN_DIRECT);
    op_move(&load->op, LOAD_OPENED);
    return OP_WAIT;
}

/* A file that is gone is damage, unlike a log that never had it. */
static enum op_progress load_opened(struct cold_load *load)
{
    if (load->op.error != 0) {
        load->status =
            load->op.error == STATUS_NOT_FOUND ? STATUS_CORRUPT : (enum status)load->op.error;
        return move_to(load, LOAD_END);
    }
    load->handle = load->request.completion.result;
    load->chunk = store_acquire_chunk(load->log->store, COLD_BLOCK_SIZE);
    if (load->chunk == NULL)
        return give_up(load, STATUS_NO_MEMORY);
    load->size_bytes = COLD_BLOCK_SIZE;
    if (load->segment->indexed_from == 0)
        return move_to(load, LOAD_READ);
    op_move(&load->op, LOAD_INDEX);
    io_read(load->log->store->io, expect(load), load->handle, load->chunk->data, FRAME_ALIGNMENT,
            0);
    return OP_WAIT;
}

/* One header has been read; the next follows its frame. Only hints are made of them here: frames
 * are verified when they are read. */
static enum op_progress load_index(struct cold_load *load)
{
    struct frame_header header;
    uint64_t stored_size;
    if (load->op.error != 0)
        return give_up(load, (enum status)load->op.error);
    struct bytes head = bytes_of(load->chunk->data, (size_t)load->request.completion.result);
    enum frame_verdict verdict = frame_peek(head, &header, &stored_size);
    if (verdict != FRAME_GOOD && (verdict != FRAME_SHORT || head.size < FRAME_ALIGNMENT))
        return give_up(load, STATUS_CORRUPT);
    const struct frame_index *index = &load->index;
    if (index->count > 0 && header.base_offset <= index->entries[index->count - 1].base_offset)
        return give_up(load, STATUS_CORRUPT);
    frame_index_note(&load->index, header.base_offset, load->index_position,
                     header.max_timestamp_ms);
    load->index_position += stored_size;
    if (load->segment->indexed_from == 0)
        return move_to(load, LOAD_READ);
    if (load->index_position >= load->segment->indexed_from) {
        segment_complete_index(load->segment, &load->index);
        return move_to(load, LOAD_READ);
    }
    op_move(&load->op, LOAD_INDEX);
    io_read(load->log->store->io, expect(load), load->handle, load->chunk->data, FRAME_ALIGNMENT,
            load->index_position);
    return OP_WAIT;
}

/* Behind a block that ends where the read begins, the position is known exactly. */
static uint64_t starting_position(const struct cold_load *load)
{
    const struct cold_block *block;
    list_for_each_entry (block, &load->log->blocks, log_node) {
        if (block->segment == load->segment && block->next_offset == load->offset)
            return block->position + block->size_bytes;
    }
    return segment_position(load->segment, load->offset);
}

static enum op_progress load_read(struct cold_load *load)
{
    if (load->position == UINT64_MAX)
        load->position = starting_position(load);
    assert(load->chunk != NULL);
    assert(load->handle >= 0);
    if (load->position >= load->segment->size_bytes)
        return give_up(load, STATUS_CORRUPT);
    uint64_t size = load->segment->size_bytes - load->position;
    if (size > load->size_bytes)
        size = load->size_bytes;
    io_read(load->log->store->io, expect(load), load->handle, load->chunk->data, (uint32_t)size,
            load->position);
    op_move(&load->op, LOAD_VERIFY);
    return OP_WAIT;
}

/* Keeps the frames as a block; without memory for it, the readers are told to try later. */
static enum op_progress keep_block(struct cold_load *load, uint32_t size_bytes, int64_t base_offset,
                                   int64_t next_offset)
{
    if (load->segment->is_retired)
        return move_to(load, LOAD_CLOSE);
    struct cold_block *block = calloc(1, sizeof *block);
    if (block == NULL)
        return give_up(load, STATUS_NO_MEMORY);
    struct store *store = load->log->store;
    assert(base_offset <= load->offset);
    assert(next_offset > load->offset);
    assert(size_bytes % FRAME_ALIGNMENT == 0);
    *block = (struct cold_block){
        .log = load->log,
        .segment = segment_retain(load->segment),
        .chunk = load->chunk,
        .position = load->position,
        .size_bytes = size_bytes,
        .base_offset = base_offset,
        .next_offset = next_offset,
    };
    load->chunk = NULL;
    store->cold_bytes += block->chunk->capacity_bytes;
    list_push_back(&load->log->blocks, &block->log_node);
    list_push_back(&store->cold, &block->lru_node);
    return move_to(load, LOAD_CLOSE);
}

/* The frame that is wanted is larger than what was read: once more, from its beginning. */
static enum op_progress read_larger(struct cold_load *load, uint64_t position, uint64_t size_bytes)
{
    if (size_bytes > CHUNK_SIZE_MAX)
        return give_up(load, STATUS_CORRUPT);
    assert(position % FRAME_ALIGNMENT == 0);
    load->position = position;
    if (size_bytes > load->chunk->capacity_bytes) {
        struct io *io = load->log->store->io;
        chunk_release(load->chunk, io);
        load->chunk = store_acquire_chunk(load->log->store, size_bytes);
        if (load->chunk == NULL)
            return give_up(load, STATUS_NO_MEMORY);
        load->size_bytes = size_bytes;
    }
    return move_to(load, LOAD_READ);
}

static enum op_progress load_verify(struct cold_load *load)
{
    if (load->op.error != 0)
        return give_up(load, (enum status)load->op.error);
    struct bytes rest = bytes_of(load->chunk->data, (size_t)load->request.completion.result);
    struct frame_place place = log_frame_place(load->log, load->segment);
    int64_t base_offset = -1;
    int64_t next_offset = -1;
    uint32_t done = 0;
    struct frame_header header;
    uint64_t stored_size;
    enum frame_verdict verdict = FRAME_END;
    while (rest.size > 0) {
        verdict = frame_verify(rest, &place, &header, &stored_size);
        if (verdict != FRAME_GOOD)
            break;
        base_offset = base_offset < 0 ? header.base_offset : base_offset;
        next_offset = header.last_offset + 1;
        done += (uint32_t)stored_size;
        rest = bytes_of(rest.data + stored_size, rest.size - stored_size);
    }
    if (next_offset > load->offset && base_offset <= load->offset)
        return keep_block(load, done, base_offset, next_offset);
    if (verdict == FRAME_SHORT && (done > 0 || stored_size > load->size_bytes))
        return read_larger(load, load->position + done, stored_size);
    if (verdict == FRAME_GOOD && next_offset >= 0 && next_offset <= load->offset)
        return read_larger(load, load->position + done, load->size_bytes);
    return give_up(load, STATUS_CORRUPT);
}

static enum op_progress load_close(struct cold_load *load)
{
    if (load->chunk != NULL)
        chunk_release(load->chunk, load->log->store->io);
    load->chunk = NULL;
    io_close(load->log->store->io, expect(load), load->handle);
    op_move(&load->op, LOAD_END);
    return OP_WAIT;
}

static void report_damage(const struct cold_load *load)
{
    log_error(load->log->store->logger, "damaged frame: the batch cannot be served",
              field_bytes("topic", load->log->id.topic_name),
              field_i64("partition", load->log->id.partition), field_i64("offset", load->offset),
              field_text("file", load->path), field_u64("position", load->position));
}

static enum op_progress load_end(struct cold_load *load)
{
    struct log *log = load->log;
    assert(load->chunk == NULL); /* handed to a block, or given back */
    if (load->segment->is_retired)
        load->status = STATUS_OK; /* the readers look again: the offset lies elsewhere or nowhere */
    if (load->status == STATUS_CORRUPT && log_note_damage(log, load->offset, load->offset + 1))
        report_damage(load);
    list_remove(&load->node);
    struct list waiting;
    list_init(&waiting);
    list_append(&waiting, &load->waiting);
    enum status status = load->status;
    frame_index_deinit(&load->index);
    segment_release(load->segment);
    free(load);
    struct list_node *node;
    while ((node = list_pop_front(&waiting)) != NULL)
        log_read_resume(log, container_of(node, struct log_read, waiting), status);
    cold_trim(log->store, log->store->options.cache_bytes_max / 4);
    struct store *store = log->store;
    assert(log->busy_count > 0);
    log->busy_count--;
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress load_step(struct op *op)
{
    struct cold_load *load = container_of(op, struct cold_load, op);
    switch ((enum load_stage)op->stage) {
    case LOAD_OPEN: return load_open(load);
    case LOAD_OPENED: return load_opened(load);
    case LOAD_INDEX: return load_index(load);
    case LOAD_READ: return load_read(load);
    case LOAD_VERIFY: return load_verify(load);
    case LOAD_CLOSE: return load_close(load);
    case LOAD_END: return load_end(load);
    }
    unreachable();
}

static const struct op_kind load_kind = {"cold-load", load_step, load_stages};

void cold_drop_loads(struct log *log)
{
    struct list_node *node;
    while ((node = list_pop_front(&log->loads)) != NULL) {
        struct cold_load *load = container_of(node, struct cold_load, node);
        if (load->chunk != NULL)
            chunk_release(load->chunk, log->store->io);
        frame_index_deinit(&load->index);
        segment_release(load->segment);
        free(load);
    }
}

/* --- Asking -----------------------------------------------------------------------------------
 */

static struct cold_load *find_load(const struct log *log, int64_t offset)
{
    struct cold_load *load;
    list_for_each_entry (load, &log->loads, node) {
        if (load->offset == offset)
            return load;
    }
    return NULL;
}

static struct cold_load *make_load(struct log *log, int64_t offset)
{
    uint32_t index;
    struct segment *segment = log_find_segment(log, offset, &index);
    struct cold_load *load = segment == NULL ? NULL : calloc(1, sizeof *load);
    if (load == NULL)
        return NULL;
    load->log = log;
    load->segment = segment_retain(segment);
    load->offset = offset;
    load->position = UINT64_MAX;
    load->handle = -1;
    list_init(&load->waiting);
    list_push_back(&log->loads, &load->node);
    log->busy_count++;
    return load;
}

void cold_wait(struct log *log, struct log_read *read)
{
    assert(read->piece_count == 0);
    assert(log->deletion == NULL);
    struct cold_load *load = find_load(log, read->next_offset);
    if (load != NULL) {
        list_push_back(&load->waiting, &read->waiting);
        return;
    }
    load = make_load(log, read->next_offset);
    if (load == NULL) {
        io_land(log->store->io, &read->completion, STATUS_NO_MEMORY);
        return;
    }
    list_push_back(&load->waiting, &read->waiting);
    op_start(&load->op, &load_kind, io_ops(log->store->io));
}

void cold_prefetch(struct log *log, int64_t offset)
{
    struct store *store = log->store;
    bool is_on_disk_only =
        offset < log->written_offset &&
        (list_is_empty(&log->frames) ||
         container_of(list_first(&log->frames), struct memory_frame, node)->base_offset > offset);
    if (!is_on_disk_only || log->deletion != NULL || find_load(log, offset) != NULL ||
        cold_find(log, offset) != NULL ||
        store->chunks.used_bytes + COLD_BLOCK_SIZE > store->chunks.limit_bytes)
        return;
    struct cold_load *load = make_load(log, offset);
    if (load != NULL)
        op_start(&load->op, &load_kind, io_ops(store->io));
}
