/* Each call asks, and lets the door wait: before the loop runs there is nobody to keep waiting. */
#include "storage/await.h"

#include "base/assert.h"

#include <stdlib.h>

static enum status wait_for(struct io *io, struct io_request *request)
{
    int32_t result = io_await(io, request);
    return result < 0 ? (enum status)result : STATUS_OK;
}

struct io_request *await_add(struct await_set *set, struct io_request *request)
{
    assert(set->count < AWAIT_COUNT_MAX);
    set->requests[set->count++] = request;
    return request;
}

enum status await_all(struct await_set *set, enum status passed)
{
    enum status status = STATUS_OK;
    io_await_all(set->io, set->requests, set->count);
    for (uint32_t i = 0; i < set->count && status == STATUS_OK; i++) {
        int32_t result = set->requests[i]->completion.result;
        if (result < 0 && result != (int32_t)passed)
            status = (enum status)result;
    }
    set->count = 0;
    return status;
}

enum status await_open(struct io *io, const char *path, uint32_t open_flags, int32_t *handle,
                       uint64_t *size_bytes)
{
    struct io_request request;
    io_open(io, &request, path, open_flags);
    int32_t result = io_await(io, &request);
    if (result < 0)
        return (enum status)result;
    *handle = result;
    io_file_size(io, &request, *handle);
    enum status status = wait_for(io, &request);
    *size_bytes = request.range.size_bytes;
    if (status != STATUS_OK) {
        await_close(io, *handle);
        *handle = -1;
    }
    return status;
}

enum status await_close(struct io *io, int32_t handle)
{
    struct io_request request;
    io_close(io, &request, handle);
    return wait_for(io, &request);
}

enum status await_read(struct io *io, int32_t handle, void *buffer, uint32_t size_bytes,
                       uint64_t offset, uint32_t *read_bytes)
{
    struct io_request request;
    io_read(io, &request, handle, buffer, size_bytes, offset);
    int32_t result = io_await(io, &request);
    if (result < 0)
        return (enum status)result;
    *read_bytes = (uint32_t)result;
    return STATUS_OK;
}

enum status await_write(struct io *io, int32_t handle, const void *buffer, uint32_t size_bytes,
                        uint64_t offset)
{
    struct io_request request;
    io_write(io, &request, handle, buffer, size_bytes, offset);
    return wait_for(io, &request);
}

enum status await_sync(struct io *io, int32_t handle)
{
    struct io_request request;
    io_sync(io, &request, handle);
    return wait_for(io, &request);
}

enum status await_allocate(struct io *io, int32_t handle, uint64_t size_bytes)
{
    struct io_request request;
    io_allocate(io, &request, handle, 0, size_bytes);
    return wait_for(io, &request);
}

enum status await_unlink(struct io *io, const char *path)
{
    struct io_request request;
    io_unlink(io, &request, path);
    return wait_for(io, &request);
}

enum status await_sync_directory(struct io *io, const char *path)
{
    struct io_request request;
    io_sync_directory(io, &request, path);
    return wait_for(io, &request);
}

enum status await_make_directory(struct io *io, const char *path)
{
    struct io_request request;
    io_make_directory(io, &request, path);
    enum status status = wait_for(io, &request);
    if (status != STATUS_OK && status != STATUS_EXISTS)
        return status;
    char parent[PATH_SIZE];
    path_parent(path, parent);
    return await_sync_directory(io, parent);
}

enum status await_list(struct io *io, const char *path, struct arena *arena,
                       struct io_entry **entries, uint32_t *entry_count)
{
    struct io_request request;
    io_list_directory(io, &request, path, arena);
    enum status status = wait_for(io, &request);
    *entries = status == STATUS_OK ? request.listing.entries : NULL;
    *entry_count = status == STATUS_OK ? request.listing.entry_count : 0;
    return status;
}

enum status await_read_whole(struct io *io, const char *path, uint32_t size_bytes_max,
                             struct bytes *content)
{
    int32_t handle;
    uint64_t size_bytes;
    enum status status = await_open(io, path, IO_OPEN_READ_ONLY, &handle, &size_bytes);
    if (status != STATUS_OK)
        return status;
    uint8_t *buffer = NULL;
    uint32_t read_bytes = 0;
    if (size_bytes > size_bytes_max)
        status = STATUS_TOO_LARGE;
    if (status == STATUS_OK && (buffer = malloc(size_bytes + 1)) == NULL)
        status = STATUS_NO_MEMORY;
    if (status == STATUS_OK && size_bytes > 0)
        status = await_read(io, handle, buffer, (uint32_t)size_bytes, 0, &read_bytes);
    enum status close_status = await_close(io, handle);
    if (status == STATUS_OK)
        status = close_status;
    if (status != STATUS_OK) {
        free(buffer);
        return status;
    }
    *content = bytes_of(buffer, read_bytes);
    return STATUS_OK;
}

enum status await_rename(struct io *io, const char *from, const char *to)
{
    struct io_request request;
    char parent[PATH_SIZE];
    path_parent(to, parent);
    io_rename(io, &request, from, to);
    enum status status = wait_for(io, &request);
    return status == STATUS_OK ? await_sync_directory(io, parent) : status;
}

enum status await_draft_open(struct io *io, const char *path, uint32_t open_flags,
                             struct await_draft *draft)
{
    assert((open_flags & IO_OPEN_READ_ONLY) == 0);
    uint64_t size_bytes;
    path_copy(path, draft->path);
    path_with_suffix(path, ".new", draft->temporary);
    return await_open(io, draft->temporary, open_flags | IO_OPEN_CREATE | IO_OPEN_TRUNCATE,
                      &draft->handle, &size_bytes);
}

enum status await_draft_end(struct io *io, struct await_draft *draft, enum status status)
{
    assert(draft->handle >= 0);
    enum status close_status = await_close(io, draft->handle);
    draft->handle = -1;
    if (status != STATUS_OK || close_status != STATUS_OK)
        return status != STATUS_OK ? status : close_status;
    io_rename(io, &draft->request, draft->temporary, draft->path);
    return wait_for(io, &draft->request);
}
