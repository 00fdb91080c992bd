/* Slots are looked for from the one that the first half of the hash names, one after the other: the
 * next ones lie in the same line of the cache. */
#include "storage/offset_map.h"

#include "base/assert.h"

enum { LOAD_NUMERATOR = 9, LOAD_DENOMINATOR = 10 };

size_t offset_map_size(uint64_t key_count)
{
    assert(key_count < UINT64_MAX / sizeof(struct offset_slot) / 2);
    return (key_count * LOAD_DENOMINATOR / LOAD_NUMERATOR + 2) * sizeof(struct offset_slot);
}

void offset_map_init(struct offset_map *map, void *memory, size_t size_bytes, struct hash_seed seed)
{
    assert(memory != NULL);
    assert((uintptr_t)memory % _Alignof(struct offset_slot) == 0);
    uint64_t slot_count = size_bytes / sizeof(struct offset_slot);
    *map = (struct offset_map){
        .slots = memory,
        .slot_count = slot_count,
        .key_count_max = slot_count * LOAD_NUMERATOR / LOAD_DENOMINATOR,
        .seed = seed,
    };
    assert(map->key_count_max > 0);
    assert(map->key_count_max < slot_count); /* a search ends at a free slot */
}

bool offset_map_clear(struct offset_map *map, size_t size_bytes)
{
    uint64_t count = size_bytes / sizeof(struct offset_slot);
    assert(count > 0);
    assert(map->cleared_count <= map->slot_count);
    if (count > map->slot_count - map->cleared_count)
        count = map->slot_count - map->cleared_count;
    for (uint64_t i = 0; i < count; i++)
        map->slots[map->cleared_count + i].offset = -1;
    map->cleared_count += count;
    return map->cleared_count < map->slot_count;
}

static bool hash_equals(struct hash128 a, struct hash128 b)
{
    return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

/* The slot of the hash, or the free one where it belongs. The product spreads the hash over any
 * number of slots without a division. */
static struct offset_slot *find_slot(const struct offset_map *map, struct hash128 hash)
{
    assert(map->cleared_count == map->slot_count);
    assert(map->key_count <= map->key_count_max);
    assert(map->key_count < map->slot_count);
    uint64_t index = (uint64_t)((unsigned __int128)hash.words[0] * map->slot_count >> 64);
    for (;;) {
        struct offset_slot *slot = &map->slots[index];
        if (slot->offset < 0 || hash_equals(slot->hash, hash))
            return slot;
        index = index + 1 == map->slot_count ? 0 : index + 1;
    }
}

bool offset_map_put_hash(struct offset_map *map, struct hash128 hash, int64_t offset)
{
    assert(offset >= 0);
    struct offset_slot *slot = find_slot(map, hash);
    if (slot->offset >= 0) {
        if (slot->offset < offset)
            slot->offset = offset;
        return true;
    }
    if (map->key_count == map->key_count_max)
        return false;
    *slot = (struct offset_slot){hash, offset};
    map->key_count++;
    return true;
}

int64_t offset_map_get_hash(const struct offset_map *map, struct hash128 hash)
{
    return find_slot(map, hash)->offset;
}

bool offset_map_put(struct offset_map *map, struct bytes key, int64_t offset)
{
    assert(!bytes_are_null(key));
    return offset_map_put_hash(map, hash128_bytes(map->seed, key), offset);
}

int64_t offset_map_get(const struct offset_map *map, struct bytes key)
{
    assert(!bytes_are_null(key));
    return offset_map_get_hash(map, hash128_bytes(map->seed, key));
}
