/* Which member of the group does a heartbeat come from? It is known and goes on or leaves, it
 * joins, or it takes the place of a static member that is away. */
#include "base/assert.h"
#include "consumer-groups/consumer_heartbeat_parts.h"
#include "protocol/errors.h"

#include <inttypes.h>

/* What a member takes in memory beside its texts, generously. */
enum { MEMBER_BYTES = 2048 };

bool heartbeat_take_owned(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (in->topic_partitions == NULL)
        return true;
    uint32_t count = 0;
    for (uint32_t t = 0; t < in->topic_partitions_count; t++)
        count += in->topic_partitions[t].partitions_count;
    if (!partition_set_reserve_in(&h->owned_set, h->call->call.arena, count))
        return heartbeat_refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory for the request.");
    for (uint32_t t = 0; t < in->topic_partitions_count; t++) {
        for (uint32_t p = 0; p < in->topic_partitions[t].partitions_count; p++) {
            const struct partition_item item = {
                .topic_id = in->topic_partitions[t].topic_id,
                .partition = in->topic_partitions[t].partitions[p],
            };
            partition_set_push(&h->owned_set, &item);
        }
    }
    assert(h->owned_set.count == count);
    partition_set_sort(&h->owned_set);
    h->owned = &h->owned_set;
    return true;
}

/* The answer that brought the present epoch may have been lost: then the member comes with the
 * former one, and owns nothing that it does not have. Whoever begins anew, because it was fenced or
 * its process knows nothing any more, owns nothing. */
static bool check_member_epoch(struct heartbeat *h, const struct consumer_member *member)
{
    const struct member_position *position = &member->position;
    int32_t epoch = h->in->member_epoch;
    assert(bytes_equal(member->id, h->member_id));
    assert(epoch >= MEMBER_EPOCH_JOIN);
    if (epoch == position->epoch || epoch == MEMBER_EPOCH_JOIN)
        return true;
    bool may_have_lost = epoch < position->epoch && epoch == position->previous_epoch &&
                         h->owned != NULL && partition_set_is_subset(h->owned, &position->assigned);
    if (may_have_lost)
        return true;
    return heartbeat_refuse(h, KAFKA_FENCED_MEMBER_EPOCH,
                            "The consumer group member has a %s member epoch (%" PRId32
                            ") than the one known by the group coordinator (%" PRId32
                            "). The member must abandon all its partitions and rejoin.",
                            epoch > position->epoch ? "greater" : "smaller", epoch,
                            position->epoch);
}

static bool refuse_unknown(struct heartbeat *h)
{
    return heartbeat_refuse(h, KAFKA_UNKNOWN_MEMBER_ID,
                            "Member %.*s is not a member of group %.*s.", SHOWN(h->member_id),
                            SHOWN(h->in->group_id));
}

static bool check_room(struct heartbeat *h)
{
    uint32_t size_max = h->turn->settings->consumer_size_max;
    if (h->group->members.count >= size_max)
        return heartbeat_refuse(h, KAFKA_GROUP_MAX_SIZE_REACHED,
                                "The consumer group has reached its maximum capacity of %" PRIu32
                                " members.",
                                size_max);
    if (!group_memory_has_room(h->turn->memory, MEMBER_BYTES))
        return heartbeat_refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE,
                                "The coordinator has no memory for more members.");
    return true;
}

static bool create_member(struct heartbeat *h)
{
    h->member = consumer_member_create(h->group, h->turn->memory, h->member_id, h->in->instance_id);
    if (h->member == NULL)
        group_turn_fail(h->turn);
    return h->member != NULL || heartbeat_refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory.");
}

static bool find_dynamic(struct heartbeat *h)
{
    h->member = consumer_member_find(h->group, h->member_id);
    if (h->member != NULL)
        return check_member_epoch(h, h->member);
    if (h->in->member_epoch != MEMBER_EPOCH_JOIN)
        return refuse_unknown(h);
    return check_room(h) && create_member(h);
}

/* Two members of one id would be one in the log. */
static bool check_id_is_free(struct heartbeat *h)
{
    if (consumer_member_find(h->group, h->member_id) == NULL)
        return true;
    return heartbeat_refuse(h, KAFKA_INVALID_REQUEST,
                            "Member %.*s is in the group without this instance id.",
                            SHOWN(h->member_id));
}

/* Whoever comes with the instance id of a member that is away takes its place: what that one had
 * is its own, so nothing moves. */
static bool replace_static(struct heartbeat *h, struct consumer_member *former)
{
    assert(!bytes_are_null(former->instance_id));
    if (!bytes_equal(former->id, h->member_id) && !check_id_is_free(h))
        return false;
    h->member = former;
    return consumer_replace(h->group, h->turn, former, h->member_id) ||
           heartbeat_refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory.");
}

static bool find_static(struct heartbeat *h)
{
    struct consumer_member *former = consumer_member_of_instance(h->group, h->in->instance_id);
    bool is_same = former != NULL && bytes_equal(former->id, h->member_id);
    h->member = former;
    if (h->in->member_epoch == MEMBER_EPOCH_JOIN) {
        if (former == NULL)
            return check_id_is_free(h) && check_room(h) && create_member(h);
        if (is_same && former->position.previous_epoch == MEMBER_EPOCH_JOIN &&
            former->position.epoch > MEMBER_EPOCH_JOIN)
            return true; /* the answer to its joining was lost */
        if (former->offer == NULL && former->position.epoch != MEMBER_EPOCH_AWAY)
            return heartbeat_refuse(
                h, KAFKA_UNRELEASED_INSTANCE_ID,
                "Static member %.*s with instance id %.*s cannot join the group because "
                "the instance id is owned by %.*s member.",
                SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(former->id));
        return replace_static(h, former);
    }
    if (former == NULL)
        return heartbeat_refuse(h, KAFKA_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
                                SHOWN(h->in->instance_id));
    if (!is_same)
        return heartbeat_refuse(
            h, KAFKA_FENCED_INSTANCE_ID,
            "Static member %.*s with instance id %.*s was fenced by member %.*s.",
            SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(former->id));
    return check_member_epoch(h, former);
}

bool heartbeat_find_member(struct heartbeat *h)
{
    /* A member names its instance only when it joins; afterwards it is known to have one. */
    const struct consumer_member *member = consumer_member_find(h->group, h->member_id);
    bool is_static = !bytes_are_null(h->in->instance_id);
    if (is_static && (member == NULL || h->in->member_epoch == MEMBER_EPOCH_JOIN ||
                      !bytes_equal(member->instance_id, h->in->instance_id)))
        return find_static(h);
    return find_dynamic(h);
}

bool heartbeat_find_leaving(struct heartbeat *h)
{
    if (bytes_are_null(h->in->instance_id)) {
        h->member = consumer_member_find(h->group, h->member_id);
        return h->member != NULL || refuse_unknown(h);
    }
    h->member = consumer_member_of_instance(h->group, h->in->instance_id);
    if (h->member == NULL)
        return heartbeat_refuse(h, KAFKA_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
                                SHOWN(h->in->instance_id));
    if (!bytes_equal(h->member->id, h->member_id))
        return heartbeat_refuse(
            h, KAFKA_FENCED_INSTANCE_ID,
            "Static member %.*s with instance id %.*s was fenced by member %.*s.",
            SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(h->member->id));
    return true;
}
