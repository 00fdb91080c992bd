#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { US = 1000 };

static void test_durations_fall_into_their_powers(void **state)
{
    /* A duration is below every power of two that is greater than it, and below no other. */
    static const uint64_t durations_us[] = {0, 1, 2, 3, 4, 5, 7, 8, 100, 1023, 1024, 1 << 20};
    for (size_t i = 0; i < sizeof durations_us / sizeof durations_us[0]; i++) {
        struct metric_histogram histogram = {0};
        metric_histogram_add_ns(&histogram, durations_us[i] * US + 999);
        assert_int_equal(metric_histogram_count(&histogram), 1);
        assert_int_equal(histogram.sum_us, durations_us[i]);
        for (uint32_t power = 0; power < METRIC_POWER_MAX; power++)
            assert_int_equal(metric_histogram_count_below(&histogram, power),
                             durations_us[i] < 1ull << power);
    }
}

static void test_buckets_grow_with_the_duration(void **state)
{
    /* Longer durations never fall into an earlier bucket, and neighbours are a quarter apart at
     * most; what is longer than the longest is counted there. */
    uint32_t previous = 0;
    for (uint64_t us = 0; us < 1ull << (METRIC_POWER_MAX + 2); us += us / 8 + 1) {
        struct metric_histogram histogram = {0};
        metric_histogram_add_ns(&histogram, us * US);
        uint32_t bucket = 0;
        while (histogram.counts[bucket] == 0)
            bucket++;
        assert_in_range(bucket, previous, previous + 1);
        previous = bucket;
    }
    assert_int_equal(previous, METRIC_BUCKET_COUNT - 1);
}

static void test_cores_add_up(void **state)
{
    /* Two cores merged show what both have counted, and the greater of what has no sum. */
    struct metrics *cores = calloc(2, sizeof *cores);
    assert_non_null(cores);
    metrics_add(&cores[0], METRIC_JOURNAL_BYTES, 5);
    metrics_add(&cores[1], METRIC_JOURNAL_BYTES, 7);
    metrics_observe_ns(&cores[0], METRIC_HISTOGRAM_JOURNAL_COMMIT, 10 * US);
    metrics_observe_ns(&cores[1], METRIC_HISTOGRAM_JOURNAL_COMMIT, 30 * US);
    metrics_raise(&cores[0], METRIC_MAX_DIRTY_PERCENT, 30);
    metrics_raise(&cores[1], METRIC_MAX_DIRTY_PERCENT, 50);
    metrics_raise(&cores[1], METRIC_MAX_DIRTY_PERCENT, 40);
    metrics_merge(&cores[0], &cores[1]);
    const struct metric_histogram *commits = &cores[0].histograms[METRIC_HISTOGRAM_JOURNAL_COMMIT];
    assert_int_equal(cores[0].values[METRIC_JOURNAL_BYTES], 12);
    assert_int_equal(cores[0].values[METRIC_MAX_DIRTY_PERCENT], 50);
    assert_int_equal(metric_histogram_count(commits), 2);
    assert_int_equal(commits->sum_us, 40);
    assert_int_equal(metric_histogram_count_below(commits, 4), 1);
    free(cores);
}

static void test_names_are_prometheus_names(void **state)
{
    /* Names have letters, digits and _ alone, and no two rows share one; counters end in _total. */
    const struct metric_row *rows[METRIC_COUNT + METRIC_HISTOGRAM_COUNT + METRIC_LABELLED_COUNT];
    size_t count = 0;
    for (uint32_t i = 0; i < METRIC_COUNT; i++)
        rows[count++] = &metric_rows[i];
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++)
        rows[count++] = &metric_histogram_rows[i];
    for (uint32_t i = 0; i < METRIC_LABELLED_COUNT; i++)
        rows[count++] = &metric_labelled_rows[i];
    for (size_t i = 0; i < count; i++) {
        const char *name = rows[i]->name;
        size_t size = strlen(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), size);
        bool is_counter =
            rows[i]->type == METRIC_COUNTER || rows[i]->type == METRIC_COUNTER_SECONDS;
        assert_int_equal(is_counter, strcmp(name + size - 6, "_total") == 0);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(name, rows[other]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_fall_into_their_powers),
        cmocka_unit_test(test_buckets_grow_with_the_duration),
        cmocka_unit_test(test_cores_add_up),
        cmocka_unit_test(test_names_are_prometheus_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
