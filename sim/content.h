/* A hash of bytes that go to a disk or over a network, for the trace: two runs of a seed that
 * write different bytes (uninitialised padding, an address) are found out at once. Eight bytes at
 * a time, in four lanes, because a journal is zeroed in megabytes and one lane waits for each of
 * its multiplications. */
#ifndef TAILRACE_SIM_CONTENT_H
#define TAILRACE_SIM_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CONTENT_LANES = 4 };

static inline uint64_t content_mix(uint64_t hash, const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Whole words, each to the lane whose turn it is; the last few to the first. */
static inline uint64_t content_hash_words(const uint8_t *data, size_t count)
{
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (; count >= CONTENT_LANES; data += CONTENT_LANES * sizeof a, count -= CONTENT_LANES) {
        a = content_mix(a, data);
        b = content_mix(b, data + sizeof a);
        c = content_mix(c, data + 2 * sizeof a);
        d = content_mix(d, data + 3 * sizeof a);
    }
    for (; count > 0; data += sizeof a, count--)
        a = content_mix(a, data);
    a = content_mix(a, (const uint8_t *)&b);
    a = content_mix(a, (const uint8_t *)&c);
    return content_mix(a, (const uint8_t *)&d);
}

static inline uint64_t content_hash(const uint8_t *data, size_t size)
{
    size_t words_size = size - size % sizeof(uint64_t);
    uint64_t hash = size ^ content_hash_words(data, words_size / sizeof(uint64_t));
    for (size_t i = words_size; i < size; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    return hash;
}

#endif
