/* Loading an index, and writing it: one operation for each segment, for all who want it. */
#include "base/assert.h"
#include "storage/cold_file.h"
#include "storage/index.h"
#include "storage/index_file.h"
#include "storage/index_scan.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/read_file.h"
#include "storage/replace.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   START ──▶ TAKE (the file) ──▶ FILE (the segment's) ──▶ SCAN ──▶ SCANNED ──▶ WRITE ──▶ END
 *     │                             └── the index file says it all ─────────────▲
 *     └── whole already: only to be written ────────────────────────────────────▲   */
enum index_stage {
    INDEX_START,
    INDEX_TAKE,
    INDEX_FILE,
    INDEX_SCAN,
    INDEX_SCANNED,
    INDEX_WRITE,
    INDEX_END
};

static const struct op_stage index_stages[] = {
    [INDEX_START] = {"start", 0},
    [INDEX_TAKE] = {"take", AFTER(INDEX_START)},
    [INDEX_FILE] = {"file", AFTER(INDEX_START) | AFTER(INDEX_TAKE)},
    [INDEX_SCAN] = {"scan", AFTER(INDEX_FILE)},
    [INDEX_SCANNED] = {"scanned", AFTER(INDEX_SCAN)},
    [INDEX_WRITE] = {"write", AFTER(INDEX_START) | AFTER(INDEX_FILE) | AFTER(INDEX_SCANNED)},
    [INDEX_END] = {"end", AFTER(INDEX_SCAN) | AFTER(INDEX_SCANNED) | AFTER(INDEX_WRITE)},
};

struct index_load {
    struct op op;
    struct list_node node; /* log->index_loads */
    struct log *log;
    struct segment *segment; /* retained */
    struct list waiting;     /* index_wait */
    bool puts_away;          /* nobody else needs it in memory */
    struct read_file read;
    struct index_scan scan;
    struct cold_use file;
    struct replace replace;
    struct bytes content; /* being written */
    struct completion done;
    uint64_t scanned_from;
    uint64_t writing_bytes;
    char path[PATH_SIZE];
};

static void done_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct index_load, done)->op, result);
}

static void file_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct index_load, file.completion)->op, result);
}

static struct completion *expect(struct index_load *load)
{
    completion_init(&load->done, done_landed);
    op_expect(&load->op);
    return &load->done;
}

static enum op_progress move_to(struct index_load *load, enum index_stage stage)
{
    op_move(&load->op, stage);
    return OP_AGAIN;
}

static enum op_progress wait_in(struct index_load *load, enum index_stage stage)
{
    op_move(&load->op, stage);
    return OP_WAIT;
}

/* --- Loading ---------------------------------------------------------------------------------- */

/* A segment that one reading goes through needs no file. */
static bool is_worth_a_file(const struct segment *segment)
{
    return segment->size_bytes >= INDEX_FILE_WORTH_BYTES;
}

static enum op_progress index_start(struct index_load *load)
{
    struct segment *segment = load->segment;
    if (segment->indexed_from == 0)
        return move_to(load, INDEX_WRITE);
    if (segment->index_is_doubted || !is_worth_a_file(segment))
        return move_to(load, INDEX_FILE);
    read_file_start(&load->read, load->log->store->io, load->path, INDEX_FILE_BYTES_MAX,
                    expect(load));
    return wait_in(load, INDEX_TAKE);
}

/* What the file says, as far as it speaks of frames whose entries are not in memory. */
static enum status take_file(struct index_load *load)
{
    struct segment *segment = load->segment;
    struct frame_place place = log_frame_place(load->log, segment);
    uint64_t covered_bytes;
    enum status status = index_file_decode(bytes_of(load->read.data, load->read.size_bytes), &place,
                                           &load->scan.index, &covered_bytes);
    if (status == STATUS_OK && covered_bytes > segment->indexed_from) {
        frame_index_deinit(&load->scan.index);
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK)
        return status;
    load->scan.position = covered_bytes;
    segment->filed_bytes = covered_bytes;
    segment->index_is_proved = false;
    return STATUS_OK;
}

/* Whatever the matter with the file: the frames know. */
static enum op_progress index_take(struct index_load *load)
{
    const struct log *log = load->log;
    enum status status = (enum status)load->op.error;
    load->op.error = 0;
    if (status == STATUS_OK)
        status = take_file(load);
    read_file_drop(&load->read);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        log_warn(log->store->logger, "index file cannot be used: made anew from the segment",
                 field_text("file", load->path), field_status("error", status));
    return move_to(load, INDEX_FILE);
}

static enum op_progress index_open(struct index_load *load)
{
    if (load->scan.position >= load->segment->indexed_from) {
        segment_complete_index(load->segment, &load->scan.index);
        return move_to(load, INDEX_WRITE);
    }
    completion_init(&load->file.completion, file_landed);
    op_expect(&load->op);
    cold_file_use(load->log, load->segment, COLD_FILE_DIRECT, &load->file);
    return wait_in(load, INDEX_SCAN);
}

/* Without its file the segment is damaged from end to end, which whoever reads it finds; an index
 * without entries leads there. */
static enum op_progress index_nothing(struct index_load *load)
{
    load->op.error = 0;
    frame_index_deinit(&load->scan.index);
    segment_complete_index(load->segment, &load->scan.index);
    return move_to(load, INDEX_END);
}

static enum op_progress index_scan(struct index_load *load)
{
    struct index_scan *scan = &load->scan;
    struct segment *segment = load->segment;
    if (load->op.error == STATUS_NOT_FOUND)
        return index_nothing(load);
    if (load->op.error != 0)
        return move_to(load, INDEX_END);
    const struct frame_index *index = &scan->index;
    scan->store = load->log->store;
    scan->place = log_frame_place(load->log, segment);
    scan->handle = cold_file_handle(&load->file);
    scan->end_position = segment->indexed_from;
    scan->next_offset =
        index->count == 0 ? segment->base_offset : index->entries[index->count - 1].base_offset + 1;
    load->scanned_from = scan->position;
    index_scan_start(scan, expect(load));
    return wait_in(load, INDEX_SCANNED);
}

static enum op_progress index_scanned(struct index_load *load)
{
    struct segment *segment = load->segment;
    cold_file_release(&load->file);
    if (load->op.error != 0)
        return move_to(load, INDEX_END);
    segment_complete_index(segment, &load->scan.index);
    segment->index_is_doubted = false;
    segment->index_is_proved = load->scanned_from == 0;
    return move_to(load, INDEX_WRITE);
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* All of it is synced: what the file says of it stays true, whatever happens. */
static bool is_stable(const struct log *log, const struct segment *segment)
{
    if (segment != log_active_segment(log))
        return log->synced_offset >= log_segment_end(log, segment);
    return log->open == NULL && log->synced_offset == log->end_offset;
}

static bool should_write(const struct log *log, const struct segment *segment)
{
    return is_worth_a_file(segment) && segment->filed_bytes != segment->size_bytes &&
           !segment->is_retired && is_stable(log, segment) && log->deletion == NULL &&
           log->store->failure == STATUS_OK && !log->store->is_full;
}

static enum op_progress index_write(struct index_load *load)
{
    struct log *log = load->log;
    struct segment *segment = load->segment;
    if (!should_write(log, segment))
        return move_to(load, INDEX_END);
    struct frame_place place = log_frame_place(log, segment);
    load->content = index_file_encode(&place, &segment->index, segment->size_bytes);
    if (bytes_are_null(load->content))
        return move_to(load, INDEX_END);
    load->writing_bytes = segment->size_bytes;
    replace_start(&load->replace, log->store->io, load->path, load->content, expect(load));
    return wait_in(load, INDEX_END);
}

/* A lack of space or handles passes, and the index can be made again; every other error of a write
 * or sync is final, also here. */
static void note_written(struct index_load *load)
{
    int32_t error = load->op.error;
    load->op.error = 0;
    if (error == 0)
        load->segment->filed_bytes = load->writing_bytes;
    else if (error != STATUS_NO_SPACE && error != STATUS_NO_FILES)
        store_fail(load->log->store, (enum status)error);
}

/* --- Keeping ---------------------------------------------------------------------------------- */

/* It can be had again for one reading. */
static bool may_go(const struct segment *segment)
{
    return segment->index_load == NULL &&
           (!is_worth_a_file(segment) || segment->filed_bytes == segment->size_bytes);
}

static void leave_list(struct store *store, struct segment *segment)
{
    if (!list_node_is_linked(&segment->index_node))
        return;
    assert(store->index_bytes >= segment->index_bytes);
    store->index_bytes -= segment->index_bytes;
    list_remove(&segment->index_node);
}

/* The one used last stays: somebody is about to use it. */
static void trim(struct store *store)
{
    struct list_node *node;
    while (store->index_bytes > INDEX_BYTES_MAX &&
           (node = list_first(&store->indexes)) != list_last(&store->indexes)) {
        struct segment *segment = container_of(node, struct segment, index_node);
        leave_list(store, segment);
        if (may_go(segment))
            segment_drop_index(segment);
    }
}

void index_touch(struct log *log, struct segment *segment)
{
    struct store *store = log->store;
    leave_list(store, segment);
    if (segment->is_retired || segment->indexed_from != 0 || !may_go(segment))
        return;
    segment->index_bytes = segment->index.capacity * sizeof segment->index.entries[0];
    store->index_bytes += segment->index_bytes;
    list_push_back(&store->indexes, &segment->index_node);
    trim(store);
}

void index_forget(struct log *log, struct segment *segment)
{
    assert(segment->is_retired);
    leave_list(log->store, segment);
}

void index_doubt(struct log *log, struct segment *segment)
{
    assert(!segment->index_is_proved);
    segment->index_is_doubted = true;
    if (segment->index_load != NULL)
        return;
    leave_list(log->store, segment);
    segment->filed_bytes = 0;
    segment_drop_index(segment);
}

/* --- The operation ---------------------------------------------------------------------------- */

static void wake(struct index_load *load, int32_t result)
{
    struct list_node *node;
    while ((node = list_pop_front(&load->waiting)) != NULL)
        io_land(load->log->store->io, &container_of(node, struct index_wait, node)->completion,
                result);
}

static enum op_progress index_end(struct index_load *load)
{
    struct log *log = load->log;
    struct segment *segment = load->segment;
    bool is_wanted = !list_is_empty(&load->waiting);
    if (!bytes_are_null(load->content))
        note_written(load);
    free((void *)load->content.data);
    frame_index_deinit(&load->scan.index);
    segment->index_load = NULL;
    wake(load, load->op.error);
    if (load->puts_away && !is_wanted && may_go(segment))
        segment_drop_index(segment);
    else
        index_touch(log, segment);
    list_remove(&load->node);
    segment_release(segment);
    free(load);
    assert(log->busy_count > 0);
    log->busy_count--;
    struct store *store = log->store;
    log_delete_progressed(log);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress index_step(struct op *op)
{
    struct index_load *load = container_of(op, struct index_load, op);
    switch ((enum index_stage)op->stage) {
    case INDEX_START: return index_start(load);
    case INDEX_TAKE: return index_take(load);
    case INDEX_FILE: return index_open(load);
    case INDEX_SCAN: return index_scan(load);
    case INDEX_SCANNED: return index_scanned(load);
    case INDEX_WRITE: return index_write(load);
    case INDEX_END: return index_end(load);
    }
    unreachable();
}

static const struct op_kind index_kind = {"index-load", index_step, index_stages};

static struct index_load *make(struct log *log, struct segment *segment)
{
    struct index_load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return NULL;
    load->log = log;
    load->segment = segment_retain(segment);
    list_init(&load->waiting);
    path_index(log->directory, segment->base_offset, segment->generation, load->path);
    list_push_back(&log->index_loads, &load->node);
    segment->index_load = load;
    log->busy_count++;
    return load;
}

void index_want(struct log *log, struct segment *segment, struct index_wait *wait)
{
    assert(log->deletion == NULL);
    struct index_load *load = segment->index_load;
    list_node_init(&wait->node);
    if (segment->indexed_from == 0) {
        io_land(log->store->io, &wait->completion, STATUS_OK);
        return;
    }
    bool is_new = load == NULL;
    if (is_new)
        load = make(log, segment);
    if (load == NULL) {
        io_land(log->store->io, &wait->completion, STATUS_NO_MEMORY);
        return;
    }
    list_push_back(&load->waiting, &wait->node);
    if (is_new)
        op_start(&load->op, &index_kind, io_ops(log->store->io));
}

void index_put_away(struct log *log, struct segment *segment)
{
    if (segment->index_load != NULL || segment->is_retired || log->deletion != NULL)
        return;
    if (may_go(segment)) {
        leave_list(log->store, segment);
        segment_drop_index(segment);
        return;
    }
    struct index_load *load = make(log, segment);
    if (load == NULL)
        return;
    load->puts_away = true;
    op_start(&load->op, &index_kind, io_ops(log->store->io));
}

void index_drop_loads(struct log *log)
{
    struct list_node *node;
    while ((node = list_pop_front(&log->index_loads)) != NULL) {
        struct index_load *load = container_of(node, struct index_load, node);
        read_file_drop(&load->read);
        index_scan_drop(&load->scan);
        free((void *)load->content.data);
        segment_release(load->segment);
        free(load);
    }
}
