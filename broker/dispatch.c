#include "broker/dispatch.h"

#include "base/assert.h"
#include "broker/api/api.h"
#include "protocol/headers.h"

typedef void request_handler(struct request *request);

static request_handler *const handlers[] = {
#define X(KEY, name) [API_##KEY] = api_##name##_handle,
    API_LIST(X)
#undef X
};

static void refuse_frame(struct connection *connection, const char *reason,
                         const struct request_header *header)
{
    log_warn(connection->core->logger, "request refused", field_text("reason", reason),
             field_i64("api_key", header->request_api_key),
             field_i64("version", header->request_api_version),
             field_text("peer", connection->peer.text));
    connection_end(connection, reason, false);
}

/* NULL when the core has no room. */
static struct request *request_create(struct connection *connection, struct bytes frame)
{
    assert(connection->unreleased == NULL);
    assert(connection->input != NULL);
    struct broker_core *core = connection->core;
    struct request *request = pool_acquire(&core->request_pool);
    if (request == NULL)
        return NULL;
    *request = (struct request){
        .connection = connection,
        .core = core,
        .frame = connection->input,
        .arrived_ns = io_now_ns(core->io),
    };
    chunk_retain(connection->input);
    arena_init_in(&request->arena, request->memory, LIMIT_REQUEST_MEMORY_BYTES,
                  LIMIT_REQUEST_ARENA_BYTES + frame.size);
    list_node_init(&request->node);
    list_push_back(&connection->requests, &request->node);
    connection->request_count++;
    connection->unreleased = request;
    return request;
}

static void response_begin(struct request *request)
{
    assert(request->api != NULL);
    assert(request->state == REQUEST_RUNNING);
    writer_init(&request->response, &request->arena);
    frame_begin(&request->response);
    response_header_write(&request->response, request->api, request->version,
                          request->correlation_id);
}

/* A client may be newer than we are: it is told, in the oldest form, what this broker speaks, and
 * asks again (KIP-511). Its body cannot be understood and is not looked at. */
static void answer_newer_client(struct request *request)
{
    assert(request->api->key == API_API_VERSIONS);
    request->version = 0;
    response_begin(request);
    api_versions_refuse_version(request);
}

bool dispatch_frame(struct connection *connection, struct bytes frame)
{
    assert(connection->state == CONNECTION_OPEN);
    struct reader reader;
    struct request_header header;
    const struct api *api;
    reader_init(&reader, frame);
    enum status status = request_header_read(&reader, &header, &api);
    if (status != STATUS_OK) {
        refuse_frame(connection,
                     status == STATUS_UNSUPPORTED ? "unknown api key" : "malformed request header",
                     &header);
        return true;
    }
    int16_t version = header.request_api_version;
    bool is_served = version >= api->version_min && version <= api->version_max;
    if (!is_served && api->key != API_API_VERSIONS) {
        refuse_frame(connection, "unsupported version of this api", &header);
        return true;
    }

    struct request *request = request_create(connection, frame);
    if (request == NULL)
        return false;
    request->api = api;
    request->version = version;
    request->correlation_id = header.correlation_id;
    request->client_id = header.client_id;
    request->body = reader;
    if (!is_served) {
        answer_newer_client(request);
        return true;
    }
    response_begin(request);
    assert(handlers[api->key] != NULL);
    handlers[api->key](request);
    return true;
}
