/* A load is what was asked for, or it is refused with a sentence. */
#include "bench/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct word {
    const char *name;
    const char *text;
};

/* Sets the words, of which the last has no name, and settles the load. */
static bool settle(struct load *load, enum load_mode mode, const struct word *words,
                   char problem[static LOAD_PROBLEM_SIZE])
{
    load_init(load, mode, "127.0.0.1:9092");
    for (; words->name != NULL; words++)
        if (!load_set(load, words->name, words->text, problem))
            return false;
    return load_check(load, problem);
}

/* What is not said has a default. */
static void test_defaults(void **state)
{
    struct load load;
    char problem[LOAD_PROBLEM_SIZE];
    const struct word words[] = {{"rate", "1000"}, {0}};
    assert_true(settle(&load, LOAD_PRODUCE, words, problem));
    assert_string_equal(load.topic, "bench");
    assert_int_equal(load.connections, 1);
    assert_int_equal(load.in_flight, 5);
    assert_int_equal(load.acks, -1);
    assert_int_equal(load.compression, COMPRESSION_NONE);
    assert_int_equal(distribution_max(&load.record_bytes), 1024);
    assert_true(load.seconds == 5);
    assert_false(load.keyed);
}

/* A closed loop waits for each answer unless told otherwise. */
static void test_closed(void **state)
{
    struct load load;
    char problem[LOAD_PROBLEM_SIZE];
    const struct word words[] = {{"closed", ""}, {0}};
    assert_true(settle(&load, LOAD_PRODUCE, words, problem));
    assert_int_equal(load.in_flight, 1);
    assert_true(load.rate == 0);
}

/* What is said is taken. */
static void test_words(void **state)
{
    struct load load;
    char problem[LOAD_PROBLEM_SIZE];
    const struct word words[] = {
        {"rate", "2.5"},
        {"connections", "200"},
        {"threads", "2"},
        {"partitions", "7"},
        {"acks", "0"},
        {"compression", "zstd"},
        {"keyed", ""},
        {"seconds", "0.5"},
        {"record-bytes", "100-4000"},
        {"payload", "text"},
        {"in-flight", "64"},
        {"topic-config", "segment.bytes=1048576"},
        {"topic-config", "cleanup.policy="},
        {"batch-bytes", "64KiB"},
        {0},
    };
    assert_true(settle(&load, LOAD_PRODUCE, words, problem));
    assert_true(load.rate == 2.5);
    assert_int_equal(load.connections, 200);
    assert_int_equal(load.acks, 0);
    assert_int_equal(load.compression, COMPRESSION_ZSTD);
    assert_int_equal(load.payload, PAYLOAD_TEXT);
    assert_true(load.keyed);
    assert_int_equal(load.batch_bytes, 65536);
    assert_int_equal(load.in_flight, 64);
    assert_int_equal(distribution_max(&load.record_bytes), 4000);
    assert_int_equal(load.topic_configs.count, 2);
    assert_string_equal(load.topic_configs.words[1], "cleanup.policy=");
}

/* Whatever is beyond its limit, unknown, or contradicts itself is refused, and the sentence names
 * it. */
static void test_refusals(void **state)
{
    static const struct {
        enum load_mode mode;
        struct word words[4];
        const char *named;
    } cases[] = {
        {LOAD_PRODUCE, {{0}}, "--rate"},
        {LOAD_PRODUCE, {{"rate", "5"}, {"closed", ""}, {0}}, "--closed"},
        {LOAD_PRODUCE, {{"rate", "0"}, {0}}, "--rate"},
        {LOAD_PRODUCE, {{"rate", "1e9"}, {0}}, "--rate"},
        {LOAD_PRODUCE, {{"closed", ""}, {"connections", "0"}, {0}}, "--connections"},
        {LOAD_PRODUCE, {{"closed", ""}, {"connections", "1001"}, {0}}, "--connections"},
        {LOAD_PRODUCE, {{"closed", ""}, {"threads", "2"}, {0}}, "--threads"},
        {LOAD_PRODUCE, {{"closed", ""}, {"in-flight", "65"}, {0}}, "--in-flight"},
        {LOAD_PRODUCE, {{"closed", ""}, {"acks", "2"}, {0}}, "--acks takes 0|1|all"},
        {LOAD_PRODUCE, {{"closed", ""}, {"compression", "rar"}, {0}}, "--compression"},
        {LOAD_PRODUCE, {{"closed", ""}, {"record-bytes", "20-10"}, {0}}, "takes SIZES"},
        {LOAD_PRODUCE, {{"closed", ""}, {"record-bytes", "10:0"}, {0}}, "takes SIZES"},
        {LOAD_PRODUCE, {{"closed", ""}, {"record-bytes", "0"}, {0}}, "--record-bytes goes from 1"},
        {LOAD_PRODUCE, {{"closed", ""}, {"payload", "noise"}, {0}}, "--payload"},
        {LOAD_PRODUCE, {{"closed", ""}, {"seconds", "-1"}, {0}}, "--seconds"},
        {LOAD_PRODUCE, {{"closed", ""}, {"idempotent", ""}, {"acks", "1"}, {0}}, "--idempotent"},
        {LOAD_PRODUCE, {{"closed", ""}, {"topic", ""}, {0}}, "--topic"},
        {LOAD_PRODUCE, {{"closed", ""}, {"topic-config", "a"}, {0}}, "--topic-config"},
        {LOAD_PRODUCE, {{"closed", ""}, {"topic-config", "=a"}, {0}}, "--topic-config"},
        {LOAD_E2E, {{"rate", "5"}, {"compression", "lz4"}, {0}}, "compressed"},
        {LOAD_E2E, {{"rate", "5"}, {"acks", "0"}, {0}}, "--acks"},
        {LOAD_PARTITIONS, {{"closed", ""}, {"steps", "1,x"}, {0}}, "--steps"},
        {LOAD_PARTITIONS, {{"closed", ""}, {"over", "time"}, {0}}, "--over"},
        {LOAD_GROUPS_JOIN, {{"members", "0"}, {0}}, "--members"},
        {LOAD_GROUPS_JOIN, {{"members", "100001"}, {0}}, "--members"},
        {LOAD_GROUPS_JOIN, {{"groups", "0"}, {0}}, "--groups"},
        {LOAD_GROUPS_JOIN, {{"members", "1001"}, {"group-partitions", "100"}, {0}}, "a topic"},
        {LOAD_GROUPS_JOIN, {{"members", "11"}, {"groups", "1000000"}, {0}}, "--groups"},
        {LOAD_GROUPS_JOIN, {{"members", "101"}, {0}}, "--group-connections"},
        {LOAD_GROUPS_COMMIT, {{"group-connections", "8193"}, {0}}, "--group-connections"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load load;
        char problem[LOAD_PROBLEM_SIZE];
        assert_false(settle(&load, cases[i].mode, cases[i].words, problem));
        assert_non_null(strstr(problem, cases[i].named));
    }
}

/* Groups have members unless they are only listed, and nobody has to say how much. */
static void test_groups(void **state)
{
    struct load load;
    char problem[LOAD_PROBLEM_SIZE];
    const struct word join[] = {{"members", "2000"}, {"consumer-protocol", ""}, {0}};
    const struct word list[] = {{"groups", "10000"}, {"members", "0"}, {0}};
    assert_true(settle(&load, LOAD_GROUPS_JOIN, join, problem));
    assert_int_equal(load.groups, 1);
    assert_int_equal(load.members, 2000);
    assert_true(load.is_consumer);
    assert_false(load_has_producers(&load));
    assert_true(settle(&load, LOAD_GROUPS_LIST, list, problem));
    assert_int_equal(load.groups, 10000);
    assert_int_equal(load.members, 0);
    assert_false(load.is_consumer);
}

/* The JSON names every option, as it was settled. */
static void test_json(void **state)
{
    struct load load;
    char problem[LOAD_PROBLEM_SIZE];
    const struct word words[] = {{"rate", "1000"},
                                 {"record-bytes", "10:3,20-29"},
                                 {"topic-config", "segment.bytes=1048576"},
                                 {0}};
    assert_true(settle(&load, LOAD_PRODUCE, words, problem));
    json_t *object = load_json(&load);
    assert_string_equal(json_string_value(json_object_get(object, "record-bytes")),
                        "10-10:3,20-29:1");
    assert_string_equal(json_string_value(json_object_get(object, "acks")), "all");
    assert_int_equal(json_integer_value(json_object_get(object, "in-flight")), 5);
    assert_int_equal(json_integer_value(json_object_get(object, "batch-records")), 1);
    assert_true(json_real_value(json_object_get(object, "rate")) == 1000);
    assert_int_equal(json_array_size(json_object_get(object, "steps")), 4);
    const json_t *configs = json_object_get(object, "topic-config");
    assert_string_equal(json_string_value(json_object_get(configs, "segment.bytes")), "1048576");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_closed),
        cmocka_unit_test(test_words),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_groups),   cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
