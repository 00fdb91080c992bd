/* A member of the classic protocol. An eager one gives up all it owns before it joins again, a
 * cooperative one only what its next assignment does not have, after which it joins once more.
 *
 *   find ──▶ join ──▶ sync ──▶ fetch ──▶ heartbeats, commits, fetches ──▶ leave
 *     ▲       ▲                                    │                        │
 *     │       └── the group rebalances, or this is ┘                        │
 *     └── a connection or the coordinator is gone; or no member (any more) ─┘ */
#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/group_deal.h"

#include <stdlib.h>
#include <string.h>

enum {
    JOIN_VERSION_MIN = 5,
    SYNC_VERSION_MIN = 3,
    HEARTBEAT_VERSION = 4,
    LEAVE_VERSION = 5,
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
    bool is_out;    /* another process has its instance id */
    bool leads;
    int32_t generation; /* of what it owns */
    struct group_deal deal;
};

static void classic_go_on(struct worker *worker);

static struct prng *prng_of(struct classic *classic)
{
    return &classic->member.worker.prng;
}

/* --- Joining ---------------------------------------------------------------------------------- */

static struct bytes protocol_name(const struct classic *classic)
{
    bool is_cooperative = group_member_plot(&classic->member)->is_cooperative;
    return bytes_of_text(is_cooperative ? "cooperative-sticky" : "roundrobin");
}

static void send_join(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct join_group_request_protocol protocol;
    struct join_group_request request;
    if (!group_member_plot(member)->is_cooperative)
        group_member_release_all(member);
    classic->is_synced = false;
    classic->is_placed = false;
    classic->must_join = false;
    member->epoch = -1;
    group_member_ask(member);
    join_group_request_protocol_init(&protocol);
    protocol.name = protocol_name(classic);
    protocol.metadata = group_deal_subscription(member, classic->generation);
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
    group_audit_joined(group_member_audit(member), member->program->group, member->epoch);
    member->fenced_in_life = 0;
    classic->leads = bytes_equal(response.leader, response.member_id) && !response.skip_assignment;
    if (classic->leads && !group_deal_out(&classic->deal, member, &response))
        return group_member_failed(member, KAFKA_UNKNOWN_SERVER_ERROR);
    return KAFKA_NONE;
}

/* --- Assigning -------------------------------------------------------------------------------- */

static void send_sync(struct classic *classic)
{
    struct group_member *member = &classic->member;
    struct sync_group_request_assignment assignments[DEAL_MEMBERS_MAX];
    uint64_t plan = 0;
    struct sync_group_request request;
    group_member_ask(member);
    sync_group_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.generation_id = member->epoch;
    request.member_id = bytes_of_text(member->id);
    request.group_instance_id = group_member_instance(member);
    request.protocol_type = bytes_of_text("consumer");
    request.protocol_name = protocol_name(classic);
    request.assignments = assignments;
    if (classic->leads) {
        plan = group_audit_plan(group_member_audit(member), member->program->group, member->epoch);
        request.assignments_count = classic->deal.count;
    }
    for (uint32_t i = 0; i < request.assignments_count; i++) {
        sync_group_request_assignment_init(&assignments[i]);
        assignments[i].member_id = bytes_of_text(classic->deal.ids[i]);
        assignments[i].assignment = group_deal_assignment(&classic->deal, member, i, plan);
    }
    int16_t version =
        (int16_t)prng_between(prng_of(classic), SYNC_VERSION_MIN, SYNC_GROUP_REQUEST_VERSION_MAX);
    client_sync_group(&member->worker.client, &member->call, version, &request);
}

/* Kafka lets a process take the place of another one of its instance without a rebalance, also when
 * that one was about to give something up and to join again. So it asks for one (KIP-568). */
static void must_ask_again(struct classic *classic)
{
    bool is_new = classic->generation < 0 && classic->member.program->instance != NULL;
    if (is_new && group_member_plot(&classic->member)->is_cooperative)
        classic->must_join = true;
}

/* What is not its own any more is given up, which only a cooperative one has: others wait for that.
 */
static void take_partitions(struct classic *classic, const bool given[GROUP_PARTITIONS])
{
    struct group_member *member = &classic->member;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        if (given[i] && !member->owned[i])
            group_member_take(member, i, UUID_NONE);
        if (given[i] || !member->owned[i])
            continue;
        group_member_release(member, i);
        classic->must_join = true;
    }
    must_ask_again(classic);
    classic->generation = member->epoch;
}

static int16_t take_assignment(struct classic *classic, struct bytes bytes)
{
    struct group_member *member = &classic->member;
    struct group_audit *audit = group_member_audit(member);
    bool given[GROUP_PARTITIONS];
    int64_t plan = DEAL_NO_PLAN;
    if (bytes.size == 0) {
        group_audit_plan_lacks(audit, member->program->group, member->epoch);
        return KAFKA_UNKNOWN_MEMBER_ID;
    }
    member->given_at = member->asked_at;
    bool is_read = group_deal_read(member, bytes, given, &plan);
    bool is_dealt_here = group_member_plot(member)->readers != READERS_MOVING;
    if (!is_read || is_dealt_here || plan != DEAL_NO_PLAN)
        group_audit_plan_told(audit, member->program->group, member->epoch, (uint64_t)plan);
    if (is_read)
        take_partitions(classic, given);
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

/* --- Being a member --------------------------------------------------------------------------- */

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
    classic->must_join = false;
    classic->generation = -1;
}

/* --- What comes of an answer ------------------------------------------------------------------ */

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
    classic->is_out = error == KAFKA_FENCED_INSTANCE_ID;
    bool may_try = !classic->is_zombie && classic->member.epoch >= 0;
    if (may_try && group_member_fenced(&classic->member)) {
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
    case KAFKA_UNKNOWN_TOPIC_ID: break;
    case KAFKA_GROUP_ID_NOT_FOUND:
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_FENCED_INSTANCE_ID:
    case KAFKA_ILLEGAL_GENERATION: was_fenced(classic, error); break;
    default: classic->is_found = false; break;
    }
}

static uint32_t pause_ms(struct classic *classic)
{
    bool was_out = classic->is_out && !classic->is_zombie;
    classic->is_out = classic->is_out && !was_out;
    if (was_out)
        return GROUP_FENCED_MS;
    return classic->is_found ? GROUP_PAUSE_MS : GROUP_RETRY_MS;
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
    if (classic->step == STEP_LEAVE && group_member_ends(member))
        return;
    worker_pause(&member->worker, pause_ms(classic), classic_go_on);
}

/* --- What comes next -------------------------------------------------------------------------- */

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
    case STEP_COMMIT: group_member_commit(member, member->owned, -1); return;
    case STEP_LEAVE: send_leave(classic); return;
    }
}

static void classic_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct classic *classic = container_of(member, struct classic, member);
    bool is_settled = classic->is_found && classic->is_placed && !classic->must_join;
    if (group_member_retires(member))
        return;
    if (member->must_learn) {
        group_member_learn(member, classic_go_on);
        return;
    }
    worker->program->is_idle = worker->workload->is_quiet && is_settled && member->epoch >= 0;
    classic->step = choose_step(classic);
    send_step(classic);
}

struct process *group_classic_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count)
{
    struct classic *classic = calloc(1, sizeof *classic);
    assert(classic != NULL);
    assert(core_count == 1);
    group_member_init(&classic->member, program, node, cores[0], landed);
    classic->generation = -1;
    group_member_learn(&classic->member, classic_go_on);
    return &classic->member.worker.process;
}
