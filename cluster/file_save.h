/* A small file that is there whole or not at all: written under NAME.new, synced, renamed to NAME,
 * and the folder synced.
 *
 *   OPEN ──▶ WRITE ──▶ CLOSE ──▶ RENAME ──▶ SYNC ──▶ DONE
 *     │                            └ not written: REMOVE ▲
 *     └─────────┴────────┴─ error ──┴─────────┴──────────▲
 *
 * As an operation, and as a blocking call for the time before the loops run. Any error is final for
 * the caller: what is on disk then is either the old file or the new one. */
#ifndef TAILRACE_CLUSTER_FILE_SAVE_H
#define TAILRACE_CLUSTER_FILE_SAVE_H

#include "io/io.h"

enum { FILE_PATH_MAX = 4096 };

struct file_save {
    struct op op;
    struct io *io;
    struct io_request request;
    struct completion *done;
    const char *directory;
    struct bytes content; /* the caller's, until it is done */
    int32_t handle;       /* -1: not open */
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];
};

/* `done` lands with 0 or the first error. */
void file_save_start(struct file_save *save, struct io *io, const char *directory, const char *name,
                     struct bytes content, struct completion *done);

enum status file_save_await(struct io *io, const char *directory, const char *name,
                            struct bytes content);

/* DIRECTORY/NAME; asserts that it fits, which the length of the directory's name was checked for.
 */
void file_path(char path[static FILE_PATH_MAX], const char *directory, const char *name);

/* The whole content of a file, from the arena. Blocking. STATUS_TOO_LARGE above 1 GiB. */
enum status file_load_await(struct io *io, const char *path, struct arena *arena,
                            struct bytes *content);

#endif
