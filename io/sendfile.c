/* sendfile(2) hands the socket the pages of the cache themselves. It waits for the disk where a
 * page is missing, so cachestat(2) is asked first. Where there is no cachestat (before Linux 6.5,
 * or forbidden) every range goes by a worker: a copy more, and right all the same. */
#include "io/sendfile.h"

#include "base/assert.h"
#include "io/io_backend.h"
#include "io/socket.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOAD_SIZE = 64 * 1024,
    RUN_SIZE_MAX = 1024 * 1024,
    RUN_GAP_MAX = 2 * IO_BLOCK_SIZE, /* the end of one block and the head of a frame */
};

/* --- The page cache ----------------------------------------------------------------------------
 */

/* Of Linux 6.5, which the system's headers may not know. */
enum { CACHESTAT_CALL = 451 };

struct cachestat_range {
    uint64_t offset;
    uint64_t size_bytes;
};

struct cachestat {
    uint64_t cached_pages;
    uint64_t dirty_pages;
    uint64_t writeback_pages;
    uint64_t evicted_pages;
    uint64_t recently_evicted_pages;
};

/* The rest of the piece that comes next. */
struct rest {
    int32_t handle;
    uint64_t offset;
    size_t size_bytes;
};

static struct rest rest_of(const struct io_request *request)
{
    const struct bytes *piece = &request->send.pieces[request->send.piece_index];
    const struct io_file_range *range = &request->send.ranges[request->send.range_index];
    assert(io_piece_is_in_file(piece));
    assert(request->send.piece_done < piece->size);
    return (struct rest){.handle = range->handle,
                         .offset = range->offset + request->send.piece_done,
                         .size_bytes = piece->size - request->send.piece_done};
}

static bool is_cached(const struct rest *rest)
{
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = rest->offset / page_size;
    uint64_t last = (rest->offset + rest->size_bytes - 1) / page_size;
    struct cachestat_range range = {rest->offset, rest->size_bytes};
    struct cachestat found = {0};
    if (syscall(CACHESTAT_CALL, rest->handle, &range, &found, 0) != 0)
        return false;
    return found.cached_pages >= last - first + 1;
}

/* Adds to the run the pieces behind it, as far as they lie in the same file and begin where it
 * ends, give or take what lies between two frames. Answers how many pieces it has. */
static uint32_t extend(const struct io_request *request, struct rest *run)
{
    uint32_t count = 1;
    const struct bytes *piece = &request->send.pieces[request->send.piece_index + 1];
    const struct bytes *end = &request->send.pieces[request->send.piece_count];
    const struct io_file_range *range = &request->send.ranges[request->send.range_index + 1];
    for (; piece < end && io_piece_is_in_file(piece); piece++, range++, count++) {
        uint64_t run_end = run->offset + run->size_bytes;
        bool is_next = range->handle == run->handle && range->offset >= run_end &&
                       range->offset - run_end < RUN_GAP_MAX && run->size_bytes < RUN_SIZE_MAX;
        if (!is_next)
            break;
        run->size_bytes = range->offset + piece->size - run->offset;
    }
    return count;
}

/* Asks for as much at once as lies together, for asking costs as much as sending a little. Ranges
 * before `*known_index` have been found there. The first range that a worker has just read is not
 * asked about again: with very little memory it may be gone once more, and nothing would ever be
 * sent. */
static bool may_send(const struct io_request *request, const struct rest *rest,
                     uint32_t *known_index)
{
    uint32_t index = request->send.range_index;
    if (index < *known_index || request->backend_word == index + 1)
        return true;
    struct rest run = *rest;
    uint32_t count = extend(request, &run);
    if (is_cached(&run))
        *known_index = index + count;
    return index < *known_index || (count > 1 && is_cached(rest));
}

/* All of the run, for where one range has gone from the cache its neighbours tend to have gone as
 * well, and each would take a worker of its own. */
int32_t sendfile_load(struct io_request *request)
{
    assert(request->kind == IO_SENDFILE);
    uint8_t bytes[LOAD_SIZE];
    struct rest rest = rest_of(request);
    extend(request, &rest);
    while (rest.size_bytes > 0) {
        size_t size = rest.size_bytes < sizeof bytes ? rest.size_bytes : sizeof bytes;
        ssize_t moved = pread(rest.handle, bytes, size, (off_t)rest.offset);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return moved < 0 ? status_from_errno(errno) : STATUS_IO;
        rest.offset += (size_t)moved;
        rest.size_bytes -= (size_t)moved;
    }
    request->backend_word = request->send.range_index + 1;
    return 0;
}

/* --- Sending -----------------------------------------------------------------------------------
 */

static bool is_in_file(const struct io_request *request)
{
    return io_piece_is_in_file(&request->send.pieces[request->send.piece_index]);
}

/* How many pieces from the next one on lie in memory. */
static uint32_t count_in_memory(const struct io_request *request)
{
    uint32_t end = request->send.piece_index;
    while (end < request->send.piece_count && !io_piece_is_in_file(&request->send.pieces[end]))
        end++;
    return end - request->send.piece_index;
}

/* What follows from a file joins it in one segment. */
static ssize_t send_memory(const struct io_request *request)
{
    uint32_t count = count_in_memory(request);
    bool is_begun = request->send.piece_done > 0;
    uint32_t end = request->send.piece_index + (is_begun ? 1 : count);
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    if (end < request->send.piece_count)
        flags |= MSG_MORE;
    if (is_begun) {
        struct bytes rest = socket_piece_rest(request);
        return send(request->handle, rest.data, rest.size, flags);
    }
    struct msghdr message;
    socket_message(request, &message);
    if (message.msg_iovlen > count)
        message.msg_iovlen = count;
    return sendmsg(request->handle, &message, flags);
}

static ssize_t send_range(const struct io_request *request, const struct rest *rest,
                          size_t step_size)
{
    off_t offset = (off_t)rest->offset;
    size_t size = rest->size_bytes < step_size ? rest->size_bytes : step_size;
    return sendfile(request->handle, rest->handle, &offset, size);
}

/* A file that ends too early is as good as one that cannot be read. */
static int32_t send_next(const struct io_request *request, size_t step_size, uint32_t *known_index)
{
    ssize_t size;
    if (is_in_file(request)) {
        struct rest rest = rest_of(request);
        if (!may_send(request, &rest, known_index))
            return SENDFILE_LOAD;
        size = send_range(request, &rest, step_size);
        if (size == 0)
            return STATUS_IO;
    } else {
        size = send_memory(request);
    }
    if (size >= 0)
        return (int32_t)size;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return SENDFILE_WAIT;
    return errno == EINTR ? 0 : socket_error(errno);
}

/* A range hardly ever ends with a full segment, and each that is not full would go alone, and wake
 * the receiver for a few bytes. Held back, it goes with what comes next. */
int32_t sendfile_attempt(struct io_request *request, size_t step_size, uint32_t *known_index)
{
    assert(request->kind == IO_SENDFILE);
    assert(step_size > 0);
    int32_t result;
    size_t before_bytes = request->send.sent_bytes;
    if (before_bytes == 0)
        socket_cork(request->handle, true);
    do {
        if (request->send.sent_bytes - before_bytes >= step_size)
            return SENDFILE_LATER;
        result = send_next(request, step_size, known_index);
        if (result == SENDFILE_WAIT || result == SENDFILE_LOAD)
            return result;
    } while (!io_advance(request, &result));
    socket_cork(request->handle, false);
    return result;
}
