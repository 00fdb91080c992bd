/* Members of a consumer group who speak the classic protocol (KIP-848, online migration). Their
 * generation is their member epoch, and nobody waits for anybody:
 *
 *   JoinGroup   is a heartbeat that says everything: wishes, and what the member owns
 *   SyncGroup   tells what it may use at this epoch
 *   Heartbeat   tells it to join again when there is something for it to give up or to take
 *
 * Who is told to join again, and who has joined, has his rebalance timeout for the next of these.
 */
#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/embedded_protocol.h"
#include "protocol/errors.h"

/* The first versions that know them. */
enum { MEMBER_ID_REQUIRED_VERSION = 4, PROTOCOL_VERSION = 5, LEAVES_TOGETHER_VERSION = 3 };

enum {
    SCRATCH_LIMIT_BYTES = 64 * 1024 * 1024,
    /* What a member takes in memory beside what it says, generously. */
    MEMBER_BYTES = 2048,
};

/* --- JoinGroup -------------------------------------------------------------------------------- */

/* One join on its way. */
struct joining {
    struct consumer_group *group;
    struct group_turn *turn;
    struct join_group_call *call;
    const struct join_group_request *in;
    struct bytes member_id;
    struct arena scratch;
    struct consumer_protocol_subscription wish;
    struct partition_set owned;
    struct consumer_member *member;
};

static bool has_room(const struct joining *j)
{
    return j->group->members.count < j->turn->settings->consumer_size_max ||
           consumer_member_find(j->group, j->in->member_id) != NULL;
}

static bool has_memory(const struct joining *j)
{
    size_t size = MEMBER_BYTES;
    for (uint32_t i = 0; i < j->in->protocols_count; i++)
        size += 2 * (j->in->protocols[i].name.size + j->in->protocols[i].metadata.size);
    return group_memory_has_room(j->turn->memory, size);
}

static bool does_fit(const struct joining *j)
{
    const struct join_group_request *in = j->in;
    return in->protocols_count <= CLASSIC_PROTOCOLS_MAX &&
           bytes_equal_text(in->protocol_type, "consumer") &&
           classic_votes_agree(&j->group->votes, in->protocols, in->protocols_count,
                               j->group->classic_count);
}

/* All protocols of a member want the same: the first one is asked. */
static int16_t read_wish(struct joining *j)
{
    assert(j->in->protocols_count > 0);
    enum status status =
        embedded_subscription_read(j->in->protocols[0].metadata, &j->scratch, &j->wish);
    if (status == STATUS_OK)
        status = embedded_owned_read(&j->wish, j->turn->image, &j->scratch, &j->owned);
    if (status == STATUS_OK)
        return KAFKA_NONE;
    return status == STATUS_NO_MEMORY ? KAFKA_COORDINATOR_NOT_AVAILABLE
                                      : KAFKA_INCONSISTENT_GROUP_PROTOCOL;
}

static int16_t check_join(struct joining *j)
{
    const struct group_settings *settings = j->turn->settings;
    if (j->in->session_timeout_ms < settings->session_timeout_ms_min ||
        j->in->session_timeout_ms > settings->session_timeout_ms_max)
        return KAFKA_INVALID_SESSION_TIMEOUT;
    if (!has_room(j))
        return KAFKA_GROUP_MAX_SIZE_REACHED;
    if (!does_fit(j))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    return has_memory(j) ? read_wish(j) : KAFKA_COORDINATOR_NOT_AVAILABLE;
}

static bool must_come_again(const struct joining *j)
{
    return j->in->member_id.size == 0 && bytes_are_null(j->in->group_instance_id) &&
           j->call->call.version >= MEMBER_ID_REQUIRED_VERSION;
}

static bool create_member(struct joining *j)
{
    assert(j->member == NULL);
    assert(!bytes_are_null(j->member_id));
    j->member =
        consumer_member_create(j->group, j->turn->memory, j->member_id, j->in->group_instance_id);
    if (j->member == NULL)
        group_turn_fail(j->turn);
    return j->member != NULL;
}

/* Whoever comes without a member id, and with the instance id of a member, takes its place. */
static int16_t find_static(struct joining *j)
{
    assert(!bytes_are_null(j->in->group_instance_id));
    bool is_unknown = j->in->member_id.size == 0;
    j->member = consumer_member_of_instance(j->group, j->in->group_instance_id);
    if (j->member == NULL && !is_unknown)
        return KAFKA_UNKNOWN_MEMBER_ID;
    if (j->member != NULL && !is_unknown)
        return bytes_equal(j->member->id, j->member_id) ? KAFKA_NONE : KAFKA_FENCED_INSTANCE_ID;
    bool is_done = j->member == NULL ? create_member(j)
                                     : consumer_replace(j->group, j->turn, j->member, j->member_id);
    return is_done ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE;
}

static int16_t find_member(struct joining *j)
{
    if (!bytes_are_null(j->in->group_instance_id))
        return find_static(j);
    j->member = consumer_member_find(j->group, j->member_id);
    return j->member != NULL || create_member(j) ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE;
}

static bool change_offer(struct joining *j)
{
    assert(j->member != NULL);
    const struct join_group_request *in = j->in;
    struct consumer_member *member = j->member;
    bool is_same = member->offer != NULL && member->session_timeout_ms == in->session_timeout_ms &&
                   classic_offer_matches(member->offer, in->protocols, in->protocols_count);
    if (is_same)
        return false;
    member->session_timeout_ms = in->session_timeout_ms;
    if (!consumer_member_offer(j->group, j->turn->memory, member, in->protocols,
                               in->protocols_count))
        group_turn_fail(j->turn);
    return true;
}

/* True if the group must be assigned anew. */
static bool take_wishes(struct joining *j)
{
    assert(j->member != NULL);
    struct consumer_member *member = j->member;
    struct group_turn *turn = j->turn;
    bool is_new = bytes_are_null(member->client_id);
    struct bytes client_id = j->call->call.client_id;
    bool is_written = change_offer(j);
    is_written |= consumer_text_change(turn, &member->client_id,
                                       bytes_are_null(client_id) ? bytes_of_text("") : client_id);
    is_written |= consumer_text_change(turn, &member->client_host, j->call->call.client_host);
    is_written |= consumer_text_change(turn, &member->rack_id, j->wish.rack_id);
    is_written |= member->rebalance_timeout_ms != join_group_rebalance_timeout_ms(j->call);
    member->rebalance_timeout_ms = join_group_rebalance_timeout_ms(j->call);
    bool has_changed = consumer_topics_change(turn, &j->scratch, &member->topics, j->wish.topics,
                                              j->wish.topics_count);
    if (is_written || has_changed)
        consumer_put_member(j->group, turn, member);
    return has_changed || is_new;
}

static struct bytes keep(struct group_call *call, struct bytes text, bool *has_memory)
{
    char *copy = arena_copy_text(call->arena, text.data, text.size);
    *has_memory = *has_memory && copy != NULL;
    return bytes_of(copy, text.size);
}

static void answer_join(struct joining *j)
{
    assert(j->member != NULL);
    struct join_group_response *out = &j->call->out;
    const struct consumer_member *member = j->member;
    bool has_memory = member->offer != NULL;
    join_group_response_init(out);
    out->generation_id = member->position.epoch;
    out->protocol_type = bytes_of_text("consumer");
    out->member_id = keep(&j->call->call, member->id, &has_memory);
    if (has_memory)
        out->protocol_name = keep(&j->call->call, member->offer->protocols[0].name, &has_memory);
    if (has_memory)
        group_turn_answer(j->turn, &j->call->call);
    else
        classic_refuse_join(j->turn, j->call, j->in->member_id, KAFKA_COORDINATOR_NOT_AVAILABLE);
}

static void join(struct joining *j)
{
    assert(j->member != NULL);
    struct consumer_group *group = j->group;
    struct consumer_member *member = j->member;
    if (take_wishes(j))
        consumer_bump(group, j->turn);
    consumer_assign(group, j->turn);
    consumer_step(group, j->turn, member, &j->owned);
    member->revoke_deadline_ms = INT64_MAX;
    member->join_deadline_ms = INT64_MAX;
    member->sync_deadline_ms = j->turn->now_ms + member->rebalance_timeout_ms;
    consumer_note_deadline(group, member->sync_deadline_ms);
    consumer_member_keep(group, j->turn, member);
    answer_join(j);
}

/* Who it is, or is to be. False without memory. */
static bool name_member(struct joining *j)
{
    char fresh[UUID_TEXT_SIZE];
    bool has_memory = true;
    j->member_id = j->in->member_id;
    if (j->member_id.size > 0)
        return true;
    uuid_format(j->turn->fresh_id, fresh);
    j->member_id = keep(&j->call->call, bytes_of_text(fresh), &has_memory);
    return has_memory;
}

void consumer_classic_join(struct consumer_group *group, struct group_turn *turn,
                           struct join_group_call *call)
{
    assert(!consumer_is_empty(group));
    struct joining j = {.group = group, .turn = turn, .call = call, .in = call->in};
    arena_init(&j.scratch, SCRATCH_LIMIT_BYTES);
    int16_t error_code = check_join(&j);
    if (error_code == KAFKA_NONE && !name_member(&j))
        error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
    if (error_code == KAFKA_NONE && must_come_again(&j))
        classic_refuse_join(turn, call, j.member_id, KAFKA_MEMBER_ID_REQUIRED);
    else if (error_code != KAFKA_NONE || (error_code = find_member(&j)) != KAFKA_NONE)
        classic_refuse_join(turn, call, call->in->member_id, error_code);
    else
        join(&j);
    arena_deinit(&j.scratch);
}

/* --- Within an epoch -------------------------------------------------------------------------- */

/* UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or 0 and a member that speaks the classic protocol. */
static int16_t validate(const struct consumer_group *group, struct bytes member_id,
                        struct bytes instance_id, struct consumer_member **member)
{
    bool is_static = !bytes_are_null(instance_id);
    *member = is_static ? consumer_member_of_instance(group, instance_id)
                        : consumer_member_find(group, member_id);
    if (*member == NULL)
        return KAFKA_UNKNOWN_MEMBER_ID;
    if (is_static && !bytes_equal((*member)->id, member_id))
        return KAFKA_FENCED_INSTANCE_ID;
    return (*member)->offer == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
}

/* There is a target that it has not joined for. */
static bool is_behind(const struct consumer_group *group, const struct consumer_member *member)
{
    assert(group->assignment_epoch <= group->epoch);
    return member->position.epoch < group->assignment_epoch;
}

/* It has until then to do so, from the first time that it is told. */
static void tell_to_join(struct consumer_group *group, const struct group_turn *turn,
                         struct consumer_member *member)
{
    assert(member->offer != NULL);
    assert(member->rebalance_timeout_ms >= 0);
    if (member->join_deadline_ms != INT64_MAX)
        return;
    member->join_deadline_ms = turn->now_ms + member->rebalance_timeout_ms;
    consumer_note_deadline(group, member->join_deadline_ms);
}

/* Null contradicts nothing. */
static bool contradicts(struct bytes theirs, struct bytes ours)
{
    return !bytes_are_null(theirs) && !bytes_equal(theirs, ours);
}

static int16_t check_sync(struct consumer_group *group, const struct group_turn *turn,
                          const struct sync_group_call *call, struct consumer_member **member)
{
    const struct sync_group_request *in = call->in;
    if (call->call.version >= PROTOCOL_VERSION &&
        (bytes_are_null(in->protocol_type) || bytes_are_null(in->protocol_name)))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    int16_t error_code = validate(group, in->member_id, in->group_instance_id, member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (in->generation_id != (*member)->position.epoch)
        return KAFKA_ILLEGAL_GENERATION;
    if (contradicts(in->protocol_type, bytes_of_text("consumer")) ||
        contradicts(in->protocol_name, (*member)->offer->protocols[0].name))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    /* One that is to give something up first hears what it keeps, and is told by its heartbeat. */
    if (!is_behind(group, *member) || (*member)->position.state == MEMBER_UNREVOKED_PARTITIONS)
        return KAFKA_NONE;
    tell_to_join(group, turn, *member);
    return KAFKA_REBALANCE_IN_PROGRESS;
}

void consumer_classic_sync(struct consumer_group *group, struct group_turn *turn,
                           struct sync_group_call *call)
{
    struct consumer_member *member;
    int16_t error_code = check_sync(group, turn, call, &member);
    if (error_code != KAFKA_NONE) {
        classic_refuse_sync(turn, call, error_code);
        return;
    }
    sync_group_response_init(&call->out);
    assert(member->offer != NULL);
    assert(member->position.epoch == call->in->generation_id);
    call->out.protocol_type = call->in->protocol_type;
    call->out.protocol_name = call->in->protocol_name;
    if (embedded_assignment_write(&member->position.assigned, turn->image,
                                  member->offer->protocols[0].metadata, call->call.arena,
                                  &call->out.assignment) != STATUS_OK) {
        classic_refuse_sync(turn, call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    member->sync_deadline_ms = INT64_MAX;
    consumer_member_keep(group, turn, member);
    group_turn_answer(turn, &call->call);
}

/* Has somebody still something that it is to have? */
static bool waits_for_others(const struct consumer_group *group,
                             const struct consumer_member *member)
{
    const struct partition_set *target = &member->target;
    for (uint32_t i = 0; i < target->count; i++) {
        const struct partition_item *item = &target->items[i];
        const struct partition_set *assigned = &member->position.assigned;
        if (partition_set_find(assigned, item->topic_id, item->partition) == NULL &&
            partition_owners_epoch(&group->owners, item->topic_id, item->partition) !=
                PARTITION_OWNER_NOBODY)
            return true;
    }
    return false;
}

static bool should_join_again(const struct consumer_group *group,
                              const struct consumer_member *member)
{
    assert(member->offer != NULL);
    switch (member->position.state) {
    case MEMBER_STABLE: return is_behind(group, member);
    case MEMBER_UNREVOKED_PARTITIONS: return true;
    case MEMBER_UNRELEASED_PARTITIONS:
        return is_behind(group, member) || !waits_for_others(group, member);
    }
    unreachable();
}

static int16_t heartbeat(struct consumer_group *group, const struct group_turn *turn,
                         const struct heartbeat_request *in)
{
    struct consumer_member *member;
    int16_t error_code = validate(group, in->member_id, in->group_instance_id, &member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (in->generation_id != member->position.epoch)
        return KAFKA_ILLEGAL_GENERATION;
    consumer_member_keep(group, turn, member);
    if (!should_join_again(group, member))
        return KAFKA_NONE;
    tell_to_join(group, turn, member);
    return KAFKA_REBALANCE_IN_PROGRESS;
}

void consumer_classic_heartbeat(struct consumer_group *group, struct group_turn *turn,
                                struct heartbeat_call *call)
{
    heartbeat_response_init(&call->out);
    call->out.error_code = heartbeat(group, turn, call->in);
    group_turn_answer(turn, &call->call);
}

/* --- LeaveGroup ------------------------------------------------------------------------------- */

/* Whoever runs static members may name them by their instance ids alone. */
static int16_t find_leaving(const struct consumer_group *group,
                            const struct leave_group_request_member *who,
                            struct consumer_member **member)
{
    bool is_by_instance = who->member_id.size == 0 && !bytes_are_null(who->group_instance_id);
    if (!is_by_instance)
        return validate(group, who->member_id, who->group_instance_id, member);
    *member = consumer_member_of_instance(group, who->group_instance_id);
    return *member == NULL || (*member)->offer == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
}

/* Answers whether anybody left. */
static bool leave_all(struct consumer_group *group, struct group_turn *turn,
                      const struct leave_group_request_member *from,
                      struct leave_group_response_member *to, uint32_t count)
{
    bool has_left = false;
    for (uint32_t i = 0; i < count; i++) {
        struct consumer_member *member;
        to[i].member_id = from[i].member_id;
        to[i].group_instance_id = from[i].group_instance_id;
        to[i].error_code = find_leaving(group, &from[i], &member);
        if (to[i].error_code != KAFKA_NONE)
            continue;
        consumer_remove(group, turn, member);
        has_left = true;
    }
    return has_left;
}

void consumer_classic_leave(struct consumer_group *group, struct group_turn *turn,
                            struct leave_group_call *call)
{
    const struct leave_group_request *in = call->in;
    const struct leave_group_request_member one = {.member_id = in->member_id};
    bool is_single = call->call.version < LEAVES_TOGETHER_VERSION;
    uint32_t count = is_single ? 1 : in->members_count;
    leave_group_response_init(&call->out);
    struct leave_group_response_member *members =
        arena_allocate_array(call->call.arena, count, sizeof *members);
    if (members == NULL) {
        call->out.error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
    } else if (leave_all(group, turn, is_single ? &one : in->members, members, count)) {
        consumer_members_left(group, turn);
    }
    if (members != NULL && is_single) {
        call->out.error_code = members[0].error_code;
    } else if (members != NULL) {
        call->out.members = members;
        call->out.members_count = count;
    }
    group_turn_answer(turn, &call->call);
}
