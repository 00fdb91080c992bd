/* Members, and what they own: whatever moves a member takes the owners along (partition_owners.h),
 * so that the two never disagree. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"

bool consumer_member_has_id(const struct map_node *node, const void *key)
{
    return bytes_equal(container_of(node, const struct consumer_member, node)->id,
                       *(const struct bytes *)key);
}

bool consumer_member_has_instance_id(const struct map_node *node, const void *key)
{
    return bytes_equal(container_of(node, const struct consumer_member, instance_node)->instance_id,
                       *(const struct bytes *)key);
}

struct consumer_member *consumer_member_find(const struct consumer_group *group, struct bytes id)
{
    struct map_node *node = map_find(&group->members, hash_bytes(group->seed, id), &id);
    return node == NULL ? NULL : container_of(node, struct consumer_member, node);
}

struct consumer_member *consumer_member_of_instance(const struct consumer_group *group,
                                                    struct bytes instance_id)
{
    struct map_node *node =
        map_find(&group->instances, hash_bytes(group->seed, instance_id), &instance_id);
    return node == NULL ? NULL : container_of(node, struct consumer_member, instance_node);
}

static void free_texts(struct consumer_member *member, struct group_memory *memory)
{
    group_memory_free_copy(memory, &member->id);
    group_memory_free_copy(memory, &member->instance_id);
    group_memory_free_copy(memory, &member->rack_id);
    group_memory_free_copy(memory, &member->client_id);
    group_memory_free_copy(memory, &member->client_host);
    group_memory_free_copy(memory, &member->assignor);
    group_memory_free_copy(memory, &member->pattern);
}

static void map_instance(struct consumer_group *group, struct consumer_member *member)
{
    assert(consumer_member_of_instance(group, member->instance_id) == NULL);
    map_insert(&group->instances, &member->instance_node,
               hash_bytes(group->seed, member->instance_id));
}

void consumer_assert_is_sound(const struct consumer_group *group)
{
    assert(list_is_empty(&group->order) == (group->members.count == 0));
    assert(group->instances.count <= group->members.count);
    assert(group->classic_count <= group->members.count);
    assert(group->classic_count > 0 || group->votes.choices.count == 0);
    assert(group->members.count > 0 || group->owners.map.count == 0);
}

struct consumer_member *consumer_member_create(struct consumer_group *group,
                                               struct group_memory *memory, struct bytes id,
                                               struct bytes instance_id)
{
    assert(consumer_member_find(group, id) == NULL);
    struct consumer_member *member = group_memory_allocate(memory, sizeof *member);
    if (member == NULL)
        return NULL;
    if (!group_memory_copy(memory, &member->id, id) ||
        !group_memory_copy(memory, &member->instance_id, instance_id)) {
        free_texts(member, memory);
        group_memory_free(memory, member, sizeof *member);
        return NULL;
    }
    member->revoke_deadline_ms = INT64_MAX;
    member->session_deadline_ms = INT64_MAX;
    member->join_deadline_ms = INT64_MAX;
    member->sync_deadline_ms = INT64_MAX;
    list_node_init(&member->order_node);
    list_push_back(&group->order, &member->order_node);
    map_insert(&group->members, &member->node, hash_bytes(group->seed, id));
    if (!bytes_are_null(instance_id))
        map_instance(group, member);
    assert(consumer_member_find(group, id) == member);
    return member;
}

void consumer_member_destroy(struct consumer_group *group, struct group_memory *memory,
                             struct consumer_member *member)
{
    consumer_member_offer(group, memory, member, NULL, 0);
    partition_owners_remove(&group->owners, memory, &member->position);
    partition_set_destroy(&member->position.assigned, memory);
    partition_set_destroy(&member->position.revoking, memory);
    partition_set_destroy(&member->target, memory);
    name_list_destroy(&member->topics, memory);
    map_remove(&group->members, &member->node);
    if (!bytes_are_null(member->instance_id))
        map_remove(&group->instances, &member->instance_node);
    list_remove(&member->order_node);
    free_texts(member, memory);
    group_memory_free(memory, member, sizeof *member);
}

bool consumer_member_rename(struct consumer_group *group, struct group_memory *memory,
                            struct consumer_member *member, struct bytes id)
{
    struct bytes former = member->id;
    const struct consumer_member *holder = consumer_member_find(group, id);
    assert(holder == NULL || holder == member);
    map_remove(&group->members, &member->node);
    bool has_memory = group_memory_copy(memory, &member->id, id);
    map_insert(&group->members, &member->node, hash_bytes(group->seed, member->id));
    group_memory_free_copy(memory, &former);
    return has_memory;
}

bool consumer_member_set_instance(struct consumer_group *group, struct group_memory *memory,
                                  struct consumer_member *member, struct bytes instance_id)
{
    if (!bytes_are_null(member->instance_id))
        map_remove(&group->instances, &member->instance_node);
    group_memory_free_copy(memory, &member->instance_id);
    if (bytes_are_null(instance_id))
        return true;
    if (!group_memory_copy(memory, &member->instance_id, instance_id))
        return false;
    map_instance(group, member);
    return true;
}

bool consumer_member_offer(struct consumer_group *group, struct group_memory *memory,
                           struct consumer_member *member,
                           const struct join_group_request_protocol *protocols, uint32_t count)
{
    struct classic_offer *offer = NULL;
    struct classic_offer *former = member->offer;
    if (count > 0) {
        offer = classic_offer_copy(memory, protocols, count);
        if (offer == NULL || !classic_votes_add(&group->votes, memory, offer)) {
            classic_offer_free(memory, offer);
            return false;
        }
        group->classic_count++;
    }
    if (former != NULL) {
        assert(group->classic_count > 0);
        group->classic_count--;
        classic_votes_remove(&group->votes, memory, former);
        classic_offer_free(memory, former);
    }
    member->offer = offer;
    assert((offer != NULL) == (count > 0));
    assert(offer == NULL || group->classic_count > 0);
    return true;
}

bool consumer_text_change(struct group_turn *turn, struct bytes *text, struct bytes with)
{
    if (bytes_are_null(with) || bytes_equal(*text, with))
        return false;
    group_memory_free_copy(turn->memory, text);
    if (!group_memory_copy(turn->memory, text, with))
        group_turn_fail(turn);
    return true;
}

bool consumer_topics_change(struct group_turn *turn, struct arena *arena, struct name_list *topics,
                            const struct bytes *names, uint32_t count)
{
    if (name_list_is(topics, arena, names, count))
        return false;
    name_list_destroy(topics, turn->memory);
    if (!name_list_copy(topics, turn->memory, names, count))
        group_turn_fail(turn);
    return true;
}

bool consumer_member_move(struct consumer_group *group, struct group_memory *memory,
                          struct consumer_member *member, const struct member_position *position)
{
    struct member_position former = member->position;
    struct member_position *now = &member->position;
    *now = *position;
    bool has_memory = partition_set_copy(&now->assigned, memory, &position->assigned);
    has_memory = partition_set_copy(&now->revoking, memory, &position->revoking) && has_memory;
    partition_owners_remove(&group->owners, memory, &former);
    partition_set_destroy(&former.assigned, memory);
    partition_set_destroy(&former.revoking, memory);
    return has_memory && partition_owners_add(&group->owners, memory, now);
}
