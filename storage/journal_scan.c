/* Finding the commits of the present epoch in files that also hold those of earlier rounds and
 * runs. The order is told by sequences alone: file numbers say nothing, the ring may begin
 * anywhere. */
#include "storage/journal_scan.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

enum {
    SCAN_BUFFER_SIZE = 2 * COMMIT_SIZE_MAX,
    LISTING_BYTES_MAX = 1 << 20,
    SILENCE_BYTES_MAX = 8 * COMMIT_SIZE_MAX, /* without a commit: the end of what was written */
};

struct scanned_file {
    int32_t handle;
    uint64_t size_bytes;
    uint64_t first_sequence; /* 0: no commit of this epoch */
    bool is_headless;        /* not at its beginning */
    char path[PATH_SIZE];
};

struct scan {
    struct io *io;
    struct logger *logger;
    uint64_t epoch;
    struct scanned_file *files;
    uint32_t file_count;
    uint8_t *buffer;
    const struct scanned_file *oldest;
    uint64_t next_sequence;
    bool may_be_zeroed;       /* what is missing would be in the oldest of several files */
    uint64_t buffer_position; /* in the file, of the buffer's first byte */
    uint32_t buffer_size;
};

enum status journal_scan_list(struct io *io, const char *store, struct journal_listing *listing)
{
    char path[PATH_SIZE];
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    listing->count = 0;
    path_journals(store, path);
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(io, path, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++) {
        uint32_t core, file;
        if (!path_parse_journal(entries[i].name, &core, &file))
            continue;
        if (listing->count == JOURNAL_LISTING_MAX) {
            status = STATUS_TOO_LARGE; /* to pass over one would lose what it holds */
            break;
        }
        listing->files[listing->count].core = core;
        listing->files[listing->count].file = file;
        listing->count++;
    }
    arena_deinit(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Makes the bytes from `position` on available, as many as the buffer takes. */
static enum status fill(struct scan *scan, const struct scanned_file *file, uint64_t position)
{
    scan->buffer_position = position;
    scan->buffer_size = 0;
    if (position >= file->size_bytes)
        return STATUS_OK;
    return await_read(scan->io, file->handle, scan->buffer, SCAN_BUFFER_SIZE, position,
                      &scan->buffer_size);
}

static struct bytes available(const struct scan *scan, uint64_t position)
{
    assert(position >= scan->buffer_position);
    uint64_t skipped = position - scan->buffer_position;
    if (skipped >= scan->buffer_size)
        return bytes_of(scan->buffer, 0);
    return bytes_of(scan->buffer + skipped, scan->buffer_size - skipped);
}

/* Looks for a commit at `position`, reading on when the buffer ends before it does. */
static enum status look(struct scan *scan, const struct scanned_file *file, uint64_t position,
                        struct commit_header *header, struct bytes *commit)
{
    struct bytes bytes = available(scan, position);
    enum status status = commit_verify(bytes, scan->epoch, COMMIT_SIZE_MAX, header);
    bool is_cut = status == STATUS_TRUNCATED || bytes.size < COMMIT_HEADER_SIZE;
    if (is_cut && position != scan->buffer_position) {
        status = fill(scan, file, position);
        if (status != STATUS_OK)
            return status;
        bytes = available(scan, position);
        status = commit_verify(bytes, scan->epoch, COMMIT_SIZE_MAX, header);
    }
    if (status == STATUS_OK)
        *commit = bytes_of(bytes.data, header->size_bytes);
    return status == STATUS_TRUNCATED ? STATUS_CORRUPT : status;
}

static enum status visit_commit(struct bytes commit, struct journal_visitor *visitor)
{
    uint32_t position = COMMIT_HEADER_SIZE;
    struct commit_entry entry;
    struct bytes payload;
    visitor->bytes += commit.size;
    while (commit_next(commit, &position, &entry, &payload)) {
        enum status status = visitor->visit(visitor, &entry, payload);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static void report_damage(const struct scan *scan, const struct scanned_file *file,
                          struct journal_visitor *visitor)
{
    visitor->has_gap = true;
    if (scan->may_be_zeroed)
        return;
    visitor->is_damaged = true;
    log_error(scan->logger, "damaged commit in the journal, with later ones behind it",
              field_text("file", file->path), field_u64("sequence", scan->next_sequence));
}

/* One commit is in flight at a time: a whole one behind a bad one proves that the bad one was whole
 * once, and acknowledged. What was in it is lost; what is behind it is not. Those of an earlier
 * round are passed over. */
static enum status take_commit(struct scan *scan, const struct scanned_file *file,
                               const struct commit_header *header, struct bytes commit,
                               struct journal_visitor *visitor)
{
    if (header->sequence < scan->next_sequence)
        return STATUS_OK;
    if (header->sequence != scan->next_sequence)
        report_damage(scan, file, visitor);
    scan->next_sequence = header->sequence + 1;
    scan->may_be_zeroed = scan->may_be_zeroed && file == scan->oldest;
    return visit_commit(commit, visitor);
}

/* Visits the commits of the file that come after those visited before. */
static enum status walk(struct scan *scan, const struct scanned_file *file,
                        struct journal_visitor *visitor)
{
    uint64_t position = 0;
    uint64_t end_position = 0; /* of the last whole commit */
    enum status status = fill(scan, file, 0);
    while (status == STATUS_OK && position < file->size_bytes &&
           position - end_position < SILENCE_BYTES_MAX) {
        struct commit_header header;
        struct bytes commit = {0};
        enum status verdict = look(scan, file, position, &header, &commit);
        if (verdict == STATUS_NOT_FOUND || verdict == STATUS_CORRUPT) {
            position += COMMIT_ALIGNMENT;
            continue;
        }
        status = verdict == STATUS_OK ? take_commit(scan, file, &header, commit, visitor) : verdict;
        position += commit_stored_size(header.size_bytes);
        end_position = position;
    }
    return status;
}

/* The sequence of the file's first good commit. A commit is never larger than what is looked at: in
 * a file that has one of this epoch, the second is found if the first is bad. */
static enum status find_first(struct scan *scan, struct scanned_file *file)
{
    struct commit_header header;
    enum status status = fill(scan, file, 0);
    for (uint64_t position = 0; status == STATUS_OK && position < scan->buffer_size;
         position += COMMIT_ALIGNMENT) {
        status = commit_verify(available(scan, position), scan->epoch, COMMIT_SIZE_MAX, &header);
        if (status == STATUS_OK) {
            file->first_sequence = header.sequence;
            file->is_headless = position > 0;
            return STATUS_OK;
        }
        if (status != STATUS_UNSUPPORTED)
            status = STATUS_OK;
    }
    return status;
}

static enum status open_files(struct scan *scan, const char *store,
                              const struct journal_listing *listing, uint32_t core)
{
    for (uint32_t i = 0; i < listing->count; i++) {
        if (listing->files[i].core != core)
            continue;
        struct scanned_file *file = &scan->files[scan->file_count];
        path_journal(store, core, listing->files[i].file, file->path);
        enum status status = await_open(scan->io, file->path, IO_OPEN_READ_ONLY | IO_OPEN_DIRECT,
                                        &file->handle, &file->size_bytes);
        if (status != STATUS_OK)
            return status;
        scan->file_count++;
        status = find_first(scan, file);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static int compare_files(const void *left, const void *right)
{
    const struct scanned_file *a = left;
    const struct scanned_file *b = right;
    return (a->first_sequence > b->first_sequence) - (a->first_sequence < b->first_sequence);
}

/* Files in order of their commits. The oldest may be one that was being written anew, with zeros or
 * with a commit, when the run ended: then all that it held is in the segments. */
static enum status visit_files(struct scan *scan, struct journal_visitor *visitor)
{
    uint32_t first = 0;
    while (first < scan->file_count && scan->files[first].first_sequence == 0)
        first++;
    while (first + 1 < scan->file_count && scan->files[first].is_headless)
        first++;
    if (first == scan->file_count)
        return STATUS_OK;
    scan->oldest = &scan->files[first];
    scan->next_sequence = scan->oldest->first_sequence;
    scan->may_be_zeroed = first + 1 < scan->file_count;
    if (scan->oldest->is_headless)
        report_damage(scan, scan->oldest, visitor);
    enum status status = STATUS_OK;
    for (uint32_t i = first; i < scan->file_count && status == STATUS_OK; i++)
        status = walk(scan, &scan->files[i], visitor);
    return status;
}

enum status journal_scan_core(struct io *io, const char *store, struct logger *logger,
                              const struct journal_listing *listing, uint32_t core, uint64_t epoch,
                              struct journal_visitor *visitor)
{
    struct scan scan = {.io = io, .logger = logger, .epoch = epoch};
    scan.files = calloc(listing->count + 1, sizeof *scan.files);
    scan.buffer = aligned_alloc(IO_BLOCK_SIZE, SCAN_BUFFER_SIZE);
    enum status status = scan.files == NULL || scan.buffer == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK)
        status = open_files(&scan, store, listing, core);
    if (status == STATUS_OK) {
        qsort(scan.files, scan.file_count, sizeof *scan.files, compare_files);
        status = visit_files(&scan, visitor);
    }
    for (uint32_t i = 0; i < scan.file_count; i++)
        await_close(io, scan.files[i].handle);
    free(scan.buffer);
    free(scan.files);
    return status;
}
