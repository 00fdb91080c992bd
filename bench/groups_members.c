#include "bench/groups_members.h"

#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "protocol/errors.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 1 << 20,
    NS_PER_MS = 1000 * 1000,
    SETTLE_SECONDS_MAX = 180,
    PRNG_SEED = 1,
};

uint32_t member_group(const struct member *member)
{
    return member->index / member->members->options->members;
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

/* --- What they own ----------------------------------------------------------------------------
 */

static int32_t *owner_of(struct member *member, int32_t partition)
{
    struct members *members = member->members;
    uint32_t count = members->options->members * members->options->partitions;
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
    return member->owned_count == member->members->options->partitions;
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

/* --- Time -------------------------------------------------------------------------------------
 */

static void timer_fired(struct timer *timer)
{
    member_beat(container_of(timer, struct member, timer));
}

void member_wait(struct member *member, int32_t interval_ms)
{
    struct members *members = member->members;
    uint64_t delay_ns = (uint64_t)interval_ms * NS_PER_MS;
    if (members->is_spread)
        delay_ns = prng_below(&members->prng, 2 * delay_ns);
    timer_start(&members->crowd.wheel, &member->timer, (uint64_t)now_ns() + delay_ns);
}

/* --- Life -------------------------------------------------------------------------------------
 */

static void answered(struct crowd *crowd, const struct crowd_answer *answer)
{
    struct members *members = container_of(crowd, struct members, crowd);
    struct member *member = &members->all[answer->asker];
    if (member_take(member, answer))
        return;
    assert(members->answered != NULL);
    members->answered(members, member, answer);
}

static void make_members(struct members *members)
{
    const struct options *options = members->options;
    members->count = options->groups * options->members;
    size_t owner_count = (size_t)members->count * options->partitions;
    members->all = calloc(members->count, sizeof *members->all);
    members->owners = malloc(owner_count * sizeof *members->owners);
    if (members->all == NULL || members->owners == NULL)
        fail("no memory for %u members", members->count);
    memset(members->owners, 0xff, owner_count * sizeof *members->owners);
    for (uint32_t i = 0; i < members->count; i++) {
        members->all[i].members = members;
        members->all[i].index = i;
        timer_init(&members->all[i].timer, timer_fired);
    }
}

void members_init(struct members *members, const struct options *options)
{
    struct client client;
    assert(options->members > 0);
    members->options = options;
    prng_init(&members->prng, PRNG_SEED);
    arena_init(&members->arena, ARENA_BYTES_MAX);
    if (!client_open(&client, &options->address))
        fail("no broker at %s", options->address_text);
    groups_prepare(options, &client, options->members * options->partitions);
    members->topic_id = groups_topic_id(&client, options->topic);
    client_close(&client);
    make_members(members);
    members->subscription = classic_subscription(options, &members->arena);
    uint32_t line_count =
        members->count < options->connections ? members->count : options->connections;
    crowd_init(&members->crowd, &options->address, line_count, answered);
}

void members_deinit(struct members *members)
{
    crowd_deinit(&members->crowd);
    for (uint32_t i = 0; i < members->count; i++)
        free(members->all[i].owned);
    free(members->all);
    free(members->owners);
    arena_deinit(&members->arena);
}

void members_join(struct members *members)
{
    for (uint32_t i = 0; i < members->count; i++)
        member_join(&members->all[i]);
}

void members_wait(struct members *members)
{
    int64_t give_up_ns = now_ns() + SETTLE_SECONDS_MAX * SECOND_NS;
    while (!members_have_settled(members)) {
        crowd_turn(&members->crowd);
        if (now_ns() > give_up_ns)
            fail("after %d s only %u of %u members have their share", SETTLE_SECONDS_MAX,
                 members->settled_count, members->count);
    }
}
