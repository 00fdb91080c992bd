/* The newest offset of each key, for compaction. Pure.
 *
 * What is kept of a key is 128 bits of a keyed hash (base/hash.h), so a key costs 24 bytes however
 * long it is, in memory that the caller gives: a log with more keys than fit is compacted in
 * several passes. Open addressing, in slots that follow each other; full at nine tenths, as
 * Kafka's, beyond which searching would grow long. */
#ifndef TAILRACE_STORAGE_OFFSET_MAP_H
#define TAILRACE_STORAGE_OFFSET_MAP_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offset_slot {
    struct hash128 hash;
    int64_t offset; /* -1: free */
};
_Static_assert(sizeof(struct offset_slot) == 24, "the memory of a map is reckoned with this");

struct offset_map {
    struct offset_slot *slots;
    uint64_t slot_count;
    uint64_t cleared_count; /* slots that are known to be free or in use; the others hold rubbish */
    uint64_t key_count;
    uint64_t key_count_max;
    struct hash_seed seed;
};

/* The bytes that a map of so many keys needs. */
size_t offset_map_size(uint64_t key_count);

/* A map in memory of the caller's, aligned to 8 bytes and large enough for at least one key, of
 * which nothing is written yet. */
void offset_map_init(struct offset_map *map, void *memory, size_t size_bytes,
                     struct hash_seed seed);

/* Makes up to `size_bytes` of the memory ready; false when all of it is, and the map may be used.
 * In pieces, because a large map takes longer than a core may be kept busy. */
bool offset_map_clear(struct offset_map *map, size_t size_bytes);

/* Notes the key's offset, if it is newer than the one known; false if the key is new and the map
 * is full. */
bool offset_map_put(struct offset_map *map, struct bytes key, int64_t offset);

/* The newest offset of the key; -1 if it is not known. */
int64_t offset_map_get(const struct offset_map *map, struct bytes key);

/* The same by hash, which the tests choose. */
bool offset_map_put_hash(struct offset_map *map, struct hash128 hash, int64_t offset);
int64_t offset_map_get_hash(const struct offset_map *map, struct hash128 hash);

#endif
