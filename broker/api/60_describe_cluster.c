/* DescribeCluster: the brokers, the cluster's id and who answers for the controller. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/describe.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_cluster.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

static bool list_brokers(struct request *request, const struct describe_cluster_request *in,
                         struct describe_cluster_response *out)
{
    struct image *image = core_image(request->core);
    uint32_t count = image_broker_count(image);
    out->brokers = request_allocate(request, count, sizeof *out->brokers);
    if (out->brokers == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct image_broker *broker = image_broker_at(image, i);
        const struct image_endpoint *endpoint = broker_endpoint(request, broker);
        if (endpoint == NULL || (broker->is_fenced && !in->include_fenced_brokers))
            continue;
        out->brokers[out->brokers_count++] = (struct describe_cluster_response_broker){
            .broker_id = broker->id,
            .host = endpoint->host,
            .port = endpoint->port,
            .rack = broker->rack,
            .is_fenced = broker->is_fenced,
        };
    }
    return true;
}

/* Controllers have a listener of their own in Kafka; a broker's listener does not answer for it. */
static void refuse_endpoint_type(struct describe_cluster_response *out, int8_t endpoint_type)
{
    bool is_controllers = endpoint_type == ENDPOINT_CONTROLLERS;
    out->error_code =
        is_controllers ? KAFKA_MISMATCHED_ENDPOINT_TYPE : KAFKA_UNSUPPORTED_ENDPOINT_TYPE;
    out->error_message = bytes_of_text(
        is_controllers ? "The request was sent to an endpoint of the wrong type: this is a broker"
                       : "Unsupported endpoint type");
}

void api_describe_cluster_handle(struct request *request)
{
    struct describe_cluster_request in;
    enum status status =
        describe_cluster_request_decode(&request->body, request->version, &request->arena, &in);
    if (!request_is_decoded(request, status))
        return;
    struct describe_cluster_response out;
    describe_cluster_response_init(&out);
    out.endpoint_type = in.endpoint_type;
    out.cluster_id = cluster_id_text(request);
    if (in.endpoint_type != ENDPOINT_BROKERS) {
        refuse_endpoint_type(&out, in.endpoint_type);
    } else {
        out.controller_id = image_controller_id(core_image(request->core));
        if (in.include_cluster_authorized_operations)
            out.cluster_authorized_operations = CLUSTER_OPERATIONS_ALL;
        if (!list_brokers(request, &in, &out))
            writer_fail(&request->response, STATUS_NO_MEMORY);
    }
    describe_cluster_response_encode(&request->response, request->version, &out);
    request_reply(request);
}
