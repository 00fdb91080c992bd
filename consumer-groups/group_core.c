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

struct group *group_table_create(struct group_table *table, struct group_memory *memory,
                                 struct bytes id)
{
    assert(!bytes_are_null(id));
    assert(group_table_find(table, id) == NULL);
    struct group *group = group_memory_allocate(memory, sizeof *group);
    if (group == NULL)
        return NULL;
    if (!group_memory_copy(memory, &group->id, id)) {
        group_memory_free(memory, group, sizeof *group);
        return NULL;
    }
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
    map_remove(&table->groups, &group->node);
    list_remove(&group->order_node);
    group_offsets_deinit(&group->offsets, memory);
    group_memory_free_copy(memory, &group->id);
    group_memory_free(memory, group, sizeof *group);
}

/* --- Restoring ----------------------------------------------------------------------------------
 */

static struct group *find_or_create(struct group_table *table, struct group_memory *memory,
                                    struct bytes id)
{
    struct group *group = group_table_find(table, id);
    return group != NULL ? group : group_table_create(table, memory, id);
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
    group = find_or_create(table, turn->memory, view->group_id);
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
static enum status restore_group(struct group_table *table, struct group_turn *turn,
                                 const struct group_record_view *view)
{
    struct group *group = group_table_find(table, view->group_id);
    if (!view->is_tombstone)
        return find_or_create(table, turn->memory, view->group_id) == NULL ? STATUS_NO_MEMORY
                                                                           : STATUS_OK;
    if (group != NULL && group->offsets.count == 0)
        group_table_remove(table, turn->memory, group);
    return STATUS_OK;
}

enum status group_table_restore(struct group_table *table, struct group_turn *turn,
                                const struct group_record_view *view)
{
    switch (view->kind) {
    case GROUP_RECORD_OFFSET: return restore_offset(table, turn, view);
    case GROUP_RECORD_CLASSIC:
    case GROUP_RECORD_CONSUMER: return restore_group(table, turn, view);
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

/* Until its protocol is served here, a call of members finds nobody to answer it. */
static void refuse(struct group_turn *turn, struct group_call *call)
{
    group_call_fail(call, KAFKA_COORDINATOR_NOT_AVAILABLE);
    group_turn_answer(turn, call);
}

void group_table_serve(struct group_table *table, struct group_turn *turn, struct group_call *call)
{
    assert(!list_node_is_linked(&call->node));
    switch (call->kind) {
    case GROUP_CALL_JOIN:
    case GROUP_CALL_SYNC:
    case GROUP_CALL_HEARTBEAT:
    case GROUP_CALL_LEAVE:
    case GROUP_CALL_CONSUMER_HEARTBEAT: refuse(turn, call); return;
    case GROUP_CALL_COMMIT:
        group_offsets_commit(table, turn, container_of(call, struct offset_commit_call, call));
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
    assert(group_is_empty(group));
    return commit->in->generation_id_or_member_epoch < 0 ? KAFKA_NONE : KAFKA_UNKNOWN_MEMBER_ID;
}

bool group_is_empty(const struct group *group)
{
    return true;
}

int64_t group_empty_since_ms(const struct group *group)
{
    return -1;
}

bool group_is_subscribed(const struct group *group, struct bytes topic)
{
    return false;
}

bool group_knows_subscriptions(const struct group *group)
{
    return true;
}

void group_put_tombstones(const struct group *group, struct group_turn *turn)
{
    struct writer key;
    struct writer unused;
    group_writer_begin(turn->writer, &key, &unused);
    writer_i16(&key, GROUP_METADATA_KEY_KEY);
    const struct group_metadata_key name = {.group = group->id};
    group_metadata_key_encode(&key, 0, &name);
    group_writer_end(turn->writer, &key, NULL);
}
