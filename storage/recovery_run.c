/* Recovery: from whatever the last run left behind to the state that an orderly stop leaves.
 *
 *   1  the catalog is read: what is known about every log
 *   2  the journals are read, as far as they have not been checkpointed: each log that they mention
 *      is scanned from its recovery point, many at a time
 *   3  judged: how far would each log come, and how far was it durable? What is missing is damage
 *   4  torn tails are cut
 *   5  what the segments lack is appended to them from the journals, and synced
 *   6  the names of files and directories are synced, each directory once
 *   7  the catalog's base is written anew, with the states that this has led to
 *   8  the journal epoch is raised, which empties all journals at once
 *
 * A log that no journal mentions is exactly as its state says (log_mention.c), and not looked at.
 *
 * A crash in between starts again at 1 and comes to the same end: until 8 the journals hold all
 * that they held, and what 5 has appended already is found there by 2. The base names the run it is
 * for: from 7 on, what the cores had recorded is without meaning, whether it is still there or not.
 * After an orderly stop only 1, 7 and 8 are done. */
#include "storage/recovery_parts.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

static enum status make_directory(struct recovery *recovery, const char *path)
{
    struct io_request request;
    io_make_directory(recovery->io, &request, path);
    int32_t result = io_await(recovery->io, &request);
    return result < 0 && result != STATUS_EXISTS ? (enum status)result : STATUS_OK;
}

/* Their names are made durable before that of the first epoch file. */
static enum status make_directories(struct recovery *recovery)
{
    char path[PATH_SIZE];
    path_journals(recovery->options->directory, path);
    enum status status = make_directory(recovery, path);
    path_catalogs(recovery->options->directory, path);
    if (status == STATUS_OK)
        status = make_directory(recovery, path);
    path_topics(recovery->options->directory, path);
    return status == STATUS_OK ? make_directory(recovery, path) : status;
}

static enum status load_catalog(struct recovery *recovery)
{
    recovery->catalog.states = calloc(1, sizeof *recovery->catalog.states);
    if (recovery->catalog.states == NULL)
        return STATUS_NO_MEMORY;
    return catalog_scan(recovery->io, recovery->options->directory, recovery->logger,
                        recovery->epoch, &recovery->catalog);
}

/* On a disk that is full, this is the room for what recovery writes. */
static void let_reserves_go(struct recovery *recovery)
{
    enum { RESERVE_LISTING_BYTES_MAX = 1 << 20 };
    char directory[PATH_SIZE];
    char path[PATH_SIZE];
    struct io_entry *entries;
    uint32_t entry_count;
    struct arena arena;
    arena_init(&arena, RESERVE_LISTING_BYTES_MAX);
    path_journals(recovery->options->directory, directory);
    enum status status = await_list(recovery->io, directory, &arena, &entries, &entry_count);
    for (uint32_t i = 0; status == STATUS_OK && i < entry_count; i++) {
        path_join(directory, entries[i].name, path);
        if (path_is_reserve(entries[i].name))
            (void)await_unlink(recovery->io, path);
    }
    arena_deinit(&arena);
}

/* Nothing has been stopped, in order or not: no run has been here before. */
static bool is_new(const struct recovery *recovery)
{
    return recovery->epoch == EPOCH_FIRST && recovery->journals.count == 0 &&
           recovery->catalog.states->count == 0;
}

static enum status run(struct recovery *recovery)
{
    const char *directory = recovery->options->directory;
    enum status status =
        epoch_file_read(recovery->io, directory, recovery->logger, &recovery->epoch);
    let_reserves_go(recovery);
    /* Where there is an epoch file, what it was written into had been made durable before. */
    if (status == STATUS_OK && recovery->epoch == EPOCH_FIRST)
        status = make_directories(recovery);
    if (status == STATUS_OK)
        status = journal_scan_list(recovery->io, directory, &recovery->journals);
    if (status == STATUS_OK)
        status = load_catalog(recovery);
    if (status != STATUS_OK)
        return status;
    struct clean_mark mark = recovery_read_marks(recovery);
    recovery->report->was_clean = mark.is_clean || is_new(recovery);
    recovery->report->catalog_was_damaged = recovery->catalog.is_damaged;
    recovery->catalog.states->is_swept =
        mark.is_clean && mark.is_swept && !recovery->catalog.is_damaged;
    if (recovery->catalog.is_damaged)
        status = recovery_find_lost_logs(recovery);
    if (status == STATUS_OK && (!recovery->report->was_clean || recovery->catalog.is_damaged))
        status = recovery_recover_logs(recovery);
    if (status == STATUS_OK)
        status = recovery_bury_removed(recovery);
    recovery->report->log_count = (uint32_t)recovery->catalog.states->count;
    return status == STATUS_OK ? recovery_begin_next_run(recovery) : status;
}

static void report_result(const struct recovery *recovery, enum status status)
{
    const struct store_recovery_report *report = recovery->report;
    if (status != STATUS_OK) {
        log_error(recovery->logger, "recovery failed",
                  field_text("directory", recovery->options->directory),
                  field_status("error", status));
        return;
    }
    log_info(recovery->logger, "storage recovered",
             field_text("directory", recovery->options->directory),
             field_bool("clean", report->was_clean), field_u64("logs", report->log_count),
             field_u64("journal_bytes", report->journal_bytes_replayed),
             field_u64("logs_truncated", report->logs_truncated));
}

static void deinit(struct recovery *recovery)
{
    recovery_logs_deinit(recovery);
    recovery_forget_journals(recovery);
    store_states_destroy(recovery->catalog.states);
    free(recovery);
}

enum status store_recover(struct io *io, const struct store_options *options, struct logger *logger,
                          struct store_recovery_report *report, struct store_states **states)
{
    assert(report != NULL);
    assert(options->producer_expiration_ms > 0);
    *states = NULL;
    if (strlen(options->directory) > PATH_STORE_SIZE_MAX)
        return STATUS_INVALID;
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (recovery == NULL)
        return STATUS_NO_MEMORY;
    *report = (struct store_recovery_report){0};
    recovery->io = io;
    recovery->options = options;
    recovery->logger = logger;
    recovery->report = report;
    recovery->site =
        (struct recovery_site){io, logger, options->directory, options->producer_expiration_ms};
    recovery_logs_init(recovery);
    enum status status = run(recovery);
    report_result(recovery, status);
    if (status == STATUS_OK) {
        *states = recovery->catalog.states;
        recovery->catalog.states = NULL;
    }
    deinit(recovery);
    return status;
}
