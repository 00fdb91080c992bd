/* A member of the consumer protocol (KIP-848), as Java's client is one: a heartbeat says what it is
 * to own; what it must give up it commits first, then it says that it owns it no more.
 *
 *   find ──▶ heartbeat of epoch 0 ──▶ fetch ──▶ heartbeats, commits, fetches ──▶ leave
 *               ▲                                │    ▲
 *               │              less is to be owned    │ said so
 *               │                                ▼    │
 *               └── fenced ◀───────────────── commit ─┘ */
#include "base/assert.h"
#include "io/io.h"
#include "protocol/errors.h"
#include "sim/group_member.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEARTBEAT_VERSION = 1,
    EPOCH_JOIN = 0,
    EPOCH_LEAVE = -1,
    EPOCH_COME_BACK = -2, /* a static member leaves for a while */
    COMMIT_CHANCE = 35,
    FETCH_CHANCE = 10,
    LEAVE_CHANCE = 2,
};

enum step { STEP_FIND, STEP_HEARTBEAT, STEP_FETCH, STEP_COMMIT, STEP_LEAVE };

struct modern {
    struct group_member member;
    enum step step;
    bool is_found;
    bool is_placed;
    bool must_tell; /* everything: it does not know what the coordinator has heard */
    bool is_zombie;
    bool has_target;
    bool target[GROUP_PARTITIONS]; /* what it is to own */
    bool has_committed;            /* what is to be given up */
};

static void modern_go_on(struct worker *worker);

/* --- Heartbeats ---------------------------------------------------------------------------------
 */

static bool must_give_up(const struct modern *modern)
{
    for (uint32_t i = 0; modern->has_target && i < GROUP_PARTITIONS; i++)
        if (modern->member.owned[i] && !modern->target[i])
            return true;
    return false;
}

static void give_up(struct modern *modern)
{
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        if (modern->member.owned[i] && !modern->target[i])
            group_member_release(&modern->member, i);
    modern->has_committed = false;
    modern->must_tell = true;
}

struct owned_body {
    struct consumer_group_heartbeat_request_topic_partitions topics[GROUP_TOPICS];
    int32_t partitions[GROUP_TOPICS][TOPIC_PARTITIONS_MAX];
    struct bytes names[GROUP_TOPICS];
};

static void tell_owned(struct modern *modern, struct owned_body *body,
                       struct consumer_group_heartbeat_request *request)
{
    struct group_member *member = &modern->member;
    for (uint32_t i = 0; i < GROUP_TOPICS; i++) {
        body->names[i] = bytes_of_text(workload_topics[i].name);
        consumer_group_heartbeat_request_topic_partitions_init(&body->topics[i]);
        body->topics[i].topic_id = member->worker.topics[i].id;
        body->topics[i].partitions = body->partitions[i];
    }
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        struct consumer_group_heartbeat_request_topic_partitions *topic =
            &body->topics[i / TOPIC_PARTITIONS_MAX];
        if (member->owned[i])
            topic->partitions[topic->partitions_count++] = (int32_t)(i % TOPIC_PARTITIONS_MAX);
    }
    request->rebalance_timeout_ms = GROUP_REBALANCE_MS;
    request->subscribed_topic_names = body->names;
    request->subscribed_topic_names_count = GROUP_TOPICS;
    request->topic_partitions = body->topics;
    request->topic_partitions_count = member->epoch == EPOCH_JOIN ? 0 : GROUP_TOPICS;
}

static void send_heartbeat(struct modern *modern, int32_t epoch)
{
    struct group_member *member = &modern->member;
    struct owned_body body;
    struct consumer_group_heartbeat_request request;
    group_member_ask(member);
    consumer_group_heartbeat_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.member_id = bytes_of_text(member->id);
    request.member_epoch = epoch;
    request.instance_id = group_member_instance(member);
    if (epoch == EPOCH_JOIN || (epoch > 0 && modern->must_tell))
        tell_owned(modern, &body, &request);
    client_consumer_group_heartbeat(&member->worker.client, &member->call, HEARTBEAT_VERSION,
                                    &request);
}

static void beat(struct modern *modern)
{
    if (must_give_up(modern))
        give_up(modern);
    if (modern->member.epoch <= EPOCH_JOIN) {
        group_member_release_all(&modern->member);
        modern->member.epoch = EPOCH_JOIN;
    }
    send_heartbeat(modern, modern->member.epoch);
}

static void leave(struct modern *modern)
{
    bool comes_back =
        modern->member.program->instance != NULL && prng_chance(&modern->member.worker.prng, 1, 2);
    group_member_release_all(&modern->member);
    send_heartbeat(modern, comes_back ? EPOCH_COME_BACK : EPOCH_LEAVE);
}

/* --- What it is to own --------------------------------------------------------------------------
 */

static bool read_target(struct modern *modern,
                        const struct consumer_group_heartbeat_response_assignment *assignment)
{
    memset(modern->target, 0, sizeof modern->target);
    for (uint32_t t = 0; t < assignment->topic_partitions_count; t++) {
        const struct consumer_group_heartbeat_response_topic_partitions *topic =
            &assignment->topic_partitions[t];
        uint32_t index;
        if (!group_topic_by_id(&modern->member, topic->topic_id, &index))
            return false;
        for (uint32_t i = 0; i < topic->partitions_count; i++) {
            if (topic->partitions[i] < 0 || topic->partitions[i] >= TOPIC_PARTITIONS_MAX)
                return false;
            modern->target[group_partition_of(index, topic->partitions[i])] = true;
        }
    }
    return true;
}

/* What is added may be used at once. */
static void take_target(struct modern *modern)
{
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        if (!modern->target[i] || modern->member.owned[i])
            continue;
        group_member_take(&modern->member, i);
        modern->must_tell = true;
        modern->is_placed = false;
    }
}

static int16_t take_heartbeat(struct modern *modern)
{
    struct group_member *member = &modern->member;
    struct group_audit *audit = group_member_audit(member);
    struct consumer_group_heartbeat_response response;
    if (client_consumer_group_heartbeat_answer(&member->call, &response) != STATUS_OK)
        return group_member_failed(member, KAFKA_UNKNOWN_SERVER_ERROR);
    if (response.error_code != KAFKA_NONE)
        return response.error_code;
    if (member->epoch > EPOCH_JOIN)
        group_audit_alive(audit, member->program->group, member->program->index, member->asked_at);
    if (response.member_epoch < member->epoch)
        verdict_fail(audit->verdict, OUTCOME_UNSAFE, "epoch: a member's went back");
    member->epoch = response.member_epoch;
    member->fenced_in_life = 0;
    modern->must_tell = false;
    if (response.assignment == NULL)
        return KAFKA_NONE;
    modern->has_target = true;
    if (!read_target(modern, response.assignment))
        verdict_fail(audit->verdict, OUTCOME_UNSAFE, "an assignment of unknown partitions");
    take_target(modern);
    return KAFKA_NONE;
}

/* --- What comes of an answer --------------------------------------------------------------------
 */

/* It joins anew, under the id that it has. */
static void forget(struct modern *modern)
{
    group_member_release_all(&modern->member);
    modern->member.epoch = EPOCH_JOIN;
    modern->is_zombie = false;
    modern->has_target = false;
    modern->is_placed = false;
}

/* Whoever is fenced for its epoch alone is a member, and may be believed what it commits. */
static void was_fenced(struct modern *modern, int16_t error)
{
    bool may_try =
        error == KAFKA_UNKNOWN_MEMBER_ID && !modern->is_zombie && modern->member.epoch > EPOCH_JOIN;
    if (may_try && group_member_fenced(&modern->member))
        modern->is_zombie = true;
    else
        forget(modern);
}

static int16_t take_answer(struct modern *modern)
{
    switch (modern->step) {
    case STEP_FIND: return group_member_found(&modern->member);
    case STEP_HEARTBEAT: return take_heartbeat(modern);
    case STEP_FETCH: return group_member_fetched(&modern->member);
    case STEP_COMMIT: return group_member_committed(&modern->member);
    case STEP_LEAVE: return KAFKA_NONE;
    }
    unreachable();
}

static void step_ended(struct modern *modern, int16_t error)
{
    group_member_failed(&modern->member, error);
    switch (error) {
    case KAFKA_NONE:
        modern->is_found = modern->is_found || modern->step == STEP_FIND;
        modern->is_placed = modern->is_placed || modern->step == STEP_FETCH;
        break;
    case KAFKA_STALE_MEMBER_EPOCH: break; /* the next heartbeat knows more */
    case KAFKA_UNRELEASED_INSTANCE_ID: break;
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_FENCED_INSTANCE_ID:
    case KAFKA_FENCED_MEMBER_EPOCH: was_fenced(modern, error); break;
    default: modern->is_found = false; break;
    }
}

static void landed(struct completion *completion, int32_t result)
{
    struct group_member *member = container_of(completion, struct group_member, call.completion);
    struct modern *modern = container_of(member, struct modern, member);
    bool was_zombie = modern->is_zombie;
    member->worker.program->last_result = result;
    if (result == STATUS_OK)
        step_ended(modern, take_answer(modern));
    if (result != STATUS_OK) {
        modern->is_found = false;
        modern->must_tell = true;
    }
    modern->has_committed = modern->step == STEP_COMMIT;
    if (modern->step == STEP_LEAVE || (was_zombie && modern->is_zombie))
        forget(modern);
    worker_pause(&member->worker, modern->is_found ? GROUP_PAUSE_MS : GROUP_RETRY_MS, modern_go_on);
}

/* --- What comes next ----------------------------------------------------------------------------
 */

static enum step draw_step(struct modern *modern)
{
    struct prng *prng = &modern->member.worker.prng;
    bool may_commit = group_member_owned_count(&modern->member) > 0;
    if (may_commit && prng_chance(prng, COMMIT_CHANCE, 100))
        return STEP_COMMIT;
    if (prng_chance(prng, FETCH_CHANCE, 100))
        return STEP_FETCH;
    bool is_quiet = modern->member.worker.workload->is_quiet;
    return !is_quiet && prng_chance(prng, LEAVE_CHANCE, 100) ? STEP_LEAVE : STEP_HEARTBEAT;
}

static enum step choose_step(struct modern *modern)
{
    if (!modern->is_found)
        return STEP_FIND;
    if (modern->is_zombie)
        return STEP_COMMIT;
    if (modern->member.epoch <= EPOCH_JOIN)
        return STEP_HEARTBEAT;
    if (must_give_up(modern))
        return modern->has_committed ? STEP_HEARTBEAT : STEP_COMMIT;
    if (modern->must_tell)
        return STEP_HEARTBEAT;
    return modern->is_placed || modern->step == STEP_FETCH ? draw_step(modern) : STEP_FETCH;
}

static void send_step(struct modern *modern)
{
    struct group_member *member = &modern->member;
    switch (modern->step) {
    case STEP_FIND: group_member_find(member); return;
    case STEP_HEARTBEAT: beat(modern); return;
    case STEP_FETCH: group_member_fetch(member, true); return;
    case STEP_COMMIT: group_member_commit(member, member->owned); return;
    case STEP_LEAVE: leave(modern); return;
    }
}

static void modern_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct modern *modern = container_of(member, struct modern, member);
    bool is_settled = modern->is_found && modern->is_placed && !must_give_up(modern);
    worker->program->is_idle =
        worker->workload->is_quiet && is_settled && member->epoch > EPOCH_JOIN;
    modern->step = choose_step(modern);
    send_step(modern);
}

static void draw_id(struct group_member *member)
{
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    io_secret(member->worker.io, &id, sizeof id);
    uuid_format(id, text);
    group_member_set_id(member, bytes_of_text(text));
}

static struct process *modern_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count)
{
    struct modern *modern = calloc(1, sizeof *modern);
    assert(modern != NULL);
    assert(core_count == 1);
    group_member_init(&modern->member, program, node, cores[0], landed);
    draw_id(&modern->member);
    modern->member.epoch = EPOCH_JOIN;
    worker_learn_topics(&modern->member.worker, modern_go_on);
    return &modern->member.worker.process;
}

void group_consumer_program_init(struct group_program *program, struct group_workload *groups)
{
    program->worker =
        (struct worker_program){.program = {.start = modern_start}, .workload = &groups->workload};
}
