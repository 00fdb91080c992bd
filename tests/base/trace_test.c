#include "base/trace.h"

#include "tests/base/check.h"

static uint64_t hash_of(const char *subject, const char *event, int64_t number)
{
    struct trace trace;
    trace_init(&trace);
    trace_note(&trace, subject, event, number);
    assert_int_equal(trace.count, 1);
    return trace.hash;
}

/* Equal notes give equal hashes; any difference in what, who or how much shows. */
static void test_hash(void **state)
{
    assert_true(hash_of("journal", "commit", 5) == hash_of("journal", "commit", 5));
    assert_true(hash_of("journal", "commit", 5) != hash_of("journal", "commit", 6));
    assert_true(hash_of("journal", "commit", 5) != hash_of("journal", "commits", 5));
    assert_true(hash_of("journal", "commit", 5) != hash_of("Journal", "commit", 5));
}

/* The order of notes is part of the hash. */
static void test_order(void **state)
{
    struct trace a;
    struct trace b;
    trace_init(&a);
    trace_init(&b);
    trace_note(&a, "x", "y", 1);
    trace_note(&a, "x", "z", 1);
    trace_note(&b, "x", "z", 1);
    trace_note(&b, "x", "y", 1);
    assert_true(a.hash != b.hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
