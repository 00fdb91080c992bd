/* FindCoordinator. This broker has no coordinators yet, and says so: none is available. Consumers
 * that assign partitions themselves ask as well, because their settings name a group, and go on
 * without one; a final error would end them. It is served because librdkafka takes it for the sign
 * that a broker can store lz4. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "protocol/errors.h"
#include "protocol/messages/find_coordinator.h"

enum { FIND_COORDINATOR_BATCHES_SINCE = 4, NODE_NONE = -1 };

static const char refusal[] = "This broker does not serve consumer groups or transactions";

static bool refuse_each(struct request *request, const struct find_coordinator_request *in,
                        struct find_coordinator_response *out)
{
    uint32_t count = in->coordinator_keys_count;
    out->coordinators = request_allocate(request, count, sizeof *out->coordinators);
    if (out->coordinators == NULL)
        return false;
    out->coordinators_count = count;
    for (uint32_t i = 0; i < count; i++) {
        find_coordinator_response_coordinator_init(&out->coordinators[i]);
        out->coordinators[i].key = in->coordinator_keys[i];
        out->coordinators[i].node_id = NODE_NONE;
        out->coordinators[i].port = NODE_NONE;
        out->coordinators[i].error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
        out->coordinators[i].error_message = bytes_of_text(refusal);
    }
    return true;
}

void api_find_coordinator_handle(struct request *request)
{
    struct find_coordinator_request in;
    enum status status =
        find_coordinator_request_decode(&request->body, request->version, &request->arena, &in);
    if (!request_is_decoded(request, status))
        return;
    struct find_coordinator_response out;
    find_coordinator_response_init(&out);
    if (request->version >= FIND_COORDINATOR_BATCHES_SINCE) {
        if (!refuse_each(request, &in, &out))
            writer_fail(&request->response, STATUS_NO_MEMORY);
    } else {
        out.error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
        out.error_message = bytes_of_text(refusal);
        out.node_id = NODE_NONE;
        out.port = NODE_NONE;
    }
    find_coordinator_response_encode(&request->response, request->version, &out);
    request_reply(request);
}
