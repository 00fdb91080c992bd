/* The language of stories: one line, one event. Options are words of the form name=value. */
#include "base/assert.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/group_story.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 64, LINE_SIZE = 4096 };

struct words {
    char line[LINE_SIZE];
    char *all[WORDS_MAX];
    uint32_t count;
};

static void split(struct words *words, const char *line)
{
    words->count = 0;
    snprintf(words->line, sizeof words->line, "%s", line);
    char *state = NULL;
    for (char *word = strtok_r(words->line, " ", &state); word != NULL;
         word = strtok_r(NULL, " ", &state)) {
        assert(words->count < WORDS_MAX);
        words->all[words->count++] = word;
    }
    assert(words->count > 0);
}

/* The value of an option, or NULL. */
static const char *option(const struct words *words, const char *name)
{
    size_t size = strlen(name);
    for (uint32_t i = 1; i < words->count; i++) {
        if (strncmp(words->all[i], name, size) == 0 && words->all[i][size] == '=')
            return words->all[i] + size + 1;
    }
    return NULL;
}

static int32_t number(const struct words *words, const char *name, int32_t otherwise)
{
    const char *value = option(words, name);
    return value == NULL ? otherwise : (int32_t)strtol(value, NULL, 10);
}

static struct bytes text_option(struct story_call *call, const struct words *words,
                                const char *name, const char *otherwise)
{
    const char *value = option(words, name);
    if (value == NULL)
        value = otherwise;
    return value == NULL ? (struct bytes){NULL, 0} : story_text(call, value);
}

/* A client's member id, "client.N": the id with this number, or the word itself. */
static struct bytes id_of(struct group_story *story, struct story_call *call, const char *word)
{
    char text[STORY_NAME_SIZE + 64];
    const char *dot = strrchr(word, '.');
    if (dot == NULL)
        return story_text(call, story_client(story, word)->member_id);
    snprintf(text, sizeof text, "%.*s-00000000-0000-0000-0000-%012lx", (int)(dot - word), word,
             strtol(dot + 1, NULL, 10));
    return story_text(call, text);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* "@one+two": a subscription of the consumer protocol; other text as it is. */
static struct bytes metadata_of(struct story_call *call, const char *text)
{
    if (text[0] != '@')
        return story_text(call, text);
    char topics[256];
    struct writer writer;
    uint32_t count = 0;
    writer_init(&writer, &call->arena);
    writer_i16(&writer, 1);
    writer_i32(&writer, 0);
    snprintf(topics, sizeof topics, "%s", text + 1);
    char *state = NULL;
    for (char *topic = strtok_r(topics, "+", &state); topic != NULL;
         topic = strtok_r(NULL, "+", &state), count++) {
        writer_i16(&writer, (int16_t)strlen(topic));
        writer_bytes(&writer, bytes_of_text(topic));
    }
    writer_patch_i32(&writer, 2, (int32_t)count);
    writer_i32(&writer, -1);
    return writer_result(&writer);
}

/* "range:x,rr:y"; "many": more than are allowed. */
static void read_protocols(struct story_call *call, const char *text)
{
    struct join_group_request *in = &call->join_in;
    char copy[1024];
    char *state = NULL;
    in->protocols = arena_allocate_array(&call->arena, STORY_PROTOCOLS_MAX, sizeof *in->protocols);
    if (strcmp(text, "many") == 0) {
        for (; in->protocols_count <= CLASSIC_PROTOCOLS_MAX; in->protocols_count++) {
            snprintf(copy, sizeof copy, "p%u", in->protocols_count);
            in->protocols[in->protocols_count].name = story_text(call, copy);
            in->protocols[in->protocols_count].metadata = bytes_of_text("");
        }
        return;
    }
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, ",", &state); word != NULL;
         word = strtok_r(NULL, ",", &state)) {
        char *colon = strchr(word, ':');
        struct join_group_request_protocol *protocol = &in->protocols[in->protocols_count++];
        protocol->metadata = colon == NULL ? bytes_of_text("") : metadata_of(call, colon + 1);
        if (colon != NULL)
            *colon = 0;
        protocol->name = story_text(call, word);
    }
}

static void tell_join(struct group_story *story, const struct words *words)
{
    struct story_client *client = story_client(story, words->all[1]);
    struct story_call *call =
        story_call_new(story, client, GROUP_CALL_JOIN, (int16_t)number(words, "v", 9));
    struct join_group_request *in = &call->join_in;
    join_group_request_init(in);
    in->group_id = bytes_of_text("g");
    in->session_timeout_ms = number(words, "session", 10000);
    in->rebalance_timeout_ms = number(words, "rebalance", 60000);
    in->member_id = story_text(call, client->member_id);
    if (option(words, "id") != NULL)
        in->member_id =
            *option(words, "id") == 0 ? bytes_of_text("") : id_of(story, call, option(words, "id"));
    in->group_instance_id = text_option(call, words, "static", NULL);
    in->protocol_type = text_option(call, words, "type", "consumer");
    snprintf(client->instance_id, sizeof client->instance_id, "%s",
             option(words, "static") == NULL ? "" : option(words, "static"));
    read_protocols(call, option(words, "p") == NULL ? "range:x" : option(words, "p"));
    story_run(story, call);
}

static struct bytes instance_of(struct story_call *call, const struct words *words)
{
    const struct story_client *client = call->client;
    const char *otherwise = client->instance_id[0] == 0 ? NULL : client->instance_id;
    return text_option(call, words, "static", otherwise);
}

/* Words like "b=1,2" that name a client are assignments. */
static void read_assignments(struct group_story *story, struct story_call *call,
                             const struct words *words)
{
    struct sync_group_request *in = &call->sync_in;
    in->assignments = arena_allocate_array(&call->arena, WORDS_MAX, sizeof *in->assignments);
    for (uint32_t i = 2; i < words->count; i++) {
        char name[STORY_NAME_SIZE];
        const char *equals = strchr(words->all[i], '=');
        if (words->all[i][0] != '+')
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - words->all[i] - 1), words->all[i] + 1);
        in->assignments[in->assignments_count++] = (struct sync_group_request_assignment){
            .member_id = id_of(story, call, name), .assignment = story_text(call, equals + 1)};
    }
}

static void tell_sync(struct group_story *story, const struct words *words)
{
    struct story_client *client = story_client(story, words->all[1]);
    struct story_call *call =
        story_call_new(story, client, GROUP_CALL_SYNC, (int16_t)number(words, "v", 4));
    struct sync_group_request *in = &call->sync_in;
    sync_group_request_init(in);
    in->generation_id = number(words, "gen", client->generation);
    in->member_id =
        id_of(story, call, option(words, "id") == NULL ? client->name : option(words, "id"));
    in->group_instance_id = instance_of(call, words);
    in->protocol_type = text_option(call, words, "type", NULL);
    in->protocol_name = text_option(call, words, "name", NULL);
    read_assignments(story, call, words);
    story_run(story, call);
}

static void tell_beat(struct group_story *story, const struct words *words)
{
    struct story_client *client = story_client(story, words->all[1]);
    struct story_call *call = story_call_new(story, client, GROUP_CALL_HEARTBEAT, 4);
    struct heartbeat_request *in = &call->heartbeat_in;
    heartbeat_request_init(in);
    in->generation_id = number(words, "gen", client->generation);
    in->member_id =
        id_of(story, call, option(words, "id") == NULL ? client->name : option(words, "id"));
    in->group_instance_id = instance_of(call, words);
    story_run(story, call);
}

/* "leave a b/i /i v=5": a by itself, b with its instance id, whoever has the instance id. */
static void tell_leave(struct group_story *story, const struct words *words)
{
    struct story_client *client = story_client(story, words->count > 1 ? words->all[1] : "-");
    struct story_call *call =
        story_call_new(story, client, GROUP_CALL_LEAVE, (int16_t)number(words, "v", 5));
    struct leave_group_request *in = &call->leave_in;
    leave_group_request_init(in);
    in->members = arena_allocate_array(&call->arena, WORDS_MAX, sizeof *in->members);
    for (uint32_t i = 1; i < words->count; i++) {
        char *word = words->all[i];
        char *slash = strchr(word, '/');
        if (strchr(word, '=') != NULL)
            continue;
        struct leave_group_request_member *member = &in->members[in->members_count++];
        leave_group_request_member_init(member);
        if (slash != NULL) {
            member->group_instance_id = story_text(call, slash + 1);
            *slash = 0;
        }
        member->member_id = *word == 0 ? bytes_of_text("") : id_of(story, call, word);
    }
    if (call->join.call.version < 3 && in->members_count > 0)
        in->member_id = in->members[0].member_id;
    story_run(story, call);
}

/* --- Other events ----------------------------------------------------------------------------- */

static void tell_commit(struct group_story *story, const struct words *words)
{
    struct story_client *client = story_client(story, words->all[1]);
    const char *instance_id = option(words, "static");
    int16_t error_code = classic_check_commit(
        &story->group, &story->turn, bytes_of_text(client->member_id),
        instance_id == NULL ? (struct bytes){NULL, 0} : bytes_of_text(instance_id),
        number(words, "gen", client->generation));
    story_printf(story, "%s commit: %s\n", client->name, kafka_error_name(error_code));
}

/* The client's connection breaks: whatever waits for it is given up. */
static void tell_gone(struct group_story *story, const struct words *words)
{
    const struct story_client *client = story_client(story, words->all[1]);
    struct story_call *call;
    struct story_call *following;
    story->ids_made--;
    story_turn_begin(story);
    list_for_each_entry_safe (call, following, &story->calls, node) {
        if (call->client == client)
            classic_abandon(&story->group, &story->turn, &call->join.call);
    }
    story_turn_end(story);
}

static void tell_set(struct group_story *story, const struct words *words)
{
    struct group_settings *settings = &story->settings;
    settings->size_max = (uint32_t)number(words, "size", (int32_t)settings->size_max);
    settings->initial_rebalance_delay_ms =
        number(words, "delay", settings->initial_rebalance_delay_ms);
    story->turn.batch_bytes_max =
        (size_t)number(words, "batch", (int32_t)story->turn.batch_bytes_max);
    if (option(words, "memory") != NULL)
        story->memory.limit_bytes = story->memory.used_bytes + (size_t)number(words, "memory", 0);
    story->are_arenas_full = number(words, "arena", 1) == 0;
}

static void tell_describe(struct group_story *story, const struct words *words)
{
    struct arena arena;
    struct describe_groups_response_group out;
    arena_init(&arena, story->are_arenas_full ? 1 : 64u << 20);
    describe_groups_response_group_init(&out);
    if (classic_describe(&story->group, &arena, &out) != STATUS_OK) {
        story_printf(story, "no memory\n");
        arena_deinit(&arena);
        return;
    }
    story_printf(story, "%.*s type='%.*s' protocol='%.*s'", (int)out.group_state.size,
                 (const char *)out.group_state.data, (int)out.protocol_type.size,
                 (const char *)out.protocol_type.data, (int)out.protocol_data.size,
                 (const char *)out.protocol_data.data);
    for (uint32_t i = 0; i < out.members_count; i++) {
        const struct describe_groups_response_member *member = &out.members[i];
        story_printf(story, " [%.*s '%.*s' '%.*s' '%.*s']", (int)member->client_id.size,
                     (const char *)member->client_id.data, (int)member->client_host.size,
                     (const char *)member->client_host.data, (int)member->member_metadata.size,
                     (const char *)member->member_metadata.data,
                     (int)member->member_assignment.size,
                     (const char *)member->member_assignment.data);
    }
    story_printf(story, "\n");
    arena_deinit(&arena);
}

/* What the others ask of it. */
static void tell_view(struct group_story *story, const struct words *words)
{
    const struct classic_group *group = &story->group;
    struct bytes type = classic_protocol_type(group);
    story_printf(
        story, "members=%u pending=%u type='%.*s' %s since=%ld\n", group->member_count,
        group->pending_count, (int)type.size, (const char *)type.data,
        classic_is_empty(group) ? "empty" : "in use",
        (long)(classic_empty_since_ms(group) == -1 ? -1 : classic_empty_since_ms(group) - 5000000));
}

static void tell_subscribed(struct group_story *story, const struct words *words)
{
    bool is = classic_is_subscribed(&story->group, bytes_of_text(words->all[1]));
    story_printf(story, "%s\n", is ? "yes" : "no");
}

static void tell_wait(struct group_story *story, const struct words *words)
{
    story_wait(story, strtol(words->all[1], NULL, 10));
}

/* The process stands still for so long, and notices. */
static void tell_stall(struct group_story *story, const struct words *words)
{
    story->turn.now_ms += strtol(words->all[1], NULL, 10);
    story->ids_made--;
    story_turn_begin(story);
    classic_forgive(&story->group, &story->turn);
    story_turn_end(story);
}

static void tell_restart(struct group_story *story, const struct words *words)
{
    story_restart(story);
}

void group_story_event(struct group_story *story, const char *line)
{
    static const struct {
        const char *verb;
        void (*tell)(struct group_story *story, const struct words *words);
    } verbs[] = {
        {"join", tell_join},         {"sync", tell_sync},
        {"beat", tell_beat},         {"leave", tell_leave},
        {"commit", tell_commit},     {"gone", tell_gone},
        {"set", tell_set},           {"view", tell_view},
        {"describe", tell_describe}, {"subscribed", tell_subscribed},
        {"wait", tell_wait},         {"stall", tell_stall},
        {"restart", tell_restart},
    };
    struct words words;
    split(&words, line);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(words.all[0], verbs[i].verb) == 0) {
            verbs[i].tell(story, &words);
            return;
        }
    }
    fail_msg("a story does not know the event \"%s\"", line);
}

static void tell(void **state)
{
    const struct story *told = *state;
    static struct group_story story;
    group_story_begin(&story);
    for (const char *line = told->text; *line != 0;) {
        const char *end = strchr(line, '\n');
        char event[LINE_SIZE];
        snprintf(event, sizeof event, "%.*s", (int)(end - line), line);
        line = end + 1;
        if (event[0] != '>')
            continue;
        story_printf(&story, "%s\n", event);
        group_story_event(&story, event + 1);
    }
    if (strcmp(story.text, told->text) != 0)
        fail_msg("this came of it\n%s", story.text);
    group_story_end(&story);
}

int group_stories_run(const struct story *stories, size_t count)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = stories[i].name,
                                       .test_func = tell,
                                       .initial_state = (void *)(uintptr_t)&stories[i]};
    int failed = _cmocka_run_group_tests("stories", tests, count, NULL, NULL);
    free(tests);
    return failed;
}
