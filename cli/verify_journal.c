/* Checking the journals. Recovery asks what it can replay; here the question is what they promise,
 * for a log that does not keep it has lost something.
 *
 * A file holds a run of commits of the present epoch from its beginning, and behind it the rests of
 * earlier rounds. One commit is in flight at a time, so only the last of a core may be torn: a good
 * one with a later sequence behind it, in its file or in another of the core, proves damage. */
#include "base/assert.h"
#include "cli/file_window.h"
#include "cli/verify.h"
#include "protocol/batch.h"
#include "storage/commit.h"
#include "storage/epoch_file.h"

#include <dirent.h>
#include <stdlib.h>

/* The run in one file. */
struct journal_run {
    uint32_t core;
    uint64_t first_sequence;
    uint64_t next_sequence;
    uint64_t end_position;
    char path[PATH_SIZE];
};

struct journal_check {
    struct verify *verify;
    struct journal_run *runs;
    uint32_t run_count;
    uint64_t epoch;
};

/* --- What the commits say --------------------------------------------------------------------- */

static bool reserve_promise(struct verify *verify)
{
    if (verify->promise_count < verify->promise_capacity)
        return true;
    size_t capacity = verify->promise_capacity == 0 ? 1024 : verify->promise_capacity * 2;
    void *promises = realloc(verify->promises, capacity * sizeof *verify->promises);
    if (promises == NULL) {
        verify->is_broken = true;
        tool_error(verify->tool, "out of memory");
        return false;
    }
    verify->promises = promises;
    verify->promise_capacity = capacity;
    return true;
}

static void keep_promise(struct journal_check *check, const struct commit_entry *entry,
                         struct bytes payload)
{
    struct batch_header header;
    struct journal_promise promise = {.topic_id = entry->topic_id,
                                      .partition = entry->partition,
                                      .base_offset = -1,
                                      .durable_offset = entry->durable_offset};
    if (entry->kind == COMMIT_BATCH && batch_header_read(payload, &header) == STATUS_OK) {
        promise.base_offset = header.base_offset;
        promise.end_offset = batch_last_offset(&header) + 1;
    }
    if (reserve_promise(check->verify))
        check->verify->promises[check->verify->promise_count++] = promise;
}

static void take_commit(struct journal_check *check, const struct journal_run *run,
                        struct bytes commit, uint64_t at)
{
    struct commit_entry entry;
    struct bytes payload;
    uint32_t position = COMMIT_HEADER_SIZE;
    while (commit_next(commit, &position, &entry, &payload)) {
        if (entry.kind == COMMIT_BATCH && !batch_crc_is_right(payload))
            verify_file_damaged(check->verify, run->path, at + position,
                                "the checksum of a batch is wrong");
        keep_promise(check, &entry, payload);
    }
    if (position != commit.size)
        verify_file_damaged(check->verify, run->path, at + position, "not an entry of a commit");
}

/* --- Files ------------------------------------------------------------------------------------ */

static enum status look(const struct journal_check *check, struct file_window *window,
                        uint64_t position, struct commit_header *header, struct bytes *commit)
{
    struct bytes bytes = file_window_at(window, position, FILE_BLOCK_SIZE);
    enum status status = commit_verify(bytes, check->epoch, COMMIT_SIZE_MAX, header);
    if (status == STATUS_TRUNCATED) {
        bytes = file_window_at(window, position, header->size_bytes);
        status = commit_verify(bytes, check->epoch, COMMIT_SIZE_MAX, header);
    }
    if (status == STATUS_OK)
        *commit = bytes_of(bytes.data, header->size_bytes);
    return status;
}

static void walk_run(struct journal_check *check, struct file_window *window,
                     struct journal_run *run)
{
    struct commit_header header;
    struct bytes commit;
    while (look(check, window, run->end_position, &header, &commit) == STATUS_OK) {
        if (run->first_sequence == 0)
            run->first_sequence = run->next_sequence = header.sequence;
        if (header.sequence != run->next_sequence)
            break;
        take_commit(check, run, commit, run->end_position);
        run->next_sequence++;
        run->end_position += commit_stored_size(header.size_bytes);
    }
}

/* Opens the file of a run and does one of the two things above and below with it. */
static void with_file(struct journal_check *check, struct journal_run *run,
                      void (*look_at)(struct journal_check *check, struct file_window *window,
                                      struct journal_run *run))
{
    struct file_window window;
    enum status status = file_window_open(&window, run->path);
    if (status != STATUS_OK) {
        verify_file_damaged(check->verify, run->path, 0, status_text(status));
        return;
    }
    look_at(check, &window, run);
    file_window_close(&window);
}

/* The sequence from which on a commit behind the end of the run proves that what lies between was
 * whole once. In a file without a run, older rounds may still stand: only what follows all others
 * of the core is new. */
static uint64_t sequence_after(const struct journal_check *check, const struct journal_run *run)
{
    uint64_t sequence = run->next_sequence;
    for (uint32_t i = 0; i < check->run_count && run->first_sequence == 0; i++)
        if (check->runs[i].core == run->core && check->runs[i].next_sequence > sequence)
            sequence = check->runs[i].next_sequence;
    return sequence;
}

static void check_rest(struct journal_check *check, struct file_window *window,
                       struct journal_run *run)
{
    struct commit_header header;
    struct bytes commit;
    uint64_t sequence = sequence_after(check, run);
    verify_progress(check->verify, window->size_bytes);
    for (uint64_t at = run->end_position; at < window->size_bytes; at += COMMIT_ALIGNMENT) {
        if (look(check, window, at, &header, &commit) != STATUS_OK || header.sequence < sequence)
            continue;
        verify_file_damaged(check->verify, run->path, run->end_position,
                            "a damaged commit with later ones behind it");
        return;
    }
}

static int compare_runs(const void *left, const void *right)
{
    const struct journal_run *a = left;
    const struct journal_run *b = right;
    if (a->core != b->core)
        return (a->core > b->core) - (a->core < b->core);
    return (a->first_sequence > b->first_sequence) - (a->first_sequence < b->first_sequence);
}

/* Within a core the runs follow each other. The oldest file may have been half overwritten. */
static void check_order(struct journal_check *check)
{
    qsort(check->runs, check->run_count, sizeof *check->runs, compare_runs);
    bool is_oldest = true;
    for (uint32_t i = 0; i + 1 < check->run_count; i++) {
        const struct journal_run *run = &check->runs[i];
        const struct journal_run *next = &check->runs[i + 1];
        bool is_followed = next->core == run->core;
        if (is_followed && run->first_sequence > 0 && !is_oldest &&
            run->next_sequence != next->first_sequence)
            verify_file_damaged(check->verify, run->path, run->end_position,
                                "commits are missing that later ones have followed");
        is_oldest = !is_followed || run->first_sequence == 0;
    }
}

static int is_journal(const struct dirent *entry)
{
    uint32_t core;
    uint32_t file;
    return path_parse_journal(entry->d_name, &core, &file);
}

/* The names of the journal files; false if there are none. */
static bool list_runs(struct journal_check *check)
{
    char directory[PATH_SIZE];
    struct dirent **entries;
    path_journals(check->verify->store, directory);
    int count = scandir(directory, &entries, is_journal, alphasort);
    if (count < 0)
        return false;
    check->runs = calloc((size_t)count + 1, sizeof *check->runs);
    for (int i = 0; i < count; i++) {
        uint32_t file;
        if (check->runs != NULL) {
            struct journal_run *run = &check->runs[check->run_count++];
            path_parse_journal(entries[i]->d_name, &run->core, &file);
            path_join(directory, entries[i]->d_name, run->path);
        }
        free(entries[i]);
    }
    free(entries);
    return check->runs != NULL;
}

/* A file of journal/ that holds an epoch: STATUS_NOT_FOUND if it is not there. */
static enum status read_epoch(const char *path, uint64_t *epoch)
{
    struct file_window window;
    enum status status = file_window_open(&window, path);
    if (status != STATUS_OK)
        return status;
    status = epoch_file_decode(file_window_at(&window, 0, FILE_BLOCK_SIZE), epoch);
    file_window_close(&window);
    return status;
}

/* Every core that has a journal says that it was stopped in order, in this epoch. */
static bool was_clean(const struct journal_check *check)
{
    bool is_clean = true;
    for (uint32_t i = 0; i < check->run_count; i++) {
        char path[PATH_SIZE];
        uint64_t epoch;
        path_clean(check->verify->store, check->runs[i].core, path);
        enum status status = read_epoch(path, &epoch);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND)
            verify_file_damaged(check->verify, path, 0, status_text(status));
        is_clean = is_clean && status == STATUS_OK && epoch == check->epoch;
    }
    return is_clean;
}

static int compare_promises(const void *left, const void *right)
{
    const struct journal_promise *a = left;
    const struct journal_promise *b = right;
    int order = memcmp(&a->topic_id, &b->topic_id, sizeof a->topic_id);
    if (order == 0)
        order = (a->partition > b->partition) - (a->partition < b->partition);
    return order != 0 ? order
                      : (a->base_offset > b->base_offset) - (a->base_offset < b->base_offset);
}

/* After an orderly stop nobody reads the journals any more, so what became of them does not matter.
 */
static void check_whole(struct journal_check *check)
{
    for (uint32_t i = 0; i < check->run_count; i++)
        with_file(check, &check->runs[i], check_rest);
    check_order(check);
}

static void check_files(struct journal_check *check)
{
    struct verify *verify = check->verify;
    if (!list_runs(check))
        return;
    verify->is_clean = was_clean(check);
    for (uint32_t i = 0; i < check->run_count; i++)
        with_file(check, &check->runs[i], walk_run);
    if (!verify->is_clean)
        check_whole(check);
    free(check->runs);
    if (verify->promise_count > 0)
        qsort(verify->promises, verify->promise_count, sizeof *verify->promises, compare_promises);
}

void verify_journals(struct verify *verify)
{
    struct journal_check check = {.verify = verify};
    char path[PATH_SIZE];
    assert(verify->promise_count == 0);
    path_epoch(verify->store, path);
    enum status status = read_epoch(path, &check.epoch);
    if (status == STATUS_OK)
        check_files(&check);
    else if (status != STATUS_NOT_FOUND)
        verify_file_damaged(verify, path, 0, status_text(status));
}

void verify_journals_forget(struct verify *verify)
{
    free(verify->promises);
    verify->promises = NULL;
    verify->promise_count = 0;
}

const struct journal_promise *verify_promises(const struct verify *verify, struct uuid topic_id,
                                              int32_t partition, size_t *count)
{
    struct journal_promise first = {
        .topic_id = topic_id, .partition = partition, .base_offset = INT64_MIN};
    size_t low = 0;
    size_t high = verify->promise_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_promises(&verify->promises[middle], &first) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    for (size_t i = low; i < verify->promise_count; i++, (*count)++)
        if (!uuid_equal(verify->promises[i].topic_id, topic_id) ||
            verify->promises[i].partition != partition)
            break;
    return verify->promises + low;
}
