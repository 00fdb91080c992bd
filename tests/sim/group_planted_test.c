/* Mistakes planted into the coordinator of groups, and found by the checkers of the groups' story:
 * each is a function that the linker puts in the place of the right one (-Wl,--wrap), and does as
 * that one does unless its mistake is the planted one. */
#include "consumer-groups/classic_answer.h"
#include "consumer-groups/classic_member.h"
#include "consumer-groups/consumer_reconcile.h"
#include "consumer-groups/group_core.h"
#include "consumer-groups/group_migration.h"
#include "consumer-groups/group_offsets_core.h"
#include "consumer-groups/group_shard.h"
#include "protocol/errors.h"
#include "replication/partition.h"
#include "sim/group_story.h"
#include "sim/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_COUNT = 100 };

enum mistake {
    MISTAKE_NONE,
    MISTAKE_NOTHING_WHILE_LOADING,
    MISTAKE_TAKE_FENCED,
    MISTAKE_ACK_EARLY,
    MISTAKE_LOSE_MEMBER,
    MISTAKE_GIVE_EARLY,
    MISTAKE_TAKE_FORMER_INSTANCE,
    MISTAKE_OFFSETS_BY_NAME,
    MISTAKE_LOSE_IN_DOWNGRADE,
    MISTAKE_LOSE_TOMBSTONES,
    MISTAKE_EXPIRE_WHAT_IS_READ,
};

/* Runs are children of this process, one after the other. */
static enum mistake *planted(void)
{
    static enum mistake mistake;
    return &mistake;
}

/* --- While it loads, a coordinator answers from what it has: nothing -------------------------- */

void __real_group_shard_serve(struct group_shard *shard, struct group_call *call);
void __wrap_group_shard_serve(struct group_shard *shard, struct group_call *call);

static void answer_from_nothing(struct group_shard *shard, struct group_call *call)
{
    struct offset_fetch_call *fetch = container_of(call, struct offset_fetch_call, call);
    struct group_table table;
    struct group_turn turn = {.settings = shard->options.settings,
                              .image = shard->options.replicas->image,
                              .memory = shard->options.memory};
    list_node_init(&call->node);
    list_init(&turn.answered);
    group_table_init(&table, (struct hash_seed){{1, 2}});
    group_offsets_fetch(&table, &turn, fetch);
    group_table_deinit(&table, shard->options.memory);
    assert_ptr_equal(list_pop_front(&turn.answered), &call->node);
    call->is_answered = true;
    io_land(shard->options.io, call->done, STATUS_OK);
}

void __wrap_group_shard_serve(struct group_shard *shard, struct group_call *call)
{
    if (*planted() == MISTAKE_NOTHING_WHILE_LOADING && shard->state == GROUP_SHARD_LOADING &&
        call->kind == GROUP_CALL_FETCH)
        answer_from_nothing(shard, call);
    else
        __real_group_shard_serve(shard, call);
}

/* --- Everybody may commit --------------------------------------------------------------------- */

int16_t __real_group_check_commit(struct group *group, struct group_turn *turn,
                                  const struct offset_commit_call *commit,
                                  const struct consumer_member **late);
int16_t __wrap_group_check_commit(struct group *group, struct group_turn *turn,
                                  const struct offset_commit_call *commit,
                                  const struct consumer_member **late);

int16_t __wrap_group_check_commit(struct group *group, struct group_turn *turn,
                                  const struct offset_commit_call *commit,
                                  const struct consumer_member **late)
{
    int16_t error_code = __real_group_check_commit(group, turn, commit, late);
    if (*planted() != MISTAKE_TAKE_FENCED)
        return error_code;
    *late = NULL;
    return 0;
}

/* --- Answers leave while the records are on their way to the disk ----------------------------- */

void __real_partition_append(struct partition *partition, struct partition_append *append);
void __wrap_partition_append(struct partition *partition, struct partition_append *append);

struct lonely_append {
    struct partition_append append;
    uint8_t batch[];
};

static void nobody_waits(struct completion *completion, int32_t result)
{
    struct partition_append *append = container_of(completion, struct partition_append, completion);
    free(container_of(append, struct lonely_append, append));
}

static void append_alone(struct partition *partition, const struct partition_append *append)
{
    size_t size = append->append.batch.size;
    struct lonely_append *lonely = calloc(1, sizeof *lonely + size);
    assert_non_null(lonely);
    memcpy(lonely->batch, append->append.batch.data, size);
    lonely->append.append.batch = bytes_of(lonely->batch, size);
    lonely->append.append.now_ms = append->append.now_ms;
    lonely->append.wait_committed = append->wait_committed;
    completion_init(&lonely->append.completion, nobody_waits);
    __real_partition_append(partition, &lonely->append);
}

void __wrap_partition_append(struct partition *partition, struct partition_append *append)
{
    if (*planted() != MISTAKE_ACK_EARLY) {
        __real_partition_append(partition, append);
        return;
    }
    append_alone(partition, append);
    io_land(partition->io, &append->completion, STATUS_OK);
}

/* --- Of those who have joined, the leader is not told of the last ----------------------------- */

void __real_classic_answer_join(struct classic_group *group, struct group_turn *turn,
                                struct join_group_call *call, const struct classic_member *member,
                                enum classic_answer_part part);
void __wrap_classic_answer_join(struct classic_group *group, struct group_turn *turn,
                                struct join_group_call *call, const struct classic_member *member,
                                enum classic_answer_part part);

void __wrap_classic_answer_join(struct classic_group *group, struct group_turn *turn,
                                struct join_group_call *call, const struct classic_member *member,
                                enum classic_answer_part part)
{
    __real_classic_answer_join(group, turn, call, member, part);
    if (*planted() == MISTAKE_LOSE_MEMBER && call->out.members_count > 1)
        call->out.members_count--;
}

/* --- A partition is given away before its owner has given it up ------------------------------- */

int32_t __real_partition_owners_epoch(const struct partition_owners *owners, struct uuid topic_id,
                                      int32_t partition);
int32_t __wrap_partition_owners_epoch(const struct partition_owners *owners, struct uuid topic_id,
                                      int32_t partition);

int32_t __wrap_partition_owners_epoch(const struct partition_owners *owners, struct uuid topic_id,
                                      int32_t partition)
{
    if (*planted() == MISTAKE_GIVE_EARLY)
        return -1; /* nobody's */
    return __real_partition_owners_epoch(owners, topic_id, partition);
}

/* --- A process goes on although another one has come in the place of its instance ------------- */

int16_t __real_classic_validate(const struct classic_group *group, struct bytes member_id,
                                struct bytes instance_id, struct classic_member **member);
int16_t __wrap_classic_validate(const struct classic_group *group, struct bytes member_id,
                                struct bytes instance_id, struct classic_member **member);

int16_t __wrap_classic_validate(const struct classic_group *group, struct bytes member_id,
                                struct bytes instance_id, struct classic_member **member)
{
    int16_t error_code = __real_classic_validate(group, member_id, instance_id, member);
    bool is_taken =
        *planted() == MISTAKE_TAKE_FORMER_INSTANCE && error_code == KAFKA_FENCED_INSTANCE_ID;
    if (!is_taken)
        return error_code;
    *member = classic_find_static(group, instance_id);
    return KAFKA_NONE;
}

/* --- Offsets are the name's, whatever topic has it -------------------------------------------- */

bool __real_group_offsets_find(const struct group_offsets *offsets, struct bytes topic,
                               struct uuid topic_id, int32_t partition, struct group_offset *found);
bool __wrap_group_offsets_find(const struct group_offsets *offsets, struct bytes topic,
                               struct uuid topic_id, int32_t partition, struct group_offset *found);
bool __real_group_offsets_expire(struct group_table *table, struct group_turn *turn,
                                 struct group *group, bool ages, uint32_t *left);
bool __wrap_group_offsets_expire(struct group_table *table, struct group_turn *turn,
                                 struct group *group, bool ages, uint32_t *left);

bool __wrap_group_offsets_find(const struct group_offsets *offsets, struct bytes topic,
                               struct uuid topic_id, int32_t partition, struct group_offset *found)
{
    bool is_any = *planted() == MISTAKE_OFFSETS_BY_NAME;
    return __real_group_offsets_find(offsets, topic, is_any ? UUID_NONE : topic_id, partition,
                                     found);
}

bool __wrap_group_offsets_expire(struct group_table *table, struct group_turn *turn,
                                 struct group *group, bool ages, uint32_t *left)
{
    if (*planted() == MISTAKE_OFFSETS_BY_NAME)
        return true;
    return __real_group_offsets_expire(table, turn, group, ages, left);
}

/* --- A group that goes down takes an offset out of the log with its members ------------------- */

void __real_group_downgrade_if_due(struct group *group, struct group_turn *turn);
void __wrap_group_downgrade_if_due(struct group *group, struct group_turn *turn);

static void lose_one_of_each_topic(struct group *group, struct group_turn *turn)
{
    struct map_node *node;
    map_for_each (node, &group->offsets.topics) {
        const struct group_offsets_topic *topic =
            container_of(node, struct group_offsets_topic, node);
        struct group_offset offset;
        if (group_offsets_next(topic, 0, &offset))
            group_record_put_offset_tombstone(turn, group->id, topic->name, offset.partition);
    }
}

void __wrap_group_downgrade_if_due(struct group *group, struct group_turn *turn)
{
    bool was_consumer = group->type == GROUP_CONSUMER;
    __real_group_downgrade_if_due(group, turn);
    if (*planted() == MISTAKE_LOSE_IN_DOWNGRADE && was_consumer && group->type == GROUP_CLASSIC)
        lose_one_of_each_topic(group, turn);
}

/* --- Compaction has taken tombstones out before what they delete ------------------------------ */

enum status __real_group_table_restore(struct group_table *table, struct group_turn *turn,
                                       struct arena *arena, const struct group_record_view *view);
enum status __wrap_group_table_restore(struct group_table *table, struct group_turn *turn,
                                       struct arena *arena, const struct group_record_view *view);

enum status __wrap_group_table_restore(struct group_table *table, struct group_turn *turn,
                                       struct arena *arena, const struct group_record_view *view)
{
    if (*planted() == MISTAKE_LOSE_TOMBSTONES && view->is_tombstone)
        return STATUS_OK;
    return __real_group_table_restore(table, turn, arena, view);
}

/* --- Offsets expire beside members who read the topic ----------------------------------------- */

bool __real_group_is_subscribed(const struct group *group, struct bytes topic);
bool __wrap_group_is_subscribed(const struct group *group, struct bytes topic);

bool __wrap_group_is_subscribed(const struct group *group, struct bytes topic)
{
    return *planted() != MISTAKE_EXPIRE_WHAT_IS_READ && __real_group_is_subscribed(group, topic);
}

/* --- The cases -------------------------------------------------------------------------------- */

static struct verdict verdict_of(uint64_t seed)
{
    struct verdict verdict;
    struct runner runner = {.story = &group_story, .options = {.seed = seed}};
    assert_true(runner_start(&runner));
    runner_wait(&runner, 1, &verdict);
    return verdict;
}

/* A seed says so, in the words of the checker that is there for it. */
static void assert_found(enum mistake mistake, const char *promise)
{
    *planted() = mistake;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        struct verdict verdict = verdict_of(seed);
        if (verdict.outcome == OUTCOME_UNSAFE && strstr(verdict.reason, promise) != NULL)
            return;
    }
    fail_msg("no seed has found the mistake: \"%s\"", promise);
}

static void no_offset_while_loading_is_found(void **state)
{
    assert_found(MISTAKE_NOTHING_WHILE_LOADING, "but a commit was acknowledged");
}

static void commit_of_a_fenced_member_is_found(void **state)
{
    assert_found(MISTAKE_TAKE_FENCED, "who is none");
}

/* The offsets that were acknowledged go with the power. */
static void commit_acknowledged_early_is_found(void **state)
{
    assert_found(MISTAKE_ACK_EARLY, "which was replaced");
}

static void member_lost_in_a_join_is_found(void **state)
{
    assert_found(MISTAKE_LOSE_MEMBER, "did not know of a member");
}

static void partition_given_twice_is_found(void **state)
{
    assert_found(MISTAKE_GIVE_EARLY, "owner:");
}

static void former_process_of_an_instance_is_found(void **state)
{
    assert_found(MISTAKE_TAKE_FORMER_INSTANCE, "owner:");
}

static void offset_of_a_deleted_topic_is_found(void **state)
{
    assert_found(MISTAKE_OFFSETS_BY_NAME, "for a topic that was deleted");
}

static void offset_lost_in_a_downgrade_is_found(void **state)
{
    assert_found(MISTAKE_LOSE_IN_DOWNGRADE, "but a commit was acknowledged");
}

/* What was deleted comes back with the next start. */
static void tombstone_lost_is_found(void **state)
{
    assert_found(MISTAKE_LOSE_TOMBSTONES, "which was replaced");
}

static void expiry_of_what_is_read_is_found(void **state)
{
    assert_found(MISTAKE_EXPIRE_WHAT_IS_READ, "but a commit was acknowledged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_offset_while_loading_is_found),
        cmocka_unit_test(commit_of_a_fenced_member_is_found),
        cmocka_unit_test(commit_acknowledged_early_is_found),
        cmocka_unit_test(member_lost_in_a_join_is_found),
        cmocka_unit_test(partition_given_twice_is_found),
        cmocka_unit_test(former_process_of_an_instance_is_found),
        cmocka_unit_test(offset_of_a_deleted_topic_is_found),
        cmocka_unit_test(offset_lost_in_a_downgrade_is_found),
        cmocka_unit_test(tombstone_lost_is_found),
        cmocka_unit_test(expiry_of_what_is_read_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
