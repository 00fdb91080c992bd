/* A member of the consumer protocol (KIP-848), as Java's client is one: a heartbeat says what it is
 * to own; what it must give up it commits first, then it says that it owns it no more. It wants
 * topics by their names or by a regular expression, and uses what it is given of a topic when it
 * has learned its id.
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
    WANTED_MAX = 2 * GROUP_TOPICS,
};

static const char pattern[] = "orders|grow.*|f[l]e{2}ting";

enum step { STEP_FIND, STEP_HEARTBEAT, STEP_FETCH, STEP_COMMIT, STEP_LEAVE };

/* Partitions of a topic that it may not know yet. */
struct wanted {
    struct uuid topic_id;
    bool partitions[GROUP_TOPIC_PARTITIONS];
};

struct modern {
    struct group_member member;
    enum step step;
    bool is_found;
    bool is_placed;
    bool must_tell; /* everything: it does not know what the coordinator has heard */
    bool is_zombie;
    bool is_out;      /* another process has its instance id */
    bool has_pattern; /* instead of names */
    bool has_target;
    struct wanted target[WANTED_MAX]; /* what it is to own */
    uint32_t target_count;
    bool has_committed; /* what is to be given up */
};

static void modern_go_on(struct worker *worker);

/* --- Heartbeats ------------------------------------------------------------------------------- */

static bool is_wanted(const struct modern *modern, uint32_t partition, struct uuid topic_id)
{
    for (uint32_t i = 0; i < modern->target_count; i++)
        if (uuid_equal(modern->target[i].topic_id, topic_id))
            return modern->target[i].partitions[partition % GROUP_TOPIC_PARTITIONS];
    return false;
}

static bool must_give_up_one(const struct modern *modern, uint32_t partition)
{
    const struct group_member *member = &modern->member;
    return modern->has_target && member->owned[partition] &&
           !is_wanted(modern, partition, member->owned_ids[group_topic_of(partition)]);
}

static bool must_give_up(const struct modern *modern)
{
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        if (must_give_up_one(modern, i))
            return true;
    return false;
}

static void give_up(struct modern *modern)
{
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        if (must_give_up_one(modern, i))
            group_member_release(&modern->member, i);
    modern->has_committed = false;
    modern->must_tell = true;
}

struct owned_body {
    struct consumer_group_heartbeat_request_topic_partitions topics[GROUP_TOPICS];
    int32_t partitions[GROUP_PARTITIONS];
    struct bytes names[GROUP_TOPICS];
};

static void tell_owned(struct modern *modern, struct owned_body *body,
                       struct consumer_group_heartbeat_request *request)
{
    const struct group_member *member = &modern->member;
    request->topic_partitions = body->topics;
    for (uint32_t t = 0; member->epoch != EPOCH_JOIN && t < GROUP_TOPICS; t++) {
        struct consumer_group_heartbeat_request_topic_partitions *topic =
            &body->topics[request->topic_partitions_count];
        consumer_group_heartbeat_request_topic_partitions_init(topic);
        topic->topic_id = member->owned_ids[t];
        topic->partitions = &body->partitions[group_partition_of(t, 0)];
        for (int32_t i = 0; i < GROUP_TOPIC_PARTITIONS; i++)
            if (member->owned[group_partition_of(t, i)])
                topic->partitions[topic->partitions_count++] = i;
        request->topic_partitions_count += topic->partitions_count > 0;
    }
}

static void tell_wishes(const struct modern *modern, struct owned_body *body,
                        struct consumer_group_heartbeat_request *request)
{
    request->rebalance_timeout_ms = GROUP_REBALANCE_MS;
    if (modern->has_pattern)
        request->subscribed_topic_regex = bytes_of_text(pattern);
    request->subscribed_topic_names = body->names;
    for (uint32_t i = 0;
         !modern->has_pattern && i < group_member_plot(&modern->member)->topic_count; i++)
        body->names[request->subscribed_topic_names_count++] = bytes_of_text(group_topics[i].name);
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
    if (epoch == EPOCH_JOIN || (epoch > 0 && modern->must_tell)) {
        tell_wishes(modern, &body, &request);
        tell_owned(modern, &body, &request);
    }
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

/* --- What it is to own ------------------------------------------------------------------------ */

static bool read_target(struct modern *modern,
                        const struct consumer_group_heartbeat_response_assignment *assignment)
{
    memset(modern->target, 0, sizeof modern->target);
    modern->target_count = 0;
    if (assignment->topic_partitions_count > WANTED_MAX)
        return false;
    for (uint32_t t = 0; t < assignment->topic_partitions_count; t++) {
        const struct consumer_group_heartbeat_response_topic_partitions *topic =
            &assignment->topic_partitions[t];
        struct wanted *wanted = &modern->target[modern->target_count++];
        wanted->topic_id = topic->topic_id;
        for (uint32_t i = 0; i < topic->partitions_count; i++) {
            if (topic->partitions[i] < 0 || topic->partitions[i] >= GROUP_TOPIC_PARTITIONS)
                return false;
            wanted->partitions[topic->partitions[i]] = true;
        }
    }
    return true;
}

static bool is_known(const struct modern *modern, struct uuid topic_id)
{
    for (uint32_t i = 0; i < GROUP_TOPICS; i++)
        if (uuid_equal(modern->member.worker.topics[i].id, topic_id))
            return true;
    return false;
}

static bool has_unknown_topic(const struct modern *modern)
{
    for (uint32_t i = 0; i < modern->target_count; i++)
        if (!is_known(modern, modern->target[i].topic_id))
            return true;
    return false;
}

/* What is added may be used at once, if it is known what it is; of a topic that has come anew not
 * before what was owned of the former one is given up. */
static void take_target(struct modern *modern)
{
    struct group_member *member = &modern->member;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        struct uuid id = member->worker.topics[group_topic_of(i)].id;
        if (member->owned[i] || !is_wanted(modern, i, id) || must_give_up(modern))
            continue;
        group_member_take(member, i, id);
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
    member->given_at = member->asked_at;
    if (!read_target(modern, response.assignment))
        verdict_fail(audit->verdict, OUTCOME_UNSAFE, "an assignment of unknown partitions");
    member->must_learn = member->must_learn || has_unknown_topic(modern);
    take_target(modern);
    return KAFKA_NONE;
}

/* --- What comes of an answer ------------------------------------------------------------------ */

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
    modern->is_out = error == KAFKA_FENCED_INSTANCE_ID;
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
    case KAFKA_UNKNOWN_TOPIC_ID: break;
    case KAFKA_GROUP_ID_NOT_FOUND:
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_FENCED_INSTANCE_ID:
    case KAFKA_FENCED_MEMBER_EPOCH: was_fenced(modern, error); break;
    default: modern->is_found = false; break;
    }
}

static uint32_t pause_ms(struct modern *modern)
{
    bool was_out = modern->is_out;
    modern->is_out = false;
    if (was_out)
        return GROUP_FENCED_MS;
    return modern->is_found ? GROUP_PAUSE_MS : GROUP_RETRY_MS;
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
    if (modern->step == STEP_LEAVE && group_member_ends(member))
        return;
    worker_pause(&member->worker, pause_ms(modern), modern_go_on);
}

/* --- What comes next -------------------------------------------------------------------------- */

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
    case STEP_COMMIT: group_member_commit(member, member->owned, -1); return;
    case STEP_LEAVE: leave(modern); return;
    }
}

static void modern_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct modern *modern = container_of(member, struct modern, member);
    if (group_member_retires(member))
        return;
    if (member->must_learn) {
        group_member_learn(member, modern_go_on);
        return;
    }
    if (modern->has_target && !modern->is_zombie)
        take_target(modern);
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

struct process *group_consumer_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count)
{
    struct modern *modern = calloc(1, sizeof *modern);
    assert(modern != NULL);
    assert(core_count == 1);
    group_member_init(&modern->member, program, node, cores[0], landed);
    draw_id(&modern->member);
    modern->member.epoch = EPOCH_JOIN;
    modern->has_pattern = prng_chance(&modern->member.worker.prng, 1, 2) &&
                          group_member_plot(&modern->member)->topic_count == GROUP_TOPICS;
    group_member_learn(&modern->member, modern_go_on);
    return &modern->member.worker.process;
}
