/* A file of the broker, read in large pieces from wherever one wants: past the page cache where the
 * file system allows it, because what is asked is what the disk holds. Positions are multiples of a
 * block. What the disk cannot read is filled with a byte that begins no format, and counted: so a
 * bad sector is damage like any other, and reading goes on behind it. */
#ifndef TAILRACE_CLI_FILE_WINDOW_H
#define TAILRACE_CLI_FILE_WINDOW_H

#include "base/bytes.h"
#include "base/status.h"

enum { FILE_BLOCK_SIZE = 4096, FILE_WINDOW_SIZE = 1024 * 1024 };

struct file_window {
    int file;
    uint64_t size_bytes;
    uint8_t *buffer;
    size_t capacity;
    uint64_t position; /* in the file, of the buffer's first byte */
    size_t filled_size;
    uint64_t unreadable_count; /* blocks that could not be read, each time they were tried */
};

/* STATUS_OK; on anything else there is nothing to close. */
enum status file_window_open(struct file_window *window, const char *path);
void file_window_close(struct file_window *window);

/* The bytes from `position` on: at least `wanted_size` of them if the file has so many, at least a
 * block if it has one. Valid until the next call. Null bytes without memory. */
struct bytes file_window_at(struct file_window *window, uint64_t position, uint64_t wanted_size);

#endif
