/* A consumer group from records that say what no broker would write: those that cannot be are
 * passed over, and the members come to a common assignment again whatever is missing then. */
#include "consumer-groups/consumer_group.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/consumer_rig.h"

#include <string.h>

enum { ROUNDS_MAX = 8 };

enum field {
    GROUP_EPOCH,
    TARGET_EPOCH,
    MEMBER_EPOCH, /* of both members */
    PREVIOUS_EPOCH,
    PARTITION_EPOCH,
    STATE,
};

struct damage {
    enum field field;
    int32_t value;
    bool is_malformed;
};

static void alter_current(struct consumer_group_current_member_assignment_value *value,
                          const struct damage *damage)
{
    if (damage->field == MEMBER_EPOCH)
        value->member_epoch = damage->value;
    else if (damage->field == PREVIOUS_EPOCH)
        value->previous_member_epoch = damage->value;
    else if (damage->field == STATE)
        value->state = (int8_t)damage->value;
    else if (damage->field == PARTITION_EPOCH)
        for (uint32_t t = 0; t < value->assigned_partitions_count; t++)
            for (uint32_t p = 0; p < value->assigned_partitions[t].assignment_epochs_count; p++)
                value->assigned_partitions[t].assignment_epochs[p] = damage->value;
}

static void alter(struct group_record_view *view, const void *how)
{
    const struct damage *damage = how;
    if (view->is_tombstone)
        return;
    if (view->kind == GROUP_RECORD_CONSUMER && damage->field == GROUP_EPOCH)
        view->consumer.epoch = damage->value;
    else if (view->kind == GROUP_RECORD_CONSUMER_TARGET_EPOCH && damage->field == TARGET_EPOCH)
        view->target_epoch.assignment_epoch = damage->value;
    else if (view->kind == GROUP_RECORD_CONSUMER_CURRENT)
        alter_current(&view->current, damage);
}

struct client {
    struct beat beat;
    struct heard heard;
};

/* It begins anew when it is fenced, and tells what it owns otherwise. */
static void beat(struct consumer_rig *rig, struct client *client)
{
    struct beat again = client->beat;
    again.epoch = client->heard.epoch;
    again.tells_owned = again.epoch > 0;
    again.owned = client->heard.assigned;
    again.owned.items = client->heard.items;
    struct heard heard;
    consumer_rig_beat(rig, &again, &heard);
    if (heard.error_code != KAFKA_NONE) {
        assert_int_equal(heard.error_code, KAFKA_FENCED_MEMBER_EPOCH);
        client->heard = (struct heard){.epoch = 0};
        return;
    }
    client->heard.epoch = heard.epoch;
    if (!heard.has_assignment)
        return;
    client->heard = heard;
}

static void settle(struct consumer_rig *rig, struct client clients[2], const struct damage *damage)
{
    for (int round = 0; round < ROUNDS_MAX; round++)
        for (int i = 0; i < 2; i++)
            beat(rig, &clients[i]);
    if (clients[0].heard.assigned.count != 2 || clients[1].heard.assigned.count != 2 ||
        consumer_state(&rig->group) != CONSUMER_GROUP_STABLE)
        fail_msg("field %d as %d: %s", damage->field, damage->value,
                 consumer_rig_show_group(rig, &rig->group));
}

static void survive(const struct damage *damage)
{
    struct consumer_rig rig;
    struct client clients[] = {{.beat = {.member = "a", .topics = "orders"}},
                               {.beat = {.member = "b", .topics = "orders"}}};
    consumer_rig_init(&rig, "orders:4");
    settle(&rig, clients, damage);
    uint32_t malformed_count = consumer_rig_reload(&rig, alter, damage);
    assert_int_equal(malformed_count > 0, damage->is_malformed);
    settle(&rig, clients, damage);
    consumer_rig_deinit(&rig);
}

/* Epochs that cannot be, and such that do not fit to each other. */
static void damaged_epochs(void **state)
{
    (void)state;
    static const struct damage table[] = {
        {GROUP_EPOCH, 0, false},
        {GROUP_EPOCH, 1, false},
        {GROUP_EPOCH, 1 << 30, false},
        {GROUP_EPOCH, -1, true},
        {GROUP_EPOCH, INT32_MAX, true},
        {GROUP_EPOCH, INT32_MIN, true},
        {TARGET_EPOCH, 0, false},
        {TARGET_EPOCH, 1 << 30, false},
        {TARGET_EPOCH, -1, true},
        {TARGET_EPOCH, INT32_MAX, true},
        {MEMBER_EPOCH, 0, false},
        {MEMBER_EPOCH, 1, false},
        {MEMBER_EPOCH, 9, false},
        {MEMBER_EPOCH, 1 << 30, false},
        {MEMBER_EPOCH, INT32_MAX, true},
        {MEMBER_EPOCH, -1, true},
        {MEMBER_EPOCH, -3, true},
        {MEMBER_EPOCH, -2, false},
        {PREVIOUS_EPOCH, INT32_MAX, true},
        {PREVIOUS_EPOCH, 9, false},
        {PREVIOUS_EPOCH, -3, true},
        {PARTITION_EPOCH, -1, true},
        {PARTITION_EPOCH, INT32_MAX, true},
        {PARTITION_EPOCH, 9, false},
        {STATE, 3, true},
        {STATE, -1, true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        survive(&table[i]);
}

static void alter_patience(struct group_record_view *view, const void *how)
{
    if (!view->is_tombstone && view->kind == GROUP_RECORD_CONSUMER_MEMBER)
        view->member.rebalance_timeout_ms = *(const int32_t *)how;
}

/* A member that is recorded with less than no time for a rebalance has none. */
static void damaged_patience(void **state)
{
    static const int32_t patience[] = {INT32_MIN, -1};
    (void)state;
    for (size_t i = 0; i < sizeof patience / sizeof patience[0]; i++) {
        struct consumer_rig rig;
        struct heard heard;
        consumer_rig_init(&rig, "orders:4");
        consumer_rig_beat(&rig, &(struct beat){.member = "a", .topics = "orders"}, &heard);
        assert_int_equal(consumer_rig_reload(&rig, alter_patience, &patience[i]), 0);
        const struct consumer_member *member = consumer_member_find(&rig.group, bytes_of_text("a"));
        assert_non_null(member);
        assert_int_equal(member->rebalance_timeout_ms, 0);
        consumer_rig_deinit(&rig);
    }
}

static void alter_expression(struct group_record_view *view, const void *how)
{
    const enum group_record_kind *kind = how;
    if (view->is_tombstone || view->kind != *kind)
        return;
    if (view->kind == GROUP_RECORD_CONSUMER_PATTERN)
        view->pattern = bytes_of_text("ord(ers");
    else if (view->member.subscribed_topic_regex.size > 0)
        view->member.subscribed_topic_regex = bytes_of_text("ord(ers");
}

/* An expression that nobody can match is passed over, whether a member has it or it stands for
 * itself: the group is read all the same. */
static void damaged_expressions(void **state)
{
    static const enum group_record_kind kinds[] = {GROUP_RECORD_CONSUMER_MEMBER,
                                                   GROUP_RECORD_CONSUMER_PATTERN};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct consumer_rig rig;
        struct heard heard;
        consumer_rig_init(&rig, "orders:4");
        consumer_rig_beat(&rig, &(struct beat){.member = "a", .pattern = "ord.*"}, &heard);
        consumer_rig_beat(&rig, &(struct beat){.member = "b", .topics = "orders"}, &heard);
        assert_true(consumer_rig_reload(&rig, alter_expression, &kinds[i]) > 0);
        assert_int_equal(consumer_member_find(&rig.group, bytes_of_text("a")) == NULL, i == 0);
        assert_non_null(consumer_member_find(&rig.group, bytes_of_text("b")));
        assert_null(consumer_pattern_find(&rig.group, bytes_of_text("ord(ers")));
        consumer_rig_deinit(&rig);
    }
}

/* An expression whose program finds no memory, for which one stands here that has none, waits, and
 * the turn goes on; whoever asks again in the same turn finds nothing half made. */
static void expression_without_program(void **state)
{
    (void)state;
    struct consumer_rig rig;
    struct heard heard;
    consumer_rig_init(&rig, "orders:4");
    consumer_rig_beat(&rig, &(struct beat){.member = "a", .topics = "orders"}, &heard);
    struct consumer_pattern *pattern =
        consumer_pattern_create(&rig.group, &rig.memory, bytes_of_text("ord(ers"));
    assert_non_null(pattern);
    for (int i = 0; i < 2; i++) {
        assert_false(consumer_patterns_advance(&rig.group, &rig.turn));
        assert_int_equal(rig.writer.status, STATUS_OK);
        assert_null(pattern->matching);
        assert_true(pattern->resolved_ms > rig.turn.now_ms);
    }
    group_writer_reset(&rig.writer);
    consumer_rig_deinit(&rig);
}

/* Without damage nobody notices. */
static void undamaged(void **state)
{
    (void)state;
    static const struct damage none = {STATE, MEMBER_STABLE, false};
    survive(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undamaged),
        cmocka_unit_test(damaged_epochs),
        cmocka_unit_test(damaged_patience),
        cmocka_unit_test(damaged_expressions),
        cmocka_unit_test(expression_without_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
