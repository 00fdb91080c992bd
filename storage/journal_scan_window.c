/* Windows on the files of a journal: stretches that are read with several reads at once, looked at
 * commit by commit, and kept, with the commits that recovery needs, as long as memory lasts. */
#include "storage/journal_scan_parts.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

/* --- Keeping ---------------------------------------------------------------------------------- */

void journal_scan_stop_keeping(struct journal_scan *scan)
{
    for (size_t i = 0; i < scan->buffer_count; i++)
        free(scan->buffers[i]);
    scan->site->spare_bytes += scan->kept_bytes;
    scan->kept_bytes = 0;
    scan->buffer_count = 0;
    scan->commit_count = 0;
    scan->window.is_kept = false;
    scan->keeps = false;
}

static bool has_commit_room(struct journal_scan *scan)
{
    if (scan->commit_count < scan->commit_capacity)
        return true;
    size_t capacity = scan->commit_capacity == 0 ? 256 : 2 * scan->commit_capacity;
    struct kept_commit *grown = realloc(scan->commits, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    scan->commits = grown;
    scan->commit_capacity = capacity;
    return true;
}

static bool has_buffer_room(struct journal_scan *scan)
{
    uint8_t **grown = realloc(scan->buffers, (scan->buffer_count + 1) * sizeof *grown);
    if (grown != NULL)
        scan->buffers = grown;
    return grown != NULL;
}

void journal_scan_keep(struct journal_scan *scan, uint64_t sequence, struct bytes commit)
{
    if (!scan->keeps)
        return;
    assert(commit.data >= scan->window.data);
    assert(commit.data + commit.size <= scan->window.data + scan->window.size_bytes);
    if (!has_commit_room(scan)) {
        journal_scan_stop_keeping(scan);
        return;
    }
    scan->commits[scan->commit_count++] = (struct kept_commit){sequence, commit};
    scan->window.is_kept = true;
}

/* What has been read stays where it is, if it is kept, and the next goes into memory of its own. */
void journal_scan_leave_window(struct journal_scan *scan)
{
    struct window *window = &scan->window;
    if (!window->is_kept)
        return;
    assert(scan->keeps);
    assert(scan->commit_count > 0);
    if (window->capacity > scan->site->spare_bytes || !has_buffer_room(scan)) {
        journal_scan_stop_keeping(scan);
        return;
    }
    scan->buffers[scan->buffer_count++] = window->data;
    scan->kept_bytes += window->capacity;
    scan->site->spare_bytes -= window->capacity;
    *window = (struct window){0};
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool has_window(struct window *window, uint64_t size_bytes)
{
    if (window->capacity >= size_bytes)
        return true;
    free(window->data);
    window->data = aligned_alloc(IO_BLOCK_SIZE, size_bytes);
    window->capacity = window->data == NULL ? 0 : (uint32_t)size_bytes;
    return window->data != NULL;
}

/* How many bytes lie there without a gap: a read is short at the end of the file only. */
static uint32_t read_together(const struct io_request *requests, uint32_t count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += (uint32_t)requests[i].completion.result;
        if (requests[i].completion.result < JOURNAL_SCAN_READ_SIZE)
            break;
    }
    return size;
}

/* Into memory that has room for it, in several reads at once. */
static enum status read_stretch(const struct journal_scan *scan, const struct scanned_file *file,
                                struct window *window, uint64_t position, uint64_t size)
{
    struct io_request requests[JOURNAL_SCAN_WINDOW_SIZE / JOURNAL_SCAN_READ_SIZE];
    struct await_set set = {.io = scan->site->io};
    uint8_t *data = window->data + (position - window->position);
    assert(size <= JOURNAL_SCAN_WINDOW_SIZE);
    assert(position - window->position + size <= window->capacity);
    for (uint64_t at = 0; at < size; at += JOURNAL_SCAN_READ_SIZE) {
        uint64_t part = size - at < JOURNAL_SCAN_READ_SIZE ? size - at : JOURNAL_SCAN_READ_SIZE;
        io_read(set.io, await_add(&set, &requests[set.count]), file->handle, data + at,
                (uint32_t)part, position + at);
    }
    uint32_t count = set.count;
    enum status status = await_all(&set, STATUS_OK);
    uint32_t read_bytes = status == STATUS_OK ? read_together(requests, count) : 0;
    window->size_bytes = (uint32_t)(position - window->position) + read_bytes;
    return status;
}

uint64_t journal_scan_stretch_size(const struct scanned_file *file, uint64_t position,
                                   uint64_t size_max)
{
    uint64_t rest = position < file->size_bytes ? file->size_bytes - position : 0;
    uint64_t size = (rest + IO_BLOCK_SIZE - 1) & ~(uint64_t)(IO_BLOCK_SIZE - 1);
    return size < size_max ? size : size_max;
}

/* Its turn has come. */
static void take_what_was_read_ahead(struct journal_scan *scan)
{
    assert(scan->ahead.position == 0);
    free(scan->window.data);
    scan->window = scan->ahead;
    scan->ahead = (struct window){0};
}

enum status journal_scan_fill(struct journal_scan *scan, const struct scanned_file *file,
                              uint64_t position, uint64_t size_max)
{
    assert(file->handle >= 0);
    assert(position % IO_BLOCK_SIZE == 0); /* It is read past the page cache. */
    bool is_newest = file == &scan->files[scan->file_count - 1];
    journal_scan_leave_window(scan);
    if (is_newest && position == 0 && scan->ahead.size_bytes > 0) {
        take_what_was_read_ahead(scan);
        return STATUS_OK;
    }
    uint64_t size = journal_scan_stretch_size(file, position, size_max);
    if (!has_window(&scan->window, size == 0 ? IO_BLOCK_SIZE : size))
        return STATUS_NO_MEMORY;
    scan->window.position = position;
    return read_stretch(scan, file, &scan->window, position, size);
}

struct bytes journal_scan_available(const struct journal_scan *scan, uint64_t position)
{
    const struct window *window = &scan->window;
    assert(position >= window->position);
    uint64_t skipped = position - window->position;
    if (skipped >= window->size_bytes)
        return bytes_of(window->data, 0);
    return bytes_of(window->data + skipped, window->size_bytes - skipped);
}

enum status journal_scan_look(struct journal_scan *scan, const struct scanned_file *file,
                              uint64_t position, struct commit_header *header, struct bytes *commit)
{
    struct bytes bytes = journal_scan_available(scan, position);
    enum status status = commit_verify(bytes, scan->site->epoch, COMMIT_SIZE_MAX, header);
    bool is_cut = status == STATUS_TRUNCATED || bytes.size < COMMIT_HEADER_SIZE;
    if (is_cut && position != scan->window.position) {
        status = journal_scan_fill(scan, file, position, JOURNAL_SCAN_WINDOW_SIZE);
        if (status != STATUS_OK)
            return status;
        bytes = journal_scan_available(scan, position);
        status = commit_verify(bytes, scan->site->epoch, COMMIT_SIZE_MAX, header);
    }
    if (status == STATUS_OK)
        *commit = bytes_of(bytes.data, header->size_bytes);
    return status == STATUS_TRUNCATED ? STATUS_CORRUPT : status;
}

enum status journal_scan_look_ahead(struct journal_scan *scan, const struct scanned_file *file,
                                    uint64_t position, struct commit_header *header)
{
    struct window *ahead = &scan->ahead;
    assert(position <= ahead->size_bytes);
    struct bytes rest = bytes_of(ahead->data + position, ahead->size_bytes - position);
    enum status status = commit_verify(rest, scan->site->epoch, COMMIT_SIZE_MAX, header);
    bool is_cut = status == STATUS_TRUNCATED || rest.size < COMMIT_HEADER_SIZE;
    uint64_t size = journal_scan_stretch_size(file, ahead->size_bytes, JOURNAL_SCAN_WINDOW_SIZE);
    if (!is_cut || size == 0)
        return status;
    status = read_stretch(scan, file, ahead, ahead->size_bytes, size);
    rest = bytes_of(ahead->data + position, ahead->size_bytes - position);
    return status == STATUS_OK ? commit_verify(rest, scan->site->epoch, COMMIT_SIZE_MAX, header)
                               : status;
}

bool journal_scan_begin_ahead(struct journal_scan *scan, uint64_t size_bytes)
{
    assert(scan->ahead.size_bytes == 0);
    return has_window(&scan->ahead, size_bytes);
}
