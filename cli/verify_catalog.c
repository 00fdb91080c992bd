/* Checking the catalog, and keeping the newest state of each log. Every commit is there twice, so
 * one that is damaged once has lost nothing, but says something about the disk. The last commit of
 * a file may be torn: nobody was told of it. */
#include "base/assert.h"
#include "cli/file_window.h"
#include "cli/verify.h"
#include "storage/catalog.h"
#include "storage/commit.h"

#include <dirent.h>
#include <stdlib.h>

struct catalog_check {
    struct verify *verify;
    uint64_t epoch; /* of the base; 0 before its first commit has been read */
    const char *path;
    struct file_window window;
    uint64_t expected;     /* the next sequence */
    uint64_t bad_position; /* of the first block since the last commit that is none */
    bool has_bad;
    bool is_second; /* the other copy of the last commit comes next */
};

static void take_entries(struct catalog_check *check, struct bytes commit, uint64_t at)
{
    struct verify *verify = check->verify;
    struct commit_entry entry;
    struct bytes payload;
    uint32_t position = COMMIT_HEADER_SIZE;
    while (commit_next(commit, &position, &entry, &payload)) {
        struct store_state state = {.topic_id = entry.topic_id,
                                    .partition = entry.partition,
                                    .is_removed = entry.kind == COMMIT_REMOVED,
                                    .version = entry.version,
                                    .content = payload};
        if (entry.kind != COMMIT_END && store_states_add(&verify->states, &state) != STATUS_OK)
            verify->is_broken = true;
    }
    if (position != commit.size)
        verify_file_damaged(verify, check->path, at + position, "not an entry of a commit");
}

/* A good commit: the first copy of the next one, the second of the last, or one behind a loss. */
static void take_commit(struct catalog_check *check, const struct commit_header *header,
                        struct bytes commit, uint64_t at)
{
    bool is_again = header->sequence + 1 == check->expected;
    if (is_again && check->is_second) {
        check->is_second = false;
    } else if (header->sequence >= check->expected) {
        if (header->sequence > check->expected)
            verify_file_damaged(check->verify, check->path, check->bad_position,
                                "both copies of a commit are damaged: states are lost");
        else if (check->has_bad || check->is_second)
            verify_file_damaged(check->verify, check->path, check->bad_position,
                                "one of two copies of a commit is damaged");
        take_entries(check, commit, at);
        check->is_second = !check->has_bad;
        check->expected = header->sequence + 1;
    }
    check->has_bad = false;
    check->bad_position = at + commit_stored_size(header->size_bytes);
}

/* The base says itself of which run it is; what the files of the cores have of other runs is old.
 */
static enum status look(struct catalog_check *check, uint64_t position,
                        struct commit_header *header, struct bytes *commit)
{
    struct bytes bytes = file_window_at(&check->window, position, FILE_BLOCK_SIZE);
    uint64_t epoch = check->epoch;
    if (epoch == 0 && bytes.size >= COMMIT_HEADER_SIZE)
        memcpy(&epoch, bytes.data + offsetof(struct commit_header, epoch), sizeof epoch);
    enum status status = commit_verify(bytes, epoch, CATALOG_COMMIT_SIZE_MAX, header);
    if (status == STATUS_TRUNCATED && position + header->size_bytes <= check->window.size_bytes) {
        bytes = file_window_at(&check->window, position, header->size_bytes);
        status = commit_verify(bytes, epoch, CATALOG_COMMIT_SIZE_MAX, header);
    }
    if (status == STATUS_OK) {
        check->epoch = epoch;
        *commit = bytes_of(bytes.data, header->size_bytes);
    }
    return status;
}

static void walk_commits(struct catalog_check *check)
{
    uint64_t position = 0;
    check->expected = 1;
    check->has_bad = check->is_second = false;
    check->bad_position = 0;
    while (position < check->window.size_bytes) {
        struct commit_header header;
        struct bytes commit;
        if (look(check, position, &header, &commit) == STATUS_OK) {
            take_commit(check, &header, commit, position);
            position += commit_stored_size(header.size_bytes);
            continue;
        }
        check->bad_position = check->has_bad ? check->bad_position : position;
        check->has_bad = true;
        position += COMMIT_ALIGNMENT;
    }
    verify_progress(check->verify, check->window.size_bytes);
}

/* What is behind the last good commit is where the next would have come; but the base is written as
 * a whole, and so is everything before an orderly stop. */
static void check_file(struct catalog_check *check, const char *path, bool is_base)
{
    check->path = path;
    enum status status = file_window_open(&check->window, path);
    if (status != STATUS_OK) {
        verify_file_damaged(check->verify, path, 0, status_text(status));
        return;
    }
    walk_commits(check);
    if (check->is_second && (is_base || check->verify->is_clean))
        verify_file_damaged(check->verify, path, check->bad_position,
                            "one of two copies of a commit is damaged");
    if (is_base && check->expected == 1)
        verify_file_damaged(check->verify, path, 0, "the catalog's base cannot be read");
    file_window_close(&check->window);
}

static int is_catalog(const struct dirent *entry)
{
    uint32_t core;
    uint32_t file;
    return path_parse_catalog(entry->d_name, &core, &file);
}

void verify_catalog(struct verify *verify)
{
    struct catalog_check check = {.verify = verify};
    char directory[PATH_SIZE];
    char path[PATH_SIZE];
    struct dirent **entries;
    path_catalogs(verify->store, directory);
    path_catalog_base(verify->store, path);
    int count = scandir(directory, &entries, is_catalog, alphasort);
    if (count < 0)
        return;
    check_file(&check, path, true);
    for (int i = 0; i < count; i++) {
        path_join(directory, entries[i]->d_name, path);
        check_file(&check, path, false);
        free(entries[i]);
    }
    free(entries);
    store_states_settle(&verify->states);
}

void verify_catalog_forget(struct verify *verify)
{
    for (size_t i = 0; i < verify->states.count; i++)
        free((void *)verify->states.states[i].content.data);
    free(verify->states.states);
    verify->states = (struct store_states){0};
}
