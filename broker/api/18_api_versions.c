/* ApiVersions: which APIs, in which versions. Answered at once, also to clients that are newer than
 * this broker: librdkafka takes a slow answer for a broker from before 0.10. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/connection.h"
#include "broker/reply.h"
#include "protocol/errors.h"
#include "protocol/messages/api_versions.h"

#include <stdio.h>

enum { API_VERSIONS_SOFTWARE_SINCE = 3 };

static void list_apis(struct api_versions_response *out,
                      struct api_versions_response_api_version *versions)
{
    for (uint32_t i = 0; i < API_COUNT; i++) {
        const struct api *api = api_at(i);
        versions[i] = (struct api_versions_response_api_version){
            .api_key = api->key,
            .min_version = api->advertised_min,
            .max_version = api->version_max,
        };
    }
    out->api_keys = versions;
    out->api_keys_count = API_COUNT;
}

static bool is_software_text(struct bytes text)
{
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool is_digit = c >= '0' && c <= '9';
        bool is_inner = i > 0 && i + 1 < text.size;
        if (!is_letter && !is_digit && !(is_inner && (c == '-' || c == '.')))
            return false;
    }
    return true;
}

/* What the client is, for the log and for whoever looks at the connections. */
static void remember_software(struct connection *connection, const struct api_versions_request *in)
{
    int length = snprintf(connection->software_text, sizeof connection->software_text, "%.*s %.*s",
                          (int)in->client_software_name.size, in->client_software_name.data,
                          (int)in->client_software_version.size, in->client_software_version.data);
    assert(length > 0);
    connection->software_name = bytes_of_text(connection->software_text);
    log_debug(connection->core->logger, "client introduced itself",
              field_bytes("software", connection->software_name),
              field_text("peer", connection->peer.text));
}

void api_api_versions_handle(struct request *request)
{
    struct api_versions_request in;
    enum status status =
        api_versions_request_decode(&request->body, request->version, &request->arena, &in);
    if (!request_is_decoded(request, status))
        return;
    struct api_versions_response out;
    struct api_versions_response_api_version versions[API_COUNT];
    api_versions_response_init(&out);
    if (request->version >= API_VERSIONS_SOFTWARE_SINCE &&
        (!is_software_text(in.client_software_name) ||
         !is_software_text(in.client_software_version)))
        out.error_code = KAFKA_INVALID_REQUEST;
    else
        list_apis(&out, versions);
    if (request->version >= API_VERSIONS_SOFTWARE_SINCE && out.error_code == KAFKA_NONE)
        remember_software(request->connection, &in);
    api_versions_response_encode(&request->response, request->version, &out);
    request_reply(request);
}

void api_versions_refuse_version(struct request *request)
{
    struct api_versions_response out;
    struct api_versions_response_api_version own = {
        .api_key = API_API_VERSIONS,
        .min_version = request->api->version_min,
        .max_version = request->api->version_max,
    };
    api_versions_response_init(&out);
    out.error_code = KAFKA_UNSUPPORTED_VERSION;
    out.api_keys = &own;
    out.api_keys_count = 1;
    assert(request->version == 0);
    api_versions_response_encode(&request->response, request->version, &out);
    request_reply(request);
}
