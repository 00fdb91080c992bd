/* ConsumerGroupHeartbeat, in Kafka's order:
 *
 *   the request makes sense ──▶ the member: joins, replaces, goes on or leaves ──▶ what it wants
 *     ──▶ a new epoch, if that changes the group ──▶ the target ──▶ the member's step
 *     ──▶ the answer
 *
 * Nothing is changed before everything that can be refused has been looked at. The first two are in
 * consumer_heartbeat_check.c and consumer_heartbeat_member.c. */
#include "base/assert.h"
#include "consumer-groups/consumer_heartbeat_parts.h"
#include "protocol/errors.h"

/* --- What does it want? ----------------------------------------------------------------------- */

static bool change_text(struct heartbeat *h, struct bytes *text, struct bytes with)
{
    return consumer_text_change(h->turn, text, with);
}

static bool change_topics(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    return in->subscribed_topic_names != NULL &&
           consumer_topics_change(h->turn, h->call->call.arena, &h->member->topics,
                                  in->subscribed_topic_names, in->subscribed_topic_names_count);
}

static bool change_pattern(struct heartbeat *h)
{
    if (!change_text(h, &h->member->pattern, h->in->subscribed_topic_regex))
        return false;
    if (!consumer_pattern_want(h->group, h->turn, h->member->pattern))
        group_turn_fail(h->turn);
    consumer_patterns_sweep(h->group, h->turn);
    return true;
}

/* Whoever sends this speaks the consumer protocol from now on. True if it did not. */
static bool change_protocol(struct heartbeat *h)
{
    struct consumer_member *member = h->member;
    if (member->offer == NULL)
        return false;
    consumer_member_offer(h->group, h->turn->memory, member, NULL, 0);
    member->join_deadline_ms = INT64_MAX;
    member->sync_deadline_ms = INT64_MAX;
    return true;
}

/* True if the group must be assigned anew. */
static bool take_wishes(struct heartbeat *h)
{
    struct consumer_member *member = h->member;
    bool is_new = bytes_are_null(member->client_id);
    struct bytes client_id = h->call->call.client_id;
    bool is_written = change_protocol(h) || is_new;
    is_written |= change_text(h, &member->client_id,
                              bytes_are_null(client_id) ? bytes_of_text("") : client_id);
    is_written |= change_text(h, &member->client_host, h->call->call.client_host);
    is_written |= change_text(h, &member->rack_id, h->in->rack_id);
    is_written |= change_text(h, &member->assignor, h->in->server_assignor);
    if (h->in->rebalance_timeout_ms != -1 &&
        h->in->rebalance_timeout_ms != member->rebalance_timeout_ms) {
        member->rebalance_timeout_ms = h->in->rebalance_timeout_ms;
        is_written = true;
    }
    bool has_changed = change_topics(h);
    has_changed |= change_pattern(h);
    if (is_written || has_changed)
        consumer_put_member(h->group, h->turn, member);
    return has_changed || is_new;
}

/* --- The answer ------------------------------------------------------------------------------- */

typedef struct consumer_group_heartbeat_response_topic_partitions answer_topic;

static struct consumer_group_heartbeat_response_assignment *answer_assignment(
    struct heartbeat *h, const struct partition_set *set)
{
    struct arena *arena = h->call->call.arena;
    struct consumer_group_heartbeat_response_assignment *assignment =
        arena_allocate_array(arena, 1, sizeof *assignment);
    int32_t *partitions = arena_allocate_array(arena, set->count, sizeof *partitions);
    answer_topic *topics = arena_allocate_array(arena, set->count, sizeof *topics);
    if (assignment == NULL || partitions == NULL || topics == NULL)
        return NULL;
    answer_topic *topic = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct partition_item *item = &set->items[i];
        if (topic == NULL || !uuid_equal(topic->topic_id, item->topic_id)) {
            topic = &topics[assignment->topic_partitions_count++];
            topic->topic_id = item->topic_id;
            topic->partitions = partitions + i;
        }
        partitions[i] = item->partition;
        topic->partitions_count++;
    }
    assert(assignment->topic_partitions_count <= set->count);
    assignment->topic_partitions = topics;
    return assignment;
}

static bool is_full_request(const struct consumer_group_heartbeat_request *in)
{
    return in->rebalance_timeout_ms != -1 && in->topic_partitions != NULL &&
           (in->subscribed_topic_names != NULL || !bytes_are_null(in->subscribed_topic_regex));
}

static void answer(struct heartbeat *h, bool has_moved)
{
    struct consumer_group_heartbeat_response *out = &h->call->out;
    consumer_group_heartbeat_response_init(out);
    struct bytes *id = &out->member_id;
    id->data =
        (const uint8_t *)arena_copy_text(h->call->call.arena, h->member_id.data, h->member_id.size);
    id->size = h->member_id.size;
    out->member_epoch = h->member->position.epoch;
    out->heartbeat_interval_ms =
        consumer_setting(h->group, h->turn, GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS,
                         h->turn->settings->consumer_heartbeat_interval_ms);
    bool is_told = h->in->member_epoch == MEMBER_EPOCH_JOIN || is_full_request(h->in) || has_moved;
    if (is_told)
        out->assignment = answer_assignment(h, &h->member->position.assigned);
    if (id->data == NULL || (is_told && out->assignment == NULL))
        heartbeat_refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory for the answer.");
}

/* --- Leaving ---------------------------------------------------------------------------------- */

/* It keeps what it has, until its session is over. */
static void go_away(struct heartbeat *h)
{
    struct member_position position = h->member->position;
    assert(!bytes_are_null(h->member->instance_id)); /* Only static members come back. */
    position.epoch = MEMBER_EPOCH_AWAY;
    position.revoking = (struct partition_set){NULL, 0, 0};
    position.state = MEMBER_STABLE;
    if (!consumer_member_move(h->group, h->turn->memory, h->member, &position))
        group_turn_fail(h->turn);
    h->member->revoke_deadline_ms = INT64_MAX;
    consumer_put_current(h->group, h->turn, h->member);
}

static void leave(struct heartbeat *h)
{
    if (!heartbeat_find_leaving(h))
        return;
    if (h->in->member_epoch == MEMBER_EPOCH_AWAY) {
        go_away(h);
    } else {
        consumer_remove(h->group, h->turn, h->member);
        consumer_members_left(h->group, h->turn);
    }
    struct consumer_group_heartbeat_response *out = &h->call->out;
    consumer_group_heartbeat_response_init(out);
    out->member_id = h->in->member_id;
    out->member_epoch = h->in->member_epoch;
}

/* --- All of it -------------------------------------------------------------------------------- */

static void go_on(struct heartbeat *h)
{
    if (!heartbeat_take_owned(h) || !heartbeat_find_member(h))
        return;
    struct consumer_group *group = h->group;
    struct consumer_member *member = h->member;
    assert(member != NULL);
    assert(bytes_equal(member->id, h->member_id));
    if (take_wishes(h))
        consumer_bump(group, h->turn);
    consumer_assign(group, h->turn);
    bool has_moved = consumer_step(group, h->turn, member, h->owned);
    assert(member->position.epoch <= group->assignment_epoch);
    consumer_member_keep(group, h->turn, member);
    assert(group->deadline_ms <= member->session_deadline_ms);
    answer(h, has_moved);
}

void consumer_heartbeat(struct consumer_group *group, struct group_turn *turn,
                        struct consumer_group_heartbeat_call *call)
{
    struct heartbeat h = {
        .group = group,
        .turn = turn,
        .call = call,
        .in = call->in,
        .member_id = call->in->member_id,
    };
    char fresh[UUID_TEXT_SIZE];
    if (h.member_id.size == 0) {
        uuid_format(turn->fresh_id, fresh);
        h.member_id = bytes_of_text(fresh);
    }
    if (!consumer_heartbeat_check(turn, call))
        return;
    if (call->in->member_epoch < MEMBER_EPOCH_JOIN)
        leave(&h);
    else
        go_on(&h);
    consumer_assert_is_sound(group);
    group_turn_answer(turn, &call->call);
}
