/* OffsetFetch: of named partitions, or of all that the group has. */
#include "consumer-groups/group_offsets_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_parts.h"
#include "protocol/errors.h"

enum { NO_OFFSET = -1, NO_EPOCH = -1 };

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
    const struct image_topic *topic =
        group_offsets_resolve(turn, fetch->call.version, in->name, in->topic_id);
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
