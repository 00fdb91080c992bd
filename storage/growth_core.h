/* How large something is made at first that grows and is copied with each growing: about as large
 * as those before it became. Pure: commits of the journal and frames of a log ask. */
#ifndef TAILRACE_STORAGE_GROWTH_CORE_H
#define TAILRACE_STORAGE_GROWTH_CORE_H

#include <stdbool.h>
#include <stdint.h>

/* The size that the next one is likely to reach, after one that has reached `final_bytes`. Follows
 * upwards at once, and downwards by a quarter each time: a small one between large ones changes
 * little, and what came once is soon forgotten. */
uint32_t growth_core_likely(uint32_t likely_bytes, uint32_t final_bytes);

/* Is memory of `capacity_bytes` so much for the `size_bytes` in it, which will be no more, that it
 * is worth a copy? Never for what has grown by doubling. */
bool growth_core_is_too_large(uint64_t capacity_bytes, uint64_t size_bytes);

#endif
