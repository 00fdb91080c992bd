/* The checkers of the groups' story: what keeps a promise passes, what breaks one is named. */
#include "sim/group_audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GROUP = 1, PARTITION = 3, TOPIC = PARTITION / GROUP_TOPIC_PARTITIONS, ALICE = 0, BOB = 1 };

static const struct group_place here = {.group = GROUP, .partition = PARTITION};
static const struct uuid old_topic = {{1}};
static const struct uuid new_topic = {{2}};

struct fixture {
    struct verdict verdict;
    struct group_audit audit;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    group_audit_init(&f->audit, &f->verdict);
    *state = f;
    return f == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    group_audit_deinit(&f->audit);
    free(f);
    return 0;
}

static void assert_good(const struct fixture *f)
{
    assert_int_equal(f->verdict.outcome, OUTCOME_GOOD);
}

static void assert_broken(const struct fixture *f, const char *promise)
{
    assert_int_equal(f->verdict.outcome, OUTCOME_UNSAFE);
    assert_non_null(strstr(f->verdict.reason, promise));
}

/* --- Offsets ---------------------------------------------------------------------------------- */

static int64_t commit(struct fixture *f)
{
    return group_audit_commit(&f->audit, &here, false);
}

static int64_t commit_acked(struct fixture *f)
{
    int64_t offset = commit(f);
    group_audit_committed(&f->audit, offset, ALICE, false);
    return offset;
}

static void fetch(struct fixture *f, int64_t answer)
{
    struct group_snapshot snapshot;
    group_audit_snapshot(&f->audit, GROUP, &snapshot);
    group_audit_fetched(&f->audit, &here, &snapshot, answer);
}

/* Nothing was acknowledged, so there may be nothing. */
static void none_before_the_first_acknowledgement(void **state)
{
    commit(*state);
    fetch(*state, GROUP_OFFSET_NONE);
    assert_good(*state);
}

static void none_after_an_acknowledgement_is_named(void **state)
{
    commit_acked(*state);
    fetch(*state, GROUP_OFFSET_NONE);
    assert_broken(*state, "but a commit was acknowledged");
}

/* A commit whose answer was lost may take effect at any time, or never. */
static void commit_without_an_answer_may_be_fetched_or_not(void **state)
{
    int64_t lost = commit(*state);
    int64_t acked = commit_acked(*state);
    fetch(*state, lost);
    fetch(*state, acked);
    assert_good(*state);
}

/* The fetch was asked before the second commit was acknowledged: both answers are right. */
static void fetch_beside_a_commit_may_see_either(void **state)
{
    struct fixture *f = *state;
    struct group_snapshot snapshot;
    int64_t first = commit_acked(f);
    group_audit_snapshot(&f->audit, GROUP, &snapshot);
    int64_t second = commit_acked(f);
    group_audit_fetched(&f->audit, &here, &snapshot, first);
    group_audit_fetched(&f->audit, &here, &snapshot, second);
    assert_good(f);
}

static void replaced_offset_is_named(void **state)
{
    int64_t first = commit_acked(*state);
    commit_acked(*state);
    fetch(*state, first);
    assert_broken(*state, "which was replaced");
}

static void refused_offset_is_named(void **state)
{
    struct fixture *f = *state;
    int64_t offset = commit(f);
    group_audit_refused(&f->audit, offset);
    fetch(f, offset);
    assert_broken(f, "which was refused");
}

static void offset_that_nobody_committed_is_named(void **state)
{
    fetch(*state, 7);
    assert_broken(*state, "nobody has committed");
}

static void offset_of_another_partition_is_named(void **state)
{
    struct fixture *f = *state;
    const struct group_place elsewhere = {.group = GROUP, .partition = PARTITION + 1};
    fetch(f, group_audit_commit(&f->audit, &elsewhere, false));
    assert_broken(f, "belongs elsewhere");
}

static void commit_of_who_was_fenced_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_committed(&f->audit, commit(f), ALICE, true);
    assert_broken(f, "fenced:");
}

/* --- What takes offsets away ------------------------------------------------------------------ */

static void delete_group(struct fixture *f, bool is_done)
{
    uint64_t asked_at = group_audit_delete(&f->audit, GROUP);
    group_audit_deleted(&f->audit, GROUP, asked_at, is_done);
}

static void deleted_group_has_nothing(void **state)
{
    commit_acked(*state);
    delete_group(*state, true);
    fetch(*state, GROUP_OFFSET_NONE);
    assert_good(*state);
}

static void offset_of_a_deleted_group_is_named(void **state)
{
    int64_t offset = commit_acked(*state);
    delete_group(*state, true);
    fetch(*state, offset);
    assert_broken(*state, "which was replaced");
}

static void none_after_the_first_commit_behind_a_deletion_is_named(void **state)
{
    commit_acked(*state);
    delete_group(*state, true);
    commit_acked(*state);
    fetch(*state, GROUP_OFFSET_NONE);
    assert_broken(*state, "but a commit was acknowledged");
}

static void deletion_that_was_refused_takes_nothing(void **state)
{
    commit_acked(*state);
    delete_group(*state, false);
    fetch(*state, GROUP_OFFSET_NONE);
    assert_broken(*state, "but a commit was acknowledged");
}

/* Nobody knows whether it was carried out, before or after the commit. */
static void deletion_without_an_answer_allows_both(void **state)
{
    struct fixture *f = *state;
    group_audit_delete(&f->audit, GROUP);
    int64_t offset = commit_acked(f);
    fetch(f, offset);
    fetch(f, GROUP_OFFSET_NONE);
    assert_good(f);
}

static void what_expires_may_be_gone_until_it_is_replaced(void **state)
{
    struct fixture *f = *state;
    group_audit_committed(&f->audit, group_audit_commit(&f->audit, &here, true), ALICE, false);
    fetch(f, GROUP_OFFSET_NONE);
    assert_good(f);
    commit_acked(f);
    fetch(f, GROUP_OFFSET_NONE);
    assert_broken(f, "but a commit was acknowledged");
}

/* --- Topics that come and go ------------------------------------------------------------------ */

static int64_t commit_to(struct fixture *f, struct uuid topic_id)
{
    const struct group_place place = {GROUP, PARTITION, topic_id};
    int64_t offset = group_audit_commit(&f->audit, &place, false);
    group_audit_committed(&f->audit, offset, ALICE, false);
    return offset;
}

static void fetch_from(struct fixture *f, struct uuid topic_id, int64_t answer)
{
    struct group_snapshot snapshot;
    const struct group_place place = {GROUP, PARTITION, topic_id};
    group_audit_snapshot(&f->audit, GROUP, &snapshot);
    group_audit_fetched(&f->audit, &place, &snapshot, answer);
}

static void topic_is_made_anew(struct fixture *f)
{
    group_audit_topic_doomed(&f->audit, TOPIC, old_topic);
    group_audit_topic_seen(&f->audit, TOPIC, new_topic);
}

static void offsets_go_with_their_topic(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    commit_to(f, old_topic);
    topic_is_made_anew(f);
    fetch_from(f, new_topic, GROUP_OFFSET_NONE);
    fetch_from(f, new_topic, commit_to(f, new_topic));
    assert_good(f);
}

static void offset_of_a_deleted_topic_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    int64_t offset = commit_to(f, old_topic);
    topic_is_made_anew(f);
    fetch_from(f, new_topic, offset);
    assert_broken(f, "for a topic that was deleted");
}

/* By the name alone: it was acknowledged before the deletion was asked for. */
static void named_offset_of_a_deleted_topic_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    int64_t offset = commit_acked(f);
    topic_is_made_anew(f);
    fetch(f, offset);
    assert_broken(f, "for a topic that was deleted");
}

/* The deletion may have come between the two. */
static void doomed_topic_keeps_no_promise(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    int64_t offset = commit_acked(f);
    group_audit_topic_doomed(&f->audit, TOPIC, old_topic);
    fetch(f, GROUP_OFFSET_NONE);
    fetch(f, offset);
    assert_good(f);
}

static void none_for_the_new_topic_after_a_commit_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    topic_is_made_anew(f);
    commit_to(f, new_topic);
    fetch(f, GROUP_OFFSET_NONE);
    assert_broken(f, "but a commit was acknowledged");
}

static void topic_that_nobody_deleted_and_has_another_id_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    group_audit_topic_seen(&f->audit, TOPIC, old_topic);
    assert_good(f);
    group_audit_topic_seen(&f->audit, TOPIC, new_topic);
    assert_broken(f, "topics:");
}

/* --- Owners ----------------------------------------------------------------------------------- */

static void tell(struct fixture *f, uint32_t member)
{
    uint64_t asked_at = group_audit_asks(&f->audit);
    group_audit_told(&f->audit, &here, member, asked_at);
}

static void hear_alive(struct fixture *f, uint32_t member)
{
    uint64_t asked_at = group_audit_asks(&f->audit);
    group_audit_alive(&f->audit, GROUP, member, asked_at);
}

/* One who has been put out does not know it until he asks. */
static void partition_may_be_taken_from_who_is_silent(void **state)
{
    tell(*state, ALICE);
    tell(*state, BOB);
    hear_alive(*state, BOB);
    assert_good(*state);
}

static void owner_who_is_alive_beside_another_is_named(void **state)
{
    tell(*state, ALICE);
    tell(*state, BOB);
    hear_alive(*state, ALICE);
    assert_broken(*state, "owner:");
}

static void commit_beside_another_owner_is_named(void **state)
{
    tell(*state, ALICE);
    tell(*state, BOB);
    commit_acked(*state);
    assert_broken(*state, "owner:");
}

static void partition_that_was_given_up_is_free(void **state)
{
    struct fixture *f = *state;
    tell(f, ALICE);
    group_audit_released(&f->audit, GROUP, ALICE, PARTITION);
    tell(f, BOB);
    hear_alive(f, ALICE);
    assert_good(f);
}

/* What was asked before the other one was told was answered before, perhaps. */
static void old_answer_is_no_sign_of_life(void **state)
{
    struct fixture *f = *state;
    tell(f, ALICE);
    uint64_t asked_at = group_audit_asks(&f->audit);
    tell(f, BOB);
    group_audit_alive(&f->audit, GROUP, ALICE, asked_at);
    assert_good(f);
}

/* The other one was told first, has been put out since, and hears of the former only now. */
static void late_answer_makes_no_rival(void **state)
{
    struct fixture *f = *state;
    uint64_t asked_at = group_audit_asks(&f->audit);
    tell(f, ALICE);
    group_audit_told(&f->audit, &here, BOB, asked_at);
    hear_alive(f, ALICE);
    assert_good(f);
}

/* The same partition of another topic of that name. */
static void owner_of_a_deleted_topic_is_no_rival(void **state)
{
    struct fixture *f = *state;
    const struct group_place former = {GROUP, PARTITION, old_topic};
    const struct group_place present = {GROUP, PARTITION, new_topic};
    group_audit_told(&f->audit, &former, ALICE, group_audit_asks(&f->audit));
    group_audit_told(&f->audit, &present, BOB, group_audit_asks(&f->audit));
    hear_alive(f, ALICE);
    assert_good(f);
}

static void all_is_shared_out_when_each_has_one_owner(void **state)
{
    struct fixture *f = *state;
    uint32_t partition;
    for (uint32_t i = 0; i < GROUP_PARTITIONS; i++) {
        const struct group_place place = {.group = GROUP, .partition = i};
        assert_false(group_audit_is_shared_out(&f->audit, GROUP, &partition));
        assert_int_equal(partition, i);
        group_audit_told(&f->audit, &place, i % 2, group_audit_asks(&f->audit));
    }
    assert_true(group_audit_is_shared_out(&f->audit, GROUP, &partition));
    tell(f, ALICE);
    tell(f, BOB);
    assert_false(group_audit_is_shared_out(&f->audit, GROUP, &partition));
    assert_int_equal(partition, PARTITION);
}

/* --- Plans ------------------------------------------------------------------------------------ */

/* A leader whose plan was never told may have been another one's of the same number. */
static void plan_that_was_never_told_does_not_count(void **state)
{
    struct fixture *f = *state;
    group_audit_plan(&f->audit, GROUP, 5);
    uint64_t told = group_audit_plan(&f->audit, GROUP, 5);
    group_audit_plan_told(&f->audit, GROUP, 5, told);
    group_audit_plan_told(&f->audit, GROUP, 5, told);
    assert_good(f);
}

static void second_plan_of_a_generation_is_named(void **state)
{
    struct fixture *f = *state;
    uint64_t first = group_audit_plan(&f->audit, GROUP, 5);
    uint64_t second = group_audit_plan(&f->audit, GROUP, 5);
    group_audit_plan_told(&f->audit, GROUP, 5, first);
    group_audit_plan_told(&f->audit, GROUP, 5, second);
    assert_broken(f, "plan:");
}

static void plan_of_another_generation_is_named(void **state)
{
    struct fixture *f = *state;
    uint64_t former = group_audit_plan(&f->audit, GROUP, 4);
    group_audit_plan_told(&f->audit, GROUP, 5, former);
    assert_broken(f, "plan:");
}

/* All members had gone, and with them the group. */
static void generations_may_begin_anew(void **state)
{
    struct fixture *f = *state;
    group_audit_plan_told(&f->audit, GROUP, 2, group_audit_plan(&f->audit, GROUP, 2));
    group_audit_joined(&f->audit, GROUP, 1);
    group_audit_plan_told(&f->audit, GROUP, 2, group_audit_plan(&f->audit, GROUP, 2));
    assert_good(f);
}

static uint64_t plan_of_two(struct fixture *f)
{
    return group_audit_plan(&f->audit, GROUP, 2);
}

static void tell_plan_of_two(struct fixture *f, uint64_t plan)
{
    group_audit_plan_told(&f->audit, GROUP, 2, plan);
}

/* The first generation of the new group was there, and nobody has heard of it. */
static void plan_of_a_group_made_anew_is_another_one(void **state)
{
    struct fixture *f = *state;
    uint64_t former = plan_of_two(f);
    tell_plan_of_two(f, former);
    delete_group(f, true);
    uint64_t later = plan_of_two(f);
    tell_plan_of_two(f, later);
    tell_plan_of_two(f, former); /* on its way for long */
    tell_plan_of_two(f, later);
    assert_good(f);
}

static void deletion_that_nobody_knows_of_may_have_been(void **state)
{
    struct fixture *f = *state;
    tell_plan_of_two(f, plan_of_two(f));
    group_audit_delete(&f->audit, GROUP);
    tell_plan_of_two(f, plan_of_two(f));
    assert_good(f);
}

static void deletion_excuses_no_plans_on_one_side_of_it(void **state)
{
    struct fixture *f = *state;
    uint64_t first = plan_of_two(f);
    uint64_t second = plan_of_two(f);
    tell_plan_of_two(f, first);
    delete_group(f, true);
    tell_plan_of_two(f, second);
    assert_broken(f, "plan:");
}

static void second_plan_after_a_deletion_is_named(void **state)
{
    struct fixture *f = *state;
    tell_plan_of_two(f, plan_of_two(f));
    delete_group(f, true);
    tell_plan_of_two(f, plan_of_two(f));
    tell_plan_of_two(f, plan_of_two(f));
    assert_broken(f, "plan:");
}

static void deletion_that_was_refused_excuses_nothing(void **state)
{
    struct fixture *f = *state;
    tell_plan_of_two(f, plan_of_two(f));
    delete_group(f, false);
    tell_plan_of_two(f, plan_of_two(f));
    assert_broken(f, "plan:");
}

static void member_without_a_part_is_named(void **state)
{
    struct fixture *f = *state;
    group_audit_plan_lacks(&f->audit, GROUP, 5);
    assert_broken(f, "did not know of a member");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(none_before_the_first_acknowledgement),
        CASE(none_after_an_acknowledgement_is_named),
        CASE(commit_without_an_answer_may_be_fetched_or_not),
        CASE(fetch_beside_a_commit_may_see_either),
        CASE(replaced_offset_is_named),
        CASE(refused_offset_is_named),
        CASE(offset_that_nobody_committed_is_named),
        CASE(offset_of_another_partition_is_named),
        CASE(commit_of_who_was_fenced_is_named),
        CASE(deleted_group_has_nothing),
        CASE(offset_of_a_deleted_group_is_named),
        CASE(none_after_the_first_commit_behind_a_deletion_is_named),
        CASE(deletion_that_was_refused_takes_nothing),
        CASE(deletion_without_an_answer_allows_both),
        CASE(what_expires_may_be_gone_until_it_is_replaced),
        CASE(offsets_go_with_their_topic),
        CASE(offset_of_a_deleted_topic_is_named),
        CASE(named_offset_of_a_deleted_topic_is_named),
        CASE(doomed_topic_keeps_no_promise),
        CASE(none_for_the_new_topic_after_a_commit_is_named),
        CASE(topic_that_nobody_deleted_and_has_another_id_is_named),
        CASE(partition_may_be_taken_from_who_is_silent),
        CASE(owner_who_is_alive_beside_another_is_named),
        CASE(commit_beside_another_owner_is_named),
        CASE(partition_that_was_given_up_is_free),
        CASE(old_answer_is_no_sign_of_life),
        CASE(late_answer_makes_no_rival),
        CASE(owner_of_a_deleted_topic_is_no_rival),
        CASE(all_is_shared_out_when_each_has_one_owner),
        CASE(plan_that_was_never_told_does_not_count),
        CASE(second_plan_of_a_generation_is_named),
        CASE(plan_of_another_generation_is_named),
        CASE(generations_may_begin_anew),
        CASE(plan_of_a_group_made_anew_is_another_one),
        CASE(deletion_that_nobody_knows_of_may_have_been),
        CASE(deletion_excuses_no_plans_on_one_side_of_it),
        CASE(second_plan_after_a_deletion_is_named),
        CASE(deletion_that_was_refused_excuses_nothing),
        CASE(member_without_a_part_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
