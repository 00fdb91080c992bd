/* A broker that is started for a measurement, from words in which {port} and {data} stand for a
 * free port and its folder. It dies with this program. */
#ifndef TAILRACE_BENCH_LAUNCH_H
#define TAILRACE_BENCH_LAUNCH_H

#include "bench/control.h"
#include "bench/system.h"

#include <stdbool.h>
#include <stdint.h>

enum { LAUNCH_WORDS_MAX = 256 };

struct launch {
    const char *name; /* when it fails; its first word unless somebody knows better */
    bool is_verbose;  /* show what the broker says */
    char *words[LAUNCH_WORDS_MAX + 1]; /* the command with its places filled in */
    uint32_t word_count;
    uint16_t port;
    struct address address;
    struct process process;
    struct control control; /* open while the broker runs */
    int64_t answered_ns;    /* from exec to the first ApiVersions answer */
};

/* Nothing is started yet. launch_forget releases it. */
void launch_prepare(struct launch *launch, const char *const *command, uint32_t word_count,
                    const char *folder);
void launch_forget(struct launch *launch);

/* Starts it and knocks until it answers; it may be started again after a stop. */
void launch_start(struct launch *launch);

/* Answers how long that took. */
int64_t launch_stop(struct launch *launch);

/* SIGKILL. */
void launch_kill(struct launch *launch);

#endif
