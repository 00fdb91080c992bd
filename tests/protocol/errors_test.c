/* Kafka's error codes: one table, without gaps. */
#include "protocol/errors.h"

#include "tests/protocol/check.h"

#include <string.h>

static void every_code_from_first_to_last_has_a_name_and_a_text_of_its_own(void **state)
{
    assert_int_equal(KAFKA_ERROR_MIN, -1);
    assert_int_equal(KAFKA_ERROR_MAX, 136);
    for (int16_t code = KAFKA_ERROR_MIN; code <= KAFKA_ERROR_MAX; code++) {
        assert_true(strlen(kafka_error_name(code)) > 3);
        assert_true(strlen(kafka_error_text(code)) > 3);
        for (int16_t other = KAFKA_ERROR_MIN; other < code; other++)
            assert_string_not_equal(kafka_error_name(code), kafka_error_name(other));
    }
}

static void landmarks_have_the_numbers_that_clients_know(void **state)
{
    assert_int_equal(KAFKA_NONE, 0);
    assert_int_equal(KAFKA_UNKNOWN_TOPIC_OR_PARTITION, 3);
    assert_int_equal(KAFKA_UNSUPPORTED_VERSION, 35);
    assert_int_equal(KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER, 45);
    assert_int_equal(KAFKA_FENCED_LEADER_EPOCH, 74);
    assert_int_equal(KAFKA_UNKNOWN_TOPIC_ID, 100);
    assert_int_equal(KAFKA_REBOOTSTRAP_REQUIRED, 129);
    assert_string_equal(kafka_error_name(72), "LISTENER_NOT_FOUND");
    assert_string_equal(kafka_error_name(120), "TRANSACTION_ABORTABLE");
}

static void only_errors_that_may_pass_are_retriable(void **state)
{
    assert_true(kafka_error_is_retriable(KAFKA_NOT_LEADER_OR_FOLLOWER));
    assert_true(kafka_error_is_retriable(KAFKA_NOT_ENOUGH_REPLICAS));
    assert_false(kafka_error_is_retriable(KAFKA_NONE));
    assert_false(kafka_error_is_retriable(KAFKA_MESSAGE_TOO_LARGE));
    assert_false(kafka_error_is_retriable(KAFKA_UNKNOWN_SERVER_ERROR));
}

static void a_code_outside_the_table_reads_as_unknown_server_error(void **state)
{
    assert_string_equal(kafka_error_name(-2), "UNKNOWN_SERVER_ERROR");
    assert_string_equal(kafka_error_name(INT16_MAX), "UNKNOWN_SERVER_ERROR");
    assert_false(kafka_error_is_retriable(KAFKA_ERROR_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_from_first_to_last_has_a_name_and_a_text_of_its_own),
        cmocka_unit_test(landmarks_have_the_numbers_that_clients_know),
        cmocka_unit_test(only_errors_that_may_pass_are_retriable),
        cmocka_unit_test(a_code_outside_the_table_reads_as_unknown_server_error),
    };
    return cmocka_run_group_tests_name("protocol_errors", tests, NULL, NULL);
}
