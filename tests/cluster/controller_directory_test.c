/* Where partitions lie is decided once, and follows no disk that goes: what is away waits, what
 * comes back leads again. */
#include "cluster/controller_core.h"
#include "cluster/image_build.h"
#include "protocol/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Broker 1 with some directories, named by letters, and a topic with a partition in each of the
 * places given. */
struct scene {
    struct image *image;
    struct config *config;
    struct arena arena;
    struct controller_decision decision;
    struct broker_record_log_dir log_dirs[8];
};

static struct uuid id_of(char letter)
{
    return (struct uuid){{(uint8_t)letter}};
}

static void complain(struct config_reporter *reporter, const char *where, const char *message)
{
    fail_msg("%s: %s", where, message);
}

static void apply(struct scene *scene, const struct metadata_record *records, uint32_t count)
{
    struct image_delta *delta = image_delta_create(scene->image);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(image_delta_apply(delta, &records[i]), STATUS_OK);
    struct image *next = image_delta_finish(delta, image_offset(scene->image) + 1, 1);
    image_release(scene->image);
    scene->image = next;
}

/* The broker registers with these directories online; what that takes is applied. */
static void register_with(struct scene *scene, const char *letters)
{
    static const char path[] = "/data/x";
    struct broker_record wanted = {.broker_id = 1, .log_dirs = scene->log_dirs};
    for (const char *letter = letters; *letter != '\0'; letter++)
        scene->log_dirs[wanted.log_dirs_count++] = (struct broker_record_log_dir){
            .directory_id = id_of(*letter), .path = bytes_of_text(path), .is_online = true};
    const struct controller_facts facts = {.image = scene->image, .config = scene->config};
    assert_int_equal(controller_core_register(&facts, &wanted, &scene->arena, &scene->decision),
                     STATUS_OK);
    apply(scene, scene->decision.records, scene->decision.record_count);
    assert_true(broker_is_registered(scene->image, &wanted));
}

/* A letter for each partition: where it lies, or '-' for a record that does not say. */
static void add_topic(struct scene *scene, const char *letters)
{
    static int32_t replicas[] = {1};
    struct metadata_record records[16] = {
        {.kind = METADATA_TOPIC, .topic = {id_of('T'), bytes_of_text("topic"), false}}};
    struct uuid directories[16];
    uint32_t count = 1;
    for (uint32_t i = 0; letters[i] != '\0'; i++) {
        directories[i] = id_of(letters[i]);
        records[count++] =
            (struct metadata_record){.kind = METADATA_PARTITION,
                                     .partition = {.topic_id = id_of('T'),
                                                   .partition = (int32_t)i,
                                                   .replicas = replicas,
                                                   .replicas_count = 1,
                                                   .in_sync = replicas,
                                                   .in_sync_count = 1,
                                                   .leader = 1,
                                                   .leader_epoch = 5,
                                                   .directories = &directories[i],
                                                   .directories_count = letters[i] != '-'}};
    }
    apply(scene, records, count);
}

static void create_topic(struct scene *scene, int32_t partition_count)
{
    struct controller_topic topic = {
        .name = bytes_of_text("new"), .partition_count = partition_count, .replication_factor = 1};
    struct controller_command command = {.kind = CONTROLLER_CREATE_TOPICS,
                                         .topics = &topic,
                                         .topic_count = 1,
                                         .arena = &scene->arena};
    const struct uuid topic_id = id_of('N');
    const struct controller_facts facts = {scene->image, scene->config, &topic_id};
    assert_int_equal(controller_core_decide(&facts, &command, &scene->arena, &scene->decision),
                     STATUS_OK);
    assert_int_equal(topic.error, KAFKA_NONE);
    apply(scene, scene->decision.records, scene->decision.record_count);
}

/* Where each partition lies, and who leads it with which epoch: "A1.5 B-.6". */
static const char *story_of(struct scene *scene, const char *topic_name)
{
    const struct image_topic *topic = image_topic_by_name(scene->image, bytes_of_text(topic_name));
    assert_non_null(topic);
    char *text = arena_allocate_array(&scene->arena, topic->partition_count + 1, 5);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = &topic->partitions[i];
        char *at = text + (size_t)i * 5;
        at[0] = (char)image_partition_directory(partition, 1).bytes[0];
        at[1] = partition->leader < 0 ? '-' : (char)('0' + partition->leader);
        at[2] = '.';
        at[3] = (char)('0' + partition->leader_epoch);
        at[4] = i + 1 == topic->partition_count ? '\0' : ' ';
    }
    return text;
}

static void scene_open(struct scene *scene, const char *letters)
{
    struct config_reporter reporter = {complain, complain};
    *scene = (struct scene){.image = image_create()};
    scene->config = config_load(NULL, (struct bytes){0}, NULL, NULL, 0, &reporter);
    assert_non_null(scene->config);
    arena_init(&scene->arena, 1 << 26);
    register_with(scene, letters);
}

static void scene_close(struct scene *scene)
{
    arena_deinit(&scene->arena);
    config_destroy(scene->config);
    image_release(scene->image);
}

/* New partitions go where the fewest are; among equals the first of log.dirs. */
static void test_partitions_go_where_the_fewest_are(void **state)
{
    struct scene scene;
    scene_open(&scene, "ABC");
    add_topic(&scene, "AAB");
    create_topic(&scene, 6);
    assert_string_equal(story_of(&scene, "new"), "C1.0 B1.0 C1.0 A1.0 B1.0 C1.0");
    scene_close(&scene);
}

/* A directory that goes takes its partitions' leader; the others do not notice, and new partitions
 * go elsewhere. */
static void test_partitions_of_a_lost_directory_have_no_leader(void **state)
{
    struct scene scene;
    scene_open(&scene, "AB");
    add_topic(&scene, "ABB");
    register_with(&scene, "A");
    assert_string_equal(story_of(&scene, "topic"), "A1.5 B-.6 B-.6");
    const struct image_broker *broker = image_broker_by_id(scene.image, 1);
    assert_int_equal(broker->log_dir_count, 2);
    assert_false(image_log_dir_by_id(broker, id_of('B'))->is_online);
    create_topic(&scene, 3);
    assert_string_equal(story_of(&scene, "new"), "A1.0 A1.0 A1.0");
    scene_close(&scene);
}

static int16_t decide_new_topic(struct scene *scene, const char *full,
                                struct controller_topic *topic)
{
    struct uuid directories[8];
    uint32_t count = 0;
    *topic = (struct controller_topic){
        .name = bytes_of_text("new"), .partition_count = 3, .replication_factor = 1};
    struct controller_command command = {.kind = CONTROLLER_CREATE_TOPICS,
                                         .topics = topic,
                                         .topic_count = 1,
                                         .arena = &scene->arena};
    const struct uuid topic_id = id_of('N');
    for (; full[count] != '\0'; count++)
        directories[count] = id_of(full[count]);
    const struct controller_facts facts = {.image = scene->image,
                                           .config = scene->config,
                                           .topic_ids = &topic_id,
                                           .full_directories = directories,
                                           .full_directory_count = count};
    assert_int_equal(controller_core_decide(&facts, &command, &scene->arena, &scene->decision),
                     STATUS_OK);
    return topic->error;
}

/* A directory without space gets no new partitions; when none has any the topic is refused, and
 * nothing of it is written. */
static void test_a_full_directory_gets_nothing_new(void **state)
{
    struct scene scene;
    struct controller_topic topic;
    scene_open(&scene, "ABC");
    add_topic(&scene, "BB");
    register_with(&scene, "AB");
    assert_int_equal(decide_new_topic(&scene, "AB", &topic), KAFKA_KAFKA_STORAGE_ERROR);
    assert_string_equal(topic.message, "No space left in log directory /data/x");
    assert_int_equal(scene.decision.record_count, 0);
    assert_int_equal(decide_new_topic(&scene, "A", &topic), KAFKA_NONE);
    apply(&scene, scene.decision.records, scene.decision.record_count);
    assert_string_equal(story_of(&scene, "new"), "B1.0 B1.0 B1.0");
    scene_close(&scene);
}

/* What comes back leads again, with an epoch of its own, wherever in the list it comes back. */
static void test_partitions_of_a_directory_that_comes_back_are_led_again(void **state)
{
    struct scene scene;
    scene_open(&scene, "AB");
    add_topic(&scene, "ABB");
    register_with(&scene, "A");
    register_with(&scene, "BA");
    assert_string_equal(story_of(&scene, "topic"), "A1.5 B1.7 B1.7");
    assert_int_equal(image_broker_by_id(scene.image, 1)->log_dir_count, 2);
    scene_close(&scene);
}

/* Nobody is told anything when nothing has changed. */
static void test_a_registration_that_stands_is_not_written_again(void **state)
{
    struct scene scene;
    scene_open(&scene, "AB");
    add_topic(&scene, "ABB");
    register_with(&scene, "AB");
    assert_int_equal(scene.decision.record_count, 0);
    register_with(&scene, "A");
    register_with(&scene, "A");
    assert_int_equal(scene.decision.record_count, 0);
    scene_close(&scene);
}

/* A directory that is taken out and holds nothing is forgotten. */
static void test_an_empty_directory_is_forgotten(void **state)
{
    struct scene scene;
    scene_open(&scene, "AB");
    add_topic(&scene, "AA");
    register_with(&scene, "A");
    assert_int_equal(image_broker_by_id(scene.image, 1)->log_dir_count, 1);
    assert_int_equal(scene.decision.record_count, 1);
    scene_close(&scene);
}

/* Records of the release with one directory mean the first, and are written anew to say so. */
static void test_partitions_that_are_not_assigned_lie_in_the_first_directory(void **state)
{
    struct scene scene;
    scene_open(&scene, "");
    add_topic(&scene, "--");
    register_with(&scene, "AB");
    assert_string_equal(story_of(&scene, "topic"), "A1.5 A1.5");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_go_where_the_fewest_are),
        cmocka_unit_test(test_partitions_of_a_lost_directory_have_no_leader),
        cmocka_unit_test(test_a_full_directory_gets_nothing_new),
        cmocka_unit_test(test_partitions_of_a_directory_that_comes_back_are_led_again),
        cmocka_unit_test(test_a_registration_that_stands_is_not_written_again),
        cmocka_unit_test(test_an_empty_directory_is_forgotten),
        cmocka_unit_test(test_partitions_that_are_not_assigned_lie_in_the_first_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
