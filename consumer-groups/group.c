/* The one place that knows that there are two kinds of groups: each question goes to the one it is.
 */
#include "consumer-groups/group.h"

#include "base/assert.h"
#include "consumer-groups/group_writer.h"
#include "protocol/errors.h"

static bool is_classic(const struct group *group)
{
    return group->type == GROUP_CLASSIC;
}

void group_init_members(struct group *group, struct group_turn *turn, enum group_type type)
{
    assert(!bytes_are_null(group->id));
    group->type = type;
    if (type == GROUP_CLASSIC)
        classic_init(&group->classic, group->id, turn);
    else
        consumer_init(&group->consumer, group->id, turn->settings->hash_seed);
}

void group_deinit_members(struct group *group, struct group_memory *memory)
{
    if (is_classic(group))
        classic_deinit(&group->classic, memory);
    else
        consumer_deinit(&group->consumer, memory);
}

void group_change_type(struct group *group, struct group_turn *turn, enum group_type type)
{
    assert(group->type != type);
    assert(is_classic(group) ? group->classic.state == CLASSIC_EMPTY
                             : consumer_is_empty(&group->consumer));
    group_put_tombstones(group, turn);
    group_deinit_members(group, turn->memory);
    group_init_members(group, turn, type);
    assert(group_is_empty(group));
}

/* --- Offsets ---------------------------------------------------------------------------------- */

int16_t group_check_commit(struct group *group, struct group_turn *turn,
                           const struct offset_commit_call *commit,
                           const struct consumer_member **late)
{
    const struct offset_commit_request *in = commit->in;
    assert(!group_is_leaving(group));
    *late = NULL;
    if (is_classic(group))
        return classic_check_commit(&group->classic, turn, in->member_id, in->group_instance_id,
                                    in->generation_id_or_member_epoch);
    return consumer_check_commit(&group->consumer, in->member_id, in->generation_id_or_member_epoch,
                                 commit->call.version, late);
}

int16_t group_check_fetch(const struct group *group, const struct offset_fetch_call *fetch)
{
    assert(!group_is_leaving(group));
    if (is_classic(group))
        return KAFKA_NONE;
    return consumer_check_fetch(&group->consumer, fetch->in->member_id, fetch->in->member_epoch);
}

bool group_is_empty(const struct group *group)
{
    return is_classic(group) ? classic_is_empty(&group->classic)
                             : consumer_is_empty(&group->consumer);
}

bool group_is_nothing(const struct group *group)
{
    bool is_recorded =
        is_classic(group) ? group->classic.is_recorded : group->consumer.epoch > CONSUMER_EPOCH_NEW;
    return group_is_empty(group) && !is_recorded && group->offsets.count == 0;
}

int64_t group_empty_since_ms(const struct group *group)
{
    return is_classic(group) ? classic_empty_since_ms(&group->classic) : -1;
}

bool group_is_subscribed(const struct group *group, struct bytes topic)
{
    return is_classic(group) ? classic_is_subscribed(&group->classic, topic)
                             : consumer_is_subscribed(&group->consumer, topic);
}

bool group_knows_subscriptions(const struct group *group)
{
    return !is_classic(group) || bytes_equal_text(group_protocol_type(group), "consumer");
}

/* --- Calls and time --------------------------------------------------------------------------- */

/* Only members of the classic protocol wait for anybody. */
void group_abandon(struct group *group, struct group_turn *turn, struct group_call *call)
{
    assert(is_classic(group));
    classic_abandon(&group->classic, turn, call);
}

void group_drop_calls(struct group *group, struct group_turn *turn, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    if (is_classic(group))
        classic_drop_calls(&group->classic, turn, error_code);
}

int64_t group_deadline_ms(const struct group *group)
{
    return is_classic(group) ? classic_deadline_ms(&group->classic)
                             : consumer_deadline_ms(&group->consumer);
}

void group_tick(struct group *group, struct group_turn *turn)
{
    if (is_classic(group))
        classic_tick(&group->classic, turn);
    else
        consumer_tick(&group->consumer, turn);
}

void group_forgive(struct group *group, struct group_turn *turn)
{
    if (is_classic(group))
        classic_forgive(&group->classic, turn);
    else
        consumer_forgive(&group->consumer, turn);
}

void group_topics_changed(struct group *group, struct group_turn *turn)
{
    if (!is_classic(group))
        consumer_topics_changed(&group->consumer, turn);
}

/* --- Records ---------------------------------------------------------------------------------- */

static void begin_anew(struct group *group, struct group_turn *turn, enum group_type type)
{
    group_deinit_members(group, turn->memory);
    group_init_members(group, turn, type);
}

static enum status restore_classic(struct group *group, struct group_turn *turn,
                                   const struct group_record_view *view)
{
    bool is_other = !is_classic(group);
    assert(view->kind == GROUP_RECORD_CLASSIC);
    if (view->is_tombstone && is_other)
        return STATUS_OK;
    if (view->is_tombstone || is_other)
        begin_anew(group, turn, GROUP_CLASSIC);
    return view->is_tombstone ? STATUS_OK : classic_restore(&group->classic, turn, &view->classic);
}

static enum status restore_consumer(struct group *group, struct group_turn *turn,
                                    struct arena *arena, const struct group_record_view *view)
{
    struct consumer_group *consumer = &group->consumer;
    bool is_there = !view->is_tombstone;
    assert(group->type == GROUP_CONSUMER);
    switch (view->kind) {
    case GROUP_RECORD_CONSUMER:
        if (is_there)
            return consumer_restore_group(consumer, &view->consumer);
        begin_anew(group, turn, GROUP_CLASSIC);
        return STATUS_OK;
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH:
        /* It is taken back together with the group, or not at all. */
        return is_there ? consumer_restore_target_epoch(consumer, &view->target_epoch) : STATUS_OK;
    case GROUP_RECORD_CONSUMER_MEMBER:
        return consumer_restore_member(consumer, turn->memory, view->member_id,
                                       is_there ? &view->member : NULL);
    case GROUP_RECORD_CONSUMER_TARGET:
        return consumer_restore_target(consumer, turn->memory, view->member_id,
                                       is_there ? &view->target : NULL);
    case GROUP_RECORD_CONSUMER_CURRENT:
        return consumer_restore_current(consumer, turn->memory, arena, view->member_id,
                                        is_there ? &view->current : NULL);
    case GROUP_RECORD_CONSUMER_PATTERN:
        return consumer_restore_pattern(consumer, turn, view->pattern,
                                        is_there ? &view->regular_expression : NULL);
    case GROUP_RECORD_UNKNOWN:
    case GROUP_RECORD_OFFSET:
    case GROUP_RECORD_CLASSIC: break;
    }
    unreachable();
}

/* The log is in order: what a group was before it changed its type has been taken back before what
 * it became was written. */
enum status group_restore(struct group *group, struct group_turn *turn, struct arena *arena,
                          const struct group_record_view *view)
{
    assert(view->kind != GROUP_RECORD_UNKNOWN);
    assert(view->kind != GROUP_RECORD_OFFSET);
    if (view->kind == GROUP_RECORD_CLASSIC)
        return restore_classic(group, turn, view);
    if (is_classic(group) && view->is_tombstone)
        return STATUS_OK;
    if (is_classic(group))
        begin_anew(group, turn, GROUP_CONSUMER);
    return restore_consumer(group, turn, arena, view);
}

void group_restored(struct group *group, struct group_turn *turn)
{
    if (is_classic(group))
        classic_forgive(&group->classic, turn);
    else
        consumer_restored(&group->consumer, turn);
}

void group_put_tombstones(const struct group *group, struct group_turn *turn)
{
    struct writer key;
    struct writer unused;
    const struct group_metadata_key name = {.group = group->id};
    if (!is_classic(group)) {
        consumer_put_tombstones(&group->consumer, turn);
        return;
    }
    if (!group->classic.is_recorded)
        return;
    group_writer_begin(turn->writer, &key, &unused);
    writer_i16(&key, GROUP_METADATA_KEY_KEY);
    group_metadata_key_encode(&key, 0, &name);
    group_writer_end(turn->writer, &key, NULL);
}

/* --- Views ------------------------------------------------------------------------------------ */

const char *group_state_name(const struct group *group)
{
    return is_classic(group) ? classic_state_name(&group->classic)
                             : consumer_state_name(&group->consumer);
}

const char *group_type_name(const struct group *group)
{
    return is_classic(group) ? "classic" : "consumer";
}

struct bytes group_protocol_type(const struct group *group)
{
    return is_classic(group) ? classic_protocol_type(&group->classic) : bytes_of_text("consumer");
}
