/* Loading a block: what it needs of the file and the index, one reading or several, and what the
 * walk (cold_core.h) finds in them. */
#include "storage/cold.h"

#include "base/assert.h"
#include "storage/cold_block.h"
#include "storage/cold_core.h"
#include "storage/cold_file.h"
#include "storage/cold_turn.h"
#include "storage/index.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   START ──▶ READY (file and index are there) ──▶ PAGE ──▶ READ ◀──▶ TAKE ──▶ END
 *     ▲         └── the index has gone again                            │
 *     └────────────── the index has misled us ──────────────────────────┘
 *
 * PAGE opens the file anew where the block is to be sent from the page cache (paged.h). */
enum load_stage { LOAD_START, LOAD_READY, LOAD_PAGE, LOAD_READ, LOAD_TAKE, LOAD_END };

static const struct op_stage load_stages[] = {
    [LOAD_START] = {"start", AFTER(LOAD_READY) | AFTER(LOAD_TAKE)},
    [LOAD_READY] = {"ready", AFTER(LOAD_START)},
    [LOAD_PAGE] = {"page", AFTER(LOAD_READY)},
    [LOAD_READ] = {"read", AFTER(LOAD_READY) | AFTER(LOAD_PAGE) | AFTER(LOAD_TAKE)},
    [LOAD_TAKE] = {"take", AFTER(LOAD_READ)},
    [LOAD_END] = {"end", AFTER(LOAD_READY) | AFTER(LOAD_READ) | AFTER(LOAD_TAKE)},
};

struct cold_load {
    struct op op;
    struct list_node node; /* log->loads */
    struct io_request request;
    struct cold_turn turn;
    bool is_sequential; /* the reader goes on where he was */
    bool was_lost;      /* he was in the middle of a block that had to go */
    bool needs_whole_index;
    uint32_t wanted_bytes; /* the most that one of those who wait asks for */
    struct log *log;
    struct segment *segment; /* retained */
    struct list waiting;     /* log_read */
    struct cold_use file;
    struct cold_use cached; /* of the same segment; not in use: it is read past the cache */
    bool needs_memory;      /* a reader cannot do with ranges of the file */
    struct index_wait index;
    struct cold_walk walk;
    struct chunk *chunk;
    uint32_t reading_bytes;
    int64_t resume_offset; /* where the readers go on, or can go on behind damage */
    enum status status;
};

static void reading_landed(struct completion *completion, int32_t result)
{
    struct cold_load *load = container_of(completion, struct cold_load, request.completion);
    if (result > 0)
        metrics_add(load->log->store->options.metrics, METRIC_COLD_READ_BYTES, result);
    op_landed(&load->op, result);
}

static void file_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct cold_load, file.completion)->op, result);
}

static void turn_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct cold_load, turn.completion)->op, result);
}

/* Whatever comes of it, the block can be read. */
static void cached_landed(struct completion *completion, int32_t result)
{
    (void)result;
    op_landed(&container_of(completion, struct cold_load, cached.completion)->op, STATUS_OK);
}

static void index_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct cold_load, index.completion)->op, result);
}

static enum op_progress move_to(struct cold_load *load, enum load_stage stage)
{
    op_move(&load->op, stage);
    return OP_AGAIN;
}

static enum op_progress end_with(struct cold_load *load, enum status status)
{
    load->status = status;
    return move_to(load, LOAD_END);
}

/* --- Damage ----------------------------------------------------------------------------------- */

static void note_damage(struct cold_load *load, uint64_t position)
{
    struct log *log = load->log;
    const struct log_damage *damage = &load->walk.damage;
    char path[PATH_SIZE];
    int64_t from = damage->from > log->start_offset ? damage->from : log->start_offset;
    if (from >= damage->to || !log_note_damage(log, from, damage->to))
        return;
    path_segment(log->directory, load->segment->base_offset, load->segment->generation, path);
    log_error(log->store->logger, "damaged on disk: these offsets cannot be served",
              field_bytes("topic", log->id.topic_name), field_i64("partition", log->id.partition),
              field_i64("from", from), field_i64("to", damage->to), field_text("file", path),
              field_u64("position", position));
}

static enum op_progress end_in_damage(struct cold_load *load, uint64_t position)
{
    note_damage(load, position);
    load->resume_offset = load->walk.damage.to;
    return end_with(load, STATUS_CORRUPT);
}

/* A file that is gone is damage from end to end, unlike a log that never had it. */
static enum op_progress end_without_file(struct cold_load *load)
{
    load->walk.damage =
        (struct log_damage){load->segment->base_offset, log_segment_end(load->log, load->segment)};
    return end_in_damage(load, 0);
}

/* --- Loading ---------------------------------------------------------------------------------- */

/* Even though part of the index is missing, where to begin may be known: at the front, behind a
 * block that was read, in what was appended in this life. To have the rest would mean to read all
 * of the segment first, if no file has it. */
static bool knows_where_to_begin(const struct cold_load *load)
{
    const struct frame_index *index = &load->segment->index;
    int64_t offset = load->walk.offset;
    struct cold_place place;
    return offset == load->segment->base_offset ||
           (index->count > 0 && index->entries[0].base_offset <= offset) ||
           cold_block_place(load->log, load->segment, offset, &place);
}

static bool lacks_index(const struct cold_load *load)
{
    return load->segment->indexed_from != 0 &&
           (load->needs_whole_index || !knows_where_to_begin(load));
}

static enum op_progress load_start(struct cold_load *load)
{
    if (lacks_index(load)) {
        completion_init(&load->index.completion, index_landed);
        op_expect(&load->op);
        index_want(load->log, load->segment, &load->index);
    }
    if (load->file.file == NULL) {
        completion_init(&load->file.completion, file_landed);
        op_expect(&load->op);
        cold_file_use(load->log, load->segment, COLD_FILE_DIRECT, &load->file);
    }
    op_move(&load->op, LOAD_READY);
    return load->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

/* Frames that wait to be written end what can be read of a segment. */
static uint64_t readable_bytes(const struct log *log, const struct segment *segment)
{
    bool is_being_written = log->unwritten != NULL && log->unwritten->segment == segment;
    return is_being_written ? log->unwritten->position : segment->size_bytes;
}

static void begin_walk(struct cold_load *load)
{
    struct log *log = load->log;
    struct segment *segment = load->segment;
    struct cold_place place;
    load->walk = (struct cold_walk){
        .place = log_frame_place(log, segment),
        .index = &segment->index,
        .trusts_index = segment->index_is_proved && segment->indexed_from == 0,
        .end_position = readable_bytes(log, segment),
        .end_offset = log_segment_end(log, segment),
        .offset = load->walk.offset,
        .needed_bytes = COLD_BLOCK_SIZE,
    };
    cold_walk_begin(&load->walk);
    bool has_place = cold_block_place(log, segment, load->walk.offset, &place);
    load->is_sequential = has_place && place.from == load->walk.offset;
    load->was_lost = has_place && place.from < load->walk.offset;
    if (has_place)
        cold_walk_begin_behind(&load->walk, place.position, place.from);
}

static enum op_progress load_ready(struct cold_load *load)
{
    if (load->segment->is_retired)
        return move_to(load, LOAD_END);
    if (load->op.error == STATUS_NOT_FOUND)
        return end_without_file(load);
    if (load->op.error != 0)
        return end_with(load, (enum status)load->op.error);
    if (lacks_index(load))
        return move_to(load, LOAD_START);
    index_touch(load->log, load->segment);
    begin_walk(load);
    bool is_paged = !load->needs_memory && !load->was_lost &&
                    paged_is_worth(load->log, load->segment, load->walk.position);
    if (!is_paged || load->cached.file != NULL)
        return move_to(load, LOAD_READ);
    completion_init(&load->cached.completion, cached_landed);
    op_expect(&load->op);
    cold_file_use(load->log, load->segment, COLD_FILE_CACHED, &load->cached);
    op_move(&load->op, LOAD_PAGE);
    return OP_WAIT;
}

static bool has_room(struct cold_load *load, uint64_t size)
{
    struct store *store = load->log->store;
    if (load->chunk != NULL && load->chunk->capacity_bytes >= size)
        return true;
    if (load->chunk != NULL)
        chunk_release(load->chunk, store->io);
    load->chunk = store_acquire_chunk(store, size);
    return load->chunk != NULL;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* While batches come in, a reader of old ones makes small steps, for each may stand in the way of a
 * commit; otherwise as large ones as he has use for. */
static uint64_t reading_size(const struct cold_load *load)
{
    const struct store *store = load->log->store;
    uint32_t ahead = load->is_sequential ? store->cold_step_bytes : 0;
    uint32_t wanted = load->wanted_bytes < store->cold_step_max_bytes ? load->wanted_bytes
                                                                      : store->cold_step_max_bytes;
    uint64_t size = ahead > wanted ? ahead : wanted - wanted % FRAME_ALIGNMENT;
    return size < COLD_BLOCK_SIZE || cold_someone_appends(store) ? COLD_BLOCK_SIZE : size;
}

static uint64_t size_bounded(const struct cold_walk *walk, uint64_t size)
{
    uint64_t rest = walk->end_position - walk->position;
    uint64_t needed = walk->needed_bytes > size ? walk->needed_bytes : size;
    return needed < rest ? needed : rest;
}

static enum op_progress load_read(struct cold_load *load)
{
    struct cold_walk *walk = &load->walk;
    if (!cold_turn_take(load->log->store, &load->turn)) {
        op_expect(&load->op);
        return OP_WAIT;
    }
    uint64_t size = size_bounded(walk, reading_size(load));
    if (!has_room(load, size)) {
        size = size_bounded(walk, COLD_BLOCK_SIZE);
        if (!has_room(load, size))
            return end_with(load, STATUS_NO_MEMORY);
    }
    completion_init(&load->request.completion, reading_landed);
    op_expect(&load->op);
    load->reading_bytes = (uint32_t)size;
    const struct cold_use *file = load->cached.file != NULL ? &load->cached : &load->file;
    io_read(load->log->store->io, &load->request, cold_file_handle(file), load->chunk->data,
            load->reading_bytes, walk->position);
    op_move(&load->op, LOAD_TAKE);
    return OP_WAIT;
}

/* Without memory for the block the readers are told to try later. */
static enum op_progress keep_run(struct cold_load *load)
{
    const struct cold_walk *walk = &load->walk;
    struct cold_block block = {
        .log = load->log,
        .segment = load->segment,
        .chunk = load->chunk,
        .position = walk->position + walk->run_at,
        .data_at = (uint32_t)walk->run_at,
        .size_bytes = (uint32_t)walk->run_bytes,
        .frame_count = walk->run_count,
        .base_offset = walk->run_base,
        .next_offset = walk->run_next,
    };
    if (load->cached.file != NULL && !load->needs_memory && paged_keep(&block, &load->cached))
        return end_with(load, STATUS_OK);
    bool is_kept = cold_block_add(&block);
    if (is_kept)
        load->chunk = NULL;
    return end_with(load, is_kept ? STATUS_OK : STATUS_NO_MEMORY);
}

static enum op_progress pass_gap(struct cold_load *load)
{
    const struct cold_walk *walk = &load->walk;
    load->resume_offset = walk->run_bytes > 0 ? walk->run_base : walk->end_offset;
    assert(load->resume_offset > walk->offset);
    return walk->run_bytes > 0 ? keep_run(load) : move_to(load, LOAD_END);
}

/* Before anything is called damaged, the frames themselves say where they are. While some wait to
 * be written the index is as the appends have left it, which is as good. */
static enum op_progress doubt_index(struct cold_load *load)
{
    struct segment *segment = load->segment;
    assert(!load->walk.trusts_index);
    if (segment->indexed_from != 0 && !load->needs_whole_index) {
        load->needs_whole_index = true;
        return move_to(load, LOAD_START);
    }
    if (readable_bytes(load->log, segment) < segment->size_bytes) {
        load->walk.trusts_index = true;
        return OP_AGAIN;
    }
    if (!segment->index_is_proved)
        index_doubt(load->log, segment);
    return move_to(load, LOAD_START);
}

static enum op_progress load_take(struct cold_load *load)
{
    cold_turn_end(load->log->store, &load->turn);
    if (load->op.error != 0)
        return end_with(load, (enum status)load->op.error);
    if (load->segment->is_retired)
        return move_to(load, LOAD_END);
    uint32_t size = (uint32_t)load->request.completion.result;
    bool is_last = size < load->reading_bytes;
    struct bytes reading = bytes_of(load->chunk->data, size - size % FRAME_ALIGNMENT);
    switch (cold_walk_take(&load->walk, reading, is_last)) {
    case WALK_FOUND: return keep_run(load);
    case WALK_GAP: return pass_gap(load);
    case WALK_DAMAGED: return end_in_damage(load, load->walk.damage_position);
    case WALK_PASSED: note_damage(load, load->walk.damage_position); return OP_AGAIN;
    case WALK_MORE: return move_to(load, LOAD_READ);
    case WALK_DOUBTFUL: return doubt_index(load);
    }
    unreachable();
}

static void wake(struct cold_load *load)
{
    struct list waiting;
    struct list_node *node;
    list_init(&waiting);
    list_append(&waiting, &load->waiting);
    while ((node = list_pop_front(&waiting)) != NULL) {
        struct log_read *read = container_of(node, struct log_read, waiting);
        if (load->resume_offset >= 0)
            read->next_offset = load->resume_offset;
        log_read_resume(load->log, read, load->status);
    }
}

static enum op_progress load_end(struct cold_load *load)
{
    struct log *log = load->log;
    struct store *store = log->store;
    cold_turn_end(store, &load->turn);
    if (load->chunk != NULL)
        chunk_release(load->chunk, store->io);
    if (load->file.file != NULL)
        cold_file_release(&load->file);
    if (load->cached.file != NULL)
        cold_file_release(&load->cached);
    if (load->segment->is_retired) {
        load->status = STATUS_OK; /* the readers look again: the offset lies elsewhere or nowhere */
        load->resume_offset = -1;
    }
    list_remove(&load->node);
    wake(load);
    segment_release(load->segment);
    free(load);
    cold_trim(store);
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
    case LOAD_START: return load_start(load);
    case LOAD_READY: return load_ready(load);
    case LOAD_PAGE: return move_to(load, LOAD_READ);
    case LOAD_READ: return load_read(load);
    case LOAD_TAKE: return load_take(load);
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
        cold_turn_drop(&load->turn);
        if (load->chunk != NULL)
            chunk_release(load->chunk, log->store->io);
        segment_release(load->segment);
        free(load);
    }
}

/* --- Asking ----------------------------------------------------------------------------------- */

static struct cold_load *find_load(const struct log *log, int64_t offset)
{
    struct cold_load *load;
    list_for_each_entry (load, &log->loads, node) {
        if (load->walk.offset == offset)
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
    load->walk.offset = offset;
    load->resume_offset = -1;
    list_init(&load->waiting);
    cold_turn_init(&load->turn, turn_landed);
    list_push_back(&log->loads, &load->node);
    log->busy_count++;
    return load;
}

static void wait_for(struct cold_load *load, struct log_read *read)
{
    if (load->wanted_bytes < read->size_bytes_max)
        load->wanted_bytes = read->size_bytes_max;
    load->needs_memory |= read->needs_memory;
    list_push_back(&load->waiting, &read->waiting);
}

void cold_wait(struct log *log, struct log_read *read)
{
    assert(read->piece_count == 0);
    assert(log->deletion == NULL);
    uint32_t index;
    if (log->segment_count > 0 && log_find_segment(log, read->next_offset, &index) == NULL) {
        read->next_offset = log->segments[0]->base_offset; /* all before was cleaned away */
        log_read_resume(log, read, STATUS_OK);
        return;
    }
    struct cold_load *load = find_load(log, read->next_offset);
    if (load != NULL) {
        wait_for(load, read);
        return;
    }
    load = make_load(log, read->next_offset);
    if (load == NULL) {
        io_land(log->store->io, &read->completion, STATUS_NO_MEMORY);
        return;
    }
    wait_for(load, read);
    op_start(&load->op, &load_kind, io_ops(log->store->io));
}

void cold_prefetch(struct log *log, int64_t offset)
{
    struct store *store = log->store;
    bool is_on_disk_only = offset < log->written_offset && log_is_before_memory(log, offset);
    if (!is_on_disk_only || store->cold_step_bytes == 0 || log->deletion != NULL ||
        find_load(log, offset) != NULL || cold_block_has(log, offset) ||
        store->chunks.used_bytes + COLD_BLOCK_SIZE > store->chunks.limit_bytes)
        return;
    struct cold_load *load = make_load(log, offset);
    if (load != NULL)
        op_start(&load->op, &load_kind, io_ops(store->io));
}
