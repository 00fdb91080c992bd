/* SyncGroup, Heartbeat, and whether a commit may be made: what a member does within a generation.
 */
#include "base/assert.h"
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_rebalance.h"
#include "consumer-groups/classic_record.h"
#include "protocol/errors.h"

/* --- SyncGroup -------------------------------------------------------------------------------- */

/* Before, members do not say which protocol they took the generation's to be (KIP-559). */
enum { PROTOCOL_VERSION = 5 };

/* Null on either side contradicts nothing. */
static bool contradicts(struct bytes theirs, struct bytes ours)
{
    return !bytes_are_null(theirs) && !bytes_are_null(ours) && !bytes_equal(theirs, ours);
}

static int16_t validate_sync(const struct classic_group *group, const struct sync_group_call *call,
                             struct classic_member **member)
{
    const struct sync_group_request *in = call->in;
    if (call->call.version >= PROTOCOL_VERSION &&
        (bytes_are_null(in->protocol_type) || bytes_are_null(in->protocol_name)))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    int16_t error_code = classic_validate(group, in->member_id, in->group_instance_id, member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (in->generation_id != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    if (contradicts(in->protocol_type, group->protocol_type) ||
        contradicts(in->protocol_name, classic_protocol_name(group)))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    return group->state == CLASSIC_PREPARING_REBALANCE ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

static void note_sync(struct classic_group *group, struct classic_member *member)
{
    assert(group->state == CLASSIC_COMPLETING_REBALANCE || group->state == CLASSIC_STABLE);
    classic_member_set_owing(group, member, false);
    if (group->owing_sync_count == 0)
        group->sync_deadline_ms = INT64_MAX;
}

/* Who is not named has nothing; of one that is named twice, the last counts. */
static enum status assign_all(struct classic_group *group, struct group_turn *turn,
                              const struct sync_group_request *in)
{
    assert(group->state == CLASSIC_COMPLETING_REBALANCE);
    struct classic_member *member;
    for_each_member (member, group)
        classic_member_assign(turn->memory, member, (struct bytes){NULL, 0});
    for (uint32_t i = 0; i < in->assignments_count; i++) {
        member = classic_find_member(group, in->assignments[i].member_id);
        if (member != NULL &&
            !classic_member_assign(turn->memory, member, in->assignments[i].assignment))
            return STATUS_NO_MEMORY;
    }
    return classic_record_put(group, turn);
}

/* A group whose record the offsets topic does not take cannot go on, and its users must see why:
 * MESSAGE_TOO_LARGE ends a client, where Kafka's UNKNOWN_SERVER_ERROR would leave it guessing. */
static void assign(struct classic_group *group, struct group_turn *turn,
                   const struct sync_group_request *in)
{
    enum status status = assign_all(group, turn, in);
    if (status == STATUS_OK)
        classic_become_stable(group, turn);
    else
        classic_fail_sync(group, turn,
                          status == STATUS_TOO_LARGE ? KAFKA_MESSAGE_TOO_LARGE
                                                     : KAFKA_COORDINATOR_NOT_AVAILABLE);
}

void classic_sync(struct classic_group *group, struct group_turn *turn,
                  struct sync_group_call *call)
{
    struct classic_member *member;
    int16_t error_code = validate_sync(group, call, &member);
    if (error_code != KAFKA_NONE) {
        classic_refuse_sync(turn, call, error_code);
        return;
    }
    note_sync(group, member);
    if (group->state == CLASSIC_STABLE) {
        classic_answer_sync(group, turn, call, member);
        return;
    }
    assert(group->state == CLASSIC_COMPLETING_REBALANCE);
    classic_hold_sync(turn, member, call);
    if (group->leader == member)
        assign(group, turn, call->in);
    classic_assert_is_sound(group);
}

/* --- Heartbeat -------------------------------------------------------------------------------- */

static int16_t heartbeat(struct classic_group *group, const struct group_turn *turn,
                         const struct heartbeat_request *in)
{
    struct classic_member *member;
    int16_t error_code = classic_validate(group, in->member_id, in->group_instance_id, &member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (in->generation_id != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    classic_member_keep(group, turn, member, member->session_timeout_ms);
    return group->state == CLASSIC_PREPARING_REBALANCE ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

void classic_heartbeat(struct classic_group *group, struct group_turn *turn,
                       struct heartbeat_call *call)
{
    heartbeat_response_init(&call->out);
    call->out.error_code = heartbeat(group, turn, call->in);
    group_turn_answer(turn, &call->call);
}

/* --- Commits ---------------------------------------------------------------------------------- */

static int16_t validate_commit(const struct classic_group *group, struct bytes member_id,
                               struct bytes instance_id, int32_t generation,
                               struct classic_member **member)
{
    /* A tool, or a consumer that assigns itself: alone it may. */
    if (generation < 0 && group->state == CLASSIC_EMPTY)
        return KAFKA_NONE;
    if (generation < 0 && member_id.size == 0 && bytes_are_null(instance_id))
        return KAFKA_UNKNOWN_MEMBER_ID;
    int16_t error_code = classic_validate(group, member_id, instance_id, member);
    if (error_code != KAFKA_NONE)
        return error_code;
    if (generation != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    /* It has the new generation already: it is to wait until it knows what it owns. */
    return group->state == CLASSIC_COMPLETING_REBALANCE ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

int16_t classic_check_commit(struct classic_group *group, struct group_turn *turn,
                             struct bytes member_id, struct bytes instance_id, int32_t generation)
{
    struct classic_member *member = NULL;
    int16_t error_code = validate_commit(group, member_id, instance_id, generation, &member);
    if (error_code == KAFKA_NONE && member != NULL)
        classic_member_keep(group, turn, member, member->session_timeout_ms);
    return error_code;
}
