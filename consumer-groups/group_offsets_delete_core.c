/* OffsetDelete, and the offsets that go without being asked for: of old age, with their topic, with
 * their group. */
#include "consumer-groups/group_offsets_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_parts.h"
#include "consumer-groups/group_writer.h"
#include "protocol/errors.h"

/* In one request: it is one turn, and the records of a turn wait in memory together. */
enum { OFFSET_DELETE_PARTITIONS_MAX = 100000 };

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
