#include "broker/reply.h"

#include "base/assert.h"
#include "broker/connection.h"
#include "protocol/headers.h"

void *request_allocate(struct request *request, size_t count, size_t size)
{
    assert(size > 0);
    return arena_allocate_array(&request->arena, count, size);
}

void *request_require(struct request *request, size_t count, size_t size)
{
    void *memory = request_allocate(request, count, size);
    if (memory == NULL)
        request_refuse_for_memory(request);
    return memory;
}

static void request_finish(struct request *request, enum request_state state)
{
    assert(request->connection->core == request->core);
    struct connection *connection = request->connection;
    assert(request->state == REQUEST_RUNNING);
    request->state = state;
    struct broker_core *core = request->core;
    metric_histogram_add_ns(&core->request_times[request->api - api_at(0)],
                            io_now_ns(core->io) - request->arrived_ns);
    request->cancel = NULL;
    connection_release(connection, request);
    connection_schedule(connection);
}

void request_reply(struct request *request)
{
    struct writer *response = &request->response;
    if (response->status != STATUS_OK) {
        request_refuse(request, "the response could not be encoded", response->status);
        return;
    }
    frame_end(response);
    request_finish(request, REQUEST_ANSWERED);
}

void request_end_silently(struct request *request)
{
    request_finish(request, REQUEST_SILENT);
}

void request_refuse(struct request *request, const char *reason, enum status status)
{
    assert(reason != NULL);
    assert(status != STATUS_OK);
    struct connection *connection = request->connection;
    log_warn(request->core->logger, "request refused", field_text("api", request->api->name),
             field_i64("version", request->version), field_text("reason", reason),
             field_status("status", status), field_text("peer", connection->peer.text),
             field_bytes("client_id", request->client_id));
    request_finish(request, REQUEST_SILENT);
    connection_end(connection, reason, true);
}

void request_refuse_for_memory(struct request *request)
{
    request_refuse(request, "no memory for the request", STATUS_NO_MEMORY);
}

bool request_is_decoded(struct request *request, enum status status)
{
    if (status == STATUS_OK)
        return true;
    request_refuse(request, "the request could not be decoded", status);
    return false;
}
