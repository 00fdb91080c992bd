/* What happened, as a hash and, if wanted, as lines.
 *
 * Every move of an operation and every event of the simulator is noted here. Two runs of one seed
 * must give the same hash; with a sink set, the notes can be read, and a unit test compares them
 * as a story. Only names and numbers go in, never addresses. */
#ifndef TAILRACE_BASE_TRACE_H
#define TAILRACE_BASE_TRACE_H

#include <stdint.h>

struct trace {
    uint64_t hash;
    uint64_t count;
    void (*sink)(void *context, const char *subject, const char *event, int64_t number);
    void *context;
};

void trace_init(struct trace *trace);

/* `subject` did `event`, with one number that says more (a result, an offset). */
void trace_note(struct trace *trace, const char *subject, const char *event, int64_t number);

#endif
