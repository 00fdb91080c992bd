/* Where the catalog and the directories do not agree: logs that a damaged catalog has lost, and
 * logs that it has removed while their directories still have their names. */
#include "storage/recovery_parts.h"

#include "storage/await.h"

enum { LISTING_BYTES_MAX = 64 << 20 };

static void take_lost(struct recovery *recovery, struct recovered_log *log)
{
    recovery_add_log(recovery, log);
    log_warn(recovery->logger, "the catalog has lost a log, which is built anew from its segments",
             field_bytes("topic", log->id.topic_name), field_i64("partition", log->id.partition),
             field_i64("start_offset", log->start_offset),
             field_i64("end_offset", log->end_offset));
}

static bool is_known(const struct recovery *recovery, const struct log_id *id)
{
    return store_states_find(recovery->catalog.states, id->topic_id, id->partition) != NULL;
}

static enum status find_lost_partitions(struct recovery *recovery, const char *directory,
                                        struct log_id id)
{
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(recovery->io, directory, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++) {
        struct recovered_log *log;
        if (!path_parse_partition(entries[i].name, &id.partition) || is_known(recovery, &id))
            continue;
        status = recovered_log_open_lost(&recovery->site, &id, &log);
        if (status == STATUS_OK)
            take_lost(recovery, log);
    }
    arena_deinit(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* A place for the state of each; it is filled in with those of all logs that have been looked at.
 */
static enum status make_places(struct recovery *recovery)
{
    struct map_node *node;
    map_for_each (node, &recovery->logs) {
        const struct recovered_log *log = container_of(node, struct recovered_log, node);
        struct store_state state = {.topic_id = log->id.topic_id,
                                    .partition = log->id.partition,
                                    .content = log->id.topic_name};
        enum status status = store_states_add(recovery->catalog.states, &state);
        if (status != STATUS_OK)
            return status;
    }
    store_states_settle(recovery->catalog.states);
    return STATUS_OK;
}

enum status recovery_find_lost_logs(struct recovery *recovery)
{
    char topics[PATH_SIZE], directory[PATH_SIZE];
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    path_topics(recovery->options->directory, topics);
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(recovery->io, topics, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++) {
        struct log_id id = {.partition = -1};
        if (!path_parse_topic(entries[i].name, &id.topic_name, &id.topic_id))
            continue;
        path_join(topics, entries[i].name, directory);
        status = find_lost_partitions(recovery, directory, id);
    }
    arena_deinit(&arena);
    return status == STATUS_OK || status == STATUS_NOT_FOUND ? make_places(recovery) : status;
}

/* --- Removed logs ----------------------------------------------------------------------------- */

/* A log may have been removed from the catalog, and its directory not been renamed yet. */
static enum status bury(struct recovery *recovery, const struct store_state *state)
{
    char topic[PATH_SIZE], directory[PATH_SIZE], deleted[PATH_SIZE];
    struct log_id id = {state->topic_id, state->partition, state->content};
    path_topic(recovery->options->directory, &id, topic);
    path_partition(recovery->options->directory, &id, directory);
    path_deleted(directory, io_random_u64(recovery->io), deleted);
    enum status status = await_rename(recovery->io, directory, deleted);
    return status == STATUS_NOT_FOUND || status == STATUS_EXISTS ? STATUS_OK : status;
}

enum status recovery_bury_removed(struct recovery *recovery)
{
    struct store_states *states = recovery->catalog.states;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < states->count && status == STATUS_OK; i++)
        if (states->states[i].is_removed)
            status = bury(recovery, &states->states[i]);
    store_states_drop_removed(states);
    return status;
}
