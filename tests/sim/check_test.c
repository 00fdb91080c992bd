/* Every checker bites: a history that breaks one promise fails with the name of that promise, and
 * an honest history does not. */
#include "sim/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 20 };

static const struct check_key key = {.topic_id = {{7}}, .index = 1};

struct history {
    struct verdict verdict;
    struct check check;
};

static int history_begin(void **state)
{
    static struct history history;
    history.verdict = (struct verdict){.outcome = OUTCOME_GOOD};
    check_init(&history.check, &history.verdict);
    *state = &history;
    return 0;
}

static int history_end(void **state)
{
    struct history *history = *state;
    check_deinit(&history->check);
    return 0;
}

static void read_number(struct history *history, int64_t offset, uint64_t number, uint32_t size)
{
    uint8_t value[SIZE];
    check_fill_value(number, value, size);
    check_read(&history->check, &key, offset, check_key_of(number), bytes_of(value, size));
}

static void assert_broken(const struct history *history, const char *promise)
{
    assert_int_equal(history->verdict.outcome, OUTCOME_UNSAFE);
    assert_memory_equal(history->verdict.reason, promise, strlen(promise));
}

/* Three records at 0, 1 and 2, acknowledged as one batch. */
static uint64_t send_three(struct history *history, uint32_t session)
{
    uint64_t first = check_send(&history->check, session, 0, SIZE);
    check_send(&history->check, session, 1, SIZE);
    check_send(&history->check, session, 2, SIZE);
    return first;
}

static void test_honest_history_passes(void **state)
{
    /* What is acknowledged, read and read again, and audited to its end, is good. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 1, 0, first, 3);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 3; i++)
            read_number(history, i, first + i, SIZE);
    check_end(&history->check, &key, check_known_end(&history->check, &key), 3);
    check_audited(&history->check, &key, 0, 3);
    check_memory(&history->check, 10, 10);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_deleted_records_may_be_missing(void **state)
{
    /* Below the start of a log nothing need be there, not even what was acknowledged. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 1, 1, first + 1, 2);
    check_delete(&history->check, &key, 2);
    check_start(&history->check, &key, check_known_start(&history->check, &key), 2);
    assert_int_equal(check_asked_start(&history->check, &key), 2);
    check_audited(&history->check, &key, 2, 3);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_start_that_goes_back_is_found(void **state)
{
    /* What was answered to be deleted must not be found by whoever asks after that. */
    struct history *history = *state;
    check_delete(&history->check, &key, 2);
    check_deleted(&history->check, &key, 2);
    check_start(&history->check, &key, check_known_start(&history->check, &key), 1);
    assert_broken(history, "deleted, and there");
}

static void test_start_that_nobody_asked_for_is_found(void **state)
{
    /* Nothing goes that nobody wanted to go. */
    struct history *history = *state;
    check_delete(&history->check, &key, 2);
    check_start(&history->check, &key, check_known_start(&history->check, &key), 3);
    assert_broken(history, "deleted too much");
}

static void test_lost_record_is_found(void **state)
{
    /* An acknowledged record above the end of the log is lost. */
    struct history *history = *state;
    check_acked(&history->check, &key, 1, 0, send_three(history, 0), 3);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "acked");
}

static void test_refused_record_is_found(void **state)
{
    /* A record that was refused is not read afterwards. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    check_refused(&history->check, first + 2, 1);
    read_number(history, 0, first, SIZE);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
    read_number(history, 1, first + 2, SIZE);
    assert_broken(history, "refused");
}

static void test_record_refused_after_it_was_read_is_found(void **state)
{
    /* Nor may a reader have been faster than the refusal. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    read_number(history, 0, first, SIZE);
    check_refused(&history->check, first, 3);
    check_audited(&history->check, &key, 0, 1);
    assert_broken(history, "refused");
}

static void test_other_value_is_found(void **state)
{
    /* An offset holds one value for ever. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    check_acked(&history->check, &key, 1, 0, first, 1);
    read_number(history, 0, first + 1, SIZE);
    assert_broken(history, "offset");
}

static void test_acknowledged_twice_elsewhere_is_found(void **state)
{
    /* Two acknowledgements of one offset for different records contradict each other. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    check_acked(&history->check, &key, 1, 5, first, 1);
    check_acked(&history->check, &key, 1, 5, first + 1, 1);
    assert_broken(history, "offset");
}

static void test_duplicate_is_found(void **state)
{
    /* A record of an idempotent producer stands in the log once. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 1, 0, first, 3);
    read_number(history, 3, first + 2, SIZE);
    check_audited(&history->check, &key, 0, 4);
    assert_broken(history, "dup");
}

static void test_gap_in_a_session_is_found(void **state)
{
    /* Between two records of an idempotent producer none is missing. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 1, 0, first, 1);
    read_number(history, 1, first + 2, SIZE);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "order");
}

static void test_end_that_goes_back_is_found(void **state)
{
    /* Who asks after an end was known is not told of an earlier one. */
    struct history *history = *state;
    check_end(&history->check, &key, check_known_end(&history->check, &key), 9);
    check_end(&history->check, &key, check_known_end(&history->check, &key), 8);
    assert_broken(history, "latest");
}

static void test_answer_that_was_overtaken_is_good(void **state)
{
    /* A question that left before the end moved may be answered with the old one. */
    struct history *history = *state;
    int64_t known_end = check_known_end(&history->check, &key);
    check_end(&history->check, &key, known_end, 9);
    check_end(&history->check, &key, known_end, 8);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_strange_bytes_are_found(void **state)
{
    /* What nobody sent must not be read. */
    struct history *history = *state;
    read_number(history, 0, send_three(history, 0) + 3, SIZE);
    assert_broken(history, "bytes");
}

static void test_changed_bytes_are_found(void **state)
{
    /* A record is read as it was sent, to its last byte. */
    struct history *history = *state;
    uint8_t value[SIZE];
    uint64_t number = send_three(history, 0);
    check_fill_value(number, value, SIZE);
    value[SIZE - 1] ^= 1;
    check_read(&history->check, &key, 0, check_key_of(number), bytes_of(value, SIZE));
    assert_broken(history, "bytes");
}

static void test_shorter_value_is_found(void **state)
{
    /* A record is read as long as it was sent. */
    struct history *history = *state;
    read_number(history, 0, send_three(history, 0), SIZE - 1);
    assert_broken(history, "bytes");
}

static void test_hole_is_found(void **state)
{
    /* An audit that saw less than all offsets below the end has read with a hole. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    read_number(history, 0, first, SIZE);
    read_number(history, 2, first + 2, SIZE);
    check_audited(&history->check, &key, 0, 3);
    assert_broken(history, "read");
}

/* Two records of one key at 0 and 1, both acknowledged. */
static void send_pair(struct history *history, uint64_t numbers[static 2])
{
    numbers[0] = check_send(&history->check, 0, 0, SIZE);
    numbers[1] = check_send(&history->check, 0, 0, SIZE);
    while (!bytes_equal(check_key_of(numbers[0]), check_key_of(numbers[1])))
        numbers[1] = check_send(&history->check, 0, 0, SIZE);
    check_acked(&history->check, &key, 1, 0, numbers[0], 1);
    check_acked(&history->check, &key, 1, 1, numbers[1], 1);
}

static void test_replaced_record_may_be_missing(void **state)
{
    /* In a compacted log, an acknowledged record need not stay when its key has a newer one. */
    struct history *history = *state;
    uint64_t numbers[2];
    history->check.freedoms = CHECK_COMPACTS;
    send_pair(history, numbers);
    check_audit(&history->check, &key);
    read_number(history, 1, numbers[1], SIZE);
    check_audited(&history->check, &key, 0, 2);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_lost_newest_record_is_found(void **state)
{
    /* The newest of its key must; that somebody read it earlier does not help. */
    struct history *history = *state;
    uint64_t numbers[2];
    history->check.freedoms = CHECK_COMPACTS;
    send_pair(history, numbers);
    read_number(history, 1, numbers[1], SIZE);
    check_audit(&history->check, &key);
    read_number(history, 0, numbers[0], SIZE);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "newest");
}

/* --- Tombstones ------------------------------------------------------------------------------- */

/* A record at 0 and a tombstone of its key at 1, both acknowledged. */
static void send_and_delete(struct history *history, uint64_t numbers[static 2])
{
    numbers[0] = check_send(&history->check, 0, 0, SIZE);
    numbers[1] = check_send_tombstone(&history->check, 0, 0);
    while (!bytes_equal(check_key_of(numbers[0]), check_key_of(numbers[1])))
        numbers[1] = check_send_tombstone(&history->check, 0, 0);
    check_acked(&history->check, &key, 1, 0, numbers[0], 1);
    check_acked(&history->check, &key, 1, 1, numbers[1], 1);
    check_allow(&history->check, key.topic_id, CHECK_COMPACTS);
}

static void read_tombstone(struct history *history, int64_t offset, uint64_t number,
                           struct bytes record_key)
{
    uint8_t stamp[CHECK_VALUE_SIZE_MIN];
    store_u64_be(stamp, number);
    check_read_tombstone(&history->check, &key, offset, record_key, bytes_of(stamp, sizeof stamp));
}

static void test_tombstone_replaces_what_it_deletes(void **state)
{
    /* A tombstone is the newest of its key like any other record. */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    check_audit(&history->check, &key);
    read_tombstone(history, 1, numbers[1], check_key_of(numbers[1]));
    check_audited(&history->check, &key, 0, 2);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_lost_tombstone_is_found(void **state)
{
    /* It must stay, unless its topic was told to forget it soon. */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    check_audit(&history->check, &key);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "tombstone, and lost");
}

static void test_forgotten_tombstone_is_good(void **state)
{
    /* Then nothing is left of its key, */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    check_allow(&history->check, key.topic_id, CHECK_FORGETS);
    check_audit(&history->check, &key);
    check_audited(&history->check, &key, 0, 2);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_return_of_the_deleted_is_found(void **state)
{
    /* and what it has deleted least of all. */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    check_allow(&history->check, key.topic_id, CHECK_FORGETS);
    check_audit(&history->check, &key);
    read_number(history, 0, numbers[0], SIZE);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "tombstone gone before");
}

static void test_strange_tombstone_is_found(void **state)
{
    /* A tombstone is read with the key and the number that it was sent with. */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    read_tombstone(history, 1, numbers[1], bytes_of_text("?"));
    assert_broken(history, "bytes of a tombstone");
}

static void test_value_read_as_tombstone_is_found(void **state)
{
    /* Nobody deletes by sending a value, */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    read_tombstone(history, 0, numbers[0], check_key_of(numbers[0]));
    assert_broken(history, "bytes of a tombstone");
}

static void test_tombstone_read_as_value_is_found(void **state)
{
    /* nor sends a value by deleting. */
    struct history *history = *state;
    uint64_t numbers[2];
    send_and_delete(history, numbers);
    read_number(history, 1, numbers[1], SIZE);
    assert_broken(history, "bytes that nobody sent");
}

/* --- Topics whose settings change ------------------------------------------------------------- */

static void test_shrinking_topic_may_begin_anywhere(void **state)
{
    /* Where retention has been set, records go that nobody asked to go. */
    struct history *history = *state;
    check_acked(&history->check, &key, 1, 0, send_three(history, 0), 3);
    check_allow(&history->check, key.topic_id, CHECK_SHRINKS);
    check_start(&history->check, &key, 0, 2);
    check_out_of_range(&history->check, &key, 1);
    check_audited(&history->check, &key, 2, 3);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

static void test_position_out_of_range_is_found(void **state)
{
    /* Elsewhere a reader's position stays in range. */
    struct history *history = *state;
    check_acked(&history->check, &key, 1, 0, send_three(history, 0), 3);
    check_out_of_range(&history->check, &key, 1);
    assert_broken(history, "latest went back, or records that nobody deleted are gone");
}

static void test_loose_topic_may_lose_its_end(void **state)
{
    /* What is acknowledged before it is on disk may be lost, and others come to stand there. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    check_loosen(&history->check, key.topic_id);
    check_loosened(&history->check, key.topic_id);
    uint32_t period = check_strict_period(&history->check, key.topic_id);
    check_acked(&history->check, &key, period, 0, first, 1);
    check_acked(&history->check, &key, period, 0, first + 1, 1);
    check_out_of_range(&history->check, &key, 1);
    check_audited(&history->check, &key, 0, 0);
    assert_int_equal(history->verdict.outcome, OUTCOME_GOOD);
}

/* Acknowledged while the topic was loose at 0, and at 1 when it was strict again. */
static void acknowledge_both_ways(struct history *history)
{
    uint64_t first = send_three(history, 0);
    check_loosen(&history->check, key.topic_id);
    check_loosened(&history->check, key.topic_id);
    check_acked(&history->check, &key, 0, 0, first, 1);
    check_tighten(&history->check, key.topic_id);
    uint32_t period = check_strict_period(&history->check, key.topic_id);
    assert_int_not_equal(period, 0);
    check_acked(&history->check, &key, period, 1, first + 1, 1);
}

static void test_loss_in_a_strict_period_is_found(void **state)
{
    /* What is acknowledged while a topic is strict stays, with all that came before. */
    struct history *history = *state;
    acknowledge_both_ways(history);
    check_audited(&history->check, &key, 0, 0);
    assert_broken(history, "acked");
}

static void test_replacement_before_a_strict_period_is_found(void **state)
{
    /* Nothing else may come to stand there. */
    struct history *history = *state;
    acknowledge_both_ways(history);
    read_number(history, 0, 3, SIZE);
    assert_broken(history, "offset");
}

static void test_wish_in_doubt_keeps_a_topic_loose(void **state)
{
    /* A wish to loosen a topic that nobody has answered may still come. */
    struct history *history = *state;
    check_loosen(&history->check, key.topic_id);
    check_tighten(&history->check, key.topic_id);
    assert_int_equal(check_strict_period(&history->check, key.topic_id), 0);
    check_loosened(&history->check, key.topic_id);
    check_tighten(&history->check, key.topic_id);
    assert_int_not_equal(check_strict_period(&history->check, key.topic_id), 0);
}

/* --- Bytes and bounds ------------------------------------------------------------------------- */

static void test_changed_key_is_found(void **state)
{
    /* A record is read with the key that it was sent with. */
    struct history *history = *state;
    uint8_t value[SIZE];
    uint64_t number = send_three(history, 0);
    check_fill_value(number, value, SIZE);
    check_read(&history->check, &key, 0, bytes_of_text("?"), bytes_of(value, SIZE));
    assert_broken(history, "bytes");
}

static void test_too_much_memory_is_found(void **state)
{
    /* A byte more than was given is too much. */
    struct history *history = *state;
    check_memory(&history->check, 11, 10);
    assert_broken(history, "bounds");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, history_begin, history_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_honest_history_passes),
        CASE(test_replaced_record_may_be_missing),
        CASE(test_lost_newest_record_is_found),
        CASE(test_tombstone_replaces_what_it_deletes),
        CASE(test_lost_tombstone_is_found),
        CASE(test_forgotten_tombstone_is_good),
        CASE(test_return_of_the_deleted_is_found),
        CASE(test_strange_tombstone_is_found),
        CASE(test_value_read_as_tombstone_is_found),
        CASE(test_tombstone_read_as_value_is_found),
        CASE(test_shrinking_topic_may_begin_anywhere),
        CASE(test_position_out_of_range_is_found),
        CASE(test_loose_topic_may_lose_its_end),
        CASE(test_loss_in_a_strict_period_is_found),
        CASE(test_replacement_before_a_strict_period_is_found),
        CASE(test_wish_in_doubt_keeps_a_topic_loose),
        CASE(test_changed_key_is_found),
        CASE(test_deleted_records_may_be_missing),
        CASE(test_start_that_goes_back_is_found),
        CASE(test_start_that_nobody_asked_for_is_found),
        CASE(test_lost_record_is_found),
        CASE(test_other_value_is_found),
        CASE(test_acknowledged_twice_elsewhere_is_found),
        CASE(test_duplicate_is_found),
        CASE(test_gap_in_a_session_is_found),
        CASE(test_end_that_goes_back_is_found),
        CASE(test_answer_that_was_overtaken_is_good),
        CASE(test_strange_bytes_are_found),
        CASE(test_changed_bytes_are_found),
        CASE(test_shorter_value_is_found),
        CASE(test_hole_is_found),
        CASE(test_too_much_memory_is_found),
        CASE(test_refused_record_is_found),
        CASE(test_record_refused_after_it_was_read_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
