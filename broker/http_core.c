#include "broker/http_core.h"

#include "base/assert.h"

#include <stdio.h>

/* Where the empty line behind the headers ends; 0 if it is not there yet. */
static size_t find_end(struct bytes arrived)
{
    assert(!bytes_are_null(arrived));
    const uint8_t *end = memmem(arrived.data, arrived.size, "\r\n\r\n", 4);
    return end != NULL ? (size_t)(end - arrived.data) + 4 : 0;
}

/* Takes what stands before the next space, or to the end of the line. */
static struct bytes take_word(struct bytes *line)
{
    const uint8_t *space = memchr(line->data, ' ', line->size);
    size_t size = space != NULL ? (size_t)(space - line->data) : line->size;
    struct bytes word = bytes_of(line->data, size);
    size_t skipped = space != NULL ? size + 1 : size;
    assert(skipped <= line->size);
    *line = bytes_of(line->data + skipped, line->size - skipped);
    return word;
}

static bool is_http_1(struct bytes version)
{
    return bytes_equal_text(version, "HTTP/1.1") || bytes_equal_text(version, "HTTP/1.0");
}

enum http_status http_request_read(struct bytes arrived, struct http_request *request)
{
    *request = (struct http_request){0};
    if (arrived.size == 0)
        return HTTP_INCOMPLETE;
    if (find_end(arrived) == 0)
        return arrived.size < HTTP_REQUEST_BYTES_MAX ? HTTP_INCOMPLETE : HTTP_HEADERS_TOO_LARGE;
    const uint8_t *line_end = memchr(arrived.data, '\r', arrived.size);
    assert(line_end != NULL);
    struct bytes line = bytes_of(arrived.data, (size_t)(line_end - arrived.data));
    struct bytes method = take_word(&line);
    struct bytes target = take_word(&line);
    if (!is_http_1(line) || target.size == 0 || target.data[0] != '/')
        return HTTP_BAD_REQUEST;
    request->is_head = bytes_equal_text(method, "HEAD");
    if (!request->is_head && !bytes_equal_text(method, "GET"))
        return HTTP_METHOD_NOT_ALLOWED;
    assert(target.data + target.size <= line_end);
    const uint8_t *query = memchr(target.data, '?', target.size);
    request->path = query != NULL ? bytes_of(target.data, (size_t)(query - target.data)) : target;
    return HTTP_OK;
}

const char *http_status_text(enum http_status status)
{
    switch (status) {
    case HTTP_INCOMPLETE: break;
    case HTTP_OK: return "OK";
    case HTTP_BAD_REQUEST: return "Bad Request";
    case HTTP_NOT_FOUND: return "Not Found";
    case HTTP_METHOD_NOT_ALLOWED: return "Method Not Allowed";
    case HTTP_HEADERS_TOO_LARGE: return "Request Header Fields Too Large";
    case HTTP_UNAVAILABLE: return "Service Unavailable";
    }
    unreachable();
}

size_t http_response_head(enum http_status status, const char *content_type, size_t body_size,
                          char head[static HTTP_HEAD_BYTES_MAX])
{
    assert(status != HTTP_INCOMPLETE); /* That is no answer. */
    assert(content_type != NULL);
    int size = snprintf(head, HTTP_HEAD_BYTES_MAX,
                        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                        "Connection: close\r\n\r\n",
                        (int)status, http_status_text(status), content_type, body_size,
                        status == HTTP_METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
    assert(size > 0);
    assert(size < HTTP_HEAD_BYTES_MAX);
    return (size_t)size;
}
