#include "broker/describe.h"

#include "base/assert.h"
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

int16_t partition_error(const struct image_partition *partition)
{
    return partition->leader < 0 ? KAFKA_LEADER_NOT_AVAILABLE : KAFKA_NONE;
}

struct bytes name_or_empty(struct bytes name)
{
    return bytes_are_null(name) ? bytes_of_text("") : name;
}
