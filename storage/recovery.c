/* Recovery: from whatever the last run left behind to the state that an orderly stop leaves.
 *
 *   1  every log is scanned from its recovery point
 *   2  the journals are read once: how far would each log come, and how far was it durable?
 *   3  judged: a log that would not come as far as it was durable is damaged, and nothing is
 * touched 4  torn tails are cut 5  the journals are read again, and what the segments lack is
 * appended to them 6  segments synced, states recorded 7  the journal epoch is raised, which
 * empties all journals at once
 *
 * A crash in between starts again at 1 and comes to the same end: until 7 the journals hold all
 * that they held, and what 5 has appended already is found there by 1. After an orderly stop only
 * 7 is done. */
#include "base/assert.h"
#include "base/hash.h"
#include "storage/await.h"
#include "storage/epoch_file.h"
#include "storage/journal_scan.h"
#include "storage/recovered_log.h"
#include "storage/store.h"

#include <stdlib.h>

enum { LISTING_BYTES_MAX = 64 << 20, BUFFERED_BYTES_MAX = 32 << 20 };

struct recovery {
    struct io *io;
    const struct store_options *options;
    struct logger *logger;
    struct store_recovery_report *report;
    uint64_t epoch;
    struct journal_listing journals;
    struct map logs; /* recovered_log */
    struct journal_visitor expect;
    struct journal_visitor replay;
    uint64_t buffered_bytes;
};

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

static struct recovered_log *find_log(const struct recovery *recovery,
                                      const struct commit_entry *entry)
{
    struct log_key key = {entry->topic_id, entry->partition};
    struct map_node *node = map_find(&recovery->logs, hash_of(&key), &key);
    return node == NULL ? NULL : container_of(node, struct recovered_log, node);
}

/* --- Directories ------------------------------------------------------------------------------
 */

static enum status take_log(struct recovery *recovery, const char *directory,
                            const struct log_id *id)
{
    recovery->report->log_count++;
    if (recovery->report->was_clean)
        return STATUS_OK;
    struct recovered_log *log;
    enum status status = recovered_log_open(recovery->io, recovery->logger, directory, id,
                                            recovery->options->producer_expiration_ms, &log);
    if (status != STATUS_OK)
        return status;
    struct log_key key = {id->topic_id, id->partition};
    map_insert(&recovery->logs, &log->node, hash_of(&key));
    return STATUS_OK;
}

static enum status take_partition(struct recovery *recovery, const char *topic_directory,
                                  const char *name, struct log_id *id)
{
    char directory[PATH_SIZE];
    path_join(topic_directory, name, directory);
    if (path_is_deleted(name))
        return STATUS_OK; /* removed in the background (strays.h) */
    if (path_parse_partition(name, &id->partition))
        return take_log(recovery, directory, id);
    log_warn(recovery->logger, "unknown name in a topic's directory is left alone",
             field_text("path", directory));
    return STATUS_OK;
}

static enum status take_topic(struct recovery *recovery, const char *topics, const char *name)
{
    struct log_id id;
    char directory[PATH_SIZE];
    path_join(topics, name, directory);
    if (path_is_stray(name))
        return STATUS_OK;
    if (!path_parse_topic(name, &id.topic_name, &id.topic_id)) {
        log_warn(recovery->logger, "unknown name among the topics is left alone",
                 field_text("path", directory));
        return STATUS_OK;
    }
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(recovery->io, directory, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++)
        status = take_partition(recovery, directory, entries[i].name, &id);
    arena_deinit(&arena);
    return status;
}

static enum status take_topics(struct recovery *recovery)
{
    char topics[PATH_SIZE];
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    path_topics(recovery->options->directory, topics);
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(recovery->io, topics, &arena, &entries, &entry_count);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++)
        status = take_topic(recovery, topics, entries[i].name);
    arena_deinit(&arena);
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

static bool is_clean(const struct recovery *recovery)
{
    for (uint32_t i = 0; i < recovery->journals.count; i++)
        if (!epoch_file_is_clean(recovery->io, recovery->options->directory,
                                 recovery->journals.files[i].core, recovery->epoch))
            return false;
    return recovery->journals.count > 0;
}

static enum status scan_journals(struct recovery *recovery, struct journal_visitor *visitor)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++)
        if (!core_is_listed_before(&recovery->journals, i))
            status = journal_scan_core(recovery->io, recovery->options->directory, recovery->logger,
                                       &recovery->journals, recovery->journals.files[i].core,
                                       recovery->epoch, visitor);
    return status;
}

static enum status expect_entry(struct journal_visitor *visitor, const struct commit_entry *entry,
                                struct bytes payload)
{
    struct recovery *recovery = container_of(visitor, struct recovery, expect);
    struct recovered_log *log = find_log(recovery, entry);
    if (log != NULL)
        recovered_log_expect(log, entry, payload);
    return STATUS_OK;
}

static enum status write_all(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        enum status status = recovered_log_write(container_of(node, struct recovered_log, node));
        if (status != STATUS_OK)
            return status;
    }
    recovery->buffered_bytes = 0;
    return STATUS_OK;
}

static enum status replay_entry(struct journal_visitor *visitor, const struct commit_entry *entry,
                                struct bytes payload)
{
    struct recovery *recovery = container_of(visitor, struct recovery, replay);
    struct recovered_log *log = find_log(recovery, entry);
    if (log == NULL)
        return STATUS_OK;
    enum status status = recovered_log_append(log, entry, payload);
    recovery->buffered_bytes += payload.size + FRAME_ALIGNMENT;
    if (status == STATUS_OK && recovery->buffered_bytes > BUFFERED_BYTES_MAX)
        status = write_all(recovery);
    return status;
}

/* Journals of cores that this run does not have. */
static enum status remove_strangers(struct recovery *recovery)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < recovery->journals.count && status == STATUS_OK; i++) {
        if (recovery->journals.files[i].core < io_core_count(recovery->io))
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

static enum status judge(struct recovered_log *log)
{
    return recovered_log_judge(log);
}

static void report_tails(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        const struct recovered_log *log = container_of(node, struct recovered_log, node);
        recovery->report->bytes_truncated += log->torn_bytes;
        recovery->report->logs_truncated += log->torn_bytes > 0;
    }
}

static enum status recover_logs(struct recovery *recovery)
{
    recovery->expect.visit = expect_entry;
    recovery->replay.visit = replay_entry;
    enum status status = scan_journals(recovery, &recovery->expect);
    if (status == STATUS_OK)
        status = for_each_log(recovery, judge);
    if (status == STATUS_OK)
        status = for_each_log(recovery, recovered_log_cut);
    if (status == STATUS_OK)
        status = scan_journals(recovery, &recovery->replay);
    if (status == STATUS_OK)
        status = for_each_log(recovery, recovered_log_finish);
    report_tails(recovery);
    recovery->report->journal_bytes_replayed = recovery->expect.bytes;
    return status;
}

static enum status make_directories(struct recovery *recovery)
{
    char path[PATH_SIZE];
    path_journals(recovery->options->directory, path);
    enum status status = await_make_directory(recovery->io, path);
    path_topics(recovery->options->directory, path);
    return status == STATUS_OK ? await_make_directory(recovery->io, path) : status;
}

static enum status run(struct recovery *recovery)
{
    const char *directory = recovery->options->directory;
    enum status status = epoch_file_read(recovery->io, directory, &recovery->epoch);
    /* Where there is an epoch file, what it was written into had been made durable before. */
    if (status == STATUS_OK && recovery->epoch == EPOCH_FIRST)
        status = make_directories(recovery);
    if (status == STATUS_OK)
        status = journal_scan_list(recovery->io, directory, &recovery->journals);
    if (status != STATUS_OK)
        return status;
    recovery->report->was_clean = is_clean(recovery);
    status = take_topics(recovery);
    if (status == STATUS_OK && !recovery->report->was_clean)
        status = recover_logs(recovery);
    if (status == STATUS_OK)
        status = epoch_file_write(recovery->io, directory, recovery->epoch + 1);
    return status == STATUS_OK ? remove_strangers(recovery) : status;
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

enum status store_recover(struct io *io, const struct store_options *options, struct logger *logger,
                          struct store_recovery_report *report)
{
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
    map_init(&recovery->logs, has_key);
    enum status status = run(recovery);
    report_result(recovery, status);
    struct map_node *node, *following;
    map_for_each_safe(node, following, &recovery->logs)
    {
        map_remove(&recovery->logs, node);
        recovered_log_destroy(container_of(node, struct recovered_log, node));
    }
    map_deinit(&recovery->logs);
    free(recovery);
    return status;
}
