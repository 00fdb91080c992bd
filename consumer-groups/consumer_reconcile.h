/* The next step of a member of a consumer group from what it owns to what it is to own (KIP-848).
 * Pure.
 *
 *             the target differs: what is too much                     it no longer
 *   STABLE ────────── has to go first ──────────▶ UNREVOKED_PARTITIONS ──── owns it ────┐
 *     ▲ ▲                                                                               │
 *     │ │     all of the target is its own       UNRELEASED_PARTITIONS ◀── some of the ─┤
 *     │ └──────────────────────────────────────────────┘      target is still another's │
 *     └────────────────────────────────────── all of the target is its own ─────────────┘
 */
#ifndef TAILRACE_CONSUMER_GROUPS_CONSUMER_RECONCILE_H
#define TAILRACE_CONSUMER_GROUPS_CONSUMER_RECONCILE_H

#include "consumer-groups/partition_set.h"

/* As in the records of the offsets topic. */
enum member_state {
    MEMBER_STABLE = 0,
    MEMBER_UNREVOKED_PARTITIONS = 1,
    MEMBER_UNRELEASED_PARTITIONS = 2,
};

/* Where a member stands. */
struct member_position {
    enum member_state state;
    int32_t epoch;
    int32_t previous_epoch;
    struct partition_set assigned; /* what it may use */
    struct partition_set revoking; /* what it was told to give up, and has not confirmed */
};

/* Who owns a partition: the epoch of that member, which is below zero while it is away, too. */
enum { PARTITION_OWNER_NOBODY = -1 };
struct partition_owners;
int32_t partition_owners_epoch(const struct partition_owners *owners, struct uuid topic_id,
                               int32_t partition);

/* `owned`: what the member says that it owns; NULL if it did not say, which counts as everything
 * that it was given. `target`: what it is to own for `target_epoch`. `*next` is where it stands
 * after this, its sets in the arena; `*has_changed` is false when that is where it stood.
 * STATUS_OK, STATUS_NO_MEMORY. */
enum status consumer_reconcile(const struct member_position *now,
                               const struct partition_set *target, int32_t target_epoch,
                               const struct partition_set *owned,
                               const struct partition_owners *owners, struct arena *arena,
                               struct member_position *next, bool *has_changed);

#endif
