/* The directory is synced after the rename and not only the file before it: without that, a power
 * cut may bring the old name back although the caller was told that the new content is there. */
#include "cluster/file_save.h"

#include "base/assert.h"

#include <stdio.h>

enum { FILE_BYTES_MAX = 1024 * 1024 * 1024 };

void file_path(char path[static FILE_PATH_MAX], const char *directory, const char *name)
{
    assert(directory != NULL);
    assert(name != NULL);
    int size = snprintf(path, FILE_PATH_MAX, "%s/%s", directory, name);
    assert(size > 0);
    assert(size < FILE_PATH_MAX);
}

static void make_paths(struct file_save *save, const char *directory, const char *name)
{
    int size = snprintf(save->new_path, FILE_PATH_MAX, "%s/%s.new", directory, name);
    assert(size > 0);
    assert(size < FILE_PATH_MAX);
    file_path(save->path, directory, name);
    save->directory = directory;
}

/* --- As an operation -------------------------------------------------------------------------- */

enum { SAVE_OPEN, SAVE_WRITE, SAVE_CLOSE, SAVE_RENAME, SAVE_REMOVE, SAVE_SYNC, SAVE_DONE };

static const struct op_stage save_stages[] = {
    [SAVE_OPEN] = {"open", 0},
    [SAVE_WRITE] = {"write", AFTER(SAVE_OPEN)},
    [SAVE_CLOSE] = {"close", AFTER(SAVE_WRITE)},
    [SAVE_RENAME] = {"rename", AFTER(SAVE_CLOSE)},
    [SAVE_REMOVE] = {"remove", AFTER(SAVE_RENAME)},
    [SAVE_SYNC] = {"sync", AFTER(SAVE_RENAME)},
    [SAVE_DONE] = {"done", AFTER(SAVE_WRITE) | AFTER(SAVE_REMOVE) | AFTER(SAVE_SYNC)},
};

static void save_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    op_landed(&container_of(request, struct file_save, request)->op, result);
}

static void save_expect(struct file_save *save)
{
    completion_init(&save->request.completion, save_landed);
    op_expect(&save->op);
}

static enum op_progress save_begin(struct file_save *save)
{
    assert(save->handle < 0);
    op_move(&save->op, SAVE_WRITE);
    save_expect(save);
    io_open(save->io, &save->request, save->new_path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    return OP_WAIT;
}

static enum op_progress save_write(struct file_save *save)
{
    assert(save->handle < 0);
    if (save->op.error != 0) {
        op_move(&save->op, SAVE_DONE);
        return OP_AGAIN;
    }
    save->handle = save->request.completion.result;
    op_move(&save->op, SAVE_CLOSE);
    save_expect(save);
    io_write_durable(save->io, &save->request, save->handle, save->content.data,
                     (uint32_t)save->content.size, 0);
    return OP_WAIT;
}

/* Closed before the rename, also after a failed write: the handle must not outlive the operation.
 */
static enum op_progress save_close(struct file_save *save)
{
    assert(save->handle >= 0);
    op_move(&save->op, SAVE_RENAME);
    save_expect(save);
    io_close(save->io, &save->request, save->handle);
    save->handle = -1;
    return OP_WAIT;
}

/* What could not be written, for want of space perhaps, does not stay to take the rest of it. */
static enum op_progress save_rename(struct file_save *save)
{
    assert(save->handle < 0);
    if (save->op.error != 0) {
        op_move(&save->op, SAVE_REMOVE);
        save_expect(save);
        io_unlink(save->io, &save->request, save->new_path);
        return OP_WAIT;
    }
    op_move(&save->op, SAVE_SYNC);
    save_expect(save);
    io_rename(save->io, &save->request, save->new_path, save->path);
    return OP_WAIT;
}

/* Without it a power cut may bring back the old name after the caller was told of the new content.
 */
static enum op_progress save_sync(struct file_save *save)
{
    op_move(&save->op, SAVE_DONE);
    if (save->op.error != 0)
        return OP_AGAIN;
    save_expect(save);
    io_sync_directory(save->io, &save->request, save->directory);
    return OP_WAIT;
}

static enum op_progress save_step(struct op *op)
{
    struct file_save *save = container_of(op, struct file_save, op);
    switch (op->stage) {
    case SAVE_OPEN: return save_begin(save);
    case SAVE_WRITE: return save_write(save);
    case SAVE_CLOSE: return save_close(save);
    case SAVE_RENAME: return save_rename(save);
    case SAVE_REMOVE: op_move(op, SAVE_DONE); return OP_AGAIN;
    case SAVE_SYNC: return save_sync(save);
    case SAVE_DONE: io_land(save->io, save->done, op->error); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind save_kind = {"file-save", save_step, save_stages};

void file_save_start(struct file_save *save, struct io *io, const char *directory, const char *name,
                     struct bytes content, struct completion *done)
{
    assert(done->landed != NULL);
    assert(content.size > 0);
    assert(content.size <= FILE_BYTES_MAX);
    make_paths(save, directory, name);
    save->io = io;
    save->content = content;
    save->done = done;
    save->handle = -1;
    op_start(&save->op, &save_kind, io_ops(io));
}

/* --- Blocking --------------------------------------------------------------------------------- */

static enum status await_status(struct io *io, struct io_request *request)
{
    int32_t result = io_await(io, request);
    return result < 0 ? (enum status)result : STATUS_OK;
}

/* The file is closed whatever became of the write; the write's own error is the one that is told.
 */
static enum status write_new_await(struct io *io, struct file_save *save, struct bytes content)
{
    assert(content.data != NULL);
    struct io_request *request = &save->request;
    io_open(io, request, save->new_path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    int32_t handle = io_await(io, request);
    if (handle < 0)
        return (enum status)handle;
    io_write_durable(io, request, handle, content.data, (uint32_t)content.size, 0);
    enum status written = await_status(io, request);
    io_close(io, request, handle);
    enum status closed = await_status(io, request);
    return written != STATUS_OK ? written : closed;
}

enum status file_save_await(struct io *io, const char *directory, const char *name,
                            struct bytes content)
{
    assert(content.size <= FILE_BYTES_MAX);
    struct file_save save = {0};
    assert(content.size > 0);
    make_paths(&save, directory, name);
    enum status status = write_new_await(io, &save, content);
    if (status != STATUS_OK)
        return status;
    io_rename(io, &save.request, save.new_path, save.path);
    status = await_status(io, &save.request);
    if (status != STATUS_OK)
        return status;
    io_sync_directory(io, &save.request, directory);
    return await_status(io, &save.request);
}

static enum status load_open_await(struct io *io, int32_t handle, struct arena *arena,
                                   struct bytes *content)
{
    assert(handle >= 0);
    struct io_request request = {0};
    io_file_size(io, &request, handle);
    enum status status = await_status(io, &request);
    uint64_t size = request.range.size_bytes;
    if (status != STATUS_OK)
        return status;
    if (size > FILE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    uint8_t *bytes = arena_allocate(arena, size);
    if (bytes == NULL)
        return STATUS_NO_MEMORY;
    *content = bytes_of(bytes, size);
    if (size == 0)
        return STATUS_OK;
    io_read(io, &request, handle, bytes, (uint32_t)size, 0);
    int32_t count = io_await(io, &request);
    if (count < 0)
        return (enum status)count;
    return (uint64_t)count == size ? STATUS_OK : STATUS_TRUNCATED;
}

/* An error of the close is of no interest: nothing was written. */
enum status file_load_await(struct io *io, const char *path, struct arena *arena,
                            struct bytes *content)
{
    assert(path != NULL);
    assert(content != NULL);
    struct io_request request = {0};
    io_open(io, &request, path, IO_OPEN_READ_ONLY);
    int32_t handle = io_await(io, &request);
    if (handle < 0)
        return (enum status)handle;
    enum status status = load_open_await(io, handle, arena, content);
    io_close(io, &request, handle);
    (void)io_await(io, &request);
    return status;
}
