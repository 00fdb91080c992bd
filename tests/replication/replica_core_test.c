#include "replication/replica_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A leader that is alone in sync has committed what it has made durable. */
static void test_alone_commits_what_is_durable(void **state)
{
    struct replica_core core = {0};
    const int32_t in_sync[] = {1};
    replica_core_lead(&core, 0, in_sync, 1, 1, 10, 0);
    assert_int_equal(core.high_watermark, 10);
    assert_true(replica_core_log_end(&core, 1, 15));
    assert_int_equal(core.high_watermark, 15);
    assert_false(replica_core_log_end(&core, 1, 15));
}

/* The slowest in-sync replica holds the high watermark, and nobody outside the set moves it. */
static void test_slowest_in_sync_replica_decides(void **state)
{
    struct replica_core core = {0};
    const int32_t in_sync[] = {1, 2, 3};
    replica_core_lead(&core, 4, in_sync, 3, 1, 100, 50);
    assert_int_equal(core.high_watermark, 50);
    assert_false(replica_core_log_end(&core, 2, 80));
    assert_true(replica_core_log_end(&core, 3, 70));
    assert_int_equal(core.high_watermark, 70);
    assert_false(replica_core_log_end(&core, 9, 1000));
    assert_true(replica_core_log_end(&core, 3, 100));
    assert_int_equal(core.high_watermark, 80);
}

/* The high watermark never moves back, also when the leadership is taken again with a larger set.
 */
static void test_high_watermark_never_moves_back(void **state)
{
    struct replica_core core = {0};
    const int32_t alone[] = {1};
    const int32_t both[] = {1, 2};
    replica_core_lead(&core, 1, alone, 1, 1, 40, 0);
    assert_int_equal(core.high_watermark, 40);
    replica_core_lead(&core, 2, both, 2, 1, 45, core.high_watermark);
    assert_int_equal(core.high_watermark, 40);
    assert_true(replica_core_log_end(&core, 2, 45));
    assert_int_equal(core.high_watermark, 45);
}

/* An older epoch is fenced, a newer one unknown, and none at all let through. */
static void test_epochs_are_checked(void **state)
{
    struct replica_core core = {0};
    const int32_t in_sync[] = {1};
    replica_core_lead(&core, 5, in_sync, 1, 1, 0, 0);
    assert_int_equal(replica_core_check_epoch(&core, 5), REPLICA_EPOCH_CURRENT);
    assert_int_equal(replica_core_check_epoch(&core, -1), REPLICA_EPOCH_CURRENT);
    assert_int_equal(replica_core_check_epoch(&core, 4), REPLICA_EPOCH_FENCED);
    assert_int_equal(replica_core_check_epoch(&core, 6), REPLICA_EPOCH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_commits_what_is_durable),
        cmocka_unit_test(test_slowest_in_sync_replica_decides),
        cmocka_unit_test(test_high_watermark_never_moves_back),
        cmocka_unit_test(test_epochs_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
