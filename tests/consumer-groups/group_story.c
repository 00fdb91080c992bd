#include "tests/consumer-groups/group_story.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct group_settings settings_as_shipped = {
    .session_timeout_ms_min = 6000,
    .session_timeout_ms_max = 1800000,
    .initial_rebalance_delay_ms = 3000,
    .new_member_join_timeout_ms = 300000,
    .size_max = 1000000,
    .hash_seed = {{1, 2}},
};

void story_printf(struct group_story *story, const char *format, ...)
{
    if (story->is_silent)
        return;
    va_list arguments;
    char *line = NULL;
    va_start(arguments, format);
    int size = vasprintf(&line, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    story->text = realloc(story->text, story->text_size + (size_t)size + 1);
    memcpy(story->text + story->text_size, line, (size_t)size + 1);
    story->text_size += (size_t)size;
    free(line);
}

void group_story_begin(struct group_story *story)
{
    *story = (struct group_story){
        .settings = settings_as_shipped,
        .memory = {.limit_bytes = 64u << 20},
        .turn = {.now_ms = 1000, .wall_ms = 5000000},
    };
    group_writer_init(&story->writer, 64u << 20);
    list_init(&story->calls);
    story->text = calloc(1, 1);
    story_turn_begin(story);
    story->ids_made--; /* No number is lost. */
    classic_init(&story->group, bytes_of_text("g"), &story->turn);
}

static void call_free(struct story_call *call)
{
    list_remove(&call->node);
    arena_deinit(&call->arena);
    free(call);
}

void group_story_end(struct group_story *story)
{
    story_turn_begin(story);
    if (!list_is_empty(&story->calls))
        classic_drop_calls(&story->group, &story->turn, KAFKA_NOT_COORDINATOR);
    story_turn_end(story);
    assert(list_is_empty(&story->calls));
    classic_deinit(&story->group, &story->memory);
    assert(story->memory.used_bytes == 0);
    group_writer_deinit(&story->writer);
    free((void *)(uintptr_t)story->record.data);
    free(story->text);
}

/* --- Calls ------------------------------------------------------------------------------------ */

struct story_client *story_client(struct group_story *story, const char *name)
{
    for (uint32_t i = 0; i < story->client_count; i++) {
        if (strcmp(story->clients[i].name, name) == 0)
            return &story->clients[i];
    }
    assert(story->client_count < STORY_CLIENTS_MAX);
    struct story_client *client = &story->clients[story->client_count++];
    snprintf(client->name, sizeof client->name, "%s", name);
    return client;
}

struct bytes story_text(struct story_call *call, const char *text)
{
    char *copy = arena_copy_text(&call->arena, text, strlen(text));
    assert(copy != NULL);
    return bytes_of(copy, strlen(text));
}

struct story_call *story_call_new(struct group_story *story, struct story_client *client,
                                  enum group_call_kind kind, int16_t version)
{
    assert(client >= story->clients);
    assert(client < story->clients + story->client_count);
    struct story_call *call = calloc(1, sizeof *call);
    assert(call != NULL);
    call->client = client;
    call->kind = kind;
    arena_init(&call->arena, 64u << 20);
    list_node_init(&call->node);
    list_push_back(&story->calls, &call->node);
    struct group_call *header = &call->join.call;
    *header = (struct group_call){.kind = kind, .version = version, .arena = &call->arena};
    list_node_init(&header->node);
    header->client_id = story_text(call, client->name);
    header->client_host = bytes_of_text("/127.0.0.1");
    return call;
}

/* --- Showing ---------------------------------------------------------------------------------- */

/* "a-00000000-0000-0000-0000-000000000012" as "a-18". */
static void show_id(struct group_story *story, struct bytes id)
{
    if (id.size < 37) {
        story_printf(story, "%.*s", (int)id.size, (const char *)id.data);
        return;
    }
    char number[13] = "";
    memcpy(number, id.data + id.size - 12, 12);
    story_printf(story, "%.*s-%ld", (int)(id.size - 37), (const char *)id.data,
                 strtol(number, NULL, 16));
}

static void show_error(struct group_story *story, int16_t error_code)
{
    story_printf(story, "%s", kafka_error_name(error_code));
}

static void show_join(struct group_story *story, const struct story_call *call)
{
    const struct join_group_response *out = &call->join.out;
    if (out->error_code != KAFKA_NONE) {
        assert(bytes_are_null(out->protocol_name) == (call->join.call.version >= 7));
        show_error(story, out->error_code);
        story_printf(story, "%s", out->member_id.size > 0 ? " " : "");
        show_id(story, out->member_id);
        assert(out->generation_id == -1);
        return;
    }
    show_id(story, out->member_id);
    story_printf(story, " gen=%d %.*s leader=", out->generation_id, (int)out->protocol_name.size,
                 (const char *)out->protocol_name.data);
    show_id(story, out->leader);
    story_printf(story, "%s", out->skip_assignment ? " skip" : "");
    for (uint32_t i = 0; i < out->members_count; i++) {
        const struct join_group_response_member *member = &out->members[i];
        story_printf(story, " [");
        show_id(story, member->member_id);
        if (!bytes_are_null(member->group_instance_id))
            story_printf(story, "/%.*s", (int)member->group_instance_id.size,
                         (const char *)member->group_instance_id.data);
        story_printf(story, ":%.*s]", (int)member->metadata.size,
                     (const char *)member->metadata.data);
    }
}

static void show_leave(struct group_story *story, const struct leave_group_response *out)
{
    show_error(story, out->error_code);
    for (uint32_t i = 0; i < out->members_count; i++) {
        story_printf(story, " [");
        show_id(story, out->members[i].member_id);
        if (!bytes_are_null(out->members[i].group_instance_id))
            story_printf(story, "/%.*s", (int)out->members[i].group_instance_id.size,
                         (const char *)out->members[i].group_instance_id.data);
        story_printf(story, ":%s]", kafka_error_name(out->members[i].error_code));
    }
}

static void show_answer(struct group_story *story, const struct story_call *call)
{
    if (story->is_silent)
        return;
    static const char *const verbs[] = {[GROUP_CALL_JOIN] = "join",
                                        [GROUP_CALL_SYNC] = "sync",
                                        [GROUP_CALL_HEARTBEAT] = "beat",
                                        [GROUP_CALL_LEAVE] = "leave"};
    story_printf(story, "%s %s: ", call->client->name, verbs[call->kind]);
    if (call->kind == GROUP_CALL_JOIN)
        show_join(story, call);
    if (call->kind == GROUP_CALL_LEAVE)
        show_leave(story, &call->leave.out);
    if (call->kind == GROUP_CALL_HEARTBEAT)
        show_error(story, call->heartbeat.out.error_code);
    if (call->kind == GROUP_CALL_SYNC && call->sync.out.error_code != KAFKA_NONE)
        show_error(story, call->sync.out.error_code);
    else if (call->kind == GROUP_CALL_SYNC)
        story_printf(story, "'%.*s'", (int)call->sync.out.assignment.size,
                     (const char *)call->sync.out.assignment.data);
    story_printf(story, "\n");
}

static void show_value(struct group_story *story, const struct group_metadata_value *value)
{
    if (story->is_silent)
        return;
    story_printf(story, "record gen=%d", value->generation);
    if (value->members_count == 0)
        story_printf(story, " empty%s", bytes_are_null(value->protocol) ? "" : " with a protocol");
    if (!bytes_are_null(value->leader)) {
        story_printf(story, " %.*s leader=", (int)value->protocol.size,
                     (const char *)value->protocol.data);
        show_id(story, value->leader);
    }
    for (uint32_t i = 0; i < value->members_count; i++) {
        story_printf(story, " [");
        show_id(story, value->members[i].member_id);
        story_printf(story, "='%.*s']", (int)value->members[i].assignment.size,
                     (const char *)value->members[i].assignment.data);
    }
    story_printf(story, "\n");
}

static void decode_value(struct bytes value, struct arena *arena, struct group_metadata_value *into)
{
    struct reader reader;
    reader_init(&reader, value);
    int16_t version = reader_i16(&reader);
    assert(version == 3);
    enum status status = group_metadata_value_decode(&reader, version, arena, into);
    assert(status == STATUS_OK);
    assert(reader_remaining(&reader) == 0);
}

static void show_records(struct group_story *story)
{
    assert(story->writer.status == STATUS_OK);
    const struct group_record *record;
    list_for_each_entry (record, &story->writer.records, node) {
        static const uint8_t key[] = {0, 2, 0, 1, 'g'};
        struct arena arena;
        struct group_metadata_value value;
        assert(bytes_equal(record->key, bytes_of(key, sizeof key)));
        arena_init(&arena, 64u << 20);
        decode_value(record->value, &arena, &value);
        show_value(story, &value);
        arena_deinit(&arena);
        free((void *)(uintptr_t)story->record.data);
        uint8_t *copy = malloc(record->value.size);
        memcpy(copy, record->value.data, record->value.size);
        story->record = bytes_of(copy, record->value.size);
        story->record_count++;
    }
    group_writer_reset(&story->writer);
}

/* --- Turns ------------------------------------------------------------------------------------ */

void story_turn_begin(struct group_story *story)
{
    struct group_turn *turn = &story->turn;
    /* The turn before has been ended: its records were looked at. */
    assert(group_writer_first(&story->writer) == NULL);
    uint32_t number = ++story->ids_made;
    turn->fresh_id = UUID_NONE;
    store_u32_be(turn->fresh_id.bytes + 12, number);
    turn->settings = &story->settings;
    turn->memory = &story->memory;
    turn->writer = &story->writer;
    list_init(&turn->answered);
}

static void learn(struct story_call *call)
{
    struct story_client *client = call->client;
    const struct join_group_response *out = &call->join.out;
    if (call->kind != GROUP_CALL_JOIN ||
        (out->error_code != KAFKA_NONE && out->error_code != KAFKA_MEMBER_ID_REQUIRED))
        return;
    snprintf(client->member_id, sizeof client->member_id, "%.*s", (int)out->member_id.size,
             (const char *)out->member_id.data);
    if (out->error_code == KAFKA_NONE)
        client->generation = out->generation_id;
}

static void check_answer_fits_its_version(struct story_call *call)
{
    struct arena arena;
    struct writer writer;
    arena_init(&arena, 64u << 20);
    writer_init(&writer, &arena);
    int16_t version = call->join.call.version;
    if (call->kind == GROUP_CALL_JOIN)
        join_group_response_encode(&writer, version, &call->join.out);
    if (call->kind == GROUP_CALL_SYNC)
        sync_group_response_encode(&writer, version, &call->sync.out);
    if (call->kind == GROUP_CALL_LEAVE)
        leave_group_response_encode(&writer, version, &call->leave.out);
    assert(writer.status == STATUS_OK);
    arena_deinit(&arena);
}

void story_turn_end(struct group_story *story)
{
    show_records(story);
    struct list_node *node;
    while ((node = list_pop_front(&story->turn.answered)) != NULL) {
        /* Calls of all kinds begin with it. */
        struct group_call *header = container_of(node, struct group_call, node);
        struct story_call *call = container_of(header, struct story_call, join.call);
        check_answer_fits_its_version(call);
        show_answer(story, call);
        if (story->answered != NULL)
            story->answered(story, call);
        learn(call);
        call_free(call);
    }
    if (story->group.state == story->shown_state &&
        story->group.generation == story->shown_generation)
        return;
    story->shown_state = story->group.state;
    story->shown_generation = story->group.generation;
    story_printf(story, "-- %s %d\n", classic_state_name(&story->group), story->group.generation);
}

static void fill_arena(struct arena *arena)
{
    arena->limit_bytes = arena->total_bytes;
    while (arena_allocate(arena, 1) != NULL)
        ;
}

void story_run(struct group_story *story, struct story_call *call)
{
    assert(list_node_is_linked(&call->node));
    assert(!list_node_is_linked(&call->join.call.node));
    if (call->kind != GROUP_CALL_JOIN)
        story->ids_made--; /* No number is lost. */
    story_turn_begin(story);
    if (story->are_arenas_full)
        fill_arena(&call->arena);
    if (call->kind == GROUP_CALL_JOIN) {
        call->join.in = &call->join_in;
        classic_join(&story->group, &story->turn, &call->join);
    } else if (call->kind == GROUP_CALL_SYNC) {
        call->sync.in = &call->sync_in;
        classic_sync(&story->group, &story->turn, &call->sync);
    } else if (call->kind == GROUP_CALL_HEARTBEAT) {
        call->heartbeat.in = &call->heartbeat_in;
        classic_heartbeat(&story->group, &story->turn, &call->heartbeat);
    } else {
        call->leave.in = &call->leave_in;
        classic_leave(&story->group, &story->turn, &call->leave);
    }
    story_turn_end(story);
}

void story_wait(struct group_story *story, int64_t ms)
{
    int64_t begin_ms = story->turn.now_ms;
    int64_t end_ms = begin_ms + ms;
    int64_t deadline_ms;
    while ((deadline_ms = classic_deadline_ms(&story->group)) <= end_ms) {
        if (deadline_ms > story->turn.now_ms) {
            story->turn.wall_ms += deadline_ms - story->turn.now_ms;
            story->turn.now_ms = deadline_ms;
        }
        size_t before = story->text_size;
        story->ids_made--;
        story_turn_begin(story);
        story_printf(story, "+%ld\n", (long)(story->turn.now_ms - begin_ms));
        size_t after = story->text_size;
        classic_tick(&story->group, &story->turn);
        assert(classic_deadline_ms(&story->group) > story->turn.now_ms);
        story_turn_end(story);
        if (story->text_size == after)
            story->text_size = before;
        story->text[story->text_size] = 0;
    }
    story->turn.wall_ms += end_ms - story->turn.now_ms;
    story->turn.now_ms = end_ms;
}

void story_restart(struct group_story *story)
{
    story->ids_made--;
    story_turn_begin(story);
    classic_drop_calls(&story->group, &story->turn, KAFKA_NOT_COORDINATOR);
    story_turn_end(story);
    classic_deinit(&story->group, &story->memory);
    assert(story->memory.used_bytes == 0);

    story->ids_made--;
    story_turn_begin(story);
    classic_init(&story->group, bytes_of_text("g"), &story->turn);
    if (!bytes_are_null(story->record)) {
        struct arena arena;
        struct group_metadata_value value;
        arena_init(&arena, 64u << 20);
        decode_value(story->record, &arena, &value);
        enum status status = classic_restore(&story->group, &story->turn, &value);
        assert(status == STATUS_OK);
        arena_deinit(&arena);
        classic_forgive(&story->group, &story->turn);
    }
    story_turn_end(story);
}
