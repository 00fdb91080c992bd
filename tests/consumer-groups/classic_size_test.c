/* Large classic groups: the work must grow with the members, not with their square. Work is counted
 * as members looked at, not measured, so that the test says the same on every machine. */
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/group_story.h"

#include <stdio.h>
#include <stdlib.h>

static void join(struct group_story *story, uint32_t index)
{
    struct story_client *client = &story->clients[index];
    struct story_call *call = story_call_new(story, client, GROUP_CALL_JOIN, 9);
    struct join_group_request_protocol *protocols =
        arena_allocate_array(&call->arena, 2, sizeof *protocols);
    protocols[0] = (struct join_group_request_protocol){bytes_of_text("range"), bytes_of_text("x")};
    protocols[1] = (struct join_group_request_protocol){bytes_of_text("rr"), bytes_of_text("y")};
    join_group_request_init(&call->join_in);
    call->join_in.session_timeout_ms = 45000;
    call->join_in.rebalance_timeout_ms = 300000;
    call->join_in.member_id = story_text(call, client->member_id);
    call->join_in.protocol_type = bytes_of_text("consumer");
    call->join_in.protocols = protocols;
    call->join_in.protocols_count = 2;
    story_run(story, call);
}

static void sync(struct group_story *story, uint32_t index, uint32_t count)
{
    struct story_client *client = &story->clients[index];
    struct story_call *call = story_call_new(story, client, GROUP_CALL_SYNC, 4);
    struct sync_group_request *in = &call->sync_in;
    sync_group_request_init(in);
    in->generation_id = client->generation;
    in->member_id = story_text(call, client->member_id);
    in->assignments = arena_allocate_array(&call->arena, count + 1, sizeof *in->assignments);
    for (; in->assignments_count < count; in->assignments_count++)
        in->assignments[in->assignments_count] = (struct sync_group_request_assignment){
            .member_id = story_text(call, story->clients[in->assignments_count].member_id),
            .assignment = bytes_of_text("share")};
    story_run(story, call);
}

static void beat(struct group_story *story, uint32_t index)
{
    struct story_call *call =
        story_call_new(story, &story->clients[index], GROUP_CALL_HEARTBEAT, 4);
    heartbeat_request_init(&call->heartbeat_in);
    call->heartbeat_in.generation_id = story->clients[index].generation;
    call->heartbeat_in.member_id = story_text(call, story->clients[index].member_id);
    story_run(story, call);
    assert_int_equal(story->clients[index].generation, story->group.generation);
}

static void become_stable(struct group_story *story, uint32_t count)
{
    assert_int_equal(story->group.state, CLASSIC_COMPLETING_REBALANCE);
    assert_int_equal(story->group.member_count, count);
    for (uint32_t i = count - 1; i > 0; i--)
        sync(story, i, 0);
    sync(story, 0, count);
    assert_int_equal(story->group.state, CLASSIC_STABLE);
    assert_true(list_is_empty(&story->calls));
}

/* Answers how many members have been looked at. */
static uint64_t form_and_rebalance(uint32_t count)
{
    static struct group_story story;
    group_story_begin(&story);
    story.is_silent = true;
    story.client_count = count + 1;
    for (uint32_t i = 0; i <= count; i++)
        snprintf(story.clients[i].name, sizeof story.clients[i].name, "client-%u", i);
    for (uint32_t i = 0; i < count; i++)
        join(&story, i);
    for (uint32_t i = 0; i < count; i++)
        join(&story, i);
    story_wait(&story, 3000);
    story_wait(&story, 3000);
    become_stable(&story, count);

    uint64_t before = story.group.visit_count;
    for (uint32_t i = 0; i < count; i++)
        beat(&story, i);
    assert_int_equal(story.group.visit_count, before);

    /* One more; all join again. */
    join(&story, count);
    join(&story, count);
    for (uint32_t i = 0; i < count; i++)
        join(&story, i);
    become_stable(&story, count + 1);
    story_wait(&story, 40000);
    uint64_t visits = story.group.visit_count;
    group_story_end(&story);
    return visits;
}

/* Two thousand members who join at once, assign, and rebalance when one more comes cost each as
 * much as five hundred do. */
static void test_work_grows_with_the_members(void **state)
{
    uint64_t few = form_and_rebalance(500);
    uint64_t many = form_and_rebalance(2000);
    assert_in_range(few, 500, 500 * 40);
    assert_in_range(many, few * 4 - 100, few * 4 + 100);
}

/* So many ids are given out, and no more, until some have been used or forgotten. */
static void test_ids_given_out_are_bounded(void **state)
{
    static struct group_story story;
    group_story_begin(&story);
    story.is_silent = true;
    struct story_client *client = story_client(&story, "a");
    for (uint32_t i = 0; i < CLASSIC_PENDING_MAX + 10; i++) {
        client->member_id[0] = 0;
        join(&story, 0);
    }
    assert_int_equal(story.group.pending_count, CLASSIC_PENDING_MAX);
    assert_int_equal(client->member_id[0], 0);
    story_wait(&story, 45000);
    assert_int_equal(story.group.pending_count, 0);
    group_story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_grows_with_the_members),
        cmocka_unit_test(test_ids_given_out_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
