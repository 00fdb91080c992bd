/* Opening: what is on disk is read, checked, cut where a write was torn, and synced, so that what
 * the quorum takes for stored is stored. Blocking; before the loops run. Here are the folder, the
 * state file and the snapshot, and how they fit the log files (metadata_log_load.c). */
#include "cluster/metadata_log_opening.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

enum status opening_await(struct opening *opening)
{
    assert(opening->log != NULL);
    int32_t result = io_await(opening->log->io, &opening->request);
    return result < 0 ? (enum status)result : STATUS_OK;
}

enum status opening_damaged(struct opening *opening, const char *file, const char *what,
                            uint64_t offset)
{
    log_error(opening->log->logger, "the metadata cannot be trusted; the broker does not start",
              field_text("directory", opening->log->directory), field_text("file", file),
              field_u64("offset", offset), field_text("what", what));
    return STATUS_CORRUPT;
}

/* --- The folder ------------------------------------------------------------------------------- */

/* Makes the folder and those above it. */
static enum status make_directory(struct opening *opening, const char *path)
{
    io_make_directory(opening->log->io, &opening->request, path);
    enum status status = opening_await(opening);
    const char *slash = strrchr(path, '/');
    if (status == STATUS_NOT_FOUND && slash != NULL && slash != path) {
        char parent[FILE_PATH_MAX];
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
        status = make_directory(opening, parent);
        if (status != STATUS_OK)
            return status;
        io_make_directory(opening->log->io, &opening->request, path);
        status = opening_await(opening);
    }
    return status == STATUS_EXISTS ? STATUS_OK : status;
}

enum status opening_sync_folder(struct opening *opening)
{
    io_sync_directory(opening->log->io, &opening->request, opening->log->directory);
    return opening_await(opening);
}

enum status opening_remove_file(struct opening *opening, const char *name)
{
    char path[FILE_PATH_MAX];
    file_path(path, opening->log->directory, name);
    io_unlink(opening->log->io, &opening->request, path);
    return opening_await(opening);
}

static bool is_unfinished(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".new") == 0;
}

/* Finds the log files and the newest snapshot; removes what was never finished. */
static enum status read_directory(struct opening *opening, uint64_t *snapshot_index)
{
    assert(opening->firsts == NULL);
    assert(*snapshot_index == 0);
    io_list_directory(opening->log->io, &opening->request, opening->log->directory, opening->arena);
    enum status status = opening_await(opening);
    if (status != STATUS_OK)
        return status;
    opening->names = opening->request.listing.entries;
    opening->name_count = opening->request.listing.entry_count;
    opening->firsts =
        arena_allocate_array(opening->arena, opening->name_count, sizeof *opening->firsts);
    if (opening->firsts == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < opening->name_count; i++) {
        const char *name = opening->names[i].name;
        uint64_t first = metadata_log_name_index(name);
        uint64_t snapshot = metadata_snapshot_name_index(name);
        if (first != 0)
            opening->firsts[opening->first_count++] = first;
        if (snapshot > *snapshot_index)
            *snapshot_index = snapshot;
        if (is_unfinished(name))
            (void)opening_remove_file(opening, name);
    }
    return STATUS_OK;
}

/* --- State and snapshot ----------------------------------------------------------------------- */

/* A folder of another node is refused: two nodes that shared a log would both lead it. */
static enum status load_state(struct opening *opening, uint64_t server_id)
{
    assert(server_id > 0);
    char path[FILE_PATH_MAX];
    struct bytes content = {0};
    struct metadata_state *state = &opening->loaded->state;
    file_path(path, opening->log->directory, "state");
    enum status status = file_load_await(opening->log->io, path, opening->arena, &content);
    if (status != STATUS_OK)
        return status;
    status = metadata_state_decode(content, state);
    if (status == STATUS_CORRUPT)
        return opening_damaged(opening, "state", "the checksum does not fit", 0);
    if (status == STATUS_OK && state->server_id != server_id) {
        log_error(opening->log->logger,
                  "the data folder belongs to another node; set node.id to its number",
                  field_text("directory", opening->log->directory),
                  field_u64("folder_of_node", state->server_id - 1),
                  field_u64("node_id", server_id - 1));
        return STATUS_INVALID;
    }
    return status;
}

static enum status load_snapshot(struct opening *opening, uint64_t index)
{
    assert(index > 0);
    char name[METADATA_NAME_MAX];
    char path[FILE_PATH_MAX];
    struct bytes content = {0};
    struct metadata_snapshot *snapshot = &opening->loaded->snapshot;
    metadata_snapshot_name(name, index);
    file_path(path, opening->log->directory, name);
    enum status status = file_load_await(opening->log->io, path, opening->arena, &content);
    if (status != STATUS_OK)
        return status;
    status = metadata_snapshot_decode(content, snapshot);
    if (status == STATUS_CORRUPT || (status == STATUS_OK && snapshot->index != index))
        return opening_damaged(opening, name, "the checksum does not fit", 0);
    opening->loaded->has_snapshot = true;
    opening->log->snapshot_index = index;
    return status;
}

/* --- Log and snapshot together ---------------------------------------------------------------- */

/* What the log says about the snapshot's last entry must be what the snapshot says; otherwise the
 * log belongs to another history and is dropped. A log that ends before the snapshot does holds
 * nothing of use either. */
static bool log_agrees(const struct opening *opening)
{
    const struct metadata_snapshot *snapshot = &opening->loaded->snapshot;
    uint64_t from = opening->entries_from;
    if (!opening->loaded->has_snapshot || opening->next_index == 0 || from == snapshot->index + 1)
        return true;
    if (opening->next_index <= snapshot->index)
        return false;
    assert(from <= snapshot->index);
    return opening->entries[snapshot->index - from].term == snapshot->term;
}

static void drop_log(struct opening *opening)
{
    assert(opening->loaded->has_snapshot);
    struct metadata_log *log = opening->log;
    log_warn(log->logger, "the metadata log ends before its snapshot and is dropped",
             field_text("directory", log->directory),
             field_u64("snapshot_index", log->snapshot_index));
    for (uint32_t i = 0; i < log->file_count; i++) {
        char name[METADATA_NAME_MAX];
        metadata_log_name(name, log->files[i].first_index);
        (void)opening_remove_file(opening, name);
    }
    if (log->handle >= 0) {
        io_close(log->io, &opening->request, log->handle);
        (void)opening_await(opening);
    }
    log->handle = -1;
    log->file_count = 0;
    log->wants_new_file = true;
    opening->loaded->entry_count = 0;
    opening->next_index = 0;
}

static enum status settle(struct opening *opening)
{
    struct metadata_loaded *loaded = opening->loaded;
    struct metadata_log *log = opening->log;
    uint64_t snapshot_index = log->snapshot_index;
    if (!log_agrees(opening))
        drop_log(opening);
    uint64_t last = opening->next_index == 0 ? snapshot_index : opening->next_index - 1;
    uint64_t skipped = 0;
    if (loaded->entry_count > 0 && opening->entries_from <= snapshot_index)
        skipped = snapshot_index + 1 - opening->entries_from;
    assert(skipped <= loaded->entry_count);
    if (last < loaded->state.stored_index)
        return opening_damaged(opening, "state", "the log ends before the last stop's mark", last);
    loaded->entries = loaded->entry_count == skipped ? NULL : opening->entries + skipped;
    loaded->entry_count -= (uint32_t)skipped;
    loaded->first_index = snapshot_index + 1;
    log->stored_index = last;
    log->next_index = last + 1;
    log->state = loaded->state;
    assert(loaded->first_index + loaded->entry_count == log->next_index);
    assert(log->stored_index >= log->snapshot_index);
    return STATUS_OK;
}

/* There is no state file. */
static enum status open_new(struct opening *opening, uint64_t server_id, uint64_t snapshot_index)
{
    bool has_begun = true;
    enum status status =
        snapshot_index > 0 ? STATUS_OK : opening_find_out_if_begun(opening, &has_begun);
    if (status != STATUS_OK)
        return status;
    if (has_begun)
        return opening_damaged(opening, "state", "the file is missing", 0);
    opening->loaded->is_new = true;
    opening->loaded->state.server_id = server_id;
    return settle(opening);
}

static enum status open_directory(struct opening *opening, uint64_t server_id)
{
    uint64_t snapshot_index = 0;
    enum status status = make_directory(opening, opening->log->directory);
    if (status == STATUS_OK)
        status = read_directory(opening, &snapshot_index);
    if (status != STATUS_OK)
        return status;
    status = load_state(opening, server_id);
    if (status == STATUS_NOT_FOUND)
        return open_new(opening, server_id, snapshot_index);
    if (status == STATUS_OK && snapshot_index > 0)
        status = load_snapshot(opening, snapshot_index);
    if (status == STATUS_OK)
        status = opening_read_files(opening);
    return status == STATUS_OK ? settle(opening) : status;
}

/* Memory for the header of a new file is taken now: rolling must not fail for want of 4 KiB. */
static struct metadata_log *log_create(struct io *io, const char *directory, struct logger *logger)
{
    struct metadata_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    log->io = io;
    log->logger = logger;
    log->directory = directory;
    log->handle = -1;
    log->wants_new_file = true;
    log->roll.block = malloc(METADATA_BLOCK_SIZE);
    assert(log->roll.block != NULL);
    timer_init(&log->patience, metadata_log_patience_is_over);
    list_init(&log->queue);
    list_init(&log->writing);
    return log;
}

enum status metadata_log_open(struct io *io, const char *directory, uint64_t server_id,
                              struct logger *logger, struct arena *arena,
                              struct metadata_loaded *loaded, struct metadata_log **log)
{
    assert(io_core_index(io) == 0);
    assert(directory != NULL);
    assert(loaded != NULL);
    assert(log != NULL);
    assert(server_id > 0);
    *log = NULL;
    if (strlen(directory) > FILE_PATH_MAX - METADATA_NAME_MAX - 8)
        return STATUS_TOO_LARGE;
    struct opening opening = {.arena = arena, .loaded = loaded};
    *loaded = (struct metadata_loaded){0};
    opening.log = log_create(io, directory, logger);
    if (opening.log == NULL)
        return STATUS_NO_MEMORY;
    enum status status = open_directory(&opening, server_id);
    if (status != STATUS_OK) {
        if (opening.log->handle >= 0) {
            io_close(io, &opening.request, opening.log->handle);
            (void)opening_await(&opening);
        }
        metadata_log_destroy(opening.log);
        return status;
    }
    *log = opening.log;
    return STATUS_OK;
}
