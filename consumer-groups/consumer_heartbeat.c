/* ConsumerGroupHeartbeat, in Kafka's order:
 *
 *   the request makes sense ──▶ the member: joins, replaces, goes on or leaves ──▶ what it wants
 *     ──▶ a new epoch, if that changes the group ──▶ the target ──▶ the member's step ──▶ the
 * answer
 *
 * Nothing is changed before everything that can be refused has been looked at. */
#include "base/assert.h"
#include "consumer-groups/assignor.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/topic_pattern.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    OWN_MEMBER_ID_SINCE = 1, /* KIP-1082 */
    MESSAGE_BYTES_MAX = 512,
    PATTERN_SCRATCH_BYTES = 8 * 1024 * 1024,
    /* What a member takes in memory beside its texts, generously. */
    MEMBER_BYTES = 2048,
};

/* One heartbeat on its way through the steps. */
struct heartbeat {
    struct consumer_group *group;
    struct group_turn *turn;
    struct consumer_group_heartbeat_call *call;
    const struct consumer_group_heartbeat_request *in;
    struct bytes member_id;
    struct consumer_member *member;
    struct partition_set owned_set;
    const struct partition_set *owned; /* NULL: it did not say */
};

/* --- Refusing --------------------------------------------------------------------------------- */

static bool refuse(struct heartbeat *h, int16_t error_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers false, for the caller to return. */
static bool refuse(struct heartbeat *h, int16_t error_code, const char *format, ...)
{
    struct consumer_group_heartbeat_response *out = &h->call->out;
    assert(error_code != KAFKA_NONE);
    char *text = arena_allocate(h->call->call.arena, MESSAGE_BYTES_MAX);
    consumer_group_heartbeat_response_init(out);
    out->error_code = error_code;
    if (text == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, MESSAGE_BYTES_MAX, format, arguments);
    va_end(arguments);
    out->error_message =
        bytes_of(text, size < MESSAGE_BYTES_MAX ? (size_t)size : MESSAGE_BYTES_MAX - 1);
    return false;
}

#define SHOWN(bytes) (int)((bytes).size > 128 ? 128 : (bytes).size), (const char *)(bytes).data

/* --- Does it make sense? ---------------------------------------------------------------------- */

static bool is_empty(struct bytes text)
{
    return !bytes_are_null(text) && text.size == 0;
}

static bool check_ids(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    bool may_lack_id =
        h->call->call.version < OWN_MEMBER_ID_SINCE && in->member_epoch == MEMBER_EPOCH_JOIN;
    if (in->member_id.size == 0 && !may_lack_id)
        return refuse(h, KAFKA_INVALID_REQUEST, "MemberId can't be empty.");
    if (in->group_id.size == 0)
        return refuse(h, KAFKA_INVALID_REQUEST, "GroupId can't be empty.");
    if (is_empty(in->instance_id))
        return refuse(h, KAFKA_INVALID_REQUEST, "InstanceId can't be empty.");
    if (is_empty(in->rack_id))
        return refuse(h, KAFKA_INVALID_REQUEST, "RackId can't be empty.");
    return true;
}

static bool check_epoch(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (in->member_epoch == MEMBER_EPOCH_JOIN) {
        if (in->rebalance_timeout_ms == -1)
            return refuse(h, KAFKA_INVALID_REQUEST,
                          "RebalanceTimeoutMs must be provided in first request.");
        if (in->topic_partitions == NULL || in->topic_partitions_count > 0)
            return refuse(h, KAFKA_INVALID_REQUEST,
                          "TopicPartitions must be empty when (re-)joining.");
        if (in->subscribed_topic_names == NULL && bytes_are_null(in->subscribed_topic_regex))
            return refuse(h, KAFKA_INVALID_REQUEST,
                          "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null "
                          "when (re-)joining.");
    } else if (in->member_epoch == MEMBER_EPOCH_AWAY && bytes_are_null(in->instance_id)) {
        return refuse(h, KAFKA_INVALID_REQUEST, "InstanceId can't be null.");
    } else if (in->member_epoch < MEMBER_EPOCH_AWAY) {
        return refuse(h, KAFKA_INVALID_REQUEST, "MemberEpoch is invalid.");
    }
    return true;
}

static bool check_assignor(struct heartbeat *h)
{
    const struct assignor_list *list = &h->turn->settings->assignors;
    struct bytes wanted = h->in->server_assignor;
    if (bytes_are_null(wanted) || assignor_list_find(list, wanted) != NULL)
        return true;
    return refuse(h, KAFKA_UNSUPPORTED_ASSIGNOR,
                  "ServerAssignor %.*s is not supported. Supported assignors: %s%s%s.",
                  SHOWN(wanted), list->items[0]->name, list->count > 1 ? ", " : "",
                  list->count > 1 ? list->items[1]->name : "");
}

static bool check_wishes(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (!check_assignor(h))
        return false;
    if (in->rebalance_timeout_ms < -1)
        return refuse(h, KAFKA_INVALID_REQUEST, "RebalanceTimeoutMs must not be negative.");
    if (bytes_are_null(in->subscribed_topic_regex) || in->subscribed_topic_regex.size == 0)
        return true;
    struct arena arena;
    struct topic_pattern *program;
    struct topic_pattern_error error = {.reason = "no memory"};
    arena_init(&arena, PATTERN_SCRATCH_BYTES);
    enum status status =
        topic_pattern_compile(in->subscribed_topic_regex, &arena, &program, &error);
    arena_deinit(&arena);
    if (status != STATUS_OK)
        return refuse(h, KAFKA_INVALID_REGULAR_EXPRESSION,
                      "SubscribedTopicRegex `%.*s` is not a valid regular expression: %s at "
                      "character %" PRIu32 ".",
                      SHOWN(in->subscribed_topic_regex), error.reason, error.offset_bytes);
    return true;
}

/* --- Who is it? ------------------------------------------------------------------------------- */

static bool take_owned(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (in->topic_partitions == NULL)
        return true;
    uint32_t count = 0;
    for (uint32_t t = 0; t < in->topic_partitions_count; t++)
        count += in->topic_partitions[t].partitions_count;
    if (!partition_set_reserve_in(&h->owned_set, h->call->call.arena, count))
        return refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory for the request.");
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
    return refuse(h, KAFKA_FENCED_MEMBER_EPOCH,
                  "The consumer group member has a %s member epoch (%" PRId32
                  ") than the one known by the group coordinator (%" PRId32
                  "). The member must abandon all its partitions and rejoin.",
                  epoch > position->epoch ? "greater" : "smaller", epoch, position->epoch);
}

static bool refuse_unknown(struct heartbeat *h)
{
    return refuse(h, KAFKA_UNKNOWN_MEMBER_ID, "Member %.*s is not a member of group %.*s.",
                  SHOWN(h->member_id), SHOWN(h->in->group_id));
}

static bool check_room(struct heartbeat *h)
{
    uint32_t size_max = h->turn->settings->consumer_size_max;
    if (h->group->members.count >= size_max)
        return refuse(h, KAFKA_GROUP_MAX_SIZE_REACHED,
                      "The consumer group has reached its maximum capacity of %" PRIu32 " members.",
                      size_max);
    if (!group_memory_has_room(h->turn->memory, MEMBER_BYTES))
        return refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE,
                      "The coordinator has no memory for more members.");
    return true;
}

static bool create_member(struct heartbeat *h)
{
    h->member = consumer_member_create(h->group, h->turn->memory, h->member_id, h->in->instance_id);
    if (h->member == NULL)
        group_turn_fail(h->turn);
    return h->member != NULL || refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory.");
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
    return refuse(h, KAFKA_INVALID_REQUEST, "Member %.*s is in the group without this instance id.",
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
           refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory.");
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
            return refuse(h, KAFKA_UNRELEASED_INSTANCE_ID,
                          "Static member %.*s with instance id %.*s cannot join the group because "
                          "the instance id is owned by %.*s member.",
                          SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(former->id));
        return replace_static(h, former);
    }
    if (former == NULL)
        return refuse(h, KAFKA_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
                      SHOWN(h->in->instance_id));
    if (!is_same)
        return refuse(h, KAFKA_FENCED_INSTANCE_ID,
                      "Static member %.*s with instance id %.*s was fenced by member %.*s.",
                      SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(former->id));
    return check_member_epoch(h, former);
}

static bool find_member(struct heartbeat *h)
{
    /* A member names its instance only when it joins; afterwards it is known to have one. */
    const struct consumer_member *member = consumer_member_find(h->group, h->member_id);
    bool is_static = !bytes_are_null(h->in->instance_id);
    if (is_static && (member == NULL || h->in->member_epoch == MEMBER_EPOCH_JOIN ||
                      !bytes_equal(member->instance_id, h->in->instance_id)))
        return find_static(h);
    return find_dynamic(h);
}

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
        refuse(h, KAFKA_COORDINATOR_NOT_AVAILABLE, "No memory for the answer.");
}

/* --- Leaving ---------------------------------------------------------------------------------- */

static bool find_leaving(struct heartbeat *h)
{
    if (bytes_are_null(h->in->instance_id)) {
        h->member = consumer_member_find(h->group, h->member_id);
        return h->member != NULL || refuse_unknown(h);
    }
    h->member = consumer_member_of_instance(h->group, h->in->instance_id);
    if (h->member == NULL)
        return refuse(h, KAFKA_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
                      SHOWN(h->in->instance_id));
    if (!bytes_equal(h->member->id, h->member_id))
        return refuse(h, KAFKA_FENCED_INSTANCE_ID,
                      "Static member %.*s with instance id %.*s was fenced by member %.*s.",
                      SHOWN(h->member_id), SHOWN(h->in->instance_id), SHOWN(h->member->id));
    return true;
}

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
    if (!find_leaving(h))
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
    if (!take_owned(h) || !find_member(h))
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

bool consumer_heartbeat_check(struct group_turn *turn, struct consumer_group_heartbeat_call *call)
{
    struct heartbeat h = {.turn = turn, .call = call, .in = call->in};
    if (check_ids(&h) && check_epoch(&h) && check_wishes(&h))
        return true;
    group_turn_answer(turn, &call->call);
    return false;
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
