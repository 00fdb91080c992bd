#include "bench/groups_members.h"

#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "protocol/errors.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 1 << 20,
    SETTLE_SECONDS_MAX = 180,
    PRNG_SEED = 1,
};

static void timer_fired(struct timer *timer)
{
    member_beat(container_of(timer, struct member, timer));
}

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
    const struct load *load = members->load;
    members->count = load->groups * load->members;
    size_t owner_count = (size_t)members->count * load->group_partitions;
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

void members_init(struct members *members, const struct load *load)
{
    struct control control;
    assert(load->members > 0);
    members->load = load;
    prng_init(&members->prng, PRNG_SEED);
    arena_init(&members->arena, ARENA_BYTES_MAX);
    control_open_first(&control, load->brokers, &members->address);
    groups_prepare(load, &control, load->members * load->group_partitions);
    members->topic_id = groups_topic_id(&control, load->topic);
    control_close(&control);
    make_members(members);
    members->subscription = classic_subscription(load, &members->arena);
    uint32_t line_count =
        members->count < load->group_connections ? members->count : load->group_connections;
    crowd_init(&members->crowd, &members->address, line_count, answered);
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
