/* A hash of bytes that go to a disk or over a network, for the trace: two runs of a seed that
 * write different bytes (uninitialised padding, an address) are found out at once. Eight bytes at
 * a time, because a journal is zeroed in megabytes. */
#ifndef TAILRACE_SIM_CONTENT_H
#define TAILRACE_SIM_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t content_hash(const uint8_t *data, size_t size)
{
    uint64_t hash = size;
    uint64_t word;
    for (; size >= sizeof word; data += sizeof word, size -= sizeof word) {
        memcpy(&word, data, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (; size > 0; data++, size--)
        hash = (hash ^ *data) * 0x100000001b3u;
    return hash;
}

#endif
