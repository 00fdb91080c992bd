/* Each group has its own coordinator, and each broker knows only the groups that it coordinates: so
 * a list is put together from all brokers, and what concerns one group is asked of one. Errors that
 * pass by themselves (a coordinator that moves, or still reads its log) are waited for here, so the
 * commands see only those that stay. */
#include "cli/groups.h"

#include "base/assert.h"
#include "cli/name_match.h"
#include "cli/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_fetch.h"

#include <poll.h>
#include <stdlib.h>

enum {
    PAUSE_MS = 100,
    VERSION_WITH_MANY_KEYS = 4,    /* FindCoordinator */
    VERSION_WITH_MANY_GROUPS = 8,  /* OffsetFetch */
    VERSION_WITH_NAMES_MAX = 9,    /* the newest OffsetFetch without topic ids */
    VERSION_WITH_STATE_FILTER = 4, /* ListGroups */
    VERSION_WITH_TYPE_FILTER = 5,
};

bool coordinators_open(struct coordinators *coordinators, struct tool *tool)
{
    assert(tool != NULL);
    *coordinators = (struct coordinators){.tool = tool, .node_id = -1};
    coordinators->current.file = -1;
    return client_connect(&coordinators->any, tool);
}

static void leave_current(struct coordinators *coordinators)
{
    client_close(&coordinators->current);
    coordinators->node_id = -1;
}

void coordinators_close(struct coordinators *coordinators)
{
    leave_current(coordinators);
    client_close(&coordinators->any);
}

bool coordinators_try_again(struct coordinators *coordinators, int16_t error_code, uint32_t *tries)
{
    assert(tries != NULL);
    bool passes = error_code == KAFKA_COORDINATOR_LOAD_IN_PROGRESS ||
                  error_code == KAFKA_COORDINATOR_NOT_AVAILABLE ||
                  error_code == KAFKA_NOT_COORDINATOR;
    if (!passes || ++*tries * PAUSE_MS >= (uint32_t)tool_timeout_ms(coordinators->tool))
        return false;
    leave_current(coordinators);
    poll(NULL, 0, PAUSE_MS);
    return true;
}

static const char *advice(int16_t error_code)
{
    switch (error_code) {
    case KAFKA_NON_EMPTY_GROUP:
    case KAFKA_UNKNOWN_MEMBER_ID:
        return "; stop its members first, 'tailrace group describe -m' names them";
    case KAFKA_GROUP_SUBSCRIBED_TO_TOPIC:
        return "; stop the members that read it first, 'tailrace group describe -m' names them";
    case KAFKA_GROUP_ID_NOT_FOUND: return "; 'tailrace group list' shows those that there are";
    default: return "";
    }
}

enum exit_code group_error(struct tool *tool, struct bytes group, int16_t error_code)
{
    assert(error_code != KAFKA_NONE);
    return tool_error(tool, "group %s: %s%s", tool_text(tool, group), kafka_error_text(error_code),
                      advice(error_code));
}

/* --- Finding the coordinator -------------------------------------------------------------------
 */

/* Old versions answer about one key, new ones about a list. */
static bool take_coordinator(const struct find_coordinator_response *response, int16_t version,
                             struct find_coordinator_response_coordinator *found)
{
    assert(found != NULL);
    if (version < VERSION_WITH_MANY_KEYS) {
        *found = (struct find_coordinator_response_coordinator){.node_id = response->node_id,
                                                                .host = response->host,
                                                                .port = response->port,
                                                                .error_code = response->error_code};
        return true;
    }
    if (response->coordinators_count != 1)
        return false;
    *found = response->coordinators[0];
    return true;
}

static bool ask_coordinator(struct connection *connection, struct bytes group,
                            struct find_coordinator_response_coordinator *found)
{
    struct call call;
    struct find_coordinator_request request;
    struct find_coordinator_response response;
    find_coordinator_request_init(&request);
    find_coordinator_response_init(&response);
    if (!call_begin(&call, connection, API_FIND_COORDINATOR))
        return false;
    if (call.version < VERSION_WITH_MANY_KEYS) {
        request.key = group;
    } else {
        request.coordinator_keys = &group;
        request.coordinator_keys_count = 1;
    }
    find_coordinator_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, find_coordinator_response_decode(&call.reader, call.version,
                                                              &connection->tool->arena, &response)))
        return false;
    if (take_coordinator(&response, call.version, found))
        return true;
    tool_error(connection->tool, "%s names no coordinator", connection->address);
    return false;
}

static bool connect_coordinator(struct coordinators *coordinators,
                                const struct find_coordinator_response_coordinator *found)
{
    assert(found->error_code == KAFKA_NONE);
    struct tool *tool = coordinators->tool;
    if (coordinators->node_id == found->node_id)
        return true;
    leave_current(coordinators);
    if (!client_connect_to(&coordinators->current, tool, tool_text(tool, found->host), found->port))
        return false;
    coordinators->node_id = found->node_id;
    return true;
}

struct connection *coordinators_find(struct coordinators *coordinators, struct bytes group)
{
    assert(!bytes_are_null(group));
    struct find_coordinator_response_coordinator found;
    uint32_t tries = 0;
    do
        if (!ask_coordinator(&coordinators->any, group, &found))
            return NULL;
    while (coordinators_try_again(coordinators, found.error_code, &tries));
    if (found.error_code != KAFKA_NONE) {
        group_error(coordinators->tool, group, found.error_code);
        return NULL;
    }
    return connect_coordinator(coordinators, &found) ? &coordinators->current : NULL;
}

/* --- The groups that there are -----------------------------------------------------------------
 */

struct listing {
    struct tool *tool;
    const struct group_filter *filter;
    struct listed_group *groups;
    uint32_t count;
};

/* A broker that is too old for a filter sends all, and cannot say what was filtered for: leaving
 * them in would be a lie, leaving them out as well. */
static bool fill_list_request(const struct listing *listing, const struct call *call,
                              struct list_groups_request *request)
{
    const struct group_filter *filter = listing->filter;
    list_groups_request_init(request);
    bool is_old = (filter->state_count > 0 && call->version < VERSION_WITH_STATE_FILTER) ||
                  (filter->type_count > 0 && call->version < VERSION_WITH_TYPE_FILTER);
    if (is_old) {
        tool_error(listing->tool, "%s is too old to tell states or types of groups",
                   call->connection->address);
        return false;
    }
    request->states_filter = filter->states;
    request->states_filter_count = filter->state_count;
    request->types_filter = filter->types;
    request->types_filter_count = filter->type_count;
    return true;
}

static bool ask_list(const struct listing *listing, struct connection *connection,
                     struct list_groups_response *response)
{
    struct call call;
    struct list_groups_request request;
    list_groups_response_init(response);
    if (!call_begin(&call, connection, API_LIST_GROUPS) ||
        !fill_list_request(listing, &call, &request))
        return false;
    list_groups_request_encode(&call.writer, call.version, &request);
    return call_finish(&call) &&
           call_decoded(&call, list_groups_response_decode(&call.reader, call.version,
                                                           &connection->tool->arena, response));
}

static bool take_list(struct listing *listing, int32_t node_id,
                      const struct list_groups_response *response)
{
    struct listed_group *groups = arena_allocate_array(
        &listing->tool->arena, (size_t)listing->count + response->groups_count + 1, sizeof *groups);
    if (groups == NULL) {
        tool_error(listing->tool, "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < listing->count; i++)
        groups[i] = listing->groups[i];
    for (uint32_t i = 0; i < response->groups_count; i++) {
        const struct list_groups_response_group *group = &response->groups[i];
        groups[listing->count++] = (struct listed_group){.id = group->group_id,
                                                         .protocol_type = group->protocol_type,
                                                         .state = group->group_state,
                                                         .type = group->group_type,
                                                         .coordinator_id = node_id};
    }
    listing->groups = groups;
    return true;
}

/* A broker that still loads would leave groups out without a word: it is asked until it knows all.
 */
static bool list_broker(struct coordinators *coordinators, struct listing *listing,
                        const struct metadata_response_broker *broker)
{
    struct tool *tool = listing->tool;
    struct connection connection;
    struct list_groups_response response;
    uint32_t tries = 0;
    if (!client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
        return false;
    bool ok;
    do
        ok = ask_list(listing, &connection, &response);
    while (ok && coordinators_try_again(coordinators, response.error_code, &tries));
    client_close(&connection);
    if (ok && response.error_code != KAFKA_NONE) {
        tool_error(tool, "%s: %s", connection.address, kafka_error_text(response.error_code));
        return false;
    }
    return ok && take_list(listing, broker->node_id, &response);
}

static int compare_groups(const void *left, const void *right)
{
    return bytes_compare(((const struct listed_group *)left)->id,
                         ((const struct listed_group *)right)->id);
}

bool groups_listed(struct coordinators *coordinators, const struct group_filter *filter,
                   struct listed_group **groups, uint32_t *count)
{
    assert(groups != NULL);
    assert(count != NULL);
    struct listing listing = {.tool = coordinators->tool, .filter = filter};
    const struct metadata_response *metadata = topics_named(&coordinators->any, NULL, 0);
    if (metadata == NULL)
        return false;
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (!list_broker(coordinators, &listing, &metadata->brokers[i]))
            return false;
    if (listing.count > 0)
        qsort(listing.groups, listing.count, sizeof listing.groups[0], compare_groups);
    *groups = listing.groups;
    *count = listing.count;
    return true;
}

bool groups_match(const struct tool *tool, bool is_regex, struct listed_group *groups,
                  uint32_t *count)
{
    if (tool->options.argument_count == 0)
        return true;
    bool *is_kept = calloc((size_t)*count + 1, sizeof *is_kept);
    assert(is_kept != NULL);
    bool ok = true;
    for (uint32_t i = 0; ok && i < tool->options.argument_count; i++) {
        struct name_match match;
        ok = name_match_open(&match, tool, tool->options.arguments[i], is_regex);
        for (uint32_t g = 0; ok && g < *count; g++)
            is_kept[g] = is_kept[g] || name_match_has(&match, groups[g].id);
        name_match_close(&match);
    }
    uint32_t kept = 0;
    for (uint32_t g = 0; g < *count; g++)
        if (is_kept[g])
            groups[kept++] = groups[g];
    *count = kept;
    free(is_kept);
    return ok;
}

bool groups_chosen(struct coordinators *coordinators, bool is_regex, struct bytes **ids,
                   uint32_t *count)
{
    assert(ids != NULL);
    assert(count != NULL);
    struct tool *tool = coordinators->tool;
    const struct group_filter no_filter = {0};
    struct listed_group *groups = NULL;
    *count = tool->options.argument_count;
    bool is_listed = is_regex || *count == 0;
    if (is_listed && (!groups_listed(coordinators, &no_filter, &groups, count) ||
                      !groups_match(tool, is_regex, groups, count)))
        return false;
    *ids = arena_allocate_array(&tool->arena, (size_t)*count + 1, sizeof **ids);
    assert(*ids != NULL);
    for (uint32_t i = 0; i < *count; i++)
        (*ids)[i] = is_listed ? groups[i].id : bytes_of_text(tool->options.arguments[i]);
    return true;
}

/* --- How far a group has come ------------------------------------------------------------------
 */

/* The answer of any version in the form of the newest one. */
struct offset_answer {
    int16_t error_code;
    struct offset_fetch_response_group_topic *topics;
    uint32_t topic_count;
};

/* Versions up to 7 answer about one group, in structs of their own that hold the same. */
static void take_old_answer(struct tool *tool, const struct offset_fetch_response *response,
                            struct offset_answer *answer)
{
    answer->error_code = response->error_code;
    answer->topic_count = response->topics_count;
    answer->topics = arena_allocate_array(&tool->arena, (size_t)response->topics_count + 1,
                                          sizeof *answer->topics);
    assert(answer->topics != NULL);
    for (uint32_t t = 0; t < response->topics_count; t++) {
        const struct offset_fetch_response_topic *from = &response->topics[t];
        struct offset_fetch_response_group_topic *to = &answer->topics[t];
        to->name = from->name;
        to->partitions_count = from->partitions_count;
        to->partitions = arena_allocate_array(&tool->arena, (size_t)from->partitions_count + 1,
                                              sizeof *to->partitions);
        assert(to->partitions != NULL);
        for (uint32_t p = 0; p < from->partitions_count; p++)
            to->partitions[p] = (struct offset_fetch_response_group_partition){
                .partition_index = from->partitions[p].partition_index,
                .committed_offset = from->partitions[p].committed_offset,
                .committed_leader_epoch = from->partitions[p].committed_leader_epoch,
                .metadata = from->partitions[p].metadata,
                .error_code = from->partitions[p].error_code};
    }
}

/* All topics of the group, in the one form or the other. */
static void fill_offset_request(struct bytes group, struct offset_fetch_request_group *asked,
                                bool has_groups, struct offset_fetch_request *request)
{
    offset_fetch_request_init(request);
    offset_fetch_request_group_init(asked);
    asked->group_id = group;
    asked->topics = NULL;
    if (has_groups) {
        request->groups = asked;
        request->groups_count = 1;
    } else {
        request->group_id = group;
        request->topics = NULL;
    }
}

/* The version is held where topics go by name: a topic that is gone has no id any more, and its
 * offsets are to be seen still. */
static bool ask_offsets(struct connection *connection, struct bytes group,
                        struct offset_answer *answer)
{
    struct call call;
    struct offset_fetch_request request;
    struct offset_fetch_request_group asked;
    struct offset_fetch_response response;
    offset_fetch_response_init(&response);
    if (!call_begin(&call, connection, API_OFFSET_FETCH))
        return false;
    call.version = call.version < VERSION_WITH_NAMES_MAX ? call.version : VERSION_WITH_NAMES_MAX;
    bool has_groups = call.version >= VERSION_WITH_MANY_GROUPS;
    fill_offset_request(group, &asked, has_groups, &request);
    offset_fetch_request_encode(&call.writer, call.version, &request);
    if (!call_finish(&call) ||
        !call_decoded(&call, offset_fetch_response_decode(&call.reader, call.version,
                                                          &connection->tool->arena, &response)))
        return false;
    if (!has_groups)
        take_old_answer(connection->tool, &response, answer);
    else if (response.groups_count == 1)
        *answer = (struct offset_answer){response.groups[0].error_code, response.groups[0].topics,
                                         response.groups[0].topics_count};
    return true;
}

static int compare_offsets(const void *left, const void *right)
{
    const struct committed_offset *a = left;
    const struct committed_offset *b = right;
    int order = bytes_compare(a->topic, b->topic);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* An offset of -1 is none. */
static void take_offsets(struct tool *tool, const struct offset_answer *answer,
                         struct committed_offset **offsets, uint32_t *count)
{
    size_t total = 0;
    for (uint32_t t = 0; t < answer->topic_count; t++)
        total += answer->topics[t].partitions_count;
    *offsets = arena_allocate_array(&tool->arena, total + 1, sizeof **offsets);
    assert(*offsets != NULL);
    *count = 0;
    for (uint32_t t = 0; t < answer->topic_count; t++)
        for (uint32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct offset_fetch_response_group_partition *from =
                &answer->topics[t].partitions[p];
            if (from->error_code != KAFKA_NONE || from->committed_offset < 0)
                continue;
            (*offsets)[(*count)++] = (struct committed_offset){
                answer->topics[t].name, from->partition_index, from->committed_offset,
                from->committed_leader_epoch, from->metadata};
        }
    if (*count > 0)
        qsort(*offsets, *count, sizeof **offsets, compare_offsets);
}

bool group_offsets_fetch(struct coordinators *coordinators, struct bytes group,
                         struct committed_offset **offsets, uint32_t *count)
{
    assert(offsets != NULL);
    assert(count != NULL);
    struct offset_answer answer = {.error_code = KAFKA_UNKNOWN_SERVER_ERROR}; /* not answered */
    uint32_t tries = 0;
    do {
        struct connection *connection = coordinators_find(coordinators, group);
        if (connection == NULL || !ask_offsets(connection, group, &answer))
            return false;
    } while (coordinators_try_again(coordinators, answer.error_code, &tries));
    if (answer.error_code != KAFKA_NONE && answer.error_code != KAFKA_GROUP_ID_NOT_FOUND) {
        group_error(coordinators->tool, group, answer.error_code);
        return false;
    }
    take_offsets(coordinators->tool, &answer, offsets, count);
    return true;
}
