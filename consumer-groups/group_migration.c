/* Members are copied out of what the group was, into an arena, and from there into what it becomes:
 * both are in the same place. */
#include "consumer-groups/group_migration.h"

#include "base/assert.h"
#include "consumer-groups/classic_member.h"
#include "consumer-groups/classic_rebalance.h"
#include "consumer-groups/classic_record.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/embedded_protocol.h"
#include "protocol/errors.h"

enum { SCRATCH_LIMIT_BYTES = 256 * 1024 * 1024 };

/* A member on its way. */
struct migrant {
    struct classic_entry entry;
    struct bytes rack_id;
    struct bytes *topics;
    uint32_t topics_count;
    struct partition_set assigned; /* on the way up, */
    struct bytes assignment;       /* and down */
};

struct migration {
    struct group *group;
    struct group_turn *turn;
    struct arena arena;
    int32_t epoch; /* or generation */
    bool was_rebalancing;
    struct migrant *migrants;
    uint32_t count;
    bool is_settled; /* on the way down: everybody has what he is to have */
    enum status status;
};

static struct bytes keep(struct migration *m, struct bytes from)
{
    if (bytes_are_null(from))
        return from;
    char *copy = arena_copy_text(&m->arena, from.data, from.size);
    if (copy == NULL)
        m->status = STATUS_NO_MEMORY;
    return bytes_of(copy, copy == NULL ? 0 : from.size);
}

static void keep_offer(struct migration *m, const struct classic_offer *offer,
                       struct classic_entry *entry)
{
    assert(offer->count > 0);
    struct join_group_request_protocol *protocols =
        arena_allocate_array(&m->arena, offer->count, sizeof *protocols);
    if (protocols == NULL) {
        m->status = STATUS_NO_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < offer->count; i++) {
        protocols[i].name = keep(m, offer->protocols[i].name);
        protocols[i].metadata = keep(m, offer->protocols[i].metadata);
    }
    entry->protocols = protocols;
    entry->protocols_count = offer->count;
}

static void keep_identity(struct migration *m, struct group_identity *to, struct bytes member_id,
                          struct bytes instance_id, struct bytes client_id,
                          struct bytes client_host)
{
    to->member_id = keep(m, member_id);
    to->instance_id = keep(m, instance_id);
    to->client_id = keep(m, client_id);
    to->client_host = keep(m, client_host);
}

static bool begin(struct migration *m, uint32_t count)
{
    assert(count > 0);
    arena_init(&m->arena, SCRATCH_LIMIT_BYTES);
    m->migrants = arena_allocate_array(&m->arena, count, sizeof *m->migrants);
    m->status = m->migrants == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    return m->status == STATUS_OK;
}

/* --- Up --------------------------------------------------------------------------------------- */

static bool may_upgrade(const struct classic_group *group, const struct group_settings *settings)
{
    return settings->may_upgrade && bytes_equal_text(group->protocol_type, "consumer") &&
           group->member_count > 0 && group->member_count <= settings->consumer_size_max &&
           group->generation >= 0 && group->generation <= CONSUMER_EPOCH_MAX;
}

static void keep_classic(struct migration *m, const struct classic_group *group,
                         const struct classic_member *member)
{
    assert(member->offer != NULL);
    struct migrant *migrant = &m->migrants[m->count++];
    struct consumer_protocol_subscription wish;
    const struct group_identity *from = &member->identity;
    keep_identity(m, &migrant->entry.identity, from->member_id, from->instance_id, from->client_id,
                  from->client_host);
    migrant->entry.session_timeout_ms = member->session_timeout_ms;
    migrant->entry.rebalance_timeout_ms = member->rebalance_timeout_ms;
    keep_offer(m, member->offer, &migrant->entry);
    /* Before the first generation none is chosen. */
    struct bytes metadata = classic_offer_metadata(member->offer, classic_protocol_name(group));
    metadata = keep(m, bytes_are_null(metadata) ? member->offer->protocols[0].metadata : metadata);
    struct bytes assignment = keep(m, member->assignment);
    if (m->status == STATUS_OK)
        m->status = embedded_subscription_read(metadata, &m->arena, &wish);
    if (m->status == STATUS_OK)
        m->status =
            embedded_assignment_read(assignment, m->turn->image, &m->arena, &migrant->assigned);
    if (m->status != STATUS_OK)
        return;
    migrant->rack_id = wish.rack_id;
    migrant->topics = wish.topics;
    migrant->topics_count = wish.topics_count;
}

/* An assignor of theirs may have given a partition to two: the first has it. */
static void drop_owned(const struct consumer_group *group, struct partition_set *set, int32_t epoch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct partition_item item = set->items[i];
        if (partition_owners_epoch(&group->owners, item.topic_id, item.partition) !=
            PARTITION_OWNER_NOBODY)
            continue;
        item.epoch = epoch;
        set->items[kept++] = item;
    }
    set->count = kept;
}

static bool add_to_consumer(const struct migration *m, struct consumer_group *group,
                            struct migrant *migrant)
{
    assert(m->status == STATUS_OK);
    struct group_memory *memory = m->turn->memory;
    const struct classic_entry *entry = &migrant->entry;
    struct bytes client_id = entry->identity.client_id;
    struct consumer_member *member = consumer_member_create(
        group, memory, entry->identity.member_id, entry->identity.instance_id);
    if (member == NULL)
        return false;
    drop_owned(group, &migrant->assigned, m->epoch);
    const struct member_position position = {
        MEMBER_STABLE, m->epoch, m->epoch, migrant->assigned, {NULL, 0, 0}};
    member->session_timeout_ms = entry->session_timeout_ms;
    member->rebalance_timeout_ms = entry->rebalance_timeout_ms;
    return group_memory_copy(memory, &member->client_id,
                             bytes_are_null(client_id) ? bytes_of_text("") : client_id) &&
           group_memory_copy(memory, &member->client_host, entry->identity.client_host) &&
           group_memory_copy(memory, &member->rack_id, migrant->rack_id) &&
           name_list_copy(&member->topics, memory, migrant->topics, migrant->topics_count) &&
           consumer_member_offer(group, memory, member, entry->protocols, entry->protocols_count) &&
           partition_set_copy(&member->target, memory, &migrant->assigned) &&
           consumer_member_move(group, memory, member, &position);
}

/* In Kafka's order: wishes, the epoch, the target, what each owns. */
static void put_consumer(const struct consumer_group *group, struct group_turn *turn)
{
    assert(!consumer_is_empty(group));
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        consumer_put_member(group, turn, member);
    consumer_put_group(group, turn);
    list_for_each_entry (member, &group->order, order_node)
        consumer_put_target(group, turn, member);
    consumer_put_target_epoch(group, turn);
    list_for_each_entry (member, &group->order, order_node)
        consumer_put_current(group, turn, member);
}

static void become_consumer(struct migration *m)
{
    assert(m->status == STATUS_OK);
    assert(m->group->type == GROUP_CLASSIC);
    struct group_turn *turn = m->turn;
    struct consumer_group *group = &m->group->consumer;
    group_drop_calls(m->group, turn, KAFKA_REBALANCE_IN_PROGRESS);
    group_put_tombstones(m->group, turn);
    group_deinit_members(m->group, turn->memory);
    group_init_members(m->group, turn, GROUP_CONSUMER);
    group->epoch = m->epoch;
    group->assignment_epoch = m->epoch;
    for (uint32_t i = 0; i < m->count; i++) {
        if (!add_to_consumer(m, group, &m->migrants[i])) {
            group_turn_fail(turn);
            return;
        }
    }
    group->metadata_hash = consumer_metadata_hash(group, turn->image);
    assert(group->members.count == m->count);
    /* Amid a rebalance members have heard in part what they are to have, or nothing, and not all of
     * it is anybody's. Whoever comes in the place of a static member asks for no target by that. */
    if (m->was_rebalancing || !consumer_is_shared_out(group, turn->image))
        group->epoch++;
    put_consumer(group, turn);
    struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node)
        consumer_member_keep(group, turn, member);
}

bool group_upgrade(struct group *group, struct group_turn *turn)
{
    assert(group->type == GROUP_CLASSIC);
    struct classic_group *classic = &group->classic;
    struct migration m = {.group = group,
                          .turn = turn,
                          .epoch = classic->generation,
                          .was_rebalancing = classic->state != CLASSIC_STABLE};
    if (!may_upgrade(classic, turn->settings))
        return false;
    if (begin(&m, classic->member_count)) {
        const struct classic_member *member;
        for_each_member (member, classic)
            if (m.status == STATUS_OK)
                keep_classic(&m, classic, member);
    }
    if (m.status == STATUS_OK)
        become_consumer(&m);
    arena_deinit(&m.arena);
    return m.status == STATUS_OK;
}

/* --- Down ------------------------------------------------------------------------------------- */

static void keep_consumer(struct migration *m, const struct consumer_member *member)
{
    assert(member->offer != NULL);
    struct migrant *migrant = &m->migrants[m->count++];
    keep_identity(m, &migrant->entry.identity, member->id, member->instance_id, member->client_id,
                  member->client_host);
    migrant->entry.session_timeout_ms = member->session_timeout_ms;
    migrant->entry.rebalance_timeout_ms = member->rebalance_timeout_ms;
    migrant->entry.protocol_type = bytes_of_text("consumer");
    keep_offer(m, member->offer, &migrant->entry);
    if (m->status == STATUS_OK)
        m->status = embedded_assignment_write(&member->target, m->turn->image,
                                              member->offer->protocols[0].metadata, &m->arena,
                                              &migrant->assignment);
}

static bool add_to_classic(const struct migration *m, struct classic_group *group,
                           const struct migrant *migrant)
{
    assert(m->status == STATUS_OK);
    struct classic_member *member = classic_member_add(group, m->turn->memory, &migrant->entry);
    if (member == NULL || !classic_member_assign(m->turn->memory, member, migrant->assignment))
        return false;
    classic_member_keep(group, m->turn, member, member->session_timeout_ms);
    return true;
}

/* If there is no room for all of it, the members come anew after a restart. A restart also ends the
 * rebalance of members who have not heard yet what they are to have: as it is recorded for the next
 * generation, they are told when they come with theirs. */
static void put_classic(const struct migration *m, struct classic_group *group)
{
    assert(group->state == CLASSIC_STABLE);
    int32_t generation = group->generation;
    if (!m->is_settled)
        group->generation = classic_next_generation(group);
    if (classic_record_put(group, m->turn) != STATUS_OK)
        classic_record_put_new(group, m->turn);
    group->generation = generation;
}

static void become_classic(struct migration *m)
{
    assert(m->status == STATUS_OK);
    assert(m->group->type == GROUP_CONSUMER);
    struct group_turn *turn = m->turn;
    struct classic_group *group = &m->group->classic;
    group_put_tombstones(m->group, turn);
    group_deinit_members(m->group, turn->memory);
    group_init_members(m->group, turn, GROUP_CLASSIC);
    for (uint32_t i = 0; i < m->count; i++) {
        if (!add_to_classic(m, group, &m->migrants[i])) {
            group_turn_fail(turn);
            return;
        }
    }
    group->generation = m->epoch;
    assert(group->member_count == m->count);
    group->state = CLASSIC_STABLE;
    classic_votes_choose(&group->votes, turn->memory, classic_select_protocol(group));
    classic_read_topics(group, turn->memory);
    put_classic(m, group);
    if (!m->is_settled)
        classic_prepare_rebalance(group, turn);
}

/* What consumer_members_left() left to be done. */
static void stay(struct consumer_group *group, struct group_turn *turn)
{
    if (!group->has_lost_member || group->epoch != group->assignment_epoch)
        return;
    consumer_bump(group, turn);
    consumer_assign(group, turn);
}

void group_downgrade_if_due(struct group *group, struct group_turn *turn)
{
    struct consumer_group *consumer = &group->consumer;
    if (group->type != GROUP_CONSUMER || !consumer_may_be_classic(consumer, turn->settings))
        return;
    struct migration m = {.group = group,
                          .turn = turn,
                          .epoch = consumer->epoch,
                          .is_settled = consumer_state(consumer) == CONSUMER_GROUP_STABLE &&
                                        !consumer->has_lost_member};
    if (begin(&m, consumer->members.count)) {
        const struct consumer_member *member;
        list_for_each_entry (member, &consumer->order, order_node)
            if (m.status == STATUS_OK)
                keep_consumer(&m, member);
    }
    if (m.status == STATUS_OK)
        become_classic(&m);
    else
        stay(consumer, turn);
    arena_deinit(&m.arena);
}
