/* Sets of partitions, each with the epoch in which it came to its owner: what a member of a
 * consumer group owns, is to own, or is to give up. Sorted arrays, because they are compared and
 * subtracted more often than they are changed. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_PARTITION_SET_H
#define TAILRACE_CONSUMER_GROUPS_PARTITION_SET_H

#include "base/bytes.h"
#include "consumer-groups/group_turn.h"

struct partition_item {
    struct uuid topic_id;
    int32_t partition;
    int32_t epoch; /* does not count when sets are compared */
};

struct partition_set {
    struct partition_item *items; /* in rising order of topic id and partition, none twice */
    uint32_t count;
    uint32_t capacity; /* of owned memory; a set in an arena has none, and is never destroyed */
};

/* <0, 0, >0. */
int partition_item_compare(const struct partition_item *left, const struct partition_item *right);

/* An empty set with room for so many, in the group's memory. False without memory. */
bool partition_set_reserve(struct partition_set *set, struct group_memory *memory, uint32_t count);
void partition_set_destroy(struct partition_set *set, struct group_memory *memory);

/* The same in an arena. */
bool partition_set_reserve_in(struct partition_set *set, struct arena *arena, uint32_t count);

/* Behind the last: the caller keeps the order, and to the room. */
void partition_set_push(struct partition_set *set, const struct partition_item *item);

/* Brings what was pushed in any order into order, and takes out what is there twice. */
void partition_set_sort(struct partition_set *set);

/* `to` is empty; it becomes a copy in the group's memory. */
bool partition_set_copy(struct partition_set *to, struct group_memory *memory,
                        const struct partition_set *from);

/* NULL: it is not in there. */
const struct partition_item *partition_set_find(const struct partition_set *set,
                                                struct uuid topic_id, int32_t partition);

/* The same partitions, whatever the epochs. */
bool partition_set_equal(const struct partition_set *left, const struct partition_set *right);
bool partition_set_is_subset(const struct partition_set *part, const struct partition_set *whole);

/* Have they one in common? */
bool partition_set_overlap(const struct partition_set *left, const struct partition_set *right);

#endif
