/* Stories about groups with members of both protocols: up, side by side, down, and after a restart.
 */
#include "consumer-groups/classic_member.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/group_migration.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/table_rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { SESSION_MS = 10000, REBALANCE_MS = 30000, TEXT_SIZE = 512 };

struct story {
    struct table_rig rig;
    char text[TEXT_SIZE];
    char member[64]; /* of the last answer to a join, or its leader's */
    int32_t epoch;   /* of the last answer to a heartbeat */
    /* Joins of a classic group wait. */
    struct join_group_request in[4];
    struct join_group_call waiting[4];
    struct arena arenas[4];
    const char *instance; /* of whoever joins; NULL: none */
    bool asks_for_id;     /* joins are of a version that goes a round for the member id */
};

static int set_up(void **state)
{
    struct story *story = calloc(1, sizeof *story);
    table_rig_init(&story->rig);
    struct group_settings *settings = &story->rig.settings;
    settings->consumer_size_max = 100;
    settings->has_consumer_protocol = true;
    assignor_list_parse(&settings->assignors, bytes_of_text("uniform,range"));
    settings->consumer_session_timeout_ms = 45000;
    settings->consumer_heartbeat_interval_ms = 5000;
    settings->may_upgrade = true;
    settings->may_downgrade = true;
    for (int i = 0; i < 4; i++)
        arena_init(&story->arenas[i], 1 << 20);
    *state = story;
    return 0;
}

static int tear_down(void **state)
{
    struct story *story = *state;
    group_table_drop_calls(&story->rig.table, &story->rig.turn, KAFKA_NOT_COORDINATOR);
    while (list_pop_front(&story->rig.turn.answered) != NULL)
        ;
    table_rig_deinit(&story->rig);
    for (int i = 0; i < 4; i++)
        arena_deinit(&story->arenas[i]);
    free(story);
    return 0;
}

/* --- What clients say --------------------------------------------------------------------------
 */

/* Version 1: "t", and what it owns of it, as digits. */
static struct bytes subscription(uint8_t *to, const char *owned)
{
    static const uint8_t head[] = {0, 1, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff};
    memcpy(to, head, sizeof head);
    size_t size = sizeof head;
    uint8_t count = (uint8_t)strlen(owned);
    const uint8_t topic[] = {0, 0, 0, 1, 0, 1, 't', 0, 0, 0, count};
    memcpy(to + size, topic, sizeof topic);
    size += sizeof topic;
    for (uint8_t i = 0; i < count; i++) {
        const uint8_t partition[] = {0, 0, 0, (uint8_t)(owned[i] - '0')};
        memcpy(to + size, partition, sizeof partition);
        size += sizeof partition;
    }
    return bytes_of(to, size);
}

/* "0 1 2": the partitions of t in an assignment of version `version`. */
static const char *show_assignment(struct story *story, struct bytes assignment)
{
    const uint8_t *data = assignment.data;
    story->text[0] = '\0';
    if (assignment.size <= 10)
        return "nothing";
    size_t size = 0;
    for (size_t at = 2 + 4 + 3 + 4; at + 4 + 4 <= assignment.size; at += 4)
        size += (size_t)snprintf(story->text + size, TEXT_SIZE - size, "%s%d", size > 0 ? " " : "",
                                 data[at + 3]);
    return story->text;
}

static void tick(struct story *story)
{
    group_table_tick(&story->rig.table, &story->rig.turn, 100);
    group_writer_end_turn(&story->rig.writer);
    assert_int_equal(story->rig.writer.status, STATUS_OK);
}

static void pass(struct story *story, int64_t ms)
{
    int64_t end_ms = story->rig.turn.now_ms + ms;
    int64_t deadline_ms;
    while ((deadline_ms = group_table_deadline_ms(&story->rig.table)) <= end_ms) {
        if (story->rig.turn.now_ms < deadline_ms)
            story->rig.turn.now_ms = deadline_ms;
        tick(story);
    }
    story->rig.turn.now_ms = end_ms;
}

/* Client `who` joins; the answer may come later. */
static struct join_group_call *begin_join(struct story *story, int who, const char *member,
                                          const char *owned)
{
    static uint8_t metadata[4][256];
    static struct join_group_request_protocol protocols[4];
    struct join_group_call *call = &story->waiting[who];
    struct join_group_request *in = &story->in[who];
    protocols[who] = (struct join_group_request_protocol){bytes_of_text("range"),
                                                          subscription(metadata[who], owned)};
    join_group_request_init(in);
    in->group_id = bytes_of_text("g");
    in->member_id = bytes_of_text(member);
    if (story->instance != NULL)
        in->group_instance_id = bytes_of_text(story->instance);
    in->session_timeout_ms = SESSION_MS;
    in->rebalance_timeout_ms = REBALANCE_MS;
    in->protocol_type = bytes_of_text("consumer");
    in->protocols = &protocols[who];
    in->protocols_count = 1;
    arena_reset(&story->arenas[who]);
    *call = (struct join_group_call){.in = in};
    call->call.kind = GROUP_CALL_JOIN;
    call->call.version = story->asks_for_id ? 4 : 3;
    call->call.client_id = bytes_of_text("client");
    call->call.client_host = bytes_of_text("/127.0.0.1");
    call->call.arena = &story->arenas[who];
    list_node_init(&call->call.node);
    story->rig.turn.fresh_id.bytes[0]++;
    group_table_serve(&story->rig.table, &story->rig.turn, &call->call);
    tick(story);
    return call;
}

/* The calls that have been answered since: how many. */
static int take_answers(struct story *story)
{
    int count = 0;
    while (list_pop_front(&story->rig.turn.answered) != NULL)
        count++;
    return count;
}

/* It is answered at once. */
static int16_t join(struct story *story, int who, const char *member, const char *owned)
{
    struct join_group_call *call = begin_join(story, who, member, owned);
    assert_int_equal(take_answers(story), 1);
    snprintf(story->member, sizeof story->member, "%.*s", (int)call->out.member_id.size,
             (const char *)call->out.member_id.data);
    story->epoch = call->out.generation_id;
    return call->out.error_code;
}

static int16_t beat(struct story *story, const char *member, int32_t generation)
{
    const struct heartbeat_request in = {.group_id = bytes_of_text("g"),
                                         .generation_id = generation,
                                         .member_id = bytes_of_text(member)};
    struct heartbeat_call call = {.in = &in};
    table_rig_serve(&story->rig, &call.call, GROUP_CALL_HEARTBEAT, 3);
    return call.out.error_code;
}

/* `given`: by a leader; NULL: none. */
static const char *sync_group(struct story *story, const char *member, int32_t generation,
                              const struct bytes *given)
{
    struct sync_group_request_assignment assignment = {.member_id = bytes_of_text(member)};
    struct sync_group_request in;
    sync_group_request_init(&in);
    in.group_id = bytes_of_text("g");
    in.generation_id = generation;
    in.member_id = bytes_of_text(member);
    if (given != NULL) {
        assignment.assignment = *given;
        in.assignments = &assignment;
        in.assignments_count = 1;
    }
    struct sync_group_call call = {.in = &in};
    table_rig_serve(&story->rig, &call.call, GROUP_CALL_SYNC, 3);
    return call.out.error_code != KAFKA_NONE ? kafka_error_name(call.out.error_code)
                                             : show_assignment(story, call.out.assignment);
}

static int16_t leave_group(struct story *story, const char *member)
{
    struct leave_group_request in;
    leave_group_request_init(&in);
    in.group_id = bytes_of_text("g");
    in.member_id = bytes_of_text(member);
    struct leave_group_call call = {.in = &in};
    table_rig_serve(&story->rig, &call.call, GROUP_CALL_LEAVE, 2);
    return call.out.error_code;
}

/* A member of the consumer protocol; `owned`: what it tells that it owns, as digits. NULL: nothing
 * new. */
static int16_t consumer_beat_owning(struct story *story, const char *member, int32_t epoch,
                                    const char *owned)
{
    struct bytes topic = bytes_of_text("t");
    int32_t partitions[4];
    struct consumer_group_heartbeat_request_topic_partitions mine = {.topic_id = test_image_id(1),
                                                                     .partitions = partitions};
    struct consumer_group_heartbeat_request in;
    consumer_group_heartbeat_request_init(&in);
    in.group_id = bytes_of_text("g");
    in.member_id = bytes_of_text(member);
    in.member_epoch = epoch;
    if (story->instance != NULL)
        in.instance_id = bytes_of_text(story->instance);
    if (epoch == 0) {
        in.rebalance_timeout_ms = REBALANCE_MS;
        in.subscribed_topic_names = &topic;
        in.subscribed_topic_names_count = 1;
        in.topic_partitions = &mine;
    }
    if (owned != NULL) {
        for (; owned[mine.partitions_count] != '\0'; mine.partitions_count++)
            partitions[mine.partitions_count] = owned[mine.partitions_count] - '0';
        in.topic_partitions = &mine;
        in.topic_partitions_count = 1;
    }
    struct consumer_group_heartbeat_call call = {.in = &in};
    /* Others may be answered in the same turn. */
    arena_reset(&story->rig.arena);
    call.call.kind = GROUP_CALL_CONSUMER_HEARTBEAT;
    call.call.version = 1;
    call.call.client_id = bytes_of_text("client");
    call.call.client_host = bytes_of_text("/127.0.0.1");
    call.call.arena = &story->rig.arena;
    list_node_init(&call.call.node);
    group_table_serve(&story->rig.table, &story->rig.turn, &call.call);
    group_writer_end_turn(&story->rig.writer);
    take_answers(story);
    story->epoch = call.out.member_epoch;
    story->text[0] = '\0';
    size_t size = 0;
    for (uint32_t t = 0;
         call.out.assignment != NULL && t < call.out.assignment->topic_partitions_count; t++)
        for (uint32_t p = 0; p < call.out.assignment->topic_partitions[t].partitions_count; p++)
            size +=
                (size_t)snprintf(story->text + size, TEXT_SIZE - size, "%s%d", size > 0 ? " " : "",
                                 call.out.assignment->topic_partitions[t].partitions[p]);
    return call.out.error_code;
}

static int16_t consumer_beat(struct story *story, const char *member, int32_t epoch)
{
    return consumer_beat_owning(story, member, epoch, NULL);
}

static int16_t commit(struct story *story, const char *member, int32_t generation)
{
    struct offset_commit_request_partition partition = {.committed_leader_epoch = -1};
    struct offset_commit_request_topic topic = {
        .name = bytes_of_text("t"), .partitions = &partition, .partitions_count = 1};
    const struct offset_commit_request in = {.group_id = bytes_of_text("g"),
                                             .generation_id_or_member_epoch = generation,
                                             .member_id = bytes_of_text(member),
                                             .retention_time_ms = -1,
                                             .topics = &topic,
                                             .topics_count = 1};
    struct offset_commit_call call = {.in = &in};
    table_rig_serve(&story->rig, &call.call, GROUP_CALL_COMMIT, 8);
    return call.out.topics[0].partitions[0].error_code;
}

static const struct group *the_group(const struct story *story)
{
    const struct group *group = group_table_find(&story->rig.table, bytes_of_text("g"));
    assert_non_null(group);
    return group;
}

/* A classic group of one member, in its first generation, who reads all four partitions. */
static void begin_classic(struct story *story, char member[64])
{
    static const uint8_t all[] = {0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 4,    0,    0,    0,   0,
                                  0, 0, 0, 1, 0, 0, 0, 2, 0,   0, 0, 3, 0xff, 0xff, 0xff, 0xff};
    const struct bytes assignment = bytes_of(all, sizeof all);
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 1);
    memcpy(member, story->member, sizeof story->member);
    assert_string_equal(sync_group(story, member, 1, &assignment), "0 1 2 3");
}

/* --- Stories -----------------------------------------------------------------------------------
 */

/* The classic member gives up half of what it has when it joins again, and hears the rest. */
static void side_by_side(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(story->text, "");
    assert_int_equal(the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(commit(story, classic, 1), KAFKA_NONE);
    assert_int_equal(beat(story, classic, 2), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    assert_string_equal(sync_group(story, classic, 1, NULL), "REBALANCE_IN_PROGRESS");

    /* It still owns all, and is to give up two. */
    assert_int_equal(join(story, 0, classic, "0123"), KAFKA_NONE);
    assert_int_equal(story->epoch, 1);
    assert_string_equal(sync_group(story, classic, 1, NULL), "0 1");
    assert_int_equal(beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "");

    /* It has. */
    assert_int_equal(join(story, 0, classic, "01"), KAFKA_NONE);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    assert_int_equal(commit(story, classic, 1), KAFKA_ILLEGAL_GENERATION);
    assert_int_equal(commit(story, classic, 2), KAFKA_NONE);
    assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "2 3");
}

/* The last member of the consumer protocol leaves: the others rebalance as a classic group. What
 * they have processed by then they may commit at the epoch that they know. */
static void downgrade(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(consumer_beat(story, "new", -1), KAFKA_NONE);
    assert_int_equal(the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(commit(story, classic, 2), KAFKA_NONE);
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 3);
    table_rig_reload(&story->rig);
    assert_int_equal(the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(classic_is_empty(&the_group(story)->classic), false);
}

/* Its session ends, which is the same. */
static void downgrade_by_time(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    for (int64_t passed_ms = 0; passed_ms < 45000; passed_ms += 5000) {
        assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
        assert_string_equal(sync_group(story, classic, 2, NULL), "0 1");
        pass(story, 5000);
    }
    assert_int_equal(the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(commit(story, classic, 2), KAFKA_NONE);
}

/* Its own session timeout, and its rebalance timeout once it is told to join, take it out. */
static void classic_timeouts(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    pass(story, SESSION_MS - 1);
    assert_int_equal(beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
    for (int i = 0; i < 5; i++) {
        pass(story, 5000);
        assert_int_equal(beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
        assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    }
    pass(story, 5000); /* REBALANCE_MS since it was told */
    assert_int_equal(beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");

    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    char again[64];
    memcpy(again, story->member, sizeof again);
    pass(story, SESSION_MS - 1);
    assert_int_equal(beat(story, again, story->epoch), KAFKA_NONE);
    pass(story, SESSION_MS);
    assert_int_equal(beat(story, again, story->epoch), KAFKA_UNKNOWN_MEMBER_ID);
}

/* A classic member that comes later has nothing, until the other has confirmed that it gave its
 * share up; then it is told to fetch it. */
static void waiting_for_others(void **state)
{
    struct story *story = *state;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    char classic[64];
    memcpy(classic, story->member, sizeof classic);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(sync_group(story, classic, 2, NULL), "nothing");
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    assert_int_equal(consumer_beat(story, "new", 1), KAFKA_NONE);
    assert_string_equal(story->text, "0 1");
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    assert_int_equal(consumer_beat_owning(story, "new", 1, "01"), KAFKA_NONE);
    assert_int_equal(beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(sync_group(story, classic, 2, NULL), "2 3");
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    /* All is said and done: only silence ends its membership now. */
    for (int64_t passed_ms = 0; passed_ms <= REBALANCE_MS; passed_ms += 5000) {
        pass(story, 5000);
        assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    }
}

/* What the group was is taken back in the log before what it becomes is written: a compaction may
 * leave either alone. */
static void records(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    table_rig_records(&story->rig);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_memory_equal(table_rig_records(&story->rig), "group g=- group g=+ ", 20);
    assert_int_equal(consumer_beat(story, "new", -1), KAFKA_NONE);
    /* The member that leaves, what is left of the group, the classic group. */
    assert_string_equal(table_rig_records(&story->rig),
                        "group g=- group g=- group g=- "
                        "group g=- group g=- group g=- group g=- group g=- group g=+ ");
}

/* The assignor of the classic group may have given a partition to two: one of them keeps it. */
static void given_twice(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    struct join_group_call *second = begin_join(story, 1, "", "");
    struct join_group_call *first = begin_join(story, 0, classic, "");
    assert_int_equal(take_answers(story), 2);
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
    take_answers(story);
}

/* A static member comes back with the other protocol, and back again: it keeps what it has. */
static void static_member(void **state)
{
    struct story *story = *state;
    char classic[64];
    story->instance = "i";
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    assert_int_equal(the_group(story)->consumer.members.count, 1);
    assert_int_equal(the_group(story)->consumer.classic_count, 0);
    assert_int_equal(beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(join(story, 0, "nobody", ""), KAFKA_FENCED_INSTANCE_ID);

    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(the_group(story)->type, GROUP_CLASSIC);
    assert_int_equal(story->epoch, 1);
    assert_string_equal(sync_group(story, story->member, 1, NULL), "0 1 2 3");
    assert_int_equal(beat(story, story->member, 1), KAFKA_NONE);
    assert_int_equal(consumer_beat(story, "new", 1), KAFKA_GROUP_ID_NOT_FOUND);
}

/* Who was given an id while the group was empty joins the group that it has become. */
static void id_for_later(void **state)
{
    struct story *story = *state;
    story->asks_for_id = true;
    assert_int_equal(join(story, 0, "", ""), KAFKA_MEMBER_ID_REQUIRED);
    char classic[64];
    memcpy(classic, story->member, sizeof classic);
    story->rig.settings.may_upgrade = false;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(story->member, classic);
    assert_int_equal(join(story, 0, "", ""), KAFKA_MEMBER_ID_REQUIRED);
    assert_int_equal(the_group(story)->consumer.members.count, 2);
}

/* Who has joined must sync within its rebalance timeout. */
static void sync_timeout(void **state)
{
    struct story *story = *state;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    int32_t epoch = story->epoch;
    for (int i = 0; i < 5; i++) {
        pass(story, 5000);
        assert_int_not_equal(beat(story, story->member, epoch), KAFKA_UNKNOWN_MEMBER_ID);
    }
    pass(story, 5000);
    assert_int_equal(beat(story, story->member, epoch), KAFKA_UNKNOWN_MEMBER_ID);
}

/* Who waits in the classic group is told to come again. */
static void upgrade_in_a_rebalance(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    struct join_group_call *waiting = begin_join(story, 1, "", "");
    assert_int_equal(take_answers(story), 0);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(waiting->out.error_code, KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(the_group(story)->consumer.members.count, 3);
}

/* Nobody has been told what is his yet, and whoever comes is nobody new: all is dealt out all the
 * same. */
static void static_upgrade_in_a_rebalance(void **state)
{
    struct story *story = *state;
    story->instance = "i";
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(the_group(story)->consumer.members.count, 1);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(story->text, "0 1 2 3");
}

/* A cooperative leader gives to nobody, for a generation, what is to change its owner. */
static void static_upgrade_of_half_an_assignment(void **state)
{
    static const uint8_t half[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',  0,    0,    0,   2,
                                   0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    const struct bytes assignment = bytes_of(half, sizeof half);
    struct story *story = *state;
    story->instance = "i";
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    assert_string_equal(sync_group(story, story->member, 1, &assignment), "0 1");
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(the_group(story)->consumer.members.count, 1);
    assert_string_equal(story->text, "0 1 2 3");
}

/* A static member of the consumer protocol owns all, and a classic one is to have half of it, which
 * it has not heard. Then the first comes back with the classic protocol: both rebalance. */
static void begin_downgrade(struct story *story, char classic[64])
{
    story->instance = "i";
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    story->instance = NULL;
    assert_int_equal(join(story, 0, "", ""), KAFKA_NONE);
    memcpy(classic, story->member, sizeof story->member);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(sync_group(story, classic, 2, NULL), "nothing");
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    story->instance = "i";
    assert_int_equal(join(story, 1, "", ""), KAFKA_NONE);
    assert_int_equal(the_group(story)->type, GROUP_CLASSIC);
}

/* What was to be heard after the rebalance is heard, although it does not come to its end. */
static void upgrade_in_the_rebalance_of_a_downgrade(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_downgrade(story, classic);
    assert_int_equal(consumer_beat(story, "newer", 0), KAFKA_NONE);
    assert_int_equal(the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(beat(story, classic, 2), KAFKA_REBALANCE_IN_PROGRESS);
    story->instance = NULL;
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 3);
    assert_string_equal(sync_group(story, classic, 3, NULL), "2 3");
}

/* The same, when a restart ends the rebalance. */
static void restart_in_the_rebalance_of_a_downgrade(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_downgrade(story, classic);
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(beat(story, classic, 2), KAFKA_ILLEGAL_GENERATION);
    story->instance = NULL;
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 3);
    assert_string_equal(sync_group(story, classic, 3, NULL), "2 3");
}

/* Topics that changed while nobody listened are assigned as if somebody had. */
static void topics_change_in_a_restart(void **state)
{
    struct story *story = *state;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
    table_rig_remove_topic(&story->rig, 1);
    table_rig_add_topic(&story->rig, "t", 9, 2);
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(the_group(story)->consumer.epoch, 2);
    assert_int_equal(consumer_beat_owning(story, "new", 1, ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 2);
    assert_string_equal(story->text, "0 1");
}

/* Nothing is lost when all is read again, and the members go on where they were. */
static void restart(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(join(story, 0, classic, ""), KAFKA_NONE);
    assert_string_equal(sync_group(story, classic, 2, NULL), "0 1");
    table_rig_reload(&story->rig);
    group_table_restored(&story->rig.table, &story->rig.turn);
    assert_int_equal(the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(the_group(story)->consumer.classic_count, 1);
    assert_int_equal(beat(story, classic, 2), KAFKA_NONE);
    assert_string_equal(sync_group(story, classic, 2, NULL), "0 1");
    assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    pass(story, SESSION_MS);
    assert_int_equal(beat(story, classic, 2), KAFKA_UNKNOWN_MEMBER_ID);
}

/* A member leaves by LeaveGroup; one of the consumer protocol cannot. */
static void leaving(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(leave_group(story, "new"), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave_group(story, classic), KAFKA_NONE);
    assert_int_equal(beat(story, classic, 1), KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(consumer_beat(story, "new", 2), KAFKA_NONE);
    assert_string_equal(story->text, "0 1 2 3");
}

/* Without the policy nothing migrates, in either direction. */
static void policy(void **state)
{
    struct story *story = *state;
    char classic[64];
    story->rig.settings.may_upgrade = false;
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(beat(story, classic, 1), KAFKA_NONE);
    story->rig.settings.may_upgrade = true;
    story->rig.settings.may_downgrade = false;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    assert_int_equal(consumer_beat(story, "new", -1), KAFKA_NONE);
    assert_int_equal(the_group(story)->type, GROUP_CONSUMER);
    assert_int_equal(beat(story, classic, 1), KAFKA_REBALANCE_IN_PROGRESS);
}

/* A request that is refused leaves the classic group what it is. */
static void refused(void **state)
{
    struct story *story = *state;
    char classic[64];
    begin_classic(story, classic);
    assert_int_equal(consumer_beat(story, classic, 0), KAFKA_FENCED_MEMBER_EPOCH);
    assert_int_equal(consumer_beat(story, "", 0), KAFKA_INVALID_REQUEST);
    assert_int_equal(consumer_beat(story, "new", 1), KAFKA_GROUP_ID_NOT_FOUND);
    story->rig.settings.consumer_size_max = 1;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(beat(story, classic, 1), KAFKA_NONE);
    story->rig.settings.consumer_size_max = 100;
    assert_int_equal(consumer_beat(story, "new", 0), KAFKA_NONE);
    story->rig.settings.consumer_size_max = 2;
    assert_int_equal(join(story, 0, "", ""), KAFKA_GROUP_MAX_SIZE_REACHED);
    story->rig.settings.session_timeout_ms_min = SESSION_MS + 1;
    assert_int_equal(join(story, 0, "", ""), KAFKA_INVALID_SESSION_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(downgrade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(downgrade_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(classic_timeouts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_for_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(static_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(id_for_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sync_timeout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(upgrade_in_a_rebalance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(static_upgrade_in_a_rebalance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(static_upgrade_of_half_an_assignment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(upgrade_in_the_rebalance_of_a_downgrade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restart_in_the_rebalance_of_a_downgrade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(topics_change_in_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaving, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
