/* What the members of a classic group can do, and what they choose to do together.
 *
 * An offer is what one member brings: protocols, the preferred first, each with metadata that means
 * nothing to the broker. Votes count for each name how many offers have it, so that whether there
 * is something that all can do is known without asking all. The chosen name stays, whoever leaves,
 * until another is chosen. */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_PROTOCOLS_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_PROTOCOLS_H

#include "base/hash.h"
#include "base/map.h"
#include "consumer-groups/group_turn.h"

/* Of one member. Real ones have a handful. */
enum { CLASSIC_PROTOCOLS_MAX = 128 };

struct classic_offer {
    size_t size_bytes; /* of this block, which holds all names and metadata */
    uint32_t count;
    struct join_group_request_protocol protocols[];
};

/* A name repeated counts once, the first time, as in Kafka. NULL when the limit is reached. */
struct classic_offer *classic_offer_copy(struct group_memory *memory,
                                         const struct join_group_request_protocol *protocols,
                                         uint32_t count);
void classic_offer_free(struct group_memory *memory, struct classic_offer *offer);

/* The same names and metadata in the same order? */
bool classic_offer_matches(const struct classic_offer *offer,
                           const struct join_group_request_protocol *protocols, uint32_t count);

/* The metadata for the protocol of this name, null if it is not offered. */
struct bytes classic_offer_metadata(const struct classic_offer *offer, struct bytes name);

/* A name that some offer has, or that was chosen. */
struct classic_choice {
    struct map_node node;
    uint32_t supporters; /* offers that have it */
    uint32_t votes;      /* while a choice is made */
    struct bytes name;   /* behind this struct */
};

struct classic_votes {
    struct map choices;
    struct hash_seed seed;
    struct classic_choice *chosen; /* NULL: nothing is */
};

void classic_votes_init(struct classic_votes *votes, struct hash_seed seed);

/* Every offer has been taken back, and nothing is chosen. */
void classic_votes_deinit(struct classic_votes *votes);

/* All or nothing: false when the limit is reached. */
bool classic_votes_add(struct classic_votes *votes, struct group_memory *memory,
                       const struct classic_offer *offer);
void classic_votes_remove(struct classic_votes *votes, struct group_memory *memory,
                          const struct classic_offer *offer);

/* Is there a protocol among these that all of so many offers have? */
bool classic_votes_agree(const struct classic_votes *votes,
                         const struct join_group_request_protocol *protocols, uint32_t count,
                         uint32_t offer_count);

/* A choice: clear with the first offer, cast every offer's vote, ask for the winner among the
 * first's. Each offer votes for the first it has that all have; of equals the first offer's
 * preferred wins. NULL: there is nothing that all can do. */
void classic_votes_clear(struct classic_votes *votes, const struct classic_offer *first);
void classic_votes_cast(struct classic_votes *votes, const struct classic_offer *offer,
                        uint32_t offer_count);
struct classic_choice *classic_votes_winner(const struct classic_votes *votes,
                                            const struct classic_offer *first);

/* NULL if no offer has it. */
struct classic_choice *classic_votes_find(const struct classic_votes *votes, struct bytes name);

/* NULL: nothing is chosen any more. */
void classic_votes_choose(struct classic_votes *votes, struct group_memory *memory,
                          struct classic_choice *choice);

#endif
