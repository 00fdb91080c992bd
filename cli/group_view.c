/* Whoever asks about a group knows only its name, and each protocol has a request of its own. The
 * newer one is asked first: it denies a classic group in so many words (GROUP_ID_NOT_FOUND), while
 * the older one describes a group of the other protocol as dead. */
#include "cli/group_view.h"

#include "base/assert.h"
#include "protocol/errors.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/describe_groups.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMBER_TYPE_CLASSIC = 0 };

/* --- Partitions ------------------------------------------------------------------------------- */

int group_partition_compare(const struct group_partition *left, const struct group_partition *right)
{
    int order = bytes_compare(left->topic, right->topic);
    return order != 0 ? order
                      : (left->partition > right->partition) - (left->partition < right->partition);
}

static int compare_partitions(const void *left, const void *right)
{
    return group_partition_compare(left, right);
}

/* Room for `count` more. */
static void partitions_reserve(struct tool *tool, struct group_partitions *partitions, size_t count)
{
    assert(partitions->count == 0);
    partitions->list = arena_allocate_array(&tool->arena, count + 1, sizeof *partitions->list);
    assert(partitions->list != NULL);
}

static void partitions_add(struct group_partitions *partitions, struct bytes topic,
                           const int32_t *numbers, uint32_t count)
{
    assert(partitions->list != NULL);
    for (uint32_t i = 0; i < count; i++)
        partitions->list[partitions->count++] = (struct group_partition){topic, numbers[i]};
}

static void partitions_sort(struct group_partitions *partitions)
{
    if (partitions->count > 0)
        qsort(partitions->list, partitions->count, sizeof partitions->list[0], compare_partitions);
}

/* True if a topic begins here. */
static bool is_topic_begin(const struct group_partitions *partitions, uint32_t index)
{
    assert(index < partitions->count);
    return index == 0 ||
           !bytes_equal(partitions->list[index - 1].topic, partitions->list[index].topic);
}

const char *group_partitions_text(struct tool *tool, const struct group_partitions *partitions)
{
    enum { NUMBER_SIZE_MAX = 13 };
    size_t capacity = 2;
    for (uint32_t i = 0; i < partitions->count; i++)
        capacity += partitions->list[i].topic.size + NUMBER_SIZE_MAX;
    char *text = arena_allocate(&tool->arena, capacity);
    assert(text != NULL);
    snprintf(text, capacity, "-");
    size_t size = 0;
    for (uint32_t i = 0; i < partitions->count; i++) {
        const struct group_partition *one = &partitions->list[i];
        if (is_topic_begin(partitions, i))
            size += (size_t)snprintf(text + size, capacity - size, "%s%.*s:%d", i > 0 ? " " : "",
                                     (int)one->topic.size, (const char *)one->topic.data,
                                     (int)one->partition);
        else
            size += (size_t)snprintf(text + size, capacity - size, ",%d", (int)one->partition);
    }
    assert(size < capacity);
    return text;
}

json_t *group_partitions_json(const struct group_partitions *partitions)
{
    json_t *topics = json_array();
    json_t *numbers = NULL;
    for (uint32_t i = 0; i < partitions->count; i++) {
        if (is_topic_begin(partitions, i)) {
            numbers = json_array();
            json_array_append_new(topics, json_pack("{s:o, s:o}", "topic",
                                                    tool_json_bytes(partitions->list[i].topic),
                                                    "partitions", numbers));
        }
        json_array_append_new(numbers, json_integer(partitions->list[i].partition));
    }
    return topics;
}

static int compare_members(const void *left, const void *right)
{
    const struct group_member *a = left;
    const struct group_member *b = right;
    int order = bytes_compare(a->client_id, b->client_id);
    return order != 0 ? order : bytes_compare(a->id, b->id);
}

static void members_reserve(struct tool *tool, struct group_view *view, uint32_t count)
{
    view->members = arena_allocate_array(&tool->arena, (size_t)count + 1, sizeof *view->members);
    assert(view->members != NULL);
    view->member_count = count;
}

/* --- Groups of the consumer protocol ---------------------------------------------------------- */

static void take_assignment(struct tool *tool,
                            const struct consumer_group_describe_response_assignment *from,
                            struct group_partitions *to)
{
    size_t count = 0;
    for (uint32_t i = 0; i < from->topic_partitions_count; i++)
        count += from->topic_partitions[i].partitions_count;
    partitions_reserve(tool, to, count);
    for (uint32_t i = 0; i < from->topic_partitions_count; i++)
        partitions_add(to, from->topic_partitions[i].topic_name,
                       from->topic_partitions[i].partitions,
                       from->topic_partitions[i].partitions_count);
    partitions_sort(to);
}

static void take_consumer_group(struct tool *tool,
                                const struct consumer_group_describe_response_group *from,
                                struct group_view *view)
{
    view->state = from->group_state;
    view->protocol_type = bytes_of_text("consumer");
    view->assignor = from->assignor_name;
    view->epoch = from->group_epoch;
    view->assignment_epoch = from->assignment_epoch;
    members_reserve(tool, view, from->members_count);
    for (uint32_t i = 0; i < from->members_count; i++) {
        const struct consumer_group_describe_response_member *member = &from->members[i];
        struct group_member *to = &view->members[i];
        *to = (struct group_member){.id = member->member_id,
                                    .instance_id = member->instance_id,
                                    .client_id = member->client_id,
                                    .client_host = member->client_host,
                                    .is_classic = member->member_type == MEMBER_TYPE_CLASSIC,
                                    .epoch = member->member_epoch,
                                    .topics = member->subscribed_topic_names,
                                    .topic_count = member->subscribed_topic_names_count,
                                    .regex = member->subscribed_topic_regex};
        take_assignment(tool, &member->assignment, &to->owned);
        take_assignment(tool, &member->target_assignment, &to->target);
    }
}

static bool ask_consumer_group(struct connection *connection, struct group_view *view,
                               int16_t *error_code)
{
    struct tool *tool = connection->tool;
    struct call call;
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;
    consumer_group_describe_request_init(&request);
    consumer_group_describe_response_init(&response);
    *error_code = KAFKA_GROUP_ID_NOT_FOUND;
    if (!client_serves(connection, API_CONSUMER_GROUP_DESCRIBE))
        return true;
    if (!call_begin(&call, connection, API_CONSUMER_GROUP_DESCRIBE))
        return false;
    request.group_ids = &view->id;
    request.group_ids_count = 1;
    consumer_group_describe_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, consumer_group_describe_response_decode(&call.reader, call.version,
                                                                     &tool->arena, &response)))
        return false;
    if (response.groups_count != 1)
        return true;
    *error_code = response.groups[0].error_code;
    if (*error_code == KAFKA_NONE)
        take_consumer_group(tool, &response.groups[0], view);
    return true;
}

/* --- Groups of the classic protocol ----------------------------------------------------------- */

/* What the leader has assigned is between the members: another kind of group (Kafka Connect's) puts
 * something else there, and anybody may put anything. What cannot be read is shown as nothing. */
static void take_classic_assignment(struct tool *tool, struct bytes bytes,
                                    struct group_partitions *to)
{
    struct reader reader;
    struct consumer_protocol_assignment assignment;
    partitions_reserve(tool, to, 0);
    reader_init(&reader, bytes);
    consumer_protocol_assignment_init(&assignment);
    reader_i16(&reader); /* of the version nothing depends */
    if (reader.status != STATUS_OK ||
        consumer_protocol_assignment_decode(&reader, 0, &tool->arena, &assignment) != STATUS_OK)
        return;
    size_t count = 0;
    for (uint32_t i = 0; i < assignment.assigned_partitions_count; i++)
        count += assignment.assigned_partitions[i].partitions_count;
    partitions_reserve(tool, to, count);
    for (uint32_t i = 0; i < assignment.assigned_partitions_count; i++)
        partitions_add(to, assignment.assigned_partitions[i].topic,
                       assignment.assigned_partitions[i].partitions,
                       assignment.assigned_partitions[i].partitions_count);
    partitions_sort(to);
}

static void take_classic_group(struct tool *tool, const struct describe_groups_response_group *from,
                               struct group_view *view)
{
    view->is_classic = true;
    view->state = from->group_state;
    view->protocol_type = from->protocol_type;
    view->assignor = from->protocol_data;
    view->epoch = -1;
    view->assignment_epoch = -1;
    bool are_consumers = bytes_equal_text(from->protocol_type, "consumer");
    members_reserve(tool, view, from->members_count);
    for (uint32_t i = 0; i < from->members_count; i++) {
        const struct describe_groups_response_member *member = &from->members[i];
        view->members[i] = (struct group_member){.id = member->member_id,
                                                 .instance_id = member->group_instance_id,
                                                 .client_id = member->client_id,
                                                 .client_host = member->client_host,
                                                 .is_classic = true,
                                                 .epoch = -1};
        if (are_consumers)
            take_classic_assignment(tool, member->member_assignment, &view->members[i].owned);
        view->members[i].target = view->members[i].owned;
    }
}

static bool ask_classic_group(struct connection *connection, struct group_view *view,
                              int16_t *error_code)
{
    struct tool *tool = connection->tool;
    struct call call;
    struct describe_groups_request request;
    struct describe_groups_response response;
    describe_groups_request_init(&request);
    describe_groups_response_init(&response);
    if (!call_begin(&call, connection, API_DESCRIBE_GROUPS))
        return false;
    request.groups = &view->id;
    request.groups_count = 1;
    describe_groups_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, describe_groups_response_decode(&call.reader, call.version,
                                                             &tool->arena, &response)))
        return false;
    *error_code = KAFKA_GROUP_ID_NOT_FOUND;
    if (response.groups_count != 1)
        return true;
    const struct describe_groups_response_group *group = &response.groups[0];
    bool is_dead = bytes_equal_text(group->group_state, "Dead"); /* how old versions say no */
    if (group->error_code != KAFKA_NONE || !is_dead)
        *error_code = group->error_code;
    if (*error_code == KAFKA_NONE)
        take_classic_group(tool, group, view);
    return true;
}

/* --- Either ----------------------------------------------------------------------------------- */

static bool ask_either(struct connection *connection, struct group_view *view, int16_t *error_code)
{
    if (!ask_consumer_group(connection, view, error_code))
        return false;
    if (*error_code != KAFKA_GROUP_ID_NOT_FOUND && *error_code != KAFKA_UNSUPPORTED_VERSION)
        return true;
    return ask_classic_group(connection, view, error_code);
}

enum group_found group_view_ask(struct coordinators *coordinators, struct bytes id,
                                struct group_view *view)
{
    assert(view != NULL);
    struct tool *tool = coordinators->tool;
    int16_t error_code = KAFKA_NONE;
    uint32_t tries = 0;
    *view = (struct group_view){.id = id};
    do {
        struct connection *connection = coordinators_find(coordinators, id);
        if (connection == NULL || !ask_either(connection, view, &error_code))
            return GROUP_FAILED;
    } while (coordinators_try_again(coordinators, error_code, &tries));
    if (error_code == KAFKA_GROUP_ID_NOT_FOUND)
        return GROUP_MISSING;
    if (error_code != KAFKA_NONE) {
        group_error(tool, id, error_code);
        return GROUP_FAILED;
    }
    if (view->member_count > 0)
        qsort(view->members, view->member_count, sizeof view->members[0], compare_members);
    view->coordinator_id = coordinators->node_id;
    view->coordinator = tool_text(tool, bytes_of_text(coordinators->current.address));
    return GROUP_FOUND;
}

bool group_view_is_active(const struct group_view *view)
{
    return !bytes_equal_text(view->state, "Empty") && !bytes_equal_text(view->state, "Dead");
}
