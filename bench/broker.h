/* A broker that a measurement starts itself, from the words of a command in which {port} and {data}
 * stand for a free port and the folder of its data. It dies with the program. */
#ifndef TAILRACE_BENCH_BROKER_H
#define TAILRACE_BENCH_BROKER_H

#include "bench/control.h"
#include "bench/start_options.h"
#include "bench/system.h"

struct broker {
    const struct start_options *options;
    char *words[START_WORDS_MAX + 1]; /* the command with its places filled in */
    uint32_t word_count;
    struct address address;
    struct process process;
    struct control control; /* open while the broker runs */
    int64_t answered_ns;    /* from exec to the first ApiVersions answer */
};

/* Fills in the command; options and folder must outlive the broker. */
void broker_prepare(struct broker *broker, const struct start_options *options, const char *folder);
void broker_forget(struct broker *broker);

/* Starts it and knocks until it answers. */
void broker_start(struct broker *broker);

/* Asks it to end; answers how long that took. */
int64_t broker_stop(struct broker *broker);

/* SIGKILL. */
void broker_kill(struct broker *broker);

#endif
