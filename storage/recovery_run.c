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
#include "base/hash.h"
#include "storage/await.h"
#include "storage/epoch_file.h"

#include <stdlib.h>

enum { BUFFERED_BYTES_MAX = 64 << 20 };

/* --- Logs by name -----------------------------------------------------------------------------
 */

struct log_key {
    struct uuid topic_id;
    int32_t partition;
};

static bool has_key(const struct map_node *node, const void *key)
{
    const struct recovered_log *log = container_of(node, struct recovered_log, node);
    const struct log_key *wanted = key;
    return uuid_equal(log->id.topic_id, wanted->topic_id) && log->id.partition == wanted->partition;
}

static uint64_t hash_of(const struct log_key *key)
{
    uint8_t bytes[sizeof key->topic_id + sizeof key->partition];
    memcpy(bytes, &key->topic_id, sizeof key->topic_id);
    memcpy(bytes + sizeof key->topic_id, &key->partition, sizeof key->partition);
    return hash_bytes((struct hash_seed){{1, 2}}, bytes_of(bytes, sizeof bytes));
}

static struct recovered_log *find_log(const struct recovery *recovery, const struct log_key *key)
{
    struct map_node *node = map_find(&recovery->logs, hash_of(key), key);
    return node == NULL ? NULL : container_of(node, struct recovered_log, node);
}

void recovery_add_log(struct recovery *recovery, struct recovered_log *log)
{
    struct log_key key = {log->id.topic_id, log->id.partition};
    map_insert(&recovery->logs, &log->node, hash_of(&key));
}

static enum status open_log(struct recovery *recovery, const struct store_state *state)
{
    struct log_key key = {state->topic_id, state->partition};
    struct recovered_log *log = find_log(recovery, &key);
    if (log != NULL || state->is_removed)
        return STATUS_OK;
    enum status status = recovered_log_open(&recovery->site, state, &log);
    if (status == STATUS_OK)
        recovery_add_log(recovery, log);
    return status;
}

/* --- Journals ---------------------------------------------------------------------------------
 */

static bool core_is_listed_before(const struct journal_listing *journals, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (journals->files[i].core == journals->files[index].core)
            return true;
    return false;
}

/* Of all cores together. */
static struct clean_mark read_marks(const struct recovery *recovery)
{
    bool has_journal = recovery->journals.count > 0;
    struct clean_mark all = {has_journal, has_journal};
    for (uint32_t i = 0; i < recovery->journals.count && all.is_clean; i++) {
        if (core_is_listed_before(&recovery->journals, i))
            continue;
        struct clean_mark mark =
            epoch_file_read_clean(recovery->io, recovery->options->directory,
                                  recovery->journals.files[i].core, recovery->epoch);
        all.is_clean = mark.is_clean;
        all.is_swept = all.is_swept && mark.is_swept;
    }
    return all;
}

static enum status add_scan(struct recovery *recovery, uint32_t core)
{
    assert(recovery->scan_count < recovery->journals.count);
    struct journal_scan **scan = &recovery->scans[recovery->scan_count++];
    enum status status = journal_scan_create(&recovery->journal_site, core, scan);
    if (status != STATUS_OK)
        return status;
    struct journal_findings findings = journal_scan_findings(*scan);
    recovery->has_gap = recovery->has_gap || findings.has_gap;
    recovery->report->journal_was_damaged =
        recovery->report->journal_was_damaged || findings.is_damaged;
    return STATUS_OK;
}

/* Half of what the logs will have when the stores begin. */
static enum status read_journals(struct recovery *recovery)
{
    const struct store_options *options = recovery->options;
    enum status status = STATUS_OK;
    recovery->journal_site = (struct journal_scan_site){
        .io = recovery->io,
        .logger = recovery->logger,
        .store_directory = options->directory,
        .listing = &recovery->journals,
        .epoch = recovery->epoch,
        .spare_bytes = options->memory_bytes_max / 2,
    };
    assert(recovery->scans == NULL);
    recovery->scans = calloc(recovery->journals.count + 1, sizeof(struct journal_scan *));
    if (recovery->scans == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++)
        if (!core_is_listed_before(&recovery->journals, i))
            status = add_scan(recovery, recovery->journals.files[i].core);
    return status;
}

static enum status visit_journals(struct recovery *recovery, struct journal_visitor *visitor)
{
    enum status status = STATUS_OK;
    visitor->bytes = 0;
    for (uint32_t i = 0; i < recovery->scan_count && status == STATUS_OK; i++)
        status = journal_scan_visit(recovery->scans[i], visitor);
    return status;
}

static void forget_journals(struct recovery *recovery)
{
    for (uint32_t i = 0; i < recovery->scan_count; i++)
        journal_scan_destroy(recovery->scans[i]);
    free(recovery->scans);
    recovery->scans = NULL;
    recovery->scan_count = 0;
}

/* The log that the entry speaks of; not one that was there before it and had the same name. */
static struct recovered_log *log_of_entry(const struct recovery *recovery,
                                          const struct commit_entry *entry)
{
    struct log_key key = {entry->topic_id, entry->partition};
    struct recovered_log *log = find_log(recovery, &key);
    return log != NULL && (log->is_lost || log->life == entry->life) ? log : NULL;
}

static enum status note_mention(struct journal_visitor *visitor, const struct commit_entry *entry,
                                struct bytes payload)
{
    struct recovery *recovery = container_of(visitor, struct recovery, mention);
    (void)payload;
    if (log_of_entry(recovery, entry) != NULL)
        return STATUS_OK;
    const struct store_state *state =
        store_states_find(recovery->catalog.states, entry->topic_id, entry->partition);
    bool is_its_own = state != NULL && state->life == entry->life;
    return is_its_own ? open_log(recovery, state) : STATUS_OK;
}

static enum status expect_entry(struct journal_visitor *visitor, const struct commit_entry *entry,
                                struct bytes payload)
{
    struct recovery *recovery = container_of(visitor, struct recovery, expect);
    struct recovered_log *log = log_of_entry(recovery, entry);
    if (log != NULL)
        recovered_log_expect(log, entry, payload);
    return STATUS_OK;
}

static enum status write_all(struct recovery *recovery)
{
    recovery->buffered_bytes = 0;
    return recovered_files_write(recovery->io, &recovery->by_topic);
}

static enum status replay_entry(struct journal_visitor *visitor, const struct commit_entry *entry,
                                struct bytes payload)
{
    struct recovery *recovery = container_of(visitor, struct recovery, replay);
    struct recovered_log *log = log_of_entry(recovery, entry);
    if (log == NULL)
        return STATUS_OK;
    uint32_t capacity_before = log->buffer_capacity;
    enum status status = recovered_log_append(log, entry, payload);
    if (status == STATUS_BUSY && (status = write_all(recovery)) == STATUS_OK) {
        capacity_before = 0;
        status = recovered_log_append(log, entry, payload);
    }
    recovery->buffered_bytes += log->buffer_capacity - capacity_before;
    if (status == STATUS_OK && recovery->buffered_bytes > BUFFERED_BYTES_MAX)
        status = write_all(recovery);
    return status;
}

/* Journals of cores that this run does not have, and files beyond the end of its rings. */
static enum status remove_strangers(struct recovery *recovery)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++) {
        if (recovery->journals.files[i].core < io_core_count(recovery->io) &&
            recovery->journals.files[i].file < recovery->options->journal_file_count)
            continue;
        char path[PATH_SIZE];
        path_journal(recovery->options->directory, recovery->journals.files[i].core,
                     recovery->journals.files[i].file, path);
        status = await_unlink(recovery->io, path);
    }
    return status;
}

/* --- The whole --------------------------------------------------------------------------------
 */

static enum status for_each_log(struct recovery *recovery,
                                enum status (*call)(struct recovered_log *log))
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        enum status status = call(container_of(node, struct recovered_log, node));
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static void report_tails(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        const struct recovered_log *log = container_of(node, struct recovered_log, node);
        recovery->report->bytes_truncated += log->torn_bytes;
        recovery->report->logs_truncated += log->torn_bytes > 0;
        recovery->report->logs_damaged += log->has_new_damage;
    }
}

/* The state in which recovery leaves the log takes the place of the one it came from. */
static enum status keep_state(struct recovery *recovery, const struct recovered_log *log)
{
    struct store_states *states = recovery->catalog.states;
    struct store_state *state = store_states_find(states, log->id.topic_id, log->id.partition);
    assert(state != NULL);
    struct bytes content = recovered_log_encode(log);
    if (bytes_are_null(content))
        return STATUS_NO_MEMORY;
    free((void *)state->content.data);
    state->content = content;
    state->version = ++states->last_version;
    return STATUS_OK;
}

static enum status keep_states(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        enum status status = keep_state(recovery, container_of(node, struct recovered_log, node));
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Those that the journals mention; all of them when a commit is lost that may have been the only
 * one to mention some. */
static enum status find_mentioned(struct recovery *recovery)
{
    const struct store_states *states = recovery->catalog.states;
    recovery->mention.visit = note_mention;
    enum status status = visit_journals(recovery, &recovery->mention);
    for (size_t i = 0; i < states->count && status == STATUS_OK && recovery->has_gap; i++)
        status = open_log(recovery, &states->states[i]);
    return status;
}

/* How far each log would come. */
static enum status expect_all(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        struct recovered_log *log = container_of(node, struct recovered_log, node);
        log->replayed_offset = log->scanned_offset;
    }
    return visit_journals(recovery, &recovery->expect);
}

static enum status step_over(struct recovered_log *log, bool *has_stepped)
{
    if (!recovered_log_is_short(log) || log->may_cross)
        return STATUS_OK;
    *has_stepped = true;
    return recovered_log_step_over(log);
}

static enum status find_extents(struct recovery *recovery)
{
    bool has_stepped;
    do {
        struct map_node *node;
        enum status status = expect_all(recovery);
        has_stepped = false;
        map_for_each (node, &recovery->logs) {
            if (status == STATUS_OK)
                status = step_over(container_of(node, struct recovered_log, node), &has_stepped);
        }
        if (status != STATUS_OK)
            return status;
    } while (has_stepped);
    return STATUS_OK;
}

static int compare_topics(const void *left, const void *right)
{
    struct recovered_log *const *a = left;
    struct recovered_log *const *b = right;
    int order = memcmp(&(*a)->id.topic_id, &(*b)->id.topic_id, sizeof(struct uuid));
    return order != 0 ? order
                      : ((*a)->id.partition > (*b)->id.partition) -
                            ((*a)->id.partition < (*b)->id.partition);
}

/* No log is found after this. */
static enum status order_by_topic(struct recovery *recovery)
{
    struct recovered_logs *logs = &recovery->by_topic;
    struct map_node *node;
    assert(logs->logs == NULL);
    logs->logs = malloc((recovery->logs.count + 1) * sizeof *logs->logs);
    if (logs->logs == NULL)
        return STATUS_NO_MEMORY;
    map_for_each (node, &recovery->logs)
        logs->logs[logs->count++] = container_of(node, struct recovered_log, node);
    assert(logs->count == recovery->logs.count);
    qsort(logs->logs, logs->count, sizeof *logs->logs, compare_topics);
    return STATUS_OK;
}

/* From the journals into the segments. */
static enum status replay_journals(struct recovery *recovery)
{
    enum status status = visit_journals(recovery, &recovery->replay);
    if (status == STATUS_OK)
        status = for_each_log(recovery, recovered_log_check);
    if (status == STATUS_OK)
        status = write_all(recovery);
    if (status == STATUS_OK)
        status = for_each_log(recovery, recovered_log_finish);
    return status == STATUS_OK
               ? recovered_files_sync_names(recovery->io, recovery->options->directory,
                                            &recovery->by_topic)
               : status;
}

static enum status recover_logs(struct recovery *recovery)
{
    assert(recovery->catalog.states != NULL);
    recovery->expect.visit = expect_entry;
    recovery->replay.visit = replay_entry;
    size_t ahead_bytes = recovery->options->memory_bytes_max / 4;
    enum status status = read_journals(recovery);
    if (status == STATUS_OK)
        status = find_mentioned(recovery);
    if (status == STATUS_OK)
        status = order_by_topic(recovery);
    if (status == STATUS_OK)
        status = recovered_files_scan(recovery->io, &recovery->by_topic, ahead_bytes);
    if (status == STATUS_OK)
        status = find_extents(recovery);
    if (status == STATUS_OK)
        status = recovered_files_cut(recovery->io, &recovery->by_topic);
    if (status == STATUS_OK)
        status = replay_journals(recovery);
    if (status == STATUS_OK)
        status = keep_states(recovery);
    report_tails(recovery);
    recovery->report->journal_bytes_replayed = recovery->expect.bytes;
    forget_journals(recovery);
    return status;
}

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

/* --- The next run -----------------------------------------------------------------------------
 *
 * The base and the number of the next run, each in a file that takes the place of the former one.
 * Three times somebody waits for the disk, whatever has to be durable at that point together:
 *
 *   1  both contents, and the names that the last run may not have made durable
 *   2  the base's name: from then on, nothing of the past is needed any more
 *   3  the number's, and the removal of what the last run recorded
 */

struct next_run {
    struct await_draft base;
    struct await_draft number;
};

static enum status draft_next_run(struct recovery *recovery, struct next_run *next)
{
    const char *directory = recovery->options->directory;
    uint64_t epoch = recovery->epoch + 1;
    assert(recovery->scans == NULL); /* Nothing of the journals is needed any more. */
    enum status status =
        catalog_draft_base(recovery->io, directory, epoch, recovery->catalog.states, &next->base);
    if (status != STATUS_OK)
        return status;
    status = epoch_file_draft(recovery->io, directory, epoch, &next->number);
    return status == STATUS_OK ? STATUS_OK : await_draft_end(recovery->io, &next->base, status);
}

/* What was read stays: whoever wrote the number of the last run may have been killed before its
 * name was on disk, and nothing may be built on a number that a power cut takes back. In a new
 * directory it is the names of the directories that come before everything. */
static enum status sync_drafts(struct recovery *recovery, struct next_run *next)
{
    struct await_set set = {.io = recovery->io};
    struct io_request names;
    char journals[PATH_SIZE];
    path_journals(recovery->options->directory, journals);
    io_sync(recovery->io, await_add(&set, &next->base.request), next->base.handle);
    io_sync(recovery->io, await_add(&set, &next->number.request), next->number.handle);
    io_sync_directory(recovery->io, await_add(&set, &names),
                      recovery->epoch == EPOCH_FIRST ? recovery->options->directory : journals);
    return await_all(&set, STATUS_OK);
}

static enum status name_base(struct recovery *recovery, struct next_run *next, enum status status)
{
    char catalogs[PATH_SIZE];
    path_catalogs(recovery->options->directory, catalogs);
    status = await_draft_end(recovery->io, &next->base, status);
    return status == STATUS_OK ? await_sync_directory(recovery->io, catalogs) : status;
}

/* The records of the last run go only now: a directory's changes may reach the disk in any order,
 * and with them gone and the base not yet there, nothing would be known of the logs. */
static enum status name_number(struct recovery *recovery, struct next_run *next, enum status status)
{
    const char *directory = recovery->options->directory;
    char journals[PATH_SIZE], catalogs[PATH_SIZE];
    path_journals(directory, journals);
    path_catalogs(directory, catalogs);
    status = await_draft_end(recovery->io, &next->number, status);
    if (status == STATUS_OK)
        status = catalog_remove_records(recovery->io, directory);
    if (status != STATUS_OK)
        return status;
    struct await_set set = {.io = recovery->io};
    struct io_request named, removed;
    io_sync_directory(recovery->io, await_add(&set, &named), journals);
    io_sync_directory(recovery->io, await_add(&set, &removed), catalogs);
    return await_all(&set, STATUS_OK);
}

static enum status begin_next_run(struct recovery *recovery)
{
    struct next_run next;
    enum status status = draft_next_run(recovery, &next);
    if (status != STATUS_OK)
        return status;
    status = sync_drafts(recovery, &next);
    status = name_base(recovery, &next, status);
    status = name_number(recovery, &next, status);
    return status == STATUS_OK ? remove_strangers(recovery) : status;
}

/* --- From beginning to end --------------------------------------------------------------------
 */

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
    struct clean_mark mark = read_marks(recovery);
    recovery->report->was_clean = mark.is_clean;
    recovery->report->catalog_was_damaged = recovery->catalog.is_damaged;
    recovery->catalog.states->is_swept =
        mark.is_clean && mark.is_swept && !recovery->catalog.is_damaged;
    if (recovery->catalog.is_damaged)
        status = recovery_find_lost_logs(recovery);
    if (status == STATUS_OK && (!recovery->report->was_clean || recovery->catalog.is_damaged))
        status = recover_logs(recovery);
    if (status == STATUS_OK)
        status = recovery_bury_removed(recovery);
    recovery->report->log_count = (uint32_t)recovery->catalog.states->count;
    return status == STATUS_OK ? begin_next_run(recovery) : status;
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
    struct map_node *node, *following;
    map_for_each_safe(node, following, &recovery->logs)
    {
        map_remove(&recovery->logs, node);
        recovered_log_destroy(container_of(node, struct recovered_log, node));
    }
    map_deinit(&recovery->logs);
    forget_journals(recovery);
    free(recovery->by_topic.logs);
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
    map_init(&recovery->logs, has_key);
    enum status status = run(recovery);
    report_result(recovery, status);
    if (status == STATUS_OK) {
        *states = recovery->catalog.states;
        recovery->catalog.states = NULL;
    }
    deinit(recovery);
    return status;
}
