/* AlterConfigs and IncrementalAlterConfigs of groups: what becomes of their settings, whether or
 * not there are such groups. A group gets all of its new settings or none; what it has already
 * leaves no record. */
#include "cluster/controller_rules.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/errors.h"

/* So that all that IMAGE_GROUP_CONFIGS_MAX groups may have fits into memory several times. No value
 * that means something is as long. */
enum { GROUP_ID_BYTES_MAX = 1024, GROUP_VALUE_BYTES_MAX = 128 };

/* The settings of one group as they are worked out. */
struct group_alteration {
    struct controller_topic *group;
    const struct group_config *present; /* NULL: nothing is set */
    struct bytes values[GROUP_CONFIG_KEY_COUNT];
    bool was_named[GROUP_CONFIG_KEY_COUNT];
};

static struct bytes present_value(const struct group_alteration *alteration, uint32_t key)
{
    assert(key < GROUP_CONFIG_KEY_COUNT);
    const struct group_config *present = alteration->present;
    if (present == NULL || present->texts[key] == NULL)
        return (struct bytes){0};
    return bytes_of_text(present->texts[key]);
}

static int shown(struct bytes text)
{
    return text.size > 100 ? 100 : (int)text.size;
}

/* One new value. To take away what cannot be there is fine. False: refused. */
static bool alter_one(struct group_alteration *alteration, const struct controller_setting *setting)
{
    struct controller_topic *group = alteration->group;
    assert(group->error == KAFKA_NONE);
    const char *name = (const char *)setting->name.data;
    char message[CONFIG_MESSAGE_SIZE];
    enum group_config_key key;
    bool is_known = group_config_key_find(setting->name, &key);
    if (setting->alteration < CONTROLLER_SET || setting->alteration > CONTROLLER_SUBTRACT)
        return topic_refuse(group, KAFKA_INVALID_REQUEST, "Unknown operation type %d",
                            setting->alteration);
    if (is_known && alteration->was_named[key])
        return topic_refuse(group, KAFKA_INVALID_REQUEST, "Error due to duplicate config keys");
    if (is_known)
        alteration->was_named[key] = true;
    if (setting->alteration == CONTROLLER_DELETE) {
        if (is_known)
            alteration->values[key] = (struct bytes){0};
        return true;
    }
    if (bytes_are_null(setting->value))
        return topic_refuse(group, KAFKA_INVALID_REQUEST, "Null value not supported for : %.*s",
                            shown(setting->name), name);
    if (setting->alteration != CONTROLLER_SET)
        return topic_refuse(group, KAFKA_INVALID_CONFIG,
                            "Can't %s to key %.*s because its type is not LIST.",
                            setting->alteration == CONTROLLER_APPEND ? "APPEND" : "SUBTRACT",
                            shown(setting->name), name);
    if (!is_known)
        return topic_refuse(group, KAFKA_INVALID_CONFIG, "Unknown group config name: %.*s",
                            shown(setting->name), name);
    if (!config_check(group_config_row(key), setting->value, message))
        return topic_refuse(group, KAFKA_INVALID_CONFIG, "%s", message);
    if (text_trim(setting->value).size > GROUP_VALUE_BYTES_MAX)
        return topic_refuse(group, KAFKA_INVALID_CONFIG,
                            "The value for configuration %.*s is longer than the max allowed "
                            "length %d",
                            shown(setting->name), name, GROUP_VALUE_BYTES_MAX);
    alteration->values[key] = text_trim(setting->value);
    return true;
}

static bool name_makes_sense(struct controller_topic *group)
{
    if (group->name.size == 0)
        return topic_refuse(group, KAFKA_INVALID_REQUEST,
                            "Default group resources are not allowed.");
    return group->name.size <= GROUP_ID_BYTES_MAX ||
           topic_refuse(group, KAFKA_INVALID_REQUEST, "The group id is too long.");
}

/* Each change of any setting makes a copy of all of them, so they are not for the many. */
static bool has_room(const struct controller_facts *facts,
                     const struct controller_decision *decision,
                     struct group_alteration *alteration)
{
    uint32_t count = image_group_config_count(facts->image) + decision->new_group_count;
    return alteration->present != NULL || count < IMAGE_GROUP_CONFIGS_MAX ||
           topic_refuse(alteration->group, KAFKA_POLICY_VIOLATION,
                        "At most %d groups may have settings of their own.",
                        IMAGE_GROUP_CONFIGS_MAX);
}

/* False: refused. */
static bool work_out(const struct controller_facts *facts, struct group_alteration *alteration,
                     bool keeps_others)
{
    struct controller_topic *group = alteration->group;
    char message[CONFIG_MESSAGE_SIZE];
    assert(group->error == KAFKA_NONE);
    assert(group->settings != NULL || group->setting_count == 0);
    for (uint32_t key = 0; keeps_others && key < GROUP_CONFIG_KEY_COUNT; key++)
        alteration->values[key] = present_value(alteration, key);
    for (uint32_t i = 0; i < group->setting_count; i++)
        if (!alter_one(alteration, &group->settings[i]))
            return false;
    if (!group_config_agree(facts->config, alteration->values, message))
        return topic_refuse(group, KAFKA_INVALID_CONFIG, "%s", message);
    return true;
}

bool alter_group(const struct controller_facts *facts, struct controller_topic *group,
                 bool keeps_others, struct controller_decision *decision)
{
    assert(group->is_group);
    assert(group->error == KAFKA_NONE);
    struct group_alteration alteration = {
        .group = group,
        .present = image_group_config(facts->image, group->name),
    };
    if (!name_makes_sense(group) || !has_room(facts, decision, &alteration) ||
        !work_out(facts, &alteration, keeps_others)) {
        assert(group->error != KAFKA_NONE); /* Whoever says no says why. */
        return true;
    }
    uint32_t record_count = decision->record_count;
    for (uint32_t key = 0; key < GROUP_CONFIG_KEY_COUNT; key++) {
        struct bytes before = present_value(&alteration, key);
        struct bytes after = alteration.values[key];
        if (bytes_are_null(before) == bytes_are_null(after) && bytes_equal(before, after))
            continue;
        struct metadata_record *record = decision_add(decision, METADATA_GROUP_CONFIG);
        if (record == NULL)
            return false;
        const char *name = group_config_row((enum group_config_key)key)->name;
        record->group_config = (struct group_config_record){
            .group_id = group->name,
            .name = bytes_of_text(name),
            .value = after,
        };
    }
    decision->new_group_count +=
        alteration.present == NULL && decision->record_count > record_count;
    return true;
}
