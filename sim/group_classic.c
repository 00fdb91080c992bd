/* A member of the classic protocol, eager: it gives up all it owns before it joins again. Whoever
 * leads deals the partitions out, and puts the number of the plan beside each assignment.
 *
 *   find ──▶ join ──▶ sync ──▶ fetch ──▶ heartbeats, commits, fetches ──▶ leave
 *     ▲       ▲                                    │                        │
 *     │       └── the group rebalances, or this is ┘                        │
 *     └── a connection or the coordinator is gone; or no member (any more) ─┘ */
#include "base/assert.h"
#include "protocol/errors.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"
#include "sim/group_member.h"

#include <stdlib.h>
#include <string.h>

enum {
    JOIN_VERSION_MIN = 5,
    SYNC_VERSION_MIN = 3,
    HEARTBEAT_VERSION = 4,
    LEAVE_VERSION = 5,
    EMBEDDED_VERSION = 1, /* of subscriptions and assignments */
    STAMP_BYTES = 8,
    MEMBERS_MAX = 64, /* that a leader deals partitions out to: also those who have died lately */
    COMMIT_CHANCE = 40,
    FETCH_CHANCE = 10,
    LEAVE_CHANCE = 2,
    LAST_COMMIT_CHANCE = 70,
};

enum step { STEP_FIND, STEP_JOIN, STEP_SYNC, STEP_FETCH, STEP_HEARTBEAT, STEP_COMMIT, STEP_LEAVE };

struct classic {
    struct group_member member;
    enum step step; /* that is under way */
    bool is_found;  /* the coordinator */
    bool is_synced; /* it knows what it owns, */
    bool is_placed; /* and where to go on there */
    bool must_join; /* the group rebalances */
    bool is_zombie; /* commits once more although it was fenced */
    bool leads;
    uint64_t plan;
    char leads_whom[MEMBERS_MAX][GROUP_ID_SIZE];
    uint32_t leads_count;
};

static void classic_go_on(struct worker *worker);

static struct prng *prng_of(struct classic *classic)
{
    return &classic->member.worker.prng;
}

/* --- Joining ------------------------------------------------------------------------------------
 */

static struct bytes written(const struct writer *writer)
{
    assert(writer->status == STATUS_OK);
    return writer_result(writer);
}

static struct bytes subscription(struct classic *classic)
{
    struct consumer_protocol_subscription wish;
    struct bytes topics[GROUP_TOPICS];
    struct writer writer;
    consumer_protocol_subscription_init(&wish);
    for (uint32_t i = 0; i < GROUP_TOPICS; i++)
        topics[i] = bytes_of_text(workload_topics[i].name);
    wish.topics = topics;
    wish.topics_count = GROUP_TOPICS;
    writer_init(&writer, &classic->member.call.arena);
    writer_i16(&writer, EMBEDDED_VERSION);
    consumer_protocol_subscription_encode(&writer, EMBEDDED_VERSION, &wish);
    return written(&writer);
}

static void send_join(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct join_group_request_protocol protocol;
    struct join_group_request request;
    group_member_release_all(member);
    classic->is_synced = false;
    classic->is_placed = false;
    classic->must_join = false;
    member->epoch = -1;
    group_member_ask(member);
    join_group_request_protocol_init(&protocol);
    protocol.name = bytes_of_text("roundrobin");
    protocol.metadata = subscription(classic);
    join_group_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.session_timeout_ms = GROUP_SESSION_MS;
    request.rebalance_timeout_ms = GROUP_REBALANCE_MS;
    request.member_id = bytes_of_text(member->id);
    request.group_instance_id = group_member_instance(member);
    request.protocol_type = bytes_of_text("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    int16_t version =
        (int16_t)prng_between(prng_of(classic), JOIN_VERSION_MIN, JOIN_GROUP_REQUEST_VERSION_MAX);
    client_join_group(&member->worker.client, &member->call, version, &request);
}

static void remember_members(struct classic *classic, const struct join_group_response *response)
{
    assert(response->members_count <= MEMBERS_MAX);
    memset(classic->leads_whom, 0, sizeof classic->leads_whom);
    classic->leads_count = response->members_count;
    for (uint32_t i = 0; i < response->members_count; i++) {
        struct bytes id = response->members[i].member_id;
        assert(id.size < GROUP_ID_SIZE);
        memcpy(classic->leads_whom[i], id.data, id.size);
    }
}

static int16_t take_join(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct join_group_response response;
    if (client_join_group_answer(&member->call, &response) != STATUS_OK)
        return group_member_failed(member, KAFKA_UNKNOWN_SERVER_ERROR);
    if (response.error_code == KAFKA_MEMBER_ID_REQUIRED || response.error_code == KAFKA_NONE)
        group_member_set_id(member, response.member_id);
    if (response.error_code != KAFKA_NONE)
        return response.error_code;
    member->epoch = response.generation_id;
    member->fenced_in_life = 0;
    classic->leads = bytes_equal(response.leader, response.member_id) && !response.skip_assignment;
    if (classic->leads)
        remember_members(classic, &response);
    return KAFKA_NONE;
}

/* --- Assigning ----------------------------------------------------------------------------------
 */

/* Round robin, begun elsewhere in every generation. */
static struct bytes assignment_of(struct classic *classic, uint32_t whose)
{
    struct consumer_protocol_assignment_topic_partition topics[GROUP_TOPICS];
    int32_t partitions[GROUP_TOPICS][TOPIC_PARTITIONS_MAX];
    struct consumer_protocol_assignment assignment;
    uint8_t stamp[STAMP_BYTES];
    struct writer writer;
    for (uint32_t i = 0; i < GROUP_TOPICS; i++) {
        consumer_protocol_assignment_topic_partition_init(&topics[i]);
        topics[i].topic = bytes_of_text(workload_topics[i].name);
        topics[i].partitions = partitions[i];
    }
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        uint32_t topic = i / TOPIC_PARTITIONS_MAX;
        if ((i + (uint32_t)classic->member.epoch) % classic->leads_count == whose)
            partitions[topic][topics[topic].partitions_count++] =
                (int32_t)(i % TOPIC_PARTITIONS_MAX);
    }
    store_u64_be(stamp, classic->plan);
    consumer_protocol_assignment_init(&assignment);
    assignment.assigned_partitions = topics;
    assignment.assigned_partitions_count = GROUP_TOPICS;
    assignment.user_data = bytes_of(stamp, sizeof stamp);
    writer_init(&writer, &classic->member.call.arena);
    writer_i16(&writer, EMBEDDED_VERSION);
    consumer_protocol_assignment_encode(&writer, EMBEDDED_VERSION, &assignment);
    return written(&writer);
}

static void send_sync(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct sync_group_request_assignment assignments[MEMBERS_MAX];
    struct sync_group_request request;
    group_member_ask(member);
    sync_group_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.generation_id = member->epoch;
    request.member_id = bytes_of_text(member->id);
    request.group_instance_id = group_member_instance(member);
    request.assignments = assignments;
    if (classic->leads) {
        classic->plan =
            group_audit_plan(group_member_audit(member), member->program->group, member->epoch);
        request.assignments_count = classic->leads_count;
    }
    for (uint32_t i = 0; i < request.assignments_count; i++) {
        sync_group_request_assignment_init(&assignments[i]);
        assignments[i].member_id = bytes_of_text(classic->leads_whom[i]);
        assignments[i].assignment = assignment_of(classic, i);
    }
    int16_t version =
        (int16_t)prng_between(prng_of(classic), SYNC_VERSION_MIN, SYNC_GROUP_REQUEST_VERSION_MAX);
    client_sync_group(&member->worker.client, &member->call, version, &request);
}

static void take_partitions(struct classic *classic,
                            const struct consumer_protocol_assignment *assignment)
{
    for (uint32_t t = 0; t < assignment->assigned_partitions_count; t++) {
        const struct consumer_protocol_assignment_topic_partition *topic =
            &assignment->assigned_partitions[t];
        uint32_t index;
        bool is_known = group_topic_by_name(topic->topic, &index);
        assert(is_known); /* another member of this story wrote it */
        for (uint32_t i = 0; i < topic->partitions_count; i++)
            group_member_take(&classic->member, group_partition_of(index, topic->partitions[i]));
    }
}

static int16_t take_assignment(struct classic *classic, struct bytes bytes)
{
    struct group_member *member = &classic->member;
    struct group_audit *audit = group_member_audit(member);
    struct consumer_protocol_assignment assignment;
    struct reader reader;
    if (bytes.size == 0) {
        group_audit_plan_lacks(audit, member->program->group, member->epoch);
        return KAFKA_UNKNOWN_MEMBER_ID;
    }
    reader_init(&reader, bytes);
    bool is_read = reader_i16(&reader) == EMBEDDED_VERSION &&
                   consumer_protocol_assignment_decode(
                       &reader, EMBEDDED_VERSION, &member->call.arena, &assignment) == STATUS_OK &&
                   assignment.user_data.size == STAMP_BYTES;
    uint64_t plan = is_read ? load_u64_be(assignment.user_data.data) : UINT64_MAX;
    group_audit_plan_told(audit, member->program->group, member->epoch, plan);
    if (is_read)
        take_partitions(classic, &assignment);
    return KAFKA_NONE;
}

static int16_t take_sync(struct classic *classic)
{
    struct sync_group_response response;
    if (client_sync_group_answer(&classic->member.call, &response) != STATUS_OK)
        return group_member_failed(&classic->member, KAFKA_UNKNOWN_SERVER_ERROR);
    if (response.error_code != KAFKA_NONE)
        return response.error_code;
    classic->is_synced = true;
    return take_assignment(classic, response.assignment);
}

/* --- Being a member -----------------------------------------------------------------------------
 */

static void send_heartbeat(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct heartbeat_request request;
    group_member_ask(member);
    heartbeat_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.generation_id = member->epoch;
    request.member_id = bytes_of_text(member->id);
    request.group_instance_id = group_member_instance(member);
    client_heartbeat(&member->worker.client, &member->call, HEARTBEAT_VERSION, &request);
}

static int16_t take_heartbeat(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct heartbeat_response response;
    if (client_heartbeat_answer(&member->call, &response) != STATUS_OK)
        return group_member_failed(member, KAFKA_UNKNOWN_SERVER_ERROR);
    if (response.error_code == KAFKA_NONE)
        group_audit_alive(group_member_audit(member), member->program->group,
                          member->program->index, member->asked_at);
    return response.error_code;
}

static void send_leave(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct leave_group_request_member who;
    struct leave_group_request request;
    group_member_release_all(member);
    group_member_ask(member);
    leave_group_request_member_init(&who);
    who.member_id = bytes_of_text(member->id);
    who.group_instance_id = group_member_instance(member);
    leave_group_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.members = &who;
    request.members_count = 1;
    client_leave_group(&member->worker.client, &member->call, LEAVE_VERSION, &request);
}

/* Gone, or soon for lack of heartbeats. */
static void forget(struct classic *classic)
{
    group_member_release_all(&classic->member);
    group_member_set_id(&classic->member, (struct bytes){0});
    classic->member.epoch = -1;
    classic->is_zombie = false;
}

/* --- What comes of an answer --------------------------------------------------------------------
 */

static int16_t take_answer(struct classic *classic)
{
    switch (classic->step) {
    case STEP_FIND: return group_member_found(&classic->member);
    case STEP_JOIN: return take_join(classic);
    case STEP_SYNC: return take_sync(classic);
    case STEP_FETCH: return group_member_fetched(&classic->member);
    case STEP_HEARTBEAT: return take_heartbeat(classic);
    case STEP_COMMIT: return group_member_committed(&classic->member);
    case STEP_LEAVE: return KAFKA_NONE;
    }
    unreachable();
}

static void was_fenced(struct classic *classic, int16_t error)
{
    if (!classic->is_zombie && group_member_fenced(&classic->member)) {
        classic->is_zombie = true; /* one commit, and then it forgets */
        return;
    }
    if (error == KAFKA_ILLEGAL_GENERATION && !classic->is_zombie)
        classic->must_join = true;
    else
        forget(classic);
    group_member_release_all(&classic->member);
}

static void step_succeeded(struct classic *classic)
{
    if (classic->step == STEP_FIND)
        classic->is_found = true;
    else if (classic->step == STEP_FETCH)
        classic->is_placed = true;
}

static void step_ended(struct classic *classic, int16_t error)
{
    group_member_failed(&classic->member, error);
    switch (error) {
    case KAFKA_NONE: step_succeeded(classic); break;
    case KAFKA_MEMBER_ID_REQUIRED: break;
    case KAFKA_REBALANCE_IN_PROGRESS: classic->must_join = true; break;
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_FENCED_INSTANCE_ID:
    case KAFKA_ILLEGAL_GENERATION: was_fenced(classic, error); break;
    default: classic->is_found = false; break;
    }
}

static void landed(struct completion *completion, int32_t result)
{
    struct group_member *member = container_of(completion, struct group_member, call.completion);
    struct classic *classic = container_of(member, struct classic, member);
    bool was_zombie = classic->is_zombie;
    member->worker.program->last_result = result;
    if (result == STATUS_OK)
        step_ended(classic, take_answer(classic));
    else
        classic->is_found = false;
    if (classic->step == STEP_LEAVE || (was_zombie && classic->is_zombie))
        forget(classic);
    worker_pause(&member->worker, classic->is_found ? GROUP_PAUSE_MS : GROUP_RETRY_MS,
                 classic_go_on);
}

/* --- What comes next ----------------------------------------------------------------------------
 */

static enum step draw_step(struct classic *classic)
{
    struct prng *prng = prng_of(classic);
    bool may_commit = group_member_owned_count(&classic->member) > 0;
    if (may_commit && prng_chance(prng, COMMIT_CHANCE, 100))
        return STEP_COMMIT;
    if (prng_chance(prng, FETCH_CHANCE, 100))
        return STEP_FETCH;
    bool is_quiet = classic->member.worker.workload->is_quiet;
    return !is_quiet && prng_chance(prng, LEAVE_CHANCE, 100) ? STEP_LEAVE : STEP_HEARTBEAT;
}

/* Whoever must join again commits first, mostly: only the last moment before is right for it. */
static enum step choose_step(struct classic *classic)
{
    struct group_member *member = &classic->member;
    if (!classic->is_found)
        return STEP_FIND;
    if (classic->is_zombie)
        return STEP_COMMIT;
    if (classic->must_join && group_member_owned_count(member) > 0 &&
        classic->step != STEP_COMMIT && prng_chance(prng_of(classic), LAST_COMMIT_CHANCE, 100))
        return STEP_COMMIT;
    if (member->epoch < 0 || classic->must_join)
        return STEP_JOIN;
    if (!classic->is_synced)
        return STEP_SYNC;
    return classic->is_placed ? draw_step(classic) : STEP_FETCH;
}

static void send_step(struct classic *classic)
{
    struct group_member *member = &classic->member;
    switch (classic->step) {
    case STEP_FIND: group_member_find(member); return;
    case STEP_JOIN: send_join(classic); return;
    case STEP_SYNC: send_sync(classic); return;
    case STEP_FETCH: group_member_fetch(member, false); return;
    case STEP_HEARTBEAT: send_heartbeat(classic); return;
    case STEP_COMMIT: group_member_commit(member, member->owned); return;
    case STEP_LEAVE: send_leave(classic); return;
    }
}

static void classic_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct classic *classic = container_of(member, struct classic, member);
    bool is_settled = classic->is_found && classic->is_placed && !classic->must_join;
    worker->program->is_idle = worker->workload->is_quiet && is_settled && member->epoch >= 0;
    classic->step = choose_step(classic);
    send_step(classic);
}

static struct process *classic_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count)
{
    struct classic *classic = calloc(1, sizeof *classic);
    assert(classic != NULL);
    assert(core_count == 1);
    group_member_init(&classic->member, program, node, cores[0], landed);
    worker_learn_topics(&classic->member.worker, classic_go_on);
    return &classic->member.worker.process;
}

void group_classic_program_init(struct group_program *program, struct group_workload *groups)
{
    program->worker =
        (struct worker_program){.program = {.start = classic_start}, .workload = &groups->workload};
}
