/* OffsetCommit, OffsetFetch and OffsetDelete, and the offsets that go without being asked for: of
 * old age, with their topic, with their group. */
#include "consumer-groups/group_offsets_core.h"

#include "base/assert.h"
#include "consumer-groups/group_writer.h"
#include "consumer-groups/java_text.h"
#include "protocol/batch.h"
#include "protocol/errors.h"

enum {
    COMMIT_NAMES_GROUPS_SINCE = 9, /* GROUP_ID_NOT_FOUND may be said */
    TOPIC_IDS_SINCE = 10,          /* of commit and fetch */
    NO_OFFSET = -1,
    NO_EPOCH = -1,
    NO_PARTITION = -1,
    NO_RETENTION = -1,
    /* In one request: it is one turn, and the records of a turn wait in memory together. */
    OFFSET_DELETE_PARTITIONS_MAX = 100000,
};

static const struct image_topic *resolve(const struct group_turn *turn, int16_t version,
                                         struct bytes name, struct uuid id)
{
    return version >= TOPIC_IDS_SINCE ? image_topic_by_id(turn->image, id)
                                      : image_topic_by_name(turn->image, name);
}

/* --- Commit -------------------------------------------------------------------------------------
 *
 * Two passes: the first decides about every partition, and whether all fits into a batch; the
 * second does it. In between stands the group's own word, which is about the whole request: a
 * member that is late for one partition is so for all of them, as in Kafka. */

/* What is wrong with a partition by itself. */
static int16_t check_partition(const struct group_turn *turn, const struct image_topic *topic,
                               const struct offset_commit_request_partition *in)
{
    if (in->partition_index < 0 || (uint32_t)in->partition_index >= topic->partition_count)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    assert(turn->settings->offset_metadata_bytes_max >= 0);
    size_t length_max = (size_t)turn->settings->offset_metadata_bytes_max;
    bool is_short = in->committed_metadata.size <= length_max ||
                    java_text_length(in->committed_metadata) <= length_max;
    return is_short ? KAFKA_NONE : KAFKA_OFFSET_METADATA_TOO_LARGE;
}

/* May a member commit all that stands in the request, and is well by itself? */
static int16_t check_late_commit(struct group_turn *turn, const struct offset_commit_call *commit,
                                 const struct consumer_member *late)
{
    assert(late != NULL);
    assert(commit->out.topics_count == commit->in->topics_count);
    for (uint32_t t = 0; t < commit->in->topics_count; t++) {
        const struct offset_commit_request_topic *in = &commit->in->topics[t];
        const struct image_topic *topic =
            resolve(turn, commit->call.version, in->name, in->topic_id);
        assert(commit->out.topics[t].partitions_count == in->partitions_count);
        for (uint32_t p = 0; p < in->partitions_count; p++) {
            if (commit->out.topics[t].partitions[p].error_code != KAFKA_NONE)
                continue;
            assert(topic != NULL); /* It is well, so there is such a topic. */
            int16_t error =
                consumer_check_late_commit(late, commit->in->generation_id_or_member_epoch,
                                           topic->id, in->partitions[p].partition_index);
            if (error != KAFKA_NONE)
                return error;
        }
    }
    return KAFKA_NONE;
}

static int16_t check_group(struct group_turn *turn, const struct offset_commit_call *commit,
                           struct group *group)
{
    const struct consumer_member *late;
    assert(!group_is_leaving(group)); /* such calls have been refused before */
    int16_t error = group_check_commit(group, turn, commit, &late);
    return error != KAFKA_NONE || late == NULL ? error : check_late_commit(turn, commit, late);
}

static int16_t check_commit(struct group_table *table, struct group_turn *turn,
                            struct offset_commit_call *commit, struct group **group)
{
    *group = group_table_find(table, commit->in->group_id);
    if (*group != NULL)
        return check_group(turn, commit, *group);
    if (commit->in->generation_id_or_member_epoch >= 0)
        return commit->call.version >= COMMIT_NAMES_GROUPS_SINCE ? KAFKA_GROUP_ID_NOT_FOUND
                                                                 : KAFKA_ILLEGAL_GENERATION;
    *group = group_table_create(table, turn, commit->in->group_id);
    return *group == NULL ? KAFKA_COORDINATOR_NOT_AVAILABLE : KAFKA_NONE;
}

/* When an offset expires on its own, as clients of version 4 and before could wish; -1: it does
 * not. */
static int64_t expiry_of(const struct group_turn *turn, const struct offset_commit_request *in)
{
    int64_t expire_ms;
    if (in->retention_time_ms == NO_RETENTION)
        return GROUP_OFFSET_NEVER;
    if (__builtin_add_overflow(turn->wall_ms, in->retention_time_ms, &expire_ms))
        return INT64_MAX;
    return expire_ms < 0 ? 0 : expire_ms;
}

static int16_t commit_partition(struct group_turn *turn, struct group *group,
                                const struct image_topic *topic,
                                const struct offset_commit_request_partition *in, int64_t expire_ms)
{
    assert(in->partition_index >= 0);
    assert((uint32_t)in->partition_index < topic->partition_count);
    const struct group_offset offset = {
        .partition = in->partition_index,
        .leader_epoch = in->committed_leader_epoch,
        .offset = in->committed_offset,
        .commit_ms = turn->wall_ms,
        .expire_ms = expire_ms,
        .metadata = in->committed_metadata,
    };
    if (group_offsets_put(&group->offsets, turn->memory, topic->name, topic->id, &offset) !=
        STATUS_OK)
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    assert(group->offsets.count > 0);
    group_record_put_offset(turn, group->id, topic->name, topic->id, &offset);
    turn->tally.offset_commits++;
    return KAFKA_NONE;
}

/* Of a partition that exists. */
static bool is_known(int16_t error_code)
{
    return error_code == KAFKA_NONE || error_code == KAFKA_OFFSET_METADATA_TOO_LARGE;
}

/* What exists gets this error, whatever else is wrong with it. */
static void refuse_rest(struct offset_commit_response *out, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    for (uint32_t t = 0; t < out->topics_count; t++)
        for (uint32_t p = 0; p < out->topics[t].partitions_count; p++)
            if (is_known(out->topics[t].partitions[p].error_code))
                out->topics[t].partitions[p].error_code = error_code;
}

struct commit_sum {
    uint32_t partition_count; /* that exist */
    size_t size_bytes;        /* that they take in a batch */
};

static bool judge_topic(struct group_turn *turn, struct offset_commit_call *commit, uint32_t index,
                        struct commit_sum *sum)
{
    assert(index < commit->in->topics_count);
    assert(sum->size_bytes >= BATCH_HEADER_SIZE);
    const struct offset_commit_request_topic *in = &commit->in->topics[index];
    struct offset_commit_response_topic *out = &commit->out.topics[index];
    const struct image_topic *topic = resolve(turn, commit->call.version, in->name, in->topic_id);
    bool by_id = commit->call.version >= TOPIC_IDS_SINCE;
    int16_t unknown = by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions =
        arena_allocate_array(commit->call.arena, in->partitions_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partitions_count;
    for (uint32_t p = 0; p < in->partitions_count; p++) {
        int16_t error = topic == NULL ? unknown : check_partition(turn, topic, &in->partitions[p]);
        out->partitions[p].partition_index = in->partitions[p].partition_index;
        out->partitions[p].error_code = error;
        sum->partition_count += is_known(error);
        if (error == KAFKA_NONE)
            sum->size_bytes += group_record_offset_size_max(commit->in->group_id, topic->name,
                                                            in->partitions[p].committed_metadata);
    }
    return true;
}

static bool judge_topics(struct group_turn *turn, struct offset_commit_call *commit,
                         struct commit_sum *sum)
{
    uint32_t count = commit->in->topics_count;
    *sum = (struct commit_sum){.size_bytes = BATCH_HEADER_SIZE};
    offset_commit_response_init(&commit->out);
    commit->out.topics =
        arena_allocate_array(commit->call.arena, count, sizeof *commit->out.topics);
    if (commit->out.topics == NULL)
        return false;
    commit->out.topics_count = count;
    for (uint32_t t = 0; t < count; t++)
        if (!judge_topic(turn, commit, t, sum))
            return false;
    assert(sum->partition_count > 0 || sum->size_bytes == BATCH_HEADER_SIZE);
    return true;
}

static void commit_topics(struct group_turn *turn, struct group *group,
                          struct offset_commit_call *commit)
{
    int64_t expire_ms = expiry_of(turn, commit->in);
    assert(!group_is_leaving(group));
    assert(commit->out.topics_count == commit->in->topics_count);
    for (uint32_t t = 0; t < commit->in->topics_count; t++) {
        const struct offset_commit_request_topic *in = &commit->in->topics[t];
        struct offset_commit_response_topic *out = &commit->out.topics[t];
        const struct image_topic *topic =
            resolve(turn, commit->call.version, in->name, in->topic_id);
        assert(out->partitions_count == in->partitions_count);
        for (uint32_t p = 0; p < in->partitions_count; p++)
            if (out->partitions[p].error_code == KAFKA_NONE)
                out->partitions[p].error_code =
                    commit_partition(turn, group, topic, &in->partitions[p], expire_ms);
    }
}

void group_offsets_commit(struct group_table *table, struct group_turn *turn,
                          struct offset_commit_call *commit)
{
    struct commit_sum sum;
    struct group *group;
    assert(!list_node_is_linked(&commit->call.node));
    commit->call.status = judge_topics(turn, commit, &sum) ? STATUS_OK : STATUS_NO_MEMORY;
    if (commit->call.status == STATUS_OK && sum.partition_count > 0) {
        int16_t error = check_commit(table, turn, commit, &group);
        bool fits = turn->batch_bytes_max == 0 || sum.size_bytes <= turn->batch_bytes_max;
        if (error == KAFKA_NONE && fits) {
            assert(group != NULL);
            uint32_t before = group->offsets.count;
            commit_topics(turn, group, commit);
            group_table_count_offsets(table, group, before);
        } else {
            refuse_rest(&commit->out,
                        error != KAFKA_NONE ? error : KAFKA_INVALID_COMMIT_OFFSET_SIZE);
        }
    }
    group_turn_answer(turn, &commit->call);
}

/* --- Fetch ------------------------------------------------------------------------------------ */

static struct bytes copy_text(struct arena *arena, struct bytes text, bool *has_memory)
{
    if (text.size == 0)
        return bytes_of_text("");
    char *copy = arena_copy_text(arena, text.data, text.size);
    *has_memory = *has_memory && copy != NULL;
    return bytes_of(copy, copy == NULL ? 0 : text.size);
}

static bool fetch_offset(struct arena *arena, int32_t partition, const struct group_offset *kept,
                         struct offset_fetch_response_group_partition *out)
{
    assert(kept == NULL || kept->partition == partition);
    bool has_memory = true;
    *out = (struct offset_fetch_response_group_partition){
        .partition_index = partition,
        .committed_offset = kept == NULL ? NO_OFFSET : kept->offset,
        .committed_leader_epoch = kept == NULL ? NO_EPOCH : kept->leader_epoch,
        .metadata = bytes_of_text(""),
    };
    if (kept != NULL)
        out->metadata = copy_text(arena, kept->metadata, &has_memory);
    return has_memory;
}

static bool fetch_topic(const struct group_turn *turn, const struct group *group,
                        const struct offset_fetch_call *fetch,
                        const struct offset_fetch_request_group_topic *in,
                        struct offset_fetch_response_group_topic *out)
{
    struct arena *arena = fetch->call.arena;
    bool by_id = fetch->call.version >= TOPIC_IDS_SINCE;
    const struct image_topic *topic = resolve(turn, fetch->call.version, in->name, in->topic_id);
    struct bytes name = topic == NULL ? in->name : topic->name;
    struct uuid id = topic == NULL ? UUID_NONE : topic->id;
    bool is_unknown = by_id && topic == NULL;
    bool has_memory = true;
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions =
        arena_allocate_array(arena, in->partition_indexes_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partition_indexes_count;
    for (uint32_t p = 0; p < in->partition_indexes_count && has_memory; p++) {
        int32_t partition = in->partition_indexes[p];
        struct group_offset kept;
        bool is_kept = group != NULL && !is_unknown &&
                       group_offsets_find(&group->offsets, name, id, partition, &kept);
        has_memory = fetch_offset(arena, partition, is_kept ? &kept : NULL, &out->partitions[p]);
        if (is_unknown)
            out->partitions[p].error_code = KAFKA_UNKNOWN_TOPIC_ID;
    }
    return has_memory;
}

/* Under a name that means another topic now there is nothing; one that has gone is left out where
 * topics go by ids. */
static bool is_shown(const struct group_turn *turn, const struct offset_fetch_call *fetch,
                     const struct group_offsets_topic *kept, struct uuid *id)
{
    assert(kept->count > 0); /* a topic goes with its last offset */
    const struct image_topic *topic = image_topic_by_name(turn->image, kept->name);
    *id = topic == NULL ? UUID_NONE : topic->id;
    if (topic == NULL)
        return fetch->call.version < TOPIC_IDS_SINCE;
    return uuid_is_zero(kept->id) || uuid_equal(kept->id, topic->id);
}

static bool fetch_whole_topic(struct arena *arena, const struct group_offsets_topic *kept,
                              struct uuid id, struct offset_fetch_response_group_topic *out)
{
    bool has_memory = true;
    assert(kept->count > 0);
    out->name = copy_text(arena, kept->name, &has_memory);
    out->topic_id = id;
    out->partitions = arena_allocate_array(arena, kept->count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    struct group_offset offset = {.partition = NO_PARTITION};
    while (has_memory && group_offsets_next(kept, offset.partition + 1, &offset)) {
        assert(out->partitions_count < kept->count);
        has_memory = fetch_offset(arena, offset.partition, &offset,
                                  &out->partitions[out->partitions_count++]);
    }
    assert(!has_memory || out->partitions_count == kept->count);
    return has_memory;
}

static bool fetch_all(const struct group_turn *turn, const struct group *group,
                      struct offset_fetch_call *fetch)
{
    struct offset_fetch_response_group *out = &fetch->out;
    struct arena *arena = fetch->call.arena;
    size_t count = group == NULL ? 0 : group->offsets.topics.count;
    struct map_node *node;
    out->topics = arena_allocate_array(arena, count, sizeof *out->topics);
    if (out->topics == NULL)
        return false;
    if (group == NULL)
        return true;
    map_for_each (node, &group->offsets.topics) {
        const struct group_offsets_topic *kept =
            container_of(node, struct group_offsets_topic, node);
        struct uuid id;
        assert(out->topics_count < count);
        if (!is_shown(turn, fetch, kept, &id))
            continue;
        if (!fetch_whole_topic(arena, kept, id, &out->topics[out->topics_count++]))
            return false;
    }
    return true;
}

static bool fetch_named(const struct group_turn *turn, const struct group *group,
                        struct offset_fetch_call *fetch)
{
    uint32_t count = fetch->in->topics_count;
    struct offset_fetch_response_group *out = &fetch->out;
    assert(fetch->in->topics != NULL); /* which would mean all */
    out->topics = arena_allocate_array(fetch->call.arena, count, sizeof *out->topics);
    if (out->topics == NULL)
        return false;
    out->topics_count = count;
    for (uint32_t t = 0; t < count; t++)
        if (!fetch_topic(turn, group, fetch, &fetch->in->topics[t], &out->topics[t]))
            return false;
    return true;
}

/* A group that does not exist has no offsets, which is no error. */
void group_offsets_fetch(const struct group_table *table, struct group_turn *turn,
                         struct offset_fetch_call *fetch)
{
    const struct group *group = group_table_find(table, fetch->in->group_id);
    offset_fetch_response_group_init(&fetch->out);
    fetch->out.group_id = fetch->in->group_id;
    int16_t error = group == NULL ? KAFKA_NONE : group_check_fetch(group, fetch);
    if (error != KAFKA_NONE) {
        group_call_fail(&fetch->call, error);
    } else {
        bool has_memory = fetch->in->topics == NULL ? fetch_all(turn, group, fetch)
                                                    : fetch_named(turn, group, fetch);
        fetch->call.status = has_memory ? STATUS_OK : STATUS_NO_MEMORY;
    }
    group_turn_answer(turn, &fetch->call);
}

/* --- Deleting --------------------------------------------------------------------------------- */

static int16_t delete_partition(struct group_turn *turn, struct group *group, struct bytes name,
                                int32_t partition)
{
    assert(!group_is_leaving(group));
    const struct image_topic *topic = image_topic_by_name(turn->image, name);
    if (topic == NULL || partition < 0 || (uint32_t)partition >= topic->partition_count)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (group_is_subscribed(group, name))
        return KAFKA_GROUP_SUBSCRIBED_TO_TOPIC;
    if (group_offsets_remove(&group->offsets, turn->memory, name, partition)) {
        group_record_put_offset_tombstone(turn, group->id, name, partition);
        turn->tally.offset_deletions++;
    }
    group_writer_end_turn(turn->writer);
    return KAFKA_NONE;
}

static bool delete_in_topic(struct group_turn *turn, struct group *group, struct arena *arena,
                            const struct offset_delete_request_topic *in,
                            struct offset_delete_response_topic *out)
{
    out->name = in->name;
    out->partitions = arena_allocate_array(arena, in->partitions_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partitions_count;
    for (uint32_t p = 0; p < in->partitions_count; p++) {
        int32_t partition = in->partitions[p].partition_index;
        out->partitions[p].partition_index = partition;
        out->partitions[p].error_code = delete_partition(turn, group, in->name, partition);
    }
    return true;
}

static int16_t check_delete(const struct group *group, const struct offset_delete_request *in)
{
    uint64_t named = 0;
    if (group == NULL)
        return KAFKA_GROUP_ID_NOT_FOUND;
    assert(!group_is_leaving(group));
    for (uint32_t t = 0; t < in->topics_count; t++)
        named += in->topics[t].partitions_count;
    if (named > OFFSET_DELETE_PARTITIONS_MAX)
        return KAFKA_INVALID_REQUEST;
    bool may = group_is_empty(group) || group_knows_subscriptions(group);
    return may ? KAFKA_NONE : KAFKA_NON_EMPTY_GROUP;
}

static bool delete_offsets(struct group_table *table, struct group_turn *turn, struct group *group,
                           struct offset_delete_call *deletion)
{
    struct offset_delete_response *out = &deletion->out;
    uint32_t count = deletion->in->topics_count;
    uint32_t before = group->offsets.count;
    assert(!group_is_leaving(group));
    out->topics = arena_allocate_array(deletion->call.arena, count, sizeof *out->topics);
    bool has_memory = out->topics != NULL;
    for (uint32_t t = 0; t < count && has_memory; t++) {
        has_memory = delete_in_topic(turn, group, deletion->call.arena, &deletion->in->topics[t],
                                     &out->topics[t]);
        out->topics_count++;
    }
    assert(group->offsets.count <= before);
    group_table_count_offsets(table, group, before);
    return has_memory;
}

void group_offsets_delete(struct group_table *table, struct group_turn *turn,
                          struct offset_delete_call *deletion)
{
    struct group *group = group_table_find(table, deletion->in->group_id);
    offset_delete_response_init(&deletion->out);
    deletion->out.error_code = check_delete(group, deletion->in);
    bool has_memory = true;
    if (deletion->out.error_code == KAFKA_NONE)
        has_memory = delete_offsets(table, turn, group, deletion);
    deletion->call.status = has_memory ? STATUS_OK : STATUS_NO_MEMORY;
    group_turn_answer(turn, &deletion->call);
}

/* --- A portion at a time ---------------------------------------------------------------------- */

/* Removes those of a topic for which `is_over` is true; the topic may be gone then. */
struct sweep {
    struct group_turn *turn;
    struct group *group;
    int64_t since_ms; /* from when on time counts; -1: from the commit */
    bool wants_all;
    uint32_t *left; /* how many more this turn may take */
};

static bool is_over(const struct sweep *sweep, const struct group_offset *offset)
{
    assert(sweep->turn->settings->offsets_retention_ms > 0);
    if (sweep->wants_all)
        return true;
    if (offset->expire_ms != GROUP_OFFSET_NEVER)
        return sweep->turn->wall_ms >= offset->expire_ms;
    int64_t since_ms = sweep->since_ms >= 0 ? sweep->since_ms : offset->commit_ms;
    int64_t age_ms;
    if (__builtin_sub_overflow(sweep->turn->wall_ms, since_ms, &age_ms))
        return false;
    return age_ms >= sweep->turn->settings->offsets_retention_ms;
}

static void sweep_topic(const struct sweep *sweep, const struct group_offsets_topic *topic)
{
    struct group_turn *turn = sweep->turn;
    struct group *group = sweep->group;
    uint32_t kept = topic->count;
    assert(kept > 0);
    assert(kept <= group->offsets.count);
    struct group_offset offset = {.partition = NO_PARTITION};
    /* The topic goes with its last offset. */
    while (kept > 0 && *sweep->left > 0 &&
           group_offsets_next(topic, offset.partition + 1, &offset)) {
        if (!is_over(sweep, &offset))
            continue;
        group_record_put_offset_tombstone(turn, group->id, topic->name, offset.partition);
        group_writer_end_turn(turn->writer);
        group_offsets_remove(&group->offsets, turn->memory, topic->name, offset.partition);
        kept--;
        --*sweep->left;
        assert(kept == 0 || topic->count == kept);
    }
}

void group_offsets_delete_all(struct group_table *table, struct group_turn *turn,
                              struct group *group, uint32_t *left)
{
    const struct sweep sweep = {.turn = turn, .group = group, .wants_all = true, .left = left};
    uint32_t before = group->offsets.count;
    struct map_node *node;
    struct map_node *following;
    assert(group_is_leaving(group));
    assert(*left > 0);
    map_for_each_safe(node, following, &group->offsets.topics)
    {
        if (*left > 0)
            sweep_topic(&sweep, container_of(node, struct group_offsets_topic, node));
    }
    assert(group->offsets.count == 0 || *left == 0);
    assert(group->offsets.count <= before);
    turn->tally.offset_deletions += before - group->offsets.count;
    group_table_count_offsets(table, group, before);
}

/* Gone, or made anew under the same name. */
static bool is_gone(const struct image *image, const struct group_offsets_topic *kept)
{
    const struct image_topic *topic = image_topic_by_name(image, kept->name);
    return topic == NULL || (!uuid_is_zero(kept->id) && !uuid_equal(kept->id, topic->id));
}

/* While a group has members, only the topics lose their offsets by age that nobody reads, if that
 * is known. */
static void sweep_old(struct sweep *sweep, bool ages)
{
    struct group *group = sweep->group;
    bool may_age = ages && (group_is_empty(group) || group_knows_subscriptions(group));
    assert(!group_is_leaving(group));
    struct map_node *node;
    struct map_node *following;
    map_for_each_safe(node, following, &group->offsets.topics)
    {
        const struct group_offsets_topic *topic =
            container_of(node, struct group_offsets_topic, node);
        sweep->wants_all = is_gone(sweep->turn->image, topic);
        if (sweep->wants_all || (may_age && !group_is_subscribed(group, topic->name)))
            sweep_topic(sweep, topic);
    }
}

bool group_offsets_expire(struct group_table *table, struct group_turn *turn, struct group *group,
                          bool ages, uint32_t *left)
{
    struct sweep sweep = {
        .turn = turn,
        .group = group,
        .since_ms = group_empty_since_ms(group),
        .left = left,
    };
    uint32_t before = group->offsets.count;
    assert(*left > 0);
    if (group_is_leaving(group))
        return true;
    sweep_old(&sweep, ages);
    assert(group->offsets.count <= before);
    turn->tally.offset_expirations += before - group->offsets.count;
    group_table_count_offsets(table, group, before);
    if (!ages || !group_is_empty(group) || group->offsets.count > 0)
        return *left > 0;
    group_put_tombstones(group, turn);
    group_table_remove(table, turn->memory, group);
    return true;
}
