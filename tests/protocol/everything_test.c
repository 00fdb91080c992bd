/* What the language of schemas can say beyond what Kafka's messages of today need. */
#include "tests/protocol/schemas/everything.h"

#include "tests/protocol/check.h"

static int set_up(void **state)
{
    static struct arena arena;
    arena_init(&arena, 1024 * 1024);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    return 0;
}

static struct bytes encode(struct arena *arena, int16_t version, const struct everything *from)
{
    struct writer writer;
    writer_init(&writer, arena);
    everything_encode(&writer, version, from);
    assert_int_equal(writer.status, STATUS_OK);
    return writer_result(&writer);
}

static void decode(struct arena *arena, int16_t version, struct bytes bytes,
                   struct everything *into)
{
    struct reader reader;
    reader_init(&reader, bytes);
    assert_int_equal(everything_decode(&reader, version, arena, into), STATUS_OK);
    assert_int_equal(reader_remaining(&reader), 0);
}

static void a_record_has_the_key_and_versions_of_its_schema(void **state)
{
    assert_int_equal(EVERYTHING_KEY, 12);
    assert_int_equal(EVERYTHING_VERSION_MIN, 0);
    assert_int_equal(EVERYTHING_VERSION_MAX, 3);
}

static void defaults_of_every_type_are_set(void **state)
{
    struct everything e;
    everything_init(&e);
    assert_true(e.flag);
    assert_int_equal(e.small, INT8_MIN);
    assert_int_equal(e.port, 65535);
    assert_true(e.wide == INT64_MIN);
    assert_true(e.rate == 0.5);
    assert_true(uuid_is_zero(e.id));
    assert_true(bytes_equal_text(e.name, "none"));
    assert_int_equal(e.node.port, 9);
    assert_null(e.others);
    assert_non_null(e.rates);
    assert_null(e.last);
    assert_null(e.words);
}

static void the_smallest_message_is_as_long_as_its_version_says(void **state)
{
    struct everything e;
    everything_init(&e);
    /* 40 bytes of numbers; then name, raw, node, and three empty arrays. */
    assert_int_equal(encode(*state, 0, &e).size, 40 + 6 + 4 + 4 + 3 * 4);
    /* The same compact, with others, moved, and a byte for the tags of node and of the message. */
    assert_int_equal(encode(*state, 1, &e).size, 40 + 5 + 1 + 4 + 1 + 3 + 4 + 1);
    /* Moved has become a tag, which is not written while it has its default. */
    assert_int_equal(encode(*state, 3, &e).size, 40 + 5 + 1 + 4 + 1 + 3 + 1);
}

static void every_field_survives_the_newest_version(void **state)
{
    struct everything_node nodes[] = {{bytes_of_text("a"), 1}, {bytes_of_text("bc"), 2}};
    double rates[] = {1.25, -3};
    bool flags[] = {true, false};
    struct bytes blobs[] = {bytes_of_text(""), bytes_of_text("xyz")};
    struct bytes words[] = {bytes_of_text("w")};
    struct everything e;
    everything_init(&e);
    e.count = UINT32_MAX;
    e.raw = (struct bytes){0};
    e.others = nodes;
    e.others_count = 2;
    e.rates = rates;
    e.rates_count = 2;
    e.flags = flags;
    e.flags_count = 2;
    e.blobs = blobs;
    e.blobs_count = 2;
    e.moved = -7;
    e.last = &nodes[1];
    e.words = words;
    e.words_count = 1;
    struct everything back;
    struct bytes bytes = encode(*state, 3, &e);
    decode(*state, 3, bytes, &back);
    assert_true(bytes_equal(encode(*state, 3, &back), bytes));
    assert_true(back.count == UINT32_MAX);
    assert_true(bytes_are_null(back.raw));
    assert_true(bytes_equal_text(back.others[1].host, "bc"));
    assert_true(back.rates[1] == -3);
    assert_false(back.flags[1]);
    assert_true(bytes_equal_text(back.blobs[1], "xyz"));
    assert_int_equal(back.moved, -7);
    assert_int_equal(back.last->port, 2);
    assert_true(bytes_equal_text(back.words[0], "w"));
}

static void a_field_that_becomes_a_tag_is_carried_by_both_forms(void **state)
{
    struct everything e;
    everything_init(&e);
    e.moved = 5;
    for (int16_t version = 1; version <= 3; version++) {
        struct everything back;
        decode(*state, version, encode(*state, version, &e), &back);
        assert_int_equal(back.moved, 5);
    }
    struct writer writer;
    writer_init(&writer, *state);
    everything_encode(&writer, 0, &e);
    assert_int_equal(writer.status, STATUS_UNSUPPORTED);
}

static void an_ignorable_value_is_dropped_by_a_version_that_lacks_it(void **state)
{
    struct everything_node node = {bytes_of_text("a"), 1};
    struct everything e;
    everything_init(&e);
    e.others = &node;
    e.others_count = 1;
    struct everything back;
    decode(*state, 0, encode(*state, 0, &e), &back);
    assert_null(back.others);
}

static void an_empty_tagged_array_is_not_null(void **state)
{
    struct everything e;
    everything_init(&e);
    e.words = WIRE_EMPTY;
    struct everything back;
    decode(*state, 2, encode(*state, 2, &e), &back);
    assert_non_null(back.words);
    assert_int_equal(back.words_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_the_key_and_versions_of_its_schema),
        cmocka_unit_test(defaults_of_every_type_are_set),
        cmocka_unit_test_setup_teardown(the_smallest_message_is_as_long_as_its_version_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_field_survives_the_newest_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_that_becomes_a_tag_is_carried_by_both_forms, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_ignorable_value_is_dropped_by_a_version_that_lacks_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_tagged_array_is_not_null, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("protocol_everything", tests, NULL, NULL);
}
