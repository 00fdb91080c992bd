/* Checks answer a bool and leave the reason in the topic, so that they can be joined by && and the
 * first that refuses has the word. Nothing is taken back: a rule is asked before the first record
 * that depends on it is added. */
#include "cluster/controller_rules.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/text.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* --- Answers and records ---------------------------------------------------------------------- */

/* A sentence that was cut may end inside a character; its remains go too. */
static void trim_to_whole_characters(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && ((uint8_t)text[size - 1] & 0xc0) == 0x80)
        size--;
    if (size > 0 && (uint8_t)text[size - 1] >= 0xc0)
        size--;
    text[size] = '\0';
}

/* One error for each topic: whoever refuses first is heard, and the assertion finds a check that
 * goes on after a refusal. */
bool topic_refuse(struct controller_topic *topic, int16_t error, const char *format, ...)
{
    assert(topic->error == KAFKA_NONE);
    assert(error != KAFKA_NONE);
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(topic->message, sizeof topic->message, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof topic->message)
        trim_to_whole_characters(topic->message);
    topic->error = error;
    return false;
}

/* Records may move when the array grows, so a pointer to one is good until the next is added. */
struct metadata_record *decision_add(struct controller_decision *decision,
                                     enum metadata_record_kind kind)
{
    assert(decision->record_count <= decision->record_capacity);
    if (decision->record_count == decision->record_capacity) {
        uint32_t capacity = decision->record_capacity == 0 ? 16 : decision->record_capacity * 2;
        struct metadata_record *grown =
            arena_allocate_array(decision->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (decision->record_count > 0)
            memcpy(grown, decision->records, decision->record_count * sizeof *grown);
        decision->records = grown;
        decision->record_capacity = capacity;
    }
    struct metadata_record *record = &decision->records[decision->record_count++];
    *record = (struct metadata_record){.kind = kind};
    return record;
}

/* --- Names that stand in a command ------------------------------------------------------------ */

struct name_slot {
    struct map_node node;
    struct bytes name;
    uint32_t count;
};

static bool slot_has_name(const struct map_node *node, const void *key)
{
    const struct name_slot *slot = container_of(node, struct name_slot, node);
    return bytes_equal(slot->name, *(const struct bytes *)key);
}

/* Clients may choose names that collide; at worst their own command takes longer. */
static uint64_t name_hash(struct bytes name)
{
    return hash_bytes((struct hash_seed){{3, 4}}, name);
}

static struct name_slot *find_slot(const struct command_names *table, struct bytes name)
{
    assert(!bytes_are_null(name));
    struct map_node *node = map_find(&table->map, name_hash(name), &name);
    return node == NULL ? NULL : container_of(node, struct name_slot, node);
}

/* Built once for a command, because comparing each name with all others would take a client's
 * thousand topics a million comparisons. */
bool command_names_init(struct command_names *table, const struct controller_command *command,
                        bool of_groups, struct arena *arena)
{
    assert(command->topics != NULL || command->topic_count == 0);
    map_init(&table->map, slot_has_name);
    for (uint32_t i = 0; i < command->topic_count; i++) {
        struct bytes name = command->topics[i].name;
        if (command->topics[i].is_group != of_groups)
            continue;
        struct name_slot *slot = bytes_are_null(name) ? NULL : find_slot(table, name);
        if (slot == NULL && !bytes_are_null(name)) {
            slot = arena_allocate_array(arena, 1, sizeof *slot);
            if (slot == NULL)
                return false;
            slot->name = name;
            map_insert(&table->map, &slot->node, name_hash(name));
        }
        if (slot != NULL)
            slot->count++;
    }
    return true;
}

void command_names_deinit(struct command_names *table)
{
    map_deinit(&table->map);
}

uint32_t command_names_count(const struct command_names *table, struct bytes name)
{
    const struct name_slot *slot = find_slot(table, name);
    return slot == NULL ? 0 : slot->count;
}

/* --- Settings --------------------------------------------------------------------------------- */

/* A text in a record has a size of 16 bits. */
enum { SETTING_BYTES_MAX = INT16_MAX };

bool setting_is_valid(struct controller_topic *topic, struct bytes name, struct bytes value)
{
    assert(!bytes_are_null(name));
    enum topic_config_key key;
    int size = name.size > 100 ? 100 : (int)name.size;
    const char *text = (const char *)name.data;
    char message[CONFIG_MESSAGE_SIZE];
    if (!topic_config_key_find(name, &key))
        return topic_refuse(topic, KAFKA_INVALID_CONFIG, "Unknown topic config name: %.*s", size,
                            text);
    if (bytes_are_null(value))
        return topic_refuse(topic, KAFKA_INVALID_CONFIG,
                            "Null value not supported for topic configs: %.*s", size, text);
    if (value.size > SETTING_BYTES_MAX)
        return topic_refuse(topic, KAFKA_INVALID_CONFIG,
                            "The value for configuration %.*s is longer than the max allowed "
                            "length %d",
                            size, text, SETTING_BYTES_MAX);
    if (!config_check(topic_config_row(key), value, message))
        return topic_refuse(topic, KAFKA_INVALID_CONFIG, "%s", message);
    return true;
}

static int64_t number_in_force(const struct controller_facts *facts, enum topic_config_key key,
                               struct bytes value)
{
    int64_t number = topic_config_i64(NULL, facts->config, key);
    if (!bytes_are_null(value)) {
        enum status status = text_parse_i64(text_trim(value), INT64_MIN, INT64_MAX, &number);
        assert(status == STATUS_OK);
    }
    return number;
}

/* A record that must be compacted before it may be: Kafka's only rule about two settings. */
bool settings_agree(const struct controller_facts *facts, struct controller_topic *topic,
                    const struct bytes values[static TOPIC_CONFIG_KEY_COUNT])
{
    assert(topic->error == KAFKA_NONE);
    int64_t min = number_in_force(facts, TOPIC_CONFIG_MIN_COMPACTION_LAG_MS,
                                  values[TOPIC_CONFIG_MIN_COMPACTION_LAG_MS]);
    int64_t max = number_in_force(facts, TOPIC_CONFIG_MAX_COMPACTION_LAG_MS,
                                  values[TOPIC_CONFIG_MAX_COMPACTION_LAG_MS]);
    return min <= max ||
           topic_refuse(topic, KAFKA_INVALID_CONFIG,
                        "conflict topic config setting min.compaction.lag.ms (%" PRId64
                        ") > max.compaction.lag.ms (%" PRId64 ")",
                        min, max);
}

/* --- Replicas --------------------------------------------------------------------------------- */

/* Fenced brokers keep their place in replica lists but lead nothing and count for nothing new. */
static bool broker_is_active(const struct controller_facts *facts, int32_t id)
{
    const struct image_broker *broker = image_broker_by_id(facts->image, id);
    return broker != NULL && !broker->is_fenced;
}

static uint32_t active_broker_count(const struct controller_facts *facts)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < image_broker_count(facts->image); i++)
        count += !image_broker_at(facts->image, i)->is_fenced;
    return count;
}

static bool replicas_are_valid(const struct controller_facts *facts, struct controller_topic *topic,
                               const struct controller_assignment *assignment)
{
    assert(assignment->broker_id_count > 0);
    for (uint32_t i = 0; i < assignment->broker_id_count; i++) {
        int32_t id = assignment->broker_ids[i];
        if (image_broker_by_id(facts->image, id) == NULL)
            return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                                "The manual partition assignment includes broker %d, but no such "
                                "broker is registered.",
                                id);
        for (uint32_t j = 0; j < i; j++)
            if (assignment->broker_ids[j] == id)
                return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                                    "The manual partition assignment includes the broker %d more "
                                    "than once.",
                                    id);
    }
    return true;
}

bool assignment_is_valid(const struct controller_facts *facts, struct controller_topic *topic,
                         const struct controller_assignment *assignment, uint32_t replica_count)
{
    assert(assignment->broker_ids != NULL || assignment->broker_id_count == 0);
    if (assignment->broker_id_count == 0)
        return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                            "The manual partition assignment includes an empty replica list.");
    if (!replicas_are_valid(facts, topic, assignment))
        return false;
    if (replica_count != 0 && assignment->broker_id_count != replica_count)
        return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                            "The manual partition assignment includes a partition with %u "
                            "replica(s), but this is not consistent with previous partitions, "
                            "which have %u replica(s).",
                            assignment->broker_id_count, replica_count);
    for (uint32_t i = 0; i < assignment->broker_id_count; i++)
        if (broker_is_active(facts, assignment->broker_ids[i]))
            return true;
    return topic_refuse(topic, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                        "All brokers specified in the manual partition assignment for partition "
                        "%d are fenced or in controlled shutdown.",
                        assignment->partition);
}

bool decision_add_partition(const struct controller_facts *facts,
                            struct controller_decision *decision, struct uuid topic_id,
                            int32_t partition, const int32_t *replicas, uint32_t replica_count)
{
    assert(partition >= 0);
    assert(replicas != NULL);
    assert(!uuid_is_zero(topic_id));
    assert(replica_count > 0);
    struct metadata_record *record = decision_add(decision, METADATA_PARTITION);
    int32_t *kept = arena_allocate_array(decision->arena, replica_count, sizeof *kept);
    int32_t *in_sync = arena_allocate_array(decision->arena, replica_count, sizeof *in_sync);
    struct uuid *directories =
        arena_allocate_array(decision->arena, replica_count, sizeof *directories);
    if (record == NULL || kept == NULL || in_sync == NULL || directories == NULL)
        return false;
    uint32_t in_sync_count = 0;
    for (uint32_t i = 0; i < replica_count; i++) {
        kept[i] = replicas[i];
        if (!choose_directory(facts, decision, replicas[i], &directories[i]))
            return false;
        if (broker_is_active(facts, replicas[i]))
            in_sync[in_sync_count++] = replicas[i];
    }
    assert(in_sync_count > 0);
    assert(in_sync_count <= replica_count);
    assert(record == &decision->records[decision->record_count - 1]); /* It has not moved. */
    record->partition = (struct partition_record){.topic_id = topic_id,
                                                  .partition = partition,
                                                  .replicas = kept,
                                                  .replicas_count = replica_count,
                                                  .in_sync = in_sync,
                                                  .in_sync_count = in_sync_count,
                                                  .leader = in_sync[0],
                                                  .directories = directories,
                                                  .directories_count = replica_count};
    return true;
}

bool replication_is_possible(const struct controller_facts *facts, struct controller_topic *topic,
                             int32_t replication_factor)
{
    assert(replication_factor > 0);
    uint32_t registered = image_broker_count(facts->image);
    if (registered == 0 || active_broker_count(facts) == 0)
        return topic_refuse(topic, KAFKA_INVALID_REPLICATION_FACTOR,
                            "Unable to replicate the partition %d time(s): All brokers are "
                            "currently fenced.",
                            replication_factor);
    if ((uint32_t)replication_factor > active_broker_count(facts))
        return topic_refuse(topic, KAFKA_INVALID_REPLICATION_FACTOR,
                            "Unable to replicate the partition %d time(s): The target replication "
                            "factor of %d cannot be reached because only %u broker(s) are "
                            "registered.",
                            replication_factor, replication_factor, active_broker_count(facts));
    return true;
}

/* The active broker at a place in the order of ids. */
static int32_t active_broker_at(const struct controller_facts *facts, uint32_t place)
{
    assert(place < active_broker_count(facts));
    for (uint32_t i = 0; i < image_broker_count(facts->image); i++) {
        const struct image_broker *broker = image_broker_at(facts->image, i);
        if (!broker->is_fenced && place-- == 0)
            return broker->id;
    }
    unreachable();
}

const int32_t *place_replicas(const struct controller_facts *facts, struct arena *arena,
                              struct uuid topic_id, int32_t partition, int32_t replication_factor)
{
    assert(partition >= 0);
    uint32_t active = active_broker_count(facts);
    assert(replication_factor > 0);
    assert((uint32_t)replication_factor <= active);
    int32_t *replicas = arena_allocate_array(arena, (size_t)replication_factor, sizeof *replicas);
    uint32_t start = topic_id.bytes[15] + (uint32_t)partition;
    for (int32_t i = 0; replicas != NULL && i < replication_factor; i++)
        replicas[i] = active_broker_at(facts, (start + (uint32_t)i) % active);
    return replicas;
}
