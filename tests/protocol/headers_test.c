/* Frames, headers and the table of APIs. */
#include "protocol/headers.h"

#include "tests/protocol/check.h"

#define BYTES(...) bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static enum status read_header(struct bytes bytes, struct reader *reader,
                               struct request_header *header, const struct api **api)
{
    reader_init(reader, bytes);
    return request_header_read(reader, header, api);
}

static void test_a_classic_header_is_read_to_its_end(void **state)
{
    struct reader reader;
    struct request_header header;
    const struct api *api;
    struct bytes bytes = BYTES(0, 3, 0, 1, 0, 0, 0, 7, 0, 2, 'm', 'e', 0x55);
    assert_int_equal(read_header(bytes, &reader, &header, &api), STATUS_OK);
    assert_string_equal(api->name, "Metadata");
    assert_int_equal(header.request_api_version, 1);
    assert_int_equal(header.correlation_id, 7);
    assert_true(bytes_equal_text(header.client_id, "me"));
    assert_int_equal(reader_u8(&reader), 0x55);
}

static void test_a_flexible_header_keeps_the_classic_client_id_and_skips_tags(void **state)
{
    struct reader reader;
    struct request_header header;
    const struct api *api;
    struct bytes bytes = BYTES(0, 3, 0, 9, 0, 0, 0, 7, 0xff, 0xff, 1, 5, 1, 0xaa, 0x55);
    assert_int_equal(read_header(bytes, &reader, &header, &api), STATUS_OK);
    assert_true(bytes_are_null(header.client_id));
    assert_int_equal(reader_u8(&reader), 0x55);
}

static void test_a_header_of_an_unknown_api_still_tells_its_correlation_id(void **state)
{
    struct reader reader;
    struct request_header header;
    const struct api *api;
    struct bytes bytes = BYTES(0x03, 0xe7, 0, 2, 0, 0, 0, 9);
    assert_int_equal(read_header(bytes, &reader, &header, &api), STATUS_UNSUPPORTED);
    assert_null(api);
    assert_int_equal(header.request_api_key, 999);
    assert_int_equal(header.correlation_id, 9);
}

static void test_the_header_of_an_api_versions_request_from_the_future_is_read(void **state)
{
    struct reader reader;
    struct request_header header;
    const struct api *api;
    struct bytes bytes = BYTES(0, 18, 0x7f, 0xff, 0, 0, 0, 9, 0, 1, 'x', 0);
    assert_int_equal(read_header(bytes, &reader, &header, &api), STATUS_OK);
    assert_false(api_version_is_served(api, header.request_api_version));
    assert_int_equal(header.correlation_id, 9);
    assert_int_equal(reader_remaining(&reader), 0);
}

static void test_a_cut_header_is_truncated_at_every_byte(void **state)
{
    struct bytes whole = BYTES(0, 3, 0, 9, 0, 0, 0, 7, 0, 1, 'x', 0);
    for (size_t size = 0; size < whole.size; size++) {
        struct reader reader;
        struct request_header header;
        const struct api *api;
        struct bytes cut = bytes_of(whole.data, size);
        assert_int_equal(read_header(cut, &reader, &header, &api), STATUS_TRUNCATED);
    }
}

static void test_a_response_header_has_tags_in_flexible_versions_but_never_for_api_versions(
    void **state)
{
    const struct api *metadata = api_find(API_METADATA);
    const struct api *api_versions = api_find(API_API_VERSIONS);
    assert_int_equal(api_response_header_version(metadata, 8), 0);
    assert_int_equal(api_response_header_version(metadata, 9), 1);
    assert_int_equal(api_response_header_version(api_versions, 4), 0);
    struct arena arena;
    arena_init(&arena, 4096);
    struct writer writer;
    writer_init(&writer, &arena);
    response_header_write(&writer, metadata, 9, 7);
    response_header_write(&writer, api_versions, 4, 8);
    struct bytes expected = BYTES(0, 0, 0, 7, 0, 0, 0, 0, 8);
    assert_true(bytes_equal(writer_result(&writer), expected));
    arena_deinit(&arena);
}

static void test_a_frame_counts_what_is_referenced(void **state)
{
    struct arena arena;
    arena_init(&arena, 4096);
    struct writer writer;
    writer_init(&writer, &arena);
    frame_begin(&writer);
    writer_i16(&writer, 1);
    writer_reference(&writer, BYTES(1, 2, 3));
    frame_end(&writer);
    assert_int_equal(load_u32_be(writer.data), 5);
    arena_deinit(&arena);
}

static void test_a_frame_size_is_refused_when_negative_too_small_or_too_large(void **state)
{
    assert_int_equal(frame_check_size(-1, FRAME_SIZE_MAX), STATUS_MALFORMED);
    assert_int_equal(frame_check_size(INT32_MIN, FRAME_SIZE_MAX), STATUS_MALFORMED);
    assert_int_equal(frame_check_size(FRAME_SIZE_MIN - 1, FRAME_SIZE_MAX), STATUS_MALFORMED);
    assert_int_equal(frame_check_size(FRAME_SIZE_MIN, FRAME_SIZE_MAX), STATUS_OK);
    assert_int_equal(frame_check_size(FRAME_SIZE_MAX, FRAME_SIZE_MAX), STATUS_OK);
    assert_int_equal(frame_check_size(INT32_MAX, FRAME_SIZE_MAX), STATUS_TOO_LARGE);
}

static void test_the_table_serves_what_kafka_serves_and_advertises_produce_from_zero(void **state)
{
    const struct api *produce = api_find(API_PRODUCE);
    assert_int_equal(produce->advertised_min, 0);
    assert_int_equal(produce->version_min, 3);
    assert_int_equal(produce->version_max, 13);
    assert_false(api_version_is_served(produce, 2));
    assert_int_equal(api_find(API_API_VERSIONS)->version_max, 4);
    assert_int_equal(api_find(API_INIT_PRODUCER_ID)->version_max, 5);
    assert_int_equal(api_find(API_FIND_COORDINATOR)->version_max, 6);
    for (uint32_t i = 0; i < API_COUNT; i++)
        assert_ptr_equal(api_find(api_at(i)->key), api_at(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_classic_header_is_read_to_its_end),
        cmocka_unit_test(test_a_flexible_header_keeps_the_classic_client_id_and_skips_tags),
        cmocka_unit_test(test_a_header_of_an_unknown_api_still_tells_its_correlation_id),
        cmocka_unit_test(test_the_header_of_an_api_versions_request_from_the_future_is_read),
        cmocka_unit_test(test_a_cut_header_is_truncated_at_every_byte),
        cmocka_unit_test(
            test_a_response_header_has_tags_in_flexible_versions_but_never_for_api_versions),
        cmocka_unit_test(test_a_frame_counts_what_is_referenced),
        cmocka_unit_test(test_a_frame_size_is_refused_when_negative_too_small_or_too_large),
        cmocka_unit_test(test_the_table_serves_what_kafka_serves_and_advertises_produce_from_zero),
    };
    return cmocka_run_group_tests_name("protocol_headers", tests, NULL, NULL);
}
