/* The topics that the members of a classic group of consumers read, as far as that is known: their
 * metadata is then a subscription of the consumer protocol, of which the broker reads the part that
 * all versions share. One that cannot be read makes the whole unknown. */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_TOPICS_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_TOPICS_H

#include "base/hash.h"
#include "base/map.h"
#include "consumer-groups/group_turn.h"

struct classic_topics {
    struct map names;
    struct hash_seed seed;
    bool are_known;
};

/* Not known. */
void classic_topics_init(struct classic_topics *topics, struct hash_seed seed);
void classic_topics_deinit(struct classic_topics *topics, struct group_memory *memory);

/* Forgets all names; from here on it is known that there are none, or nothing is. */
void classic_topics_reset(struct classic_topics *topics, struct group_memory *memory,
                          bool are_known);

/* Adds those of one member's subscription. Malformed, or no memory for it: not known any more. */
void classic_topics_add(struct classic_topics *topics, struct group_memory *memory,
                        struct bytes subscription);

bool classic_topics_have(const struct classic_topics *topics, struct bytes name);

#endif
