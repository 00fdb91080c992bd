/* When appends are refused for lack of space, and when they are taken again. Pure. */
#ifndef TAILRACE_STORAGE_ROOM_CORE_H
#define TAILRACE_STORAGE_ROOM_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum room_level { ROOM_AMPLE, ROOM_NARROW, ROOM_DRY };

/* What a look has found. */
struct room_look {
    uint64_t free_bytes;     /* for an ordinary user */
    uint64_t free_bytes_min; /* appends are refused below it */
    uint64_t reserve_bytes;
    bool has_reserve; /* its bytes are not free */
    bool was_short;   /* something found no space or no handle since the last look */
    bool has_waiting; /* something that was accepted is not in its segment */
};

/* The level by what is free. Between the limit and half as much again it stays as it is, so that it
 * does not flutter. AMPLE after another is a wish: the reserve comes first. */
enum room_level room_core_judge(enum room_level level, const struct room_look *look);

#endif
