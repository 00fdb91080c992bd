#include "base/status.h"

#include "tests/base/check.h"

#include <errno.h>
#include <string.h>

/* Every status has a text of its own, and numbers are negative but for OK. */
static void test_texts(void **state)
{
    static const enum status all[] = {
#define X(name, number, text) name,
        STATUS_LIST(X)
#undef X
    };
    size_t count = sizeof all / sizeof all[0];
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i] < 0 || all[i] == STATUS_OK);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(status_text(all[i]), status_text(all[k]));
    }
    assert_string_equal(status_text((enum status)12345), "unknown status");
}

/* The system's errors keep their meaning; one without a better word is an input/output error. */
static void test_from_errno(void **state)
{
    static const struct {
        int error_number;
        enum status status;
    } cases[] = {
        {0, STATUS_OK},
        {ENOENT, STATUS_NOT_FOUND},
        {ENOSPC, STATUS_NO_SPACE},
        {EDQUOT, STATUS_NO_SPACE},
        {EMFILE, STATUS_NO_FILES},
        {ECANCELED, STATUS_CANCELLED},
        {EPIPE, STATUS_CLOSED},
        {ECONNREFUSED, STATUS_REFUSED},
        {EADDRINUSE, STATUS_IN_USE},
        {EAGAIN, STATUS_BUSY},
        {EACCES, STATUS_DENIED},
        {EIO, STATUS_IO},
        {ELOOP, STATUS_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(status_from_errno(cases[i].error_number), cases[i].status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_from_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
