/* What is done with offsets, and with groups that only keep offsets: as tables and short stories.
 */
#include "consumer-groups/group_offsets_core.h"
#include "consumer-groups/group_view_core.h"

#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/table_rig.h"

#include <stdlib.h>

static int set_up(void **state)
{
    struct table_rig *rig = calloc(1, sizeof *rig);
    table_rig_init(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    table_rig_deinit(*state);
    free(*state);
    return 0;
}

static void commit(struct table_rig *rig, const char *group, const char *topic, int32_t partition,
                   int64_t offset)
{
    const struct rig_commit wish = {
        .group = group,
        .topic = topic,
        .partition = partition,
        .offset = offset,
    };
    assert_int_equal(table_rig_commit(rig, &wish), KAFKA_NONE);
}

/* --- Commit ----------------------------------------------------------------------------------- */

struct commit_row {
    struct rig_commit commit;
    int16_t error;
    const char *records;
};

/* Checks come in Kafka's order: the partition, then the group, then what was sent along. */
static const struct commit_row commit_rows[] = {
    {{"g", "t", 0, 0, 5}, KAFKA_NONE, "g/t/0=5 "},
    {{"g", "t", 0, 0, 3}, KAFKA_NONE, "g/t/0=3 "},
    {{"g", NULL, 1, 1, 6, .version = 10}, KAFKA_NONE, "g/t/1=6 "},
    {{"g", "t", 0, 4, 1}, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, ""},
    {{"g", "t", 0, -1, 1}, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, ""},
    {{"g", "none", 0, 0, 1}, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, ""},
    {{"g", NULL, 9, 0, 1, .version = 10}, KAFKA_UNKNOWN_TOPIC_ID, ""},
    {{"g", "t", 0, 0, 1, "0123456789"}, KAFKA_NONE, "g/t/0=1 "},
    {{"g", "t", 0, 0, 1, "0123456789a"}, KAFKA_OFFSET_METADATA_TOO_LARGE, ""},
    {{"g", "t", 0, 0, 1, .is_member = true}, KAFKA_UNKNOWN_MEMBER_ID, ""},
    {{"g", "none", 0, 0, 1, .is_member = true}, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, ""},
    {{"new", "t", 0, 0, 1, .is_member = true}, KAFKA_ILLEGAL_GENERATION, ""},
    {{"new", "t", 0, 0, 1, .version = 9, .is_member = true}, KAFKA_GROUP_ID_NOT_FOUND, ""},
    {{"", "t", 0, 0, 1}, KAFKA_NONE, "/t/0=1 "},
};

static void commits_are_judged_in_kafkas_order(void **state)
{
    struct table_rig *rig = *state;
    for (size_t i = 0; i < sizeof commit_rows / sizeof *commit_rows; i++) {
        assert_int_equal(table_rig_commit(rig, &commit_rows[i].commit), commit_rows[i].error);
        assert_string_equal(table_rig_records(rig), commit_rows[i].records);
    }
    assert_null(group_table_find(&rig->table, bytes_of_text("new")));
    assert_int_equal(rig->table.offset_count, 3);
}

/* A commit that no batch could hold is refused as a whole, and nothing has changed. */
static void a_commit_that_is_too_large_changes_nothing(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    rig->turn.batch_bytes_max = 150;
    const struct rig_commit wish = {.group = "g", .topic = "t", .offset = 6, .metadata = "0123"};
    assert_int_equal(table_rig_commit(rig, &wish), KAFKA_INVALID_COMMIT_OFFSET_SIZE);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), 5);
    assert_string_equal(table_rig_records(rig), "g/t/0=5 ");
}

/* Without memory a commit is refused so that the client comes again, and nothing is written. */
static void a_commit_needs_memory(void **state)
{
    struct table_rig *rig = *state;
    const struct rig_commit wish = {.group = "g", .topic = "t", .offset = 6};
    rig->memory.limit_bytes = 0;
    assert_int_equal(table_rig_commit(rig, &wish), KAFKA_COORDINATOR_NOT_AVAILABLE);
    rig->memory.limit_bytes = sizeof(struct group) + 8;
    assert_int_equal(table_rig_commit(rig, &wish), KAFKA_COORDINATOR_NOT_AVAILABLE);
    assert_string_equal(table_rig_records(rig), "");
    assert_int_equal(rig->table.groups.count, 0);
}

/* --- Topics ----------------------------------------------------------------------------------- */

/* Of a topic that was deleted and made anew there are no offsets, whether or not anybody was told
 * of the deletion. */
static void offsets_of_a_former_topic_do_not_apply(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    commit(rig, "g", "t", 1, 6);
    table_rig_remove_topic(rig, 1);
    table_rig_add_topic(rig, "t", 7, 4);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), -1);
    commit(rig, "g", "t", 0, 1);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), 1);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 1), -1);
    table_rig_reload(rig);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), 1);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 1), -1);
}

/* --- A round over all groups ------------------------------------------------------------------ */

/* How many turns it takes. */
static uint32_t go_round(struct table_rig *rig, bool ages)
{
    uint32_t turns = 1;
    uint32_t left = GROUP_PORTION_OFFSETS;
    struct group *group;
    struct group *following;
    list_for_each_entry_safe (group, following, &rig->table.order, order_node) {
        while (!group_offsets_expire(&rig->table, &rig->turn, group, ages, &left)) {
            turns++;
            left = GROUP_PORTION_OFFSETS;
        }
        if (left == 0)
            left = GROUP_PORTION_OFFSETS;
    }
    return turns;
}

static void expire_all(struct table_rig *rig)
{
    assert_int_equal(go_round(rig, true), 1);
}

/* A topic takes its offsets with it, but not those of the one that has its name now; groups stay,
 * and what is too old stays until its own round. */
static void a_deleted_topic_takes_its_offsets(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    commit(rig, "g", "u", 0, 6);
    commit(rig, "h", "t", 3, 7);
    table_rig_records(rig);
    rig->turn.wall_ms += 100000;
    table_rig_remove_topic(rig, 1);
    assert_int_equal(go_round(rig, false), 1);
    assert_string_equal(table_rig_records(rig), "g/t/0=- h/t/3=- ");
    assert_int_equal(rig->table.groups.count, 2);
    table_rig_add_topic(rig, "t", 7, 4);
    commit(rig, "g", "t", 0, 8);
    assert_int_equal(go_round(rig, false), 1);
    assert_string_equal(table_rig_records(rig), "g/t/0=8 ");
    assert_int_equal(rig->table.offset_count, 2);
}

/* The broker was down when the topic was deleted and made anew: the round finds it all the same. */
static void what_was_deleted_meanwhile_is_found(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    table_rig_remove_topic(rig, 1);
    table_rig_add_topic(rig, "t", 7, 4);
    table_rig_reload(rig);
    table_rig_records(rig);
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/t/0=- ");
    assert_int_equal(rig->table.groups.count, 0);
}

/* --- Expiry ----------------------------------------------------------------------------------- */

/* Each offset of a group without members expires by its own age, and the last takes the group with
 * it. */
static void offsets_expire_by_their_age(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    rig->turn.wall_ms += 600;
    commit(rig, "g", "t", 1, 6);
    table_rig_records(rig);
    rig->turn.wall_ms += 399;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "");
    rig->turn.wall_ms += 1;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/t/0=- ");
    assert_int_equal(rig->table.groups.count, 1);
    rig->turn.wall_ms += 600;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/t/1=- ");
    assert_int_equal(rig->table.groups.count, 0);
    assert_int_equal(rig->table.offset_count, 0);
}

/* An old client may have said how long; that counts instead, and survives a restart. */
static void a_client_may_say_how_long(void **state)
{
    struct table_rig *rig = *state;
    const struct rig_commit shorter = {"g", "t", .version = 4, .retention_ms = 10};
    const struct rig_commit longer = {"g", "u", .version = 4, .retention_ms = 5000};
    const struct rig_commit forever = {"g", "u", .partition = 1, .version = 4,
                                       .retention_ms = INT64_MAX};
    assert_int_equal(table_rig_commit(rig, &shorter), KAFKA_NONE);
    assert_int_equal(table_rig_commit(rig, &longer), KAFKA_NONE);
    assert_int_equal(table_rig_commit(rig, &forever), KAFKA_NONE);
    table_rig_reload(rig);
    table_rig_records(rig);
    rig->turn.wall_ms += 10;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/t/0=- ");
    rig->turn.wall_ms += 4989;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "");
    rig->turn.wall_ms += 1;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/u/0=- ");
}

/* The wall clock may be wrong in either direction without a number running over. */
static void a_wrong_clock_does_no_harm(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    table_rig_records(rig);
    rig->turn.wall_ms = INT64_MIN;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "");
    rig->turn.wall_ms = INT64_MAX;
    expire_all(rig);
    assert_string_equal(table_rig_records(rig), "g/t/0=- ");
}

/* --- Deleting --------------------------------------------------------------------------------- */

/* --- Groups with very many offsets ------------------------------------------------------------ */

enum { MANY_PARTITIONS = 2 * GROUP_PORTION_OFFSETS + 500 };

static void commit_many(struct table_rig *rig, const char *group)
{
    table_rig_add_topic(rig, "many", 9, MANY_PARTITIONS);
    for (int32_t i = 0; i < MANY_PARTITIONS; i++)
        commit(rig, group, "many", i, i);
}

static uint32_t take_records(struct table_rig *rig)
{
    struct group_record *record;
    uint32_t count = 0;
    while ((record = group_writer_first(&rig->writer)) != NULL) {
        assert_true(record->ends_turn);
        group_writer_take(&rig->writer, record);
        count++;
    }
    return count;
}

/* No turn puts more than a portion, whose records need no batch in common. */
static void many_offsets_expire_in_portions(void **state)
{
    struct table_rig *rig = *state;
    commit_many(rig, "g");
    take_records(rig);
    rig->turn.wall_ms += 1000;
    assert_int_equal(go_round(rig, true), 3);
    assert_int_equal(take_records(rig), MANY_PARTITIONS);
    assert_int_equal(rig->table.groups.count, 0);
}

static void begin_deletion(struct table_rig *rig, struct delete_group_call *call, const char *group)
{
    *call = (struct delete_group_call){.group_id = bytes_of_text(group)};
    list_node_init(&call->call.node);
    call->call.kind = GROUP_CALL_DELETE;
    call->call.arena = &rig->arena;
    group_table_serve(&rig->table, &rig->turn, &call->call);
}

/* Nobody is told that it is done before it is, nor anything else about the group meanwhile. */
static void many_offsets_are_deleted_in_portions(void **state)
{
    struct table_rig *rig = *state;
    struct delete_group_call call;
    const struct rig_commit other = {.group = "g", .topic = "t"};
    commit_many(rig, "g");
    take_records(rig);
    begin_deletion(rig, &call, "g");
    assert_true(list_is_empty(&rig->turn.answered));
    assert_int_equal(take_records(rig), GROUP_PORTION_OFFSETS);
    assert_int_equal(table_rig_commit(rig, &other), KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(table_rig_fetch(rig, "g", "many", 0), -1 - KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    commit(rig, "h", "t", 0, 1);
    assert_int_equal(take_records(rig), 1);
    group_delete_more(&rig->table, &rig->turn);
    assert_true(list_is_empty(&rig->turn.answered));
    group_delete_more(&rig->table, &rig->turn);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    assert_int_equal(call.error_code, KAFKA_NONE);
    assert_true(list_is_empty(&rig->table.leaving));
    assert_int_equal(take_records(rig), MANY_PARTITIONS - GROUP_PORTION_OFFSETS);
    assert_int_equal(table_rig_fetch(rig, "g", "many", 0), -1);
    assert_int_equal(rig->table.offset_count, 1);
}

/* A restart in the middle leaves a group with fewer offsets, which can be deleted again. */
static void a_deletion_cut_short_is_begun_anew(void **state)
{
    struct table_rig *rig = *state;
    struct delete_group_call call;
    commit_many(rig, "g");
    begin_deletion(rig, &call, "g");
    group_table_drop_calls(&rig->table, &rig->turn, KAFKA_NOT_COORDINATOR);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    assert_int_equal(call.error_code, KAFKA_NOT_COORDINATOR);
    table_rig_reload(rig);
    assert_int_equal(rig->table.offset_count, MANY_PARTITIONS - GROUP_PORTION_OFFSETS);
    begin_deletion(rig, &call, "g");
    while (!list_is_empty(&rig->table.leaving))
        group_delete_more(&rig->table, &rig->turn);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    assert_int_equal(call.error_code, KAFKA_NONE);
    table_rig_reload(rig);
    group_table_restored(&rig->table, &rig->turn);
    assert_int_equal(rig->table.groups.count, 0);
}

/* Whoever asked has gone: the deletion goes on without. */
static void a_deletion_goes_on_for_nobody(void **state)
{
    struct table_rig *rig = *state;
    struct delete_group_call call;
    commit_many(rig, "g");
    begin_deletion(rig, &call, "g");
    group_table_abandon(&rig->table, &rig->turn, &call.call);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    while (!list_is_empty(&rig->table.leaving))
        group_delete_more(&rig->table, &rig->turn);
    assert_true(list_is_empty(&rig->turn.answered));
    assert_int_equal(rig->table.groups.count, 0);
}

static int16_t delete_group(struct table_rig *rig, const char *group)
{
    struct delete_group_call call = {.group_id = bytes_of_text(group)};
    table_rig_serve(rig, &call.call, GROUP_CALL_DELETE, 2);
    return call.error_code;
}

/* A group goes with all it has; each record may go into another batch. */
static void a_group_goes_with_its_offsets(void **state)
{
    struct table_rig *rig = *state;
    commit(rig, "g", "t", 0, 5);
    commit(rig, "g", "t", 3, 6);
    table_rig_records(rig);
    assert_int_equal(delete_group(rig, "g"), KAFKA_NONE);
    struct group_record *record;
    list_for_each_entry (record, &rig->writer.records, node)
        assert_true(record->ends_turn);
    assert_string_equal(table_rig_records(rig), "g/t/0=- g/t/3=- ");
    assert_int_equal(delete_group(rig, "g"), KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(rig->table.offset_count, 0);
}

static int16_t delete_offset(struct table_rig *rig, const char *group, int32_t index,
                             int16_t *partition_error)
{
    struct offset_delete_request_partition partition = {.partition_index = index};
    struct offset_delete_request_topic topic = {
        .name = bytes_of_text("t"),
        .partitions = &partition,
        .partitions_count = 1,
    };
    const struct offset_delete_request in = {
        .group_id = bytes_of_text(group),
        .topics = &topic,
        .topics_count = 1,
    };
    struct offset_delete_call call = {.in = &in};
    table_rig_serve(rig, &call.call, GROUP_CALL_OFFSET_DELETE, 0);
    *partition_error =
        call.out.topics_count == 0 ? -1 : call.out.topics[0].partitions[0].error_code;
    return call.out.error_code;
}

static void offsets_go_one_by_one(void **state)
{
    struct table_rig *rig = *state;
    int16_t error;
    commit(rig, "g", "t", 0, 5);
    table_rig_records(rig);
    assert_int_equal(delete_offset(rig, "none", 0, &error), KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(delete_offset(rig, "g", 9, &error), KAFKA_NONE);
    assert_int_equal(error, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(delete_offset(rig, "g", 1, &error), KAFKA_NONE);
    assert_int_equal(error, KAFKA_NONE);
    assert_string_equal(table_rig_records(rig), "");
    assert_int_equal(delete_offset(rig, "g", 0, &error), KAFKA_NONE);
    assert_string_equal(table_rig_records(rig), "g/t/0=- ");
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), -1);
}

/* --- Members ---------------------------------------------------------------------------------- */

static void join(struct table_rig *rig, struct join_group_call *call,
                 const struct join_group_request *in)
{
    *call = (struct join_group_call){.in = in};
    call->call = (struct group_call){
        .kind = GROUP_CALL_JOIN,
        .client_id = bytes_of_text("c"),
        .client_host = bytes_of_text("/h"),
        .arena = &rig->arena,
    };
    list_node_init(&call->call.node);
    group_table_serve(&rig->table, &rig->turn, &call->call);
}

/* Time ends the delay of a join; a member keeps its group's offsets, and from strangers' commits;
 * when its session is over the group is empty, and when its offsets are over it is gone. */
static void members_keep_a_group(void **state)
{
    struct table_rig *rig = *state;
    struct join_group_request_protocol protocol = {
        .name = bytes_of_text("range"),
        .metadata = bytes_of_text(""),
    };
    const struct join_group_request in = {
        .group_id = bytes_of_text("g"),
        .session_timeout_ms = 6000,
        .rebalance_timeout_ms = 6000,
        .member_id = bytes_of_text(""),
        .protocol_type = bytes_of_text("connect"),
        .protocols = &protocol,
        .protocols_count = 1,
    };
    struct join_group_call call;
    const struct rig_commit strange = {.group = "g", .topic = "t", .offset = 9};
    rig->turn.fresh_id = (struct uuid){{5}};
    commit(rig, "g", "t", 0, 5);
    join(rig, &call, &in);
    assert_int_equal(group_table_deadline_ms(&rig->table), rig->turn.now_ms);
    group_table_tick(&rig->table, &rig->turn, 1);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    assert_int_equal(call.out.error_code, KAFKA_NONE);
    assert_int_equal(table_rig_commit(rig, &strange), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(delete_group(rig, "g"), KAFKA_NON_EMPTY_GROUP);
    rig->turn.wall_ms += 2000;
    expire_all(rig);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), 5);
    rig->turn.now_ms = group_table_deadline_ms(&rig->table);
    assert_in_range(rig->turn.now_ms, 6000, 13000);
    group_table_tick(&rig->table, &rig->turn, 1);
    assert_int_equal(group_table_deadline_ms(&rig->table), INT64_MAX);
    expire_all(rig);
    assert_int_equal(table_rig_fetch(rig, "g", "t", 0), 5);
    rig->turn.wall_ms += 1000;
    expire_all(rig);
    assert_int_equal(rig->table.groups.count, 0);
}

/* Who comes as a member of a group that is not there is told so, and makes none. */
static void nobody_is_a_member_of_nothing(void **state)
{
    struct table_rig *rig = *state;
    const struct heartbeat_request in = {
        .group_id = bytes_of_text("none"),
        .generation_id = 1,
        .member_id = bytes_of_text("m"),
    };
    struct heartbeat_call call = {.in = &in};
    table_rig_serve(rig, &call.call, GROUP_CALL_HEARTBEAT, 3);
    assert_int_equal(call.out.error_code, KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(rig->table.groups.count, 0);
}

#define CASE(function)                                                                             \
    {                                                                                              \
#function, function, set_up, tear_down, NULL                                               \
    }

/* What happens to offsets is counted, each for itself. */
static void offsets_are_counted(void **state)
{
    struct table_rig *rig = *state;
    const struct group_tally *tally = &rig->turn.tally;
    int16_t error;
    commit(rig, "g", "t", 0, 5);
    commit(rig, "g", "t", 1, 6);
    commit(rig, "h", "t", 0, 7);
    assert_int_equal(tally->offset_commits, 3);
    assert_int_equal(delete_offset(rig, "g", 0, &error), KAFKA_NONE);
    assert_int_equal(delete_group(rig, "h"), KAFKA_NONE);
    assert_int_equal(tally->offset_deletions, 2);
    rig->turn.wall_ms += 1000;
    expire_all(rig);
    assert_int_equal(tally->offset_expirations, 1);
    assert_int_equal(tally->offset_commits + tally->offset_deletions, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(commits_are_judged_in_kafkas_order),
        CASE(a_commit_that_is_too_large_changes_nothing),
        CASE(a_commit_needs_memory),
        CASE(offsets_of_a_former_topic_do_not_apply),
        CASE(a_deleted_topic_takes_its_offsets),
        CASE(what_was_deleted_meanwhile_is_found),
        CASE(offsets_are_counted),
        CASE(many_offsets_expire_in_portions),
        CASE(many_offsets_are_deleted_in_portions),
        CASE(a_deletion_cut_short_is_begun_anew),
        CASE(a_deletion_goes_on_for_nobody),
        CASE(offsets_expire_by_their_age),
        CASE(a_client_may_say_how_long),
        CASE(a_wrong_clock_does_no_harm),
        CASE(a_group_goes_with_its_offsets),
        CASE(offsets_go_one_by_one),
        CASE(members_keep_a_group),
        CASE(nobody_is_a_member_of_nothing),
    };
    return cmocka_run_group_tests_name("group_offsets_core", tests, NULL, NULL);
}
