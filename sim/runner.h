/* Runs one seed of a story in a process of its own, so that a crash is a verdict like any other.
 * This part of the folder is outside of all worlds: it forks and waits for real. */
#ifndef TAILRACE_SIM_RUNNER_H
#define TAILRACE_SIM_RUNNER_H

#include "sim/story.h"

/* One seed that runs. */
struct runner {
    const struct story *story;
    struct story_options options;
    bool twice;  /* run it a second time, over memory filled differently, and compare */
    int process; /* the child; 0 when nothing runs */
    int pipe;    /* the verdict comes out of it */
};

/* Begins; false, with a message on stderr, when the machine has no process to give. */
bool runner_start(struct runner *runner);

/* Waits for any of the runners to end, and answers which; `runners` of which none runs are not
 * allowed. */
struct runner *runner_wait(struct runner *runners, uint32_t count, struct verdict *verdict);

/* Runs the seed in this process. With `twice`, a different trace is a crash of determinism and
 * comes out as OUTCOME_UNSAFE. */
void runner_run(const struct story *story, const struct story_options *options, bool twice,
                struct verdict *verdict);

#endif
