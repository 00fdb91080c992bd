/* The controller decides by Kafka's rules, answers with Kafka's error numbers and sentences, and a
 * refused topic leaves no record behind. */
#include "cluster/controller_core.h"
#include "cluster/image_build.h"
#include "protocol/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Brokers 1, 2 and 3, where 3 is fenced; topics "used" (2 partitions on 1, 2) and "dotted.name". */
struct scene {
    struct image *image;
    struct config *config;
    struct arena arena;
    struct controller_decision decision;
    struct uuid topic_ids[8];
};

static struct uuid id_of(uint8_t number)
{
    return (struct uuid){{number}};
}

static void ignore(struct config_reporter *reporter, const char *where, const char *message)
{
}

static struct metadata_record broker(int32_t id, bool is_fenced)
{
    return (struct metadata_record){.kind = METADATA_BROKER,
                                    .broker = {.broker_id = id, .is_fenced = is_fenced}};
}

static struct image *make_image(void)
{
    static int32_t replicas[] = {1, 2};
    struct metadata_record partition = {.kind = METADATA_PARTITION,
                                        .partition = {.topic_id = id_of(1),
                                                      .replicas = replicas,
                                                      .replicas_count = 2,
                                                      .in_sync = replicas,
                                                      .in_sync_count = 2,
                                                      .leader = 1}};
    struct metadata_record second = partition;
    second.partition.partition = 1;
    const struct metadata_record records[] = {
        broker(1, false),
        broker(2, false),
        broker(3, true),
        {.kind = METADATA_TOPIC, .topic = {id_of(1), bytes_of_text("used"), false}},
        {.kind = METADATA_TOPIC, .topic = {id_of(2), bytes_of_text("dotted.name"), false}},
        partition,
        second,
    };
    struct image *empty = image_create();
    struct image_delta *delta = image_delta_create(empty);
    image_release(empty);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        assert_int_equal(image_delta_apply(delta, &records[i]), STATUS_OK);
    return image_delta_finish(delta, 1, 1);
}

static void scene_open(struct scene *scene, const char *setting)
{
    struct config_reporter reporter = {ignore, ignore};
    *scene = (struct scene){.image = make_image()};
    scene->config =
        config_load(NULL, (struct bytes){0}, NULL, &setting, setting == NULL ? 0 : 1, &reporter);
    assert_non_null(scene->config);
    arena_init(&scene->arena, 1 << 26);
    for (uint8_t i = 0; i < 8; i++)
        scene->topic_ids[i] = id_of(100 + i);
}

static void scene_close(struct scene *scene)
{
    arena_deinit(&scene->arena);
    config_destroy(scene->config);
    image_release(scene->image);
}

static void decide(struct scene *scene, struct controller_command *command)
{
    struct controller_facts facts = {scene->image, scene->config, scene->topic_ids};
    command->arena = &scene->arena;
    assert_int_equal(controller_core_decide(&facts, command, &scene->arena, &scene->decision),
                     STATUS_OK);
}

static void decide_one(struct scene *scene, enum controller_command_kind kind,
                       struct controller_topic *topic)
{
    struct controller_command command = {.kind = kind, .topics = topic, .topic_count = 1};
    decide(scene, &command);
}

/* --- Names, counts and settings --------------------------------------------------------------- */

static void test_topics_that_break_a_rule_are_refused_with_kafkas_words(void **state)
{
    char long_name[251];
    memset(long_name, 'x', 250);
    long_name[250] = '\0';
    const struct {
        const char *name;
        int32_t partitions;
        int16_t replicas;
        int16_t error;
        const char *message;
    } rows[] = {
        {"", 1, 1, 17, "Topic name is invalid: the empty string is not allowed"},
        {".", 1, 1, 17, "Topic name is invalid: '.' is not allowed"},
        {"..", 1, 1, 17, "Topic name is invalid: '..' is not allowed"},
        {"a b", 1, 1, 17,
         "Topic name is invalid: 'a b' contains one or more characters other than ASCII "
         "alphanumerics, '.', '_' and '-'"},
        {"dotted_name", 1, 1, 17, "Topic 'dotted_name' collides with existing topic: dotted.name"},
        {"used", 1, 1, 36, "Topic 'used' already exists."},
        {"dotted.name", 1, 1, 36, "Topic 'dotted.name' already exists."},
        {"t", 0, 1, 37,
         "Number of partitions must be larger than 0, or -1 to use the default value."},
        {"t", -2, 1, 37,
         "Number of partitions must be larger than 0, or -1 to use the default value."},
        {"t", 10001, 1, 44, "Excessively large number of partitions per request."},
        {"t", 1, 0, 38,
         "Replication factor must be larger than 0, or -1 to use the default value."},
        {"t", 1, 3, 38,
         "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot "
         "be reached because only 2 broker(s) are registered."},
        {"__cluster_metadata", 1, 1, 42,
         "Creation of internal topic __cluster_metadata is prohibited."},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_topic topic = {.name = bytes_of_text(rows[i].name),
                                         .partition_count = rows[i].partitions,
                                         .replication_factor = rows[i].replicas};
        decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
        assert_string_equal(topic.message, rows[i].message);
        assert_int_equal(topic.error, rows[i].error);
        assert_int_equal(scene.decision.record_count, 0);
    }
    struct controller_topic topic = {
        .name = bytes_of_text(long_name), .partition_count = 1, .replication_factor = 1};
    decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
    assert_int_equal(topic.error, KAFKA_INVALID_TOPIC_EXCEPTION);
    assert_non_null(strstr(topic.message, "is longer than the max allowed length 249"));
    scene_close(&scene);
}

static void test_settings_are_checked(void **state)
{
    const struct {
        const char *name;
        const char *value;
        const char *message;
    } rows[] = {
        {"no.such", "1", "Unknown topic config name: no.such"},
        {"retention.ms", NULL, "Null value not supported for topic configs: retention.ms"},
        {"retention.ms", "x",
         "Invalid value x for configuration retention.ms: Not a number of type LONG"},
        {"min.insync.replicas", "0",
         "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes value = {0};
        if (rows[i].value != NULL)
            value = bytes_of_text(rows[i].value);
        struct controller_setting setting = {bytes_of_text(rows[i].name), value};
        struct controller_topic topic = {.name = bytes_of_text("t"),
                                         .partition_count = 1,
                                         .replication_factor = 1,
                                         .settings = &setting,
                                         .setting_count = 1};
        decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
        assert_int_equal(topic.error, KAFKA_INVALID_CONFIG);
        assert_string_equal(topic.message, rows[i].message);
        assert_int_equal(scene.decision.record_count, 0);
    }
    scene_close(&scene);
}

static void test_defaults_come_from_the_broker(void **state)
{
    struct scene scene;
    struct controller_setting setting = {bytes_of_text("retention.ms"), bytes_of_text("9")};
    struct controller_topic topic = {.name = bytes_of_text("new"),
                                     .partition_count = -1,
                                     .replication_factor = -1,
                                     .settings = &setting,
                                     .setting_count = 1};
    scene_open(&scene, "num.partitions=4");
    decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
    assert_int_equal(topic.error, KAFKA_NONE);
    assert_int_equal(topic.partition_count, 4);
    assert_int_equal(topic.replication_factor, 1);
    assert_true(uuid_equal(topic.topic_id, id_of(100)));
    assert_int_equal(scene.decision.record_count, 6);
    assert_int_equal(scene.decision.records[0].kind, METADATA_TOPIC);
    assert_int_equal(scene.decision.records[4].partition.partition, 3);
    assert_int_equal(scene.decision.records[5].kind, METADATA_TOPIC_CONFIG);
    scene_close(&scene);
}

static void test_replicas_are_spread_over_the_brokers_that_are_not_fenced(void **state)
{
    struct scene scene;
    struct controller_topic topic = {
        .name = bytes_of_text("new"), .partition_count = 10, .replication_factor = 2};
    uint32_t led[4] = {0};
    scene_open(&scene, NULL);
    decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
    for (uint32_t i = 1; i <= 10; i++) {
        const struct partition_record *partition = &scene.decision.records[i].partition;
        assert_int_equal(partition->replicas_count, 2);
        assert_int_not_equal(partition->replicas[0], partition->replicas[1]);
        assert_int_equal(partition->leader, partition->replicas[0]);
        led[partition->leader]++;
    }
    assert_int_equal(led[1], 5);
    assert_int_equal(led[2], 5);
    scene_close(&scene);
}

/* --- Several topics in one command ------------------------------------------------------------ */

static void test_names_that_come_twice_or_collide_in_one_command_are_refused(void **state)
{
    struct scene scene;
    struct controller_topic topics[] = {
        {.name = bytes_of_text("twice"), .partition_count = 1, .replication_factor = 1},
        {.name = bytes_of_text("x.y"), .partition_count = 1, .replication_factor = 1},
        {.name = bytes_of_text("twice"), .partition_count = 1, .replication_factor = 1},
        {.name = bytes_of_text("x_y"), .partition_count = 1, .replication_factor = 1},
        {.name = bytes_of_text("fine"), .partition_count = 1, .replication_factor = 1},
    };
    struct controller_command command = {
        .kind = CONTROLLER_CREATE_TOPICS, .topics = topics, .topic_count = 5};
    scene_open(&scene, NULL);
    decide(&scene, &command);
    assert_int_equal(topics[0].error, KAFKA_INVALID_REQUEST);
    assert_string_equal(topics[2].message, "Duplicate topic name.");
    assert_int_equal(topics[1].error, KAFKA_NONE);
    assert_int_equal(topics[3].error, KAFKA_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(topics[4].error, KAFKA_NONE);
    assert_int_equal(scene.decision.record_count, 4);
    command.validate_only = true;
    decide(&scene, &command);
    assert_int_equal(topics[4].error, KAFKA_NONE);
    assert_int_equal(scene.decision.record_count, 0);
    scene_close(&scene);
}

/* --- Manual assignments ----------------------------------------------------------------------- */

static void test_manual_assignments_are_checked(void **state)
{
    static const int32_t one[] = {1};
    static const int32_t both[] = {1, 2};
    static const int32_t same[] = {1, 1};
    static const int32_t stranger[] = {9};
    static const int32_t fenced[] = {3};
    const struct {
        struct controller_assignment assignments[2];
        uint32_t count;
        int32_t partitions;
        int16_t replicas;
        int16_t error;
        const char *message;
    } rows[] = {
        {{{0, one, 1}, {1, one, 1}}, 2, -1, -1, 0, ""},
        {{{1, one, 1}, {0, both, 1}}, 2, -1, -1, 0, ""},
        {{{0, one, 1}},
         1,
         1,
         -1,
         42,
         "A manual partition assignment was specified, but numPartitions was not set to -1."},
        {{{0, one, 1}},
         1,
         -1,
         1,
         42,
         "A manual partition assignment was specified, but replication factor was not set to -1."},
        {{{0, one, 1}, {0, one, 1}},
         2,
         -1,
         -1,
         39,
         "Found multiple manual partition assignments for partition 0"},
        {{{1, one, 1}, {1, one, 1}},
         2,
         -1,
         -1,
         39,
         "Found multiple manual partition assignments for partition 1"},
        {{{0, one, 1}, {2, one, 1}},
         2,
         -1,
         -1,
         39,
         "partitions should be a consecutive 0-based integer sequence"},
        {{{0, one, 0}},
         1,
         -1,
         -1,
         39,
         "The manual partition assignment includes an empty replica list."},
        {{{0, same, 2}},
         1,
         -1,
         -1,
         39,
         "The manual partition assignment includes the broker 1 more than once."},
        {{{0, stranger, 1}},
         1,
         -1,
         -1,
         39,
         "The manual partition assignment includes broker 9, but no such broker is registered."},
        {{{0, fenced, 1}},
         1,
         -1,
         -1,
         39,
         "All brokers specified in the manual partition assignment for partition 0 are fenced or "
         "in controlled shutdown."},
        {{{0, one, 1}, {1, both, 2}},
         2,
         -1,
         -1,
         39,
         "The manual partition assignment includes a partition with 2 replica(s), but this is not "
         "consistent with previous partitions, which have 1 replica(s)."},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_topic topic = {.name = bytes_of_text("t"),
                                         .partition_count = rows[i].partitions,
                                         .replication_factor = rows[i].replicas,
                                         .assignments = rows[i].assignments,
                                         .assignment_count = rows[i].count};
        decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
        assert_string_equal(topic.message, rows[i].message);
        assert_int_equal(topic.error, rows[i].error);
    }
    scene_close(&scene);
}

/* --- Deleting --------------------------------------------------------------------------------- */

static void test_topics_are_deleted_by_name_or_id(void **state)
{
    struct scene scene;
    struct controller_topic topics[] = {
        {.name = bytes_of_text("used")},
        {.topic_id = id_of(2)},
        {.name = bytes_of_text("unknown")},
        {.topic_id = id_of(77)},
        {.name = {0}},
        {.name = bytes_of_text("used2"), .topic_id = id_of(1)},
        {.topic_id = id_of(1)},
    };
    struct controller_command command = {
        .kind = CONTROLLER_DELETE_TOPICS, .topics = topics, .topic_count = 7};
    scene_open(&scene, NULL);
    decide(&scene, &command);
    const int16_t errors[] = {0, 0, 3, 100, 42, 42, 42};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(topics[i].error, errors[i]);
    assert_true(uuid_equal(topics[0].topic_id, id_of(1)));
    assert_true(bytes_equal_text(topics[1].answer_name, "dotted.name"));
    assert_string_equal(topics[4].message, "Neither topic name nor id were specified.");
    assert_string_equal(topics[5].message, "You may not specify both topic name and topic id.");
    assert_string_equal(topics[6].message, "Duplicate topic id.");
    assert_int_equal(scene.decision.record_count, 2);
    scene_close(&scene);
}

static void test_deletion_can_be_switched_off(void **state)
{
    struct scene scene;
    struct controller_topic topic = {.name = bytes_of_text("used")};
    scene_open(&scene, "delete.topic.enable=false");
    decide_one(&scene, CONTROLLER_DELETE_TOPICS, &topic);
    assert_int_equal(topic.error, KAFKA_TOPIC_DELETION_DISABLED);
    assert_string_equal(topic.message, "Topic deletion is disabled.");
    scene_close(&scene);
}

/* --- Growing ---------------------------------------------------------------------------------- */

static void test_partitions_are_added_by_the_rules(void **state)
{
    static const int32_t both[] = {2, 1};
    static const struct controller_assignment given[] = {{0, both, 2}, {0, both, 2}};
    const struct {
        const char *name;
        int32_t total;
        uint32_t assignment_count; /* 0: none given */
        int16_t error;
        const char *message;
        uint32_t records;
    } rows[] = {
        {"used", 5, 0, 0, "", 3},
        {"used", 4, 2, 0, "", 2},
        {"used", 2, 0, 37, "Topic already has 2 partition(s).", 0},
        {"used", 1, 0, 37,
         "The topic used currently has 2 partition(s); 1 would not be an increase.", 0},
        {"used", 5, 2, 39,
         "Attempted to add 3 additional partition(s), but only 2 assignment(s) were specified.", 0},
        {"nothing", 5, 0, 3, "This server does not host this topic-partition.", 0},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_topic topic = {.name = bytes_of_text(rows[i].name),
                                         .partition_count = rows[i].total,
                                         .assignments = rows[i].assignment_count ? given : NULL,
                                         .assignment_count = rows[i].assignment_count};
        decide_one(&scene, CONTROLLER_CREATE_PARTITIONS, &topic);
        assert_string_equal(topic.message, rows[i].message);
        assert_int_equal(topic.error, rows[i].error);
        assert_int_equal(scene.decision.record_count, rows[i].records);
    }
    scene_close(&scene);
}

/* A new topic's settings must agree with those that it has from the broker. */
static void test_settings_of_a_new_topic_agree(void **state)
{
    const struct {
        const char *max_lag_ms;
        int16_t error;
    } rows[] = {{"59", KAFKA_INVALID_CONFIG}, {"60", KAFKA_NONE}};
    struct scene scene;
    scene_open(&scene, "log.cleaner.min.compaction.lag.ms=60");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting setting = {.name = bytes_of_text("max.compaction.lag.ms"),
                                             .value = bytes_of_text(rows[i].max_lag_ms)};
        struct controller_topic topic = {.name = bytes_of_text("t"),
                                         .partition_count = 1,
                                         .replication_factor = 1,
                                         .settings = &setting,
                                         .setting_count = 1};
        decide_one(&scene, CONTROLLER_CREATE_TOPICS, &topic);
        assert_int_equal(topic.error, rows[i].error);
    }
    scene_close(&scene);
}

/* --- Altering settings ------------------------------------------------------------------------ */

/* The decision becomes part of the image, as after its commit. */
static void carry_out(struct scene *scene)
{
    struct image_delta *delta = image_delta_create(scene->image);
    for (uint32_t i = 0; i < scene->decision.record_count; i++)
        assert_int_equal(image_delta_apply(delta, &scene->decision.records[i]), STATUS_OK);
    int64_t offset = image_offset(scene->image) + 1;
    image_release(scene->image);
    scene->image = image_delta_finish(delta, offset, 1);
}

static struct controller_setting setting_of(const char *name, int8_t alteration, const char *value)
{
    struct bytes bytes = {0};
    if (value != NULL)
        bytes = bytes_of_text(value);
    return (struct controller_setting){bytes_of_text(name), bytes, alteration};
}

static const char *text_of(const struct scene *scene, const char *topic, enum topic_config_key key)
{
    const struct image_topic *found = image_topic_by_name(scene->image, bytes_of_text(topic));
    return found->config == NULL ? NULL : found->config->texts[key];
}

static void assert_text(const char *text, const char *expected)
{
    assert_int_equal(text == NULL, expected == NULL);
    if (text != NULL)
        assert_string_equal(text, expected);
}

enum { SET = CONTROLLER_SET, DELETE, APPEND, SUBTRACT };

/* One setting after the other: what stands on the topic then, and that nothing is written when that
 * stood there before. */
static void test_settings_are_altered_one_by_one(void **state)
{
    const struct {
        int8_t alteration;
        const char *value;
        const char *policy;
        uint32_t records;
    } rows[] = {
        {SUBTRACT, "compact", "delete", 1}, /* the default, now set */
        {APPEND, "compact", "delete,compact", 1},
        {APPEND, "compact,delete,compact", "delete,compact", 0},
        {APPEND, "", "delete,compact", 0},
        {SUBTRACT, "delete", "compact", 1},
        {SUBTRACT, "delete", "compact", 0},
        {SUBTRACT, "compact", "", 1},
        {APPEND, " delete ,,compact", "delete,compact", 1},
        {SET, " compact ", "compact", 1},
        {SET, "compact", "compact", 0},
        {DELETE, NULL, NULL, 1},
        {DELETE, "any", NULL, 0},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting setting =
            setting_of("cleanup.policy", rows[i].alteration, rows[i].value);
        struct controller_topic topic = {
            .name = bytes_of_text("used"), .settings = &setting, .setting_count = 1};
        decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
        assert_string_equal(topic.message, "");
        assert_int_equal(scene.decision.record_count, rows[i].records);
        carry_out(&scene);
        assert_text(text_of(&scene, "used", TOPIC_CONFIG_CLEANUP_POLICY), rows[i].policy);
    }
    scene_close(&scene);
}

/* A list that was not set on the topic is altered as it is in force. */
static void test_a_list_of_the_brokers_is_appended_to(void **state)
{
    struct scene scene;
    struct controller_setting setting = setting_of("cleanup.policy", APPEND, "delete");
    struct controller_topic topic = {
        .name = bytes_of_text("used"), .settings = &setting, .setting_count = 1};
    scene_open(&scene, "log.cleanup.policy=compact");
    decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
    carry_out(&scene);
    assert_text(text_of(&scene, "used", TOPIC_CONFIG_CLEANUP_POLICY), "compact,delete");
    scene_close(&scene);
}

/* Replacing takes away what is not named; altering leaves it alone. */
static void test_settings_are_replaced_as_a_whole(void **state)
{
    struct scene scene;
    struct controller_setting settings[] = {setting_of("retention.ms", SET, "5"),
                                            setting_of("segment.ms", SET, "6")};
    struct controller_topic topic = {
        .name = bytes_of_text("used"), .settings = settings, .setting_count = 2};
    scene_open(&scene, NULL);
    decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
    carry_out(&scene);
    topic.setting_count = 1;
    settings[0] = setting_of("retention.ms", SET, "7");
    decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
    carry_out(&scene);
    assert_text(text_of(&scene, "used", TOPIC_CONFIG_RETENTION_MS), "7");
    assert_text(text_of(&scene, "used", TOPIC_CONFIG_SEGMENT_MS), "6");
    decide_one(&scene, CONTROLLER_REPLACE_CONFIGS, &topic);
    assert_int_equal(scene.decision.record_count, 1);
    carry_out(&scene);
    assert_text(text_of(&scene, "used", TOPIC_CONFIG_RETENTION_MS), "7");
    assert_text(text_of(&scene, "used", TOPIC_CONFIG_SEGMENT_MS), NULL);
    scene_close(&scene);
}

static void test_alterations_that_break_a_rule_are_refused_with_kafkas_words(void **state)
{
    const struct {
        const char *topic;
        const char *name;
        int8_t alteration;
        const char *value;
        int16_t error;
        const char *message;
    } rows[] = {
        {"nothing", "retention.ms", SET, "1", 3, "The topic 'nothing' does not exist."},
        {"", "retention.ms", SET, "1", 42, "Default topic resources are not allowed."},
        {"..", "retention.ms", SET, "1", 17, "Topic name is invalid: '..' is not allowed"},
        {"nothing", "no.such", SET, "1", 40, "Unknown topic config name: no.such"},
        {"used", "no.such", APPEND, "1", 40,
         "Can't APPEND to key no.such because its type is not LIST."},
        {"used", "retention.ms", SUBTRACT, "1", 40,
         "Can't SUBTRACT to key retention.ms because its type is not LIST."},
        {"used", "retention.ms", SET, "x", 40,
         "Invalid value x for configuration retention.ms: Not a number of type LONG"},
        {"used", "cleanup.policy", APPEND, "x", 40,
         "Invalid value x for configuration cleanup.policy: String must be one of: compact, "
         "delete"},
        {"used", "retention.ms", SET, NULL, 42, "Null value not supported for : retention.ms"},
        {"used", "retention.ms", 4, "1", 42, "Unknown operation type 4"},
        {"used", "retention.ms", -1, "1", 42, "Unknown operation type -1"},
        {"used", "min.compaction.lag.ms", SET, "6000000", 40,
         "conflict topic config setting min.compaction.lag.ms (6000000) > max.compaction.lag.ms "
         "(5000000)"},
    };
    struct scene scene;
    scene_open(&scene, "log.cleaner.max.compaction.lag.ms=5000000");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting settings[] = {
            setting_of("segment.ms", SET, "9"),
            setting_of(rows[i].name, rows[i].alteration, rows[i].value)};
        struct controller_topic topic = {
            .name = bytes_of_text(rows[i].topic), .settings = settings, .setting_count = 2};
        decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
        assert_string_equal(topic.message, rows[i].message);
        assert_int_equal(topic.error, rows[i].error);
        assert_int_equal(scene.decision.record_count, 0);
    }
    scene_close(&scene);
}

/* Of groups, whether or not there are such: all of a group's alterations or none. */
static void test_settings_of_groups_are_altered(void **state)
{
#define SESSION "consumer.session.timeout.ms"
#define BEAT    "consumer.heartbeat.interval.ms"
    const struct {
        const char *group;
        const char *name;
        int8_t alteration;
        const char *value;
        int16_t error;
        const char *message;
        uint32_t record_count;
    } rows[] = {
        {"g", SESSION, SET, "50000", 0, "", 1},
        {"g", SESSION, SET, "50000", 0, "", 0},
        {"g", "no.such", DELETE, NULL, 0, "", 0},
        {"g", SESSION, DELETE, NULL, 0, "", 1},
        {"g", SESSION, SET, "1000", 40,
         SESSION " must be greater than or equal to group.consumer.min.session.timeout.ms", 0},
        {"g", SESSION, SET, "90000", 40,
         SESSION " must be less than or equal to group.consumer.max.session.timeout.ms", 0},
        {"g", BEAT, SET, "14000", 0, "", 1},
        {"g", SESSION, SET, "14000", 40, SESSION " must be greater than " BEAT, 0},
        {"h", SESSION, SET, "14000", 0, "", 1},
        {"g", BEAT, SET, "16000", 40,
         BEAT " must be less than or equal to group.consumer.max.heartbeat.interval.ms", 0},
        {"g", SESSION, SET, "x", 40,
         "Invalid value x for configuration " SESSION ": Not a number of type INT", 0},
        {"g", "no.such", SET, "1", 40, "Unknown group config name: no.such", 0},
        {"", SESSION, SET, "50000", 42, "Default group resources are not allowed.", 0},
        {"g", SESSION, SET, NULL, 42, "Null value not supported for : " SESSION, 0},
        {"g", SESSION, APPEND, "1", 40,
         "Can't APPEND to key " SESSION " because its type is not LIST.", 0},
        {"g", SESSION, 9, "1", 42, "Unknown operation type 9", 0},
    };
    struct scene scene;
    scene_open(&scene, "group.consumer.min.session.timeout.ms=13000");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting setting =
            setting_of(rows[i].name, rows[i].alteration, rows[i].value);
        struct controller_topic group = {.name = bytes_of_text(rows[i].group),
                                         .is_group = true,
                                         .settings = &setting,
                                         .setting_count = 1};
        decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &group);
        assert_string_equal(group.message, rows[i].message);
        assert_int_equal(group.error, rows[i].error);
        assert_int_equal(scene.decision.record_count, rows[i].record_count);
        carry_out(&scene);
    }
    scene_close(&scene);
#undef SESSION
#undef BEAT
}

/* Those of all its topics count, and the topic that would be one too many gets none. */
static void test_one_command_adds_so_many_partitions(void **state)
{
    struct scene scene;
    scene_open(&scene, NULL);
    struct controller_topic more = {
        .name = bytes_of_text("more"), .partition_count = 1, .replication_factor = 1};
    decide_one(&scene, CONTROLLER_CREATE_TOPICS, &more);
    carry_out(&scene);
    const struct {
        int32_t more;
        int32_t used;
        int16_t error;
        uint32_t record_count;
    } rows[] = {
        {6001, 4002, KAFKA_NONE, CONTROLLER_PARTITIONS_MAX},
        {6001, 4003, KAFKA_POLICY_VIOLATION, 6000},
        {INT32_MAX, 4002, KAFKA_NONE, 4000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_topic topics[] = {
            {.name = bytes_of_text("more"), .partition_count = rows[i].more},
            {.name = bytes_of_text("used"), .partition_count = rows[i].used},
        };
        struct controller_command command = {
            .kind = CONTROLLER_CREATE_PARTITIONS, .topics = topics, .topic_count = 2};
        decide(&scene, &command);
        assert_int_equal(topics[1].error, rows[i].error);
        assert_int_equal(scene.decision.record_count, rows[i].record_count);
    }
    scene_close(&scene);
}

/* A topic and a group of one name are two resources; a group that comes twice is refused. */
static void test_a_group_comes_once(void **state)
{
    struct scene scene;
    scene_open(&scene, NULL);
    struct controller_topic both[] = {
        {.name = bytes_of_text("used")},
        {.name = bytes_of_text("used"), .is_group = true},
        {.name = bytes_of_text("g"), .is_group = true},
        {.name = bytes_of_text("g"), .is_group = true},
    };
    struct controller_command command = {
        .kind = CONTROLLER_REPLACE_CONFIGS, .topics = both, .topic_count = 4};
    decide(&scene, &command);
    assert_int_equal(both[0].error, 0);
    assert_int_equal(both[1].error, 0);
    assert_int_equal(both[2].error, 42);
    assert_int_equal(both[3].error, 42);
    scene_close(&scene);
}

/* Those of one command count as well, and those that have settings may get more. */
static void test_so_many_groups_may_have_settings(void **state)
{
    enum { COUNT = IMAGE_GROUP_CONFIGS_MAX + 1 };
    struct scene scene;
    struct controller_setting setting = setting_of("consumer.heartbeat.interval.ms", SET, "6000");
    struct controller_topic *groups = calloc(COUNT, sizeof *groups);
    char(*names)[8] = calloc(COUNT, sizeof *names);
    assert_non_null(groups);
    assert_non_null(names);
    scene_open(&scene, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "g%u", i);
        groups[i] = (struct controller_topic){.name = bytes_of_text(names[i]),
                                              .is_group = true,
                                              .settings = &setting,
                                              .setting_count = 1};
    }
    struct controller_command command = {
        .kind = CONTROLLER_ALTER_CONFIGS, .topics = groups, .topic_count = COUNT};
    decide(&scene, &command);
    assert_int_equal(groups[COUNT - 2].error, KAFKA_NONE);
    assert_int_equal(groups[COUNT - 1].error, KAFKA_POLICY_VIOLATION);
    assert_int_equal(scene.decision.record_count, IMAGE_GROUP_CONFIGS_MAX);
    carry_out(&scene);
    setting.value = bytes_of_text("7000");
    decide(&scene, &command);
    assert_int_equal(groups[0].error, KAFKA_NONE);
    assert_int_equal(groups[COUNT - 1].error, KAFKA_POLICY_VIOLATION);
    scene_close(&scene);
    free(names);
    free(groups);
}

/* All of them are kept in memory, so neither their ids nor what they want may be long. */
static void test_settings_of_groups_are_short(void **state)
{
    static char text[2000];
    memset(text, 'a', sizeof text);
    const struct {
        size_t id_size;
        size_t value_size;
        int16_t error;
    } rows[] = {
        {1024, 128, KAFKA_NONE},
        {1025, 128, KAFKA_INVALID_REQUEST},
        {1024, 129, KAFKA_INVALID_CONFIG},
    };
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting setting = {.name = bytes_of_text("share.auto.offset.reset"),
                                             .value = bytes_of(text, rows[i].value_size)};
        struct controller_topic group = {.name = bytes_of(text, rows[i].id_size),
                                         .is_group = true,
                                         .settings = &setting,
                                         .setting_count = 1};
        decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &group);
        assert_int_equal(group.error, rows[i].error);
    }
    scene_close(&scene);
}

/* Values that no record can hold, and lists that would take long to look through. */
static void test_alterations_have_limits(void **state)
{
    static char text[40000];
    struct scene scene;
    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 == 0 ? 'a' : ',';
    const struct {
        int8_t alteration;
        size_t size;
        int16_t error;
    } rows[] = {
        {SET, INT16_MAX, KAFKA_NONE},
        {SET, INT16_MAX + 1, KAFKA_INVALID_CONFIG},
        {APPEND, 2 * 256, KAFKA_NONE},
        {APPEND, 2 * 256 + 1, KAFKA_INVALID_CONFIG},
        {SUBTRACT, 40000, KAFKA_INVALID_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct controller_setting setting = {
            .name = bytes_of_text("leader.replication.throttled.replicas"),
            .value = bytes_of(text, rows[i].size),
            .alteration = rows[i].alteration};
        struct controller_topic topic = {
            .name = bytes_of_text("used"), .settings = &setting, .setting_count = 1};
        decide_one(&scene, CONTROLLER_ALTER_CONFIGS, &topic);
        assert_int_equal(topic.error, rows[i].error);
    }
    scene_close(&scene);
}

static void test_a_topic_or_setting_that_comes_twice_is_refused(void **state)
{
    struct scene scene;
    struct controller_setting settings[] = {setting_of("retention.ms", SET, "1"),
                                            setting_of("retention.ms", DELETE, NULL)};
    struct controller_topic topics[] = {
        {.name = bytes_of_text("used"), .settings = settings, .setting_count = 1},
        {.name = bytes_of_text("dotted.name"), .settings = settings, .setting_count = 2},
        {.name = bytes_of_text("used"), .settings = settings, .setting_count = 1},
    };
    struct controller_command command = {
        .kind = CONTROLLER_ALTER_CONFIGS, .topics = topics, .topic_count = 3};
    scene_open(&scene, NULL);
    decide(&scene, &command);
    assert_string_equal(topics[0].message, "Each resource must appear at most once.");
    assert_string_equal(topics[1].message, "Error due to duplicate config keys");
    assert_string_equal(topics[2].message, "Each resource must appear at most once.");
    assert_int_equal(topics[1].error, KAFKA_INVALID_REQUEST);
    assert_int_equal(scene.decision.record_count, 0);
    scene_close(&scene);
}

static void test_producer_ids_follow_one_another(void **state)
{
    struct scene scene;
    struct controller_command command = {.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS,
                                         .producer_id_count = 1000};
    scene_open(&scene, NULL);
    decide(&scene, &command);
    assert_int_equal(command.producer_id_first, 0);
    assert_int_equal(scene.decision.record_count, 1);
    assert_int_equal(scene.decision.records[0].producer_ids.next_producer_id, 1000);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_that_break_a_rule_are_refused_with_kafkas_words),
        cmocka_unit_test(test_settings_are_checked),
        cmocka_unit_test(test_defaults_come_from_the_broker),
        cmocka_unit_test(test_replicas_are_spread_over_the_brokers_that_are_not_fenced),
        cmocka_unit_test(test_names_that_come_twice_or_collide_in_one_command_are_refused),
        cmocka_unit_test(test_manual_assignments_are_checked),
        cmocka_unit_test(test_topics_are_deleted_by_name_or_id),
        cmocka_unit_test(test_deletion_can_be_switched_off),
        cmocka_unit_test(test_partitions_are_added_by_the_rules),
        cmocka_unit_test(test_one_command_adds_so_many_partitions),
        cmocka_unit_test(test_settings_of_a_new_topic_agree),
        cmocka_unit_test(test_settings_are_altered_one_by_one),
        cmocka_unit_test(test_a_list_of_the_brokers_is_appended_to),
        cmocka_unit_test(test_settings_are_replaced_as_a_whole),
        cmocka_unit_test(test_alterations_that_break_a_rule_are_refused_with_kafkas_words),
        cmocka_unit_test(test_settings_of_groups_are_altered),
        cmocka_unit_test(test_a_group_comes_once),
        cmocka_unit_test(test_so_many_groups_may_have_settings),
        cmocka_unit_test(test_settings_of_groups_are_short),
        cmocka_unit_test(test_alterations_have_limits),
        cmocka_unit_test(test_a_topic_or_setting_that_comes_twice_is_refused),
        cmocka_unit_test(test_producer_ids_follow_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
