/* Who uses the offsets of a group without being a member: readers who assign themselves what they
 * read, and an observer, who fetches the offsets of any group again and again, above all while the
 * coordinator loads. */
#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/group_member.h"

#include <stdlib.h>

enum { OBSERVER_PAUSE_MS = 20, COMMIT_CHANCE = 60, EXPIRY_CHANCE = 20, RETENTION_MS = 300 };

struct outsider {
    struct group_member member;
    bool observes; /* and nothing else */
    bool is_found;
    enum { STEP_FIND, STEP_COMMIT, STEP_FETCH } step;
};

static void outside_go_on(struct worker *worker);

static void commit_some(struct group_member *member)
{
    struct prng *prng = &member->worker.prng;
    bool which[GROUP_PARTITIONS];
    bool expires = prng_chance(prng, EXPIRY_CHANCE, 100);
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++)
        which[i] = prng_chance(prng, 1, 3);
    which[prng_below(prng, GROUP_PARTITIONS)] = true;
    group_member_commit(member, which, expires ? (int64_t)prng_below(prng, RETENTION_MS) : -1);
}

static int16_t take_answer(struct outsider *outsider)
{
    switch (outsider->step) {
    case STEP_FIND: return group_member_found(&outsider->member);
    case STEP_COMMIT: return group_member_committed(&outsider->member);
    case STEP_FETCH: return group_member_fetched(&outsider->member);
    }
    unreachable();
}

static void landed(struct completion *completion, int32_t result)
{
    struct group_member *member = container_of(completion, struct group_member, call.completion);
    struct outsider *outsider = container_of(member, struct outsider, member);
    struct worker *worker = &member->worker;
    worker->program->last_result = result;
    bool is_good = result == STATUS_OK && take_answer(outsider) == KAFKA_NONE;
    outsider->is_found = is_good || member->must_learn;
    worker->program->is_idle =
        worker->workload->is_quiet && is_good && outsider->step == STEP_FETCH;
    worker_pause(worker, outsider->observes ? OBSERVER_PAUSE_MS : GROUP_PAUSE_MS, outside_go_on);
}

static void send_step(struct outsider *outsider)
{
    struct group_member *member = &outsider->member;
    switch (outsider->step) {
    case STEP_FIND: group_member_find(member); return;
    case STEP_COMMIT: commit_some(member); return;
    case STEP_FETCH: group_member_fetch(member, false); return;
    }
}

static void outside_go_on(struct worker *worker)
{
    struct group_member *member = container_of(worker, struct group_member, worker);
    struct outsider *outsider = container_of(member, struct outsider, member);
    bool is_quiet = worker->workload->is_quiet;
    bool may_commit = !outsider->observes && !is_quiet;
    if (member->must_learn) {
        group_member_learn(member, outside_go_on);
        return;
    }
    if (!outsider->is_found && !outsider->observes)
        outsider->step = STEP_FIND;
    else if (may_commit && prng_chance(&worker->prng, COMMIT_CHANCE, 100))
        outsider->step = STEP_COMMIT;
    else
        outsider->step = STEP_FETCH;
    send_step(outsider);
}

static struct process *start(const struct program *program, struct node *node, struct io *io,
                             bool observes)
{
    struct outsider *outsider = calloc(1, sizeof *outsider);
    assert(outsider != NULL);
    group_member_init(&outsider->member, program, node, io, landed);
    outsider->observes = observes;
    group_member_learn(&outsider->member, outside_go_on);
    return &outsider->member.worker.process;
}

struct process *group_alone_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    assert(core_count == 1);
    return start(program, node, cores[0], false);
}

struct process *group_observer_start(const struct program *program, struct node *node,
                                     struct io *const *cores, uint32_t core_count)
{
    assert(core_count == 1);
    return start(program, node, cores[0], true);
}
