/* What the system says about this process, for those who watch it. */
#ifndef TAILRACE_IO_PROCESS_H
#define TAILRACE_IO_PROCESS_H

#include <stdint.h>

struct process_facts {
    int64_t resident_bytes;
    int64_t open_file_count;
    int64_t cpu_us; /* user and system together */
};

/* Zero where the system does not say. A few short reads of /proc; from any thread. */
void process_describe(struct process_facts *facts);

#endif
