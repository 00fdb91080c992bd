#include "consumer-groups/group_view_core.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_core.h"
#include "protocol/errors.h"

#include <strings.h>

enum { DESCRIBE_NAMES_MISSING_SINCE = 6 };

/* What is to be said of a group in a list. */
struct summary {
    const char *state;
    const char *type;
    struct bytes protocol_type;
};

static struct summary summarize(const struct group *group)
{
    return (struct summary){
        .state = classic_state_name(&group->classic),
        .type = "classic",
        .protocol_type = classic_protocol_type(&group->classic),
    };
}

static bool is_same_word(struct bytes wanted, const char *word)
{
    return wanted.size == strlen(word) &&
           strncasecmp((const char *)wanted.data, word, wanted.size) == 0;
}

/* No filter lets everything through. */
static bool is_among(const struct bytes *filter, uint32_t count, const char *word)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_same_word(filter[i], word))
            return true;
    return count == 0;
}

static bool copy_bytes(struct arena *arena, struct bytes *to, struct bytes from)
{
    char *copy = arena_copy_text(arena, from.data, from.size);
    *to = bytes_of(copy, from.size);
    return copy != NULL;
}

static bool list_all(const struct group_table *table, struct list_groups_call *list)
{
    const struct list_groups_request *in = list->in;
    struct arena *arena = list->call.arena;
    struct list_groups_response *out = &list->out;
    struct group *group;
    out->groups = arena_allocate_array(arena, table->groups.count, sizeof *out->groups);
    if (out->groups == NULL)
        return false;
    list_for_each_entry (group, &table->order, order_node) {
        struct summary summary = summarize(group);
        if (!is_among(in->states_filter, in->states_filter_count, summary.state) ||
            !is_among(in->types_filter, in->types_filter_count, summary.type))
            continue;
        struct list_groups_response_group *shown = &out->groups[out->groups_count++];
        shown->group_state = bytes_of_text(summary.state);
        shown->group_type = bytes_of_text(summary.type);
        if (!copy_bytes(arena, &shown->group_id, group->id) ||
            !copy_bytes(arena, &shown->protocol_type, summary.protocol_type))
            return false;
    }
    return true;
}

void group_list(const struct group_table *table, struct group_turn *turn,
                struct list_groups_call *list)
{
    list_groups_response_init(&list->out);
    list->call.status = list_all(table, list) ? STATUS_OK : STATUS_NO_MEMORY;
    group_turn_answer(turn, &list->call);
}

/* --- Describe -----------------------------------------------------------------------------------
 */

/* "Group X not found.", as Kafka says it. */
static struct bytes missing_message(struct arena *arena, struct bytes id)
{
    static const char before[] = "Group ";
    static const char behind[] = " not found.";
    size_t size = strlen(before) + id.size + strlen(behind);
    char *text = arena_allocate(arena, size);
    if (text == NULL)
        return (struct bytes){NULL, 0};
    memcpy(text, before, strlen(before));
    memcpy(text + strlen(before), id.data, id.size);
    memcpy(text + strlen(before) + id.size, behind, strlen(behind));
    return bytes_of(text, size);
}

/* Clients of older versions know a group that does not exist by its state. */
static void describe_missing(struct describe_group_call *describe)
{
    struct describe_groups_response_group *out = &describe->out;
    out->group_state = bytes_of_text("Dead");
    if (describe->call.version < DESCRIBE_NAMES_MISSING_SINCE)
        return;
    out->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    out->error_message = missing_message(describe->call.arena, describe->group_id);
}

void group_describe(const struct group_table *table, struct group_turn *turn,
                    struct describe_group_call *describe)
{
    struct describe_groups_response_group *out = &describe->out;
    const struct group *group = group_table_find(table, describe->group_id);
    bool has_memory = true;
    describe_groups_response_group_init(out);
    out->group_id = describe->group_id;
    if (group == NULL) {
        describe_missing(describe);
    } else {
        has_memory =
            classic_describe(&group->classic, describe->call.arena, out) == STATUS_OK;
    }
    describe->call.status = has_memory ? STATUS_OK : STATUS_NO_MEMORY;
    group_turn_answer(turn, &describe->call);
}

/* --- Delete -------------------------------------------------------------------------------------
 */

/* The group's own tombstones come last, so that a crash in between leaves a group that can be
 * deleted again. */
void group_delete(struct group_table *table, struct group_turn *turn,
                  struct delete_group_call *deletion)
{
    struct group *group = group_table_find(table, deletion->group_id);
    if (group == NULL) {
        deletion->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    } else if (!group_is_empty(group)) {
        deletion->error_code = KAFKA_NON_EMPTY_GROUP;
    } else {
        deletion->error_code = KAFKA_NONE;
        group_offsets_delete_all(table, turn, group);
        group_put_tombstones(group, turn);
        group_table_remove(table, turn->memory, group);
    }
    deletion->call.status = STATUS_OK;
    group_turn_answer(turn, &deletion->call);
}
