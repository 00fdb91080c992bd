/* The generated codecs: defaults, what a version can carry, and malformed messages. */
#include "protocol/messages/list.h"

#include "tests/protocol/check.h"

#define BYTES(...) bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

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

static void defaults_are_those_of_kafka(void **state)
{
    struct fetch_request fetch;
    fetch_request_init(&fetch);
    assert_true(bytes_are_null(fetch.cluster_id));
    assert_int_equal(fetch.replica_id, -1);
    assert_int_equal(fetch.replica_state.replica_epoch, -1);
    assert_int_equal(fetch.max_bytes, INT32_MAX);
    assert_int_equal(fetch.session_epoch, -1);
    assert_true(bytes_equal_text(fetch.rack_id, ""));
    struct fetch_request_partition partition;
    fetch_request_partition_init(&partition);
    assert_true(partition.high_watermark == INT64_MAX);
    struct metadata_response metadata;
    metadata_response_init(&metadata);
    assert_int_equal(metadata.cluster_authorized_operations, INT32_MIN);
    struct fetch_response_partition fetched;
    fetch_response_partition_init(&fetched);
    assert_true(fetched.records.is_null);
    assert_non_null(fetched.aborted_transactions);
}

static void fields_that_a_version_lacks_hold_their_defaults_after_decoding(void **state)
{
    struct reader reader;
    reader_init(&reader, BYTES(0, 0, 0, 0));
    struct metadata_request request = {.include_topic_authorized_operations = true};
    assert_int_equal(metadata_request_decode(&reader, 0, *state, &request), STATUS_OK);
    assert_true(request.allow_auto_topic_creation);
    assert_false(request.include_topic_authorized_operations);
    assert_non_null(request.topics);
    assert_int_equal(request.topics_count, 0);
}

static void null_may_be_only_in_the_versions_that_allow_it(void **state)
{
    struct metadata_request request;
    struct reader reader;
    reader_init(&reader, BYTES(0xff, 0xff, 0xff, 0xff));
    assert_int_equal(metadata_request_decode(&reader, 1, *state, &request), STATUS_OK);
    assert_null(request.topics);
    reader_init(&reader, BYTES(0xff, 0xff, 0xff, 0xff));
    assert_int_equal(metadata_request_decode(&reader, 0, *state, &request), STATUS_MALFORMED);
}

static void a_version_outside_the_schema_is_unsupported(void **state)
{
    struct produce_request request;
    produce_request_init(&request);
    struct reader reader;
    reader_init(&reader, BYTES(0));
    assert_int_equal(produce_request_decode(&reader, 2, *state, &request), STATUS_UNSUPPORTED);
    assert_int_equal(produce_request_decode(&reader, 14, *state, &request), STATUS_UNSUPPORTED);
    struct writer writer;
    writer_init(&writer, *state);
    produce_request_encode(&writer, 2, &request);
    assert_int_equal(writer.status, STATUS_UNSUPPORTED);
}

static enum status encode_fetch(struct arena *arena, int16_t version,
                                const struct fetch_request *request)
{
    struct writer writer;
    writer_init(&writer, arena);
    fetch_request_encode(&writer, version, request);
    return writer.status;
}

static void a_value_that_the_version_cannot_carry_is_refused_unless_ignorable(void **state)
{
    struct fetch_request request;
    fetch_request_init(&request);
    request.rack_id = bytes_of_text("a");
    assert_int_equal(encode_fetch(*state, 4, &request), STATUS_OK);
    request.replica_state.replica_id = 1;
    assert_int_equal(encode_fetch(*state, 15, &request), STATUS_OK);
    assert_int_equal(encode_fetch(*state, 14, &request), STATUS_UNSUPPORTED);
    fetch_request_init(&request);
    request.replica_id = 1;
    assert_int_equal(encode_fetch(*state, 14, &request), STATUS_OK);
    assert_int_equal(encode_fetch(*state, 15, &request), STATUS_UNSUPPORTED);
}

static void the_last_of_a_repeated_tag_counts_and_order_does_not_matter(void **state)
{
    /* finalized_features_epoch is tag 1, zk_migration_ready tag 3. */
    struct reader reader;
    reader_init(&reader,
                BYTES(0, 0, 1, 0, 0, 0, 0, 3, 3, 1, 1, 1, 8, 0, 0, 0, 0, 0, 0, 0, 5, 3, 1, 0));
    struct api_versions_response response;
    assert_int_equal(api_versions_response_decode(&reader, 3, *state, &response), STATUS_OK);
    assert_int_equal(response.finalized_features_epoch, 5);
    assert_false(response.zk_migration_ready);
    assert_int_equal(reader_remaining(&reader), 0);
}

static void a_tag_in_a_version_that_does_not_have_it_is_malformed(void **state)
{
    /* Fetch v12 with tag 1, replica_state, which begins at v15. */
    struct fetch_request request;
    fetch_request_init(&request);
    struct writer writer;
    writer_init(&writer, *state);
    fetch_request_encode(&writer, 12, &request);
    writer.size--;
    writer_bytes(&writer, BYTES(1, 1, 0));
    struct reader reader;
    reader_init(&reader, writer_result(&writer));
    assert_int_equal(fetch_request_decode(&reader, 12, *state, &request), STATUS_MALFORMED);
}

static void a_known_tag_of_the_wrong_size_is_malformed(void **state)
{
    struct reader reader;
    reader_init(&reader, BYTES(0, 0, 1, 0, 0, 0, 0, 1, 3, 2, 1, 1));
    struct api_versions_response response;
    assert_int_equal(api_versions_response_decode(&reader, 3, *state, &response), STATUS_MALFORMED);
}

static void a_nested_count_beyond_the_frame_takes_no_memory_for_it(void **state)
{
    struct arena *arena = *state;
    struct reader reader;
    /* One topic "t" whose count of partitions is 2^31-1. */
    reader_init(&reader,
                BYTES(0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 't', 0x7f, 0xff, 0xff, 0xff));
    struct produce_request request;
    assert_int_equal(produce_request_decode(&reader, 3, arena, &request), STATUS_TRUNCATED);
    assert_true(arena->total_bytes <= 4096);
}

static void a_message_cut_at_any_byte_is_refused(void **state)
{
    struct produce_request_partition partition = {
        .records = {.pieces = (struct bytes[]){BYTES(1, 2, 3)}, .piece_count = 1, .size = 3}};
    struct produce_request_topic topic = {
        .name = bytes_of_text("t"), .partition_data = &partition, .partition_data_count = 1};
    struct produce_request request;
    produce_request_init(&request);
    request.topic_data = &topic;
    request.topic_data_count = 1;
    struct writer writer;
    writer_init(&writer, *state);
    produce_request_encode(&writer, 9, &request);
    uint8_t whole[64];
    struct bytes *pieces;
    uint32_t count;
    assert_true(writer_pieces(&writer, &pieces, &count));
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(whole + size, pieces[i].data, pieces[i].size);
        size += pieces[i].size;
    }
    for (size_t cut = 0; cut < size; cut++) {
        struct reader reader;
        reader_init(&reader, bytes_of(whole, cut));
        assert_int_equal(produce_request_decode(&reader, 9, *state, &request), STATUS_TRUNCATED);
    }
    struct reader reader;
    reader_init(&reader, bytes_of(whole, size));
    assert_int_equal(produce_request_decode(&reader, 9, *state, &request), STATUS_OK);
    assert_int_equal(reader_remaining(&reader), 0);
    assert_int_equal(request.topic_data[0].partition_data[0].records.size, 3);
}

static void decoding_need_not_consume_all_bytes(void **state)
{
    struct reader reader;
    reader_init(&reader, BYTES(0, 0, 0, 0, 0xaa));
    struct metadata_request request;
    assert_int_equal(metadata_request_decode(&reader, 0, *state, &request), STATUS_OK);
    assert_int_equal(reader_remaining(&reader), 1);
}

static void a_nullable_struct_is_a_pointer(void **state)
{
    struct describe_topic_partitions_request_cursor cursor = {bytes_of_text("t"), 3};
    struct describe_topic_partitions_request request;
    describe_topic_partitions_request_init(&request);
    assert_null(request.cursor);
    request.cursor = &cursor;
    struct writer writer;
    writer_init(&writer, *state);
    describe_topic_partitions_request_encode(&writer, 0, &request);
    struct reader reader;
    reader_init(&reader, writer_result(&writer));
    assert_int_equal(describe_topic_partitions_request_decode(&reader, 0, *state, &request),
                     STATUS_OK);
    assert_non_null(request.cursor);
    assert_int_equal(request.cursor->partition_index, 3);
    assert_true(bytes_equal_text(request.cursor->topic_name, "t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_kafka),
        cmocka_unit_test_setup_teardown(
            fields_that_a_version_lacks_hold_their_defaults_after_decoding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_may_be_only_in_the_versions_that_allow_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_version_outside_the_schema_is_unsupported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_value_that_the_version_cannot_carry_is_refused_unless_ignorable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_of_a_repeated_tag_counts_and_order_does_not_matter,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tag_in_a_version_that_does_not_have_it_is_malformed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_known_tag_of_the_wrong_size_is_malformed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_nested_count_beyond_the_frame_takes_no_memory_for_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_cut_at_any_byte_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decoding_need_not_consume_all_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nullable_struct_is_a_pointer, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("protocol_messages", tests, NULL, NULL);
}
