#include "consumer-groups/group_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_core.h"
#include "consumer-groups/group_view_core.h"
#include "consumer-groups/group_writer.h"
#include "protocol/errors.h"

/* --- The table ----------------------------------------------------------------------------------
 */

static bool group_has_id(const struct map_node *node, const void *key)
{
    return bytes_equal(container_of(node, struct group, node)->id, *(const struct bytes *)key);
}

void group_table_init(struct group_table *table, struct hash_seed seed)
{
    map_init(&table->groups, group_has_id);
    list_init(&table->order);
    table->seed = seed;
    table->deadlines = (struct group_deadlines){NULL};
    table->offset_count = 0;
}

void group_table_deinit(struct group_table *table, struct group_memory *memory)
{
    struct group *group;
    struct group *following;
    list_for_each_entry_safe (group, following, &table->order, order_node)
        group_table_remove(table, memory, group);
    assert(table->groups.count == 0);
    assert(table->offset_count == 0);
    map_deinit(&table->groups);
}

struct group *group_table_find(const struct group_table *table, struct bytes id)
{
    struct map_node *node = map_find(&table->groups, hash_bytes(table->seed, id), &id);
    return node == NULL ? NULL : container_of(node, struct group, node);
}

struct group *group_table_create(struct group_table *table, struct group_turn *turn,
                                 struct bytes id)
{
    assert(!bytes_are_null(id));
    assert(group_table_find(table, id) == NULL);
    struct group *group = group_memory_allocate(turn->memory, sizeof *group);
    if (group == NULL)
        return NULL;
    if (!group_memory_copy(turn->memory, &group->id, id)) {
        group_memory_free(turn->memory, group, sizeof *group);
        return NULL;
    }
    classic_init(&group->classic, group->id, turn);
    group_offsets_init(&group->offsets, &table->seed);
    list_node_init(&group->order_node);
    list_push_back(&table->order, &group->order_node);
    map_insert(&table->groups, &group->node, hash_bytes(table->seed, id));
    return group;
}

void group_table_remove(struct group_table *table, struct group_memory *memory, struct group *group)
{
    assert(table->offset_count >= group->offsets.count);
    table->offset_count -= group->offsets.count;
    group_deadline_clear(&table->deadlines, &group->deadline);
    map_remove(&table->groups, &group->node);
    list_remove(&group->order_node);
    classic_deinit(&group->classic, memory);
    group_offsets_deinit(&group->offsets, memory);
    group_memory_free_copy(memory, &group->id);
    group_memory_free(memory, group, sizeof *group);
}

/* After whatever may have changed it: a group of which nothing is left, not even in the log, goes;
 * it may be gone after this. */
static void settle(struct group_table *table, struct group_turn *turn, struct group *group)
{
    bool is_nothing = classic_is_empty(&group->classic) && !group->classic.is_recorded &&
                      group->offsets.count == 0;
    int64_t deadline_ms = classic_deadline_ms(&group->classic);
    if (is_nothing)
        group_table_remove(table, turn->memory, group);
    else if (deadline_ms == INT64_MAX)
        group_deadline_clear(&table->deadlines, &group->deadline);
    else
        group_deadline_set(&table->deadlines, &group->deadline, deadline_ms);
}

/* --- Restoring ----------------------------------------------------------------------------------
 */

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
    if (view->is_tombstone) {
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
    uint32_t count = group->offsets.count;
    enum status status = group_offsets_put(&group->offsets, turn->memory, view->topic,
                                           view->offset.topic_id, &offset);
    table->offset_count = table->offset_count - count + group->offsets.count;
    return status;
}

/* A group whose last record takes it back stays for its offsets' sake: the log may have them. */
static void restore_tombstone(struct group_table *table, struct group_turn *turn,
                              struct bytes group_id)
{
    struct group *group = group_table_find(table, group_id);
    if (group == NULL)
        return;
    if (group->offsets.count == 0) {
        group_table_remove(table, turn->memory, group);
        return;
    }
    classic_deinit(&group->classic, turn->memory);
    classic_init(&group->classic, group->id, turn);
}

static enum status restore_classic(struct group_table *table, struct group_turn *turn,
                                   const struct group_record_view *view)
{
    if (view->is_tombstone) {
        restore_tombstone(table, turn, view->group_id);
        return STATUS_OK;
    }
    struct group *group = find_or_create(table, turn, view->group_id);
    return group == NULL ? STATUS_NO_MEMORY
                         : classic_restore(&group->classic, turn, &view->classic);
}

enum status group_table_restore(struct group_table *table, struct group_turn *turn,
                                const struct group_record_view *view)
{
    switch (view->kind) {
    case GROUP_RECORD_OFFSET: return restore_offset(table, turn, view);
    case GROUP_RECORD_CLASSIC: return restore_classic(table, turn, view);
    case GROUP_RECORD_CONSUMER:
    case GROUP_RECORD_CONSUMER_MEMBER:
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH:
    case GROUP_RECORD_CONSUMER_TARGET:
    case GROUP_RECORD_CONSUMER_CURRENT:
    case GROUP_RECORD_CONSUMER_PATTERN:
    case GROUP_RECORD_UNKNOWN: return STATUS_OK;
    }
    unreachable();
}

/* --- Serving ------------------------------------------------------------------------------------
 */

/* Until the consumer protocol is served here, nobody answers its calls. */
static void refuse(struct group_turn *turn, struct group_call *call)
{
    group_call_fail(call, KAFKA_UNSUPPORTED_VERSION);
    group_turn_answer(turn, call);
}

static void serve_classic(struct classic_group *group, struct group_turn *turn,
                          struct group_call *call)
{
    if (call->kind == GROUP_CALL_JOIN)
        classic_join(group, turn, container_of(call, struct join_group_call, call));
    else if (call->kind == GROUP_CALL_SYNC)
        classic_sync(group, turn, container_of(call, struct sync_group_call, call));
    else if (call->kind == GROUP_CALL_HEARTBEAT)
        classic_heartbeat(group, turn, container_of(call, struct heartbeat_call, call));
    else
        classic_leave(group, turn, container_of(call, struct leave_group_call, call));
}

/* Whoever comes as a member of a group that is not there hears what an empty group says. */
static void serve_nobody(struct group_turn *turn, struct group_call *call)
{
    struct classic_group nobody;
    classic_init(&nobody, group_call_group_id(call), turn);
    serve_classic(&nobody, turn, call);
    assert(classic_is_empty(&nobody));
    classic_deinit(&nobody, turn->memory);
}

/* Only who joins without a member id makes a group. */
static bool may_create(const struct group_call *call)
{
    return call->kind == GROUP_CALL_JOIN &&
           container_of(call, struct join_group_call, call)->in->member_id.size == 0;
}

static void serve_member(struct group_table *table, struct group_turn *turn,
                         struct group_call *call)
{
    struct group *group = group_table_find(table, group_call_group_id(call));
    if (group == NULL && !may_create(call)) {
        serve_nobody(turn, call);
        return;
    }
    if (group == NULL)
        group = group_table_create(table, turn, group_call_group_id(call));
    if (group == NULL) {
        group_call_fail(call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        group_turn_answer(turn, call);
        return;
    }
    serve_classic(&group->classic, turn, call);
    settle(table, turn, group);
}

/* A commit is a sign of life of its member. */
static void serve_commit(struct group_table *table, struct group_turn *turn,
                         struct offset_commit_call *commit)
{
    group_offsets_commit(table, turn, commit);
    struct group *group = group_table_find(table, commit->in->group_id);
    if (group != NULL)
        settle(table, turn, group);
}

void group_table_serve(struct group_table *table, struct group_turn *turn, struct group_call *call)
{
    assert(!list_node_is_linked(&call->node));
    switch (call->kind) {
    case GROUP_CALL_JOIN:
    case GROUP_CALL_SYNC:
    case GROUP_CALL_HEARTBEAT:
    case GROUP_CALL_LEAVE: serve_member(table, turn, call); return;
    case GROUP_CALL_CONSUMER_HEARTBEAT: refuse(turn, call); return;
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
    assert(group != NULL);
    assert(!call->is_answered);
    classic_abandon(&group->classic, turn, call);
    settle(table, turn, group);
}

void group_table_drop_calls(struct group_table *table, struct group_turn *turn, int16_t error_code)
{
    struct group *group;
    list_for_each_entry (group, &table->order, order_node)
        classic_drop_calls(&group->classic, turn, error_code);
}

/* --- Time ---------------------------------------------------------------------------------------
 */

int64_t group_table_deadline_ms(const struct group_table *table)
{
    return group_deadlines_next_ms(&table->deadlines);
}

void group_table_tick(struct group_table *table, struct group_turn *turn, uint32_t count_max)
{
    for (uint32_t i = 0; i < count_max && group_table_deadline_ms(table) <= turn->now_ms; i++) {
        struct group *group = container_of(table->deadlines.first, struct group, deadline);
        classic_tick(&group->classic, turn);
        settle(table, turn, group);
    }
}

void group_table_forgive(struct group_table *table, struct group_turn *turn)
{
    struct group *group;
    struct group *following;
    list_for_each_entry_safe (group, following, &table->order, order_node) {
        classic_forgive(&group->classic, turn);
        settle(table, turn, group);
    }
}

/* --- Topics -------------------------------------------------------------------------------------
 */

void group_table_topic_deleted(struct group_table *table, struct group_turn *turn,
                               const struct image_topic *topic)
{
    struct group *group;
    list_for_each_entry (group, &table->order, order_node)
        group_offsets_forget_topic(table, turn, group, topic);
}

/* --- What a group is ----------------------------------------------------------------------------
 */

int16_t group_check_commit(struct group *group, struct group_turn *turn,
                           const struct offset_commit_call *commit)
{
    const struct offset_commit_request *in = commit->in;
    return classic_check_commit(&group->classic, turn, in->member_id, in->group_instance_id,
                                in->generation_id_or_member_epoch);
}

bool group_is_empty(const struct group *group)
{
    return classic_is_empty(&group->classic);
}

int64_t group_empty_since_ms(const struct group *group)
{
    return classic_empty_since_ms(&group->classic);
}

bool group_is_subscribed(const struct group *group, struct bytes topic)
{
    return classic_is_subscribed(&group->classic, topic);
}

bool group_knows_subscriptions(const struct group *group)
{
    return bytes_equal_text(classic_protocol_type(&group->classic), "consumer");
}

void group_put_tombstones(const struct group *group, struct group_turn *turn)
{
    struct writer key;
    struct writer unused;
    const struct group_metadata_key name = {.group = group->id};
    if (!group->classic.is_recorded)
        return;
    group_writer_begin(turn->writer, &key, &unused);
    writer_i16(&key, GROUP_METADATA_KEY_KEY);
    group_metadata_key_encode(&key, 0, &name);
    group_writer_end(turn->writer, &key, NULL);
}
