#include "tests/broker/server_wishes.h"

#include <stdlib.h>

enum { FETCH_VERSION = 18, WISH_BYTES = 1024 * 1024, ANSWER_BYTES = 32 * 1024 * 1024 };

void wishes_init(struct wishes *wishes, struct client_partition topic, uint32_t count)
{
    *wishes = (struct wishes){.version = FETCH_VERSION};
    wishes->partitions = calloc(count, sizeof *wishes->partitions);
    assert_non_null(wishes->partitions);
    for (uint32_t i = 0; i < count; i++) {
        fetch_request_partition_init(&wishes->partitions[i]);
        wishes->partitions[i].partition = (int32_t)i;
        wishes->partitions[i].partition_max_bytes = WISH_BYTES;
    }
    fetch_request_topic_init(&wishes->topic);
    wishes->topic.topic = topic.topic;
    wishes->topic.topic_id = topic.topic_id;
    wishes->topic.partitions = wishes->partitions;
    wishes->topic.partitions_count = count;
    fetch_request_init(&wishes->request);
    wishes->request.min_bytes = 1;
    wishes->request.max_bytes = ANSWER_BYTES;
    wishes->request.topics_count = 1;
}

void wishes_deinit(struct wishes *wishes)
{
    free(wishes->partitions);
}

struct asked *wishes_send(struct wishes *wishes, struct server *server, struct client *client)
{
    struct asked *asked = server_ask(server);
    wishes->request.topics = &wishes->topic;
    client_fetch(client, &asked->call, wishes->version, &wishes->request);
    return asked;
}

struct fetch_response wishes_answer(struct server *server, struct asked *asked)
{
    struct fetch_response response;
    server_answered(server, asked);
    assert_int_equal(client_fetch_answer(&asked->call, &response), STATUS_OK);
    return response;
}

struct fetch_response wishes_ask(struct wishes *wishes, struct server *server,
                                 struct client *client)
{
    return wishes_answer(server, wishes_send(wishes, server, client));
}
