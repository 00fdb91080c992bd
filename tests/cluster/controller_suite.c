#include "tests/cluster/controller_suite.h"

#include "tests/cluster/controller_rig.h"

#include "base/list.h"
#include "cluster/image_build.h"
#include "protocol/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct suite_case {
    struct seam_harness *harness;
    struct io **doors;
    struct rig rig;
};

static int setup_with(void **state, const char *setting)
{
    struct seam_harness *harness = *state;
    struct suite_case *c = calloc(1, sizeof *c);
    char directory[256];
    assert_non_null(c);
    c->harness = harness;
    c->doors = harness->open(harness, 1);
    assert_non_null(c->doors);
    snprintf(directory, sizeof directory, "%s/node-%u/cluster", harness->directory,
             harness->case_count++);
    rig_init(&c->rig, c->doors[0], directory, setting);
    *state = c;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int setup_small_snapshots(void **state)
{
    return setup_with(state, "metadata.log.max.record.bytes.between.snapshots=100000");
}

static int teardown(void **state)
{
    struct suite_case *c = *state;
    rig_deinit(&c->rig);
    c->harness->close(c->harness, c->doors, 1);
    free(c);
    return 0;
}

static struct rig *rig_of(void **state)
{
    return &((struct suite_case *)*state)->rig;
}

static void assert_topic(struct rig *rig, const char *name, uint32_t partition_count)
{
    const struct image_topic *topic =
        image_topic_by_name(controller_image(rig->controller), bytes_of_text(name));
    assert_non_null(topic);
    assert_int_equal(topic->partition_count, partition_count);
    assert_ptr_equal(image_topic_by_id(controller_image(rig->controller), topic->id), topic);
}

/* --- A first life ----------------------------------------------------------------------------- */

static void test_a_new_directory_becomes_a_cluster_with_this_broker_in_it(void **state)
{
    struct rig *rig = rig_of(state);
    rig_start(rig);
    struct image *image = controller_image(rig->controller);
    assert_false(uuid_is_zero(image_cluster_id(image)));
    assert_int_equal(image_controller_id(image), 1);
    assert_int_equal(image_broker_count(image), 1);
    const struct image_broker *broker = image_broker_by_id(image, 1);
    assert_int_equal(broker->endpoint_count, 1);
    assert_true(bytes_equal_text(broker->endpoints[0].host, "localhost"));
    assert_int_equal(broker->endpoints[0].port, 9092);
    assert_ptr_equal(rig->adopted, image);
    rig_stop(rig);
}

static void test_a_topic_that_was_answered_stands_in_the_adopted_image(void **state)
{
    struct rig *rig = rig_of(state);
    rig_start(rig);
    struct controller_topic topic = rig_create_topic(rig, "orders", 3);
    assert_int_equal(topic.error, KAFKA_NONE);
    const struct image_topic *found = image_topic_by_name(rig->adopted, bytes_of_text("orders"));
    assert_non_null(found);
    assert_true(uuid_equal(found->id, topic.topic_id));
    assert_int_equal(found->partition_count, 3);
    assert_int_equal(found->partitions[2].leader, 1);
    assert_int_equal(found->partitions[2].in_sync_count, 1);
    rig_stop(rig);
}

static void test_topics_grow_and_go(void **state)
{
    struct rig *rig = rig_of(state);
    rig_start(rig);
    assert_int_equal(rig_create_topic(rig, "a", 1).error, KAFKA_NONE);
    assert_int_equal(rig_create_topic(rig, "b", -1).error, KAFKA_NONE);
    assert_int_equal(rig_add_partitions(rig, "a", 5).error, KAFKA_NONE);
    assert_topic(rig, "a", 5);
    assert_topic(rig, "b", 1);
    struct uuid old_id = rig_delete_topic(rig, "a").topic_id;
    assert_null(image_topic_by_name(rig->adopted, bytes_of_text("a")));
    assert_int_equal(rig_delete_topic(rig, "a").error, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    struct uuid new_id = rig_create_topic(rig, "a", 2).topic_id;
    assert_false(uuid_equal(old_id, new_id));
    assert_topic(rig, "a", 2);
    rig_stop(rig);
}

static void test_of_two_creates_in_flight_one_wins(void **state)
{
    struct rig *rig = rig_of(state);
    struct controller_topic topics[2];
    struct rig_command commands[2];
    rig_start(rig);
    for (int i = 0; i < 2; i++) {
        topics[i] = (struct controller_topic){
            .name = bytes_of_text("contested"), .partition_count = i + 1, .replication_factor = 1};
        commands[i] = (struct rig_command){
            .command = {.kind = CONTROLLER_CREATE_TOPICS, .topics = &topics[i], .topic_count = 1}};
        rig_submit(rig, &commands[i]);
    }
    rig_finish(rig, &commands[1]);
    /* Who is told "exists already" can find it. */
    assert_non_null(image_topic_by_name(rig->adopted, bytes_of_text("contested")));
    rig_finish(rig, &commands[0]);
    assert_int_equal(topics[0].error, KAFKA_NONE);
    assert_int_equal(topics[1].error, KAFKA_TOPIC_ALREADY_EXISTS);
    assert_topic(rig, "contested", 1);
    rig_stop(rig);
}

static void test_a_command_waits_for_the_adoption_of_its_image(void **state)
{
    struct rig *rig = rig_of(state);
    struct controller_topic topic = {
        .name = bytes_of_text("slow"), .partition_count = 1, .replication_factor = 1};
    struct rig_command command = {
        .command = {.kind = CONTROLLER_CREATE_TOPICS, .topics = &topic, .topic_count = 1}};
    rig_start(rig);
    rig->holds_adoption = true;
    rig_submit(rig, &command);
    while (rig->held == NULL)
        io_turn(rig->io);
    rig_settle(rig);
    assert_false(command.has_landed);
    rig->holds_adoption = false;
    io_land(rig->io, rig->held, 0);
    rig_finish(rig, &command);
    assert_int_equal(command.result, 0);
    rig_stop(rig);
}

static void test_producer_ids_are_given_out_once(void **state)
{
    struct rig *rig = rig_of(state);
    int64_t next = 0;
    for (int life = 0; life < 2; life++) {
        rig_start(rig);
        for (int i = 0; i < 3; i++) {
            struct rig_command command = {
                .command = {.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS, .producer_id_count = 1000}};
            rig_submit(rig, &command);
            rig_finish(rig, &command);
            assert_int_equal(command.command.producer_id_first, next);
            next += 1000;
        }
        rig_kill(rig);
    }
}

static void test_validation_alone_changes_nothing(void **state)
{
    struct rig *rig = rig_of(state);
    struct controller_topic topic = {
        .name = bytes_of_text("perhaps"), .partition_count = -1, .replication_factor = -1};
    struct rig_command command = {.command = {.kind = CONTROLLER_CREATE_TOPICS,
                                              .validate_only = true,
                                              .topics = &topic,
                                              .topic_count = 1}};
    rig_start(rig);
    rig_submit(rig, &command);
    rig_finish(rig, &command);
    assert_int_equal(topic.error, KAFKA_NONE);
    assert_int_equal(topic.partition_count, 1);
    assert_int_equal(image_topic_count(controller_image(rig->controller)), 0);
    rig_stop(rig);
}

/* --- Further lives ---------------------------------------------------------------------------- */

static void make_some(struct rig *rig)
{
    rig_create_topic(rig, "first", 2);
    rig_create_topic(rig, "second", 4);
    rig_delete_topic(rig, "first");
    rig_add_partitions(rig, "second", 6);
}

static void test_a_restart_finds_the_same_image(void **state)
{
    struct rig *rig = rig_of(state);
    rig_start(rig);
    make_some(rig);
    uint64_t hash = image_hash(rig->adopted);
    int64_t offset = image_offset(rig->adopted);
    rig_stop(rig);
    rig_start(rig);
    assert_true(image_hash(rig->adopted) == hash);
    /* An unchanged registration is not written again. */
    assert_int_equal(image_offset(rig->adopted), offset);
    assert_topic(rig, "second", 6);
    rig_stop(rig);
}

static void test_a_kill_loses_nothing_that_was_answered(void **state)
{
    struct rig *rig = rig_of(state);
    for (int life = 0; life < 5; life++) {
        char name[32];
        rig_start(rig);
        for (int i = 0; i < life; i++) {
            snprintf(name, sizeof name, "life-%d", i);
            assert_topic(rig, name, 1);
        }
        snprintf(name, sizeof name, "life-%d", life);
        assert_int_equal(rig_create_topic(rig, name, 1).error, KAFKA_NONE);
        rig_kill(rig);
    }
}

static void test_a_changed_address_is_registered_anew(void **state)
{
    struct rig *rig = rig_of(state);
    rig_start(rig);
    int64_t epoch = image_broker_by_id(rig->adopted, 1)->epoch;
    rig_stop(rig);
    rig->port = 9999;
    rig_start(rig);
    const struct image_broker *broker = image_broker_by_id(rig->adopted, 1);
    assert_int_equal(broker->endpoints[0].port, 9999);
    assert_true(broker->epoch > epoch);
    assert_int_equal(image_broker_count(rig->adopted), 1);
    rig_stop(rig);
}

static void create_many(struct rig *rig, uint32_t first, uint32_t count)
{
    struct rig_command *commands = calloc(count, sizeof *commands);
    struct controller_topic *topics = calloc(count, sizeof *topics);
    char(*names)[24] = calloc(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "topic.%u", first + i);
        topics[i] = (struct controller_topic){
            .name = bytes_of_text(names[i]), .partition_count = 3, .replication_factor = 1};
        commands[i].command = (struct controller_command){
            .kind = CONTROLLER_CREATE_TOPICS, .topics = &topics[i], .topic_count = 1};
        rig_submit(rig, &commands[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        rig_finish(rig, &commands[i]);
        assert_int_equal(commands[i].result, 0);
        assert_int_equal(topics[i].error, KAFKA_NONE);
    }
    free(names);
    free(topics);
    free(commands);
}

static void test_thousands_of_topics_are_kept_in_snapshots(void **state)
{
    enum { ROUNDS = 10, TOPICS = 200 };
    struct rig *rig = rig_of(state);
    rig_start(rig);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        create_many(rig, i * TOPICS, TOPICS);
        if (i % 4 == 3) {
            uint64_t hash = image_hash(rig->adopted);
            rig_kill(rig);
            rig_start(rig);
            assert_true(image_hash(rig->adopted) == hash);
        }
    }
    assert_non_null(strstr(rig->log, "snapshot of the metadata"));
    assert_int_equal(image_topic_count(rig->adopted), ROUNDS * TOPICS);
    rig_stop(rig);
}

static void test_more_than_the_cap_of_proposals_is_refused_as_busy(void **state)
{
    enum { COUNT = 300 };
    struct rig *rig = rig_of(state);
    struct rig_command *commands = calloc(COUNT, sizeof *commands);
    uint32_t busy = 0;
    rig_start(rig);
    for (uint32_t i = 0; i < COUNT; i++) {
        commands[i].command = (struct controller_command){.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS,
                                                          .producer_id_count = 1};
        rig_submit(rig, &commands[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        rig_finish(rig, &commands[i]);
        busy += commands[i].result == STATUS_BUSY;
    }
    assert_int_equal(busy, COUNT - 256);
    free(commands);
    rig_stop(rig);
}

static void test_stopping_lands_what_waits_as_cancelled(void **state)
{
    struct rig *rig = rig_of(state);
    struct controller_topic topic = {
        .name = bytes_of_text("late"), .partition_count = 1, .replication_factor = 1};
    struct rig_command command = {
        .command = {.kind = CONTROLLER_CREATE_TOPICS, .topics = &topic, .topic_count = 1}};
    rig_start(rig);
    rig_submit(rig, &command);
    rig_stop(rig);
    rig_finish(rig, &command);
    assert_int_equal(command.result, STATUS_CANCELLED);
    rig_start(rig);
    rig_stop(rig);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* `size` is where the last batch ends; behind it there may be space that is reserved. */
static int32_t open_log(struct rig *rig, uint64_t *size)
{
    uint8_t block[4096];
    const uint8_t zeros[sizeof block] = {0};
    struct io_request request = {0};
    char path[600];
    snprintf(path, sizeof path, "%s/metadata-%020d.log", rig->directory, 1);
    io_open(rig->io, &request, path, 0);
    int32_t handle = io_await(rig->io, &request);
    assert_true(handle >= 0);
    io_file_size(rig->io, &request, handle);
    assert_int_equal(io_await(rig->io, &request), 0);
    *size = request.range.size_bytes;
    assert_int_equal(*size % sizeof block, 0);
    for (; *size > 0; *size -= sizeof block) {
        io_read(rig->io, &request, handle, block, sizeof block, *size - sizeof block);
        assert_int_equal(io_await(rig->io, &request), sizeof block);
        if (memcmp(block, zeros, sizeof block) != 0)
            break;
    }
    return handle;
}

static void overwrite(struct rig *rig, int32_t handle, uint64_t offset, const char *text)
{
    struct io_request request = {0};
    io_write(rig->io, &request, handle, text, (uint32_t)strlen(text), offset);
    assert_true(io_await(rig->io, &request) > 0);
    io_close(rig->io, &request, handle);
    (void)io_await(rig->io, &request);
}

static void truncate_to(struct rig *rig, int32_t handle, uint64_t size)
{
    struct io_request request = {0};
    io_truncate(rig->io, &request, handle, size);
    assert_int_equal(io_await(rig->io, &request), 0);
    io_close(rig->io, &request, handle);
    (void)io_await(rig->io, &request);
}

static void test_a_torn_tail_is_cut_and_written_over(void **state)
{
    struct rig *rig = rig_of(state);
    uint64_t size;
    rig_start(rig);
    rig_create_topic(rig, "kept", 1);
    rig_kill(rig);
    int32_t handle = open_log(rig, &size);
    overwrite(rig, handle, size, "half a batch that nobody was told of");
    rig_start(rig);
    assert_non_null(strstr(rig->log, "a torn write at the end of the metadata log is cut off"));
    assert_topic(rig, "kept", 1);
    rig_create_topic(rig, "after", 1);
    rig_kill(rig);
    rig_start(rig);
    assert_topic(rig, "after", 1);
    rig_stop(rig);
}

static void test_damage_below_later_batches_refuses_to_start(void **state)
{
    struct rig *rig = rig_of(state);
    uint64_t size;
    rig_start(rig);
    rig_create_topic(rig, "one", 1);
    rig_create_topic(rig, "two", 1);
    rig_kill(rig);
    int32_t handle = open_log(rig, &size);
    overwrite(rig, handle, size - 2 * 4096 + 50, "rot");
    assert_int_equal(rig_create(rig), STATUS_CORRUPT);
    assert_non_null(strstr(rig->log, "a batch is broken, and later ones follow"));
}

static void test_damage_below_the_mark_of_a_clean_stop_refuses_to_start(void **state)
{
    struct rig *rig = rig_of(state);
    uint64_t size;
    rig_start(rig);
    rig_create_topic(rig, "one", 1);
    rig_stop(rig);
    int32_t handle = open_log(rig, &size);
    overwrite(rig, handle, size - 4096 + 50, "rot");
    assert_int_equal(rig_create(rig), STATUS_CORRUPT);
    assert_non_null(strstr(rig->log, "a batch is broken that was on disk at the last stop"));
}

static void test_a_log_that_lost_its_end_after_a_clean_stop_refuses_to_start(void **state)
{
    struct rig *rig = rig_of(state);
    uint64_t size;
    rig_start(rig);
    rig_create_topic(rig, "one", 1);
    rig_stop(rig);
    int32_t handle = open_log(rig, &size);
    truncate_to(rig, handle, size - 4096);
    assert_int_equal(rig_create(rig), STATUS_CORRUPT);
    assert_non_null(strstr(rig->log, "the log ends before the last stop's mark"));
}

static void test_a_missing_state_file_refuses_to_start(void **state)
{
    struct rig *rig = rig_of(state);
    struct io_request request = {0};
    char path[600];
    rig_start(rig);
    rig_stop(rig);
    snprintf(path, sizeof path, "%s/state", rig->directory);
    io_unlink(rig->io, &request, path);
    assert_int_equal(io_await(rig->io, &request), 0);
    assert_int_equal(rig_create(rig), STATUS_CORRUPT);
}

int controller_suite_run(struct seam_harness *harness)
{
#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, harness                                                      \
    }
#define CASE_SMALL(name)                                                                           \
    {                                                                                              \
#name, name, setup_small_snapshots, teardown, harness                                      \
    }
    const struct CMUnitTest tests[] = {
        CASE(test_a_new_directory_becomes_a_cluster_with_this_broker_in_it),
        CASE(test_a_topic_that_was_answered_stands_in_the_adopted_image),
        CASE(test_topics_grow_and_go),
        CASE(test_of_two_creates_in_flight_one_wins),
        CASE(test_a_command_waits_for_the_adoption_of_its_image),
        CASE(test_producer_ids_are_given_out_once),
        CASE(test_validation_alone_changes_nothing),
        CASE(test_a_restart_finds_the_same_image),
        CASE(test_a_kill_loses_nothing_that_was_answered),
        CASE(test_a_changed_address_is_registered_anew),
        CASE_SMALL(test_thousands_of_topics_are_kept_in_snapshots),
        CASE(test_more_than_the_cap_of_proposals_is_refused_as_busy),
        CASE(test_stopping_lands_what_waits_as_cancelled),
        CASE(test_a_torn_tail_is_cut_and_written_over),
        CASE(test_damage_below_later_batches_refuses_to_start),
        CASE(test_damage_below_the_mark_of_a_clean_stop_refuses_to_start),
        CASE(test_a_log_that_lost_its_end_after_a_clean_stop_refuses_to_start),
        CASE(test_a_missing_state_file_refuses_to_start),
    };
#undef CASE
#undef CASE_SMALL
    return cmocka_run_group_tests_name(harness->name, tests, NULL, NULL);
}
