/* A map from partitions to epochs. Who is meant is told apart by the epoch alone: a position that
 * is taken back leaves alone what a later one has written over it. */
#include "consumer-groups/partition_owners.h"

#include "base/assert.h"
#include "base/hash.h"

/* Topic ids are the broker's own, not clients': no secret is needed. */
static const struct hash_seed seed = {{0, 0}};

struct owner {
    struct map_node node;
    struct partition_item item;
};

static bool has_key(const struct map_node *node, const void *key)
{
    return partition_item_compare(&container_of(node, const struct owner, node)->item, key) == 0;
}

static uint64_t hash_of(const struct partition_item *item)
{
    uint64_t words[2];
    static_assert(sizeof words == sizeof item->topic_id, "a uuid is two words");
    memcpy(words, &item->topic_id, sizeof words);
    return hash_u64(seed, words[0] ^ words[1] ^ (uint64_t)(uint32_t)item->partition << 17);
}

static struct owner *find(const struct partition_owners *owners, const struct partition_item *item)
{
    struct map_node *node = map_find(&owners->map, hash_of(item), item);
    return node == NULL ? NULL : container_of(node, struct owner, node);
}

void partition_owners_init(struct partition_owners *owners)
{
    map_init(&owners->map, has_key);
}

void partition_owners_deinit(struct partition_owners *owners, struct group_memory *memory)
{
    struct map_node *node, *following;
    map_for_each_safe(node, following, &owners->map)
    {
        struct owner *owner = container_of(node, struct owner, node);
        map_remove(&owners->map, node);
        group_memory_free(memory, owner, sizeof *owner);
    }
    assert(owners->map.count == 0);
    map_deinit(&owners->map);
}

static bool add_one(struct partition_owners *owners, struct group_memory *memory,
                    const struct partition_item *item, int32_t epoch)
{
    assert(epoch != PARTITION_OWNER_NOBODY);
    struct owner *owner = find(owners, item);
    if (owner == NULL) {
        owner = group_memory_allocate(memory, sizeof *owner);
        if (owner == NULL)
            return false;
        owner->item = *item;
        owner->item.epoch = epoch;
        map_insert(&owners->map, &owner->node, hash_of(item));
    }
    if (owner->item.epoch < epoch)
        owner->item.epoch = epoch;
    assert(owner->item.epoch >= epoch);
    return true;
}

static bool add_set(struct partition_owners *owners, struct group_memory *memory,
                    const struct partition_set *set, int32_t epoch)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (!add_one(owners, memory, &set->items[i], epoch))
            return false;
    return true;
}

bool partition_owners_add(struct partition_owners *owners, struct group_memory *memory,
                          const struct member_position *position)
{
    return add_set(owners, memory, &position->assigned, position->epoch) &&
           add_set(owners, memory, &position->revoking, position->epoch);
}

static void remove_set(struct partition_owners *owners, struct group_memory *memory,
                       const struct partition_set *set, int32_t epoch)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct owner *owner = find(owners, &set->items[i]);
        if (owner == NULL || owner->item.epoch != epoch)
            continue;
        map_remove(&owners->map, &owner->node);
        group_memory_free(memory, owner, sizeof *owner);
    }
}

void partition_owners_remove(struct partition_owners *owners, struct group_memory *memory,
                             const struct member_position *position)
{
    remove_set(owners, memory, &position->assigned, position->epoch);
    remove_set(owners, memory, &position->revoking, position->epoch);
}

int32_t partition_owners_epoch(const struct partition_owners *owners, struct uuid topic_id,
                               int32_t partition)
{
    struct partition_item item = {.topic_id = topic_id, .partition = partition};
    const struct owner *owner = find(owners, &item);
    return owner == NULL ? PARTITION_OWNER_NOBODY : owner->item.epoch;
}
