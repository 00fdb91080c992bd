/* Blocking sockets with the kernel's own timeouts are enough for a program that asks one question
 * at a time, and they start in no time. What a broker answers is a stranger's word: sizes are
 * capped, versions are clamped to those that both sides know. */
#include "cli/client.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/errors.h"
#include "protocol/headers.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    PORT_DEFAULT = 9092,
    RESPONSE_SIZE_MAX = 256 << 20,
    HOST_SIZE_MAX = 256,
};

static const char client_id[] = "tailrace";

/* "host", "host:port" or "[v6]:port". */
static bool parse_address(struct bytes text, char host[static HOST_SIZE_MAX], int64_t *port)
{
    assert(port != NULL);
    struct bytes rest = text;
    struct bytes name = text;
    if (text.size > 0 && text.data[0] == '[') {
        const uint8_t *end = memchr(text.data, ']', text.size);
        if (end == NULL)
            return false;
        name = bytes_of(text.data + 1, (size_t)(end - text.data) - 1);
        rest = bytes_of(end + 1, text.size - name.size - 2);
    } else {
        const uint8_t *colon = memrchr(text.data, ':', text.size);
        name.size = colon != NULL ? (size_t)(colon - text.data) : text.size;
        rest = bytes_of(text.data + name.size, text.size - name.size);
    }
    *port = PORT_DEFAULT;
    snprintf(host, HOST_SIZE_MAX, "%.*s", (int)name.size, (const char *)name.data);
    if (name.size == 0 || name.size >= HOST_SIZE_MAX)
        return false;
    if (rest.size == 0)
        return true;
    return rest.data[0] == ':' &&
           text_parse_i64(bytes_of(rest.data + 1, rest.size - 1), 1, UINT16_MAX, port) == STATUS_OK;
}

static void set_timeout(int file, int direction, int timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    setsockopt(file, SOL_SOCKET, direction, &limit, sizeof limit);
}

/* A connected socket, or -1 with errno set. */
static int connect_address(const struct tool *tool, const struct addrinfo *address)
{
    assert(address->ai_addr != NULL);
    int file = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
    if (file < 0)
        return -1;
    int yes = 1;
    set_timeout(file, SO_RCVTIMEO, tool_timeout_ms(tool));
    set_timeout(file, SO_SNDTIMEO, tool_timeout_ms(tool)); /* connect heeds it too */
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(file, address->ai_addr, address->ai_addrlen) == 0)
        return file;
    int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(file);
    errno = error;
    return -1;
}

/* Tries each address of a host; -1 with the last reason in `why`. */
static int connect_host(const struct tool *tool, const char *host, int64_t port, const char **why)
{
    assert(host != NULL);
    assert(why != NULL);
    char port_text[8];
    snprintf(port_text, sizeof port_text, "%d", (int)port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *addresses;
    int error = getaddrinfo(host, port_text, &hints, &addresses);
    if (error != 0) {
        *why = gai_strerror(error);
        return -1;
    }
    int file = -1;
    for (struct addrinfo *a = addresses; a != NULL && file < 0; a = a->ai_next)
        file = connect_address(tool, a);
    if (file < 0)
        *why = errno == ECONNREFUSED ? "connection refused" : strerror(errno);
    freeaddrinfo(addresses);
    return file;
}

/* Connects to the first broker of the list that accepts; -1 after an error was said. */
static int connect_any(struct tool *tool, char *address, size_t address_size)
{
    assert(address_size > 0);
    struct bytes rest = bytes_of_text(tool->brokers);
    struct bytes item;
    const char *why = "no address given";
    while (text_next_item(&rest, ',', &item)) {
        char host[HOST_SIZE_MAX];
        int64_t port;
        if (!parse_address(item, host, &port)) {
            tool_usage_error(tool, "'%.*s' is not HOST:PORT", (int)item.size,
                             (const char *)item.data);
            return -1;
        }
        snprintf(address, address_size, "%s:%d", host, (int)port);
        int file = connect_host(tool, host, port, &why);
        if (file >= 0)
            return file;
    }
    tool_error(tool, "no broker at %s: %s; is it running? ./dev start", tool->brokers, why);
    return -1;
}

/* Refused here, because a TLS listener would answer plain bytes with nothing anybody could read. */
static bool is_plain_text(const struct tool *tool)
{
    const char *security = tool_setting(tool, "security.protocol");
    return security == NULL || text_equal_ignoring_case(bytes_of_text(security), "plaintext");
}

/* The highest version of ApiVersions itself that both sides know, from the answer that a broker
 * gives to a version that it does not know. */
static int16_t version_offered(const struct api_versions_response *response, int16_t version_max)
{
    for (uint32_t i = 0; i < response->api_keys_count; i++) {
        int16_t offered = response->api_keys[i].max_version;
        if (response->api_keys[i].api_key == API_API_VERSIONS && offered >= 0)
            return offered < version_max ? offered : version_max;
    }
    return 0;
}

static bool ask_versions(struct connection *connection, int16_t version,
                         struct api_versions_response *response)
{
    assert(connection->file >= 0);
    assert(response != NULL);
    struct api_versions_request request;
    struct call call = {.connection = connection, .version = version};
    call.api = api_find(API_API_VERSIONS);
    assert(call.api != NULL);
    api_versions_request_init(&request);
    request.client_software_name = bytes_of_text(client_id);
    request.client_software_version = bytes_of_text(TAILRACE_VERSION);
    writer_init(&call.writer, &connection->tool->arena);
    api_versions_request_encode(&call.writer, version, &request);
    if (!call_finish(&call))
        return false;
    /* A refusal has the form of version 0, whatever was asked. */
    struct reader refusal = call.reader;
    int16_t error = reader_i16(&refusal);
    int16_t answered = error == KAFKA_UNSUPPORTED_VERSION ? 0 : version;
    api_versions_response_init(response);
    return call_decoded(&call, api_versions_response_decode(&call.reader, answered,
                                                            &connection->tool->arena, response));
}

/* Learns what the broker serves; asks again at its own version if it is older. */
static bool handshake(struct connection *connection)
{
    assert(connection->file >= 0);
    assert(connection->versions == NULL);
    struct tool *tool = connection->tool;
    struct api_versions_response *response =
        arena_allocate_array(&tool->arena, 1, sizeof *response);
    assert(response != NULL);
    int16_t version = api_find(API_API_VERSIONS)->version_max;
    if (!ask_versions(connection, version, response))
        return false;
    if (response->error_code == KAFKA_UNSUPPORTED_VERSION &&
        !ask_versions(connection, version_offered(response, version), response))
        return false;
    if (response->error_code != KAFKA_NONE) {
        tool_error(tool, "%s: %s", connection->address, kafka_error_text(response->error_code));
        return false;
    }
    connection->versions = response;
    return true;
}

/* Finishes a connection whose socket is open, or not (-1). */
static bool settle_connection(struct connection *connection)
{
    assert(connection->tool != NULL);
    if (connection->file < 0)
        return false;
    if (handshake(connection))
        return true;
    client_close(connection);
    return false;
}

bool client_connect(struct connection *connection, struct tool *tool)
{
    assert(tool != NULL);
    *connection = (struct connection){.tool = tool, .file = -1};
    if (!is_plain_text(tool)) {
        tool_error(tool, "this command speaks plain text only, not %s",
                   tool_setting(tool, "security.protocol"));
        return false;
    }
    connection->file = connect_any(tool, connection->address, sizeof connection->address);
    return settle_connection(connection);
}

/* The address comes from the broker's own metadata; it may be one that this machine cannot reach.
 */
bool client_connect_to(struct connection *connection, struct tool *tool, const char *host,
                       int32_t port)
{
    assert(host != NULL);
    const char *why = "";
    *connection = (struct connection){.tool = tool};
    snprintf(connection->address, sizeof connection->address, "%s:%d", host, (int)port);
    connection->file = connect_host(tool, host, port, &why);
    if (connection->file < 0)
        tool_error(tool, "no broker at %s: %s", connection->address, why);
    return settle_connection(connection);
}

void client_close(struct connection *connection)
{
    if (connection->file >= 0)
        close(connection->file);
    connection->file = -1;
}

/* librdkafka would go on trying in silence; a command that cannot reach any broker should say so at
 * once. */
bool client_probe(struct tool *tool)
{
    char address[HOST_SIZE_MAX + 16];
    int file = connect_any(tool, address, sizeof address);
    if (file >= 0)
        close(file);
    return file >= 0;
}

/* The kernel's receive timeout shows as EAGAIN, which would puzzle anybody who reads it. */
static bool connection_failed(const struct connection *connection)
{
    const char *why = errno == EAGAIN ? "no answer in time" : strerror(errno);
    tool_error(connection->tool, "%s: %s", connection->address,
               errno == 0 ? "the broker closed the connection" : why);
    return false;
}

static bool send_all(const struct connection *connection, struct bytes bytes)
{
    assert(connection->file >= 0);
    while (bytes.size > 0) {
        ssize_t sent = send(connection->file, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return connection_failed(connection);
        bytes = bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
    }
    return true;
}

static bool receive_all(const struct connection *connection, uint8_t *data, size_t size)
{
    assert(connection->file >= 0);
    assert(data != NULL || size == 0);
    while (size > 0) {
        ssize_t count = recv(connection->file, data, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            errno = count == 0 ? 0 : errno;
            return connection_failed(connection);
        }
        data += count;
        size -= (size_t)count;
    }
    return true;
}

/* A whole frame without its size, in the tool's arena. */
static bool receive_frame(const struct connection *connection, struct bytes *frame)
{
    assert(frame != NULL);
    uint8_t prefix[FRAME_PREFIX_SIZE];
    if (!receive_all(connection, prefix, sizeof prefix))
        return false;
    uint32_t size = load_u32_be(prefix);
    if (size > RESPONSE_SIZE_MAX) {
        tool_error(connection->tool, "%s does not speak Kafka's protocol", connection->address);
        return false;
    }
    uint8_t *data = arena_allocate(&connection->tool->arena, size);
    if (data == NULL) {
        tool_error(connection->tool, "out of memory for a response of %u bytes", size);
        return false;
    }
    *frame = bytes_of(data, size);
    return receive_all(connection, data, size);
}

bool client_serves(const struct connection *connection, enum api_key key)
{
    assert(connection->versions != NULL);
    for (uint32_t i = 0; i < connection->versions->api_keys_count; i++)
        if (connection->versions->api_keys[i].api_key == (int16_t)key)
            return true;
    return false;
}

/* The highest version that both sides know, so an old broker and a new one are asked each in its
 * own way. */
bool call_begin(struct call *call, struct connection *connection, enum api_key key)
{
    assert(connection->file >= 0);
    assert(connection->versions != NULL);
    const struct api *api = api_find((int16_t)key);
    assert(api != NULL);
    *call = (struct call){.connection = connection, .api = api};
    writer_init(&call->writer, &connection->tool->arena);
    const struct api_versions_response *versions = connection->versions;
    for (uint32_t i = 0; i < versions->api_keys_count; i++) {
        const struct api_versions_response_api_version *served = &versions->api_keys[i];
        if (served->api_key != api->key)
            continue;
        bool is_older = served->max_version < api->version_max;
        call->version = is_older ? served->max_version : api->version_max;
        if (call->version >= served->min_version && call->version >= api->version_min)
            return true;
    }
    tool_error(connection->tool, "%s does not serve %s in a version that this tool knows",
               connection->address, api->name);
    return false;
}

int32_t call_grant_ms(const struct call *call)
{
    assert(call->connection->file >= 0);
    int64_t wait_ms = tool_change_timeout_ms(call->connection->tool);
    set_timeout(call->connection->file, SO_RCVTIMEO, (int)wait_ms);
    return (int32_t)(wait_ms * 3 / 4); /* the rest is for the way there and back */
}

static bool send_request(struct call *call, int32_t correlation_id)
{
    assert(correlation_id > 0);
    struct writer frame;
    struct request_header header = {
        .request_api_key = call->api->key,
        .request_api_version = call->version,
        .correlation_id = correlation_id,
        .client_id = bytes_of_text(client_id),
    };
    writer_init(&frame, &call->connection->tool->arena);
    frame_begin(&frame);
    request_header_encode(&frame, api_request_header_version(call->api, call->version), &header);
    writer_bytes(&frame, writer_result(&call->writer));
    frame_end(&frame);
    if (call->writer.status != STATUS_OK || frame.status != STATUS_OK) {
        tool_error(
            call->connection->tool, "%s version %d: %s", call->api->name, call->version,
            status_text(call->writer.status != STATUS_OK ? call->writer.status : frame.status));
        return false;
    }
    return send_all(call->connection, writer_result(&frame));
}

/* Requests go one at a time, so an answer with another number is no answer to us: what speaks there
 * is not Kafka. */
bool call_finish(struct call *call)
{
    assert(call->version >= call->api->version_min);
    assert(call->version <= call->api->version_max);
    struct connection *connection = call->connection;
    struct response_header header;
    struct bytes frame;
    int32_t correlation_id = ++connection->correlation_id;
    if (!send_request(call, correlation_id) || !receive_frame(connection, &frame))
        return false;
    reader_init(&call->reader, frame);
    response_header_init(&header);
    enum status status =
        response_header_decode(&call->reader, api_response_header_version(call->api, call->version),
                               &connection->tool->arena, &header);
    if (status == STATUS_OK && header.correlation_id == correlation_id)
        return true;
    tool_error(connection->tool, "%s does not speak Kafka's protocol", connection->address);
    return false;
}

/* A response that cannot be decoded is told with its version, which is what a report about it
 * needs. */
bool call_decoded(const struct call *call, enum status status)
{
    if (status == STATUS_OK)
        return true;
    tool_error(call->connection->tool, "%s: the response to %s version %d: %s",
               call->connection->address, call->api->name, call->version, status_text(status));
    return false;
}
