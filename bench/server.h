/* What a broker's processes have used, read from /proc: of one process and all its descendants,
 * because a broker may have been started through a script. Linux only. */
#ifndef TAILRACE_BENCH_SERVER_H
#define TAILRACE_BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Since the processes began, but for memory, which is as it is now. */
struct server_use {
    int64_t cpu_user_ns; /* the kernel tells hundredths of a second */
    int64_t cpu_system_ns;
    int64_t context_switches;
    int64_t memory_bytes;
    bool has_disk_bytes; /* the kernel shows them to the same user and to root only */
    int64_t written_bytes;
    int64_t read_bytes;
};

/* False if there is no such process. */
bool server_use_read(uint32_t pid, struct server_use *use);

/* What came to `now` since it was `before`; memory stays that of `now`. */
struct server_use server_use_since(const struct server_use *now, const struct server_use *before);

#endif
