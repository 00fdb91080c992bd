/* Stories about groups that change their protocol amid a rebalance, and about restarts in between.
 */
#include "consumer-groups/consumer_group.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/migration_story.h"

/* Who waits in the classic group is told to come again. */
static void upgrade_in_a_rebalance(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    struct join_group_call *waiting = migration_begin_join(story, 1, "", "");
    assert_int_equal(migration_take_answers(story), 0);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(waiting->out.error_code, KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(migration_the_group(story)->consumer.members.count, 3);
}

/* Nobody has been told what is his yet, and whoever comes is nobody new: all is dealt out all the
 * same. */
static void static_upgrade_in_a_rebalance(void **state)
{
    struct migration_story *story = *state;
    story->instance = "i";
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->consumer.members.count, 1);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(story->text, "0 1 2 3");
}

/* A cooperative leader gives to nobody, for a generation, what is to change its owner. */
static void static_upgrade_of_half_an_assignment(void **state)
{
    static const uint8_t half[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',  0,    0,    0,   2,
                                   0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    const struct bytes assignment = bytes_of(half, sizeof half);
    struct migration_story *story = *state;
    story->instance = "i";
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    assert_string_equal(migration_sync_group(story, story->member, 1, &assignment), "0 1");
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->consumer.members.count, 1);
    assert_string_equal(story->text, "0 1 2 3");
}

/* A static member of the consumer protocol owns all, and a classic one is to have half of it, which
 * it has not heard. Then the first comes back with the classic protocol: both rebalance. */
static void begin_downgrade(struct migration_story *story, char classic[64])
{
    story->instance = "i";
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    story->instance = NULL;
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    memcpy(classic, story->member, sizeof story->member);
    assert_int_equal(story->epoch, 3);
    assert_string_equal(migration_sync_group(story, classic, 3, NULL), "nothing");
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_NONE);
    story->instance = "i";
    assert_int_equal(migration_join(story, 1, "", ""), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->type, GROUP_CLASSIC);
}

/* What was to be heard after the rebalance is heard, although it does not come to its end. */
static void upgrade_in_the_rebalance_of_a_downgrade(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    begin_downgrade(story, classic);
    assert_int_equal(migration_consumer_beat(story, "newer", 0), KAFKA_NONE);
    assert_int_equal(migration_the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_REBALANCE_IN_PROGRESS);
    story->instance = NULL;
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 4);
    assert_string_equal(migration_sync_group(story, classic, 4, NULL), "2 3");
}

/* The same, when a restart ends the rebalance. */
static void restart_in_the_rebalance_of_a_downgrade(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    begin_downgrade(story, classic);
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(migration_beat(story, classic, 3), KAFKA_ILLEGAL_GENERATION);
    story->instance = NULL;
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 4);
    assert_string_equal(migration_sync_group(story, classic, 4, NULL), "2 3");
}

/* Topics that changed while nobody listened are assigned as if somebody had. */
static void topics_change_in_a_restart(void **state)
{
    struct migration_story *story = *state;
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    table_rig_remove_topic(&story->rig, 1);
    table_rig_add_topic(&story->rig, "t", 9, 2);
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(migration_the_group(story)->consumer.epoch, 3);
    assert_int_equal(migration_consumer_beat_owning(story, "new", 2, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 3);
    assert_string_equal(story->text, "0 1");
}

/* Nothing is lost when all is read again, and the members go on where they were. */
static void restart(void **state)
{
    struct migration_story *story = *state;
    char classic[64];
    migration_begin_classic(story, classic);
    assert_int_equal(migration_consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(migration_join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(migration_sync_group(story, classic, 2, NULL), "0 1");
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(migration_the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(migration_the_group(story)->consumer.classic_count, 1);
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_NONE);
    assert_string_equal(migration_sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(migration_consumer_beat(story, "new", 2), KAFKA_NONE);
    migration_pass(story, MIGRATION_SESSION_MS);
    assert_int_equal(migration_beat(story, classic, 2), KAFKA_UNKNOWN_MEMBER_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(upgrade_in_a_rebalance, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(static_upgrade_in_a_rebalance, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(static_upgrade_of_half_an_assignment, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(upgrade_in_the_rebalance_of_a_downgrade, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(restart_in_the_rebalance_of_a_downgrade, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(topics_change_in_a_restart, migration_set_up,
                                        migration_tear_down),
        cmocka_unit_test_setup_teardown(restart, migration_set_up, migration_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
