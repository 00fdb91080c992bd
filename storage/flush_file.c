/* The file of the segment that is written: found or made, opened, made longer, cut and closed. */
#include "storage/flush_parts.h"

#include "base/assert.h"
#include "storage/index.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

enum { ALLOCATE_STEP_MIN = 64 * 1024, ALLOCATE_STEP_MAX = 16 * 1024 * 1024 };

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, request.completion)->op, result);
}

static struct io_request *expect(struct flush *flush)
{
    completion_init(&flush->request.completion, request_landed);
    op_expect(&flush->op);
    return &flush->request;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void directory_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, placed)->op, result);
}

static enum op_progress ask_directory(struct flush *flush)
{
    completion_init(&flush->placed, directory_landed);
    op_expect(&flush->op);
    log_directory_start(&flush->directory, flush->store->io, flush->store->directory,
                        &flush->log->id, &flush->placed);
    return flush_wait_in(flush, FLUSH_PLACED);
}

/* What lies there under the name of a segment that does not exist, no state lists: it goes. */
static enum op_progress open_file(struct flush *flush)
{
    struct log *log = flush->log;
    const struct segment *segment = log->write_segment;
    uint32_t flags = IO_OPEN_CREATE | IO_OPEN_DIRECT | (segment->exists ? 0 : IO_OPEN_TRUNCATE);
    path_segment(log->directory, segment->base_offset, segment->generation, flush->path);
    io_open(flush->store->io, expect(flush), flush->path, flags);
    return flush_wait_in(flush, FLUSH_OPENED);
}

static void recycled_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct flush, recycled)->op, result);
}

/* A new segment gets the file of an old one, if there is one for it. */
static enum op_progress ask_file(struct flush *flush)
{
    struct log *log = flush->log;
    completion_init(&flush->recycled, recycled_landed);
    if (log->write_segment->exists ||
        !recycle_start(&flush->recycle, log, log->write_segment, &flush->recycled))
        return open_file(flush);
    op_expect(&flush->op);
    return flush_wait_in(flush, FLUSH_RECYCLED);
}

/* A log gets its directory with its first segment. */
enum op_progress flush_ask_open(struct flush *flush, struct segment *segment)
{
    struct log *log = flush->log;
    assert(log->write_handle < 0);
    segment_retain(segment); /* before the release: it may be the same */
    segment_release(log->write_segment);
    log->write_segment = segment;
    return log->has_directory ? ask_file(flush) : ask_directory(flush);
}

static void note_shortage(struct flush *flush)
{
    flush->is_short_of_space =
        flush->op.error == STATUS_NO_SPACE || flush->op.error == STATUS_NO_FILES;
}

enum op_progress flush_placed(struct flush *flush)
{
    note_shortage(flush);
    if (flush->op.error != 0)
        return flush_back_to_pick(flush);
    flush->log->has_directory = true;
    return ask_file(flush);
}

enum op_progress flush_recycled(struct flush *flush)
{
    if (flush->op.error != 0)
        return flush_back_to_pick(flush);
    if (flush->log->write_segment->exists)
        log_retire_rolled(flush->log);
    return open_file(flush);
}

enum op_progress flush_opened(struct flush *flush)
{
    struct log *log = flush->log;
    struct segment *segment = log->write_segment;
    if (flush->op.error != 0) {
        note_shortage(flush);
        return flush_back_to_pick(flush);
    }
    log->write_handle = flush->request.completion.result;
    flush->store->open_file_count++;
    if (segment->exists)
        return flush_back_to_pick(flush);
    path_copy(log->directory, flush->path);
    io_sync_directory(flush->store->io, expect(flush), flush->path);
    return flush_wait_in(flush, FLUSH_NAMED);
}

enum op_progress flush_named(struct flush *flush)
{
    if (flush->op.error != 0)
        return flush_back_to_pick(flush);
    flush->log->write_segment->exists = true;
    log_retire_rolled(flush->log);
    return flush_back_to_pick(flush);
}

/* --- Reserving -------------------------------------------------------------------------------- */

/* Where there is little left, no more than is needed now. */
static uint64_t allocation_step(const struct store *store, const struct segment *segment,
                                uint64_t needed_bytes)
{
    uint64_t step = segment->allocated_bytes;
    if (store->is_full)
        return needed_bytes - segment->allocated_bytes;
    if (step < ALLOCATE_STEP_MIN)
        step = ALLOCATE_STEP_MIN;
    if (step > ALLOCATE_STEP_MAX)
        step = ALLOCATE_STEP_MAX;
    if (segment->allocated_bytes + step < needed_bytes)
        step = needed_bytes - segment->allocated_bytes;
    return step;
}

enum op_progress flush_ask_allocate(struct flush *flush, struct segment *segment,
                                    uint64_t needed_bytes)
{
    assert(needed_bytes > segment->allocated_bytes);
    flush->step_bytes = allocation_step(flush->store, segment, needed_bytes);
    assert(segment->allocated_bytes + flush->step_bytes >= needed_bytes);
    io_allocate(flush->store->io, expect(flush), flush->log->write_handle, segment->allocated_bytes,
                flush->step_bytes);
    return flush_wait_in(flush, FLUSH_ALLOCATED);
}

enum op_progress flush_allocated(struct flush *flush)
{
    note_shortage(flush);
    if (flush->op.error != 0)
        return flush_back_to_pick(flush);
    flush->log->write_segment->allocated_bytes += flush->step_bytes;
    room_note_allocated(&flush->store->room, flush->step_bytes);
    return flush_back_to_pick(flush);
}

/* --- Cutting and closing ---------------------------------------------------------------------- */

enum op_progress flush_ask_cut(struct flush *flush)
{
    struct log *log = flush->log;
    if (log->write_handle < 0)
        return flush_ask_open(flush, log->write_segment);
    completion_init(&flush->recycled, recycled_landed);
    op_expect(&flush->op);
    recycle_cut_start(&flush->cut, log, &flush->recycled);
    return flush_wait_in(flush, FLUSH_CUT);
}

enum op_progress flush_ask_close(struct flush *flush)
{
    int32_t handle = flush->log->write_handle;
    assert(handle >= 0);
    assert(flush->store->open_file_count > 0);
    flush->log->write_handle = -1;
    flush->store->open_file_count--;
    io_close(flush->store->io, expect(flush), handle);
    return flush_wait_in(flush, FLUSH_CLOSED);
}

enum op_progress flush_closed(struct flush *flush)
{
    struct log *log = flush->log;
    struct segment *segment = log->write_segment;
    if (flush->op.error == 0 && (log->wants_close || segment != log_active_segment(log)))
        index_put_away(log, segment);
    if (flush->op.error == 0)
        log_touch_aborted(log, segment);
    log->wants_close = false;
    return flush_back_to_pick(flush);
}
