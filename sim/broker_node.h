/* A broker as a program of a node: what broker/main.c is to a machine, this is to a world. It
 * reads its settings, serves, ends cleanly when it is signalled, and at once when it halts. */
#ifndef TAILRACE_SIM_BROKER_NODE_H
#define TAILRACE_SIM_BROKER_NODE_H

#include "sim/program.h"

enum { BROKER_NODE_PORT = 9092 };

struct broker_program {
    struct program program;
    const char *settings; /* as in server.properties; outlives the program */
    size_t memory_bytes;
    uint64_t journal_file_bytes;
    bool skips_sync;      /* a bite: nothing is synced */
    uint32_t serve_count; /* lives that came to serve clients */
    uint32_t halt_count;  /* and those that ended because a disk had failed */
};

/* `settings` must say listeners=PLAINTEXT://:9092 and a log.dirs below /data. */
void broker_program_init(struct broker_program *program, const char *settings);

#endif
