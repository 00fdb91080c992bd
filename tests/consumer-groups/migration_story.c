#include "tests/consumer-groups/migration_story.h"

#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"

#include <stdio.h>
#include <stdlib.h>

int migration_set_up(void **state)
{
    struct migration_story *story = calloc(1, sizeof *story);
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

int migration_tear_down(void **state)
{
    struct migration_story *story = *state;
    group_table_drop_calls(&story->rig.table, &story->rig.turn, KAFKA_NOT_COORDINATOR);
    while (list_pop_front(&story->rig.turn.answered) != NULL)
        ;
    table_rig_deinit(&story->rig);
    for (int i = 0; i < 4; i++)
        arena_deinit(&story->arenas[i]);
    free(story);
    return 0;
}

/* --- What clients say ------------------------------------------------------------------------- */

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
static const char *show_assignment(struct migration_story *story, struct bytes assignment)
{
    const uint8_t *data = assignment.data;
    story->text[0] = '\0';
    if (assignment.size <= 10)
        return "nothing";
    size_t size = 0;
    for (size_t at = 2 + 4 + 3 + 4; at + 4 + 4 <= assignment.size; at += 4)
        size += (size_t)snprintf(story->text + size, MIGRATION_TEXT_SIZE - size, "%s%d",
                                 size > 0 ? " " : "", data[at + 3]);
    return story->text;
}

static void tick(struct migration_story *story)
{
    group_table_tick(&story->rig.table, &story->rig.turn, 100);
    group_writer_end_turn(&story->rig.writer);
    assert_int_equal(story->rig.writer.status, STATUS_OK);
}

void migration_pass(struct migration_story *story, int64_t ms)
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
struct join_group_call *migration_begin_join(struct migration_story *story, int who,
                                             const char *member, const char *owned)
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
    in->session_timeout_ms = MIGRATION_SESSION_MS;
    in->rebalance_timeout_ms =
        story->rebalance_ms != 0 ? story->rebalance_ms : MIGRATION_REBALANCE_MS;
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
int migration_take_answers(struct migration_story *story)
{
    int count = 0;
    while (list_pop_front(&story->rig.turn.answered) != NULL)
        count++;
    return count;
}

/* It is answered at once. */
int16_t migration_join(struct migration_story *story, int who, const char *member,
                       const char *owned)
{
    struct join_group_call *call = migration_begin_join(story, who, member, owned);
    assert_int_equal(migration_take_answers(story), 1);
    snprintf(story->member, sizeof story->member, "%.*s", (int)call->out.member_id.size,
             (const char *)call->out.member_id.data);
    story->epoch = call->out.generation_id;
    return call->out.error_code;
}

int16_t migration_beat(struct migration_story *story, const char *member, int32_t generation)
{
    const struct heartbeat_request in = {.group_id = bytes_of_text("g"),
                                         .generation_id = generation,
                                         .member_id = bytes_of_text(member)};
    struct heartbeat_call call = {.in = &in};
    table_rig_serve(&story->rig, &call.call, GROUP_CALL_HEARTBEAT, 3);
    return call.out.error_code;
}

/* `given`: by a leader; NULL: none. */
const char *migration_sync_group(struct migration_story *story, const char *member,
                                 int32_t generation, const struct bytes *given)
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

int16_t migration_leave_group(struct migration_story *story, const char *member)
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
int16_t migration_consumer_beat_owning(struct migration_story *story, const char *member,
                                       int32_t epoch, const char *owned)
{
    struct bytes topic = bytes_of_text("t");
    int32_t partitions[4];
    struct consumer_group_heartbeat_request_topic_partitions mine = {.topic_id = numbered_id(1),
                                                                     .partitions = partitions};
    struct consumer_group_heartbeat_request in;
    consumer_group_heartbeat_request_init(&in);
    in.group_id = bytes_of_text("g");
    in.member_id = bytes_of_text(member);
    in.member_epoch = epoch;
    if (story->instance != NULL)
        in.instance_id = bytes_of_text(story->instance);
    if (epoch == 0) {
        in.rebalance_timeout_ms = MIGRATION_REBALANCE_MS;
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
    migration_take_answers(story);
    story->epoch = call.out.member_epoch;
    story->text[0] = '\0';
    size_t size = 0;
    for (uint32_t t = 0;
         call.out.assignment != NULL && t < call.out.assignment->topic_partitions_count; t++)
        for (uint32_t p = 0; p < call.out.assignment->topic_partitions[t].partitions_count; p++)
            size += (size_t)snprintf(story->text + size, MIGRATION_TEXT_SIZE - size, "%s%d",
                                     size > 0 ? " " : "",
                                     call.out.assignment->topic_partitions[t].partitions[p]);
    return call.out.error_code;
}

int16_t migration_consumer_beat(struct migration_story *story, const char *member, int32_t epoch)
{
    return migration_consumer_beat_owning(story, member, epoch, NULL);
}

int16_t migration_commit_of(struct migration_story *story, const char *member, int32_t generation,
                            int32_t index)
{
    struct offset_commit_request_partition partition = {.partition_index = index,
                                                        .committed_leader_epoch = -1};
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

int16_t migration_commit(struct migration_story *story, const char *member, int32_t generation)
{
    return migration_commit_of(story, member, generation, 0);
}

const struct group *migration_the_group(const struct migration_story *story)
{
    const struct group *group = group_table_find(&story->rig.table, bytes_of_text("g"));
    assert_non_null(group);
    return group;
}

/* A classic group of one member, in its first generation, who reads all four partitions. */
void migration_begin_classic(struct migration_story *story, char member[64])
{
    static const uint8_t all[] = {0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 4,    0,    0,    0,   0,
                                  0, 0, 0, 1, 0, 0, 0, 2, 0,   0, 0, 3, 0xff, 0xff, 0xff, 0xff};
    const struct bytes assignment = bytes_of(all, sizeof all);
    assert_int_equal(migration_join(story, 0, "", ""), KAFKA_NONE);
    assert_int_equal(story->epoch, 1);
    memcpy(member, story->member, sizeof story->member);
    assert_string_equal(migration_sync_group(story, member, 1, &assignment), "0 1 2 3");
}
