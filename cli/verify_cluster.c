/* Checking what a broker knows about itself and its cluster: meta.properties, and the files under
 * cluster/ with the rules by which the broker trusts them at its start. A directory of log.dirs in
 * which the metadata does not lie has only the first. */
#include "base/assert.h"
#include "cli/file_window.h"
#include "cli/metadata_scan.h"
#include "cli/verify.h"
#include "cluster/meta_properties.h"
#include "cluster/metadata_record.h"

#include <dirent.h>
#include <stdlib.h>

enum { RECORDS_MEMORY_MAX = 64 * 1024 * 1024 };

struct cluster_check {
    struct verify *verify;
    char directory[PATH_SIZE];
    char path[PATH_SIZE]; /* of the file that is looked at */
    struct arena arena;   /* for one record */
    struct meta_properties properties;
    bool has_properties;
    struct metadata_state state;
    bool has_state;
    struct uuid cluster_id;  /* as the records have it; zero: they do not say */
    bool has_directories;    /* the records name the broker's directories, */
    bool knows_directory;    /* and this one among them */
    uint64_t snapshot_index; /* of the newest */
    uint64_t next_index;     /* of the entry expected next; 0: none was read yet */
};

static void report(struct cluster_check *check, uint64_t position, const char *what)
{
    verify_file_damaged(check->verify, check->path, position, what);
}

/* Calls `take` with all that stands in a file of the directory. False if there is none. */
static bool with_content(struct cluster_check *check, const char *directory, const char *name,
                         void (*take)(struct cluster_check *check, struct bytes content))
{
    struct file_window window;
    path_join(directory, name, check->path);
    enum status status = file_window_open(&window, check->path);
    if (status == STATUS_NOT_FOUND)
        return false;
    if (status != STATUS_OK) {
        report(check, 0, status_text(status));
        return true;
    }
    struct bytes content = file_window_at(&window, 0, window.size_bytes);
    verify_progress(check->verify, window.size_bytes);
    if (content.size < window.size_bytes)
        report(check, 0, "a file larger than the memory there is");
    else
        take(check, bytes_of(content.data, (size_t)window.size_bytes));
    file_window_close(&window);
    return true;
}

/* --- Records ---------------------------------------------------------------------------------- */

static void take_broker(struct cluster_check *check, const struct broker_record *broker)
{
    if (broker->broker_id != check->properties.node_id || broker->log_dirs_count == 0)
        return;
    check->has_directories = true;
    for (uint32_t i = 0; i < broker->log_dirs_count; i++)
        check->knows_directory |=
            uuid_equal(broker->log_dirs[i].directory_id, check->properties.directory_id);
}

static void take_records(struct cluster_check *check, struct bytes records, uint64_t position)
{
    struct reader reader;
    enum status status = STATUS_OK;
    reader_init(&reader, records);
    while (status == STATUS_OK && reader_remaining(&reader) > 0) {
        struct metadata_record record;
        int16_t version;
        arena_reset(&check->arena);
        status = metadata_record_read(&reader, &check->arena, &record, &version);
        if (status == STATUS_OK && record.kind == METADATA_CLUSTER)
            check->cluster_id = record.cluster.cluster_id;
        if (status == STATUS_OK && record.kind == METADATA_BROKER)
            take_broker(check, &record.broker);
    }
    if (status != STATUS_OK)
        report(check, position, "a record of the metadata that makes no sense");
}

/* --- State and snapshots ---------------------------------------------------------------------- */

static void take_state(struct cluster_check *check, struct bytes content)
{
    check->has_state = metadata_state_decode(content, &check->state) == STATUS_OK;
    if (!check->has_state)
        report(check, 0, "the state of the metadata is damaged");
}

static void take_snapshot(struct cluster_check *check, struct bytes content)
{
    struct metadata_snapshot snapshot;
    const char *name = strrchr(check->path, '/') + 1;
    if (metadata_snapshot_decode(content, &snapshot) != STATUS_OK ||
        snapshot.index != metadata_snapshot_name_index(name)) {
        report(check, 0, "the snapshot of the metadata is damaged");
        return;
    }
    take_records(check, snapshot.records, 0);
    check->snapshot_index = snapshot.index; /* by name the newest comes last */
}

/* --- The log ---------------------------------------------------------------------------------- */

static void take_batch(struct cluster_check *check, const struct metadata_piece *piece)
{
    struct metadata_entry entry;
    size_t at = 0;
    if (piece->batch.first_index != check->next_index)
        report(check, piece->position, "entries of the metadata are missing before these");
    check->next_index = piece->batch.first_index + piece->batch.entry_count;
    while (metadata_batch_entry(&piece->batch, &at, &entry))
        if (entry.kind == METADATA_ENTRY_COMMAND)
            take_records(check, entry.data, piece->position);
}

/* What no whole batch follows may be the rest of a write of which nobody was told, but not below
 * the mark that the last stop has left. */
static void take_tail(struct cluster_check *check, const struct metadata_piece *piece)
{
    assert(check->next_index > 0);
    bool was_stored = check->has_state && check->state.stored_index >= check->next_index;
    if (piece->used_size > 0 && was_stored)
        report(check, piece->position, "a damaged batch of the metadata that was on disk");
    else
        check->verify->torn_bytes += piece->used_size;
}

static void take_piece(struct cluster_check *check, const struct metadata_piece *piece)
{
    switch (piece->kind) {
    case METADATA_PIECE_BATCH: take_batch(check, piece); break;
    case METADATA_PIECE_DAMAGE:
        report(check, piece->position, "a damaged batch of the metadata with later ones behind it");
        break;
    case METADATA_PIECE_TAIL: take_tail(check, piece); break;
    }
}

static void take_log(struct cluster_check *check, struct bytes content)
{
    struct metadata_log_header header;
    struct metadata_scan scan;
    struct metadata_piece piece;
    uint64_t first_index = metadata_log_name_index(strrchr(check->path, '/') + 1);
    bool has_block = content.size >= METADATA_BLOCK_SIZE;
    if (!has_block ||
        metadata_log_header_decode(bytes_of(content.data, METADATA_BLOCK_SIZE), &header) !=
            STATUS_OK ||
        header.first_index != first_index) {
        report(check, 0, "the header of the metadata log is damaged");
        return;
    }
    bool is_first = check->next_index == 0;
    if (is_first ? first_index > check->snapshot_index + 1 : first_index != check->next_index)
        report(check, 0, "entries of the metadata are missing before this file");
    check->next_index = first_index;
    metadata_scan_init(&scan, content, header.file_id);
    while (metadata_scan_next(&scan, &piece))
        take_piece(check, &piece);
}

/* --- Together --------------------------------------------------------------------------------- */

static int is_snapshot(const struct dirent *entry)
{
    return metadata_snapshot_name_index(entry->d_name) != 0;
}

static int is_log(const struct dirent *entry)
{
    return metadata_log_name_index(entry->d_name) != 0;
}

/* By index, which stands in the names with all its digits. Answers how many there are. */
static int each_file(struct cluster_check *check, int (*is_wanted)(const struct dirent *entry),
                     void (*take)(struct cluster_check *check, struct bytes content))
{
    struct dirent **entries;
    int count = scandir(check->directory, &entries, is_wanted, alphasort);
    for (int i = 0; i < count; i++) {
        with_content(check, check->directory, entries[i]->d_name, take);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count;
}

static void check_end(struct cluster_check *check)
{
    uint64_t end = check->next_index > check->snapshot_index + 1 ? check->next_index
                                                                 : check->snapshot_index + 1;
    path_join(check->directory, "state", check->path);
    if (check->has_state && check->state.stored_index >= end)
        report(check, 0, "entries of the metadata that were on disk are missing at the end");
}

static void take_properties(struct cluster_check *check, struct bytes content)
{
    arena_reset(&check->arena);
    check->has_properties =
        meta_properties_parse(content, &check->arena, &check->properties) == STATUS_OK;
    if (!check->has_properties)
        report(check, 0, "something is missing or makes no sense");
}

/* It has no checksum, but says what the metadata says too. */
static void check_properties(struct cluster_check *check)
{
    path_join(check->verify->store, "meta.properties", check->path);
    if (!uuid_is_zero(check->cluster_id) &&
        !uuid_equal(check->cluster_id, check->properties.cluster_id))
        report(check, 0, "cluster.id is not that of the metadata");
    if (check->has_state && check->state.server_id != (uint64_t)check->properties.node_id + 1)
        report(check, 0, "node.id is not that of the metadata");
    else if (check->has_directories && !check->knows_directory)
        report(check, 0, "directory.id is not known to the metadata");
}

static void check_metadata(struct cluster_check *check)
{
    bool is_there = with_content(check, check->directory, "state", take_state);
    int count = each_file(check, is_snapshot, take_snapshot);
    count += each_file(check, is_log, take_log);
    if (!is_there && count > 0) {
        path_join(check->directory, "state", check->path);
        report(check, 0, "the file is missing");
    }
    check_end(check);
}

void verify_cluster(struct verify *verify)
{
    struct cluster_check check = {.verify = verify};
    assert(verify->store[0] != '\0');
    arena_init(&check.arena, RECORDS_MEMORY_MAX);
    path_join(verify->store, "cluster", check.directory);
    with_content(&check, verify->store, "meta.properties", take_properties);
    DIR *directory = opendir(check.directory);
    if (directory != NULL) {
        closedir(directory);
        check_metadata(&check);
        if (check.has_properties)
            check_properties(&check);
    }
    arena_deinit(&check.arena);
}
