/* Texts as Java sees them. The hashes of group ids are those by which Apache Kafka 4.3.1 chose
 * among its 50 partitions of __consumer_offsets. */
#include "consumer-groups/group_shard.h"
#include "consumer-groups/java_text.h"
#include "tests/consumer-groups/check.h"

struct length {
    const char *text;
    size_t length;
};

static const struct length lengths[] = {
    {"", 0},
    {"abc", 3},
    {"gr\xc3\xbcppe", 6},
    {"\xe2\x82\xac", 1},
    {"\xf0\x9f\x98\x80", 2}, /* a pair of surrogates */
    {"a\xff\x62", 3},        /* no UTF-8: one for each such byte */
    {"\xc3", 1},             /* cut off */
    {"\xed\xa0\x80", 3},     /* a surrogate in UTF-8 is none */
    {"\xc0\x80", 2},         /* longer than need be */
    {"\xf4\x90\x80\x80", 4}, /* beyond the last code point */
};

/* A text is as long as Java says, whatever its bytes are. */
static void lengths_are_those_of_java(void **state)
{
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        assert_int_equal(java_text_length(bytes_of_text(lengths[i].text)), lengths[i].length);
}

/* Hashes are those of Java, with its overflow. */
static void hashes_are_those_of_java(void **state)
{
    assert_int_equal(java_text_hash(bytes_of_text("")), 0);
    assert_int_equal(java_text_hash(bytes_of_text("b")), 98);
    assert_int_equal(java_text_hash(bytes_of_text("tailrace")), -694626527);
    assert_int_equal(java_text_hash(bytes_of_text("gr\xc3\xbcppe")), -1233264812);
    assert_int_equal(java_text_hash(bytes_of_text("\xf0\x9f\x98\x80 group")), -1570619006);
    assert_int_equal(java_text_hash(bytes_of_text("polygenelubricants")), INT32_MIN);
}

struct place {
    const char *group;
    uint32_t partition;
};

static const struct place places[] = {
    {"", 0},
    {"b", 48},
    {"tailrace", 27}, /* a negative hash loses its sign, not its bit */
    {"gr\xc3\xbcppe", 12},
    {"\xf0\x9f\x98\x80 group", 6},
    {"console-consumer-12345", 6},
    {"payments", 13},
    {"polygenelubricants", 0}, /* the hash that has no positive */
    {"DESIGNING WORKHOUSES", 0},
};

/* A group is where Kafka would have put it. */
static void groups_are_where_kafka_puts_them(void **state)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_int_equal(group_shard_index(bytes_of_text(places[i].group), 50),
                         places[i].partition);
    assert_int_equal(group_shard_index(bytes_of_text("tailrace"), 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_those_of_java),
        cmocka_unit_test(hashes_are_those_of_java),
        cmocka_unit_test(groups_are_where_kafka_puts_them),
    };
    return cmocka_run_group_tests_name("java_text", tests, NULL, NULL);
}
