/* An index on disk comes back as it was, or not at all. */
#include "base/prng.h"
#include "storage/index_file.h"
#include "tests/storage/check.h"

#include <stdlib.h>
#include <string.h>

static const struct frame_place place = {{{1, 2, 3}}, 7, 100, 2};

static struct bytes make(uint32_t count)
{
    struct frame_index index = {0};
    for (uint32_t i = 0; i < count; i++)
        frame_index_note(&index, 100 + i * 5, i * (uint64_t)INDEX_INTERVAL_BYTES, 1000 + i);
    struct bytes content =
        index_file_encode(&place, &index, count * (uint64_t)INDEX_INTERVAL_BYTES);
    frame_index_deinit(&index);
    assert_false(bytes_are_null(content));
    return content;
}

static enum status decode(struct bytes content, const struct frame_place *where)
{
    struct frame_index index = {0};
    uint64_t covered_bytes;
    enum status status = index_file_decode(content, where, &index, &covered_bytes);
    assert_true(status == STATUS_OK || index.entries == NULL);
    frame_index_deinit(&index);
    return status;
}

static void comes_back(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 20; count++) {
        struct bytes content = make(count);
        struct frame_index index = {0};
        uint64_t covered_bytes;
        assert_int_equal(index_file_decode(content, &place, &index, &covered_bytes), STATUS_OK);
        assert_int_equal(covered_bytes, count * (uint64_t)INDEX_INTERVAL_BYTES);
        assert_int_equal(index.count, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(index.entries[i].base_offset, 100 + i * 5);
            assert_int_equal(index.entries[i].max_timestamp_ms, 1000 + i);
        }
        frame_index_deinit(&index);
        free((void *)content.data);
    }
}

/* Whatever byte is changed and wherever it is cut, it is refused; so is that of another segment. */
static void notices_every_change(void **state)
{
    (void)state;
    struct bytes content = make(4);
    uint8_t *copy = malloc(content.size + 1);
    memcpy(copy, content.data, content.size);
    for (size_t i = 0; i < content.size; i++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            copy[i] ^= (uint8_t)(1 << bit);
            assert_int_not_equal(decode(bytes_of(copy, content.size), &place), STATUS_OK);
            copy[i] ^= (uint8_t)(1 << bit);
        }
        assert_int_not_equal(decode(bytes_of(copy, i), &place), STATUS_OK);
    }
    assert_int_not_equal(decode(bytes_of(copy, content.size + 1), &place), STATUS_OK);
    for (uint32_t i = 0; i < 4; i++) {
        struct frame_place other = place;
        other.partition += i == 0;
        other.topic_id.bytes[3] ^= i == 1;
        other.segment_base_offset += i == 2;
        other.segment_generation += i == 3;
        assert_int_equal(decode(content, &other), STATUS_CORRUPT);
    }
    free(copy);
    free((void *)content.data);
}

/* Entries that a right checksum speaks for, but that make no sense. */
static void notices_nonsense(void **state)
{
    (void)state;
    static const struct index_entry nonsense[][2] = {
        {{99, 0, 0}, {105, 65536, 0}},   {{100, 0, 0}, {100, 65536, 0}},
        {{100, 65536, 0}, {105, 0, 0}},  {{100, 65536, 0}, {105, 65536, 0}},
        {{100, 0, 0}, {105, 131072, 0}}, {{100, 0, 0}, {105, 65537, 0}},
    };
    for (uint32_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct frame_index index = {(struct index_entry *)nonsense[i], 2, 2};
        struct bytes content = index_file_encode(&place, &index, 131072);
        assert_int_equal(decode(content, &place), STATUS_CORRUPT);
        free((void *)content.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(notices_every_change),
        cmocka_unit_test(notices_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
