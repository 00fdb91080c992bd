/* OffsetCommit.
 *
 * Two passes: the first decides about every partition, and whether all fits into a batch; the
 * second does it. In between stands the group's own word, which is about the whole request: a
 * member that is late for one partition is so for all of them, as in Kafka. */
#include "consumer-groups/group_offsets_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_parts.h"
#include "consumer-groups/group_writer.h"
#include "consumer-groups/java_text.h"
#include "protocol/batch.h"
#include "protocol/errors.h"

enum {
    COMMIT_NAMES_GROUPS_SINCE = 9, /* GROUP_ID_NOT_FOUND may be said */
    NO_RETENTION = -1,
};

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
            group_offsets_resolve(turn, commit->call.version, in->name, in->topic_id);
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
    assert(topic != NULL); /* It is well, so there is such a topic. */
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
    const struct image_topic *topic =
        group_offsets_resolve(turn, commit->call.version, in->name, in->topic_id);
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
            group_offsets_resolve(turn, commit->call.version, in->name, in->topic_id);
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
