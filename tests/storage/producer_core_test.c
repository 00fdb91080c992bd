/* What a log remembers of idempotent producers. */
#include "protocol/batch.h"
#include "storage/producer_core.h"
#include "tests/storage/check.h"

static struct producer_event event(int64_t producer_id, int16_t epoch, int32_t sequence,
                                   int32_t count, int64_t offset)
{
    return (struct producer_event){producer_id, epoch, sequence, count - 1, offset, 1000};
}

static enum status check(const struct producer_core *core, struct producer_event asked,
                         int64_t *original_offset)
{
    struct producer_batch original = {.base_offset = -1};
    enum status status = producer_core_check(core, &asked, &original);
    if (original_offset != NULL)
        *original_offset = original.base_offset;
    return status;
}

static void note(struct producer_core *core, struct producer_event noted)
{
    assert_true(producer_core_reserve(core, noted.producer_id));
    producer_core_note(core, &noted);
}

static int set_up(void **state)
{
    static struct producer_core core;
    static struct producer_budget budget;
    producer_budget_init(&budget, 1000);
    producer_core_init(&core, 60000, &budget);
    *state = &core;
    return 0;
}

static int tear_down(void **state)
{
    producer_core_deinit(*state);
    return 0;
}

/* The last five batches are recognised, with the offsets of the first time; older ones are gaps. */
static void window_of_five(void **state)
{
    struct producer_core *core = *state;
    for (int32_t i = 0; i < 20; i++) {
        assert_int_equal(check(core, event(1, 0, i * 3, 3, i * 3), NULL), STATUS_OK);
        note(core, event(1, 0, i * 3, 3, 100 + i * 3));
        for (int32_t k = 0; k <= i; k++) {
            int64_t offset;
            enum status status = check(core, event(1, 0, k * 3, 3, 0), &offset);
            bool is_remembered = i - k < PRODUCER_WINDOW;
            assert_int_equal(status, is_remembered ? STATUS_DUPLICATE : STATUS_SEQUENCE_GAP);
            assert_int_equal(offset, is_remembered ? 100 + k * 3 : -1);
        }
    }
}

/* A batch that begins like a known one but has another length is not that one. */
static void other_length_is_a_gap(void **state)
{
    struct producer_core *core = *state;
    note(core, event(1, 0, 0, 3, 0));
    assert_int_equal(check(core, event(1, 0, 0, 2, 0), NULL), STATUS_SEQUENCE_GAP);
    assert_int_equal(check(core, event(1, 0, 4, 1, 0), NULL), STATUS_SEQUENCE_GAP);
    assert_int_equal(check(core, event(1, 0, 3, 1, 0), NULL), STATUS_OK);
}

/* After 2^31-1 comes 0, at every place where a batch may lie around the edge. */
static void sequences_wrap(void **state)
{
    struct producer_core *core = *state;
    for (int32_t before = 0; before < 6; before++) {
        for (int32_t count = 1; count < 8; count++) {
            int64_t id = before * 10 + count;
            int32_t first = INT32_MAX - before;
            note(core, event(id, 0, first, count, 0));
            int32_t next = batch_sequence_add(first, count);
            assert_int_equal(next, count <= before ? first + count : count - before - 1);
            assert_int_equal(check(core, event(id, 0, next, 2, 0), NULL), STATUS_OK);
            int32_t gap = batch_sequence_add(next, 1);
            assert_int_equal(check(core, event(id, 0, gap, 2, 0), NULL), STATUS_SEQUENCE_GAP);
            assert_int_equal(check(core, event(id, 0, first, count, 0), NULL), STATUS_DUPLICATE);
        }
    }
}

/* An older epoch is refused; a newer one begins at 0 and makes the old sequences forgotten. */
static void epochs_fence(void **state)
{
    struct producer_core *core = *state;
    note(core, event(1, 3, 0, 1, 0));
    assert_int_equal(check(core, event(1, 2, 1, 1, 0), NULL), STATUS_STALE_EPOCH);
    assert_int_equal(check(core, event(1, 4, 1, 1, 0), NULL), STATUS_SEQUENCE_GAP);
    assert_int_equal(check(core, event(1, 4, 0, 1, 0), NULL), STATUS_OK);
    note(core, event(1, 4, 0, 1, 7));
    int64_t offset;
    assert_int_equal(check(core, event(1, 4, 0, 1, 0), &offset), STATUS_DUPLICATE);
    assert_int_equal(offset, 7);
    assert_int_equal(producer_core_find(core, 1)->batch_count, 1);
}

/* Without an epoch (-1) no sequence is a gap, and whatever comes with one begins anew anywhere;
 * what is below even that is refused to anybody. */
static void epochs_that_are_none(void **state)
{
    struct producer_core *core = *state;
    assert_int_equal(check(core, event(1, -2, 0, 1, 0), NULL), STATUS_STALE_EPOCH);
    note(core, event(1, -1, 0, 1, 0));
    assert_int_equal(check(core, event(1, -2, 0, 1, 0), NULL), STATUS_STALE_EPOCH);
    assert_int_equal(check(core, event(1, -1, 0, 1, 0), NULL), STATUS_DUPLICATE);
    assert_int_equal(check(core, event(1, -1, 5, 1, 0), NULL), STATUS_OK);
    assert_int_equal(check(core, event(1, 0, 3, 1, 0), NULL), STATUS_OK);
}

/* An unknown producer, and one that was silent for too long, may begin at any sequence. */
static void unknown_and_expired(void **state)
{
    struct producer_core *core = *state;
    assert_int_equal(check(core, event(1, 5, 1234, 1, 0), NULL), STATUS_OK);
    note(core, event(1, 5, 1234, 1, 0));
    struct producer_event late = event(1, 5, 99, 1, 1);
    late.now_ms = 1000 + 59999;
    assert_int_equal(check(core, late, NULL), STATUS_SEQUENCE_GAP);
    late.now_ms = 1000 + 60000;
    assert_int_equal(check(core, late, NULL), STATUS_OK);
    producer_core_expire(core, 1000 + 59999);
    assert_non_null(producer_core_find(core, 1));
    producer_core_expire(core, 1000 + 60000);
    assert_null(producer_core_find(core, 1));
}

/* A reservation whose batch was then refused leaves the producer as unknown as before: its next
 * batch may start at any sequence, and the reservation does not stay for ever. */
static void reservation_is_not_knowledge(void **state)
{
    struct producer_core *core = *state;
    assert_true(producer_core_reserve(core, 1));
    assert_int_equal(check(core, event(1, 3, 700, 1, 0), NULL), STATUS_OK);
    producer_core_expire(core, 1000);
    assert_null(producer_core_find(core, 1));
    note(core, event(1, 3, 700, 1, 0));
    assert_int_equal(check(core, event(1, 3, 700, 1, 0), NULL), STATUS_DUPLICATE);
}

/* When all places are taken, whoever was silent longest makes room for the newcomer, on whatever
 * log it wrote, and may then begin anywhere; who was heard meanwhile stays. */
static void silent_makes_room(void **state)
{
    struct producer_core *core = *state;
    struct producer_core other;
    struct producer_budget *budget = core->budget;
    budget->count_max = 3;
    producer_core_init(&other, 60000, budget);
    note(core, event(1, 0, 0, 1, 0));
    note(&other, event(2, 0, 0, 1, 0));
    note(core, event(3, 0, 0, 1, 1));
    note(core, event(1, 0, 1, 1, 2));
    assert_int_equal(budget->forgotten_count, 0);
    note(core, event(4, 0, 0, 1, 3));
    assert_null(producer_core_find(&other, 2));
    assert_int_equal(check(&other, event(2, 0, 9, 1, 0), NULL), STATUS_OK);
    note(&other, event(5, 0, 0, 1, 1));
    assert_null(producer_core_find(core, 3));
    assert_int_equal(check(core, event(1, 0, 1, 1, 0), NULL), STATUS_DUPLICATE);
    assert_int_equal(budget->forgotten_count, 2);
    assert_int_equal(budget->count, 3);
    producer_core_deinit(&other);
    assert_int_equal(budget->count, 2);
}

static void transact(struct producer_core *core, int64_t producer_id, int64_t offset)
{
    struct producer_event first = event(producer_id, 0, 0, 1, offset);
    first.is_transactional = true;
    assert_true(producer_core_reserve_transaction(core));
    note(core, first);
}

/* An open transaction keeps its place: with nothing but those there is no room. Its marker makes
 * its producer one of the silent. */
static void open_transactions_stay(void **state)
{
    struct producer_core *core = *state;
    core->budget->count_max = 2;
    transact(core, 1, 0);
    transact(core, 2, 1);
    assert_false(producer_core_reserve(core, 3));
    assert_int_equal(core->budget->forgotten_count, 0);
    struct aborted_transaction aborted;
    producer_core_note_marker(core, &(struct producer_marker){1, 0, 0, false, 2, 1000}, &aborted);
    note(core, event(3, 0, 0, 1, 3));
    assert_null(producer_core_find(core, 1));
    assert_non_null(producer_core_find(core, 2));
}

/* A start restores all that was known, even beyond the limit, so that no open transaction misses
 * its producer; the next newcomer brings the number back below. */
static void restored_beyond_the_limit(void **state)
{
    struct producer_core *core = *state;
    struct producer_core restored;
    struct producer_budget budget;
    for (int64_t id = 1; id <= 9; id++)
        note(core, event(id, 0, 0, 1, id));
    producer_budget_init(&budget, 4);
    producer_core_init(&restored, 60000, &budget);
    for (int64_t id = 1; id <= 9; id++)
        assert_true(producer_core_restore(&restored, producer_core_find(core, id)));
    assert_int_equal(budget.count, 9);
    struct transaction open = {
        .producer_id = 1, .first_offset = 1, .last_offset = TRANSACTION_OPEN};
    assert_int_equal(producer_core_restore_transaction(&restored, &open), STATUS_OK);
    note(&restored, event(10, 0, 0, 1, 10));
    assert_int_equal(budget.count, 4);
    assert_non_null(producer_core_find(&restored, 1));
    producer_core_deinit(&restored);
}

/* What was saved and put back answers like the original. */
static void restored_equals_original(void **state)
{
    struct producer_core *core = *state;
    struct producer_core copy;
    producer_core_init(&copy, 60000, NULL);
    for (int32_t i = 0; i < 9; i++)
        note(core, event(1, 0, i, 1, i));
    assert_true(producer_core_restore(&copy, producer_core_find(core, 1)));
    for (int32_t sequence = 0; sequence < 12; sequence++) {
        int64_t offset, copied_offset;
        assert_int_equal(check(core, event(1, 0, sequence, 1, 0), &offset),
                         check(&copy, event(1, 0, sequence, 1, 0), &copied_offset));
        assert_int_equal(offset, copied_offset);
    }
    producer_core_deinit(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(window_of_five, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_length_is_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sequences_wrap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epochs_fence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epochs_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_and_expired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reservation_is_not_knowledge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silent_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_transactions_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restored_beyond_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restored_equals_original, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
