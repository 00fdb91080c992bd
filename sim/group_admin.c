/* Who takes away what the groups' story uses: the topic that comes and goes, by its id, and groups.
 * Whoever asks for the topic next brings it back. */
#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/group_member.h"

#include <stdlib.h>

enum { ADMIN_PAUSE_MS = 300, TIMEOUT_MS = 5000, FLEETING = GROUP_TOPICS - 1 };

struct group_admin {
    struct group_member member; /* of no group */
    bool deletes;               /* a group, */
    uint32_t deleted;           /* this one, */
    uint64_t deleted_at;        /* as it was asked then */
};

static void admin_go_on(struct worker *worker);

/* --- A topic ---------------------------------------------------------------------------------- */

static void topics_are_known(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct delete_topics_request_topic topic;
    struct delete_topics_request request;
    group_member_ask(member);
    delete_topics_request_topic_init(&topic);
    topic.topic_id = worker->topics[FLEETING].id;
    delete_topics_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    group_audit_topic_doomed(group_member_audit(member), FLEETING, topic.topic_id);
    client_delete_topics(&worker->client, &member->call, DELETE_TOPICS_REQUEST_VERSION_MAX,
                         &request);
}

/* --- A group ---------------------------------------------------------------------------------- */

static void delete_group(struct group_admin *admin)
{
    struct group_member *member = &admin->member;
    struct delete_groups_request request;
    struct bytes name;
    admin->deleted = (uint32_t)prng_below(&member->worker.prng, GROUP_COUNT);
    admin->deleted_at = group_audit_delete(group_member_audit(member), admin->deleted);
    admin->deletes = true;
    name = bytes_of_text(group_names[admin->deleted]);
    group_member_ask(member);
    delete_groups_request_init(&request);
    request.groups_names = &name;
    request.groups_names_count = 1;
    client_delete_groups(&member->worker.client, &member->call, DELETE_GROUPS_REQUEST_VERSION_MAX,
                         &request);
}

/* What is refused for another reason may have been carried out. */
static bool is_refusal(int16_t error)
{
    return error == KAFKA_NON_EMPTY_GROUP || error == KAFKA_GROUP_ID_NOT_FOUND ||
           error == KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
}

static void take_deletion(struct group_admin *admin)
{
    struct delete_groups_response response;
    struct group_audit *audit = group_member_audit(&admin->member);
    if (client_delete_groups_answer(&admin->member.call, &response) != STATUS_OK ||
        response.results_count != 1) {
        verdict_fail(audit->verdict, OUTCOME_UNSAFE, "a malformed answer");
        return;
    }
    int16_t error = group_member_failed(&admin->member, response.results[0].error_code);
    if (error == KAFKA_NONE || is_refusal(error))
        group_audit_deleted(audit, admin->deleted, admin->deleted_at, error == KAFKA_NONE);
}

/* --- Both ------------------------------------------------------------------------------------- */

static void landed(struct completion *completion, int32_t result)
{
    struct group_member *member = container_of(completion, struct group_member, call.completion);
    struct group_admin *admin = container_of(member, struct group_admin, member);
    if (admin->deletes && result == STATUS_OK)
        take_deletion(admin);
    admin->deletes = false;
    worker_pause(&member->worker, ADMIN_PAUSE_MS, admin_go_on);
}

static void admin_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    bool is_topic = prng_chance(&worker->prng, 1, 2);
    worker->program->is_idle = worker->workload->is_quiet;
    if (worker->workload->is_quiet)
        return;
    if (is_topic && member->groups->deletes_topics)
        group_member_learn(member, topics_are_known);
    else if (!is_topic && member->groups->deletes_groups)
        delete_group(container_of(member, struct group_admin, member));
    else
        worker_pause(worker, ADMIN_PAUSE_MS, admin_go_on);
}

struct process *group_admin_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    struct group_admin *admin = calloc(1, sizeof *admin);
    assert(admin != NULL);
    assert(core_count == 1);
    group_member_init(&admin->member, program, node, cores[0], landed);
    worker_pause(&admin->member.worker, 1, admin_go_on);
    return &admin->member.worker.process;
}
