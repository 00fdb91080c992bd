/* The first entry of all, and the term before it. A folder that has entries has a state file, and
 * one that has a state file has a name that is durable. Twice somebody waits for the disk, for
 * everything at once that has to be there by then:
 *
 *   1  the content of the state file and the header of the log file, both under other names, and
 *      the names of the folder and those above it
 *   2  both names, and the entry
 *
 * If the power goes in between, the next start does the rest. Where only the log file's name is
 * left, it does all of it again (metadata_log_open.c). */
#include "cluster/folder_names.h"
#include "cluster/metadata_log_parts.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

/* A file that gets its name when its content is durable. */
struct draft {
    struct io_request request;
    int32_t handle; /* -1: it is not needed, the file is there */
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];
};

struct first {
    struct metadata_log *log;
    struct draft state;
    struct draft file;
    uint8_t state_bytes[METADATA_STATE_SIZE];
};

static enum status result_of(const struct io_request *request)
{
    int32_t result = request->completion.result;
    return result < 0 ? (enum status)result : STATUS_OK;
}

static enum status await(struct first *first, struct io_request *request)
{
    (void)io_await(first->log->io, request);
    return result_of(request);
}

/* --- The drafts ------------------------------------------------------------------------------- */

static enum status draft_open(struct first *first, struct draft *draft, const char *name)
{
    struct io *io = first->log->io;
    assert(draft->handle < 0);
    file_path(draft->path, first->log->directory, name);
    int size = snprintf(draft->new_path, FILE_PATH_MAX, "%s/%s.new", first->log->directory, name);
    assert(size > 0 && size < FILE_PATH_MAX);
    io_open(io, &draft->request, draft->new_path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    enum status status = await(first, &draft->request);
    if (status == STATUS_OK)
        draft->handle = draft->request.completion.result;
    return status;
}

static enum status open_drafts(struct first *first)
{
    struct metadata_log *log = first->log;
    char name[METADATA_NAME_MAX];
    enum status status = STATUS_OK;
    if (log->state.term == 0)
        status = draft_open(first, &first->state, "state");
    metadata_log_name(name, log->stored_index + 1);
    if (status == STATUS_OK && log->wants_new_file)
        status = draft_open(first, &first->file, name);
    return status;
}

static void write_state(struct first *first, uint64_t term)
{
    struct metadata_log *log = first->log;
    log->state.term = term;
    log->state.vote = 0;
    metadata_state_encode(&log->state, first->state_bytes);
    io_write_durable(log->io, &first->state.request, first->state.handle, first->state_bytes,
                     sizeof first->state_bytes, 0);
}

static void write_header(struct first *first)
{
    struct metadata_log *log = first->log;
    struct metadata_log_header header = {.first_index = log->stored_index + 1};
    io_secret(log->io, &log->file_id, sizeof log->file_id);
    header.file_id = log->file_id;
    metadata_log_header_encode(&header, log->roll.block);
    io_write_durable(log->io, &first->file.request, first->file.handle, log->roll.block,
                     METADATA_BLOCK_SIZE, 0);
}

/* The state file comes first, and with it the names of folders. */
static enum status write_drafts(struct first *first, uint64_t term)
{
    struct io *io = first->log->io;
    struct io_request *written[2];
    uint32_t count = 0;
    enum status status = STATUS_OK;
    if (first->file.handle >= 0) {
        written[count++] = &first->file.request;
        write_header(first);
    }
    if (first->state.handle >= 0) {
        written[count++] = &first->state.request;
        write_state(first, term);
        status = folder_names_sync(io, first->log->directory, written, count);
    } else {
        io_await_all(io, written, count);
    }
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++)
        status = result_of(written[i]);
    return status;
}

/* --- Their names ------------------------------------------------------------------------------ */

static enum status draft_name(struct first *first, struct draft *draft)
{
    io_rename(first->log->io, &draft->request, draft->new_path, draft->path);
    return await(first, &draft->request);
}

static enum status name_state(struct first *first)
{
    struct draft *state = &first->state;
    if (state->handle < 0)
        return STATUS_OK;
    io_close(first->log->io, &state->request, state->handle);
    state->handle = -1;
    enum status status = await(first, &state->request);
    return status == STATUS_OK ? draft_name(first, state) : status;
}

/* The log goes on with the file that has been made. */
static enum status name_file(struct first *first)
{
    struct metadata_log *log = first->log;
    if (first->file.handle < 0)
        return STATUS_OK;
    assert(log->handle < 0);
    log->handle = first->file.handle;
    log->write_offset = METADATA_BLOCK_SIZE;
    log->wants_new_file = false;
    metadata_log_add_file(log, log->stored_index + 1);
    return draft_name(first, &first->file);
}

/* --- The entry -------------------------------------------------------------------------------- */

static enum status write_entry(struct metadata_log *log, const uint8_t *batch, size_t size)
{
    struct io_request written, named;
    struct io_request *const both[] = {&written, &named};
    assert(log->write_offset % METADATA_BLOCK_SIZE == 0);
    io_write_durable(log->io, &written, log->handle, batch, (uint32_t)size, log->write_offset);
    io_sync_directory(log->io, &named, log->directory);
    io_await_all(log->io, both, 2);
    enum status status = result_of(&written);
    return status == STATUS_OK ? result_of(&named) : status;
}

static enum status store_entry(struct metadata_log *log, const struct metadata_entry *entry)
{
    assert(log->file_count > 0);
    assert(log->next_index == log->stored_index + 1);
    size_t size = metadata_batch_size(entry, 1);
    uint8_t *batch = malloc(size);
    assert(batch != NULL);
    metadata_batch_encode(log->file_id, log->next_index, entry, 1, batch);
    enum status status = write_entry(log, batch, size);
    free(batch);
    if (status != STATUS_OK)
        return status;
    log->write_offset += size;
    log->grown_bytes += size;
    log->stored_index++;
    log->next_index++;
    log->files[log->file_count - 1].last_index = log->stored_index;
    return STATUS_OK;
}

/* What was opened in vain is left to the end of the process: there is no broker without this. */
enum status metadata_log_begin(struct metadata_log *log, const struct metadata_entry *entry)
{
    assert(!log->is_appending);
    assert(entry->term > 0);
    struct first *first = calloc(1, sizeof *first);
    assert(first != NULL);
    first->log = log;
    first->state.handle = -1;
    first->file.handle = -1;
    enum status status = open_drafts(first);
    if (status == STATUS_OK)
        status = write_drafts(first, entry->term);
    if (status == STATUS_OK)
        status = name_state(first);
    if (status == STATUS_OK)
        status = name_file(first);
    free(first);
    return status == STATUS_OK ? store_entry(log, entry) : status;
}
