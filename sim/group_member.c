#include "sim/group_member.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <string.h>

enum {
    FIND_VERSION_OF_ONE = 3,
    COMMIT_VERSION_WITH_RETENTION = 2,
    COMMIT_VERSION_WITHOUT_RETENTION = 5,
    COMMIT_VERSION_WITH_IDS = 10,
    FETCH_VERSION_OF_GROUPS = 8,
    FETCH_VERSION_WITH_MEMBERS = 9,
    ZOMBIE_CHANCE = 50, /* in a hundred who are fenced */
};

/* Each with num.partitions. */
const struct workload_topic group_topics[GROUP_TOPICS] = {
    {.name = "orders"}, {.name = "growing"}, {.name = "fleeting", .is_fleeting = true}};

const char *const group_names[GROUP_COUNT] = {"these-readers", "other-readers"};

void group_member_init(struct group_member *member, const struct program *program,
                       struct node *node, struct io *io,
                       void (*landed)(struct completion *, int32_t))
{
    worker_init(&member->worker, program, node, io, 1);
    member->program = container_of(member->worker.program, struct group_program, worker);
    member->groups = container_of(member->worker.workload, struct group_workload, workload);
    member->epoch = -1;
    client_call_init(&member->call, landed);
    group_member_release_all(member);
}

static void topics_are_known(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    for (uint32_t i = 0; i < GROUP_TOPICS; i++)
        group_audit_topic_seen(group_member_audit(member), i, worker->topics[i].id);
    member->must_learn = false;
    member->learned(worker);
}

void group_member_learn(struct group_member *member, void (*next)(struct worker *worker))
{
    member->learned = next;
    worker_learn_topics(&member->worker, topics_are_known);
}

bool group_member_retires(struct group_member *member)
{
    struct worker *worker = &member->worker;
    if (!worker->workload->is_quiet || !member->program->is_second)
        return false;
    group_member_release_all(member);
    worker->program->is_idle = true;
    return true;
}

bool group_member_ends(struct group_member *member)
{
    bool does_end = group_member_plot(member)->readers == READERS_MOVING;
    if (does_end)
        io_stop(member->worker.io);
    return does_end;
}

struct bytes group_member_group_id(const struct group_member *member)
{
    return bytes_of_text(group_names[member->program->group]);
}

struct bytes group_member_instance(const struct group_member *member)
{
    const char *instance = member->program->instance;
    return instance == NULL ? (struct bytes){0} : bytes_of_text(instance);
}

void group_member_set_id(struct group_member *member, struct bytes id)
{
    if (id.size >= GROUP_ID_SIZE) {
        verdict_fail(group_member_audit(member)->verdict, OUTCOME_UNSAFE, "a member id too long");
        return;
    }
    memset(member->id, 0, sizeof member->id);
    if (id.size > 0)
        memcpy(member->id, id.data, id.size);
}

void group_member_ask(struct group_member *member)
{
    client_call_reset(&member->call);
    member->asked_at = group_audit_asks(group_member_audit(member));
}

int16_t group_member_failed(struct group_member *member, int16_t error)
{
    member->worker.program->last_error = error;
    return error;
}

static int16_t malformed(struct group_member *member)
{
    verdict_fail(group_member_audit(member)->verdict, OUTCOME_UNSAFE, "a malformed answer");
    return group_member_failed(member, KAFKA_UNKNOWN_SERVER_ERROR);
}

/* --- Partitions ------------------------------------------------------------------------------- */

uint32_t group_partition_of(uint32_t topic, int32_t index)
{
    assert(topic < GROUP_TOPICS);
    assert(index >= 0 && index < GROUP_TOPIC_PARTITIONS);
    return topic * GROUP_TOPIC_PARTITIONS + (uint32_t)index;
}

bool group_topic_by_name(struct bytes name, uint32_t *topic)
{
    for (*topic = 0; *topic < GROUP_TOPICS; ++*topic)
        if (bytes_equal_text(name, group_topics[*topic].name))
            return true;
    return false;
}

/* As it was named in the request. */
static bool topic_asked(const struct group_member *member, bool by_id, struct bytes name,
                        struct uuid id, uint32_t *topic)
{
    if (!by_id)
        return group_topic_by_name(name, topic);
    for (*topic = 0; *topic < GROUP_TOPICS; ++*topic)
        if (uuid_equal(id, member->asked_ids[*topic]))
            return true;
    return false;
}

void group_member_take(struct group_member *member, uint32_t partition, struct uuid topic_id)
{
    assert(partition < GROUP_PARTITIONS);
    const struct group_place place = {
        .group = member->program->group, .partition = partition, .topic_id = topic_id};
    member->owned[partition] = true;
    member->owned_ids[group_topic_of(partition)] = topic_id;
    group_audit_told(group_member_audit(member), &place, member->program->index, member->given_at);
}

void group_member_release(struct group_member *member, uint32_t partition)
{
    assert(partition < GROUP_PARTITIONS);
    member->owned[partition] = false;
    group_audit_released(group_member_audit(member), member->program->group, member->program->index,
                         partition);
}

void group_member_release_all(struct group_member *member)
{
    memset(member->owned, 0, sizeof member->owned);
    group_audit_released_all(group_member_audit(member), member->program->group,
                             member->program->index);
}

uint32_t group_member_owned_count(const struct group_member *member)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        count += member->owned[i];
    return count;
}

/* A coordinator that starts anew knows what is on disk, and may take up again whom it had not
 * written off there. */
static uint32_t broker_life(const struct group_member *member)
{
    return node_death_count(member->groups->broker) + 1;
}

bool group_member_fenced(struct group_member *member)
{
    member->fenced_in_life = broker_life(member);
    return group_member_owned_count(member) > 0 &&
           prng_chance(&member->worker.prng, ZOMBIE_CHANCE, 100);
}

/* --- The coordinator -------------------------------------------------------------------------- */

void group_member_find(struct group_member *member)
{
    struct find_coordinator_request request;
    group_member_ask(member);
    find_coordinator_request_init(&request);
    request.key = group_member_group_id(member);
    client_find_coordinator(&member->worker.client, &member->call, FIND_VERSION_OF_ONE, &request);
}

int16_t group_member_found(struct group_member *member)
{
    struct find_coordinator_response response;
    if (client_find_coordinator_answer(&member->call, &response) != STATUS_OK)
        return malformed(member);
    return group_member_failed(member, response.error_code);
}

/* --- Commits ---------------------------------------------------------------------------------- */

struct commit_body {
    struct offset_commit_request_partition partitions[GROUP_PARTITIONS];
    struct offset_commit_request_topic topics[GROUP_TOPICS];
};

/* Whoever was given partitions by the names of their topics, or by nobody, knows the ids from
 * elsewhere. */
static void choose_ids(struct group_member *member)
{
    for (uint32_t i = 0; i < GROUP_TOPICS; i++) {
        struct uuid owned = member->owned_ids[i];
        member->asked_ids[i] = uuid_is_zero(owned) ? member->worker.topics[i].id : owned;
    }
}

static void fill_topic(struct group_member *member, struct offset_commit_request *request,
                       uint32_t topic, struct offset_commit_request_partition *first)
{
    struct offset_commit_request_topic *out = &request->topics[request->topics_count];
    bool is_new =
        request->topics_count == 0 || !bytes_equal_text(out[-1].name, group_topics[topic].name);
    if (is_new) {
        offset_commit_request_topic_init(out);
        out->name = bytes_of_text(group_topics[topic].name);
        out->topic_id = member->asked_ids[topic];
        out->partitions = first;
        request->topics_count++;
    }
    request->topics[request->topics_count - 1].partitions_count++;
}

static void fill_commit(struct group_member *member, struct commit_body *body,
                        const bool which[GROUP_PARTITIONS], struct offset_commit_request *request,
                        bool by_id)
{
    uint32_t count = 0;
    request->topics = body->topics;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        uint32_t topic = group_topic_of(i);
        member->committing[i] = GROUP_OFFSET_NONE;
        if (!which[i])
            continue;
        const struct group_place place = {
            .group = member->program->group,
            .partition = i,
            .topic_id = by_id ? member->asked_ids[topic] : UUID_NONE,
        };
        member->committing[i] =
            group_audit_commit(group_member_audit(member), &place, request->retention_time_ms >= 0);
        struct offset_commit_request_partition *partition = &body->partitions[count++];
        offset_commit_request_partition_init(partition);
        partition->partition_index = (int32_t)(i % GROUP_TOPIC_PARTITIONS);
        partition->committed_offset = member->committing[i];
        fill_topic(member, request, topic, partition);
    }
    assert(count > 0);
}

static int16_t draw_commit_version(struct group_member *member, int64_t retention_ms)
{
    bool expires = retention_ms >= 0;
    uint64_t first = expires ? COMMIT_VERSION_WITH_RETENTION : COMMIT_VERSION_WITH_IDS - 1;
    uint64_t last = expires ? COMMIT_VERSION_WITHOUT_RETENTION - 1 : COMMIT_VERSION_WITH_IDS;
    return (int16_t)prng_between(&member->worker.prng, first, last);
}

void group_member_commit(struct group_member *member, const bool which[GROUP_PARTITIONS],
                         int64_t retention_ms)
{
    struct commit_body body;
    struct offset_commit_request request;
    int16_t version = draw_commit_version(member, retention_ms);
    group_member_ask(member);
    member->commits_as_fenced = member->fenced_in_life != 0;
    offset_commit_request_init(&request);
    request.group_id = group_member_group_id(member);
    request.member_id = bytes_of_text(member->id);
    request.group_instance_id = group_member_instance(member);
    request.generation_id_or_member_epoch = member->epoch;
    request.retention_time_ms = retention_ms;
    choose_ids(member);
    fill_commit(member, &body, which, &request, version >= COMMIT_VERSION_WITH_IDS);
    client_offset_commit(&member->worker.client, &member->call, version, &request);
}

/* The topic is not there, or not under this id: which says nothing about the rest. */
static bool error_is_of_topic(int16_t error)
{
    return error == KAFKA_UNKNOWN_TOPIC_ID || error == KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

/* What is refused for another reason may have been carried out: the answer was lost on its way. */
static bool error_is_refusal(int16_t error)
{
    return error == KAFKA_UNKNOWN_MEMBER_ID || error == KAFKA_ILLEGAL_GENERATION ||
           error == KAFKA_FENCED_INSTANCE_ID || error == KAFKA_STALE_MEMBER_EPOCH ||
           error == KAFKA_FENCED_MEMBER_EPOCH || error == KAFKA_REBALANCE_IN_PROGRESS ||
           error == KAFKA_COORDINATOR_LOAD_IN_PROGRESS || error == KAFKA_GROUP_ID_NOT_FOUND ||
           error_is_of_topic(error);
}

static void committed_one(struct group_member *member, uint32_t partition, int16_t error)
{
    struct group_audit *audit = group_member_audit(member);
    int64_t offset = member->committing[partition];
    bool is_fenced = member->commits_as_fenced && !member->groups->may_reload &&
                     member->fenced_in_life == broker_life(member);
    member->committing[partition] = GROUP_OFFSET_NONE;
    if (offset == GROUP_OFFSET_NONE)
        verdict_fail(audit->verdict, OUTCOME_UNSAFE, "a partition answered that was not asked");
    else if (error == KAFKA_NONE)
        group_audit_committed(audit, offset, member->program->index, is_fenced);
    else if (error_is_refusal(error))
        group_audit_refused(audit, offset);
}

int16_t group_member_committed(struct group_member *member)
{
    struct offset_commit_response response;
    int16_t error = KAFKA_NONE;
    if (client_offset_commit_answer(&member->call, &response) != STATUS_OK)
        return malformed(member);
    for (uint32_t t = 0; t < response.topics_count; t++) {
        uint32_t topic;
        if (!topic_asked(member, member->call.version >= COMMIT_VERSION_WITH_IDS,
                         response.topics[t].name, response.topics[t].topic_id, &topic))
            return malformed(member);
        for (uint32_t i = 0; i < response.topics[t].partitions_count; i++) {
            int32_t index = response.topics[t].partitions[i].partition_index;
            int16_t its_error = response.topics[t].partitions[i].error_code;
            if (index < 0 || index >= GROUP_TOPIC_PARTITIONS)
                return malformed(member);
            committed_one(member, group_partition_of(topic, index), its_error);
            if (error_is_of_topic(its_error))
                member->must_learn = true;
            else
                error = its_error;
        }
    }
    return group_member_failed(member, error);
}

/* --- Fetches ---------------------------------------------------------------------------------- */

void group_member_fetch(struct group_member *member, bool as_member)
{
    struct offset_fetch_request_group_topic topics[GROUP_TOPICS];
    struct offset_fetch_request_group group;
    struct offset_fetch_request request;
    int32_t indexes[GROUP_TOPIC_PARTITIONS];
    group_member_ask(member);
    for (int32_t i = 0; i < GROUP_TOPIC_PARTITIONS; i++)
        indexes[i] = i;
    offset_fetch_request_group_init(&group);
    group.group_id = group_member_group_id(member);
    group.member_id = as_member ? bytes_of_text(member->id) : (struct bytes){0};
    group.member_epoch = as_member ? member->epoch : -1;
    group.topics = topics;
    group.topics_count = GROUP_TOPICS;
    for (uint32_t i = 0; i < GROUP_TOPICS; i++) {
        offset_fetch_request_group_topic_init(&topics[i]);
        member->asked_ids[i] = member->worker.topics[i].id;
        topics[i].name = bytes_of_text(group_topics[i].name);
        topics[i].topic_id = member->asked_ids[i];
        topics[i].partition_indexes = indexes;
        topics[i].partition_indexes_count = GROUP_TOPIC_PARTITIONS;
    }
    offset_fetch_request_init(&request);
    request.groups = &group;
    request.groups_count = 1;
    group_audit_snapshot(group_member_audit(member), member->program->group, &member->snapshot);
    int16_t version = (int16_t)prng_between(
        &member->worker.prng, as_member ? FETCH_VERSION_WITH_MEMBERS : FETCH_VERSION_OF_GROUPS,
        OFFSET_FETCH_REQUEST_VERSION_MAX);
    client_offset_fetch(&member->worker.client, &member->call, version, &request);
}

static int16_t take_fetched_topic(struct group_member *member,
                                  const struct offset_fetch_response_group_topic *answer)
{
    uint32_t topic;
    bool by_id = member->call.version >= OFFSET_FETCH_REQUEST_VERSION_MAX;
    if (!topic_asked(member, by_id, answer->name, answer->topic_id, &topic) ||
        answer->partitions_count != GROUP_TOPIC_PARTITIONS)
        return malformed(member);
    for (uint32_t i = 0; i < GROUP_TOPIC_PARTITIONS; i++) {
        const struct offset_fetch_response_group_partition *partition = &answer->partitions[i];
        member->must_learn = member->must_learn || error_is_of_topic(partition->error_code);
        if (partition->error_code != KAFKA_NONE)
            return group_member_failed(member, partition->error_code);
        if (partition->partition_index < 0 || partition->partition_index >= GROUP_TOPIC_PARTITIONS)
            return malformed(member);
        const struct group_place place = {
            .group = member->program->group,
            .partition = group_partition_of(topic, partition->partition_index),
            .topic_id = by_id ? member->asked_ids[topic] : UUID_NONE,
        };
        group_audit_fetched(group_member_audit(member), &place, &member->snapshot,
                            partition->committed_offset);
    }
    return KAFKA_NONE;
}

int16_t group_member_fetched(struct group_member *member)
{
    struct offset_fetch_response response;
    if (client_offset_fetch_answer(&member->call, &response) != STATUS_OK ||
        response.groups_count != 1)
        return malformed(member);
    const struct offset_fetch_response_group *group = &response.groups[0];
    int16_t error = group->error_code;
    if (error == KAFKA_NONE && group->topics_count != GROUP_TOPICS)
        return malformed(member);
    for (uint32_t i = 0; error == KAFKA_NONE && i < group->topics_count; i++)
        error = take_fetched_topic(member, &group->topics[i]);
    return group_member_failed(member, error);
}
