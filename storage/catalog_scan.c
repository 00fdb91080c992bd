/* Whatever whole commits are there are taken, wherever they lie; their sequences say whether one is
 * missing. So a bad block costs its own copy, and nothing behind it. */
#include "storage/catalog_scan.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/catalog.h"
#include "storage/epoch_file.h"

#include <stdlib.h>

enum { FILE_BYTES_MAX = 1 << 30, LISTING_BYTES_MAX = 1 << 20 };

struct scan {
    struct logger *logger;
    struct catalog_contents *contents;
    uint64_t epoch; /* of the base, once that has been read */
    uint64_t entry_count;
    bool has_end;
    const char *path;
};

static enum status take_entry(struct scan *scan, const struct commit_entry *entry,
                              struct bytes payload)
{
    bool is_removed = entry->kind == COMMIT_REMOVED;
    if (entry->kind == COMMIT_END) {
        scan->has_end = entry->version == scan->entry_count;
        return STATUS_OK;
    }
    if ((entry->kind != COMMIT_STATE && !is_removed) || entry->partition < 0)
        return STATUS_CORRUPT;
    scan->entry_count++;
    return store_states_add(scan->contents->states, &(struct store_state){
                                                        .topic_id = entry->topic_id,
                                                        .partition = entry->partition,
                                                        .is_removed = is_removed,
                                                        .life = entry->life,
                                                        .version = entry->version,
                                                        .content = payload,
                                                    });
}

static enum status take_commit(struct scan *scan, struct bytes commit)
{
    uint32_t position = COMMIT_HEADER_SIZE;
    struct commit_entry entry;
    struct bytes payload;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && commit_next(commit, &position, &entry, &payload))
        status = take_entry(scan, &entry, payload);
    return status;
}

/* A commit that is missing between two others was whole once: one is in flight at a time. */
static void check_sequence(struct scan *scan, uint64_t sequence, uint64_t expected)
{
    if (sequence == expected)
        return;
    scan->contents->is_damaged = true;
    log_error(scan->logger, "states are missing in the catalog", field_text("file", scan->path),
              field_u64("sequence", expected));
}

/* Every commit of the epoch, once. */
static enum status take_commits(struct scan *scan, struct bytes content)
{
    uint64_t expected = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && content.size > 0) {
        struct commit_header header;
        enum status verdict = commit_verify(content, scan->epoch, CATALOG_COMMIT_SIZE_MAX, &header);
        if (verdict == STATUS_UNSUPPORTED)
            return verdict;
        uint64_t size =
            verdict == STATUS_OK ? commit_stored_size(header.size_bytes) : COMMIT_ALIGNMENT;
        if (verdict == STATUS_OK && header.sequence >= expected) {
            check_sequence(scan, header.sequence, expected);
            expected = header.sequence + 1;
            status = take_commit(scan, bytes_of(content.data, header.size_bytes));
        }
        size = size < content.size ? size : content.size;
        content = bytes_of(content.data + size, content.size - size);
    }
    return status;
}

/* --- Files ------------------------------------------------------------------------------------ */

/* The base says by itself of which run it is: the epoch file may not have been raised yet. */
static enum status base_epoch(struct bytes content, uint64_t epoch, uint64_t *found)
{
    struct commit_header header;
    *found = epoch;
    for (; content.size > 0;
         content = bytes_of(content.data + COMMIT_ALIGNMENT, content.size - COMMIT_ALIGNMENT)) {
        enum status next = commit_verify(content, epoch + 1, CATALOG_COMMIT_SIZE_MAX, &header);
        enum status now = commit_verify(content, epoch, CATALOG_COMMIT_SIZE_MAX, &header);
        if (next == STATUS_OK || now == STATUS_OK) {
            *found = next == STATUS_OK ? epoch + 1 : epoch;
            return STATUS_OK;
        }
        if (next == STATUS_UNSUPPORTED || now == STATUS_UNSUPPORTED)
            return STATUS_UNSUPPORTED;
        if (content.size < COMMIT_ALIGNMENT)
            break;
    }
    return STATUS_OK;
}

static enum status scan_base(struct scan *scan, struct io *io, const char *store, uint64_t epoch)
{
    char path[PATH_SIZE];
    struct bytes content;
    path_catalog_base(store, path);
    scan->path = path;
    enum status status = await_read_whole(io, path, FILE_BYTES_MAX, &content);
    if (status == STATUS_NOT_FOUND) {
        scan->contents->is_damaged = epoch != EPOCH_FIRST;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    status = base_epoch(content, epoch, &scan->epoch);
    if (status == STATUS_OK)
        status = take_commits(scan, content);
    free((void *)content.data);
    if (status == STATUS_OK && !scan->has_end) {
        log_error(scan->logger, "the catalog's base is not whole", field_text("file", path));
        scan->contents->is_damaged = true;
    }
    return status;
}

static enum status scan_file(struct scan *scan, struct io *io, const char *path)
{
    struct bytes content;
    scan->path = path;
    enum status status = await_read_whole(io, path, FILE_BYTES_MAX, &content);
    if (status != STATUS_OK)
        return status;
    uint64_t entry_count = scan->entry_count;
    status = take_commits(scan, content);
    free((void *)content.data);
    if (scan->entry_count != entry_count)
        scan->contents->has_records = true;
    return status;
}

/* Calls for each file of a core; the order does not matter, versions decide. */
static enum status for_each_file(struct io *io, const char *store, struct scan *scan)
{
    char directory[PATH_SIZE], path[PATH_SIZE];
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count, core, file;
    path_catalogs(store, directory);
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(io, directory, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++) {
        if (!path_parse_catalog(entries[i].name, &core, &file))
            continue;
        path_join(directory, entries[i].name, path);
        status = scan != NULL ? scan_file(scan, io, path) : await_unlink(io, path);
    }
    arena_deinit(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status catalog_scan(struct io *io, const char *store, struct logger *logger, uint64_t epoch,
                         struct catalog_contents *contents)
{
    struct scan scan = {.logger = logger, .contents = contents, .epoch = epoch};
    assert(contents->states->count == 0);
    enum status status = scan_base(&scan, io, store, epoch);
    if (status == STATUS_OK)
        status = for_each_file(io, store, &scan);
    if (status == STATUS_OK)
        store_states_settle(contents->states);
    return status;
}

enum status catalog_remove_records(struct io *io, const char *store)
{
    return for_each_file(io, store, NULL);
}

/* --- The base --------------------------------------------------------------------------------- */

struct base {
    struct io *io;
    int32_t handle;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t position;
    uint8_t *buffer;
    uint64_t capacity;
    uint32_t size_bytes;
    uint32_t entry_count;
};

static enum status write_commit(struct base *base)
{
    base->sequence++;
    commit_seal(base->buffer, (struct commit_header){
                                  .epoch = base->epoch,
                                  .sequence = base->sequence,
                                  .size_bytes = base->size_bytes,
                                  .entry_count = base->entry_count,
                              });
    uint32_t stored_size = (uint32_t)commit_stored_size(base->size_bytes);
    enum status status = STATUS_OK;
    for (uint32_t copy = 0; copy < 2 && status == STATUS_OK; copy++) {
        status = await_write(base->io, base->handle, base->buffer, stored_size, base->position);
        base->position += stored_size;
    }
    base->size_bytes = COMMIT_HEADER_SIZE;
    base->entry_count = 0;
    return status;
}

static enum status make_room(struct base *base, uint64_t entry_size)
{
    if (base->entry_count > 0 && base->size_bytes + entry_size > CATALOG_GROUP_SIZE) {
        enum status status = write_commit(base);
        if (status != STATUS_OK)
            return status;
    }
    uint64_t needed = commit_stored_size(base->size_bytes + entry_size);
    if (needed <= base->capacity)
        return STATUS_OK;
    assert(base->entry_count == 0);
    free(base->buffer);
    base->buffer = aligned_alloc(COMMIT_ALIGNMENT, needed);
    base->capacity = base->buffer == NULL ? 0 : needed;
    return base->buffer == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status put(struct base *base, const struct commit_entry *entry, const uint8_t *payload)
{
    enum status status = make_room(base, commit_entry_stored_size(entry->payload_size));
    if (status != STATUS_OK)
        return status;
    base->size_bytes = commit_put(base->buffer, base->size_bytes, entry, payload);
    base->entry_count++;
    return STATUS_OK;
}

static enum status put_all(struct base *base, const struct store_states *states)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < states->count && status == STATUS_OK; i++) {
        const struct store_state *state = &states->states[i];
        assert(!state->is_removed);
        struct commit_entry entry = {
            .kind = COMMIT_STATE,
            .partition = state->partition,
            .topic_id = state->topic_id,
            .version = state->version,
            .payload_size = (uint32_t)state->content.size,
        };
        status = put(base, &entry, state->content.data);
    }
    struct commit_entry end = {.kind = COMMIT_END, .version = states->count};
    if (status == STATUS_OK)
        status = put(base, &end, NULL);
    return status == STATUS_OK ? write_commit(base) : status;
}

enum status catalog_draft_base(struct io *io, const char *store, uint64_t epoch,
                               const struct store_states *states, struct await_draft *draft)
{
    char path[PATH_SIZE];
    path_catalog_base(store, path);
    enum status status = await_draft_open(io, path, IO_OPEN_DIRECT, draft);
    if (status != STATUS_OK)
        return status;
    struct base base = {
        .io = io, .handle = draft->handle, .epoch = epoch, .size_bytes = COMMIT_HEADER_SIZE};
    base.capacity = CATALOG_GROUP_SIZE;
    base.buffer = aligned_alloc(COMMIT_ALIGNMENT, base.capacity);
    status = base.buffer == NULL ? STATUS_NO_MEMORY : put_all(&base, states);
    free(base.buffer);
    return status == STATUS_OK ? STATUS_OK : await_draft_end(io, draft, status);
}
