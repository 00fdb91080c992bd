/* Who owns which partition in a consumer group: by topic id and partition the epoch of the owner.
 * What a member is to give up is its own until it has confirmed that. Derived from the members'
 * positions, so that looking up costs the same however many there are. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_PARTITION_OWNERS_H
#define TAILRACE_CONSUMER_GROUPS_PARTITION_OWNERS_H

#include "base/map.h"
#include "consumer-groups/consumer_reconcile.h"

struct partition_owners {
    struct map map;
};

void partition_owners_init(struct partition_owners *owners);
void partition_owners_deinit(struct partition_owners *owners, struct group_memory *memory);

/* The member of this position owns its sets from now on. A partition that is another's already
 * keeps the greater epoch (as when records are replayed whose order a compaction has changed).
 * False without memory. */
bool partition_owners_add(struct partition_owners *owners, struct group_memory *memory,
                          const struct member_position *position);

/* And no longer: what has another epoch by now is somebody else's and stays. */
void partition_owners_remove(struct partition_owners *owners, struct group_memory *memory,
                             const struct member_position *position);

#endif
