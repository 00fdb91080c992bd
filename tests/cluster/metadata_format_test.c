/* What is written to the files of the metadata is read back, and no flipped bit goes unnoticed. */
#include "cluster/metadata_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct metadata_entry entries[] = {
    {1, METADATA_ENTRY_CHANGE, {(const uint8_t *)"who votes", 9}},
    {1, METADATA_ENTRY_COMMAND, {(const uint8_t *)"records", 7}},
    {2, METADATA_ENTRY_BARRIER, {(const uint8_t *)"", 0}},
};

static void test_a_batch_is_read_back_entry_by_entry(void **state)
{
    size_t size = metadata_batch_size(entries, 3);
    uint8_t *bytes = malloc(size);
    struct metadata_batch batch;
    struct metadata_entry entry;
    size_t position = 0;
    assert_int_equal(size, METADATA_BLOCK_SIZE);
    metadata_batch_encode(77, 10, entries, 3, bytes);
    assert_int_equal(metadata_batch_decode(bytes_of(bytes, size), &batch), STATUS_OK);
    assert_int_equal(batch.file_id, 77);
    assert_int_equal(batch.first_index, 10);
    assert_int_equal(batch.size_bytes, size);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(metadata_batch_entry(&batch, &position, &entry));
        assert_int_equal(entry.term, entries[i].term);
        assert_int_equal(entry.kind, entries[i].kind);
        assert_true(bytes_equal(entry.data, entries[i].data));
    }
    assert_false(metadata_batch_entry(&batch, &position, &entry));
    free(bytes);
}

static void test_a_batch_with_any_flipped_bit_is_refused(void **state)
{
    enum { USED = 32 + 3 * 16 + 16 };
    uint8_t bytes[METADATA_BLOCK_SIZE];
    struct metadata_batch batch;
    metadata_batch_encode(77, 10, entries, 3, bytes);
    for (uint32_t bit = 0; bit < USED * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(metadata_batch_decode(bytes_of(bytes, sizeof bytes), &batch),
                         STATUS_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(metadata_batch_decode(bytes_of(bytes, USED - 1), &batch), STATUS_CORRUPT);
    assert_int_equal(metadata_batch_decode(bytes_of(bytes, 8), &batch), STATUS_CORRUPT);
    assert_int_equal(metadata_batch_decode(bytes_of(bytes, 0), &batch), STATUS_NOT_FOUND);
}

static void test_state_header_and_snapshot_are_read_back_or_refused(void **state)
{
    struct metadata_state kept = {.term = 4, .vote = 2, .stored_index = 9, .server_id = 3};
    struct metadata_state read;
    uint8_t bytes[METADATA_STATE_SIZE];
    metadata_state_encode(&kept, bytes);
    assert_int_equal(metadata_state_decode(bytes_of(bytes, sizeof bytes), &read), STATUS_OK);
    assert_memory_equal(&kept, &read, sizeof kept);
    for (uint32_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(metadata_state_decode(bytes_of(bytes, sizeof bytes), &read),
                         STATUS_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(metadata_state_decode(bytes_of(bytes, 10), &read), STATUS_CORRUPT);

    struct metadata_log_header header = {5, 6};
    struct metadata_log_header header_read;
    uint8_t block[METADATA_BLOCK_SIZE];
    metadata_log_header_encode(&header, block);
    assert_int_equal(metadata_log_header_decode(bytes_of(block, sizeof block), &header_read),
                     STATUS_OK);
    assert_memory_equal(&header, &header_read, sizeof header);
    block[4000] = 1;
    assert_int_equal(metadata_log_header_decode(bytes_of(block, sizeof block), &header_read),
                     STATUS_CORRUPT);
}

static void test_a_snapshot_is_read_back_or_refused(void **state)
{
    struct metadata_snapshot kept = {.index = 20,
                                     .term = 3,
                                     .configuration_index = 1,
                                     .configuration = bytes_of("voters", 6),
                                     .records = bytes_of("everything", 10)};
    struct metadata_snapshot read;
    uint8_t bytes[128];
    size_t size = metadata_snapshot_size(&kept);
    metadata_snapshot_encode(&kept, bytes);
    assert_int_equal(metadata_snapshot_decode(bytes_of(bytes, size), &read), STATUS_OK);
    assert_int_equal(read.index, 20);
    assert_true(bytes_equal(read.configuration, kept.configuration));
    assert_true(bytes_equal(read.records, kept.records));
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(metadata_snapshot_decode(bytes_of(bytes, cut), &read), STATUS_CORRUPT);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(metadata_snapshot_decode(bytes_of(bytes, size), &read), STATUS_CORRUPT);
        bytes[i] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_is_read_back_entry_by_entry),
        cmocka_unit_test(test_a_batch_with_any_flipped_bit_is_refused),
        cmocka_unit_test(test_state_header_and_snapshot_are_read_back_or_refused),
        cmocka_unit_test(test_a_snapshot_is_read_back_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
