/* Who is in no group and fetches the offsets of one of them, again and again: above all while the
 * coordinator loads. */
#include "base/assert.h"
#include "protocol/errors.h"
#include "sim/group_member.h"

#include <stdlib.h>

enum { OBSERVER_PAUSE_MS = 20 };

static void observe(struct worker *worker)
{
    group_member_fetch(container_of(worker, struct group_member, worker), false);
}

static void observed(struct completion *completion, int32_t result)
{
    struct group_member *member = container_of(completion, struct group_member, call.completion);
    struct worker *worker = &member->worker;
    worker->program->last_result = result;
    bool is_good = result == STATUS_OK && group_member_fetched(member) == KAFKA_NONE;
    worker->program->is_idle = worker->workload->is_quiet && is_good;
    worker_pause(worker, OBSERVER_PAUSE_MS, observe);
}

static struct process *observer_start(const struct program *program, struct node *node,
                                      struct io *const *cores, uint32_t core_count)
{
    struct group_member *member = calloc(1, sizeof *member);
    assert(member != NULL);
    assert(core_count == 1);
    group_member_init(member, program, node, cores[0], observed);
    worker_learn_topics(&member->worker, observe);
    return &member->worker.process;
}

void group_observer_program_init(struct group_program *program, struct group_workload *groups)
{
    program->worker = (struct worker_program){.program = {.start = observer_start},
                                              .workload = &groups->workload};
}
