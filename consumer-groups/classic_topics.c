/* A set of names. It is made anew with each generation; when the bytes of one member cannot be
 * read, nothing is known at all, since half an answer would let offsets expire that are in use. */
#include "consumer-groups/classic_topics.h"

#include "base/assert.h"
#include "base/list.h"
#include "protocol/messages/consumer_protocol_subscription.h"

struct classic_topic {
    struct map_node node;
    struct bytes name; /* behind this struct */
};

static bool topic_has_name(const struct map_node *node, const void *name)
{
    return bytes_equal(container_of(node, const struct classic_topic, node)->name,
                       *(const struct bytes *)name);
}

void classic_topics_init(struct classic_topics *topics, struct hash_seed seed)
{
    map_init(&topics->names, topic_has_name);
    topics->seed = seed;
    topics->are_known = false;
}

void classic_topics_deinit(struct classic_topics *topics, struct group_memory *memory)
{
    classic_topics_reset(topics, memory, false);
    map_deinit(&topics->names);
}

void classic_topics_reset(struct classic_topics *topics, struct group_memory *memory,
                          bool are_known)
{
    struct map_node *node;
    struct map_node *following;
    map_for_each_safe(node, following, &topics->names)
    {
        struct classic_topic *topic = container_of(node, struct classic_topic, node);
        map_remove(&topics->names, node);
        group_memory_free(memory, topic, sizeof *topic + topic->name.size);
    }
    assert(topics->names.count == 0);
    topics->are_known = are_known;
}

static bool add_name(struct classic_topics *topics, struct group_memory *memory, struct bytes name)
{
    if (classic_topics_have(topics, name))
        return true;
    struct classic_topic *topic = group_memory_allocate(memory, sizeof *topic + name.size);
    if (topic == NULL)
        return false;
    if (name.size > 0)
        memcpy(topic + 1, name.data, name.size);
    topic->name = bytes_of(topic + 1, name.size);
    map_insert(&topics->names, &topic->node, hash_bytes(topics->seed, name));
    return true;
}

/* The version is not asked: version 0 is what each begins with. */
static bool add_all(struct classic_topics *topics, struct group_memory *memory, struct arena *arena,
                    struct bytes subscription)
{
    struct reader reader;
    struct consumer_protocol_subscription wish;
    reader_init(&reader, subscription);
    reader_i16(&reader);
    if (consumer_protocol_subscription_decode(&reader, 0, arena, &wish) != STATUS_OK)
        return false;
    for (uint32_t i = 0; i < wish.topics_count; i++) {
        if (!add_name(topics, memory, wish.topics[i]))
            return false;
    }
    return true;
}

void classic_topics_add(struct classic_topics *topics, struct group_memory *memory,
                        struct bytes subscription)
{
    if (!topics->are_known)
        return;
    struct arena arena;
    /* A name takes two bytes at least, and a view of it sixteen; blocks double. */
    arena_init(&arena, 4096 + subscription.size * 16);
    if (!add_all(topics, memory, &arena, subscription))
        classic_topics_reset(topics, memory, false);
    arena_deinit(&arena);
}

bool classic_topics_have(const struct classic_topics *topics, struct bytes name)
{
    return map_find(&topics->names, hash_bytes(topics->seed, name), &name) != NULL;
}
