#include "bench/client.h"

#include "base/assert.h"
#include "base/text.h"
#include "bench/system.h"
#include "protocol/errors.h"
#include "protocol/headers.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_BYTES_MAX = 64 << 20, RESPONSE_BYTES_MAX = 16 << 20, RETRY_NS = 20 * 1000 * 1000 };

static const char client_id[] = "tailrace-bench";

/* --- Addresses --------------------------------------------------------------------------------
 */

struct address address_loopback(uint16_t port)
{
    struct address address = {.socket_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&address.socket, &in, sizeof in);
    return address;
}

static struct address address_loopback6(uint16_t port)
{
    struct address address = {.socket_size = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 in = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    memcpy(&address.socket, &in, sizeof in);
    return address;
}

bool address_parse(const char *text, struct address *address)
{
    static const char v4[] = "127.0.0.1:";
    static const char v6[] = "[::1]:";
    bool is_v6 = strncmp(text, v6, sizeof v6 - 1) == 0;
    int64_t port;
    if (!is_v6 && strncmp(text, v4, sizeof v4 - 1) != 0)
        return false;
    text += is_v6 ? sizeof v6 - 1 : sizeof v4 - 1;
    if (text_parse_i64(bytes_of_text(text), 1, UINT16_MAX, &port) != STATUS_OK)
        return false;
    *address = is_v6 ? address_loopback6((uint16_t)port) : address_loopback((uint16_t)port);
    return true;
}

uint16_t port_find_free(void)
{
    struct address address = address_loopback(0);
    struct sockaddr_in bound;
    socklen_t bound_size = sizeof bound;
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || bind(file, (struct sockaddr *)&address.socket, address.socket_size) != 0 ||
        getsockname(file, (struct sockaddr *)&bound, &bound_size) != 0)
        fail("no free port: %s", strerror(errno));
    close(file);
    return ntohs(bound.sin_port);
}

/* --- Connection -------------------------------------------------------------------------------
 */

bool client_open(struct client *client, const struct address *address)
{
    struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_SECONDS};
    int on = 1;
    *client = (struct client){.file = -1};
    int file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        fail("no socket: %s", strerror(errno));
    if (connect(file, (const struct sockaddr *)&address->socket, address->socket_size) != 0) {
        close(file);
        return false;
    }
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    client->file = file;
    arena_init(&client->arena, ARENA_BYTES_MAX);
    return true;
}

void client_close(struct client *client)
{
    assert(client->file >= 0);
    close(client->file);
    client->file = -1;
    arena_deinit(&client->arena);
}

static bool send_all(const struct client *client, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(client->file, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        bytes = bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
    }
    return true;
}

static bool receive_all(const struct client *client, uint8_t *data, size_t size)
{
    return recv(client->file, data, size, MSG_WAITALL) == (ssize_t)size;
}

static bool receive_frame(struct client *client, struct reader *reader)
{
    uint8_t prefix[FRAME_PREFIX_SIZE];
    if (!receive_all(client, prefix, sizeof prefix))
        return false;
    uint32_t size = load_u32_be(prefix);
    uint8_t *data = size > RESPONSE_BYTES_MAX ? NULL : arena_allocate(&client->arena, size);
    if (data == NULL)
        fail("a response of %u bytes: does the broker speak Kafka's protocol?", size);
    reader_init(reader, bytes_of(data, size));
    return receive_all(client, data, size);
}

/* --- Requests ---------------------------------------------------------------------------------
 */

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

void client_call_begin(struct client_call *call, struct client *client, enum api_key key,
                       int16_t version)
{
    *call = (struct client_call){.client = client, .key = key, .version = version};
    arena_reset(&client->arena);
    writer_init(&call->writer, &client->arena);
    request_begin(&call->writer, key, version, ++client->correlation_id);
}

static bool call_try(struct client_call *call)
{
    struct client *client = call->client;
    frame_end(&call->writer);
    return send_all(client, writer_result(&call->writer)) && receive_frame(client, &call->reader) &&
           response_begin(&call->reader, call->key, call->version, client->correlation_id,
                          &client->arena);
}

void client_call_finish(struct client_call *call)
{
    if (!call_try(call))
        fail("no answer to a request for %s: %s", api_find((int16_t)call->key)->name,
             strerror(errno));
}

void client_call_check(const struct client_call *call, enum status status)
{
    if (status != STATUS_OK)
        fail("the response to %s: %s", api_find((int16_t)call->key)->name, status_text(status));
}

bool client_is_answered(struct client *client)
{
    struct client_call call;
    struct api_versions_request request;
    struct api_versions_response response;
    client_call_begin(&call, client, API_API_VERSIONS, API_VERSIONS_VERSION);
    api_versions_request_init(&request);
    request.client_software_name = bytes_of_text(client_id);
    request.client_software_version = bytes_of_text("1");
    api_versions_request_encode(&call.writer, call.version, &request);
    if (!call_try(&call))
        return false;
    api_versions_response_init(&response);
    return api_versions_response_decode(&call.reader, call.version, &client->arena, &response) ==
               STATUS_OK &&
           response.error_code == KAFKA_NONE;
}

static void request_topic(struct client *client, const char *name, uint32_t partition_count)
{
    struct client_call call;
    struct create_topics_request request;
    struct create_topics_request_topic topic;
    struct create_topics_response response;
    client_call_begin(&call, client, API_CREATE_TOPICS, CREATE_TOPICS_VERSION);
    create_topics_request_init(&request);
    create_topics_request_topic_init(&topic);
    topic.name = bytes_of_text(name);
    topic.num_partitions = (int32_t)partition_count;
    topic.replication_factor = 1;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    create_topics_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    create_topics_response_init(&response);
    client_call_check(&call, create_topics_response_decode(&call.reader, call.version,
                                                           &client->arena, &response));
    int16_t error = response.topics_count == 1 ? response.topics[0].error_code : KAFKA_NONE;
    if (error != KAFKA_NONE && error != KAFKA_TOPIC_ALREADY_EXISTS)
        fail("cannot make topic %s: %s", name, kafka_error_text(error));
}

/* Answers Kafka's error code. */
static int16_t find_end(struct client *client, const char *name, int32_t index, int64_t *offset)
{
    struct client_call call;
    struct list_offsets_request request;
    struct list_offsets_request_topic topic;
    struct list_offsets_request_partition partition;
    struct list_offsets_response response;
    client_call_begin(&call, client, API_LIST_OFFSETS, LIST_OFFSETS_VERSION);
    list_offsets_request_init(&request);
    list_offsets_request_topic_init(&topic);
    list_offsets_request_partition_init(&partition);
    partition.partition_index = index;
    partition.timestamp = -1; /* the end */
    topic.name = bytes_of_text(name);
    topic.partitions = &partition;
    topic.partitions_count = 1;
    request.replica_id = -1;
    request.topics = &topic;
    request.topics_count = 1;
    list_offsets_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    list_offsets_response_init(&response);
    client_call_check(
        &call, list_offsets_response_decode(&call.reader, call.version, &client->arena, &response));
    if (response.topics_count != 1 || response.topics[0].partitions_count != 1)
        fail("ListOffsets did not answer for partition %d", index);
    *offset = response.topics[0].partitions[0].offset;
    return response.topics[0].partitions[0].error_code;
}

void client_create_topic(struct client *client, const char *topic, uint32_t partition_count)
{
    request_topic(client, topic, partition_count);
    int64_t give_up_ns = now_ns() + CLIENT_TIMEOUT_SECONDS * SECOND_NS;
    for (uint32_t i = 0; i < partition_count; i++) {
        int64_t offset;
        while (find_end(client, topic, (int32_t)i, &offset) != KAFKA_NONE) {
            if (now_ns() > give_up_ns)
                fail("partition %u of topic %s gets no leader", i, topic);
            nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
        }
    }
}

void client_delete_topic(struct client *client, const char *name)
{
    struct client_call call;
    struct delete_topics_request request;
    struct delete_topics_response response;
    struct bytes topic = bytes_of_text(name);
    client_call_begin(&call, client, API_DELETE_TOPICS, DELETE_TOPICS_VERSION);
    delete_topics_request_init(&request);
    request.topic_names = &topic;
    request.topic_names_count = 1;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    delete_topics_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    delete_topics_response_init(&response);
    client_call_check(&call, delete_topics_response_decode(&call.reader, call.version,
                                                           &client->arena, &response));
    if (response.responses_count == 1 && response.responses[0].error_code != KAFKA_NONE)
        fail("cannot delete topic %s: %s", name,
             kafka_error_text(response.responses[0].error_code));
}

int64_t client_end_offset(struct client *client, const char *topic, int32_t partition)
{
    int64_t offset;
    int16_t error = find_end(client, topic, partition, &offset);
    if (error != KAFKA_NONE)
        fail("the end of %s-%d: %s", topic, partition, kafka_error_text(error));
    return offset;
}

bool client_produce(struct client *client, struct bytes frame)
{
    struct reader reader;
    struct produce_response response;
    int32_t correlation_id = (int32_t)load_u32_be(frame.data + FRAME_PREFIX_SIZE + 4);
    arena_reset(&client->arena);
    if (!send_all(client, frame) || !receive_frame(client, &reader) ||
        !response_begin(&reader, API_PRODUCE, PRODUCE_VERSION, correlation_id, &client->arena))
        return false;
    produce_response_init(&response);
    return produce_response_decode(&reader, PRODUCE_VERSION, &client->arena, &response) ==
               STATUS_OK &&
           response.responses_count == 1 && response.responses[0].partition_responses_count == 1 &&
           response.responses[0].partition_responses[0].error_code == KAFKA_NONE;
}
