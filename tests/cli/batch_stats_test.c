/* Batches added up, as `topic analyze` shows them. */
#include "base/arena.h"
#include "cli/batch_stats.h"
#include "protocol/batch.h"
#include "protocol/batch_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { VALUE_SIZE = 1000 };

static struct bytes make_batch(struct arena *arena, enum compression compression,
                               int64_t timestamp_ms, uint32_t record_count)
{
    static uint8_t value[VALUE_SIZE];
    struct batch_options options = batch_options_plain;
    struct batch_builder builder;
    struct bytes batch;
    options.compression = compression;
    options.level = compression_levels(compression).usual;
    batch_builder_init(&builder, &options, arena);
    for (uint32_t i = 0; i < record_count; i++)
        batch_builder_append_simple(&builder, timestamp_ms + i, (struct bytes){0},
                                    bytes_of(value, sizeof value));
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static void test_counts_and_time(void **state)
{
    /* Batches, records and bytes add up, and the time goes from the first record to the last. */
    struct arena arena;
    struct batch_stats stats;
    arena_init(&arena, 1 << 20);
    batch_stats_init(&stats);
    assert_true(batch_stats_seconds(&stats) == 0);
    struct bytes first = make_batch(&arena, COMPRESSION_NONE, 10000, 3);
    struct bytes second = make_batch(&arena, COMPRESSION_NONE, 11499, 2);
    assert_true(batch_stats_add(&stats, first));
    assert_true(batch_stats_add(&stats, second));
    assert_int_equal(stats.batch_count, 2);
    assert_int_equal(stats.record_count, 5);
    assert_int_equal(stats.bytes, first.size + second.size);
    assert_int_equal(stats.codec_batches[COMPRESSION_NONE], 2);
    assert_true(batch_stats_seconds(&stats) == 1.5);
    assert_true(batch_stats_ratio(&stats) == 0);
    arena_deinit(&arena);
}

static void test_ratio_of_every_codec(void **state)
{
    /* Zeros become smaller with every codec, and the ratio is that of the records alone: headers
     * and batches that are not compressed do not count. */
    struct arena arena;
    arena_init(&arena, 8 << 20);
    struct bytes plain = make_batch(&arena, COMPRESSION_NONE, 0, 10);
    for (uint32_t codec = COMPRESSION_GZIP; codec < COMPRESSION_COUNT; codec++) {
        struct batch_stats stats;
        batch_stats_init(&stats);
        struct bytes batch = make_batch(&arena, (enum compression)codec, 0, 10);
        assert_true(batch_stats_add(&stats, batch));
        assert_true(batch_stats_add(&stats, plain));
        assert_int_equal(stats.codec_batches[codec], 1);
        assert_int_equal(stats.unpacked_bytes, plain.size - BATCH_HEADER_SIZE);
        assert_int_equal(stats.packed_bytes, batch.size - BATCH_HEADER_SIZE);
        assert_true(batch_stats_ratio(&stats) > 5);
    }
    arena_deinit(&arena);
}

static void test_merged_is_as_if_seen_together(void **state)
{
    /* Two halves merged are the whole. */
    struct arena arena;
    struct batch_stats halves[2];
    struct batch_stats whole;
    arena_init(&arena, 1 << 20);
    struct bytes batches[2] = {make_batch(&arena, COMPRESSION_GZIP, 500, 2),
                               make_batch(&arena, COMPRESSION_NONE, 100, 4)};
    batch_stats_init(&whole);
    for (uint32_t i = 0; i < 2; i++) {
        batch_stats_init(&halves[i]);
        assert_true(batch_stats_add(&halves[i], batches[i]));
        assert_true(batch_stats_add(&whole, batches[i]));
    }
    batch_stats_merge(&halves[0], &halves[1]);
    assert_memory_equal(&halves[0], &whole, sizeof whole);
    arena_deinit(&arena);
}

static void test_what_is_no_batch_is_refused(void **state)
{
    /* Neither bytes that are no batch nor compressed records that are cut are counted as good. */
    struct arena arena;
    struct batch_stats stats;
    arena_init(&arena, 1 << 20);
    batch_stats_init(&stats);
    struct bytes batch = make_batch(&arena, COMPRESSION_GZIP, 0, 10);
    assert_false(batch_stats_add(&stats, bytes_of(batch.data, BATCH_HEADER_SIZE - 1)));
    assert_false(batch_stats_add(&stats, bytes_of(batch.data, batch.size - 12)));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_time),
        cmocka_unit_test(test_ratio_of_every_codec),
        cmocka_unit_test(test_merged_is_as_if_seen_together),
        cmocka_unit_test(test_what_is_no_batch_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
