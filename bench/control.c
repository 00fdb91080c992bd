#include "bench/control.h"

#include "base/assert.h"
#include "base/text.h"
#include "bench/system.h"
#include "protocol/errors.h"
#include "protocol/headers.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    RESPONSE_BYTES_MAX = 16 << 20,
    OFFSETS_AT_ONCE = 1000,
    PORT_TRIES_MAX = 100,
};

static const char client_id[] = "tailrace-bench";

/* --- Addresses -------------------------------------------------------------------------------- */

struct address address_loopback(uint16_t port)
{
    struct address address = {.socket_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&address.socket, &in, sizeof in);
    return address;
}

/* Cuts "host:port" at its last colon; the brackets of an IPv6 address go. */
static bool split(struct bytes text, char host[static NI_MAXHOST], char port[static NI_MAXSERV])
{
    const uint8_t *colon = memrchr(text.data, ':', text.size);
    if (colon == NULL)
        return false;
    size_t host_size = (size_t)(colon - text.data);
    size_t port_size = text.size - host_size - 1;
    const char *name = (const char *)text.data;
    if (host_size > 2 && name[0] == '[' && name[host_size - 1] == ']') {
        name++;
        host_size -= 2;
    }
    if (host_size == 0 || host_size >= NI_MAXHOST || port_size == 0 || port_size >= NI_MAXSERV)
        return false;
    snprintf(host, NI_MAXHOST, "%.*s", (int)host_size, name);
    snprintf(port, NI_MAXSERV, "%.*s", (int)port_size, (const char *)colon + 1);
    return true;
}

/* "host:port" or "[address]:port". NULL, or why there is no such address. */
static const char *addresses_find(struct bytes text, struct addrinfo **found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    int64_t port_number;
    if (bytes_are_null(text) || !split(text, host, port) ||
        text_parse_i64(bytes_of_text(port), 1, UINT16_MAX, &port_number) != STATUS_OK)
        return "an address is HOST:PORT";
    int error = getaddrinfo(host, port, &hints, found);
    return error != 0 ? gai_strerror(error) : NULL;
}

/* A socket on the port, 0 for any that is free; -1 if it is taken. */
static int bind_port(uint16_t port)
{
    struct address address = address_loopback(port);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file >= 0 && bind(file, (struct sockaddr *)&address.socket, address.socket_size) != 0) {
        close(file);
        return -1;
    }
    return file;
}

uint16_t port_find_free(void)
{
    for (int i = 0; i < PORT_TRIES_MAX; i++) {
        struct sockaddr_in bound;
        socklen_t bound_size = sizeof bound;
        int file = bind_port(0);
        if (file < 0 || getsockname(file, (struct sockaddr *)&bound, &bound_size) != 0)
            fail("no free port: %s", strerror(errno));
        uint16_t port = ntohs(bound.sin_port);
        int next = port < UINT16_MAX ? bind_port(port + 1) : -1;
        close(file);
        if (next < 0)
            continue;
        close(next);
        return port;
    }
    fail("no two free ports beside each other");
}

/* --- Connection ------------------------------------------------------------------------------- */

bool control_open(struct control *control, const struct address *address)
{
    struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_SECONDS};
    int on = 1;
    *control = (struct control){.file = -1};
    int file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        fail("no socket: %s", strerror(errno));
    if (connect(file, (const struct sockaddr *)&address->socket, address->socket_size) != 0) {
        int error = errno;
        close(file);
        errno = error;
        return false;
    }
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    control->file = file;
    arena_init(&control->arena, ARENA_BYTES_MAX);
    return true;
}

void control_close(struct control *control)
{
    assert(control->file >= 0);
    close(control->file);
    control->file = -1;
    arena_deinit(&control->arena);
}

/* A host may have several addresses, and a broker listen on one of them only. */
static bool open_first(struct control *control, const struct addrinfo *found,
                       struct address *address)
{
    bool is_open = false;
    for (; found != NULL && !is_open; found = found->ai_next) {
        assert(found->ai_addrlen <= sizeof address->socket);
        memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
        address->socket_size = found->ai_addrlen;
        is_open = control_open(control, address);
    }
    return is_open;
}

/* NULL, or why no broker answers there. */
static const char *open_one(struct control *control, struct bytes text, struct address *address)
{
    struct addrinfo *found;
    const char *problem = addresses_find(text, &found);
    if (problem != NULL)
        return problem;
    bool is_open = open_first(control, found, address);
    problem = strerror(errno);
    freeaddrinfo(found);
    if (!is_open)
        return problem;
    if (control_is_answered(control))
        return NULL;
    control_close(control);
    return "who listens there does not answer as Kafka does";
}

bool control_open_any(struct control *control, const char *brokers, struct address *address,
                      const char **problem)
{
    struct bytes rest = bytes_of_text(brokers);
    struct bytes item;
    *problem = "an address is HOST:PORT";
    while (text_next_item(&rest, ',', &item)) {
        *problem = open_one(control, item, address);
        if (*problem == NULL)
            return true;
    }
    return false;
}

void control_open_first(struct control *control, const char *brokers, struct address *address)
{
    const char *problem;
    if (!control_open_any(control, brokers, address, &problem))
        fail("no broker answers at %s: %s", brokers, problem);
}

/* Where there is a limit of time, being stopped and continued ends a call, though no signal is
 * handled (signal(7)). */
static bool send_all(const struct control *control, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(control->file, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        bytes = bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
    }
    return true;
}

static bool receive_all(const struct control *control, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t count = recv(control->file, data, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        data += count;
        size -= (size_t)count;
    }
    return true;
}

static bool receive_frame(struct control *control, struct reader *reader)
{
    uint8_t prefix[FRAME_PREFIX_SIZE];
    if (!receive_all(control, prefix, sizeof prefix))
        return false;
    uint32_t size = load_u32_be(prefix);
    uint8_t *data = size > RESPONSE_BYTES_MAX ? NULL : arena_allocate(&control->arena, size);
    if (data == NULL)
        fail("a response of %u bytes: does the broker speak Kafka's protocol?", size);
    reader_init(reader, bytes_of(data, size));
    return receive_all(control, data, size);
}

/* --- Requests --------------------------------------------------------------------------------- */

void request_begin(struct writer *writer, enum api_key key, int16_t version, int32_t correlation_id)
{
    const struct api *api = api_find((int16_t)key);
    assert(api != NULL);
    assert(api_version_is_served(api, version));
    struct request_header header = {
        .request_api_key = api->key,
        .request_api_version = version,
        .correlation_id = correlation_id,
        .client_id = bytes_of_text(client_id),
    };
    frame_begin(writer);
    request_header_encode(writer, api_request_header_version(api, version), &header);
}

bool response_begin(struct reader *reader, enum api_key key, int16_t version,
                    int32_t correlation_id, struct arena *arena)
{
    const struct api *api = api_find((int16_t)key);
    assert(api != NULL);
    struct response_header header;
    response_header_init(&header);
    enum status status =
        response_header_decode(reader, api_response_header_version(api, version), arena, &header);
    return status == STATUS_OK && header.correlation_id == correlation_id;
}

void control_call_begin(struct control_call *call, struct control *control, enum api_key key,
                        int16_t version)
{
    *call = (struct control_call){.control = control, .key = key, .version = version};
    arena_reset(&control->arena);
    writer_init(&call->writer, &control->arena);
    request_begin(&call->writer, key, version, ++control->correlation_id);
}

static bool call_try(struct control_call *call)
{
    struct control *control = call->control;
    frame_end(&call->writer);
    return send_all(control, writer_result(&call->writer)) &&
           receive_frame(control, &call->reader) &&
           response_begin(&call->reader, call->key, call->version, control->correlation_id,
                          &control->arena);
}

void control_call_finish(struct control_call *call)
{
    if (!call_try(call))
        fail("no answer to a request for %s: %s", api_find((int16_t)call->key)->name,
             strerror(errno));
}

void control_call_check(const struct control_call *call, enum status status)
{
    if (status != STATUS_OK)
        fail("the response to %s: %s", api_find((int16_t)call->key)->name, status_text(status));
}

bool control_is_answered(struct control *control)
{
    struct control_call call;
    struct api_versions_request request;
    struct api_versions_response response;
    control_call_begin(&call, control, API_API_VERSIONS, API_VERSIONS_VERSION);
    api_versions_request_init(&request);
    request.client_software_name = bytes_of_text(client_id);
    request.client_software_version = bytes_of_text("1");
    api_versions_request_encode(&call.writer, call.version, &request);
    if (!call_try(&call))
        return false;
    api_versions_response_init(&response);
    return api_versions_response_decode(&call.reader, call.version, &control->arena, &response) ==
               STATUS_OK &&
           response.error_code == KAFKA_NONE;
}

static void write_offsets_request(struct control_call *call, const char *name, bool is_end,
                                  uint32_t first, uint32_t count)
{
    enum { LATEST = -1, EARLIEST = -2 };
    struct list_offsets_request request;
    struct list_offsets_request_topic topic;
    struct list_offsets_request_partition partitions[OFFSETS_AT_ONCE];
    assert(count <= OFFSETS_AT_ONCE);
    list_offsets_request_init(&request);
    list_offsets_request_topic_init(&topic);
    for (uint32_t i = 0; i < count; i++) {
        list_offsets_request_partition_init(&partitions[i]);
        partitions[i].partition_index = (int32_t)(first + i);
        partitions[i].timestamp = is_end ? LATEST : EARLIEST;
    }
    topic.name = bytes_of_text(name);
    topic.partitions = partitions;
    topic.partitions_count = count;
    request.replica_id = -1;
    request.topics = &topic;
    request.topics_count = 1;
    list_offsets_request_encode(&call->writer, call->version, &request);
}

static bool find_some_offsets(struct control *control, const char *name, bool is_end,
                              uint32_t first, uint32_t count, int64_t *offsets)
{
    struct control_call call;
    struct list_offsets_response response;
    control_call_begin(&call, control, API_LIST_OFFSETS, LIST_OFFSETS_VERSION);
    write_offsets_request(&call, name, is_end, first, count);
    control_call_finish(&call);
    list_offsets_response_init(&response);
    control_call_check(&call, list_offsets_response_decode(&call.reader, call.version,
                                                           &control->arena, &response));
    if (response.topics_count != 1 || response.topics[0].partitions_count != count)
        fail("ListOffsets did not answer for all partitions of topic %s", name);
    for (uint32_t i = 0; i < count; i++) {
        const struct list_offsets_response_partition *answer = &response.topics[0].partitions[i];
        if (answer->error_code != KAFKA_NONE)
            return false;
        if (answer->partition_index < (int32_t)first ||
            answer->partition_index >= (int32_t)(first + count))
            fail("ListOffsets answered for partition %d", answer->partition_index);
        offsets[(uint32_t)answer->partition_index - first] = answer->offset;
    }
    return true;
}

bool control_find_offsets(struct control *control, const char *topic, bool is_end, uint32_t first,
                          uint32_t count, int64_t *offsets)
{
    assert(offsets != NULL);
    bool is_served = true;
    for (uint32_t done = 0; done < count && is_served; done += OFFSETS_AT_ONCE) {
        uint32_t some = count - done < OFFSETS_AT_ONCE ? count - done : OFFSETS_AT_ONCE;
        is_served = find_some_offsets(control, topic, is_end, first + done, some, offsets + done);
    }
    return is_served;
}

void control_init_producer(struct control *control, int64_t *id, int16_t *epoch)
{
    struct control_call call;
    struct init_producer_id_request request;
    struct init_producer_id_response response;
    int64_t give_up_ns = now_ns() + CLIENT_TIMEOUT_SECONDS * SECOND_NS;
    do {
        control_call_begin(&call, control, API_INIT_PRODUCER_ID, INIT_PRODUCER_ID_VERSION);
        init_producer_id_request_init(&request);
        request.transactional_id = (struct bytes){0};
        init_producer_id_request_encode(&call.writer, call.version, &request);
        control_call_finish(&call);
        init_producer_id_response_init(&response);
        control_call_check(&call, init_producer_id_response_decode(&call.reader, call.version,
                                                                   &control->arena, &response));
    } while (kafka_error_is_retriable(response.error_code) && now_ns() < give_up_ns);
    if (response.error_code != KAFKA_NONE)
        fail("no producer id: %s", kafka_error_text(response.error_code));
    *id = response.producer_id;
    *epoch = response.producer_epoch;
}

/* Which node answers, by the port that we are connected to; -1 if the broker does not say. */
static int32_t find_broker_id(struct control *control)
{
    struct control_call call;
    struct describe_cluster_request request;
    struct describe_cluster_response response;
    control_call_begin(&call, control, API_DESCRIBE_CLUSTER, DESCRIBE_CLUSTER_VERSION);
    describe_cluster_request_init(&request);
    describe_cluster_request_encode(&call.writer, call.version, &request);
    describe_cluster_response_init(&response);
    if (!call_try(&call) ||
        describe_cluster_response_decode(&call.reader, call.version, &control->arena, &response) !=
            STATUS_OK)
        return -1;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (getpeername(control->file, (struct sockaddr *)&peer, &size) != 0)
        return -1;
    /* The port stands at the same place in both families. */
    uint16_t port = ntohs(((const struct sockaddr_in *)&peer)->sin_port);
    for (uint32_t i = 0; i < response.brokers_count; i++)
        if (response.brokers_count == 1 || response.brokers[i].port == port)
            return response.brokers[i].broker_id;
    return -1;
}

static const struct describe_configs_response_result *describe(struct control *control, int8_t type,
                                                               const char *name)
{
    struct control_call call;
    struct describe_configs_request request;
    struct describe_configs_request_resource resource;
    struct describe_configs_response response;
    control_call_begin(&call, control, API_DESCRIBE_CONFIGS, DESCRIBE_CONFIGS_VERSION);
    describe_configs_request_init(&request);
    describe_configs_request_resource_init(&resource);
    resource.resource_type = type;
    resource.resource_name = bytes_of_text(name);
    resource.configuration_keys = NULL;
    request.resources = &resource;
    request.resources_count = 1;
    describe_configs_request_encode(&call.writer, call.version, &request);
    describe_configs_response_init(&response);
    bool is_told = call_try(&call) &&
                   describe_configs_response_decode(&call.reader, call.version, &control->arena,
                                                    &response) == STATUS_OK &&
                   response.results_count == 1 && response.results[0].error_code == KAFKA_NONE;
    return is_told ? response.results : NULL;
}

const struct describe_configs_response_result *control_describe_broker(struct control *control)
{
    enum { RESOURCE_BROKER = 4 };
    char name[16];
    int32_t id = find_broker_id(control);
    if (id < 0)
        return NULL;
    snprintf(name, sizeof name, "%d", id);
    return describe(control, RESOURCE_BROKER, name);
}

const struct describe_configs_response_result *control_describe_topic(struct control *control,
                                                                      const char *topic)
{
    enum { RESOURCE_TOPIC = 2 };
    return describe(control, RESOURCE_TOPIC, topic);
}

bool control_produce(struct control *control, struct bytes frame)
{
    struct reader reader;
    struct produce_response response;
    int32_t correlation_id = (int32_t)load_u32_be(frame.data + FRAME_PREFIX_SIZE + 4);
    arena_reset(&control->arena);
    if (!send_all(control, frame) || !receive_frame(control, &reader) ||
        !response_begin(&reader, API_PRODUCE, PRODUCE_VERSION, correlation_id, &control->arena))
        return false;
    produce_response_init(&response);
    return produce_response_decode(&reader, PRODUCE_VERSION, &control->arena, &response) ==
               STATUS_OK &&
           response.responses_count == 1 && response.responses[0].partition_responses_count == 1 &&
           response.responses[0].partition_responses[0].error_code == KAFKA_NONE;
}
