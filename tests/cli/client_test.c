#include "cli/client.h"

#include "protocol/messages/api_versions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wait_ms(int file)
{
    struct timeval limit;
    socklen_t size = sizeof limit;
    assert_int_equal(getsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, &size), 0);
    return (int64_t)limit.tv_sec * 1000 + limit.tv_usec / 1000;
}

/* A broker is granted much, and the tool listens for longer: otherwise it would give up before it
 * is told what has become of the request. */
static void test_an_answer_is_waited_for_longer_than_was_granted(void **state)
{
    static const char *const settings[] = {NULL, "60000", "200", "2147483647"};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct tool tool;
        int files[2];
        tool_init(&tool);
        if (settings[i] != NULL)
            tool.settings[tool.setting_count++] =
                (struct setting){"socket.timeout.ms", settings[i]};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, files), 0);
        struct api_versions_response_api_version served = {.api_key = API_DELETE_RECORDS,
                                                           .max_version = 2};
        struct api_versions_response versions = {.api_keys = &served, .api_keys_count = 1};
        struct connection connection = {.tool = &tool, .file = files[0], .versions = &versions};
        struct call call;
        assert_true(call_begin(&call, &connection, API_DELETE_RECORDS));
        int32_t granted_ms = call_grant_ms(&call);
        assert_true(granted_ms > 0);
        assert_true(wait_ms(files[0]) > granted_ms);
        assert_int_equal(granted_ms, tool_change_timeout_ms(&tool) * (int64_t)3 / 4);
        client_close(&connection);
        close(files[1]);
        tool_deinit(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_waited_for_longer_than_was_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
