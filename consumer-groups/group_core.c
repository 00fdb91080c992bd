/* Which group an event is for, and what becomes of it afterwards. Whatever was done to a group, it
 * is settled then (group_table_settle): its deadline is set anew, or, if nothing is left of it, it
 * goes. */
#include "consumer-groups/group_core.h"

#include "base/assert.h"
#include "consumer-groups/classic_member.h"
#include "consumer-groups/group_migration.h"
#include "consumer-groups/group_offsets_core.h"
#include "consumer-groups/group_view_core.h"
#include "consumer-groups/group_writer.h"
#include "protocol/errors.h"

/* --- Restoring -------------------------------------------------------------------------------- */

static struct group *find_or_create(struct group_table *table, struct group_turn *turn,
                                    struct bytes id)
{
    struct group *group = group_table_find(table, id);
    return group != NULL ? group : group_table_create(table, turn, id);
}

static enum status restore_offset(struct group_table *table, struct group_turn *turn,
                                  const struct group_record_view *view)
{
    struct group *group = group_table_find(table, view->group_id);
    assert(view->kind == GROUP_RECORD_OFFSET);
    if (view->is_tombstone) {
        assert(group == NULL || table->offset_count >= group->offsets.count);
        if (group != NULL)
            table->offset_count -=
                group_offsets_remove(&group->offsets, turn->memory, view->topic, view->partition);
        return STATUS_OK;
    }
    group = find_or_create(table, turn, view->group_id);
    if (group == NULL)
        return STATUS_NO_MEMORY;
    const struct group_offset offset = {
        .partition = view->partition,
        .leader_epoch = view->offset.leader_epoch,
        .offset = view->offset.offset,
        .commit_ms = view->offset.commit_timestamp,
        .expire_ms = view->offset.expire_timestamp,
        .metadata = view->offset.metadata,
    };
    uint32_t before = group->offsets.count;
    enum status status = group_offsets_put(&group->offsets, turn->memory, view->topic,
                                           view->offset.topic_id, &offset);
    group_table_count_offsets(table, group, before);
    return status;
}

/* A tombstone makes no group; one of which nothing is left goes. */
static enum status restore_members(struct group_table *table, struct group_turn *turn,
                                   struct arena *arena, const struct group_record_view *view)
{
    struct group *group = group_table_find(table, view->group_id);
    assert(view->kind != GROUP_RECORD_OFFSET);
    assert(group == NULL || !group_is_leaving(group));
    if (group == NULL && view->is_tombstone)
        return STATUS_OK;
    if (group == NULL)
        group = group_table_create(table, turn, view->group_id);
    if (group == NULL)
        return STATUS_NO_MEMORY;
    enum status status = group_restore(group, turn, arena, view);
    if (view->is_tombstone && group->type == GROUP_CLASSIC && group_is_nothing(group))
        group_table_remove(table, turn->memory, group);
    return status;
}

enum status group_table_restore(struct group_table *table, struct group_turn *turn,
                                struct arena *arena, const struct group_record_view *view)
{
    switch (view->kind) {
    case GROUP_RECORD_OFFSET: return restore_offset(table, turn, view);
    case GROUP_RECORD_UNKNOWN: return STATUS_OK;
    case GROUP_RECORD_CLASSIC:
    case GROUP_RECORD_CONSUMER:
    case GROUP_RECORD_CONSUMER_MEMBER:
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH:
    case GROUP_RECORD_CONSUMER_TARGET:
    case GROUP_RECORD_CONSUMER_CURRENT:
    case GROUP_RECORD_CONSUMER_PATTERN: return restore_members(table, turn, arena, view);
    }
    unreachable();
}

/* --- Serving ---------------------------------------------------------------------------------- */

static void serve_classic(struct classic_group *group, struct group_turn *turn,
                          struct group_call *call)
{
    assert(!call->is_answered);
    if (call->kind == GROUP_CALL_JOIN)
        classic_join(group, turn, container_of(call, struct join_group_call, call));
    else if (call->kind == GROUP_CALL_SYNC)
        classic_sync(group, turn, container_of(call, struct sync_group_call, call));
    else if (call->kind == GROUP_CALL_HEARTBEAT)
        classic_heartbeat(group, turn, container_of(call, struct heartbeat_call, call));
    else if (call->kind == GROUP_CALL_LEAVE)
        classic_leave(group, turn, container_of(call, struct leave_group_call, call));
    else
        unreachable();
}

/* Members who speak the classic protocol in a group that has others. */
static void serve_classic_member(struct consumer_group *group, struct group_turn *turn,
                                 struct group_call *call)
{
    assert(!call->is_answered);
    if (call->kind == GROUP_CALL_JOIN)
        consumer_classic_join(group, turn, container_of(call, struct join_group_call, call));
    else if (call->kind == GROUP_CALL_SYNC)
        consumer_classic_sync(group, turn, container_of(call, struct sync_group_call, call));
    else if (call->kind == GROUP_CALL_HEARTBEAT)
        consumer_classic_heartbeat(group, turn, container_of(call, struct heartbeat_call, call));
    else if (call->kind == GROUP_CALL_LEAVE)
        consumer_classic_leave(group, turn, container_of(call, struct leave_group_call, call));
    else
        unreachable();
}

/* Only who joins without a member id makes a group. */
static bool may_create(const struct group_call *call)
{
    return call->kind == GROUP_CALL_JOIN &&
           container_of(call, struct join_group_call, call)->in->member_id.size == 0;
}

/* Whoever comes as a member of a group that is not there hears what an empty group says. */
static void serve_nobody(struct group_turn *turn, struct group_call *call)
{
    struct classic_group nobody;
    assert(!may_create(call));
    classic_init(&nobody, group_call_group_id(call), turn);
    serve_classic(&nobody, turn, call);
    assert(classic_is_empty(&nobody));
    classic_deinit(&nobody, turn->memory);
}

static void refuse(struct group_turn *turn, struct group_call *call, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    assert(!call->is_answered);
    group_call_fail(call, error_code);
    group_turn_answer(turn, call);
}

/* The group, as one of this type, which it is already unless it is empty. NULL and the answer has
 * been given: there is no memory. */
static struct group *take_group(struct group_table *table, struct group_turn *turn,
                                struct group_call *call, enum group_type type)
{
    struct group *group = find_or_create(table, turn, group_call_group_id(call));
    if (group == NULL) {
        refuse(turn, call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return NULL;
    }
    if (group->type != type)
        group_change_type(group, turn, type);
    assert(group->type == type);
    assert(!group_is_leaving(group));
    return group;
}

static void serve_member(struct group_table *table, struct group_turn *turn,
                         struct group_call *call)
{
    struct group *group = group_table_find(table, group_call_group_id(call));
    bool is_classic = group != NULL && group->type == GROUP_CLASSIC;
    assert(group == NULL || !group_is_leaving(group));
    if (group != NULL && !is_classic && !group_is_empty(group)) {
        serve_classic_member(&group->consumer, turn, call);
        group_table_settle(table, turn, group);
        return;
    }
    if (!is_classic && !may_create(call)) {
        serve_nobody(turn, call);
        return;
    }
    group = take_group(table, turn, call, GROUP_CLASSIC);
    if (group == NULL)
        return;
    serve_classic(&group->classic, turn, call);
    group_table_settle(table, turn, group);
}

/* Nothing changes for a request that would be refused afterwards. False: it has been answered. */
static bool upgrade(struct group *group, struct group_turn *turn,
                    struct consumer_group_heartbeat_call *call)
{
    assert(group->type == GROUP_CLASSIC);
    assert(group->classic.state != CLASSIC_EMPTY); /* that one is changed without a word */
    if (!consumer_heartbeat_check(turn, call))
        return false;
    if (classic_find_member(&group->classic, call->in->member_id) != NULL)
        refuse(turn, &call->call, KAFKA_FENCED_MEMBER_EPOCH);
    else if (group->classic.member_count == turn->settings->consumer_size_max)
        refuse(turn, &call->call, KAFKA_GROUP_MAX_SIZE_REACHED);
    else if (!group_upgrade(group, turn))
        refuse(turn, &call->call, KAFKA_GROUP_ID_NOT_FOUND);
    else
        return true;
    return false;
}

/* Only who joins makes a group. */
static void serve_consumer(struct group_table *table, struct group_turn *turn,
                           struct consumer_group_heartbeat_call *call)
{
    enum { JOINS = 0 };
    struct group *group = group_table_find(table, call->in->group_id);
    bool is_consumer = group != NULL && group->type == GROUP_CONSUMER;
    assert(group == NULL || !group_is_leaving(group));
    if (!turn->settings->has_consumer_protocol) {
        refuse(turn, &call->call, KAFKA_UNSUPPORTED_VERSION);
        return;
    }
    if (!is_consumer && call->in->member_epoch != JOINS) {
        if (consumer_heartbeat_check(turn, call))
            refuse(turn, &call->call, KAFKA_GROUP_ID_NOT_FOUND);
        return;
    }
    /* Who has only been given an id holds nobody up: it may join whatever the group is then. */
    bool is_other = group != NULL && !is_consumer && group->classic.state != CLASSIC_EMPTY;
    if (is_other && !upgrade(group, turn, call))
        return;
    group = take_group(table, turn, &call->call, GROUP_CONSUMER);
    if (group == NULL)
        return;
    consumer_heartbeat(&group->consumer, turn, call);
    group_table_settle(table, turn, group);
}

/* A commit is a sign of life of its member. */
static void serve_commit(struct group_table *table, struct group_turn *turn,
                         struct offset_commit_call *commit)
{
    group_offsets_commit(table, turn, commit);
    struct group *group = group_table_find(table, commit->in->group_id);
    if (group != NULL)
        group_table_settle(table, turn, group);
}

/* What of it is gone could be there again after a crash, so nothing is said about it. */
static bool is_about_leaving(const struct group_table *table, const struct group_call *call)
{
    struct bytes id = group_call_group_id(call);
    if (list_is_empty(&table->leaving) || bytes_are_null(id))
        return false;
    const struct group *group = group_table_find(table, id);
    return group != NULL && group_is_leaving(group);
}

void group_table_serve(struct group_table *table, struct group_turn *turn, struct group_call *call)
{
    assert(!list_node_is_linked(&call->node));
    assert(!call->is_answered);
    if (is_about_leaving(table, call)) {
        refuse(turn, call, KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
        return;
    }
    switch (call->kind) {
    case GROUP_CALL_JOIN:
    case GROUP_CALL_SYNC:
    case GROUP_CALL_HEARTBEAT:
    case GROUP_CALL_LEAVE: serve_member(table, turn, call); return;
    case GROUP_CALL_CONSUMER_HEARTBEAT:
        serve_consumer(table, turn, container_of(call, struct consumer_group_heartbeat_call, call));
        return;
    case GROUP_CALL_COMMIT:
        serve_commit(table, turn, container_of(call, struct offset_commit_call, call));
        return;
    case GROUP_CALL_FETCH:
        group_offsets_fetch(table, turn, container_of(call, struct offset_fetch_call, call));
        return;
    case GROUP_CALL_OFFSET_DELETE:
        group_offsets_delete(table, turn, container_of(call, struct offset_delete_call, call));
        return;
    case GROUP_CALL_DELETE:
        group_delete(table, turn, container_of(call, struct delete_group_call, call));
        return;
    case GROUP_CALL_DESCRIBE:
        group_describe(table, turn, container_of(call, struct describe_group_call, call));
        return;
    case GROUP_CALL_CONSUMER_DESCRIBE:
        group_describe_consumer(table, turn,
                                container_of(call, struct consumer_describe_call, call));
        return;
    case GROUP_CALL_LIST:
        group_list(table, turn, container_of(call, struct list_groups_call, call));
        return;
    }
    unreachable();
}

void group_table_abandon(struct group_table *table, struct group_turn *turn,
                         struct group_call *call)
{
    struct group *group = group_table_find(table, group_call_group_id(call));
    assert(group != NULL); /* One that keeps a call does not go. */
    assert(!call->is_answered);
    if (call->kind == GROUP_CALL_DELETE)
        group_delete_unwatch(group, turn, KAFKA_COORDINATOR_NOT_AVAILABLE);
    else
        group_abandon(group, turn, call);
    group_table_settle(table, turn, group);
}

void group_table_drop_calls(struct group_table *table, struct group_turn *turn, int16_t error_code)
{
    struct group *group;
    assert(error_code != KAFKA_NONE);
    list_for_each_entry (group, &table->order, order_node) {
        group_drop_calls(group, turn, error_code);
        group_delete_unwatch(group, turn, error_code);
    }
}

/* --- Time ------------------------------------------------------------------------------------- */

void group_table_tick(struct group_table *table, struct group_turn *turn, uint32_t count_max)
{
    assert(count_max > 0);
    for (uint32_t i = 0; i < count_max && group_table_deadline_ms(table) <= turn->now_ms; i++) {
        struct group *group = container_of(table->deadlines.first, struct group, deadline);
        assert(!group_is_leaving(group));
        group_tick(group, turn);
        group_table_settle(table, turn, group);
    }
}

void group_table_forgive(struct group_table *table, struct group_turn *turn)
{
    struct group *group;
    struct group *following;
    list_for_each_entry_safe (group, following, &table->order, order_node) {
        group_forgive(group, turn);
        group_table_settle(table, turn, group);
    }
}

void group_table_restored(struct group_table *table, struct group_turn *turn)
{
    struct group *group;
    struct group *following;
    assert(list_is_empty(&table->leaving)); /* nobody has been served yet */
    list_for_each_entry_safe (group, following, &table->order, order_node) {
        group_restored(group, turn);
        group_table_settle(table, turn, group);
    }
}

/* --- Topics ----------------------------------------------------------------------------------- */

void group_table_topics_changed(struct group_table *table, struct group_turn *turn)
{
    struct group *group;
    struct group *following;
    list_for_each_entry_safe (group, following, &table->order, order_node) {
        if (group->type == GROUP_CLASSIC)
            continue;
        group_topics_changed(group, turn);
        group_table_settle(table, turn, group);
        group_writer_end_turn(turn->writer);
    }
}
