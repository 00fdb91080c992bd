/* Finding the commits of the present epoch in files that also hold those of earlier rounds and
 * runs. The order is told by sequences alone: file numbers say nothing, the ring may begin
 * anywhere. Every commit says how far the journal had been checkpointed when it was made, the
 * newest one says it best, and so the newest file is read first: of the files that hold nothing
 * newer than that only the heads are. */
#include "storage/journal_scan_parts.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

enum {
    AHEAD_SIZE_MAX = 32 * 1024 * 1024, /* a file that is larger is not read before its turn */
    HEAD_SIZE = 128 * 1024,
    SEARCH_SIZE = 2 * COMMIT_SIZE_MAX,
    LISTING_BYTES_MAX = 1 << 20,
    SILENCE_BYTES_MAX = 8 * COMMIT_SIZE_MAX, /* without a commit: the end of what was written */
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

/* --- Commits ---------------------------------------------------------------------------------- */

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

/* Commits before this one are missing. One is in flight at a time: a whole one behind a bad one
 * proves that the bad one was whole once, and acknowledged. What was in it is lost; what is behind
 * it is not. */
static void note_gap(struct journal_scan *scan, const struct scanned_file *file, uint64_t sequence)
{
    assert(sequence > 1);
    scan->missing_sequence = sequence - 1;
    if (scan->may_be_zeroed || sequence - 1 <= scan->released_sequence)
        return;
    scan->is_damaged = true;
    log_error(scan->site->logger, "damaged commit in the journal, with later ones behind it",
              field_text("file", file->path), field_u64("sequence", scan->next_sequence));
}

static void note_released(struct journal_scan *scan, const struct commit_header *header)
{
    if (header->released_sequence > scan->released_sequence &&
        header->released_sequence < header->sequence)
        scan->released_sequence = header->released_sequence;
}

/* Those of an earlier round are passed over. */
static enum status take_commit(struct journal_scan *scan, const struct scanned_file *file,
                               const struct commit_header *header, struct bytes commit)
{
    if (header->sequence < scan->next_sequence)
        return STATUS_OK;
    if (header->sequence != scan->next_sequence && scan->visitor == NULL)
        note_gap(scan, file, header->sequence);
    scan->next_sequence = header->sequence + 1;
    scan->may_be_zeroed = scan->may_be_zeroed && file == scan->oldest;
    note_released(scan, header);
    if (header->sequence <= scan->released_sequence)
        return STATUS_OK;
    if (scan->visitor != NULL)
        return visit_commit(commit, scan->visitor);
    journal_scan_keep(scan, header->sequence, commit);
    return STATUS_OK;
}

/* Takes the commits of the file that come after those taken before. */
static enum status walk(struct journal_scan *scan, const struct scanned_file *file)
{
    uint64_t position = 0;
    uint64_t end_position = 0; /* of the last whole commit */
    enum status status = journal_scan_fill(scan, file, 0, JOURNAL_SCAN_WINDOW_SIZE);
    while (status == STATUS_OK && position < file->size_bytes &&
           position - end_position < SILENCE_BYTES_MAX) {
        struct commit_header header;
        struct bytes commit = {0};
        enum status verdict = journal_scan_look(scan, file, position, &header, &commit);
        if (verdict == STATUS_NOT_FOUND || verdict == STATUS_CORRUPT) {
            position += COMMIT_ALIGNMENT;
            continue;
        }
        status = verdict == STATUS_OK ? take_commit(scan, file, &header, commit) : verdict;
        position += commit_stored_size(header.size_bytes);
        end_position = position;
    }
    return status;
}

/* No file stays open between two visits: there may be as many as the process may open. */
static enum status walk_again(struct journal_scan *scan, struct scanned_file *file)
{
    assert(file->handle < 0);
    enum status status = await_open(scan->site->io, file->path, IO_OPEN_READ_ONLY | IO_OPEN_DIRECT,
                                    &file->handle, &file->size_bytes);
    if (status != STATUS_OK)
        return status;
    status = walk(scan, file);
    enum status close_status = await_close(scan->site->io, file->handle);
    file->handle = -1;
    return status != STATUS_OK ? status : close_status;
}

/* In order of their commits. */
static enum status walk_all(struct journal_scan *scan)
{
    assert(scan->oldest != NULL);
    assert(scan->oldest->first_sequence > 0);
    enum status status = STATUS_OK;
    scan->next_sequence = scan->oldest->first_sequence;
    for (struct scanned_file *file = scan->oldest;
         file < scan->files + scan->file_count && status == STATUS_OK; file++)
        status = scan->visitor == NULL ? walk(scan, file) : walk_again(scan, file);
    return status;
}

/* --- Files ------------------------------------------------------------------------------------ */

static void note_first(struct journal_scan *scan, struct scanned_file *file,
                       const struct commit_header *header, uint64_t position)
{
    assert(file->first_sequence == 0); /* Each file is looked at once. */
    file->first_sequence = header->sequence;
    file->is_headless = position > 0;
    note_released(scan, header);
}

/* The file's first good commit, which is not where the file begins. A commit is never larger than
 * what is looked at: in a file that has one of this epoch, the second is found if the first is bad.
 */
static enum status find_first(struct journal_scan *scan, struct scanned_file *file)
{
    struct commit_header header;
    enum status status = journal_scan_fill(scan, file, 0, SEARCH_SIZE);
    for (uint64_t position = 0; status == STATUS_OK && position < scan->window.size_bytes;
         position += COMMIT_ALIGNMENT) {
        status = commit_verify(journal_scan_available(scan, position), scan->site->epoch,
                               COMMIT_SIZE_MAX, &header);
        if (status == STATUS_OK) {
            note_first(scan, file, &header, position);
            return STATUS_OK;
        }
        if (status != STATUS_UNSUPPORTED)
            status = STATUS_OK;
    }
    return status;
}

/* Files that are looked at together. */
struct file_group {
    struct scanned_file *files;
    uint32_t count;
    struct io_request requests[AWAIT_COUNT_MAX];
    uint8_t *heads;
};

static enum status open_group(struct journal_scan *scan, struct file_group *group)
{
    struct io *io = scan->site->io;
    struct await_set set = {.io = io};
    for (uint32_t i = 0; i < group->count; i++)
        io_open(io, await_add(&set, &group->requests[i]), group->files[i].path,
                IO_OPEN_READ_ONLY | IO_OPEN_DIRECT);
    enum status status = await_all(&set, STATUS_OK);
    for (uint32_t i = 0; i < group->count; i++)
        if (group->requests[i].completion.result >= 0)
            group->files[i].handle = group->requests[i].completion.result;
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < group->count; i++)
        io_file_size(io, await_add(&set, &group->requests[i]), group->files[i].handle);
    status = await_all(&set, STATUS_OK);
    for (uint32_t i = 0; i < group->count && status == STATUS_OK; i++)
        group->files[i].size_bytes = group->requests[i].range.size_bytes;
    return status;
}

static enum status read_heads(struct journal_scan *scan, struct file_group *group)
{
    struct io *io = scan->site->io;
    struct await_set set = {.io = io};
    for (uint32_t i = 0; i < group->count; i++)
        io_read(io, await_add(&set, &group->requests[i]), group->files[i].handle,
                group->heads + (size_t)i * HEAD_SIZE, HEAD_SIZE, 0);
    enum status status = await_all(&set, STATUS_OK);
    for (uint32_t i = 0; i < group->count && status == STATUS_OK; i++) {
        struct commit_header header;
        struct bytes head = bytes_of(group->heads + (size_t)i * HEAD_SIZE,
                                     (size_t)group->requests[i].completion.result);
        if (commit_verify(head, scan->site->epoch, COMMIT_SIZE_MAX, &header) == STATUS_OK)
            note_first(scan, &group->files[i], &header, 0);
        else
            status = find_first(scan, &group->files[i]);
    }
    return status;
}

static enum status look_at_group(struct journal_scan *scan, struct file_group *group)
{
    enum status status = open_group(scan, group);
    if (status != STATUS_OK)
        return status;
    group->heads = aligned_alloc(IO_BLOCK_SIZE, (size_t)group->count * HEAD_SIZE);
    status = group->heads == NULL ? STATUS_NO_MEMORY : read_heads(scan, group);
    free(group->heads);
    return status;
}

static enum status look_at_files(struct journal_scan *scan)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < scan->file_count && status == STATUS_OK; i += AWAIT_COUNT_MAX) {
        uint32_t rest = scan->file_count - i;
        struct file_group group = {.files = scan->files + i,
                                   .count = rest < AWAIT_COUNT_MAX ? rest : AWAIT_COUNT_MAX};
        status = look_at_group(scan, &group);
    }
    return status;
}

static int compare_files(const void *left, const void *right)
{
    const struct scanned_file *a = left;
    const struct scanned_file *b = right;
    return (a->first_sequence > b->first_sequence) - (a->first_sequence < b->first_sequence);
}

/* From the newest file's beginning to the first that is not whole or does not follow: how far had
 * the journal been checkpointed? Only what is found one behind the other is believed: anywhere else
 * a client's payload may look like a commit. Whatever goes wrong here the walk will come upon. */
static void read_newest(struct journal_scan *scan)
{
    const struct scanned_file *newest = &scan->files[scan->file_count - 1];
    uint64_t size = journal_scan_stretch_size(newest, 0, UINT64_MAX);
    uint64_t position = 0, sequence = newest->first_sequence;
    struct commit_header header;
    if (newest->is_headless || size > AHEAD_SIZE_MAX || size > scan->site->spare_bytes)
        return;
    if (!journal_scan_begin_ahead(scan, size))
        return;
    while (journal_scan_look_ahead(scan, newest, position, &header) == STATUS_OK &&
           header.sequence == sequence) {
        note_released(scan, &header);
        position += commit_stored_size(header.size_bytes);
        sequence++;
        if (position > scan->ahead.size_bytes)
            break;
    }
}

/* Without those that hold nothing of this epoch, or nothing that has not been checkpointed. */
static void find_oldest(struct journal_scan *scan)
{
    uint32_t first = 0;
    qsort(scan->files, scan->file_count, sizeof *scan->files, compare_files);
    while (first < scan->file_count && scan->files[first].first_sequence == 0)
        first++;
    if (first + 1 < scan->file_count)
        read_newest(scan);
    while (first + 1 < scan->file_count &&
           scan->files[first + 1].first_sequence <= scan->released_sequence + 1)
        first++;
    scan->may_be_zeroed = first + 1 < scan->file_count; /* the newest is never made anew */
    scan->oldest = first == scan->file_count ? NULL : &scan->files[first];
}

/* What comes before the oldest commit found may be missing because its file was being written anew,
 * with zeros or with a commit, when the run ended: then all that it held is in the segments, and
 * most often a later commit says so. There is one in another file in any case (may_be_made in
 * journal_ring.c): a headless file that is the only one has been damaged. */
static void check_beginning(struct journal_scan *scan)
{
    const struct scanned_file *oldest = scan->oldest;
    scan->next_sequence = scan->released_sequence + 1;
    if (oldest->first_sequence <= scan->next_sequence)
        return;
    if (oldest->is_headless)
        note_gap(scan, oldest, oldest->first_sequence);
    else
        scan->missing_sequence = oldest->first_sequence - 1;
}

static enum status read_commits(struct journal_scan *scan)
{
    if (scan->oldest == NULL)
        return STATUS_OK;
    check_beginning(scan);
    enum status status = walk_all(scan);
    journal_scan_leave_window(scan);
    return status;
}

/* They have only been read, so nothing can be lost here. */
static void close_files(struct journal_scan *scan)
{
    for (uint32_t i = 0; i < scan->file_count; i++) {
        struct scanned_file *file = &scan->files[i];
        if (file->handle >= 0)
            (void)await_close(scan->site->io, file->handle);
        file->handle = -1;
    }
}

static void add_files(struct journal_scan *scan, uint32_t core)
{
    const struct journal_listing *listing = scan->site->listing;
    for (uint32_t i = 0; i < listing->count; i++) {
        if (listing->files[i].core != core)
            continue;
        struct scanned_file *file = &scan->files[scan->file_count++];
        file->handle = -1;
        path_journal(scan->site->store_directory, core, listing->files[i].file, file->path);
    }
}

enum status journal_scan_create(struct journal_scan_site *site, uint32_t core,
                                struct journal_scan **result)
{
    assert(site->listing->count <= JOURNAL_LISTING_MAX);
    struct journal_scan *scan = calloc(1, sizeof *scan);
    *result = scan;
    if (scan == NULL)
        return STATUS_NO_MEMORY;
    scan->site = site;
    scan->keeps = true;
    scan->files = calloc(site->listing->count + 1, sizeof *scan->files);
    if (scan->files == NULL)
        return STATUS_NO_MEMORY;
    add_files(scan, core);
    enum status status = look_at_files(scan);
    if (status == STATUS_OK) {
        find_oldest(scan);
        status = read_commits(scan);
    }
    close_files(scan);
    return status;
}

void journal_scan_destroy(struct journal_scan *scan)
{
    if (scan == NULL)
        return;
    journal_scan_stop_keeping(scan);
    free(scan->window.data);
    free(scan->ahead.data);
    free(scan->buffers);
    free(scan->commits);
    free(scan->files);
    free(scan);
}

struct journal_findings journal_scan_findings(const struct journal_scan *scan)
{
    return (struct journal_findings){scan->missing_sequence > scan->released_sequence,
                                     scan->is_damaged};
}

enum status journal_scan_visit(struct journal_scan *scan, struct journal_visitor *visitor)
{
    enum status status = STATUS_OK;
    if (scan->oldest == NULL)
        return STATUS_OK;
    assert(scan->visitor == NULL);
    assert(visitor->visit != NULL);
    if (!scan->keeps) {
        scan->visitor = visitor;
        status = walk_all(scan);
        scan->visitor = NULL;
        return status;
    }
    for (size_t i = 0; i < scan->commit_count && status == STATUS_OK; i++)
        if (scan->commits[i].sequence > scan->released_sequence)
            status = visit_commit(scan->commits[i].commit, visitor);
    return status;
}
