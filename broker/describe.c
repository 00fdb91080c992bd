#include "broker/describe.h"

#include "base/assert.h"
#include "broker/reply.h"
#include "broker/roster.h"
#include "protocol/errors.h"

const struct image_endpoint *broker_endpoint(const struct request *request,
                                             const struct image_broker *broker)
{
    const char *listener =
        roster_listener_name(request->core->roster, request->connection->listener_index);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        if (bytes_equal_text(broker->endpoints[i].listener, listener))
            return &broker->endpoints[i];
    }
    return NULL;
}

struct bytes cluster_id_text(struct request *request)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(image_cluster_id(core_image(request->core)), text);
    char *copy = arena_copy_text(&request->arena, text, sizeof text - 1);
    return copy == NULL ? (struct bytes){0} : bytes_of(copy, sizeof text - 1);
}

static bool is_offline(const struct image *image, int32_t broker_id, struct uuid directory)
{
    const struct image_broker *broker = image_broker_by_id(image, broker_id);
    if (broker == NULL || broker->is_fenced)
        return true;
    const struct image_log_dir *log_dir = image_log_dir_by_id(broker, directory);
    return !uuid_is_zero(directory) && (log_dir == NULL || !log_dir->is_online);
}

/* Most partitions have none, and take no memory for that. */
bool offline_replicas(struct request *request, const struct image_partition *partition,
                      int32_t **ids, uint32_t *count)
{
    const struct image *image = core_image(request->core);
    *ids = NULL;
    *count = 0;
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (!is_offline(image, partition->replicas[i], partition->directories[i]))
            continue;
        if (*ids == NULL)
            *ids = request_allocate(request, partition->replica_count, sizeof **ids);
        if (*ids == NULL)
            return false;
        (*ids)[(*count)++] = partition->replicas[i];
    }
    return true;
}

int16_t partition_error(const struct image_partition *partition)
{
    return partition->leader < 0 ? KAFKA_LEADER_NOT_AVAILABLE : KAFKA_NONE;
}

struct bytes name_or_empty(struct bytes name)
{
    return bytes_are_null(name) ? bytes_of_text("") : name;
}
