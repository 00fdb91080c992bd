/* DeleteTopics, by name or, from v6 on, by id. */
#include "base/assert.h"
#include "broker/admin_call.h"
#include "broker/api/api.h"
#include "broker/describe.h"
#include "broker/reply.h"
#include "protocol/errors.h"
#include "protocol/messages/delete_topics.h"

enum { DELETE_TOPICS_IDS_SINCE = 6 };

struct delete_topics {
    struct admin_call admin;
    struct delete_topics_request in;
};

static void encode(struct admin_call *admin)
{
    struct request *request = admin->request;
    const struct controller_command *command = &admin->call.command;
    struct delete_topics_response out;
    delete_topics_response_init(&out);
    out.responses = request_allocate(request, command->topic_count, sizeof *out.responses);
    if (out.responses == NULL) {
        writer_fail(&request->response, STATUS_NO_MEMORY);
        return;
    }
    out.responses_count = command->topic_count;
    for (uint32_t i = 0; i < command->topic_count; i++) {
        const struct controller_topic *topic = &command->topics[i];
        struct bytes name = bytes_are_null(topic->answer_name) ? topic->name : topic->answer_name;
        out.responses[i] = (struct delete_topics_response_topic){
            .name = request->version >= DELETE_TOPICS_IDS_SINCE ? name : name_or_empty(name),
            .topic_id = topic->topic_id,
            .error_code = admin_call_error(admin, topic),
            .error_message = admin_call_message(admin, topic),
        };
    }
    delete_topics_response_encode(&request->response, request->version, &out);
}

void api_delete_topics_handle(struct request *request)
{
    struct delete_topics *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        delete_topics_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    bool by_id = request->version >= DELETE_TOPICS_IDS_SINCE;
    uint32_t count = by_id ? d->in.topics_count : d->in.topic_names_count;
    if (!admin_call_prepare(&d->admin, request, CONTROLLER_DELETE_TOPICS, count, encode)) {
        request_refuse_for_memory(request);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct controller_topic *topic = &d->admin.call.command.topics[i];
        topic->name = by_id ? d->in.topics[i].name : d->in.topic_names[i];
        topic->topic_id = by_id ? d->in.topics[i].topic_id : UUID_NONE;
    }
    admin_call_start(&d->admin);
}
