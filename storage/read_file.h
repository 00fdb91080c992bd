/* Reads a small file as a whole from the loop: open, size, read, close. */
#ifndef TAILRACE_STORAGE_READ_FILE_H
#define TAILRACE_STORAGE_READ_FILE_H

#include "base/op.h"
#include "io/io.h"

struct read_file {
    struct op op;
    struct io *io;
    struct io_request request;
    const char *path;
    uint64_t size_bytes_max;
    int32_t handle;
    uint8_t *data;
    size_t size_bytes;
    struct completion *done;
};

/* `path` must stay until `done` has landed: with STATUS_OK and the content in `data`, which the
 * caller frees; or with STATUS_NOT_FOUND, STATUS_CORRUPT (larger than `size_bytes_max`, or shorter
 * than its size said), STATUS_NO_MEMORY, STATUS_IO, and no content. */
void read_file_start(struct read_file *file, struct io *io, const char *path,
                     uint64_t size_bytes_max, struct completion *done);

/* Frees what was under way when the node was killed. */
void read_file_drop(struct read_file *file);

#endif
