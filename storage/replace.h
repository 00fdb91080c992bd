/* Replaces a small file from the loop: temporary file, write, sync, rename, sync of the directory.
 * After a crash there is the old content or the new one. */
#ifndef TAILRACE_STORAGE_REPLACE_H
#define TAILRACE_STORAGE_REPLACE_H

#include "base/op.h"
#include "io/io.h"
#include "storage/path.h"

struct replace {
    struct op op;
    struct io *io;
    struct io_request request;
    int32_t handle;
    struct bytes content;
    struct completion *done;
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
    char directory[PATH_SIZE];
};

/* `path` is copied; the content must stay until `done` has landed, with STATUS_OK or an error. */
void replace_start(struct replace *replace, struct io *io, const char *path, struct bytes content,
                   struct completion *done);

#endif
