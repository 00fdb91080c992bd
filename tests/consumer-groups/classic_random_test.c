/* Classic groups in whatever order things happen: after every event the group must be sound, and
 * what its last record says must be what it is. */
#include "base/prng.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/group_story.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 7, SEEDS = 150, STEPS = 400 };

struct chaos {
    struct group_story story;
    struct prng prng;
    bool is_tight; /* memory runs out now and then; records may then be behind */
    /* How much of what is to be checked has happened at all, in all lives together. */
    uint64_t assignments;
    uint64_t generations;
};

/* --- What must hold --------------------------------------------------------------------------- */

struct tally {
    uint32_t members, statics, awaiting_join, owing, calls, offered;
};

static void check_member(const struct classic_group *group, const struct classic_member *member)
{
    assert_ptr_equal(classic_find_member(group, member->identity.member_id), member);
    if (classic_member_is_static(member))
        assert_ptr_equal(classic_find_static(group, member->identity.instance_id), member);
    if (member->awaits_join)
        assert_int_equal(group->state, CLASSIC_PREPARING_REBALANCE);
    if (member->awaits_sync)
        assert_int_equal(group->state, CLASSIC_COMPLETING_REBALANCE);
    assert_true(member->awaits_join || list_is_empty(&member->join_call));
    assert_true(member->awaits_sync || list_is_empty(&member->sync_call));
    assert_true(group_deadline_is_set(&member->session) || member->awaits_join ||
                member->awaits_sync);
}

static struct tally count_members(const struct classic_group *group)
{
    struct tally tally = {0};
    const struct classic_member *member;
    list_for_each_entry (member, &group->members, place) {
        check_member(group, member);
        tally.members++;
        tally.statics += classic_member_is_static(member);
        tally.awaiting_join += member->awaits_join;
        tally.owing += member->owes_sync;
        tally.calls += !list_is_empty(&member->join_call);
        tally.calls += !list_is_empty(&member->sync_call);
        tally.offered += member->offer->count;
    }
    return tally;
}

/* All that is offered is counted, and there is something that all can do. */
static void check_votes(const struct classic_group *group, const struct tally *tally)
{
    uint32_t supporters = 0;
    bool is_agreed = false;
    struct map_node *node;
    map_for_each (node, &group->votes.choices) {
        const struct classic_choice *choice = container_of(node, struct classic_choice, node);
        supporters += choice->supporters;
        is_agreed |= choice->supporters == tally->members;
        assert_true(choice->supporters > 0 || choice == group->votes.chosen);
    }
    assert_int_equal(supporters, tally->offered);
    assert_true(is_agreed || tally->members == 0);
}

static void check_sound(struct chaos *chaos)
{
    const struct classic_group *group = &chaos->story.group;
    struct tally tally = count_members(group);
    uint32_t calls = 0;
    const struct story_call *call;
    list_for_each_entry (call, &chaos->story.calls, node) {
        assert_true(list_node_is_linked(&call->join.call.node));
        calls++;
    }
    assert_int_equal(calls, tally.calls);
    assert_int_equal(group->member_count, tally.members);
    assert_int_equal(group->by_id.count, tally.members + group->pending_count);
    assert_int_equal(group->by_instance.count, tally.statics);
    assert_int_equal(group->awaiting_join_count, tally.awaiting_join);
    assert_int_equal(group->owing_sync_count, tally.owing);
    assert_int_equal(group->leader == NULL, tally.members == 0);
    assert_int_equal(group->join_deadline_ms != INT64_MAX,
                     group->state == CLASSIC_PREPARING_REBALANCE);
    assert_int_equal(group->sync_deadline_ms != INT64_MAX, tally.owing > 0);
    assert_true(tally.members == 0 || group->state != CLASSIC_EMPTY);
    assert_true(tally.members > 0 || group->state == CLASSIC_EMPTY ||
                group->state == CLASSIC_PREPARING_REBALANCE);
    assert_true(group->state == CLASSIC_EMPTY || group->state == CLASSIC_PREPARING_REBALANCE ||
                group->votes.chosen != NULL);
    check_votes(group, &tally);
}

/* --- What the record says --------------------------------------------------------------------- */

static void print_group(struct classic_group *group, char *text, size_t size)
{
    struct bytes name = classic_protocol_name(group);
    size_t at = (size_t)snprintf(
        text, size, "%s %d %.*s %.*s %ld", classic_state_name(group), group->generation,
        (int)group->protocol_type.size, (const char *)group->protocol_type.data, (int)name.size,
        (const char *)name.data, group->state == CLASSIC_EMPTY ? (long)group->state_since_ms : 0);
    const struct classic_member *member;
    list_for_each_entry (member, &group->members, place) {
        struct bytes metadata = classic_member_metadata(group, member);
        at += (size_t)snprintf(
            text + at, size - at, "\n%s%.*s %.*s %.*s %d %d %.*s %.*s",
            member == group->leader ? "*" : " ", (int)member->identity.member_id.size,
            (const char *)member->identity.member_id.data, (int)member->identity.instance_id.size,
            (const char *)member->identity.instance_id.data, (int)member->identity.client_id.size,
            (const char *)member->identity.client_id.data, member->session_timeout_ms,
            member->rebalance_timeout_ms, (int)metadata.size, (const char *)metadata.data,
            (int)member->assignment.size, (const char *)member->assignment.data);
        assert_true(at < size);
    }
}

static void check_record(struct chaos *chaos)
{
    struct group_story *story = &chaos->story;
    static char before[1 << 16];
    static char after[1 << 16];
    if (chaos->is_tight || bytes_are_null(story->record) ||
        (story->group.state != CLASSIC_STABLE &&
         (story->group.state != CLASSIC_EMPTY || story->group.generation == 0)))
        return;
    print_group(&story->group, before, sizeof before);
    struct arena arena;
    struct reader reader;
    struct group_metadata_value value;
    arena_init(&arena, 1u << 20);
    reader_init(&reader, story->record);
    int16_t version = reader_i16(&reader);
    assert_int_equal(group_metadata_value_decode(&reader, version, &arena, &value), STATUS_OK);
    struct classic_group restored;
    classic_init(&restored, story->group.id, &story->turn);
    assert_int_equal(classic_restore(&restored, &story->turn, &value), STATUS_OK);
    print_group(&restored, after, sizeof after);
    assert_string_equal(after, before);
    classic_deinit(&restored, &story->memory);
    arena_deinit(&arena);
}

/* --- What happens ----------------------------------------------------------------------------- */

static bool chance(struct chaos *chaos, uint32_t percent)
{
    return prng_chance(&chaos->prng, percent, 100);
}

static struct story_client *pick_client(struct chaos *chaos)
{
    char name[2] = {(char)('a' + prng_below(&chaos->prng, CLIENTS)), 0};
    return story_client(&chaos->story, name);
}

static void offer(struct chaos *chaos, struct story_call *call)
{
    static const char *const names[] = {"range", "rr", "sticky", "range"};
    static const char *const metadata[] = {"", "x", "y", "longer than the others"};
    struct join_group_request *in = &call->join_in;
    in->protocols = arena_allocate_array(&call->arena, 4, sizeof *in->protocols);
    uint64_t first = prng_below(&chaos->prng, 3);
    in->protocols_count = (uint32_t)prng_between(&chaos->prng, chance(chaos, 3) ? 0 : 2, 4);
    for (uint32_t i = 0; i < in->protocols_count; i++) {
        in->protocols[i].name = bytes_of_text(names[(first + i) % 4]);
        in->protocols[i].metadata = bytes_of_text(metadata[prng_below(&chaos->prng, 4)]);
    }
}

static void join(struct chaos *chaos, struct story_client *client)
{
    static const int16_t versions[] = {0, 3, 4, 5, 8, 9};
    struct story_call *call = story_call_new(&chaos->story, client, GROUP_CALL_JOIN,
                                             versions[prng_below(&chaos->prng, 6)]);
    struct join_group_request *in = &call->join_in;
    join_group_request_init(in);
    in->session_timeout_ms = (int32_t)prng_between(&chaos->prng, 5900, 30000);
    in->rebalance_timeout_ms = (int32_t)prng_between(&chaos->prng, 1, 60000);
    bool is_static = client->name[0] < 'd' && call->join.call.version >= 5;
    if (chance(chaos, is_static ? 50 : 85))
        in->member_id = story_text(call, client->member_id);
    /* Two clients for one instance id. */
    if (is_static)
        in->group_instance_id = bytes_of_text(client->name[0] == 'a' ? "i" : "j");
    snprintf(client->instance_id, sizeof client->instance_id, "%.*s",
             (int)in->group_instance_id.size, (const char *)in->group_instance_id.data);
    in->protocol_type = bytes_of_text(chance(chaos, 2) ? "connect" : "consumer");
    offer(chaos, call);
    story_run(&chaos->story, call);
}

/* Everybody's share names the generation, and the part of the id that a replacement keeps. */
static void share(struct story_call *call, struct chaos *chaos)
{
    struct sync_group_request *in = &call->sync_in;
    in->assignments = arena_allocate_array(&call->arena, CLIENTS, sizeof *in->assignments);
    for (uint32_t i = 0; i < chaos->story.client_count; i++) {
        const char *member_id = chaos->story.clients[i].member_id;
        char text[STORY_NAME_SIZE];
        if (member_id[0] == 0 || chance(chaos, 10))
            continue;
        snprintf(text, sizeof text, "%d/%c", in->generation_id, member_id[0]);
        in->assignments[in->assignments_count++] = (struct sync_group_request_assignment){
            .member_id = story_text(call, member_id), .assignment = story_text(call, text)};
    }
}

static void sync(struct chaos *chaos, struct story_client *client)
{
    struct story_call *call = story_call_new(&chaos->story, client, GROUP_CALL_SYNC, 4);
    sync_group_request_init(&call->sync_in);
    call->sync_in.member_id = story_text(call, client->member_id);
    call->sync_in.generation_id = client->generation - chance(chaos, 3);
    share(call, chaos);
    story_run(&chaos->story, call);
}

static void beat(struct chaos *chaos, struct story_client *client)
{
    struct story_call *call = story_call_new(&chaos->story, client, GROUP_CALL_HEARTBEAT, 4);
    heartbeat_request_init(&call->heartbeat_in);
    call->heartbeat_in.member_id = story_text(call, client->member_id);
    call->heartbeat_in.generation_id = client->generation;
    story_run(&chaos->story, call);
}

static void leave(struct chaos *chaos, struct story_client *client)
{
    struct story_call *call = story_call_new(&chaos->story, client, GROUP_CALL_LEAVE, 5);
    struct leave_group_request *in = &call->leave_in;
    leave_group_request_init(in);
    in->members = arena_allocate_array(&call->arena, 2, sizeof *in->members);
    in->members_count = 1 + chance(chaos, 20);
    for (uint32_t i = 0; i < in->members_count; i++) {
        leave_group_request_member_init(&in->members[i]);
        in->members[i].member_id = story_text(call, pick_client(chaos)->member_id);
        if (chance(chaos, 20))
            in->members[i].group_instance_id = bytes_of_text(chance(chaos, 50) ? "i" : "j");
    }
    story_run(&chaos->story, call);
}

/* All in a row, so that groups also come to something. */
static void all(struct chaos *chaos, void (*one)(struct chaos *chaos, struct story_client *client))
{
    for (uint32_t i = 0; i < chaos->story.client_count; i++)
        one(chaos, &chaos->story.clients[i]);
}

static void squeeze(struct chaos *chaos)
{
    size_t spare = chance(chaos, 50) ? prng_below(&chaos->prng, 900) : 64u << 20;
    if (chaos->is_tight)
        chaos->story.memory.limit_bytes = chaos->story.memory.used_bytes + spare;
}

static void happen(struct chaos *chaos)
{
    struct group_story *story = &chaos->story;
    struct story_client *client = pick_client(chaos);
    uint64_t what = prng_below(&chaos->prng, 100);
    char line[STORY_NAME_SIZE + 16];
    squeeze(chaos);
    if (what < 30) {
        join(chaos, client);
    } else if (what < 35) {
        all(chaos, join);
    } else if (what < 55) {
        sync(chaos, client);
    } else if (what < 65) {
        all(chaos, sync);
    } else if (what < 75) {
        beat(chaos, client);
    } else if (what < 80) {
        leave(chaos, client);
    } else if (what < 95) {
        story_wait(story, (int64_t)prng_below(&chaos->prng, chance(chaos, 10) ? 40000 : 4000));
    } else if (what < 98) {
        snprintf(line, sizeof line, "%s %s", chance(chaos, 50) ? "gone" : "commit", client->name);
        group_story_event(story, line);
    } else if (what < 99) {
        group_story_event(story, "stall 60000");
    } else if (!chaos->is_tight) {
        story_restart(story);
    }
}

/* An assignment is of the generation in which it is given out, and its receiver's. */
static void look_at_answer(struct group_story *story, const struct story_call *call)
{
    struct chaos *chaos = container_of(story, struct chaos, story);
    char text[STORY_NAME_SIZE];
    struct bytes assignment = call->sync.out.assignment;
    if (call->kind != GROUP_CALL_SYNC || assignment.size == 0)
        return;
    assert_int_equal(call->sync.out.error_code, KAFKA_NONE);
    snprintf(text, sizeof text, "%d/%c", story->group.generation, call->sync_in.member_id.data[0]);
    assert_true(bytes_equal_text(assignment, text));
    assert_int_equal(call->sync_in.generation_id, story->group.generation);
    chaos->assignments++;
}

static void live(struct chaos *chaos, uint64_t seed)
{
    chaos->is_tight = seed % 3 == 0;
    prng_init(&chaos->prng, seed);
    group_story_begin(&chaos->story);
    chaos->story.is_silent = true;
    chaos->story.answered = look_at_answer;
    chaos->story.settings.size_max = (uint32_t)prng_between(&chaos->prng, 2, 8);
    for (uint32_t step = 0; step < STEPS; step++) {
        happen(chaos);
        check_sound(chaos);
        check_record(chaos);
    }
    chaos->generations += (uint64_t)chaos->story.group.generation;
    /* Nobody does anything any more: all are answered, and all go. */
    chaos->story.memory.limit_bytes = 64u << 20;
    story_wait(&chaos->story, 4000000);
    assert_true(list_is_empty(&chaos->story.calls));
    assert_true(classic_is_empty(&chaos->story.group));
    group_story_end(&chaos->story);
}

/* Whatever happens, the group is sound, no call is lost, and its record says what it is. And
 * enough does happen: a group that never comes to rest would be sound in every life. */
static void test_anything_may_happen(void **state)
{
    static uint64_t seed;
    static struct chaos chaos;
    uint64_t lives = 0;
    const char *wanted = getenv("SEED");
    uint64_t last = wanted == NULL ? SEEDS : strtoull(wanted, NULL, 10);
    *state = &seed;
    for (seed = wanted == NULL ? 1 : last; seed <= last; seed++, lives++)
        live(&chaos, seed);
    if (wanted == NULL) {
        assert_true(chaos.generations > 2 * lives);
        assert_true(chaos.assignments > 2 * lives);
    }
    *state = NULL;
}

static int name_seed(void **state)
{
    if (*state != NULL)
        print_message("again: SEED=%lu\n", (unsigned long)*(const uint64_t *)*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_anything_may_happen, name_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
