/* Which log is compacted, up to where, and what becomes one segment. */
#include "storage/compaction_core.h"

#include "tests/storage/check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { KIB = 1024 };

/* Four segments of 100 offsets, of 64 KiB each, written one second after the other; the last is
 * active. */
static const struct compaction_segment segments[] = {
    {0, 64 * KIB, 1000, 500},
    {100, 64 * KIB, 2000, 1500},
    {200, 64 * KIB, 3000, 2500},
    {300, 64 * KIB, 4000, 3500},
};

static struct compaction_log usual(void)
{
    return (struct compaction_log){
        .segments = segments,
        .segment_count = COUNT_OF(segments),
        .limit_offset = 400,
        .max_lag_ms = INT64_MAX,
        .min_dirty_ppm = 500000,
    };
}

/* A pass goes from the cleaned offset to the beginning of the first segment that must stay, and is
 * due when enough of it is dirty. */
static void where_a_pass_goes(void **state)
{
    static const struct {
        const char *what;
        int64_t start_offset;
        int64_t cleaned_offset;
        int64_t limit_offset;
        int64_t min_lag_ms;
        uint32_t min_dirty_ppm;
        int64_t dirty_offset;
        int64_t end_offset;
        uint32_t dirty_ppm;
        bool is_due;
    } cases[] = {
        {"never compacted", 0, 0, 400, 0, 500000, 0, 300, 1000000, true},
        {"a third is dirty", 0, 200, 400, 0, 500000, 200, 300, 333333, false},
        {"a third is enough", 0, 200, 400, 0, 300000, 200, 300, 333333, true},
        {"exactly the share is not", 0, 100, 200, 0, 500000, 100, 200, 500000, false},
        {"one more millionth is", 0, 100, 200, 0, 499999, 100, 200, 500000, true},
        {"all is clean", 0, 300, 400, 0, 0, 300, 300, 0, false},
        {"watermark inside the second", 0, 0, 150, 0, 0, 0, 100, 1000000, true},
        {"watermark at its end", 0, 0, 200, 0, 0, 0, 200, 1000000, true},
        {"watermark inside the first", 0, 0, 99, 0, 0, 0, 0, 0, false},
        {"a young segment", 0, 0, 400, 8001, 0, 0, 100, 1000000, true},
        {"the same, clean", 0, 200, 400, 7500, 0, 200, 200, 0, false},
        {"ended inside a segment", 0, 150, 400, 0, 0, 150, 300, 666666, true},
        {"start above what is clean", 250, 100, 400, 0, 0, 250, 300, 333333, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct compaction_log log = usual();
        struct compaction_need need;
        log.start_offset = cases[i].start_offset;
        log.cleaned_offset = cases[i].cleaned_offset;
        log.limit_offset = cases[i].limit_offset;
        log.min_lag_ms = cases[i].min_lag_ms;
        log.min_dirty_ppm = cases[i].min_dirty_ppm;
        compaction_judge(&log, 10000, &need);
        if (need.dirty_offset != cases[i].dirty_offset || need.end_offset != cases[i].end_offset ||
            need.dirty_ppm != cases[i].dirty_ppm || need.is_due != cases[i].is_due)
            fail_msg("%s: %d to %d, %u, %d", cases[i].what, (int)need.dirty_offset,
                     (int)need.end_offset, need.dirty_ppm, need.is_due);
    }
}

/* Without a segment behind it nothing is compacted: the active one never is. */
static void active_segment_stays(void **state)
{
    for (uint32_t count = 0; count < 2; count++) {
        struct compaction_log log = usual();
        struct compaction_need need;
        log.segment_count = count;
        log.min_dirty_ppm = 0;
        compaction_judge(&log, 10000, &need);
        assert_false(need.is_due);
    }
}

/* What has waited for longer than the lag makes a pass due, by when its segment was begun, or where
 * that is not known by its newest record. */
static void waiting_too_long(void **state)
{
    struct compaction_segment unknown[COUNT_OF(segments)];
    struct compaction_log log = usual();
    struct compaction_need need;
    log.cleaned_offset = 200;
    log.max_lag_ms = 1000;
    compaction_judge(&log, 3500, &need);
    assert_false(need.is_due);
    compaction_judge(&log, 3501, &need);
    assert_true(need.is_due);

    for (uint32_t i = 0; i < COUNT_OF(segments); i++) {
        unknown[i] = segments[i];
        unknown[i].created_ms = -1;
    }
    log.segments = unknown;
    compaction_judge(&log, 4000, &need);
    assert_false(need.is_due);
    compaction_judge(&log, 4001, &need);
    assert_true(need.is_due);
    log.cleaned_offset = 300;
    compaction_judge(&log, 1000000, &need);
    assert_false(need.is_due);
}

/* As many segments as fit together into one, by size and by offsets of 31 bits. */
static void what_becomes_one(void **state)
{
    static const struct compaction_segment far[] = {
        {0, 4096, 1, 1}, {1000, 4096, 1, 1}, {INT32_MAX - 10ll, 4096, 1, 1}};
    static const struct {
        const struct compaction_segment *segments;
        uint32_t count;
        int64_t end_offset;
        uint64_t bytes_max;
        uint32_t taken;
    } cases[] = {
        {segments, 3, 300, 192 * KIB, 3},
        {segments, 3, 300, 192 * KIB - 1, 2},
        {segments, 3, 300, 1, 1}, /* a segment that has grown too large stays alone */
        {segments, 1, 100, 1 << 30, 1},
        {far, 3, INT32_MAX + 1ll, 1 << 30, 3},
        {far, 3, INT32_MAX + 2ll, 1 << 30, 2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(compaction_group_count(cases[i].segments, cases[i].count,
                                                cases[i].end_offset, cases[i].bytes_max),
                         cases[i].taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_pass_goes),
        cmocka_unit_test(active_segment_stays),
        cmocka_unit_test(waiting_too_long),
        cmocka_unit_test(what_becomes_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
