/* A hash map whose nodes live in what is mapped, so that putting in and taking out never allocate
 * an element and never fail.
 *
 * The caller hashes the key (base/hash.h) and gives a function that says whether a node has a key.
 * Buckets are chains; their number doubles as the map grows, and if the machine has no memory for
 * more, the chains get longer and nothing else changes. The order of iteration depends on the
 * hashes and on the history alone, never on addresses: equal histories iterate equally, which the
 * simulator relies on. Belongs to one core. */
#ifndef TAILRACE_BASE_MAP_H
#define TAILRACE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map {
    struct map_node **buckets; /* NULL while there is only one */
    struct map_node *first_bucket;
    size_t bucket_count; /* a power of two */
    size_t count;
    bool (*has_key)(const struct map_node *node, const void *key);
};

/* An empty map, which takes no memory until it holds more than a few nodes. */
void map_init(struct map *map, bool (*has_key)(const struct map_node *node, const void *key));

/* Gives back the buckets; the nodes are their owners' business. */
void map_deinit(struct map *map);

/* The node with this key, or NULL. `hash` is the hash of `key`. */
struct map_node *map_find(const struct map *map, uint64_t hash, const void *key);

/* The node must be in no map, and its key not in this one. */
void map_insert(struct map *map, struct map_node *node, uint64_t hash);

/* The node must be in this map. */
void map_remove(struct map *map, struct map_node *node);

/* What the buckets take; it does not become less when nodes go. */
size_t map_bytes(const struct map *map);

/* For the loops below. */
struct map_node *map_first(const struct map *map);
struct map_node *map_next(const struct map *map, const struct map_node *node);

/* The body must neither insert nor remove; `node` is a struct map_node pointer. */
#define map_for_each(node, map)                                                                    \
    for (node = map_first(map); node != NULL; node = map_next(map, node))

/* The body may remove `node`, and nothing else. */
#define map_for_each_safe(node, following, map)                                                    \
    for (node = map_first(map); node != NULL && (following = map_next(map, node), true);           \
         node = following)

#endif
