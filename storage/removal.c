#include "storage/removal.h"

#include "base/assert.h"

/* --- One file ---------------------------------------------------------------------------------
 *
 *   OPEN ──▶ SIZE ──▶ CUT ◀──▶ SYNC (slice by slice)
 *     │                └──▶ CLOSE ──▶ UNLINK ──▶ END
 *     └ not there ────────────────────────────────▲
 */
enum removal_stage {
    REMOVAL_OPEN,
    REMOVAL_SIZE,
    REMOVAL_CUT,
    REMOVAL_SYNC,
    REMOVAL_CLOSE,
    REMOVAL_UNLINK,
    REMOVAL_END
};

static const struct op_stage removal_stages[] = {
    [REMOVAL_OPEN] = {"open", 0},
    [REMOVAL_SIZE] = {"size", AFTER(REMOVAL_OPEN)},
    [REMOVAL_CUT] = {"cut", AFTER(REMOVAL_SIZE) | AFTER(REMOVAL_SYNC)},
    [REMOVAL_SYNC] = {"sync", AFTER(REMOVAL_CUT)},
    [REMOVAL_CLOSE] = {"close", AFTER(REMOVAL_CUT)},
    [REMOVAL_UNLINK] = {"unlink", AFTER(REMOVAL_CLOSE)},
    [REMOVAL_END] = {"end", AFTER(REMOVAL_SIZE) | AFTER(REMOVAL_UNLINK)},
};

static void removal_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct removal, request.completion)->op, result);
}

static struct io_request *removal_expect(struct removal *removal)
{
    completion_init(&removal->request.completion, removal_landed);
    op_expect(&removal->op);
    return &removal->request;
}

static enum op_progress removal_wait_in(struct removal *removal, enum removal_stage stage)
{
    op_move(&removal->op, stage);
    return OP_WAIT;
}

static enum op_progress removal_move_to(struct removal *removal, enum removal_stage stage)
{
    op_move(&removal->op, stage);
    return OP_AGAIN;
}

static enum op_progress removal_open(struct removal *removal)
{
    io_open(removal->io, removal_expect(removal), removal->path, 0);
    return removal_wait_in(removal, REMOVAL_SIZE);
}

static enum op_progress removal_size(struct removal *removal)
{
    if (removal->op.error != 0) {
        if (removal->op.error == STATUS_NOT_FOUND)
            removal->op.error = STATUS_OK;
        return removal_move_to(removal, REMOVAL_END);
    }
    removal->handle = removal->request.completion.result;
    io_file_size(removal->io, removal_expect(removal), removal->handle);
    return removal_wait_in(removal, REMOVAL_CUT);
}

static enum op_progress removal_cut(struct removal *removal)
{
    if (removal->size_bytes == UINT64_MAX)
        removal->size_bytes = removal->op.error != 0 ? 0 : removal->request.range.size_bytes;
    bool is_small = removal->size_bytes <= REMOVAL_SLICE_BYTES;
    if (removal->op.error != 0 || removal->is_unwanted || is_small) {
        io_close(removal->io, removal_expect(removal), removal->handle);
        return removal_wait_in(removal, REMOVAL_CLOSE);
    }
    removal->size_bytes -= REMOVAL_SLICE_BYTES;
    io_truncate(removal->io, removal_expect(removal), removal->handle, removal->size_bytes);
    return removal_wait_in(removal, REMOVAL_SYNC);
}

static enum op_progress removal_sync(struct removal *removal)
{
    if (removal->op.error != 0)
        return removal_move_to(removal, REMOVAL_CUT);
    io_sync(removal->io, removal_expect(removal), removal->handle);
    return removal_wait_in(removal, REMOVAL_CUT);
}

static enum op_progress removal_close(struct removal *removal)
{
    if (removal->op.error != 0 || removal->is_unwanted)
        return removal_move_to(removal, REMOVAL_UNLINK);
    assert(removal->size_bytes <= REMOVAL_SLICE_BYTES);
    io_unlink(removal->io, removal_expect(removal), removal->path);
    return removal_wait_in(removal, REMOVAL_UNLINK);
}

static enum op_progress removal_end(struct removal *removal)
{
    int32_t result = removal->op.error;
    if (result == STATUS_OK && removal->is_unwanted)
        result = STATUS_CANCELLED;
    io_land(removal->io, removal->done, result);
    return OP_DONE;
}

static enum op_progress removal_step(struct op *op)
{
    struct removal *removal = container_of(op, struct removal, op);
    switch ((enum removal_stage)op->stage) {
    case REMOVAL_OPEN: return removal_open(removal);
    case REMOVAL_SIZE: return removal_size(removal);
    case REMOVAL_CUT: return removal_cut(removal);
    case REMOVAL_SYNC: return removal_sync(removal);
    case REMOVAL_CLOSE: return removal_close(removal);
    case REMOVAL_UNLINK: return removal_move_to(removal, REMOVAL_END);
    case REMOVAL_END: return removal_end(removal);
    }
    unreachable();
}

static const struct op_kind removal_kind = {"removal", removal_step, removal_stages};

void removal_start(struct removal *removal, struct io *io, const char *path,
                   struct completion *done)
{
    assert(done->landed != NULL);
    removal->io = io;
    removal->handle = -1;
    removal->size_bytes = UINT64_MAX;
    removal->is_unwanted = false;
    removal->done = done;
    path_copy(path, removal->path);
    op_start(&removal->op, &removal_kind, io_ops(io));
}

/* --- A directory ------------------------------------------------------------------------------
 *
 *   LIST ──▶ FILE (one after the other) ──▶ SELF ──▶ PARENT ──▶ END
 *     └ not there, an error, or unwanted ─────────────────────▲
 */
enum directory_stage {
    DIRECTORY_LIST,
    DIRECTORY_FILE,
    DIRECTORY_SELF,
    DIRECTORY_PARENT,
    DIRECTORY_END
};

static const struct op_stage directory_stages[] = {
    [DIRECTORY_LIST] = {"list", 0},
    [DIRECTORY_FILE] = {"file", AFTER(DIRECTORY_LIST) | AFTER(DIRECTORY_FILE)},
    [DIRECTORY_SELF] = {"self", AFTER(DIRECTORY_FILE)},
    [DIRECTORY_PARENT] = {"parent", AFTER(DIRECTORY_SELF)},
    [DIRECTORY_END] = {"end",
                       AFTER(DIRECTORY_FILE) | AFTER(DIRECTORY_SELF) | AFTER(DIRECTORY_PARENT)},
};

enum { LISTING_BYTES_MAX = 16 << 20 };

static void directory_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct directory_removal, request.completion)->op, result);
}

static struct io_request *directory_expect(struct directory_removal *removal)
{
    completion_init(&removal->request.completion, directory_landed);
    op_expect(&removal->op);
    return &removal->request;
}

static enum op_progress directory_wait_in(struct directory_removal *removal,
                                          enum directory_stage stage)
{
    op_move(&removal->op, stage);
    return OP_WAIT;
}

static enum op_progress directory_list(struct directory_removal *removal)
{
    io_list_directory(removal->io, directory_expect(removal), removal->path, &removal->arena);
    return directory_wait_in(removal, DIRECTORY_FILE);
}

static void file_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct directory_removal, file_done)->op, result);
}

/* The listing stays in the request until the last file has gone: each file has a request of its
 * own. */
static enum op_progress directory_file(struct directory_removal *removal)
{
    if (removal->op.error != 0 || removal->is_unwanted) {
        op_move(&removal->op, DIRECTORY_END);
        return OP_AGAIN;
    }
    if (removal->entry_index == removal->request.listing.entry_count) {
        io_remove_directory(removal->io, directory_expect(removal), removal->path);
        return directory_wait_in(removal, DIRECTORY_SELF);
    }
    const struct io_entry *entry = &removal->request.listing.entries[removal->entry_index++];
    path_join(removal->path, entry->name, removal->entry_path);
    completion_init(&removal->file_done, file_landed);
    op_expect(&removal->op);
    op_move(&removal->op, DIRECTORY_FILE);
    removal_start(&removal->file, removal->io, removal->entry_path, &removal->file_done);
    return OP_WAIT;
}

/* The directory above goes with the last in it, and need not. */
static enum op_progress directory_self(struct directory_removal *removal)
{
    if (removal->op.error != 0) {
        op_move(&removal->op, DIRECTORY_END);
        return OP_AGAIN;
    }
    path_parent(removal->path, removal->entry_path);
    io_remove_directory(removal->io, directory_expect(removal), removal->entry_path);
    return directory_wait_in(removal, DIRECTORY_PARENT);
}

static enum op_progress directory_parent(struct directory_removal *removal)
{
    removal->op.error = STATUS_OK;
    op_move(&removal->op, DIRECTORY_END);
    return OP_AGAIN;
}

static enum op_progress directory_end(struct directory_removal *removal)
{
    int32_t result = removal->op.error;
    if (result == STATUS_NOT_FOUND)
        result = STATUS_OK;
    if (result == STATUS_OK && removal->is_unwanted)
        result = STATUS_CANCELLED;
    arena_deinit(&removal->arena);
    io_land(removal->io, removal->done, result);
    return OP_DONE;
}

static enum op_progress directory_step(struct op *op)
{
    struct directory_removal *removal = container_of(op, struct directory_removal, op);
    switch ((enum directory_stage)op->stage) {
    case DIRECTORY_LIST: return directory_list(removal);
    case DIRECTORY_FILE: return directory_file(removal);
    case DIRECTORY_SELF: return directory_self(removal);
    case DIRECTORY_PARENT: return directory_parent(removal);
    case DIRECTORY_END: return directory_end(removal);
    }
    unreachable();
}

static const struct op_kind directory_kind = {"directory-removal", directory_step,
                                              directory_stages};

void directory_removal_start(struct directory_removal *removal, struct io *io, const char *path,
                             struct completion *done)
{
    assert(done->landed != NULL);
    removal->io = io;
    removal->entry_index = 0;
    removal->is_unwanted = false;
    removal->done = done;
    path_copy(path, removal->path);
    arena_init(&removal->arena, LISTING_BYTES_MAX);
    op_start(&removal->op, &directory_kind, io_ops(io));
}

void directory_removal_cancel(struct directory_removal *removal)
{
    removal->is_unwanted = true;
    removal->file.is_unwanted = true;
}

void directory_removal_drop(struct directory_removal *removal)
{
    arena_deinit(&removal->arena);
}
