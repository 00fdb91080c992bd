/* What each kind of command decides; here those that delete and those that count, in
 * controller_create_core.c those that create, in controller_configs_core.c those that alter. */
#include "cluster/controller_rules.h"

#include "cluster/image_build.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "protocol/errors.h"

/* --- DeleteTopics ----------------------------------------------------------------------------- */

/* The topic that is meant, or NULL with the answer why not. */
static const struct image_topic *topic_to_delete(const struct controller_facts *facts,
                                                 struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    const struct image_topic *existing;
    bool has_id = !uuid_is_zero(topic->topic_id);
    if (bytes_are_null(topic->name) && !has_id) {
        topic_refuse(topic, KAFKA_INVALID_REQUEST, "Neither topic name nor id were specified.");
        return NULL;
    }
    if (!bytes_are_null(topic->name) && has_id) {
        topic_refuse(topic, KAFKA_INVALID_REQUEST,
                     "You may not specify both topic name and topic id.");
        return NULL;
    }
    if (has_id) {
        existing = image_topic_by_id(facts->image, topic->topic_id);
        if (existing == NULL)
            topic_refuse(topic, KAFKA_UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
        return existing;
    }
    existing = image_topic_by_name(facts->image, topic->name);
    if (existing == NULL)
        topic_refuse(topic, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
                     "This server does not host this topic-partition.");
    return existing;
}

/* A topic that the command deletes. */
struct deleted_topic {
    struct map_node by_id;
    struct uuid id;
};

static bool deleted_has_id(const struct map_node *node, const void *key)
{
    const struct deleted_topic *deleted = container_of(node, struct deleted_topic, by_id);
    return uuid_equal(deleted->id, *(const struct uuid *)key);
}

/* Ids are the controller's own: no secret is needed. */
static uint64_t id_hash(struct uuid id)
{
    return hash_bytes((struct hash_seed){{5, 6}}, bytes_of(&id, sizeof id));
}

/* The name is copied now, because the image that holds it may be gone when the answer is written.
 */
static bool delete_topic(const struct controller_facts *facts, struct controller_command *command,
                         struct controller_topic *topic, struct map *deleted_topics,
                         struct controller_decision *decision)
{
    assert(command->arena != NULL);
    assert(decision->record_count <= command->topic_count);
    bool by_id = bytes_are_null(topic->name);
    const struct image_topic *existing = topic_to_delete(facts, topic);
    if (existing == NULL)
        return true;
    if (map_find(deleted_topics, id_hash(existing->id), &existing->id) != NULL) {
        topic_refuse(topic, KAFKA_INVALID_REQUEST,
                     by_id ? "Duplicate topic id."
                           : "The provided topic name maps to an ID that was already supplied.");
        return true;
    }
    const char *name = arena_copy_text(command->arena, existing->name.data, existing->name.size);
    struct metadata_record *record = decision_add(decision, METADATA_REMOVE_TOPIC);
    struct deleted_topic *deleted = arena_allocate_array(decision->arena, 1, sizeof *deleted);
    if (record == NULL || name == NULL || deleted == NULL)
        return false;
    deleted->id = existing->id;
    map_insert(deleted_topics, &deleted->by_id, id_hash(existing->id));
    topic->answer_name = bytes_of(name, existing->name.size);
    topic->topic_id = existing->id;
    record->remove_topic.topic_id = existing->id;
    return true;
}

static enum status delete_topics_decide(const struct controller_facts *facts,
                                        struct controller_command *command,
                                        struct controller_decision *decision)
{
    assert(command->kind == CONTROLLER_DELETE_TOPICS);
    assert(decision->record_count == 0);
    struct command_names names;
    struct map deleted_topics;
    bool is_enabled = config_bool(facts->config, CONFIG_DELETE_TOPIC_ENABLE);
    map_init(&deleted_topics, deleted_has_id);
    bool has_memory = command_names_init(&names, command, false, decision->arena);
    for (uint32_t i = 0; has_memory && i < command->topic_count; i++) {
        struct controller_topic *topic = &command->topics[i];
        if (!is_enabled)
            topic_refuse(topic, KAFKA_TOPIC_DELETION_DISABLED, "Topic deletion is disabled.");
        else if (!bytes_are_null(topic->name) && command_names_count(&names, topic->name) > 1)
            topic_refuse(topic, KAFKA_INVALID_REQUEST, "Duplicate topic name.");
        else
            has_memory = delete_topic(facts, command, topic, &deleted_topics, decision);
    }
    map_deinit(&deleted_topics);
    command_names_deinit(&names);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

/* --- Producer ids ----------------------------------------------------------------------------- */

/* The next id is kept in the log and never goes back: an id given out twice would let one
 * producer's retries be taken for another's records. */
static enum status producer_ids_decide(const struct controller_facts *facts,
                                       struct controller_command *command,
                                       struct controller_decision *decision)
{
    assert(command->kind == CONTROLLER_ALLOCATE_PRODUCER_IDS);
    assert(command->topic_count == 0);
    assert(command->producer_id_count > 0);
    int64_t first = image_next_producer_id(facts->image);
    assert(first <= INT64_MAX - command->producer_id_count);
    struct metadata_record *record = decision_add(decision, METADATA_PRODUCER_IDS);
    if (record == NULL)
        return STATUS_NO_MEMORY;
    command->producer_id_first = first;
    record->producer_ids.next_producer_id = first + command->producer_id_count;
    return STATUS_OK;
}

/* --- Together --------------------------------------------------------------------------------- */

static enum status decide(const struct controller_facts *facts, struct controller_command *command,
                          struct controller_decision *decision)
{
    switch (command->kind) {
    case CONTROLLER_CREATE_TOPICS: return create_topics_decide(facts, command, decision);
    case CONTROLLER_DELETE_TOPICS: return delete_topics_decide(facts, command, decision);
    case CONTROLLER_CREATE_PARTITIONS: return create_partitions_decide(facts, command, decision);
    case CONTROLLER_ALTER_CONFIGS:
    case CONTROLLER_REPLACE_CONFIGS: return configs_decide(facts, command, decision);
    case CONTROLLER_ALLOCATE_PRODUCER_IDS: return producer_ids_decide(facts, command, decision);
    }
    unreachable();
}

static bool alters_configs(const struct controller_command *command)
{
    return command->kind == CONTROLLER_ALTER_CONFIGS || command->kind == CONTROLLER_REPLACE_CONFIGS;
}

/* A topic that was refused has left no record, and one that was not has left at least one, unless
 * it has the settings already that it was to get. */
static void check_decision(const struct controller_command *command,
                           const struct controller_decision *decision)
{
    uint32_t taken_count = 0;
    assert(decision->record_count <= decision->record_capacity);
    for (uint32_t i = 0; i < command->topic_count; i++) {
        taken_count += command->topics[i].error == KAFKA_NONE;
        assert(command->topics[i].error == KAFKA_NONE || command->topics[i].message[0] != '\0');
    }
    if (command->topic_count > 0)
        assert(taken_count > 0 || decision->record_count == 0);
    assert(alters_configs(command) || taken_count <= decision->record_count);
    assert(command->kind != CONTROLLER_DELETE_TOPICS || taken_count == decision->record_count);
}

enum status controller_core_decide(const struct controller_facts *facts,
                                   struct controller_command *command, struct arena *arena,
                                   struct controller_decision *decision)
{
    assert(facts->config != NULL);
    assert(arena != NULL);
    assert(decision != NULL);
    assert(facts->image != NULL);
    assert(command->topic_count == 0 || facts->topic_ids != NULL);
    *decision = (struct controller_decision){.arena = arena};
    for (uint32_t i = 0; i < command->topic_count; i++) {
        command->topics[i].error = KAFKA_NONE;
        command->topics[i].message[0] = '\0';
    }
    enum status status = decide(facts, command, decision);
    if (status == STATUS_OK)
        check_decision(command, decision);
    if (status != STATUS_OK || command->validate_only)
        decision->record_count = 0;
    return status;
}
