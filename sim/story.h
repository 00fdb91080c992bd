/* A story: a world that is built from a seed, lives through faults, and is judged.
 *
 * Adding one is a file that defines a `struct story` and a line in sim/stories.c. */
#ifndef TAILRACE_SIM_STORY_H
#define TAILRACE_SIM_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The worst that happened; also what the program exits with, so that a script can tell. A crash
 * (a failed assertion, a signal) is seen by whoever runs the story in a process of its own. */
enum outcome {
    OUTCOME_GOOD = 0,
    OUTCOME_CRASH = 127,
    OUTCOME_STUCK = 128,  /* liveness: what must happen in the end did not */
    OUTCOME_UNSAFE = 129, /* safety: what must never happen did */
};

enum { STORY_REASON_SIZE = 256 };

/* No pointers in it: it goes through a pipe. */
struct verdict {
    enum outcome outcome;
    char reason[STORY_REASON_SIZE]; /* one sentence; empty when all is good */
    uint64_t trace_hash;            /* equal for two runs of one seed */
    uint64_t step_count;
    uint64_t simulated_ns;
    uint64_t range_bytes; /* that went from files to sockets, as not in every seed */
};

struct story_options {
    uint64_t seed;
    const char *bite; /* the name of one of the story's bites, or NULL */
    FILE *trace;      /* every event, readable; or NULL */
    FILE *log;        /* what the programs log; or NULL */
};

/* A deliberate mistake in what is tested, to show that the story would find it. */
struct story_bite {
    const char *name;
    const char *summary;
};

struct story {
    const char *name;
    const char *summary;
    const struct story_bite *bites; /* ends with a NULL name */
    void (*run)(const struct story_options *options, struct verdict *verdict);
};

/* Keeps the first failure: later ones often follow from it. */
void verdict_fail(struct verdict *verdict, enum outcome outcome, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

#endif
