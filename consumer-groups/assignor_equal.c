/* Everybody wants the same topics. With P partitions and M members each is to have P / M of them,
 * and P mod M members one more. Whoever has too many gives up the last; whoever already has one
 * more keeps it as long as there are such places; what is free then goes round the members that
 * have room, those in the right rack first. Each partition and each member is visited a bounded
 * number of times. */
#include "base/assert.h"
#include "consumer-groups/assignor_work.h"

#include <stdlib.h>

/* Members that have room, in a ring; who has no room left is taken out when he is met. */
struct ring {
    uint32_t at; /* whose next is asked next; ASSIGNOR_NOBODY: the ring is empty */
};

struct equal {
    struct assignor_work *work;
    uint32_t *room;      /* of each member: how many more it is to have */
    uint32_t *next;      /* of each member, in its ring */
    struct bytes *racks; /* of the members, in order, none twice */
    uint32_t rack_count;
    struct ring *rings; /* one for each rack */
};

/* --- Who is to have how many ------------------------------------------------------------------ */

/* Sets `room`; a member that has more than its share has a load above it until it gives up. */
static void share_out(struct equal *equal, uint32_t partition_count)
{
    struct assignor_work *work = equal->work;
    uint32_t member_count = work->input->member_count;
    assert(member_count > 0);
    assert(partition_count <= work->partition_count);
    uint32_t share = partition_count / member_count;
    uint32_t larger_left = partition_count % member_count;
    for (uint32_t i = 0; i < member_count; i++) {
        uint32_t m = work->order[i];
        equal->room[m] = share;
        if (work->load[m] > share && larger_left > 0) {
            equal->room[m]++;
            larger_left--;
        }
    }
    for (uint32_t i = 0; larger_left > 0; i++) {
        assert(i < member_count); /* fewer are left over than there are members */
        uint32_t m = work->order[i];
        if (equal->room[m] > share)
            continue;
        equal->room[m]++;
        larger_left--;
    }
}

/* From shares to what is missing of them; what is above them is given up, the last first. */
static void give_up(struct equal *equal)
{
    struct assignor_work *work = equal->work;
    for (uint32_t p = work->partition_count; p-- > 0;) {
        uint32_t owner = work->owner[p];
        if (owner == ASSIGNOR_NOBODY || work->load[owner] <= equal->room[owner])
            continue;
        work->owner[p] = ASSIGNOR_NOBODY;
        work->load[owner]--;
    }
    for (uint32_t m = 0; m < work->input->member_count; m++) {
        assert(work->load[m] <= equal->room[m]);
        equal->room[m] -= work->load[m];
    }
}

/* --- Rings ------------------------------------------------------------------------------------ */

static void ring_insert(struct ring *ring, uint32_t *next, uint32_t member)
{
    if (ring->at == ASSIGNOR_NOBODY) {
        next[member] = member;
    } else {
        next[member] = next[ring->at];
        next[ring->at] = member;
    }
    ring->at = member;
}

/* The next member with room, who takes it; ASSIGNOR_NOBODY: none has any. */
static uint32_t ring_take(struct ring *ring, uint32_t *next, uint32_t *room)
{
    while (ring->at != ASSIGNOR_NOBODY) {
        uint32_t member = next[ring->at];
        if (room[member] > 0) {
            room[member]--;
            ring->at = member;
            return member;
        }
        if (member == ring->at)
            ring->at = ASSIGNOR_NOBODY;
        else
            next[ring->at] = next[member];
    }
    return ASSIGNOR_NOBODY;
}

static void own(struct equal *equal, uint32_t partition, uint32_t member)
{
    assert(partition < equal->work->partition_count);
    assert(member != ASSIGNOR_NOBODY);
    assert(equal->work->owner[partition] == ASSIGNOR_NOBODY);
    equal->work->owner[partition] = member;
    equal->work->load[member]++;
}

/* --- Racks ------------------------------------------------------------------------------------ */

static int compare_racks(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

static uint32_t rack_find(const struct equal *equal, struct bytes rack)
{
    if (bytes_are_null(rack) || equal->rack_count == 0)
        return ASSIGNOR_NOBODY;
    const struct bytes *found =
        bsearch(&rack, equal->racks, equal->rack_count, sizeof rack, compare_racks);
    return found == NULL ? ASSIGNOR_NOBODY : (uint32_t)(found - equal->racks);
}

static bool racks_list(struct equal *equal)
{
    const struct assignor_input *input = equal->work->input;
    equal->racks =
        arena_allocate_array(equal->work->arena, input->member_count, sizeof *equal->racks);
    if (equal->racks == NULL)
        return false;
    uint32_t count = 0;
    for (uint32_t m = 0; m < input->member_count; m++)
        if (!bytes_are_null(input->members[m].rack))
            equal->racks[count++] = input->members[m].rack;
    if (count > 0)
        qsort(equal->racks, count, sizeof *equal->racks, compare_racks);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || !bytes_equal(equal->racks[i], equal->racks[i - 1]))
            equal->racks[equal->rack_count++] = equal->racks[i];
    return true;
}

static bool rack_rings_fill(struct equal *equal)
{
    struct assignor_work *work = equal->work;
    equal->rings = arena_allocate_array(work->arena, equal->rack_count, sizeof *equal->rings);
    if (equal->rings == NULL)
        return false;
    for (uint32_t r = 0; r < equal->rack_count; r++)
        equal->rings[r].at = ASSIGNOR_NOBODY;
    for (uint32_t i = 0; i < work->input->member_count; i++) {
        uint32_t m = work->order[i];
        uint32_t rack = rack_find(equal, work->input->members[m].rack);
        if (rack != ASSIGNOR_NOBODY)
            ring_insert(&equal->rings[rack], equal->next, m);
    }
    return true;
}

static uint32_t take_in_rack(struct equal *equal, const struct assignor_topic *topic,
                             uint32_t partition)
{
    assert(topic->racks != NULL);
    assert(partition < topic->partition_count);
    const struct bytes *racks = topic->racks + (size_t)partition * topic->racks_per_partition;
    for (uint32_t i = 0; i < topic->racks_per_partition; i++) {
        uint32_t rack = rack_find(equal, racks[i]);
        uint32_t member = rack == ASSIGNOR_NOBODY
                              ? ASSIGNOR_NOBODY
                              : ring_take(&equal->rings[rack], equal->next, equal->room);
        if (member != ASSIGNOR_NOBODY)
            return member;
    }
    return ASSIGNOR_NOBODY;
}

/* --- Handing out ------------------------------------------------------------------------------ */

static void hand_out_in_racks(struct equal *equal)
{
    struct assignor_work *work = equal->work;
    const struct assignor_member *anybody = &work->input->members[0];
    for (uint32_t i = 0; i < anybody->topic_count; i++) {
        uint32_t t = anybody->topics[i];
        const struct assignor_topic *topic = &work->input->topics[t];
        for (uint32_t p = 0; p < topic->partition_count && topic->racks != NULL; p++) {
            uint32_t partition = work->topic_first[t] + p;
            if (work->owner[partition] != ASSIGNOR_NOBODY)
                continue;
            uint32_t member = take_in_rack(equal, topic, p);
            if (member != ASSIGNOR_NOBODY)
                own(equal, partition, member);
        }
    }
}

static void hand_out_rest(struct equal *equal)
{
    struct assignor_work *work = equal->work;
    struct ring everybody = {ASSIGNOR_NOBODY};
    for (uint32_t i = 0; i < work->input->member_count; i++)
        ring_insert(&everybody, equal->next, work->order[i]);
    const struct assignor_member *anybody = &work->input->members[0];
    for (uint32_t i = 0; i < anybody->topic_count; i++) {
        uint32_t t = anybody->topics[i];
        for (uint32_t p = work->topic_first[t]; p < work->topic_first[t + 1]; p++) {
            if (work->owner[p] == ASSIGNOR_NOBODY)
                own(equal, p, ring_take(&everybody, equal->next, equal->room));
        }
    }
}

static uint32_t wanted_count(const struct assignor_work *work)
{
    const struct assignor_member *anybody = &work->input->members[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < anybody->topic_count; i++)
        count += work->input->topics[anybody->topics[i]].partition_count;
    return count;
}

enum status assignor_equal_run(struct assignor_work *work)
{
    uint32_t member_count = work->input->member_count;
    assert(member_count > 0);
    struct equal equal = {.work = work};
    equal.room = arena_allocate_array(work->arena, member_count, sizeof *equal.room);
    equal.next = arena_allocate_array(work->arena, member_count, sizeof *equal.next);
    if (equal.room == NULL || equal.next == NULL || !racks_list(&equal))
        return STATUS_NO_MEMORY;
    share_out(&equal, wanted_count(work));
    give_up(&equal);
    if (!rack_rings_fill(&equal))
        return STATUS_NO_MEMORY;
    hand_out_in_racks(&equal);
    hand_out_rest(&equal);
    for (uint32_t m = 0; m < member_count; m++)
        assert(equal.room[m] == 0); /* everybody has exactly his share */
    return STATUS_OK;
}
