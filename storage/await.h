/* Files by calls that wait, for what happens before the loop runs: recovery, and the opening of a
 * store. Thin words around io_await. */
#ifndef TAILRACE_STORAGE_AWAIT_H
#define TAILRACE_STORAGE_AWAIT_H

#include "base/arena.h"
#include "io/io.h"
#include "storage/path.h"

/* Requests that are in flight together. */
enum { AWAIT_COUNT_MAX = 64 };

struct await_set {
    struct io *io;
    struct io_request *requests[AWAIT_COUNT_MAX];
    uint32_t count;
};

/* The request, which is then asked for at once. */
struct io_request *await_add(struct await_set *set, struct io_request *request);

/* Waits for all that have been added, and empties the set: the first error other than `passed`. */
enum status await_all(struct await_set *set, enum status passed);

/* Answers the handle and the file's size. */
enum status await_open(struct io *io, const char *path, uint32_t open_flags, int32_t *handle,
                       uint64_t *size_bytes);
enum status await_close(struct io *io, int32_t handle);

/* Answers how much was there, which is less than asked for only at the end of the file. */
enum status await_read(struct io *io, int32_t handle, void *buffer, uint32_t size_bytes,
                       uint64_t offset, uint32_t *read_bytes);
enum status await_write(struct io *io, int32_t handle, const void *buffer, uint32_t size_bytes,
                        uint64_t offset);
enum status await_sync(struct io *io, int32_t handle);
enum status await_allocate(struct io *io, int32_t handle, uint64_t size_bytes);
enum status await_unlink(struct io *io, const char *path);
enum status await_sync_directory(struct io *io, const char *path);

/* Makes the directory, and its name durable; does nothing if it is there. */
enum status await_make_directory(struct io *io, const char *path);

/* Names in byte order, in the arena. */
enum status await_list(struct io *io, const char *path, struct arena *arena,
                       struct io_entry **entries, uint32_t *entry_count);

/* The whole content, in memory the caller frees. STATUS_TOO_LARGE above `size_bytes_max`. */
enum status await_read_whole(struct io *io, const char *path, uint32_t size_bytes_max,
                             struct bytes *content);

/* Within one directory; the new name is durable. */
enum status await_rename(struct io *io, const char *from, const char *to);

/* A file that will take the place of the one at `path`, or be the first there: written under a name
 * of its own, synced, and then renamed, so that what is there is the new content or the old, never
 * less. In steps, so that several files and directories are synced at once. */
struct await_draft {
    int32_t handle;
    struct io_request request;
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
};

/* Begins one; what is to be in it is written to its handle by the caller. */
enum status await_draft_open(struct io *io, const char *path, uint32_t open_flags,
                             struct await_draft *draft);

/* Closes it, and gives it its name unless something went wrong before. Its content has been synced;
 * the name is durable when the directory has been, too. */
enum status await_draft_end(struct io *io, struct await_draft *draft, enum status status);

#endif
