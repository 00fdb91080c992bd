/* What a trace says of bytes tells apart what differs at all. */
#include "sim/content.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SIZE_MAX_TRIED = 100 };

static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 37 + 11);
}

/* Any bit counts, wherever it is. */
static void every_bit_counts(void **state)
{
    uint8_t data[SIZE_MAX_TRIED];
    fill(data, sizeof data);
    for (size_t size = 1; size <= sizeof data; size++) {
        uint64_t hash = content_hash(data, size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(content_hash(data, size) != hash);
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(content_hash(data, size) == hash);
    }
}

/* So does the size, also of zeros, and the order of words. */
static void size_and_order_count(void **state)
{
    const uint8_t zeros[SIZE_MAX_TRIED] = {0};
    for (size_t size = 1; size < sizeof zeros; size++)
        assert_true(content_hash(zeros, size) != content_hash(zeros, size - 1));

    uint64_t words[8] = {0};
    for (size_t i = 0; i < 8; i++) {
        words[i] = 1;
        uint64_t hash = content_hash((const uint8_t *)words, sizeof words);
        words[i] = 0;
        for (size_t k = 0; k < i; k++) {
            words[k] = 1;
            assert_true(content_hash((const uint8_t *)words, sizeof words) != hash);
            words[k] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(size_and_order_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
