/* The partitions that were asked for and those of the metadata are both sorted, so they are walked
 * through side by side. */
#include "cli/log_bounds.h"

#include "base/assert.h"
#include "protocol/errors.h"

struct walk {
    struct connection *connection;
    const struct metadata_response *metadata;
    const struct group_partitions *partitions;
    const int64_t *time_ms;
    struct log_bounds *bounds;
    uint32_t next; /* the first partition that has not been walked past */
};

static struct bytes *topic_names(struct tool *tool, const struct group_partitions *partitions,
                                 uint32_t *count)
{
    struct bytes *names =
        arena_allocate_array(&tool->arena, (size_t)partitions->count + 1, sizeof *names);
    assert(names != NULL);
    *count = 0;
    for (uint32_t i = 0; i < partitions->count; i++)
        if (*count == 0 || !bytes_equal(names[*count - 1], partitions->list[i].topic))
            names[(*count)++] = partitions->list[i].topic;
    return names;
}

/* The partition's place in the topic at or behind `from`; partitions_count if it is not there. */
static uint32_t find_partition(const struct metadata_response_topic *topic, uint32_t from,
                               int32_t partition)
{
    uint32_t p = from;
    while (p < topic->partitions_count && topic->partitions[p].partition_index < partition)
        p++;
    bool is_there =
        p < topic->partitions_count && topic->partitions[p].partition_index == partition;
    return is_there ? p : topic->partitions_count;
}

static struct log_bounds bounds_of(const struct metadata_response_topic *topic, uint32_t place,
                                   const struct partition_offset *start,
                                   const struct partition_offset *end)
{
    assert(place < topic->partitions_count);
    return (struct log_bounds){.error_code = end->error_code != KAFKA_NONE ? end->error_code
                                                                           : start->error_code,
                               .leader_id = topic->partitions[place].leader_id,
                               .topic_id = topic->topic_id,
                               .start = start->offset,
                               .end = end->offset,
                               .by_time = -1};
}

/* All partitions of this topic that were asked for. */
static bool walk_topic(struct walk *walk, const struct metadata_response_topic *topic)
{
    const struct partition_offset *starts =
        offsets_query(walk->connection, walk->metadata, topic, OFFSETS_EARLIEST);
    const struct partition_offset *ends =
        offsets_query(walk->connection, walk->metadata, topic, OFFSETS_LATEST);
    const struct partition_offset *by_time = ends;
    if (walk->time_ms != NULL)
        by_time = offsets_query(walk->connection, walk->metadata, topic, *walk->time_ms);
    if (starts == NULL || ends == NULL || by_time == NULL)
        return false;
    uint32_t p = 0;
    for (; walk->next < walk->partitions->count; walk->next++) {
        const struct group_partition *wanted = &walk->partitions->list[walk->next];
        if (!bytes_equal(wanted->topic, topic->name))
            break;
        uint32_t found = find_partition(topic, p, wanted->partition);
        if (found == topic->partitions_count)
            continue;
        p = found;
        walk->bounds[walk->next] = bounds_of(topic, p, &starts[p], &ends[p]);
        walk->bounds[walk->next].by_time = by_time[p].offset;
    }
    return true;
}

struct log_bounds *log_bounds_ask(struct connection *connection,
                                  const struct group_partitions *partitions, const int64_t *time_ms,
                                  const struct metadata_response **metadata)
{
    assert(metadata != NULL);
    struct tool *tool = connection->tool;
    struct walk walk = {.connection = connection, .partitions = partitions, .time_ms = time_ms};
    uint32_t topic_count;
    struct bytes *names = topic_names(tool, partitions, &topic_count);
    walk.metadata = *metadata = topics_named(connection, names, topic_count);
    walk.bounds =
        arena_allocate_array(&tool->arena, (size_t)partitions->count + 1, sizeof *walk.bounds);
    assert(walk.bounds != NULL);
    if (walk.metadata == NULL)
        return NULL;
    for (uint32_t i = 0; i < partitions->count; i++)
        walk.bounds[i] =
            (struct log_bounds){KAFKA_UNKNOWN_TOPIC_OR_PARTITION, -1, UUID_NONE, -1, -1, -1};
    for (uint32_t t = 0; t < walk.metadata->topics_count; t++) {
        const struct metadata_response_topic *topic = &walk.metadata->topics[t];
        while (walk.next < partitions->count &&
               bytes_compare(partitions->list[walk.next].topic, topic->name) < 0)
            walk.next++;
        if (topic->error_code == KAFKA_NONE && !walk_topic(&walk, topic))
            return NULL;
    }
    return walk.bounds;
}
