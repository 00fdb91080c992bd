/* Stories about groups with members of both protocols: up, side by side, and down. */
#include "consumer-groups/classic_member.h"
#include "consumer-groups/consumer_group.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/migration_story.h"

/* The classic member gives up half of what it has when it joins again, and hears the rest. */
static void side_by_side(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(story->text, "");
    assert_int_equal(migration_the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(migration_commit(story, classic, 1), KAFKA_NONE);
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    assert_string_equal(migration_sync_group(story, classic, 1, NULL), "REBALANCE_IN_PROGRESS");

    /* It still owns all, and is to give up two. */
    assert_int_equal(migration_join(story, 0, classic, "0123"), KAFKA_NONE);
    assert_int_equal(story->epoch, 1);
    assert_string_equal(migration_sync_group(story, classic, 1, NULL), "0 1");
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "");

    /* It has. */
    assert_int_equal(migration_join(story, 0, classic, "01"), KAFKA_NONE);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(migration_sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_NONE);
    /* It may be late with what it has had all along, and with nothing else. */
    assert_int_equal(migration_commit_of(story, classic, 1, 1), KAFKA_NONE);
    assert_int_equal(migration_commit_of(story, classic, 1, 2), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(migration_commit_of(story, classic, 0, 1), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(migration_commit_of(story, classic, 3, 1), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(migration_commit_of(story, classic, 2, 2), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "2 3");
}

/* The last member of the consumer protocol leaves: the others rebalance as a classic group. What
 * they have processed by then they may commit at the epoch that they know. */
static void downgrade(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(migration_sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(migration_consumer_beat(story, "new", -1), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(migration_commit(story, classic, 2), KAFKA_NONE);
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 3);
    table_rig_reload(&story->rig);
    assert_int_equal(migration_the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(classic_is_empty(&migration_the_group(story)->classic), false);
}

/* Its session ends, which is the same. */
static void downgrade_by_time(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    for (int64_t passed_ms = 0; passed_ms < 45000; passed_ms += 5000) {
        assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
        assert_string_equal(migration_sync_group(story, classic, 2, NULL), "0 1");
        migration_pass(story, 5000);
    }
    assert_int_equal(migration_the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(migration_commit(story, classic, 2), KAFKA_NONE);
}

/* Its own session timeout, and its rebalance timeout once it is told to join, take it out. */
static void classic_timeouts(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    migration_pass(story, MIGRATION_SESSION_MS - 1);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    for (int i = 0; i < 5; i++) {
        migration_pass(story, 5000);
        assert_int_equal(migration_beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
        assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    }
    migration_pass(story, 5000); /* MIGRATION_REBALANCE_MS since it was told */
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");

    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    char again[64];
    memcpy(again, story->member, sizeof again);
    migration_pass(story, MIGRATION_SESSION_MS - 1);
    assert_int_equal(migration_beat(story, again, story->epoch), KAFKA_NONE);
    migration_pass(story, MIGRATION_SESSION_MS);
    assert_int_equal(migration_beat(story, again, story->epoch), KAFKA_UNKNOWN_MEMBER_ID);
}

/* A member that allows less than no time for a rebalance has none: its deadline is now, and not
 * before the beginning of time. The others go on. */
static void less_than_no_time(void **state)
{
    struct migration_story *story = *state;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    story->rebalance_ms = INT32_MIN;
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(migration_beat(story, story->member, story->epoch), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->consumer.members.count, 1);
}

/* A classic member that comes later has nothing, until the other has confirmed that it gave its
 * share up; then it is told to fetch it. */
static void waiting_for_others(void **state)
{
    struct migration_story *story = *state;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    char classic[64];
    memcpy(classic, story->member, sizeof classic);
    assert_int_equal(story->epoch, 3);
    assert_string_equal(migration_sync_group(story, classic, 3, NULL), "nothing");
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "0 1");
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat_owning(story, "new", 2, "01"), KAFKA_NONE);
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(migration_sync_group(story, classic, 3, NULL), "2 3");
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_NONE);
    /* All is said and done: only silence ends its membership now. */
    for (int64_t passed_ms = 0; passed_ms <= MIGRATION_REBALANCE_MS; passed_ms += 5000) {
        migration_pass(story, 5000);
        assert_int_equal(migration_beat(story, classic, 3), KAFKA_NONE);
    }
}

/* What the group was is taken back in the log before what it becomes is written: a compaction may
 * leave either alone. */
static void records(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    table_rig_records(&story->rig);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_memory_equal(table_rig_records(&story->rig), "group g=- group g=+ ", 20);
    assert_int_equal(migration_consumer_beat(story, "new", -1), KAFKA_NONE);
    /* The member that leaves, what is left of the group, the classic group. */
    assert_string_equal(table_rig_records(&story->rig),
                        "group g=- group g=- group g=- "
                        "group g=- group g=- group g=- group g=- group g=- group g=+ ");
}

/* The assignor of the classic group may have given a partition to two: one of them keeps it. */
static void given_twice(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    struct join_group_call *second = migration_begin_join(story, 1, "", "");
    struct join_group_call *first = migration_begin_join(story, 0, classic, "");
    assert_int_equal(migration_take_answers(story), 2);
    struct group *group = group_table_find(&story->rig.table, bytes_of_text("g"));
    struct classic_member *other = classic_find_member(&group->classic, second->out.member_id);
    struct classic_member *member = classic_find_member(&group->classic, first->out.member_id);
    static const uint8_t one[] = {0, 1, 0, 0, 0, 1, 0,    1,    't',  0,   0,
                                  0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
    assert_true(classic_member_assign(&story->rig.memory, member, bytes_of(one, sizeof one)));
    assert_true(classic_member_assign(&story->rig.memory, other, bytes_of(one, sizeof one)));
    assert_true(group_upgrade(group, &story->rig.turn));
    assert_int_equal(group->consumer.owners.map.count, 1);
    uint32_t count = 0;
    const struct consumer_member *owner;
    list_for_each_entry (owner, &group->consumer.order, order_node)
        count += owner->position.assigned.count;
    assert_int_equal(count, 1);
    migration_take_answers(story);
}

/* A static member comes back with the other protocol, and back again: it keeps what it has. */
static void static_member(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    story->instance = "i";
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    assert_int_equal(migration_the_group(story)->consumer.members.count, 1);
    assert_int_equal(migration_the_group(story)->consumer.classic_count, 0);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(migration_join(story, 0, "nobody", ""), KAFKA_FENCED_INSTANCE_ID);

    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(story->epoch, 1);
    assert_string_equal(migration_sync_group(story, story->member, 1, NULL), "0 1 2 3");
    assert_int_equal(migration_beat(story, story->member, 1), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat(story, "new", 1), KAFKA_GROUP_ID_NOT_FOUND);
}

/* Who was given an id while the group was empty joins the group that it has become. */
static void id_for_later(void **state)
{
    struct migration_story *story = *state;
    story->asks_for_id = true;
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_MEMBER_ID_REQUIRED);
    char classic[64];
    memcpy(classic, story->member, sizeof classic);
    story->rig.settings.may_upgrade = false;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(story->member, classic);
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_MEMBER_ID_REQUIRED);
    assert_int_equal(migration_the_group(story)->consumer.members.count, 2);
}

/* Who has joined must sync within its rebalance timeout. */
static void sync_timeout(void **state)
{
    struct migration_story *story = *state;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    int32_t epoch = story->epoch;
    for (int i = 0; i < 5; i++) {
        migration_pass(story, 5000);
        assert_int_not_equal(migration_beat(story, story->member, epoch), KAFKA_UNKNOWN_MEMBER_ID);
    }
    migration_pass(story, 5000);
    assert_int_equal(migration_beat(story, story->member, epoch), KAFKA_UNKNOWN_MEMBER_ID);
}

/* A member leaves by LeaveGroup; one of the consumer protocol cannot. */
static void leaving(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_leave_group(story, "new"), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(migration_leave_group(story, classic), KAFKA_NONE);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
}

/* Without the policy nothing migrates, in either direction. */
static void policy(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    story->rig.settings.may_upgrade = false;
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_NONE);
    story->rig.settings.may_upgrade = true;
    story->rig.settings.may_downgrade = false;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat(story, "new", -1), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
}

/* A request that is refused leaves the classic group what it is. */
static void refused(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, classic, 0), KAFKA_FENCED_MEMBER_EPOCH);
    assert_int_equal(migration_consumer_beat(story, "", 0), KAFKA_INVALID_REQUEST);
    assert_int_equal(migration_consumer_beat(story, "new", 1), KAFKA_GROUP_ID_NOT_FOUND);
    story->rig.settings.consumer_size_max = 1;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(migration_beat(story, classic, 1), KAFKA_NONE);
    story->rig.settings.consumer_size_max = 100;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    story->rig.settings.consumer_size_max = 2;
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_GROUP_MAX_SIZE_REACHED);
    story->rig.settings.session_timeout_ms_min = MIGRATION_SESSION_MS + 1;
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_INVALID_SESSION_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(side_by_side, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(downgrade, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(downgrade_by_time, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(classic_timeouts, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(less_than_no_time, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(waiting_for_others, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(records, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(static_member, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(id_for_later, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(given_twice, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(sync_timeout, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(leaving, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(policy, migration_set_up, migration_tear_down),
        cmocka_unit_test_setup_teardown(refused, migration_set_up, migration_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
