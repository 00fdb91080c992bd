/* Frames that have been written stay in memory for those who read them next, the newest ones of all
 * logs together, within the bound of the caches.
 *
 * A log that nobody has read for a while gets a small part of that, TAIL_UNREAD_SHARE: enough for a
 * consumer who begins at its end. More would be a long way round for all memory that is written:
 * each new batch would be copied to where the processor's cache has nothing, and a broker that
 * nobody reads from would touch, and hold, as much memory as one with many readers. */
#ifndef TAILRACE_STORAGE_TAIL_CACHE_H
#define TAILRACE_STORAGE_TAIL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct log;
struct memory_frame;
struct store;

enum { TAIL_UNREAD_SHARE = 16 }; /* of the bound */

/* Since its last read; a consumer who commits or rebalances comes back sooner. */
#define TAIL_READER_NS (10ull * 1000 * 1000 * 1000)

/* Somebody reads the log: what is written from now on is kept for him. */
void tail_cache_note_reader(struct log *log);

/* The frame is on disk as far as it must be, and may be evicted from now on. */
void tail_cache_add(struct memory_frame *frame);

/* It goes out of memory, whether it is there or not. */
void tail_cache_remove(struct memory_frame *frame);

/* Takes the oldest one out of memory, of a log that nobody reads if there is one; false when there
 * is none. */
bool tail_cache_evict(struct store *store);

/* Evicts what is above the bounds. */
void tail_cache_trim(struct store *store);

#endif
