/* The load generator takes only words that it understands, and only addresses of this machine. */
#include "bench/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { GO_ON = -1, EXIT_USAGE = 2 };

/* The words end with NULL. */
static int parse(struct options *options, const char *const *words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    return options_parse(options, count, (char **)(uintptr_t)words);
}

/* What is not said has a default, and what is said is taken. */
static void test_words(void **state)
{
    struct options options;
    const char *const words[] = {
        "bench",  "produce",  "--address", "127.0.0.1:9092", "--connections",
        "16",     "--record", "64KiB",     "--seconds",      "0.5",
        "--acks", "1",        NULL};
    assert_int_equal(parse(&options, words), GO_ON);
    assert_int_equal(options.mode, MODE_PRODUCE);
    assert_int_equal(options.connections, 16);
    assert_int_equal(options.record_bytes, 65536);
    assert_int_equal(options.acks, 1);
    assert_true(options.seconds == 0.5);
    assert_int_equal(options.in_flight, 1);
    assert_int_equal(options.batch_records, 1);
}

/* Loads go to this machine only. */
static void test_addresses(void **state)
{
    struct address address;
    assert_true(address_parse("127.0.0.1:9092", &address));
    assert_true(address_parse("[::1]:1", &address));
    assert_false(address_parse("127.0.0.1", &address));
    assert_false(address_parse("127.0.0.1:0", &address));
    assert_false(address_parse("127.0.0.1:65536", &address));
    assert_false(address_parse("10.0.0.1:9092", &address));
    assert_false(address_parse("localhost:9092", &address));
    assert_false(address_parse("", &address));
}

/* A command to start a broker follows two dashes and keeps its own flags. */
static void test_command(void **state)
{
    struct options options;
    const char *const words[] = {"bench",  "first-answer", "--runs", "2", "--",
                                 "broker", "--io",         "posix",  NULL};
    assert_int_equal(parse(&options, words), GO_ON);
    assert_int_equal(options.runs, 2);
    assert_string_equal(options.command[0], "broker");
    assert_string_equal(options.command[2], "posix");
}

/* Groups have a protocol, and members unless they are only listed. */
static void test_groups(void **state)
{
    struct options options;
    const char *const join[] = {"bench",          "groups-join", "--address",
                                "127.0.0.1:9092", "--members",   "2000",
                                "--protocol",     "consumer",    NULL};
    const char *const list[] = {"bench",          "groups-list", "--address",
                                "127.0.0.1:9092", "--groups",    "10000",
                                "--members",      "0",           NULL};
    assert_int_equal(parse(&options, join), GO_ON);
    assert_int_equal(options.mode, MODE_GROUPS_JOIN);
    assert_int_equal(options.groups, 1);
    assert_int_equal(options.members, 2000);
    assert_true(options.is_consumer);
    assert_int_equal(parse(&options, list), GO_ON);
    assert_int_equal(options.groups, 10000);
    assert_int_equal(options.members, 0);
    assert_false(options.is_consumer);
}

/* Whatever is missing, unknown or beyond its limit is refused. */
static void test_refusals(void **state)
{
    struct options options;
    const char *const refused[][8] = {
        {"bench"},
        {"bench", "swim"},
        {"bench", "produce"},
        {"bench", "produce", "--address", "192.0.2.1:9092"},
        {"bench", "produce", "--address", "127.0.0.1:9092", "--connections", "0"},
        {"bench", "produce", "--address", "127.0.0.1:9092", "--connections", "100000"},
        {"bench", "produce", "--address", "127.0.0.1:9092", "--acks", "0"},
        {"bench", "produce", "--address", "127.0.0.1:9092", "--seconds", "-1"},
        {"bench", "produce", "--address", "127.0.0.1:9092", "--", "broker"},
        {"bench", "groups-join", "--address", "127.0.0.1:9092", "--members", "0"},
        {"bench", "groups-join", "--address", "127.0.0.1:9092", "--protocol", "share"},
        {"bench", "groups-join", "--address", "127.0.0.1:9092", "--", "broker"},
        {"bench", "groups-restart", "--address", "127.0.0.1:9092"},
        {"bench", "groups-restart", "--", "broker"},
        {"bench", "first-answer"},
        {"bench", "idle"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(parse(&options, refused[i]), EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),    cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_command),  cmocka_unit_test(test_groups),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
