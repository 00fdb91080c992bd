/* Chains in a table whose size is a power of two. A map of one or two nodes needs no table at all:
 * its only bucket lies in the map itself. Hashes are kept in the nodes, so growing calls no one. */
#include "base/map.h"

#include "base/assert.h"

#include <stdlib.h>

enum { MAP_NODES_PER_BUCKET_MAX = 2 };

void map_init(struct map *map, bool (*has_key)(const struct map_node *node, const void *key))
{
    assert(has_key != NULL);
    *map = (struct map){.bucket_count = 1, .has_key = has_key};
}

void map_deinit(struct map *map)
{
    free(map->buckets);
    *map = (struct map){0};
}

static struct map_node **map_buckets(struct map *map)
{
    return map->buckets == NULL ? &map->first_bucket : map->buckets;
}

static struct map_node *map_chain(const struct map *map, size_t bucket)
{
    assert(bucket < map->bucket_count);
    return map->buckets == NULL ? map->first_bucket : map->buckets[bucket];
}

static size_t bucket_of(const struct map *map, uint64_t hash)
{
    assert((map->bucket_count & (map->bucket_count - 1)) == 0);
    return hash & (map->bucket_count - 1);
}

struct map_node *map_find(const struct map *map, uint64_t hash, const void *key)
{
    assert(map->bucket_count > 0);
    assert(map->has_key != NULL);
    struct map_node *node = map_chain(map, bucket_of(map, hash));
    while (node != NULL && !(node->hash == hash && map->has_key(node, key)))
        node = node->next;
    return node;
}

static void map_link(struct map *map, struct map_node *node)
{
    assert(map->has_key != NULL);
    struct map_node **bucket = &map_buckets(map)[bucket_of(map, node->hash)];
    node->next = *bucket;
    *bucket = node;
}

/* All nodes move at once: a long pause for a very large map, but such maps are made at start. */
static void map_grow(struct map *map)
{
    assert(map->count > 0);
    struct map_node **grown = calloc(map->bucket_count * 4, sizeof *grown);
    if (grown == NULL)
        return;
    struct map old = *map;
    map->buckets = grown;
    map->first_bucket = NULL;
    map->bucket_count = old.bucket_count * 4;
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct map_node *node = map_chain(&old, i);
        while (node != NULL) {
            struct map_node *next = node->next;
            map_link(map, node);
            node = next;
        }
    }
    assert(map->count == old.count);
    free(old.buckets);
}

void map_insert(struct map *map, struct map_node *node, uint64_t hash)
{
    assert(map->bucket_count > 0);
    assert(node != NULL);
    if (map->count >= map->bucket_count * MAP_NODES_PER_BUCKET_MAX)
        map_grow(map);
    node->hash = hash;
    map_link(map, node);
    map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
    assert(map->count > 0);
    assert(node != NULL);
    struct map_node **link = &map_buckets(map)[bucket_of(map, node->hash)];
    while (*link != node) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->count--;
}

size_t map_bytes(const struct map *map)
{
    return map->buckets == NULL ? 0 : map->bucket_count * sizeof *map->buckets;
}

/* The first node in this bucket or a later one. */
static struct map_node *map_first_from(const struct map *map, size_t bucket)
{
    for (; bucket < map->bucket_count; bucket++) {
        struct map_node *node = map_chain(map, bucket);
        if (node != NULL)
            return node;
    }
    return NULL;
}

struct map_node *map_first(const struct map *map)
{
    return map->count == 0 ? NULL : map_first_from(map, 0);
}

struct map_node *map_next(const struct map *map, const struct map_node *node)
{
    assert(map->count > 0);
    assert(node != NULL);
    if (node->next != NULL)
        return node->next;
    return map_first_from(map, bucket_of(map, node->hash) + 1);
}
