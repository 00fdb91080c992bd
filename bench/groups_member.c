#include "bench/groups_member.h"

#include "base/assert.h"
#include "bench/system.h"

#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000 * 1000 };

uint32_t member_group(const struct member *member)
{
    return member->index / member->members->load->members;
}

uint32_t member_line(const struct member *member)
{
    return member->index % member->members->crowd.line_count;
}

struct bytes member_id(const struct member *member)
{
    return bytes_of(member->id, member->id_size);
}

void member_set_id(struct member *member, struct bytes id)
{
    if (id.size > sizeof member->id)
        fail("a member id of %zu bytes", id.size);
    memcpy(member->id, id.data, id.size);
    member->id_size = (uint32_t)id.size;
}

/* --- What they own ---------------------------------------------------------------------------- */

static int32_t *owner_of(struct member *member, int32_t partition)
{
    struct members *members = member->members;
    uint32_t count = members->load->members * members->load->group_partitions;
    if (partition < 0 || (uint32_t)partition >= count)
        fail("partition %d was assigned, which is not there", partition);
    return &members->owners[member_group(member) * count + (uint32_t)partition];
}

static bool is_among(const int32_t *partitions, uint32_t count, int32_t partition)
{
    for (uint32_t i = 0; i < count; i++)
        if (partitions[i] == partition)
            return true;
    return false;
}

static bool has_share(const struct member *member)
{
    return member->owned_count == member->members->load->group_partitions;
}

static void release(struct member *member, int32_t partition)
{
    int32_t *owner = owner_of(member, partition);
    assert(*owner == (int32_t)member->index);
    *owner = -1;
    member->has_news = true;
}

static void claim(struct member *member, int32_t partition)
{
    int32_t *owner = owner_of(member, partition);
    if (*owner == (int32_t)member->index)
        return;
    if (*owner != -1)
        fail("partition %d of group %u has two owners, members %d and %u", partition,
             member_group(member), *owner, member->index);
    *owner = (int32_t)member->index;
    member->has_news = true;
}

void member_own(struct member *member, const int32_t *partitions, uint32_t count)
{
    struct members *members = member->members;
    members->settled_count -= has_share(member);
    for (uint32_t i = 0; i < member->owned_count; i++)
        if (!is_among(partitions, count, member->owned[i]))
            release(member, member->owned[i]);
    for (uint32_t i = 0; i < count; i++)
        claim(member, partitions[i]);
    free(member->owned);
    member->owned = calloc(count + 1, sizeof *member->owned);
    assert(member->owned != NULL);
    if (count > 0)
        memcpy(member->owned, partitions, count * sizeof *partitions);
    member->owned_count = count;
    members->settled_count += has_share(member);
    if (members_have_settled(members))
        members->settled_ns = now_ns();
}

/* --- Time ------------------------------------------------------------------------------------- */

void member_wait(struct member *member, int32_t interval_ms)
{
    struct members *members = member->members;
    uint64_t delay_ns = (uint64_t)interval_ms * NS_PER_MS;
    if (members->is_spread)
        delay_ns = prng_below(&members->prng, 2 * delay_ns);
    timer_start(&members->crowd.wheel, &member->timer, (uint64_t)now_ns() + delay_ns);
}
