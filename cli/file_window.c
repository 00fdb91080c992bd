#include "cli/file_window.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNREADABLE_BYTE = 0xff };

static uint64_t to_blocks(uint64_t size_bytes)
{
    return (size_bytes + FILE_BLOCK_SIZE - 1) & ~(uint64_t)(FILE_BLOCK_SIZE - 1);
}

enum status file_window_open(struct file_window *window, const char *path)
{
    assert(path != NULL);
    *window = (struct file_window){.file = -1};
    window->file = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (window->file < 0 && errno == EINVAL) /* a file system that has no such reads */
        window->file = open(path, O_RDONLY | O_CLOEXEC);
    if (window->file < 0)
        return status_from_errno(errno);
    struct stat facts;
    bool is_file = fstat(window->file, &facts) == 0 && S_ISREG(facts.st_mode);
    window->capacity = FILE_WINDOW_SIZE;
    if (is_file)
        window->buffer = aligned_alloc(FILE_BLOCK_SIZE, window->capacity);
    if (window->buffer == NULL) {
        close(window->file);
        return is_file ? STATUS_NO_MEMORY : STATUS_INVALID;
    }
    window->size_bytes = (uint64_t)facts.st_size;
    return STATUS_OK;
}

void file_window_close(struct file_window *window)
{
    close(window->file);
    free(window->buffer);
    *window = (struct file_window){.file = -1};
}

static bool grow(struct file_window *window, uint64_t size_bytes)
{
    if (size_bytes <= window->capacity)
        return true;
    uint8_t *buffer = aligned_alloc(FILE_BLOCK_SIZE, size_bytes);
    if (buffer == NULL)
        return false;
    free(window->buffer);
    window->buffer = buffer;
    window->capacity = size_bytes;
    window->filled_size = 0;
    return true;
}

/* One block, or the mark of one that cannot be read. */
static void fill_block(struct file_window *window, uint64_t left_size)
{
    uint8_t *to = window->buffer + window->filled_size;
    size_t size = left_size < FILE_BLOCK_SIZE ? (size_t)left_size : FILE_BLOCK_SIZE;
    ssize_t read_size =
        pread(window->file, to, FILE_BLOCK_SIZE, (off_t)(window->position + window->filled_size));
    if (read_size < (ssize_t)size) {
        memset(to, UNREADABLE_BYTE, size);
        window->unreadable_count++;
    }
    window->filled_size += size;
}

/* In one piece as long as that works, block by block from where it does not. */
static void fill(struct file_window *window, uint64_t position)
{
    assert(position % FILE_BLOCK_SIZE == 0);
    assert(position < window->size_bytes);
    uint64_t end = window->size_bytes - position;
    end = end < window->capacity ? end : window->capacity;
    window->position = position;
    window->filled_size = 0;
    while (window->filled_size < end) {
        size_t done = window->filled_size;
        ssize_t size = done % FILE_BLOCK_SIZE != 0
                           ? -1
                           : pread(window->file, window->buffer + done, to_blocks(end) - done,
                                   (off_t)(position + done));
        if (size > 0)
            window->filled_size += (size_t)size;
        else
            fill_block(window, end - done);
    }
}

struct bytes file_window_at(struct file_window *window, uint64_t position, uint64_t wanted_size)
{
    assert(position % FILE_BLOCK_SIZE == 0);
    if (position >= window->size_bytes)
        return bytes_of(window->buffer, 0);
    uint64_t left_size = window->size_bytes - position;
    uint64_t needed_size = wanted_size < left_size ? wanted_size : left_size;
    needed_size = needed_size < FILE_BLOCK_SIZE ? FILE_BLOCK_SIZE : needed_size;
    if (!grow(window, to_blocks(needed_size)))
        return (struct bytes){0};
    needed_size = needed_size < left_size ? needed_size : left_size;
    bool is_there = position >= window->position &&
                    position + needed_size <= window->position + window->filled_size;
    if (!is_there)
        fill(window, position);
    size_t skipped = (size_t)(position - window->position);
    return bytes_of(window->buffer + skipped, window->filled_size - skipped);
}
