/* Groups by id, in a row for those who go through all of them a slice at a time, and by deadline. A
 * group of which nothing is left goes as soon as it is settled: nobody else holds a pointer to it.
 */
#include "consumer-groups/group_table.h"

#include "base/assert.h"
#include "consumer-groups/group_migration.h"
#include "consumer-groups/group_writer.h"

static bool group_has_id(const struct map_node *node, const void *key)
{
    return bytes_equal(container_of(node, struct group, node)->id, *(const struct bytes *)key);
}

void group_table_init(struct group_table *table, struct hash_seed seed)
{
    map_init(&table->groups, group_has_id);
    list_init(&table->order);
    list_init(&table->leaving);
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
    assert(table->deadlines.first == NULL);
    assert(list_is_empty(&table->leaving));
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
    group_init_members(group, turn, GROUP_CLASSIC);
    group_offsets_init(&group->offsets, &table->seed);
    list_node_init(&group->order_node);
    list_node_init(&group->leaving_node);
    list_push_back(&table->order, &group->order_node);
    map_insert(&table->groups, &group->node, hash_bytes(table->seed, id));
    assert(group_is_nothing(group));
    return group;
}

void group_table_remove(struct group_table *table, struct group_memory *memory, struct group *group)
{
    assert(table->offset_count >= group->offsets.count);
    assert(group_table_find(table, group->id) == group);
    assert(group->deletion == NULL); /* Nobody waits for it any more. */
    table->offset_count -= group->offsets.count;
    if (group_is_leaving(group))
        list_remove(&group->leaving_node);
    group_deadline_clear(&table->deadlines, &group->deadline);
    map_remove(&table->groups, &group->node);
    list_remove(&group->order_node);
    group_deinit_members(group, memory);
    group_offsets_deinit(&group->offsets, memory);
    group_memory_free_copy(memory, &group->id);
    group_memory_free(memory, group, sizeof *group);
}

void group_table_settle(struct group_table *table, struct group_turn *turn, struct group *group)
{
    /* A turn that has failed may leave a group in any state; the shard is about to drop them all.
     */
    if (turn->writer->status != STATUS_OK || group_is_leaving(group))
        return;
    group_downgrade_if_due(group, turn);
    if (turn->writer->status != STATUS_OK)
        return;
    assert(list_node_is_linked(&group->order_node));
    int64_t deadline_ms = group_deadline_ms(group);
    if (group_is_nothing(group))
        group_table_remove(table, turn->memory, group);
    else if (deadline_ms == INT64_MAX)
        group_deadline_clear(&table->deadlines, &group->deadline);
    else
        group_deadline_set(&table->deadlines, &group->deadline, deadline_ms);
    assert(list_is_empty(&table->order) == (table->groups.count == 0));
}

void group_table_count_offsets(struct group_table *table, const struct group *group,
                               uint32_t before)
{
    assert(table->offset_count >= before);
    table->offset_count = table->offset_count - before + group->offsets.count;
    assert(table->offset_count >= group->offsets.count);
}

int64_t group_table_deadline_ms(const struct group_table *table)
{
    return group_deadlines_next_ms(&table->deadlines);
}
