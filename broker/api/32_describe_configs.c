/* DescribeConfigs: every setting of a topic, broker or group, with its default, where the value
 * comes from and what else could have given it. Tools read all of it and write it back, so all of
 * it must be there. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/reply.h"
#include "broker/resource.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_configs.h"

#include <stdio.h>

/* A topic's or group's value, the broker's that it falls back to, and the default. */
enum { SYNONYMS_MAX = 3 };

struct describe_configs {
    struct request *request;
    struct describe_configs_request in;
};

static struct bytes value_or_null(const char *text)
{
    return text == NULL ? (struct bytes){0} : bytes_of_text(text);
}

static bool is_wanted(const struct describe_configs_request_resource *in, const char *name)
{
    if (in->configuration_keys == NULL)
        return true;
    for (uint32_t i = 0; i < in->configuration_keys_count; i++) {
        if (bytes_equal_text(in->configuration_keys[i], name))
            return true;
    }
    return false;
}

static void add_synonym(struct describe_configs_response_config *out, const char *name,
                        const char *value, enum config_source source)
{
    assert(out->synonyms_count < SYNONYMS_MAX);
    out->synonyms[out->synonyms_count++] = (struct describe_configs_response_synonym){
        .name = bytes_of_text(name),
        .value = value_or_null(value),
        .source = (int8_t)source,
    };
}

static bool begin_config(struct describe_configs *d, const struct config_row *row,
                         struct describe_configs_response_config *out)
{
    describe_configs_response_config_init(out);
    out->name = bytes_of_text(row->name);
    out->is_sensitive = row->type == CONFIG_PASSWORD;
    out->config_type = (int8_t)row->type;
    out->documentation = d->in.include_documentation ? bytes_of_text(row->doc) : (struct bytes){0};
    if (!d->in.include_synonyms)
        return true;
    out->synonyms = request_allocate(d->request, SYNONYMS_MAX, sizeof *out->synonyms);
    return out->synonyms != NULL;
}

/* The value itself, never shown when it is a secret. */
static void end_config(struct describe_configs_response_config *out, const char *value,
                       enum config_source source)
{
    out->config_source = (int8_t)source;
    out->value = out->is_sensitive ? (struct bytes){0} : value_or_null(value);
}

/* What else could have given the value: the broker's setting, and the default. */
static void add_fallback(const struct config *config, const struct config_row *row,
                         enum config_key fallback, struct describe_configs_response_config *out)
{
    if (fallback == CONFIG_KEY_COUNT) {
        add_synonym(out, row->name, row->default_text, CONFIG_SOURCE_DEFAULT);
        return;
    }
    if (config_source(config, fallback) != CONFIG_SOURCE_DEFAULT)
        add_synonym(out, config_row(fallback)->name, config_text(config, fallback),
                    config_source(config, fallback));
    if (config_row(fallback)->default_text != NULL)
        add_synonym(out, config_row(fallback)->name, config_row(fallback)->default_text,
                    CONFIG_SOURCE_DEFAULT);
}

static bool describe_topic_setting(struct describe_configs *d, const struct topic_config *set,
                                   enum topic_config_key key,
                                   struct describe_configs_response_config *out)
{
    const struct config *config = d->request->core->config;
    const struct config_row *row = topic_config_row(key);
    enum config_key fallback = topic_config_fallback(key);
    enum config_source source;
    const char *value = topic_config_text(set, config, key, &source);
    if (!begin_config(d, row, out))
        return false;
    end_config(out, value, source);
    if (!d->in.include_synonyms)
        return true;
    if (source == CONFIG_SOURCE_TOPIC)
        add_synonym(out, row->name, value, source);
    add_fallback(config, row, fallback, out);
    return true;
}

static bool describe_group_setting(struct describe_configs *d, const struct group_config *set,
                                   enum group_config_key key,
                                   struct describe_configs_response_config *out)
{
    const struct config *config = d->request->core->config;
    const struct config_row *row = group_config_row(key);
    enum config_source source;
    const char *value = group_config_text(set, config, key, &source);
    if (!begin_config(d, row, out))
        return false;
    end_config(out, value, source);
    if (!d->in.include_synonyms)
        return true;
    if (source == CONFIG_SOURCE_GROUP)
        add_synonym(out, row->name, value, source);
    add_fallback(config, row, group_config_fallback(key), out);
    return true;
}

static bool describe_broker_setting(struct describe_configs *d, enum config_key key,
                                    struct describe_configs_response_config *out)
{
    const struct config *config = d->request->core->config;
    const struct config_row *row = config_row(key);
    if (!begin_config(d, row, out))
        return false;
    end_config(out, config_text(config, key), config_source(config, key));
    out->read_only = true; /* alter_configs.c refuses all of them */
    if (!d->in.include_synonyms)
        return true;
    if (config_source(config, key) != CONFIG_SOURCE_DEFAULT)
        add_synonym(out, row->name, out->is_sensitive ? NULL : config_text(config, key),
                    config_source(config, key));
    add_synonym(out, row->name, row->default_text, CONFIG_SOURCE_DEFAULT);
    return true;
}

static bool describe_topic(struct describe_configs *d,
                           const struct describe_configs_request_resource *in,
                           struct describe_configs_response_result *out)
{
    int16_t error;
    const struct image_topic *topic =
        topic_resolve(d->request->core, false, in->resource_name, UUID_NONE, &error);
    if (topic == NULL) {
        out->error_code = error;
        return true;
    }
    out->configs = request_allocate(d->request, TOPIC_CONFIG_KEY_COUNT, sizeof *out->configs);
    if (out->configs == NULL)
        return false;
    for (uint32_t i = 0; i < TOPIC_CONFIG_KEY_COUNT; i++) {
        enum topic_config_key key = (enum topic_config_key)i;
        if (!is_wanted(in, topic_config_row(key)->name))
            continue;
        if (!describe_topic_setting(d, topic->config, key, &out->configs[out->configs_count++]))
            return false;
    }
    return true;
}

/* An empty name asks for the defaults of all brokers that were set while they run: there are none.
 */
static bool describe_broker(struct describe_configs *d,
                            const struct describe_configs_request_resource *in,
                            struct describe_configs_response_result *out)
{
    char own_name[16];
    snprintf(own_name, sizeof own_name, "%d", d->request->core->replicas.options.node_id);
    if (in->resource_name.size == 0)
        return true;
    if (!bytes_equal_text(in->resource_name, own_name)) {
        out->error_code = KAFKA_INVALID_REQUEST;
        out->error_message =
            bytes_of_text("Unexpected broker id: settings of a broker are told by that broker");
        return true;
    }
    out->configs = request_allocate(d->request, CONFIG_KEY_COUNT, sizeof *out->configs);
    if (out->configs == NULL)
        return false;
    for (uint32_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        if (!is_wanted(in, config_row(key)->name))
            continue;
        if (!describe_broker_setting(d, key, &out->configs[out->configs_count++]))
            return false;
    }
    return true;
}

/* Whether or not there is such a group, as in Kafka. */
static bool describe_group(struct describe_configs *d,
                           const struct describe_configs_request_resource *in,
                           struct describe_configs_response_result *out)
{
    if (in->resource_name.size == 0) {
        out->error_code = KAFKA_INVALID_REQUEST;
        out->error_message = bytes_of_text("Group name must not be empty");
        return true;
    }
    const struct group_config *set =
        image_group_config(core_image(d->request->core), in->resource_name);
    out->configs = request_allocate(d->request, GROUP_CONFIG_KEY_COUNT, sizeof *out->configs);
    if (out->configs == NULL)
        return false;
    for (uint32_t i = 0; i < GROUP_CONFIG_KEY_COUNT; i++) {
        enum group_config_key key = (enum group_config_key)i;
        if (is_wanted(in, group_config_row(key)->name) &&
            !describe_group_setting(d, set, key, &out->configs[out->configs_count++]))
            return false;
    }
    return true;
}

static bool describe_resource(struct describe_configs *d,
                              const struct describe_configs_request_resource *in,
                              struct describe_configs_response_result *out)
{
    describe_configs_response_result_init(out);
    out->resource_type = in->resource_type;
    out->resource_name = in->resource_name;
    switch (in->resource_type) {
    case RESOURCE_TOPIC: return describe_topic(d, in, out);
    case RESOURCE_BROKER: return describe_broker(d, in, out);
    case RESOURCE_GROUP: return describe_group(d, in, out);
    default:
        out->error_code = KAFKA_INVALID_REQUEST;
        out->error_message = bytes_of_text("Unsupported resource type: this broker describes "
                                           "topics (2), brokers (4) and groups (32)");
        return true;
    }
}

void api_describe_configs_handle(struct request *request)
{
    struct describe_configs d = {.request = request};
    enum status status =
        describe_configs_request_decode(&request->body, request->version, &request->arena, &d.in);
    if (!request_is_decoded(request, status))
        return;
    struct describe_configs_response out;
    describe_configs_response_init(&out);
    out.results = request_allocate(request, d.in.resources_count, sizeof *out.results);
    bool has_memory = out.results != NULL;
    for (uint32_t i = 0; i < d.in.resources_count && has_memory; i++)
        has_memory = describe_resource(&d, &d.in.resources[i], &out.results[out.results_count++]);
    if (!has_memory)
        writer_fail(&request->response, STATUS_NO_MEMORY);
    describe_configs_response_encode(&request->response, request->version, &out);
    request_reply(request);
}
