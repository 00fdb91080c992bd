/* The logs that the journals mention, from their recovery points to the clean state: steps 2 to 6
 * of recovery (recovery_run.c). Each journal is read three times: for which logs it mentions, for
 * how far each would come, and for what goes into the segments. */
#include "storage/recovery_parts.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

enum { BUFFERED_BYTES_MAX = 64 << 20 };

/* --- Logs by name ----------------------------------------------------------------------------- */

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

void recovery_logs_init(struct recovery *recovery)
{
    map_init(&recovery->logs, has_key);
}

void recovery_logs_deinit(struct recovery *recovery)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &recovery->logs)
    {
        map_remove(&recovery->logs, node);
        recovered_log_destroy(container_of(node, struct recovered_log, node));
    }
    map_deinit(&recovery->logs);
    free(recovery->by_topic.logs);
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

/* --- What the journals say -------------------------------------------------------------------- */

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

/* --- All of them ------------------------------------------------------------------------------ */

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
    enum status status = recovery_visit_journals(recovery, &recovery->mention);
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
    return recovery_visit_journals(recovery, &recovery->expect);
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
    enum status status = recovery_visit_journals(recovery, &recovery->replay);
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

enum status recovery_recover_logs(struct recovery *recovery)
{
    assert(recovery->catalog.states != NULL);
    recovery->expect.visit = expect_entry;
    recovery->replay.visit = replay_entry;
    size_t ahead_bytes = recovery->options->memory_bytes_max / 4;
    enum status status = recovery_read_journals(recovery);
    if (status == STATUS_OK)
        status = find_mentioned(recovery);
    if (status == STATUS_OK)
        status = order_by_topic(recovery);
    if (status == STATUS_OK)
        status = recovered_files_scan(recovery->io, &recovery->by_topic, ahead_bytes);
    if (status == STATUS_OK)
        status = find_extents(recovery);
    if (status == STATUS_OK)
        status = recovery_sync_journals(recovery);
    if (status == STATUS_OK)
        status = recovered_files_cut(recovery->io, &recovery->by_topic);
    if (status == STATUS_OK)
        status = replay_journals(recovery);
    if (status == STATUS_OK)
        status = keep_states(recovery);
    report_tails(recovery);
    recovery->report->journal_bytes_replayed = recovery->expect.bytes;
    recovery_forget_journals(recovery);
    return status;
}
