/* Which leader epoch begins where. */
#include "storage/epoch_core.h"
#include "tests/storage/check.h"

static void note(struct epoch_core *core, int32_t epoch, int64_t offset)
{
    assert_true(epoch_core_reserve(core));
    epoch_core_note(core, epoch, offset);
}

static void check_end(const struct epoch_core *core, int32_t epoch, bool found, int32_t found_epoch,
                      int64_t end_offset)
{
    int32_t answer_epoch = -1;
    int64_t answer_offset = -1;
    assert_int_equal(epoch_core_end(core, epoch, 100, &answer_epoch, &answer_offset), found);
    assert_int_equal(answer_epoch, found_epoch);
    assert_int_equal(answer_offset, end_offset);
}

/* An epoch ends where the next one with batches begins, the newest at the end of the log; an epoch
 * without batches is answered with the one before (KIP-279). Epoch 0 counts. */
static void ends_of_epochs(void **state)
{
    struct epoch_core core;
    epoch_core_init(&core);
    check_end(&core, 5, false, -1, -1);
    note(&core, 0, 0);
    note(&core, 0, 10);
    note(&core, 3, 40);
    note(&core, 2, 50);
    note(&core, 7, 60);
    check_end(&core, -1, false, -1, -1);
    check_end(&core, 0, true, 0, 40);
    check_end(&core, 2, true, 0, 40);
    check_end(&core, 3, true, 3, 60);
    check_end(&core, 6, true, 3, 60);
    check_end(&core, 7, true, 7, 100);
    check_end(&core, 99, true, 7, 100);
    assert_int_equal(epoch_core_last(&core), 7);
    epoch_core_deinit(&core);
}

static void epoch_of_offset(void **state)
{
    struct epoch_core core;
    epoch_core_init(&core);
    assert_int_equal(epoch_core_at(&core, 0), -1);
    note(&core, 1, 5);
    note(&core, 4, 9);
    assert_int_equal(epoch_core_at(&core, 4), -1);
    assert_int_equal(epoch_core_at(&core, 5), 1);
    assert_int_equal(epoch_core_at(&core, 8), 1);
    assert_int_equal(epoch_core_at(&core, 9), 4);
    epoch_core_deinit(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_epochs),
        cmocka_unit_test(epoch_of_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
