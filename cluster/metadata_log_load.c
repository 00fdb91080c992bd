/* Opening: the log files are read, one after the other, and the last one is made ready to be
 * written on.
 *
 * How a broken batch is judged: it is the torn tail of a write that was never acknowledged, unless
 * something proves that it had been on disk: a whole batch of the same file behind it, a later
 * file, or the clean mark in the state file. Then it is damage, and the log does not open: cutting
 * it would silently take back what clients were told. */
#include "cluster/metadata_log_opening.h"

#include "base/assert.h"

/* Space that was reserved and never written to: zero, and each byte like the one before it. It is
 * some megabytes at every start, which memcmp looks at faster than a loop does. */
static bool is_unwritten(struct bytes content, size_t offset)
{
    assert(offset <= content.size);
    const uint8_t *rest = content.data + offset;
    size_t size = content.size - offset;
    return size == 0 || (rest[0] == 0 && memcmp(rest, rest + 1, size - 1) == 0);
}

/* A log file without the zeros at its end: space is reserved far ahead of what is written. */
struct log_content {
    struct bytes written; /* what lies behind it reads as zeros, and belongs to no batch */
    uint64_t file_bytes;
};

/* A batch may end in zeros: as far as one that begins in what is written goes, they belong to it.
 */
static void take_in_batches(struct log_content *content, uint8_t *bytes)
{
    uint64_t end = content->written.size;
    for (size_t offset = 0; offset < content->written.size; offset += METADATA_BLOCK_SIZE) {
        struct bytes rest = bytes_of(bytes + offset, content->written.size - offset);
        uint64_t batch_end = offset + metadata_batch_claimed_size(rest);
        if (batch_end > end && batch_end <= content->file_bytes)
            end = batch_end;
    }
    memset(bytes + content->written.size, 0, end - content->written.size);
    content->written = bytes_of(bytes, end);
}

/* A window that is all zeros leaves its memory to the next one: pages that nobody touches cost
 * nothing, and the reserve is larger than most logs. */
static enum status load_windows(struct opening *opening, int32_t handle, uint8_t *bytes,
                                struct log_content *content)
{
    enum { WINDOW_SIZE = 64 * 1024 };
    uint64_t written = 0;
    for (uint64_t position = 0; position < content->file_bytes; position += WINDOW_SIZE) {
        uint64_t rest = content->file_bytes - position;
        uint32_t size = rest < WINDOW_SIZE ? (uint32_t)rest : WINDOW_SIZE;
        io_read(opening->log->io, &opening->request, handle, bytes + written, size, position);
        enum status status = opening_await(opening);
        if (status != STATUS_OK)
            return status;
        if (opening->request.completion.result != (int32_t)size)
            return STATUS_TRUNCATED;
        if (is_unwritten(bytes_of(bytes + written, size), 0))
            continue;
        memmove(bytes + position, bytes + written, size);
        memset(bytes + written, 0, position - written);
        written = position + size;
    }
    content->written = bytes_of(bytes, written);
    take_in_batches(content, bytes);
    return STATUS_OK;
}

static enum status load_opened(struct opening *opening, int32_t handle, struct log_content *content)
{
    enum { LOG_BYTES_MAX = 1024 * 1024 * 1024 };
    io_file_size(opening->log->io, &opening->request, handle);
    enum status status = opening_await(opening);
    if (status != STATUS_OK)
        return status;
    content->file_bytes = opening->request.range.size_bytes;
    if (content->file_bytes > LOG_BYTES_MAX)
        return STATUS_TOO_LARGE;
    uint8_t *bytes = arena_allocate(opening->arena, content->file_bytes);
    return bytes == NULL ? STATUS_NO_MEMORY : load_windows(opening, handle, bytes, content);
}

static enum status load_content(struct opening *opening, const char *path,
                                struct log_content *content)
{
    struct io *io = opening->log->io;
    io_open(io, &opening->request, path, IO_OPEN_READ_ONLY);
    int32_t handle = io_await(io, &opening->request);
    if (handle < 0)
        return (enum status)handle;
    enum status status = load_opened(opening, handle, content);
    io_close(io, &opening->request, handle);
    (void)io_await(io, &opening->request);
    return status;
}

/* Doubles in an arena and leaves the smaller array behind: at most as much again is wasted, and
 * only until the start is over. */
static bool gather_entry(struct opening *opening, const struct metadata_entry *entry)
{
    assert(opening->loaded->entry_count <= opening->entry_capacity);
    struct metadata_loaded *loaded = opening->loaded;
    if (loaded->entry_count == opening->entry_capacity) {
        uint32_t capacity = opening->entry_capacity == 0 ? 64 : opening->entry_capacity * 2;
        struct metadata_entry *grown =
            arena_allocate_array(opening->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return false;
        if (loaded->entry_count > 0)
            memcpy(grown, opening->entries, loaded->entry_count * sizeof *grown);
        opening->entries = grown;
        opening->entry_capacity = capacity;
    }
    opening->entries[loaded->entry_count++] = *entry;
    return true;
}

/* The batch was decoded as a whole, so taking its entries cannot fail for what stands in it. */
static enum status gather_batch(struct opening *opening, const struct metadata_batch *batch)
{
    struct metadata_entry entry;
    size_t position = 0;
    while (metadata_batch_entry(batch, &position, &entry)) {
        if (!gather_entry(opening, &entry))
            return STATUS_NO_MEMORY;
        opening->next_index++;
        opening->last_term = entry.term;
    }
    return STATUS_OK;
}

/* The batch that is expected at this place, or not. */
static bool is_next(const struct opening *opening, uint64_t file_id,
                    const struct metadata_batch *batch)
{
    struct metadata_entry first;
    size_t position = 0;
    if (batch->file_id != file_id || batch->first_index != opening->next_index)
        return false;
    bool has_first = metadata_batch_entry(batch, &position, &first);
    assert(has_first);
    return first.term >= opening->last_term;
}

/* Whether a whole batch of this file begins in some block from `offset` on. Any file's, if the id
 * is 0. */
static bool batch_follows(struct bytes content, size_t offset, uint64_t file_id)
{
    assert(offset % METADATA_BLOCK_SIZE == 0);
    struct metadata_batch batch;
    for (; offset < content.size; offset += METADATA_BLOCK_SIZE) {
        struct bytes rest = bytes_of(content.data + offset, content.size - offset);
        if (metadata_batch_decode(rest, &batch) == STATUS_OK &&
            (file_id == 0 || batch.file_id == file_id))
            return true;
    }
    return false;
}

static bool is_last(const struct opening *opening, uint32_t which)
{
    assert(which < opening->first_count);
    return which + 1 == opening->first_count;
}

static enum status judge_tail(struct opening *opening, const char *name, struct bytes content,
                              size_t offset, uint64_t file_id, uint32_t which)
{
    assert(offset % METADATA_BLOCK_SIZE == 0);
    assert(offset < content.size);
    if (!is_last(opening, which))
        return opening_damaged(opening, name, "a batch is broken, and later files follow", offset);
    if (opening->loaded->state.stored_index >= opening->next_index)
        return opening_damaged(opening, name, "a batch is broken that was on disk at the last stop",
                               offset);
    if (batch_follows(content, offset + METADATA_BLOCK_SIZE, file_id))
        return opening_damaged(opening, name, "a batch is broken, and later ones follow", offset);
    log_warn(opening->log->logger, "a torn write at the end of the metadata log is cut off",
             field_text("file", name), field_u64("offset", offset),
             field_u64("bytes", content.size - offset));
    return STATUS_OK;
}

/* Reads the batches of one file; `end` is where the next one goes. */
static enum status read_batches(struct opening *opening, const char *name, struct bytes content,
                                uint64_t file_id, uint32_t which, size_t *end)
{
    assert(end != NULL);
    assert(opening->next_index > 0);
    size_t offset = METADATA_BLOCK_SIZE;
    while (offset < content.size) {
        struct metadata_batch batch;
        struct bytes rest = bytes_of(content.data + offset, content.size - offset);
        enum status status = metadata_batch_decode(rest, &batch);
        if (status != STATUS_OK || !is_next(opening, file_id, &batch)) {
            *end = offset;
            if (is_unwritten(content, offset))
                return STATUS_OK;
            return judge_tail(opening, name, content, offset, file_id, which);
        }
        status = gather_batch(opening, &batch);
        if (status != STATUS_OK)
            return status;
        offset += batch.size_bytes;
    }
    *end = offset;
    return STATUS_OK;
}

/* A header that is broken: of a file that was being made when the power went, or damage. */
static enum status judge_header(struct opening *opening, const char *name, struct bytes content,
                                uint32_t which)
{
    if (!is_last(opening, which) || batch_follows(content, METADATA_BLOCK_SIZE, 0) ||
        opening->loaded->state.stored_index >= opening->firsts[which])
        return opening_damaged(opening, name, "the header is broken", 0);
    return opening_remove_file(opening, name);
}

/* What was read is not on disk for certain: the process before may have been killed between write
 * and sync, or a sync may have failed, after which no other writes what only the cache still shows.
 * So everything is written again as it was read, and synced, together with the names in the folder.
 */
static enum status settle_file(struct opening *opening, struct bytes content)
{
    struct metadata_log *log = opening->log;
    struct io_request named;
    struct io_request *const both[] = {&opening->request, &named};
    assert(content.size >= METADATA_BLOCK_SIZE);
    io_write_durable(log->io, &opening->request, log->handle, content.data, (uint32_t)content.size,
                     0);
    io_sync_directory(log->io, &named, log->directory);
    io_await_all(log->io, both, 2);
    opening->has_synced_folder = true;
    int32_t written = opening->request.completion.result;
    int32_t result = written < 0 ? written : named.completion.result;
    return result < 0 ? (enum status)result : STATUS_OK;
}

/* The last file is written on; a torn tail is cut. */
static enum status adopt_file(struct opening *opening, const char *path, uint64_t file_id,
                              const struct log_content *content, size_t end)
{
    assert(opening->log->handle < 0);
    assert(end % METADATA_BLOCK_SIZE == 0);
    struct metadata_log *log = opening->log;
    assert(end <= content->written.size);
    assert(end <= UINT32_MAX);
    io_open(log->io, &opening->request, path, 0);
    int32_t handle = io_await(log->io, &opening->request);
    if (handle < 0)
        return (enum status)handle;
    log->handle = handle;
    log->file_id = file_id;
    log->write_offset = end;
    log->wants_new_file = false;
    enum status status = STATUS_OK;
    log->allocated_end = is_unwritten(content->written, end) ? content->file_bytes : end;
    if (log->allocated_end < content->file_bytes) {
        io_truncate(log->io, &opening->request, handle, end);
        status = opening_await(opening);
    }
    return status == STATUS_OK ? settle_file(opening, bytes_of(content->written.data, end))
                               : status;
}

static enum status check_chain(struct opening *opening, const char *name, uint64_t first)
{
    assert(first > 0);
    uint64_t expected = opening->next_index;
    if (expected == 0 && first > opening->log->snapshot_index + 1)
        return opening_damaged(opening, name,
                               "entries between the snapshot and this file are missing", 0);
    if (expected != 0 && first != expected)
        return opening_damaged(opening, name, "entries before this file are missing", 0);
    if (expected == 0) {
        opening->next_index = first;
        opening->entries_from = first;
    }
    return STATUS_OK;
}

static enum status read_content(struct opening *opening, uint32_t which, const char *name,
                                struct log_content *content)
{
    struct metadata_log *log = opening->log;
    struct metadata_log_header header;
    char path[FILE_PATH_MAX];
    size_t end;
    struct bytes written = content->written;
    size_t head_size = written.size < METADATA_BLOCK_SIZE ? written.size : METADATA_BLOCK_SIZE;
    enum status status = metadata_log_header_decode(bytes_of(written.data, head_size), &header);
    if (status == STATUS_CORRUPT ||
        (status == STATUS_OK && header.first_index != opening->firsts[which]))
        return judge_header(opening, name, written, which);
    if (status == STATUS_OK)
        status = check_chain(opening, name, header.first_index);
    if (status == STATUS_OK)
        status = read_batches(opening, name, written, header.file_id, which, &end);
    if (status != STATUS_OK)
        return status;
    metadata_log_add_file(log, header.first_index);
    log->files[log->file_count - 1].last_index = opening->next_index - 1;
    log->grown_bytes += end;
    file_path(path, log->directory, name);
    return is_last(opening, which) ? adopt_file(opening, path, header.file_id, content, end)
                                   : STATUS_OK;
}

static enum status read_file(struct opening *opening, uint32_t which)
{
    struct log_content content = {0};
    char name[METADATA_NAME_MAX];
    char path[FILE_PATH_MAX];
    metadata_log_name(name, opening->firsts[which]);
    file_path(path, opening->log->directory, name);
    enum status status = load_content(opening, path, &content);
    return status == STATUS_OK ? read_content(opening, which, name, &content) : status;
}

/* Files whose successor begins at or before the snapshot's end hold nothing that is needed. */
static bool is_replaced(const struct opening *opening, uint32_t which)
{
    return !is_last(opening, which) &&
           opening->firsts[which + 1] <= opening->log->snapshot_index + 1;
}

/* A removal is not synced, so a power cut brings back what a snapshot had replaced. */
static bool is_older_snapshot(const struct opening *opening, const char *name)
{
    uint64_t index = metadata_snapshot_name_index(name);
    return index != 0 && index < opening->log->snapshot_index;
}

/* What takes their place is durable by now. */
static enum status remove_replaced(struct opening *opening)
{
    assert(opening->has_synced_folder);
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < opening->first_count && status == STATUS_OK; i++) {
        char name[METADATA_NAME_MAX];
        metadata_log_name(name, opening->firsts[i]);
        if (is_replaced(opening, i))
            status = opening_remove_file(opening, name);
    }
    for (uint32_t i = 0; i < opening->name_count && status == STATUS_OK; i++)
        if (is_older_snapshot(opening, opening->names[i].name))
            status = opening_remove_file(opening, opening->names[i].name);
    return status;
}

enum status opening_read_files(struct opening *opening)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < opening->first_count && status == STATUS_OK; i++)
        if (!is_replaced(opening, i))
            status = read_file(opening, i);
    if (status == STATUS_OK && !opening->has_synced_folder) {
        status = opening_sync_folder(opening);
        opening->has_synced_folder = true;
    }
    return status == STATUS_OK ? remove_replaced(opening) : status;
}

/* --- Without a state file --------------------------------------------------------------------- */

/* Where the first batch ends, if it is the first entry alone; otherwise where it begins. */
static size_t first_entry_end(struct bytes content)
{
    size_t offset = METADATA_BLOCK_SIZE;
    struct metadata_batch batch;
    if (content.size <= offset)
        return offset;
    struct bytes rest = bytes_of(content.data + offset, content.size - offset);
    bool is_first_alone = metadata_batch_decode(rest, &batch) == STATUS_OK &&
                          batch.first_index == 1 && batch.entry_count == 1;
    return is_first_alone ? offset + batch.size_bytes : offset;
}

enum status opening_find_out_if_begun(struct opening *opening, bool *has_begun)
{
    struct log_content content = {0};
    char name[METADATA_NAME_MAX];
    char path[FILE_PATH_MAX];
    *has_begun = opening->first_count > 0;
    if (opening->first_count != 1 || opening->firsts[0] != 1)
        return STATUS_OK;
    metadata_log_name(name, opening->firsts[0]);
    file_path(path, opening->log->directory, name);
    enum status status = load_content(opening, path, &content);
    if (status == STATUS_OK)
        *has_begun = batch_follows(content.written, first_entry_end(content.written), 0);
    return status;
}
