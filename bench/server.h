/* What a broker's processes have used, read from /proc: of one process and all its descendants,
 * because a broker may have been started through a script. Linux only. */
#ifndef TAILRACE_BENCH_SERVER_H
#define TAILRACE_BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum { SERVER_TASKS_MAX = 1024 };

/* A thread; what it has counted goes with it when it ends. */
struct server_task {
    uint32_t id;
    int64_t context_switches;
};

/* Since the processes began, but for memory, which is as it is now. */
struct server_use {
    int64_t cpu_user_ns; /* the kernel tells hundredths of a second */
    int64_t cpu_system_ns;
    struct server_task tasks[SERVER_TASKS_MAX];
    uint32_t task_count;
    int64_t memory_bytes;
    bool has_disk_bytes; /* the kernel shows them to the same user and to root only */
    int64_t written_bytes;
    int64_t read_bytes;
};

/* False if there is no such process. */
bool server_use_read(uint32_t pid, struct server_use *use);

/* What came to `use` since it was `before`; memory stays as it is. */
void server_use_subtract(struct server_use *use, const struct server_use *before);

/* Of all threads that are there. */
int64_t server_use_switches(const struct server_use *use);

#endif
