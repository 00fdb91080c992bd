/* One function for each kind of request, each a system call and the translation of its answer.
 * Interrupted transfers are repeated, and so are short ones; a failed sync is not: after it, nobody
 * knows which pages the kernel still has. */
#include "io/file_call.h"

#include "base/assert.h"
#include "io/directory.h"
#include "io/io_backend.h"
#include "io/sendfile.h"
#include "io/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The negative status of what just failed. */
static int32_t call_error(void)
{
    assert(errno > 0);
    return status_from_errno(errno);
}

int file_call_open_flags(uint32_t open_flags)
{
    assert((open_flags & IO_OPEN_EXCLUSIVE) == 0 || (open_flags & IO_OPEN_CREATE) != 0);
    int flags = O_CLOEXEC;
    flags |= (open_flags & IO_OPEN_READ_ONLY) != 0 ? O_RDONLY : O_RDWR;
    flags |= (open_flags & IO_OPEN_CREATE) != 0 ? O_CREAT : 0;
    flags |= (open_flags & IO_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
    flags |= (open_flags & IO_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0;
    return flags;
}

static int32_t answer_of(int returned)
{
    return returned < 0 ? call_error() : returned;
}

static int32_t file_call_open(const struct io_request *request)
{
    assert(request->kind == IO_OPEN);
    assert(request->name.path != NULL);
    return answer_of(
        open(request->name.path, file_call_open_flags(request->flags), FILE_CALL_FILE_MODE));
}

/* Linux gives the descriptor back even where close is interrupted: to repeat it would close
 * somebody else's. */
static int32_t file_call_close(const struct io_request *request)
{
    assert(request->handle >= 0);
    if (close(request->handle) == 0 || errno == EINTR)
        return 0;
    return call_error();
}

static ssize_t write_pieces_rest(const struct io_request *request)
{
    struct bytes rest[IO_WRITE_PIECE_COUNT_MAX];
    uint32_t count = io_pieces_rest(request, rest);
    off_t offset = (off_t)(request->transfer.offset + request->transfer.done_bytes);
    return pwritev(request->handle, vector_of(rest), (int)count, offset);
}

static ssize_t transfer_rest(const struct io_request *request)
{
    uint32_t done_bytes = request->transfer.done_bytes;
    assert(request->kind == IO_READ || request->kind == IO_WRITE);
    assert(done_bytes < request->transfer.size_bytes);
    if (request->transfer.pieces != NULL)
        return write_pieces_rest(request);
    uint8_t *buffer = request->transfer.buffer + done_bytes;
    size_t size = request->transfer.size_bytes - done_bytes;
    off_t offset = (off_t)(request->transfer.offset + done_bytes);
    return request->kind == IO_READ ? pread(request->handle, buffer, size, offset)
                                    : pwrite(request->handle, buffer, size, offset);
}

static int32_t file_call_transfer(struct io_request *request)
{
    int32_t result;
    do {
        ssize_t moved;
        do {
            moved = transfer_rest(request);
        } while (moved < 0 && errno == EINTR);
        result = moved < 0 ? call_error() : (int32_t)moved;
    } while (!io_advance(request, &result));

    if (result >= 0 && (request->flags & IO_FLAG_SYNC) != 0 && fdatasync(request->handle) != 0)
        return call_error();
    return result;
}

static int32_t file_call_sync_directory(const struct io_request *request)
{
    assert(request->name.path != NULL);
    int fd = open(request->name.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return call_error();
    int32_t result = answer_of(fsync(fd));
    close(fd);
    return result;
}

static int32_t file_call_file_size(struct io_request *request)
{
    struct stat stat;
    assert(request->handle >= 0);
    if (fstat(request->handle, &stat) != 0)
        return call_error();
    assert(stat.st_size >= 0);
    request->range.size_bytes = (uint64_t)stat.st_size;
    return 0;
}

/* Path and answer lie in the same union, at different places. */
static int32_t file_call_free_space(struct io_request *request)
{
    assert(request->name.path != NULL);
    struct statvfs space;
    if (statvfs(request->name.path, &space) != 0)
        return call_error();
    request->space.usable_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    request->space.total_bytes = (uint64_t)space.f_blocks * space.f_frsize;
    return 0;
}

int32_t file_call(struct io_request *request)
{
    assert(!list_node_is_linked(&request->backend_node));
    switch (request->kind) {
    case IO_OPEN: return file_call_open(request);
    case IO_CLOSE: return file_call_close(request);
    case IO_READ:
    case IO_WRITE: return file_call_transfer(request);
    case IO_SYNC: return answer_of(fdatasync(request->handle));
    case IO_ALLOCATE:
        return answer_of(fallocate(request->handle, 0, (off_t)request->range.offset,
                                   (off_t)request->range.size_bytes));
    case IO_TRUNCATE:
        return answer_of(ftruncate(request->handle, (off_t)request->range.size_bytes));
    case IO_RENAME: return answer_of(rename(request->name.path, request->name.to_path));
    case IO_UNLINK: return answer_of(unlink(request->name.path));
    case IO_MAKE_DIRECTORY: return answer_of(mkdir(request->name.path, FILE_CALL_DIRECTORY_MODE));
    case IO_REMOVE_DIRECTORY: return answer_of(rmdir(request->name.path));
    case IO_SYNC_DIRECTORY: return file_call_sync_directory(request);
    case IO_LIST_DIRECTORY: return directory_read(request);
    case IO_FILE_SIZE: return file_call_file_size(request);
    case IO_FREE_SPACE: return file_call_free_space(request);
    case IO_SENDFILE: return sendfile_load(request);
    case IO_ACCEPT:
    case IO_CONNECT:
    case IO_RECEIVE:
    case IO_SEND:
    case IO_SIGNAL: break; /* never blocking, never here */
    }
    unreachable();
}
