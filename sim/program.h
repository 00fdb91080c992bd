/* What a node runs: the contract between the world and the code under test. A broker is a program,
 * and so is a client. */
#ifndef TAILRACE_SIM_PROGRAM_H
#define TAILRACE_SIM_PROGRAM_H

#include "io/io.h"

struct node;

/* What a node runs; embedded in whoever configures it. */
struct program {
    /* The process starts; NULL when it refuses to. */
    struct process *(*start)(const struct program *program, struct node *node,
                             struct io *const *cores, uint32_t core_count);
    /* May be NULL. Runs when the process has stopped its first door itself: the rest of main,
     * where io_await may be used again. */
    void (*finish)(struct process *process);
    /* May be NULL: the memory of the process is freed anyway (sim/heap.h). */
    void (*destroy)(struct process *process);
};

/* The state of a running program; embedded in it. */
struct process {
    const struct program *program;
    struct node *node;
};

enum death {
    DEATH_NONE,
    DEATH_STOP,      /* it ended by itself, or refused to start */
    DEATH_KILL,      /* SIGKILL: page cache and machine live on */
    DEATH_POWER_CUT, /* the machine: what was not durable is at stake */
};

#endif
