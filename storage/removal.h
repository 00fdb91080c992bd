/* Files go in slices: taking a large file away at once can keep a disk busy for a quarter of a
 * second, during which nothing is acknowledged, and a file system that tells the disk what is free
 * (the mount option discard) has it do so for as long as 0.2 ms for a MiB, one after the other. So
 * a file is made shorter step by step, other work goes in between, and what is small then is
 * unlinked. Each step is synced, or the file system would gather them for its next commit. A crash
 * in between leaves a shorter file, which was nobody's before it was touched. */
#ifndef TAILRACE_STORAGE_REMOVAL_H
#define TAILRACE_STORAGE_REMOVAL_H

#include "base/arena.h"
#include "base/op.h"
#include "io/io.h"
#include "storage/path.h"

enum { REMOVAL_SLICE_BYTES = 4 << 20 };

/* Of one file. */
struct removal {
    struct op op;
    struct io *io;
    struct io_request request;
    int32_t handle;
    uint64_t size_bytes; /* what is left */
    bool is_unwanted;    /* ends with STATUS_CANCELLED after what is in flight */
    struct completion *done;
    char path[PATH_SIZE];
};

/* `path` is copied. Lands with STATUS_OK when the file is gone, which it may have been before. */
void removal_start(struct removal *removal, struct io *io, const char *path,
                   struct completion *done);

/* Of a directory with files in it, and of the directory above if nothing else is in that. */
struct directory_removal {
    struct op op;
    struct io *io;
    struct io_request request;
    struct removal file;
    struct completion file_done;
    struct arena arena;
    uint32_t entry_index;
    bool is_unwanted;
    struct completion *done;
    char path[PATH_SIZE];
    char entry_path[PATH_SIZE];
};

/* The same. */
void directory_removal_start(struct directory_removal *removal, struct io *io, const char *path,
                             struct completion *done);

/* Ends it soon; it still lands. */
void directory_removal_cancel(struct directory_removal *removal);

/* Frees what was under way when the node was killed. */
void directory_removal_drop(struct directory_removal *removal);

#endif
