/* Which offsets of a log cannot be read because the disk does not give back what was written.
 *
 * A sorted list of ranges without overlaps; what touches is one range. It has a limit, so that a
 * disk that has lost everything does not take the memory too: what does not fit any more is found
 * anew, and refused anew, by every reader who comes there. Pure. */
#ifndef TAILRACE_STORAGE_DAMAGE_CORE_H
#define TAILRACE_STORAGE_DAMAGE_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum { DAMAGES_MAX = 1024 };

struct log_damage {
    int64_t from;
    int64_t to; /* the first offset behind it */
};

struct damage_core {
    struct log_damage *ranges;
    uint32_t count;
    uint32_t capacity;
};

void damage_core_deinit(struct damage_core *core);

/* The offsets [from, to). True when some of it was not known; it is remembered then, if there is
 * room and memory. */
bool damage_core_note(struct damage_core *core, int64_t from, int64_t to);

/* The range that holds `offset`; NULL when there is none. Good until the next note. */
const struct log_damage *damage_core_find(const struct damage_core *core, int64_t offset);

#endif
