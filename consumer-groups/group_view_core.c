/* What others are shown of groups, ListGroups and DescribeGroups, and DeleteGroups, which shows
 * them that there is none any more. */
#include "consumer-groups/group_view_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_core.h"
#include "protocol/errors.h"

#include <strings.h>

enum { DESCRIBE_NAMES_MISSING_SINCE = 6 };

static bool is_same_word(struct bytes wanted, const char *word)
{
    return wanted.size == strlen(word) &&
           strncasecmp((const char *)wanted.data, word, wanted.size) == 0;
}

/* What a client wants to see. It may be long, and there may be many groups, but they have few words
 * for what they are: each is looked for once. */
struct word_filter {
    const struct bytes *wanted;
    uint32_t wanted_count;
    struct {
        const char *word;
        bool is_wanted;
    } known[8];
    uint32_t known_count;
};

/* No filter lets everything through. */
static bool is_among(const struct word_filter *filter, const char *word)
{
    assert(filter->wanted != NULL || filter->wanted_count == 0);
    for (uint32_t i = 0; i < filter->wanted_count; i++)
        if (is_same_word(filter->wanted[i], word))
            return true;
    return filter->wanted_count == 0;
}

static bool lets_through(struct word_filter *filter, const char *word)
{
    for (uint32_t i = 0; i < filter->known_count; i++)
        if (strcmp(filter->known[i].word, word) == 0)
            return filter->known[i].is_wanted;
    assert(filter->known_count < sizeof filter->known / sizeof filter->known[0]);
    bool is_wanted = is_among(filter, word);
    filter->known[filter->known_count].word = word;
    filter->known[filter->known_count++].is_wanted = is_wanted;
    return is_wanted;
}

static bool copy_bytes(struct arena *arena, struct bytes *to, struct bytes from)
{
    assert(!bytes_are_null(from));
    char *copy = arena_copy_text(arena, from.data, from.size);
    *to = bytes_of(copy, from.size);
    return copy != NULL;
}

static bool list_all(const struct group_table *table, struct list_groups_call *list)
{
    const struct list_groups_request *in = list->in;
    struct arena *arena = list->call.arena;
    struct list_groups_response *out = &list->out;
    struct word_filter states = {in->states_filter, in->states_filter_count};
    struct word_filter types = {in->types_filter, in->types_filter_count};
    struct group *group;
    out->groups = arena_allocate_array(arena, table->groups.count, sizeof *out->groups);
    if (out->groups == NULL)
        return false;
    list_for_each_entry (group, &table->order, order_node) {
        const char *state = group_state_name(group);
        const char *type = group_type_name(group);
        if (!lets_through(&states, state) || !lets_through(&types, type))
            continue;
        assert(out->groups_count < table->groups.count);
        struct list_groups_response_group *shown = &out->groups[out->groups_count++];
        shown->group_state = bytes_of_text(state);
        shown->group_type = bytes_of_text(type);
        if (!copy_bytes(arena, &shown->group_id, group->id) ||
            !copy_bytes(arena, &shown->protocol_type, group_protocol_type(group)))
            return false;
    }
    return true;
}

void group_list(const struct group_table *table, struct group_turn *turn,
                struct list_groups_call *list)
{
    assert(!list->call.is_answered);
    list_groups_response_init(&list->out);
    list->call.status = list_all(table, list) ? STATUS_OK : STATUS_NO_MEMORY;
    group_turn_answer(turn, &list->call);
}

/* --- Describe --------------------------------------------------------------------------------- */

/* "Group X not found." and the like, as Kafka says it. */
static struct bytes message_about(struct arena *arena, struct bytes id, const char *rest)
{
    static const char before[] = "Group ";
    assert(!bytes_are_null(id));
    size_t size = strlen(before) + id.size + strlen(rest);
    char *text = arena_allocate(arena, size);
    if (text == NULL)
        return (struct bytes){NULL, 0};
    memcpy(text, before, strlen(before));
    memcpy(text + strlen(before), id.data, id.size);
    memcpy(text + strlen(before) + id.size, rest, strlen(rest));
    return bytes_of(text, size);
}

/* Clients of older versions know a group that does not exist by its state. */
static void describe_missing(struct describe_group_call *describe, const char *why)
{
    struct describe_groups_response_group *out = &describe->out;
    assert(out->error_code == KAFKA_NONE);
    assert(out->members_count == 0);
    out->group_state = bytes_of_text("Dead");
    if (describe->call.version < DESCRIBE_NAMES_MISSING_SINCE)
        return;
    out->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    out->error_message = message_about(describe->call.arena, describe->group_id, why);
}

void group_describe(const struct group_table *table, struct group_turn *turn,
                    struct describe_group_call *describe)
{
    struct describe_groups_response_group *out = &describe->out;
    const struct group *group = group_table_find(table, describe->group_id);
    enum status status = STATUS_OK;
    describe_groups_response_group_init(out);
    out->group_id = describe->group_id;
    if (group == NULL)
        describe_missing(describe, " not found.");
    else if (group->type != GROUP_CLASSIC)
        describe_missing(describe, " is not a classic group.");
    else
        status = classic_describe(&group->classic, describe->call.arena, out);
    describe->call.status = status;
    group_turn_answer(turn, &describe->call);
}

void group_describe_consumer(const struct group_table *table, struct group_turn *turn,
                             struct consumer_describe_call *describe)
{
    struct consumer_group_describe_response_group *out = &describe->out;
    const struct group *group = group_table_find(table, describe->group_id);
    struct arena *arena = describe->call.arena;
    enum status status = STATUS_OK;
    consumer_group_describe_response_group_init(out);
    out->group_id = describe->group_id;
    if (!turn->settings->has_consumer_protocol) {
        out->error_code = KAFKA_UNSUPPORTED_VERSION;
    } else if (group != NULL && group->type == GROUP_CONSUMER) {
        status = consumer_describe(&group->consumer, turn, arena, out);
    } else {
        out->error_code = KAFKA_GROUP_ID_NOT_FOUND;
        out->error_message = message_about(
            arena, describe->group_id, group == NULL ? " not found." : " is not a consumer group.");
    }
    describe->call.status = status;
    group_turn_answer(turn, &describe->call);
}

/* --- Delete ----------------------------------------------------------------------------------- */

/* The group's own tombstones come last, so that a crash in between leaves a group that can be
 * deleted again. */
static void delete_portion(struct group_table *table, struct group_turn *turn, struct group *group)
{
    uint32_t left = GROUP_PORTION_OFFSETS;
    assert(group_is_leaving(group));
    assert(group_is_empty(group));
    struct delete_group_call *deletion = group->deletion;
    group_offsets_delete_all(table, turn, group, &left);
    if (group->offsets.count > 0)
        return;
    group_put_tombstones(group, turn);
    group->deletion = NULL;
    group_table_remove(table, turn->memory, group);
    if (deletion != NULL)
        group_turn_answer(turn, &deletion->call);
}

void group_delete(struct group_table *table, struct group_turn *turn,
                  struct delete_group_call *deletion)
{
    assert(!list_node_is_linked(&deletion->call.node));
    struct group *group = group_table_find(table, deletion->group_id);
    deletion->call.status = STATUS_OK;
    deletion->error_code = KAFKA_NONE;
    if (group == NULL) {
        deletion->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    } else if (!group_is_empty(group)) {
        deletion->error_code = KAFKA_NON_EMPTY_GROUP;
    } else {
        assert(!group_is_leaving(group));
        assert(group->deletion == NULL);
        group->deletion = deletion;
        list_push_back(&table->leaving, &group->leaving_node);
        delete_portion(table, turn, group);
        return;
    }
    group_turn_answer(turn, &deletion->call);
}

void group_delete_more(struct group_table *table, struct group_turn *turn)
{
    struct list_node *node = list_first(&table->leaving);
    assert(node != NULL);
    delete_portion(table, turn, container_of(node, struct group, leaving_node));
}

void group_delete_unwatch(struct group *group, struct group_turn *turn, int16_t error_code)
{
    struct delete_group_call *deletion = group->deletion;
    if (deletion == NULL)
        return;
    assert(group_is_leaving(group));
    assert(error_code != KAFKA_NONE);
    group->deletion = NULL;
    group_call_fail(&deletion->call, error_code);
    group_turn_answer(turn, &deletion->call);
}
