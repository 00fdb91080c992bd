/* CreateTopics and CreatePartitions. Every check of a topic comes before its first record, so that
 * a refused topic leaves nothing behind. */
#include "cluster/controller_rules.h"

#include "base/assert.h"
#include "base/text.h"
#include "cluster/image_build.h"
#include "cluster/image_shelf.h"
#include "protocol/errors.h"

/* --- Names ------------------------------------------------------------------------------------ */

static bool letter_is_legal(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool refuse_name(struct controller_topic *topic, const char *reason)
{
    assert(reason != NULL);
    return topic_refuse(topic, KAFKA_INVALID_TOPIC_EXCEPTION, "Topic name is invalid: %s", reason);
}

bool topic_name_is_legal(struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    struct bytes name = topic->name;
    int size = (int)name.size;
    if (name.size == 0)
        return refuse_name(topic, "the empty string is not allowed");
    if (bytes_equal_text(name, "."))
        return refuse_name(topic, "'.' is not allowed");
    if (bytes_equal_text(name, ".."))
        return refuse_name(topic, "'..' is not allowed");
    if (name.size > TOPIC_NAME_SIZE_MAX)
        return topic_refuse(topic, KAFKA_INVALID_TOPIC_EXCEPTION,
                            "Topic name is invalid: the length of '%.*s' is longer than the max "
                            "allowed length %d",
                            size > 100 ? 100 : size, (const char *)name.data, TOPIC_NAME_SIZE_MAX);
    for (size_t i = 0; i < name.size; i++)
        if (!letter_is_legal(name.data[i]))
            return topic_refuse(topic, KAFKA_INVALID_TOPIC_EXCEPTION,
                                "Topic name is invalid: '%.*s' contains one or more characters "
                                "other than ASCII alphanumerics, '.', '_' and '-'",
                                size > 100 ? 100 : size, (const char *)name.data);
    return true;
}

/* Equal but for '.' and '_' is taken, too: the names of metrics make no difference between the two,
 * and one topic's figures would hide the other's. */
static bool name_is_free(const struct controller_facts *facts, struct controller_topic *topic)
{
    assert(topic->name.size > 0);
    assert(topic->name.size <= TOPIC_NAME_SIZE_MAX);
    int size = (int)topic->name.size;
    const char *name = (const char *)topic->name.data;
    if (image_topic_by_name(facts->image, topic->name) != NULL)
        return topic_refuse(topic, KAFKA_TOPIC_ALREADY_EXISTS, "Topic '%.*s' already exists.", size,
                            name);
    const struct image_topic *other = image_topic_colliding(facts->image, topic->name);
    if (other != NULL)
        return topic_refuse(topic, KAFKA_INVALID_TOPIC_EXCEPTION,
                            "Topic '%.*s' collides with existing topic: %.*s", size, name,
                            (int)other->name.size, (const char *)other->name.data);
    return true;
}

/* --- Settings --------------------------------------------------------------------------------- */

/* The first setting that is wrong refuses the topic; Kafka names only one as well, and clients show
 * what they get. */
static bool settings_are_valid(const struct controller_facts *facts, struct controller_topic *topic)
{
    assert(topic->settings != NULL || topic->setting_count == 0);
    struct bytes values[TOPIC_CONFIG_KEY_COUNT] = {{0}};
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        const struct controller_setting *setting = &topic->settings[i];
        enum topic_config_key key;
        if (!setting_is_valid(topic, setting->name, setting->value))
            return false;
        if (topic_config_key_find(setting->name, &key))
            values[key] = setting->value;
    }
    return settings_agree(facts, topic, values);
}

/* --- Partitions of a new topic ---------------------------------------------------------------- */

/* Where each partition's assignment stands, counted from 1. Partitions are numbered from 0 without
 * a gap, each once; refuses the topic if they are not. */
static bool find_places(struct controller_topic *topic,
                        uint16_t places[static CONTROLLER_PARTITIONS_MAX])
{
    static_assert(CONTROLLER_PARTITIONS_MAX <= UINT16_MAX, "a place takes 16 bits");
    assert(topic->assignment_count > 0);
    assert(topic->assignment_count <= CONTROLLER_PARTITIONS_MAX);
    memset(places, 0, topic->assignment_count * sizeof *places);
    for (uint32_t i = 0; i < topic->assignment_count; i++) {
        int32_t partition = topic->assignments[i].partition;
        if (partition < 0 || (uint32_t)partition >= topic->assignment_count)
            return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                                "partitions should be a consecutive 0-based integer sequence");
        if (places[partition] != 0)
            return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                                "Found multiple manual partition assignments for partition %d",
                                partition);
        places[partition] = (uint16_t)(i + 1);
    }
    return true;
}

static bool assignments_are_valid(const struct controller_facts *facts,
                                  struct controller_topic *topic)
{
    assert(topic->assignment_count > 0);
    assert(topic->assignments != NULL);
    if (topic->replication_factor != -1)
        return topic_refuse(topic, KAFKA_INVALID_REQUEST,
                            "A manual partition assignment was specified, but replication factor "
                            "was not set to -1.");
    if (topic->partition_count != -1)
        return topic_refuse(topic, KAFKA_INVALID_REQUEST,
                            "A manual partition assignment was specified, but numPartitions was "
                            "not set to -1.");
    if (topic->assignment_count > CONTROLLER_PARTITIONS_MAX)
        return topic_refuse(topic, KAFKA_POLICY_VIOLATION,
                            "Excessively large number of partitions per request.");
    for (uint32_t i = 0; i < topic->assignment_count; i++)
        if (!assignment_is_valid(facts, topic, &topic->assignments[i],
                                 i == 0 ? 0 : topic->assignments[0].broker_id_count))
            return false;
    uint16_t places[CONTROLLER_PARTITIONS_MAX];
    return find_places(topic, places);
}

static bool counts_are_valid(const struct controller_facts *facts, struct controller_topic *topic)
{
    assert(topic->assignment_count == 0);
    if (topic->replication_factor < -1 || topic->replication_factor == 0)
        return topic_refuse(topic, KAFKA_INVALID_REPLICATION_FACTOR,
                            "Replication factor must be larger than 0, or -1 to use the default "
                            "value.");
    if (topic->partition_count < -1 || topic->partition_count == 0)
        return topic_refuse(topic, KAFKA_INVALID_PARTITIONS,
                            "Number of partitions must be larger than 0, or -1 to use the default "
                            "value.");
    if (topic->replication_factor == -1)
        topic->replication_factor =
            (int16_t)config_i64(facts->config, CONFIG_DEFAULT_REPLICATION_FACTOR);
    if (topic->partition_count == -1)
        topic->partition_count = (int32_t)config_i64(facts->config, CONFIG_NUM_PARTITIONS);
    if (topic->partition_count > CONTROLLER_PARTITIONS_MAX)
        return topic_refuse(topic, KAFKA_POLICY_VIOLATION,
                            "Excessively large number of partitions per request.");
    return replication_is_possible(facts, topic, topic->replication_factor);
}

/* --- Records of a new topic ------------------------------------------------------------------- */

static bool add_assigned(const struct controller_facts *facts, struct controller_decision *decision,
                         struct controller_topic *topic)
{
    assert(topic->assignment_count > 0);
    assert(topic->assignment_count <= CONTROLLER_PARTITIONS_MAX);
    assert(topic->assignments[0].broker_id_count <= INT16_MAX);
    topic->partition_count = (int32_t)topic->assignment_count;
    topic->replication_factor = (int16_t)topic->assignments[0].broker_id_count;
    uint16_t places[CONTROLLER_PARTITIONS_MAX];
    bool is_valid = find_places(topic, places);
    assert(is_valid);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        assert(places[i] > 0);
        const struct controller_assignment *assignment = &topic->assignments[places[i] - 1];
        assert(assignment->partition == i);
        assert(assignment->broker_id_count == (uint32_t)topic->replication_factor);
        if (!decision_add_partition(facts, decision, topic->topic_id, i, assignment->broker_ids,
                                    assignment->broker_id_count))
            return false;
    }
    return true;
}

/* Places the partitions from `first` on. */
static bool add_placed(const struct controller_facts *facts, struct controller_decision *decision,
                       struct uuid topic_id, int32_t first, int32_t end, int32_t replication_factor)
{
    assert(first >= 0);
    assert(first < end);
    assert(end - first <= CONTROLLER_PARTITIONS_MAX);
    assert(replication_factor > 0);
    for (int32_t i = first; i < end; i++) {
        const int32_t *replicas =
            place_replicas(facts, decision->arena, topic_id, i, replication_factor);
        if (replicas == NULL || !decision_add_partition(facts, decision, topic_id, i, replicas,
                                                        (uint32_t)replication_factor))
            return false;
    }
    return true;
}

/* Written as they came and not with defaults filled in, so a default that changes in a later
 * release changes for this topic as well. */
static bool add_settings(struct controller_decision *decision, const struct controller_topic *topic)
{
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        struct metadata_record *record = decision_add(decision, METADATA_TOPIC_CONFIG);
        if (record == NULL)
            return false;
        record->topic_config =
            (struct topic_config_record){.topic_id = topic->topic_id,
                                         .name = topic->settings[i].name,
                                         .value = text_trim(topic->settings[i].value)};
    }
    return true;
}

/* Kafka knows them by their names, whoever makes them. */
static bool is_internal_name(struct bytes name)
{
    return bytes_equal_text(name, "__consumer_offsets") ||
           bytes_equal_text(name, "__transaction_state");
}

static bool add_topic(const struct controller_facts *facts, struct controller_decision *decision,
                      struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    assert(!uuid_is_zero(topic->topic_id));
    assert(image_topic_by_id(facts->image, topic->topic_id) == NULL);
    struct metadata_record *record = decision_add(decision, METADATA_TOPIC);
    if (record == NULL)
        return false;
    record->topic = (struct topic_record){
        .topic_id = topic->topic_id,
        .name = topic->name,
        .is_internal = is_internal_name(topic->name),
    };
    bool added = topic->assignment_count > 0
                     ? add_assigned(facts, decision, topic)
                     : add_placed(facts, decision, topic->topic_id, 0, topic->partition_count,
                                  topic->replication_factor);
    return added && add_settings(decision, topic);
}

/* From what costs nothing to what looks into the image; the order also decides which of several
 * errors a client sees, and is Kafka's. */
static bool topic_may_be_created(const struct controller_facts *facts,
                                 const struct command_names *names, struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    assert(command_names_count(names, topic->name) > 0);
    if (command_names_count(names, topic->name) > 1)
        return topic_refuse(topic, KAFKA_INVALID_REQUEST, "Duplicate topic name.");
    if (bytes_equal_text(topic->name, "__cluster_metadata"))
        return topic_refuse(topic, KAFKA_INVALID_REQUEST,
                            "Creation of internal topic __cluster_metadata is prohibited.");
    return topic_name_is_legal(topic) && name_is_free(facts, topic) &&
           settings_are_valid(facts, topic) &&
           (topic->assignment_count > 0 ? assignments_are_valid(facts, topic)
                                        : counts_are_valid(facts, topic)) &&
           space_is_left(facts, topic);
}

/* --- Names that collide within a command ------------------------------------------------------ */

/* The names that a command has used so far and that may collide. */
struct new_name {
    struct map_node node;
    struct bytes name;
};

static bool new_name_collides(const struct map_node *node, const void *key)
{
    const struct image_topic as_topic = {.name = container_of(node, struct new_name, node)->name};
    return shelf_order_by_metric_name(&as_topic, key) == 0;
}

/* Two new names of one command may collide with each other as well. */
static bool name_is_new(const struct map *names, struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    const struct shelf_key key = {.name = topic->name};
    struct map_node *node = topic_has_metric_letters(topic->name)
                                ? map_find(names, shelf_metric_hash(topic->name), &key)
                                : NULL;
    if (node == NULL)
        return true;
    struct bytes other = container_of(node, struct new_name, node)->name;
    return topic_refuse(topic, KAFKA_INVALID_TOPIC_EXCEPTION,
                        "Topic '%.*s' collides with existing topic: %.*s", (int)topic->name.size,
                        (const char *)topic->name.data, (int)other.size, (const char *)other.data);
}

/* False when the arena is used up. */
static bool note_name(struct map *names, struct arena *arena, struct bytes name)
{
    if (!topic_has_metric_letters(name))
        return true;
    struct new_name *noted = arena_allocate_array(arena, 1, sizeof *noted);
    if (noted == NULL)
        return false;
    noted->name = name;
    map_insert(names, &noted->node, shelf_metric_hash(name));
    return true;
}

/* --- CreateTopics ----------------------------------------------------------------------------- */

static uint32_t partitions_wanted(const struct controller_topic *topic)
{
    uint32_t count =
        topic->assignment_count > 0 ? topic->assignment_count : (uint32_t)topic->partition_count;
    assert(count > 0);
    assert(count <= CONTROLLER_PARTITIONS_MAX);
    return count;
}

enum status create_topics_decide(const struct controller_facts *facts,
                                 struct controller_command *command,
                                 struct controller_decision *decision)
{
    assert(command->kind == CONTROLLER_CREATE_TOPICS);
    struct command_names names;
    struct map new_names;
    int64_t partitions = 0;
    map_init(&new_names, new_name_collides);
    bool has_memory = command_names_init(&names, command, false, decision->arena);
    for (uint32_t i = 0; has_memory && i < command->topic_count; i++) {
        struct controller_topic *topic = &command->topics[i];
        assert(!bytes_are_null(topic->name));
        if (!topic_may_be_created(facts, &names, topic) || !name_is_new(&new_names, topic))
            continue;
        partitions += partitions_wanted(topic);
        if (partitions > CONTROLLER_PARTITIONS_MAX) {
            topic_refuse(topic, KAFKA_POLICY_VIOLATION,
                         "Excessively large number of partitions per request.");
            continue;
        }
        topic->topic_id = facts->topic_ids[i];
        has_memory = note_name(&new_names, decision->arena, topic->name) &&
                     add_topic(facts, decision, topic);
    }
    map_deinit(&new_names);
    command_names_deinit(&names);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

/* --- CreatePartitions ------------------------------------------------------------------------- */

/* New partitions get as many replicas as the first one has: a topic does not remember the factor
 * that it was made with. */
static bool growth_is_valid(const struct controller_facts *facts, struct controller_topic *topic,
                            const struct image_topic *existing)
{
    assert(topic->error == KAFKA_NONE);
    assert(existing->partition_count > 0);
    assert(existing->partition_count <= INT32_MAX);
    int32_t count = (int32_t)existing->partition_count;
    if (topic->partition_count == count)
        return topic_refuse(topic, KAFKA_INVALID_PARTITIONS, "Topic already has %d partition(s).",
                            count);
    if (topic->partition_count < count)
        return topic_refuse(topic, KAFKA_INVALID_PARTITIONS,
                            "The topic %.*s currently has %d partition(s); %d would not be an "
                            "increase.",
                            (int)topic->name.size, (const char *)topic->name.data, count,
                            topic->partition_count);
    int32_t additional = topic->partition_count - count;
    uint32_t replica_count = existing->partitions[0].replica_count;
    if (additional > CONTROLLER_PARTITIONS_MAX)
        return topic_refuse(topic, KAFKA_POLICY_VIOLATION,
                            "Excessively large number of partitions per request.");
    if (topic->assignments == NULL)
        return replication_is_possible(facts, topic, (int32_t)replica_count);
    if (topic->assignment_count != (uint32_t)additional)
        return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                            "Attempted to add %d additional partition(s), but only %u "
                            "assignment(s) were specified.",
                            additional, topic->assignment_count);
    for (uint32_t i = 0; i < topic->assignment_count; i++) {
        struct controller_assignment assignment = topic->assignments[i];
        assignment.partition = count + (int32_t)i;
        if (!assignment_is_valid(facts, topic, &assignment, replica_count))
            return false;
    }
    return true;
}

static bool growth_fits(struct controller_topic *topic, const struct image_topic *existing,
                        int64_t *partitions)
{
    assert(topic->partition_count > (int32_t)existing->partition_count);
    *partitions += topic->partition_count - (int32_t)existing->partition_count;
    return *partitions <= CONTROLLER_PARTITIONS_MAX ||
           topic_refuse(topic, KAFKA_POLICY_VIOLATION,
                        "Excessively large number of partitions per request.");
}

static bool add_growth(const struct controller_facts *facts, struct controller_decision *decision,
                       const struct controller_topic *topic, const struct image_topic *existing)
{
    assert(topic->error == KAFKA_NONE);
    assert(topic->partition_count > (int32_t)existing->partition_count);
    int32_t count = (int32_t)existing->partition_count;
    if (topic->assignments == NULL)
        return add_placed(facts, decision, existing->id, count, topic->partition_count,
                          (int32_t)existing->partitions[0].replica_count);
    assert(topic->assignment_count == (uint32_t)(topic->partition_count - count));
    for (uint32_t i = 0; i < topic->assignment_count; i++)
        if (!decision_add_partition(facts, decision, existing->id, count + (int32_t)i,
                                    topic->assignments[i].broker_ids,
                                    topic->assignments[i].broker_id_count))
            return false;
    return true;
}

enum status create_partitions_decide(const struct controller_facts *facts,
                                     struct controller_command *command,
                                     struct controller_decision *decision)
{
    assert(command->kind == CONTROLLER_CREATE_PARTITIONS);
    struct command_names names;
    int64_t partitions = 0;
    bool has_memory = command_names_init(&names, command, false, decision->arena);
    for (uint32_t i = 0; has_memory && i < command->topic_count; i++) {
        struct controller_topic *topic = &command->topics[i];
        const struct image_topic *existing = image_topic_by_name(facts->image, topic->name);
        if (command_names_count(&names, topic->name) > 1)
            topic_refuse(topic, KAFKA_INVALID_REQUEST, "Duplicate topic name.");
        else if (existing == NULL || existing->partition_count == 0)
            topic_refuse(topic, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
                         "This server does not host this topic-partition.");
        else if (growth_is_valid(facts, topic, existing) && space_is_left(facts, topic) &&
                 growth_fits(topic, existing, &partitions)) {
            topic->topic_id = existing->id;
            has_memory = add_growth(facts, decision, topic, existing);
        }
    }
    command_names_deinit(&names);
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}
