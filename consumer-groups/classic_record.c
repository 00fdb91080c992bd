/* One record holds the whole group, so its size is known only when it is written, and may be more
 * than the topic takes: that is found out before, by adding up, and the generation fails instead.
 */
#include "consumer-groups/classic_record.h"

#include "base/assert.h"
#include "consumer-groups/group_writer.h"
#include "protocol/batch.h"

enum { VALUE_VERSION = 3 };

/* --- Writing ---------------------------------------------------------------------------------- */

static struct bytes or_empty(struct bytes bytes)
{
    return bytes_are_null(bytes) ? bytes_of_text("") : bytes;
}

/* Answers about what the member takes in the record, never less. */
static size_t describe_member(const struct classic_group *group,
                              const struct classic_member *member,
                              struct group_metadata_value_member *to)
{
    group_metadata_value_member_init(to);
    to->member_id = member->identity.member_id;
    to->group_instance_id = member->identity.instance_id;
    to->client_id = or_empty(member->identity.client_id);
    to->client_host = or_empty(member->identity.client_host);
    to->rebalance_timeout = member->rebalance_timeout_ms;
    to->session_timeout = member->session_timeout_ms;
    to->subscription = classic_member_metadata(group, member);
    to->assignment = or_empty(member->assignment);
    return 32 + to->member_id.size + to->group_instance_id.size + to->client_id.size +
           to->client_host.size + to->subscription.size + to->assignment.size;
}

static void put_value(const struct classic_group *group, struct group_turn *turn,
                      const struct group_metadata_value *value)
{
    struct writer key;
    struct writer text;
    group_writer_begin(turn->writer, &key, &text);
    writer_i16(&key, GROUP_METADATA_KEY_KEY);
    group_metadata_key_encode(&key, 0, &(struct group_metadata_key){.group = group->id});
    writer_i16(&text, VALUE_VERSION);
    group_metadata_value_encode(&text, VALUE_VERSION, value);
    group_writer_end(turn->writer, &key, &text);
}

static enum status put_members(struct classic_group *group, struct group_turn *turn,
                               struct group_metadata_value_member *members)
{
    size_t size_bytes = BATCH_HEADER_SIZE + GROUP_RECORD_OVERHEAD + 64 + 2 * group->id.size +
                        group->protocol_type.size;
    uint32_t count = 0;
    struct classic_member *member;
    for_each_member (member, group)
        size_bytes += describe_member(group, member, &members[count++]);
    assert(count == group->member_count);
    if (turn->batch_bytes_max > 0 && size_bytes > turn->batch_bytes_max)
        return STATUS_TOO_LARGE;
    put_value(group, turn,
              &(struct group_metadata_value){
                  .protocol_type = or_empty(group->protocol_type),
                  .generation = group->generation,
                  .protocol = classic_protocol_name(group),
                  .leader = group->leader == NULL ? (struct bytes){NULL, 0}
                                                  : group->leader->identity.member_id,
                  .current_state_timestamp = group->state_since_ms,
                  .members = members,
                  .members_count = count,
              });
    group->is_recorded = true;
    return STATUS_OK;
}

enum status classic_record_put(struct classic_group *group, struct group_turn *turn)
{
    size_t size = (group->member_count + 1) * sizeof(struct group_metadata_value_member);
    struct group_metadata_value_member *members = group_memory_allocate(turn->memory, size);
    if (members == NULL)
        return STATUS_NO_MEMORY;
    enum status status = put_members(group, turn, members);
    group_memory_free(turn->memory, members, size);
    return status;
}

/* As Kafka: nothing is said of those who are about to join. */
void classic_record_put_new(struct classic_group *group, struct group_turn *turn)
{
    struct group_metadata_value value;
    assert(!group->is_recorded);
    group_metadata_value_init(&value);
    value.protocol = (struct bytes){NULL, 0};
    value.leader = (struct bytes){NULL, 0};
    value.current_state_timestamp = group->state_since_ms;
    put_value(group, turn, &value);
    group->is_recorded = true;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static enum status restore_member(struct classic_group *group, struct group_turn *turn,
                                  const struct group_metadata_value *value,
                                  const struct group_metadata_value_member *from)
{
    const struct join_group_request_protocol protocol = {value->protocol, from->subscription};
    const struct classic_entry entry = {
        .identity = {from->member_id, from->group_instance_id, from->client_id, from->client_host},
        .protocols = &protocol,
        .protocols_count = 1,
        .protocol_type = value->protocol_type,
        .session_timeout_ms = from->session_timeout,
        /* Version 0 does not have it. */
        .rebalance_timeout_ms =
            from->rebalance_timeout > 0 ? from->rebalance_timeout : from->session_timeout,
    };
    if (from->session_timeout < 0 || from->member_id.size == 0 ||
        classic_find(group, from->member_id) != NULL ||
        classic_find_static(group, from->group_instance_id) != NULL)
        return STATUS_MALFORMED;
    struct classic_member *member = classic_member_add(group, turn->memory, &entry);
    if (member == NULL || !classic_member_assign(turn->memory, member, from->assignment))
        return STATUS_NO_MEMORY;
    classic_member_keep(group, turn, member, member->session_timeout_ms);
    return STATUS_OK;
}

static enum status restore_members(struct classic_group *group, struct group_turn *turn,
                                   const struct group_metadata_value *value)
{
    if (value->members_count > 0 &&
        (bytes_are_null(value->protocol) || value->protocol_type.size == 0))
        return STATUS_MALFORMED;
    for (uint32_t i = 0; i < value->members_count; i++) {
        enum status status = restore_member(group, turn, value, &value->members[i]);
        if (status != STATUS_OK)
            return status;
    }
    if (value->members_count == 0)
        return value->protocol_type.size == 0 ||
                       group_memory_copy(turn->memory, &group->protocol_type, value->protocol_type)
                   ? STATUS_OK
                   : STATUS_NO_MEMORY;
    classic_votes_choose(&group->votes, turn->memory,
                         classic_votes_find(&group->votes, value->protocol));
    struct classic_member *leader = classic_find_member(
        group, bytes_are_null(value->leader) ? bytes_of_text("") : value->leader);
    group->leader = leader == NULL ? group->leader : leader;
    return STATUS_OK;
}

enum status classic_restore(struct classic_group *group, struct group_turn *turn,
                            const struct group_metadata_value *value)
{
    if (value->generation < 0)
        return STATUS_MALFORMED;
    classic_forget(group, turn->memory);
    group->generation = value->generation;
    group->state_since_ms = value->current_state_timestamp;
    group->is_recorded = true;
    enum status status = restore_members(group, turn, value);
    if (status != STATUS_OK) {
        classic_forget(group, turn->memory);
        return status;
    }
    group->state = group->member_count == 0 ? CLASSIC_EMPTY : CLASSIC_STABLE;
    classic_read_topics(group, turn->memory);
    classic_assert_is_sound(group);
    return STATUS_OK;
}
