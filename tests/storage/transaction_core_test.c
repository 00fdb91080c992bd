/* Which transactions are not decided, and what markers are read as. */
#include "base/arena.h"
#include "protocol/batch_build.h"
#include "storage/aborted_list.h"
#include "storage/marker.h"
#include "storage/producer_core.h"
#include "tests/storage/check.h"

/* The first unstable offset moves when the markers of all that began before are committed, in
 * whatever order they came. */
static void unstable_until_committed(void **state)
{
    struct transaction_core core = {0};
    assert_true(transaction_core_first_unstable(&core) == INT64_MAX);
    for (int64_t i = 0; i < 6; i++) {
        assert_true(transaction_core_reserve(&core));
        transaction_core_begin(&core, i, i * 10);
    }
    transaction_core_end(&core, 30, 60);
    transaction_core_end(&core, 0, 61);
    transaction_core_end(&core, 10, 62);
    assert_int_equal(transaction_core_first_unstable(&core), 0);
    transaction_core_commit(&core, 61);
    assert_int_equal(transaction_core_first_unstable(&core), 0);
    assert_int_equal(core.count, 5);
    transaction_core_commit(&core, 62);
    assert_int_equal(transaction_core_first_unstable(&core), 10);
    transaction_core_commit(&core, 63);
    assert_int_equal(transaction_core_first_unstable(&core), 20);
    transaction_core_end(&core, 20, 70);
    transaction_core_commit(&core, INT64_MAX);
    assert_int_equal(transaction_core_first_unstable(&core), 40);
    assert_int_equal(core.count, 2);
    transaction_core_deinit(&core);
}

/* What overlaps a range, and no more; by first offset. */
static void select_and_sort(void **state)
{
    struct aborted_list list = {0};
    struct aborted_list chosen = {0};
    static const struct aborted_transaction all[] = {
        {1, 10, 20}, {2, 5, 21}, {3, 22, 23}, {4, 0, 30}};
    assert_int_equal(aborted_list_begin(&list), -1);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(aborted_list_push(&list, &all[i]));
    assert_int_equal(aborted_list_begin(&list), 0);
    assert_true(aborted_list_select(&list, 21, 22, &chosen));
    aborted_list_sort(&chosen);
    assert_int_equal(chosen.count, 2);
    assert_int_equal(chosen.entries[0].producer_id, 4);
    assert_int_equal(chosen.entries[1].producer_id, 2);
    aborted_list_deinit(&chosen);
    aborted_list_deinit(&list);
}

static struct producer_core *core_with_open_transaction(int64_t now_ms)
{
    static struct producer_core core;
    producer_core_init(&core, 1000, NULL);
    assert_true(producer_core_reserve(&core, 7));
    assert_true(producer_core_reserve_transaction(&core));
    producer_core_note(&core, &(struct producer_event){7, 2, 0, 0, 40, now_ms, true});
    return &core;
}

/* A producer is not forgotten before its marker has come, and the time of that is what counts then.
 */
static void open_transaction_is_kept(void **state)
{
    struct producer_core *core = core_with_open_transaction(100);
    struct aborted_transaction aborted;
    producer_core_expire(core, 1000000);
    assert_non_null(producer_core_find(core, 7));
    struct producer_marker marker = {7, 2, 3, true, 50, 2000000};
    assert_int_equal(producer_core_check_marker(core, &marker), STATUS_OK);
    assert_true(producer_core_note_marker(core, &marker, &aborted));
    assert_int_equal(aborted.first_offset, 40);
    assert_int_equal(aborted.last_offset, 50);
    producer_core_expire(core, 2000999);
    assert_non_null(producer_core_find(core, 7));
    producer_core_expire(core, 2001000);
    assert_null(producer_core_find(core, 7));
    producer_core_deinit(core);
}

/* A marker with a newer epoch begins it: the first sequence is due. */
static void marker_brings_epoch(void **state)
{
    struct producer_core *core = core_with_open_transaction(100);
    struct aborted_transaction aborted;
    struct producer_batch original;
    struct producer_marker marker = {7, 3, 0, false, 50, 100};
    assert_false(producer_core_note_marker(core, &marker, &aborted));
    struct producer_event old = {7, 2, 1, 0, 0, 100, true};
    struct producer_event first = {7, 3, 0, 0, 0, 100, true};
    struct producer_event other = {7, 3, 1, 0, 0, 100, true};
    assert_int_equal(producer_core_check(core, &old, &original), STATUS_STALE_EPOCH);
    assert_int_equal(producer_core_check(core, &first, &original), STATUS_OK);
    assert_int_equal(producer_core_check(core, &other, &original), STATUS_SEQUENCE_GAP);
    producer_core_deinit(core);
}

/* Only whole markers of the two known types are read as such. */
static void read_markers(void **state)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (uint8_t type = 0; type < 6; type++) {
        for (size_t value_size = 4; value_size < 9; value_size++) {
            struct batch_builder builder;
            struct bytes batch;
            struct marker marker;
            uint8_t key[4] = {0, 0, 0, type};
            uint8_t value[9] = {0, 0, 0, 0, 1, 2};
            batch_builder_init(&builder, &batch_options_plain, &arena);
            batch_builder_append_simple(&builder, 1, bytes_of(key, 4), bytes_of(value, value_size));
            assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
            bool is_marker = marker_read(batch, &marker);
            assert_int_equal(is_marker, type < 2 && value_size >= 6);
            if (!is_marker)
                continue;
            assert_int_equal(marker.is_abort, type == 0);
            assert_int_equal(marker.coordinator_epoch, 258);
        }
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unstable_until_committed),
        cmocka_unit_test(select_and_sort),
        cmocka_unit_test(open_transaction_is_kept),
        cmocka_unit_test(marker_brings_epoch),
        cmocka_unit_test(read_markers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
