/* CreateTopics. From v5 on the answer tells what the topic came to be: partitions, replication
 * factor, and every setting with its source (KIP-525). */
#include "base/assert.h"
#include "broker/admin_call.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/create_topics.h"

enum { CREATE_TOPICS_DETAILS_SINCE = 5 };

struct create_topics {
    struct admin_call admin;
    struct create_topics_request in;
};

static bool describe_settings(struct request *request, const struct topic_config *set,
                              struct create_topics_response_topic *out)
{
    out->configs = request_allocate(request, TOPIC_CONFIG_KEY_COUNT, sizeof *out->configs);
    if (out->configs == NULL)
        return false;
    out->configs_count = TOPIC_CONFIG_KEY_COUNT;
    for (uint32_t i = 0; i < TOPIC_CONFIG_KEY_COUNT; i++) {
        enum topic_config_key key = (enum topic_config_key)i;
        enum config_source source;
        const char *text = topic_config_text(set, request->core->config, key, &source);
        out->configs[i] = (struct create_topics_response_config){
            .name = bytes_of_text(topic_config_row(key)->name),
            .value = text == NULL ? (struct bytes){0} : bytes_of_text(text),
            .config_source = (int8_t)source,
        };
    }
    return true;
}

/* The settings that the request asks for, as they would stand in the image; for answers to requests
 * that were only validated. */
static bool settings_of(struct request *request, const struct controller_topic *topic,
                        struct topic_config *set)
{
    *set = (struct topic_config){0};
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        const struct controller_setting *setting = &topic->settings[i];
        enum topic_config_key key;
        if (bytes_are_null(setting->value) || !topic_config_key_find(setting->name, &key))
            continue;
        set->texts[key] =
            arena_copy_text(&request->arena, setting->value.data, setting->value.size);
        if (set->texts[key] == NULL)
            return false;
    }
    return true;
}

static bool describe_created(struct request *request, const struct controller_topic *topic,
                             struct create_topics_response_topic *out)
{
    assert(request->version >= CREATE_TOPICS_DETAILS_SINCE);
    const struct config *config = request->core->config;
    const struct image_topic *made = image_topic_by_name(core_image(request->core), topic->name);
    struct topic_config set;
    if (!settings_of(request, topic, &set))
        return false;
    out->topic_id = topic->topic_id;
    if (made != NULL && uuid_equal(made->id, topic->topic_id)) {
        out->num_partitions = (int32_t)made->partition_count;
        out->replication_factor = (int16_t)made->partitions[0].replica_count;
    } else if (topic->assignment_count > 0) {
        out->num_partitions = (int32_t)topic->assignment_count;
        out->replication_factor = (int16_t)topic->assignments[0].broker_id_count;
    } else {
        out->num_partitions = topic->partition_count > 0
                                  ? topic->partition_count
                                  : (int32_t)config_i64(config, CONFIG_NUM_PARTITIONS);
        out->replication_factor =
            topic->replication_factor > 0
                ? topic->replication_factor
                : (int16_t)config_i64(config, CONFIG_DEFAULT_REPLICATION_FACTOR);
    }
    return describe_settings(request, &set, out);
}

static bool encode_topic(struct admin_call *admin, const struct controller_topic *topic,
                         struct create_topics_response_topic *out)
{
    struct request *request = admin->request;
    create_topics_response_topic_init(out);
    out->name = topic->name;
    out->error_code = admin_call_error(admin, topic);
    out->error_message = admin_call_message(admin, topic);
    out->configs = WIRE_EMPTY;
    if (out->error_code != KAFKA_NONE || request->version < CREATE_TOPICS_DETAILS_SINCE)
        return true;
    return describe_created(request, topic, out);
}

static void encode(struct admin_call *admin)
{
    struct request *request = admin->request;
    const struct controller_command *command = &admin->call.command;
    struct create_topics_response out;
    create_topics_response_init(&out);
    out.topics = request_allocate(request, command->topic_count, sizeof *out.topics);
    bool has_memory = out.topics != NULL;
    for (uint32_t i = 0; i < command->topic_count && has_memory; i++) {
        has_memory = encode_topic(admin, &command->topics[i], &out.topics[i]);
        out.topics_count++;
    }
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    create_topics_response_encode(&request->response, request->version, &out);
}

static bool take_assignments(struct request *request, const struct create_topics_request_topic *in,
                             struct controller_topic *topic)
{
    struct controller_assignment *assignments =
        request_allocate(request, in->assignments_count, sizeof *assignments);
    if (assignments == NULL)
        return false;
    for (uint32_t i = 0; i < in->assignments_count; i++) {
        assignments[i] = (struct controller_assignment){
            .partition = in->assignments[i].partition_index,
            .broker_ids = in->assignments[i].broker_ids,
            .broker_id_count = in->assignments[i].broker_ids_count,
        };
    }
    topic->assignments = assignments;
    topic->assignment_count = in->assignments_count;
    return true;
}

static bool take_topic(struct request *request, const struct create_topics_request_topic *in,
                       struct controller_topic *topic)
{
    assert(topic->settings == NULL);
    struct controller_setting *settings =
        request_allocate(request, in->configs_count, sizeof *settings);
    if (settings == NULL)
        return false;
    for (uint32_t i = 0; i < in->configs_count; i++) {
        settings[i].name = in->configs[i].name;
        settings[i].value = in->configs[i].value;
    }
    topic->name = in->name;
    topic->partition_count = in->num_partitions;
    topic->replication_factor = in->replication_factor;
    topic->settings = settings;
    topic->setting_count = in->configs_count;
    return take_assignments(request, in, topic);
}

void api_create_topics_handle(struct request *request)
{
    struct create_topics *c = request_require(request, 1, sizeof *c);
    if (c == NULL)
        return;
    enum status status =
        create_topics_request_decode(&request->body, request->version, &request->arena, &c->in);
    if (!request_is_decoded(request, status))
        return;
    bool has_memory = admin_call_prepare(&c->admin, request, CONTROLLER_CREATE_TOPICS,
                                         c->in.topics_count, encode);
    for (uint32_t i = 0; i < c->in.topics_count && has_memory; i++)
        has_memory = take_topic(request, &c->in.topics[i], &c->admin.call.command.topics[i]);
    if (!has_memory) {
        request_refuse_for_memory(request);
        return;
    }
    c->admin.call.command.validate_only = c->in.validate_only;
    admin_call_start(&c->admin);
}
