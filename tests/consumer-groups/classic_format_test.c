/* Classic groups read from records: of all versions, malformed ones, and when memory is short. */
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/group_story.h"

static struct group_story story;

static struct group_metadata_value_member member_of(const char *id, const char *instance_id)
{
    return (struct group_metadata_value_member){
        .member_id = bytes_of_text(id),
        .group_instance_id =
            instance_id == NULL ? (struct bytes){NULL, 0} : bytes_of_text(instance_id),
        .client_id = bytes_of_text("client"),
        .client_host = bytes_of_text("/host"),
        .rebalance_timeout = 7000,
        .session_timeout = 6000,
        .subscription = bytes_of_text("wish"),
        .assignment = bytes_of_text("share"),
    };
}

static struct group_metadata_value value_of(struct group_metadata_value_member *members,
                                            uint32_t count)
{
    return (struct group_metadata_value){
        .protocol_type = bytes_of_text("consumer"),
        .generation = 5,
        .protocol = bytes_of_text("range"),
        .leader = bytes_of_text("b"),
        .current_state_timestamp = 99,
        .members = members,
        .members_count = count,
    };
}

static enum status restore(const struct group_metadata_value *value)
{
    return classic_restore(&story.group, &story.turn, value);
}

/* Through the bytes of this version. */
static void restore_version(int16_t version, const struct group_metadata_value *value)
{
    struct arena arena;
    struct writer writer;
    struct reader reader;
    struct group_metadata_value decoded;
    arena_init(&arena, 1u << 20);
    writer_init(&writer, &arena);
    group_metadata_value_encode(&writer, version, value);
    assert_int_equal(writer.status, STATUS_OK);
    reader_init(&reader, writer_result(&writer));
    assert_int_equal(group_metadata_value_decode(&reader, version, &arena, &decoded), STATUS_OK);
    assert_int_equal(restore(&decoded), STATUS_OK);
    arena_deinit(&arena);
}

/* Every version is read; what it lacks is as Kafka takes it to be. */
static void test_all_versions_are_read(void **state)
{
    for (int16_t version = 0; version <= 4; version++) {
        struct group_metadata_value_member members[] = {member_of("a", version >= 3 ? "i" : NULL),
                                                        member_of("b", NULL)};
        struct group_metadata_value value = value_of(members, 2);
        group_story_begin(&story);
        restore_version(version, &value);
        const struct classic_group *group = &story.group;
        const struct classic_member *a = classic_find_member(group, bytes_of_text("a"));
        assert_int_equal(group->state, CLASSIC_STABLE);
        assert_int_equal(group->generation, 5);
        assert_int_equal(group->member_count, 2);
        assert_true(bytes_equal_text(group->leader->identity.member_id, "b"));
        assert_true(bytes_equal_text(classic_protocol_name(group), "range"));
        assert_true(bytes_equal_text(a->assignment, "share"));
        assert_true(bytes_equal_text(classic_member_metadata(group, a), "wish"));
        assert_int_equal(a->rebalance_timeout_ms, version >= 1 ? 7000 : 6000);
        assert_int_equal(group->state_since_ms, version >= 2 ? 99 : -1);
        assert_int_equal(classic_member_is_static(a), version >= 3);
        group_story_end(&story);
    }
}

/* An empty group keeps its type and its age; a record without a type is of one that only keeps
 * offsets, whose age does not count. */
static void test_empty_groups_are_read(void **state)
{
    struct group_metadata_value value = value_of(NULL, 0);
    group_story_begin(&story);
    assert_int_equal(restore(&value), STATUS_OK);
    assert_int_equal(story.group.state, CLASSIC_EMPTY);
    assert_int_equal(classic_empty_since_ms(&story.group), 99);
    assert_true(bytes_are_null(classic_protocol_name(&story.group)));
    value.protocol_type = bytes_of_text("");
    assert_int_equal(restore(&value), STATUS_OK);
    assert_int_equal(classic_empty_since_ms(&story.group), -1);
    assert_true(bytes_equal_text(classic_protocol_type(&story.group), ""));
    group_story_end(&story);
}

/* The last record is what counts: nothing is left of the one before. */
static void test_the_last_record_counts(void **state)
{
    struct group_metadata_value_member first[] = {member_of("a", "i"), member_of("b", NULL)};
    struct group_metadata_value_member second[] = {member_of("c", "i")};
    struct group_metadata_value value = value_of(first, 2);
    group_story_begin(&story);
    assert_int_equal(restore(&value), STATUS_OK);
    value = value_of(second, 1);
    value.leader = (struct bytes){NULL, 0};
    assert_int_equal(restore(&value), STATUS_OK);
    assert_int_equal(story.group.member_count, 1);
    assert_null(classic_find(&story.group, bytes_of_text("a")));
    assert_true(bytes_equal_text(story.group.leader->identity.member_id, "c"));
    group_story_end(&story);
}

/* A record that contradicts itself is refused, and nobody is in the group. */
static void test_malformed_records_are_refused(void **state)
{
    struct group_metadata_value_member same_id[] = {member_of("a", NULL), member_of("a", NULL)};
    struct group_metadata_value_member same_instance[] = {member_of("a", "i"), member_of("b", "i")};
    struct group_metadata_value_member no_id[] = {member_of("", NULL)};
    struct group_metadata_value_member no_time[] = {member_of("a", NULL)};
    struct group_metadata_value_member good[] = {member_of("a", NULL)};
    struct group_metadata_value values[] = {value_of(same_id, 2), value_of(same_instance, 2),
                                            value_of(no_id, 1),   value_of(good, 1),
                                            value_of(good, 1),    value_of(no_time, 1)};
    no_time[0].session_timeout = -1;
    values[3].protocol = (struct bytes){NULL, 0};
    values[4].protocol_type = bytes_of_text("");
    group_story_begin(&story);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(restore(&values[i]), STATUS_MALFORMED);
        assert_int_equal(story.group.member_count, 0);
        assert_int_equal(story.group.state, CLASSIC_EMPTY);
        assert_int_equal(story.memory.used_bytes, 0);
    }
    group_story_end(&story);
}

/* However little memory there is, a group is read as a whole or not at all. */
static void test_memory_may_be_short(void **state)
{
    struct group_metadata_value_member members[] = {member_of("a", "i"), member_of("b", NULL)};
    struct group_metadata_value value = value_of(members, 2);
    enum status status = STATUS_NO_MEMORY;
    size_t limit = 0;
    for (; status == STATUS_NO_MEMORY; limit++) {
        group_story_begin(&story);
        story.memory.limit_bytes = limit;
        status = restore(&value);
        assert_int_equal(story.group.member_count, status == STATUS_OK ? 2 : 0);
        assert_true(status == STATUS_OK || story.memory.used_bytes == 0);
        story.memory.limit_bytes = 1u << 20;
        group_story_end(&story);
    }
    assert_int_equal(status, STATUS_OK);
    assert_in_range(limit, 200, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_versions_are_read),
        cmocka_unit_test(test_empty_groups_are_read),
        cmocka_unit_test(test_the_last_record_counts),
        cmocka_unit_test(test_malformed_records_are_refused),
        cmocka_unit_test(test_memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
