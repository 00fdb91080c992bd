#include "broker/group_topic.h"

#include "base/assert.h"
#include "consumer-groups/group_manager.h"

#include <inttypes.h>
#include <stdio.h>

const struct image_topic *group_topic(const struct broker_core *core)
{
    return image_topic_by_name(core_image(core), bytes_of_text(group_topic_name));
}

static int16_t replication_factor(const struct broker_core *core)
{
    int64_t wanted = config_i64(core->config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    int64_t brokers = image_broker_count(core_image(core));
    assert(brokers > 0);
    return (int16_t)(wanted < brokers ? wanted : brokers);
}

static struct controller_setting setting(const char *name, const char *value)
{
    assert(value != NULL);
    return (struct controller_setting){
        .name = bytes_of_text(name),
        .value = bytes_of_text(value),
    };
}

void group_topic_create(struct group_topic_wish *wish, struct broker_core *core,
                        struct arena *arena)
{
    assert(wish != NULL);
    assert(arena != NULL);
    const struct config *config = core->config;
    snprintf(wish->segment_bytes, sizeof wish->segment_bytes, "%" PRId64,
             config_i64(config, CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES));
    wish->settings[0] = setting("cleanup.policy", "compact");
    wish->settings[1] = setting("compression.type", "producer");
    wish->settings[2] = setting("segment.bytes", wish->segment_bytes);
    wish->topic = (struct controller_topic){
        .name = bytes_of_text(group_topic_name),
        .partition_count = (int32_t)config_i64(config, CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS),
        .replication_factor = replication_factor(core),
        .settings = wish->settings,
        .setting_count = GROUP_TOPIC_SETTINGS,
    };
    wish->call.command = (struct controller_command){
        .kind = CONTROLLER_CREATE_TOPICS,
        .topics = &wish->topic,
        .topic_count = 1,
        .arena = arena,
    };
    controller_call_send(&wish->call, core);
}
