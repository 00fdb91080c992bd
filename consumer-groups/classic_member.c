/* One table by id for members and pending ones alike, so that an id cannot be both; one by instance
 * id for those that have one. Counts are kept beside the lists, because what is asked after every
 * event, whether all have joined, must not cost a walk. */
#include "consumer-groups/classic_member.h"

#include "base/assert.h"
#include "protocol/errors.h"

/* --- Looking ---------------------------------------------------------------------------------- */

static struct classic_member *visited(struct classic_group *group, struct list_node *place)
{
    if (place == &group->members.head)
        return NULL;
    group->visit_count++;
    return container_of(place, struct classic_member, place);
}

struct classic_member *classic_member_first(struct classic_group *group)
{
    return visited(group, group->members.head.next);
}

struct classic_member *classic_member_after(struct classic_group *group,
                                            const struct classic_member *member)
{
    assert(member->offer != NULL); /* A pending one is in another list. */
    assert(list_node_is_linked(&member->place));
    return visited(group, member->place.next);
}

struct classic_member *classic_find(const struct classic_group *group, struct bytes member_id)
{
    struct map_node *node = map_find(&group->by_id, hash_bytes(group->seed, member_id), &member_id);
    return node == NULL ? NULL : container_of(node, struct classic_member, node);
}

struct classic_member *classic_find_member(const struct classic_group *group,
                                           struct bytes member_id)
{
    struct classic_member *member = classic_find(group, member_id);
    return member == NULL || member->offer == NULL ? NULL : member;
}

struct classic_member *classic_find_pending(const struct classic_group *group,
                                            struct bytes member_id)
{
    struct classic_member *member = classic_find(group, member_id);
    return member == NULL || member->offer != NULL ? NULL : member;
}

struct classic_member *classic_find_static(const struct classic_group *group,
                                           struct bytes instance_id)
{
    if (bytes_are_null(instance_id))
        return NULL;
    struct map_node *node =
        map_find(&group->by_instance, hash_bytes(group->seed, instance_id), &instance_id);
    return node == NULL ? NULL : container_of(node, struct classic_member, static_node);
}

int16_t classic_validate(const struct classic_group *group, struct bytes member_id,
                         struct bytes instance_id, struct classic_member **member)
{
    *member = classic_find_member(group, member_id);
    if (!bytes_are_null(instance_id)) {
        const struct classic_member *holder = classic_find_static(group, instance_id);
        if (holder == NULL)
            return KAFKA_UNKNOWN_MEMBER_ID;
        if (!bytes_equal(holder->identity.member_id, member_id))
            return KAFKA_FENCED_INSTANCE_ID;
    }
    return *member == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
}

bool classic_have_all_joined(const struct classic_group *group)
{
    assert(group->awaiting_join_count <= group->member_count);
    return group->awaiting_join_count == group->member_count && group->pending_count == 0;
}

void classic_assert_is_sound(const struct classic_group *group)
{
    bool has_members = group->member_count > 0;
    bool is_preparing = group->state == CLASSIC_PREPARING_REBALANCE;
    bool has_generation = group->state != CLASSIC_EMPTY && !is_preparing;
    assert((group->leader != NULL) == has_members);
    assert(has_members ? group->state != CLASSIC_EMPTY : !has_generation);
    assert(!has_generation || group->votes.chosen != NULL);
    assert(group->by_id.count == (size_t)group->member_count + group->pending_count);
    assert(group->by_instance.count <= group->member_count);
    assert(group->awaiting_join_count <= group->member_count);
    assert(group->owing_sync_count <= group->member_count);
    assert((group->join_deadline_ms != INT64_MAX) == is_preparing);
    assert((group->sync_deadline_ms != INT64_MAX) == (group->owing_sync_count > 0));
}

/* --- Coming and going ------------------------------------------------------------------------- */

static void enter_tables(struct classic_group *group, struct classic_member *member)
{
    const struct group_identity *identity = &member->identity;
    assert(classic_find(group, identity->member_id) == NULL);
    map_insert(&group->by_id, &member->node, hash_bytes(group->seed, identity->member_id));
    if (member->offer != NULL && classic_member_is_static(member)) {
        assert(classic_find_static(group, identity->instance_id) == NULL);
        map_insert(&group->by_instance, &member->static_node,
                   hash_bytes(group->seed, identity->instance_id));
    }
}

static void leave_tables(struct classic_group *group, struct classic_member *member)
{
    assert(classic_find(group, member->identity.member_id) == member);
    map_remove(&group->by_id, &member->node);
    if (member->offer != NULL && classic_member_is_static(member))
        map_remove(&group->by_instance, &member->static_node);
}

static struct classic_member *member_create(struct group_memory *memory,
                                            const struct group_identity *identity)
{
    struct classic_member *member = group_memory_allocate(memory, sizeof *member);
    if (member == NULL)
        return NULL;
    if (!group_identity_copy(memory, &member->identity, identity)) {
        group_memory_free(memory, member, sizeof *member);
        return NULL;
    }
    list_node_init(&member->place);
    list_init(&member->join_call);
    list_init(&member->sync_call);
    return member;
}

static void member_destroy(struct group_memory *memory, struct classic_member *member)
{
    assert(list_is_empty(&member->join_call));
    assert(list_is_empty(&member->sync_call));
    assert(!group_deadline_is_set(&member->session));
    classic_offer_free(memory, member->offer);
    group_memory_free_copy(memory, &member->assignment);
    group_identity_free(memory, &member->identity);
    group_memory_free(memory, member, sizeof *member);
}

/* The group is of the type of whoever comes first. */
static bool take_type(struct classic_group *group, struct group_memory *memory,
                      struct bytes protocol_type)
{
    if (group->member_count > 0 || bytes_equal(group->protocol_type, protocol_type))
        return true;
    struct bytes copy;
    if (!group_memory_copy(memory, &copy, protocol_type))
        return false;
    group_memory_free_copy(memory, &group->protocol_type);
    group->protocol_type = copy;
    return true;
}

static bool member_take_offer(struct classic_group *group, struct group_memory *memory,
                              struct classic_member *member, const struct classic_entry *entry)
{
    assert(member->offer == NULL);
    member->offer = classic_offer_copy(memory, entry->protocols, entry->protocols_count);
    if (member->offer == NULL || !classic_votes_add(&group->votes, memory, member->offer))
        return false;
    if (take_type(group, memory, entry->protocol_type))
        return true;
    classic_votes_remove(&group->votes, memory, member->offer);
    return false;
}

struct classic_member *classic_member_add(struct classic_group *group, struct group_memory *memory,
                                          const struct classic_entry *entry)
{
    assert(classic_find_member(group, entry->identity.member_id) == NULL);
    assert(entry->session_timeout_ms >= 0);
    assert(entry->rebalance_timeout_ms >= 0);
    struct classic_member *member = member_create(memory, &entry->identity);
    if (member == NULL)
        return NULL;
    if (!member_take_offer(group, memory, member, entry)) {
        member_destroy(memory, member);
        return NULL;
    }
    struct classic_member *pending = classic_find_pending(group, entry->identity.member_id);
    if (pending != NULL)
        classic_member_remove(group, memory, pending);

    member->session_timeout_ms = entry->session_timeout_ms;
    member->rebalance_timeout_ms = entry->rebalance_timeout_ms;
    enter_tables(group, member);
    list_push_back(&group->members, &member->place);
    group->member_count++;
    if (group->leader == NULL)
        group->leader = member;
    assert(classic_find_member(group, entry->identity.member_id) == member);
    assert(group->leader == member || group->member_count > 1);
    return member;
}

struct classic_member *classic_pending_add(struct classic_group *group, struct group_memory *memory,
                                           const struct group_identity *identity)
{
    assert(group->pending_count < CLASSIC_PENDING_MAX);
    struct classic_member *member = member_create(memory, identity);
    if (member == NULL)
        return NULL;
    enter_tables(group, member);
    list_push_back(&group->pending, &member->place);
    group->pending_count++;
    assert(classic_find_pending(group, identity->member_id) == member);
    return member;
}

static void member_uncount(struct classic_group *group, struct group_memory *memory,
                           struct classic_member *member)
{
    assert(group->member_count > 0);
    classic_votes_remove(&group->votes, memory, member->offer);
    classic_member_set_owing(group, member, false);
    assert(group->awaiting_join_count >= member->awaits_join);
    group->awaiting_join_count -= member->awaits_join;
    group->member_count--;
    if (group->leader == member)
        group->leader = classic_member_first(group);
}

void classic_member_remove(struct classic_group *group, struct group_memory *memory,
                           struct classic_member *member)
{
    leave_tables(group, member);
    list_remove(&member->place);
    group_deadline_clear(&group->sessions, &member->session);
    assert(member->offer != NULL || group->pending_count > 0);
    if (member->offer == NULL)
        group->pending_count--;
    else
        member_uncount(group, memory, member);
    member_destroy(memory, member);
    assert((group->leader == NULL) == (group->member_count == 0));
}

void classic_forget(struct classic_group *group, struct group_memory *memory)
{
    while (!list_is_empty(&group->pending))
        classic_member_remove(group, memory,
                              container_of(group->pending.head.next, struct classic_member, place));
    while (!list_is_empty(&group->members))
        classic_member_remove(group, memory,
                              container_of(group->members.head.next, struct classic_member, place));
    classic_votes_choose(&group->votes, memory, NULL);
    classic_topics_reset(&group->topics, memory, false);
    group_memory_free_copy(memory, &group->protocol_type);
    group->join_deadline_ms = INT64_MAX;
    group->sync_deadline_ms = INT64_MAX;
    group->state = CLASSIC_EMPTY;
    assert(group->owing_sync_count == 0);
    assert(group->awaiting_join_count == 0);
    assert(group->votes.choices.count == 0);
    classic_assert_is_sound(group);
}

/* --- Changing --------------------------------------------------------------------------------- */

bool classic_member_offer(struct classic_group *group, struct group_memory *memory,
                          struct classic_member *member,
                          const struct join_group_request_protocol *protocols, uint32_t count)
{
    assert(member->offer != NULL);
    struct classic_offer *offer = classic_offer_copy(memory, protocols, count);
    if (offer == NULL)
        return false;
    if (!classic_votes_add(&group->votes, memory, offer)) {
        classic_offer_free(memory, offer);
        return false;
    }
    classic_votes_remove(&group->votes, memory, member->offer);
    classic_offer_free(memory, member->offer);
    member->offer = offer;
    return true;
}

void classic_member_rename(struct classic_group *group, struct group_memory *memory,
                           struct classic_member *member, struct bytes member_id)
{
    assert(classic_member_is_static(member)); /* Others keep their id for as long as they live. */
    assert(classic_find(group, member_id) == NULL);
    leave_tables(group, member);
    group_memory_free_copy(memory, &member->identity.member_id);
    member->identity.member_id = member_id;
    enter_tables(group, member);
}

bool classic_member_assign(struct group_memory *memory, struct classic_member *member,
                           struct bytes assignment)
{
    group_memory_free_copy(memory, &member->assignment);
    return group_memory_copy(memory, &member->assignment, assignment);
}

void classic_member_keep(struct classic_group *group, const struct group_turn *turn,
                         struct classic_member *member, int32_t timeout_ms)
{
    assert(list_node_is_linked(&member->place));
    group_deadline_set(&group->sessions, &member->session, turn->now_ms + timeout_ms);
    assert(group->sessions.first != NULL);
}

void classic_member_set_owing(struct classic_group *group, struct classic_member *member,
                              bool owes_sync)
{
    assert(member->offer != NULL);
    assert(member->owes_sync ? group->owing_sync_count > 0
                             : group->owing_sync_count < group->member_count);
    if (member->owes_sync == owes_sync)
        return;
    member->owes_sync = owes_sync;
    if (owes_sync)
        group->owing_sync_count++;
    else
        group->owing_sync_count--;
    assert(group->owing_sync_count <= group->member_count);
}

/* --- Protocols -------------------------------------------------------------------------------- */

struct classic_choice *classic_select_protocol(struct classic_group *group)
{
    assert(group->member_count > 0);
    const struct classic_offer *first = classic_member_first(group)->offer;
    struct classic_member *member;
    classic_votes_clear(&group->votes, first);
    for_each_member (member, group)
        classic_votes_cast(&group->votes, member->offer, group->member_count);
    struct classic_choice *winner = classic_votes_winner(&group->votes, first);
    /* Nobody is let in who has nothing in common with all the others. */
    assert(winner != NULL);
    assert(winner->supporters == group->member_count);
    return winner;
}

struct bytes classic_protocol_name(const struct classic_group *group)
{
    return group->votes.chosen == NULL ? (struct bytes){NULL, 0} : group->votes.chosen->name;
}

struct bytes classic_member_metadata(const struct classic_group *group,
                                     const struct classic_member *member)
{
    struct bytes name = classic_protocol_name(group);
    struct bytes metadata = classic_offer_metadata(member->offer, name);
    return bytes_are_null(metadata) ? bytes_of_text("") : metadata;
}

void classic_read_topics(struct classic_group *group, struct group_memory *memory)
{
    struct classic_member *member;
    classic_topics_reset(&group->topics, memory,
                         bytes_equal_text(group->protocol_type, "consumer"));
    for_each_member (member, group)
        classic_topics_add(&group->topics, memory, classic_member_metadata(group, member));
}
