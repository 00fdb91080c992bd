/* What the admin listener makes of bytes that come to it. */
#include "broker/http_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_requests_and_verdicts(void **state)
{
    static const struct {
        const char *text;
        enum http_status status;
        const char *path;
        bool is_head;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, "/metrics", false},
        {"GET /metrics HTTP/1.0\r\n\r\n", HTTP_OK, "/metrics", false},
        {"HEAD / HTTP/1.1\r\n\r\n", HTTP_OK, "/", true},
        {"GET /metrics?name[]=a b HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"GET /metrics?name=a HTTP/1.1\r\n\r\n", HTTP_OK, "/metrics", false},
        {"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", HTTP_OK, "/a", false},
        {"", HTTP_INCOMPLETE, NULL, false},
        {"GET /metrics HTTP/1.1\r\nHost: a\r\n", HTTP_INCOMPLETE, NULL, false},
        {"POST /metrics HTTP/1.1\r\n\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false},
        {"get / HTTP/1.1\r\n\r\n", HTTP_METHOD_NOT_ALLOWED, NULL, false},
        {"GET metrics HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"GET  HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"GET / HTTP/2\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"GET /\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
        {"\x16\x03\x01\x02\r\n\r\n", HTTP_BAD_REQUEST, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        assert_int_equal(http_request_read(bytes_of_text(cases[i].text), &request),
                         cases[i].status);
        assert_true(cases[i].path == NULL || bytes_equal_text(request.path, cases[i].path));
        assert_int_equal(request.is_head, cases[i].is_head);
    }
}

static void test_headers_without_end_are_refused(void **state)
{
    /* A request that does not end within its limit is told so, one byte less is waited for. */
    static uint8_t endless[HTTP_REQUEST_BYTES_MAX];
    struct http_request request;
    memset(endless, 'a', sizeof endless);
    assert_int_equal(http_request_read(bytes_of(endless, sizeof endless - 1), &request),
                     HTTP_INCOMPLETE);
    assert_int_equal(http_request_read(bytes_of(endless, sizeof endless), &request),
                     HTTP_HEADERS_TOO_LARGE);
}

static void test_every_head_fits(void **state)
{
    /* The head of each answer says its status, and where the body ends. */
    static const enum http_status statuses[] = {HTTP_OK,          HTTP_BAD_REQUEST,
                                                HTTP_NOT_FOUND,   HTTP_METHOD_NOT_ALLOWED,
                                                HTTP_UNAVAILABLE, HTTP_HEADERS_TOO_LARGE};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char head[HTTP_HEAD_BYTES_MAX];
        size_t size = http_response_head(statuses[i], "text/plain; version=0.0.4; charset=utf-8",
                                         SIZE_MAX, head);
        assert_int_equal(strlen(head), size);
        assert_non_null(strstr(head, http_status_text(statuses[i])));
        assert_non_null(strstr(head, "Content-Length: 18446744073709551615\r\n"));
        assert_string_equal(head + size - 4, "\r\n\r\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_and_verdicts),
        cmocka_unit_test(test_headers_without_end_are_refused),
        cmocka_unit_test(test_every_head_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
