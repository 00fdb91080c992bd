/* The first entry of all: a new directory gets its term, then its first log file with one entry,
 * each durable before the next. Blocking; before the loops run, when no batch is under way. */
#include "cluster/metadata_log_parts.h"

#include "base/assert.h"

#include <stdlib.h>

enum status metadata_log_save_state(struct metadata_log *log, uint64_t term, uint64_t vote)
{
    assert(!log->is_appending);
    assert(term >= log->state.term);
    assert(term > 0);
    uint8_t bytes[METADATA_STATE_SIZE];
    log->state.term = term;
    log->state.vote = vote;
    metadata_state_encode(&log->state, bytes);
    return file_save_await(log->io, log->directory, "state", bytes_of(bytes, sizeof bytes));
}

/* Makes the first log file; header and name are durable when it returns. */
static enum status create_file(struct metadata_log *log, struct io_request *request)
{
    assert(log->handle < 0);
    assert(log->wants_new_file);
    char name[METADATA_NAME_MAX];
    char path[FILE_PATH_MAX];
    struct metadata_log_header header = {.first_index = log->stored_index + 1};
    metadata_log_name(name, header.first_index);
    file_path(path, log->directory, name);
    io_open(log->io, request, path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    int32_t result = io_await(log->io, request);
    if (result < 0)
        return (enum status)result;
    log->handle = result;
    io_secret(log->io, &log->file_id, sizeof log->file_id);
    header.file_id = log->file_id;
    metadata_log_header_encode(&header, log->roll.block);
    io_write_durable(log->io, request, log->handle, log->roll.block, METADATA_BLOCK_SIZE, 0);
    result = io_await(log->io, request);
    if (result < 0)
        return (enum status)result;
    io_sync_directory(log->io, request, log->directory);
    result = io_await(log->io, request);
    metadata_log_add_file(log, header.first_index);
    log->write_offset = METADATA_BLOCK_SIZE;
    log->wants_new_file = false;
    return result < 0 ? (enum status)result : STATUS_OK;
}

enum status metadata_log_append_await(struct metadata_log *log, const struct metadata_entry *entry)
{
    assert(entry->term > 0);
    struct io_request request = {0};
    assert(!log->is_appending);
    assert(log->next_index == log->stored_index + 1);
    enum status status = log->wants_new_file ? create_file(log, &request) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    size_t size = metadata_batch_size(entry, 1);
    uint8_t *batch = malloc(size);
    assert(batch != NULL);
    metadata_batch_encode(log->file_id, log->next_index, entry, 1, batch);
    io_write_durable(log->io, &request, log->handle, batch, (uint32_t)size, log->write_offset);
    int32_t result = io_await(log->io, &request);
    free(batch);
    if (result < 0)
        return (enum status)result;
    assert(log->write_offset % METADATA_BLOCK_SIZE == 0);
    log->write_offset += size;
    log->grown_bytes += size;
    log->stored_index++;
    log->next_index++;
    log->files[log->file_count - 1].last_index = log->stored_index;
    return STATUS_OK;
}
