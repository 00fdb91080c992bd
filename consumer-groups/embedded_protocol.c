/* These bytes pass from client to client, and the broker is the third who reads them: whatever it
 * cannot read must not end more than the request that it came with. */
#include "consumer-groups/embedded_protocol.h"

#include "protocol/messages/consumer_protocol_assignment.h"

enum { VERSION_MAX = 3 };

/* A version above the known ones is read as the highest known; they only add at the end. */
static int16_t read_version(struct reader *reader, struct bytes bytes)
{
    reader_init(reader, bytes);
    int16_t version = reader_i16(reader);
    if (version < 0)
        reader_fail(reader, STATUS_MALFORMED);
    return version > VERSION_MAX ? VERSION_MAX : version;
}

enum status embedded_subscription_read(struct bytes metadata, struct arena *arena,
                                       struct consumer_protocol_subscription *out)
{
    struct reader reader;
    int16_t version = read_version(&reader, metadata);
    if (reader.status != STATUS_OK)
        return reader.status;
    return consumer_protocol_subscription_decode(&reader, version, arena, out);
}

/* The set has room for as many as come. */
static void add_topic(struct partition_set *set, const struct image *image, struct bytes name,
                      const int32_t *partitions, uint32_t count)
{
    const struct image_topic *topic = image_topic_by_name(image, name);
    for (uint32_t p = 0; topic != NULL && p < count; p++) {
        const struct partition_item item = {.topic_id = topic->id, .partition = partitions[p]};
        if (item.partition >= 0 && (uint32_t)item.partition < topic->partition_count)
            partition_set_push(set, &item);
    }
}

enum status embedded_owned_read(const struct consumer_protocol_subscription *wish,
                                const struct image *image, struct arena *arena,
                                struct partition_set *out)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < wish->owned_partitions_count; t++)
        count += wish->owned_partitions[t].partitions_count;
    if (!partition_set_reserve_in(out, arena, count))
        return STATUS_NO_MEMORY;
    for (uint32_t t = 0; t < wish->owned_partitions_count; t++)
        add_topic(out, image, wish->owned_partitions[t].topic, wish->owned_partitions[t].partitions,
                  wish->owned_partitions[t].partitions_count);
    partition_set_sort(out);
    return STATUS_OK;
}

enum status embedded_assignment_read(struct bytes assignment, const struct image *image,
                                     struct arena *arena, struct partition_set *out)
{
    struct reader reader;
    struct consumer_protocol_assignment given;
    *out = (struct partition_set){NULL, 0, 0};
    if (assignment.size == 0)
        return STATUS_OK;
    int16_t version = read_version(&reader, assignment);
    if (reader.status != STATUS_OK)
        return reader.status;
    enum status status = consumer_protocol_assignment_decode(&reader, version, arena, &given);
    if (status != STATUS_OK)
        return status;
    uint32_t count = 0;
    for (uint32_t t = 0; t < given.assigned_partitions_count; t++)
        count += given.assigned_partitions[t].partitions_count;
    if (!partition_set_reserve_in(out, arena, count))
        return STATUS_NO_MEMORY;
    for (uint32_t t = 0; t < given.assigned_partitions_count; t++)
        add_topic(out, image, given.assigned_partitions[t].topic,
                  given.assigned_partitions[t].partitions,
                  given.assigned_partitions[t].partitions_count);
    partition_set_sort(out);
    return STATUS_OK;
}

/* False without memory. */
static bool name_topics(const struct partition_set *set, const struct image *image,
                        struct arena *arena, struct consumer_protocol_assignment *out)
{
    consumer_protocol_assignment_init(out);
    int32_t *partitions = arena_allocate_array(arena, set->count, sizeof *partitions);
    out->assigned_partitions =
        arena_allocate_array(arena, set->count, sizeof *out->assigned_partitions);
    if (partitions == NULL || out->assigned_partitions == NULL)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        struct uuid id = set->items[i].topic_id;
        partitions[i] = set->items[i].partition;
        bool is_next = i == 0 || !uuid_equal(id, set->items[i - 1].topic_id);
        const struct image_topic *topic = image_topic_by_id(image, id);
        if (topic != NULL && is_next) {
            out->assigned_partitions[out->assigned_partitions_count].topic = topic->name;
            out->assigned_partitions[out->assigned_partitions_count++].partitions = &partitions[i];
        }
        if (topic != NULL)
            out->assigned_partitions[out->assigned_partitions_count - 1].partitions_count++;
    }
    return true;
}

enum status embedded_assignment_write(const struct partition_set *set, const struct image *image,
                                      struct bytes metadata, struct arena *arena, struct bytes *out)
{
    struct reader reader;
    struct writer writer;
    struct consumer_protocol_assignment given;
    int16_t version = read_version(&reader, metadata);
    if (reader.status != STATUS_OK)
        version = 0;
    if (!name_topics(set, image, arena, &given))
        return STATUS_NO_MEMORY;
    writer_init(&writer, arena);
    writer_i16(&writer, version);
    consumer_protocol_assignment_encode(&writer, version, &given);
    *out = writer_result(&writer);
    return writer.status;
}
