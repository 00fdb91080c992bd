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
    check_acked(&history->check, &key, 0, first, 3);
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
    check_acked(&history->check, &key, 1, first + 1, 2);
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
    check_acked(&history->check, &key, 0, send_three(history, 0), 3);
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
    check_acked(&history->check, &key, 0, first, 1);
    read_number(history, 0, first + 1, SIZE);
    assert_broken(history, "offset");
}

static void test_acknowledged_twice_elsewhere_is_found(void **state)
{
    /* Two acknowledgements of one offset for different records contradict each other. */
    struct history *history = *state;
    uint64_t first = send_three(history, 0);
    check_acked(&history->check, &key, 5, first, 1);
    check_acked(&history->check, &key, 5, first + 1, 1);
    assert_broken(history, "offset");
}

static void test_duplicate_is_found(void **state)
{
    /* A record of an idempotent producer stands in the log once. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 0, first, 3);
    read_number(history, 3, first + 2, SIZE);
    check_audited(&history->check, &key, 0, 4);
    assert_broken(history, "dup");
}

static void test_gap_in_a_session_is_found(void **state)
{
    /* Between two records of an idempotent producer none is missing. */
    struct history *history = *state;
    uint64_t first = send_three(history, check_new_session(&history->check));
    check_acked(&history->check, &key, 0, first, 1);
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
    check_acked(&history->check, &key, 0, numbers[0], 1);
    check_acked(&history->check, &key, 1, numbers[1], 1);
}

static void test_replaced_record_may_be_missing(void **state)
{
    /* In a compacted log, an acknowledged record need not stay when its key has a newer one. */
    struct history *history = *state;
    uint64_t numbers[2];
    history->check.is_compacted = true;
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
    history->check.is_compacted = true;
    send_pair(history, numbers);
    read_number(history, 1, numbers[1], SIZE);
    check_audit(&history->check, &key);
    read_number(history, 0, numbers[0], SIZE);
    check_audited(&history->check, &key, 0, 2);
    assert_broken(history, "newest");
}

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
