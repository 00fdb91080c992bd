/* AlterConfigs and IncrementalAlterConfigs: what becomes of the settings of topics that exist. All
 * of a topic's new settings are worked out and checked before its first record, so that a topic
 * gets all of them or none. What a topic has already leaves no record.
 *
 * A list that was never set on the topic is appended to as it is in force, be it from the broker:
 * whoever appends "compact" wants what is there and that. */
#include "cluster/controller_rules.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/errors.h"

/* The settings of one topic as they are worked out. */
struct alteration {
    const struct controller_facts *facts;
    struct controller_topic *topic;
    const struct image_topic *existing;          /* NULL: there is none of this name */
    struct bytes values[TOPIC_CONFIG_KEY_COUNT]; /* null: not set on the topic */
    bool was_named[TOPIC_CONFIG_KEY_COUNT];      /* by the command */
    struct arena *arena;                         /* of the decision */
};

static struct bytes present_value(const struct image_topic *existing, enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    if (existing == NULL || existing->config == NULL || existing->config->texts[key] == NULL)
        return (struct bytes){0};
    return bytes_of_text(existing->config->texts[key]);
}

/* --- What is asked for ------------------------------------------------------------------------ */

/* The words that a null value stands for would be anybody's guess, and of two alterations of one
 * setting only one could win. Names that no topic has are refused where they would be set. */
static bool request_makes_sense(struct alteration *alteration)
{
    struct controller_topic *topic = alteration->topic;
    assert(topic->settings != NULL || topic->setting_count == 0);
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        const struct controller_setting *setting = &topic->settings[i];
        enum topic_config_key key;
        if (topic_config_key_find(setting->name, &key)) {
            if (alteration->was_named[key])
                return topic_refuse(topic, KAFKA_INVALID_REQUEST,
                                    "Error due to duplicate config keys");
            alteration->was_named[key] = true;
        }
        if (setting->alteration < CONTROLLER_SET || setting->alteration > CONTROLLER_SUBTRACT)
            return topic_refuse(topic, KAFKA_INVALID_REQUEST, "Unknown operation type %d",
                                setting->alteration);
        if (setting->alteration != CONTROLLER_DELETE && bytes_are_null(setting->value))
            return topic_refuse(topic, KAFKA_INVALID_REQUEST, "Null value not supported for : %.*s",
                                setting->name.size > 100 ? 100 : (int)setting->name.size,
                                (const char *)setting->name.data);
    }
    return true;
}

static bool name_makes_sense(struct alteration *alteration)
{
    assert(alteration->topic->error == KAFKA_NONE);
    if (alteration->topic->name.size == 0)
        return topic_refuse(alteration->topic, KAFKA_INVALID_REQUEST,
                            "Default topic resources are not allowed.");
    return alteration->existing != NULL || topic_name_is_legal(alteration->topic);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static bool list_holds(struct bytes list, struct bytes word)
{
    struct bytes item;
    while (text_next_item(&list, ',', &item))
        if (bytes_equal(item, word))
            return true;
    return false;
}

/* A list as it grows in memory that has room for all of it. */
struct list_text {
    char *text;
    size_t size;
    size_t capacity;
};

static struct bytes list_result(const struct list_text *list)
{
    return bytes_of(list->text, list->size);
}

static void list_add(struct list_text *list, struct bytes word)
{
    assert(list->text != NULL);
    if (word.size == 0)
        return;
    assert(list->size + 1 + word.size <= list->capacity);
    if (list->size > 0)
        list->text[list->size++] = ',';
    memcpy(list->text + list->size, word.data, word.size);
    list->size += word.size;
}

/* `base` and then those of `operand` that it does not hold, or `base` without those of `operand`;
 * empty words are left out. False when the arena is used up. */
static bool list_change(struct arena *arena, struct bytes base, struct bytes operand, bool appends,
                        struct bytes *result)
{
    assert(!bytes_are_null(base));
    assert(!bytes_are_null(operand));
    size_t room = base.size + 1 + operand.size;
    struct list_text list = {.text = arena_allocate(arena, room + 1), .capacity = room + 1};
    if (list.text == NULL)
        return false;
    struct bytes item;
    while (text_next_item(&base, ',', &item))
        if (appends || !list_holds(operand, item))
            list_add(&list, item);
    while (appends && text_next_item(&operand, ',', &item))
        if (!list_holds(list_result(&list), item))
            list_add(&list, item);
    assert(list.size <= room);
    *result = list_result(&list);
    return true;
}

/* --- New values ------------------------------------------------------------------------------- */

/* What is appended or taken away is looked for word by word; more than this is not an alteration
 * but a new list. */
enum { LIST_WORDS_MAX = 256 };

static uint32_t list_count(struct bytes list)
{
    uint32_t count = 0;
    struct bytes item;
    while (text_next_item(&list, ',', &item))
        count++;
    return count;
}

static void refuse_list(struct controller_topic *topic, const struct controller_setting *setting,
                        const char *reason)
{
    assert(setting->alteration >= CONTROLLER_APPEND);
    topic_refuse(topic, KAFKA_INVALID_CONFIG, "Can't %s to key %.*s because %s.",
                 setting->alteration == CONTROLLER_APPEND ? "APPEND" : "SUBTRACT",
                 setting->name.size > 100 ? 100 : (int)setting->name.size,
                 (const char *)setting->name.data, reason);
}

/* False when the arena is used up; the topic may be refused. */
static bool alter_list(struct alteration *alteration, const struct controller_setting *setting)
{
    assert(!bytes_are_null(setting->value)); /* request_makes_sense */
    enum topic_config_key key;
    enum config_source source;
    const struct image_topic *existing = alteration->existing;
    if (!topic_config_key_find(setting->name, &key) || topic_config_row(key)->type != CONFIG_LIST) {
        refuse_list(alteration->topic, setting, "its type is not LIST");
        return true;
    }
    if (list_count(setting->value) > LIST_WORDS_MAX) {
        refuse_list(alteration->topic, setting, "these are too many words at once");
        return true;
    }
    const char *present = topic_config_text(existing == NULL ? NULL : existing->config,
                                            alteration->facts->config, key, &source);
    return list_change(alteration->arena, bytes_of_text(present == NULL ? "" : present),
                       setting->value, setting->alteration == CONTROLLER_APPEND,
                       &alteration->values[key]);
}

/* One setting of the command; its value is judged when it is whole. To take away what cannot be
 * there is fine. False when the arena is used up; the topic may be refused. */
static bool alter_setting(struct alteration *alteration, const struct controller_setting *setting)
{
    assert(alteration->topic->error == KAFKA_NONE);
    enum topic_config_key key;
    bool is_known = topic_config_key_find(setting->name, &key);
    switch ((enum controller_alteration)setting->alteration) {
    case CONTROLLER_SET:
        if (is_known)
            alteration->values[key] = text_trim(setting->value);
        return is_known || !setting_is_valid(alteration->topic, setting->name, setting->value);
    case CONTROLLER_DELETE:
        if (is_known)
            alteration->values[key] = (struct bytes){0};
        return true;
    case CONTROLLER_APPEND:
    case CONTROLLER_SUBTRACT: return alter_list(alteration, setting);
    }
    unreachable();
}

/* Works out all values, and judges those that the command names. False when the arena is used up;
 * the topic may be refused. */
static bool alter_settings(struct alteration *alteration, bool keeps_others)
{
    struct controller_topic *topic = alteration->topic;
    assert(topic->error == KAFKA_NONE);
    for (uint32_t i = 0; keeps_others && i < TOPIC_CONFIG_KEY_COUNT; i++)
        alteration->values[i] = present_value(alteration->existing, (enum topic_config_key)i);
    for (uint32_t i = 0; topic->error == KAFKA_NONE && i < topic->setting_count; i++)
        if (!alter_setting(alteration, &topic->settings[i]))
            return false;
    for (uint32_t i = 0; topic->error == KAFKA_NONE && i < TOPIC_CONFIG_KEY_COUNT; i++)
        if (alteration->was_named[i] && !bytes_are_null(alteration->values[i]))
            setting_is_valid(topic, bytes_of_text(topic_config_row((enum topic_config_key)i)->name),
                             alteration->values[i]);
    return true;
}

/* --- Together --------------------------------------------------------------------------------- */

/* False when the arena is used up. */
static bool add_difference(const struct alteration *alteration,
                           struct controller_decision *decision)
{
    assert(alteration->topic->error == KAFKA_NONE);
    assert(alteration->existing != NULL);
    for (uint32_t i = 0; i < TOPIC_CONFIG_KEY_COUNT; i++) {
        enum topic_config_key key = (enum topic_config_key)i;
        struct bytes before = present_value(alteration->existing, key);
        struct bytes after = alteration->values[i];
        if (bytes_are_null(before) == bytes_are_null(after) && bytes_equal(before, after))
            continue;
        struct metadata_record *record = decision_add(decision, METADATA_TOPIC_CONFIG);
        if (record == NULL)
            return false;
        record->topic_config =
            (struct topic_config_record){.topic_id = alteration->existing->id,
                                         .name = bytes_of_text(topic_config_row(key)->name),
                                         .value = after};
    }
    return true;
}

/* Settings are judged before it is asked whether there is such a topic, as in Kafka. */
static bool alter_topic(const struct controller_facts *facts, struct controller_topic *topic,
                        bool keeps_others, struct controller_decision *decision)
{
    assert(!topic->is_group);
    assert(topic->error == KAFKA_NONE);
    struct alteration alteration = {
        .facts = facts,
        .topic = topic,
        .existing = image_topic_by_name(facts->image, topic->name),
        .arena = decision->arena,
    };
    if (!request_makes_sense(&alteration) || !name_makes_sense(&alteration))
        return true;
    if (!alter_settings(&alteration, keeps_others))
        return false;
    if (topic->error != KAFKA_NONE || !settings_agree(facts, topic, alteration.values))
        return true;
    if (alteration.existing == NULL) {
        topic_refuse(topic, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "The topic '%.*s' does not exist.",
                     (int)topic->name.size, (const char *)topic->name.data);
        return true;
    }
    return add_difference(&alteration, decision);
}

enum status configs_decide(const struct controller_facts *facts, struct controller_command *command,
                           struct controller_decision *decision)
{
    bool keeps_others = command->kind == CONTROLLER_ALTER_CONFIGS;
    assert(keeps_others || command->kind == CONTROLLER_REPLACE_CONFIGS);
    struct command_names topics;
    struct command_names groups;
    bool has_memory = command_names_init(&topics, command, false, decision->arena);
    has_memory &= command_names_init(&groups, command, true, decision->arena);
    for (uint32_t i = 0; has_memory && i < command->topic_count; i++) {
        struct controller_topic *topic = &command->topics[i];
        assert(!bytes_are_null(topic->name));
        if (command_names_count(topic->is_group ? &groups : &topics, topic->name) > 1)
            topic_refuse(topic, KAFKA_INVALID_REQUEST, "Each resource must appear at most once.");
        else if (topic->is_group)
            has_memory = alter_group(facts, topic, keeps_others, decision);
        else
            has_memory = alter_topic(facts, topic, keeps_others, decision);
    }
    command_names_deinit(&topics);
    command_names_deinit(&groups);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}
