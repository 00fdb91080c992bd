/* As much of HTTP/1.1 as those who watch a broker speak: GET and HEAD of a few pages, without a
 * body, one request a connection. Pure: bytes in, verdict out. */
#ifndef TAILRACE_BROKER_HTTP_CORE_H
#define TAILRACE_BROKER_HTTP_CORE_H

#include "base/bytes.h"

#include <stdbool.h>

enum { HTTP_REQUEST_BYTES_MAX = 8 * 1024, HTTP_HEAD_BYTES_MAX = 256 };

enum http_status {
    HTTP_INCOMPLETE = 0, /* more bytes are to come */
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_HEADERS_TOO_LARGE = 431,
    HTTP_UNAVAILABLE = 503,
};

struct http_request {
    struct bytes path; /* without what stands behind a question mark; borrowed */
    bool is_head;
};

/* Reads a request from all that has arrived so far. HTTP_OK fills in `request`. */
enum http_status http_request_read(struct bytes arrived, struct http_request *request);

/* "Not Found" */
const char *http_status_text(enum http_status status);

/* The head of a response whose body has this type and size; answers its own size. */
size_t http_response_head(enum http_status status, const char *content_type, size_t body_size,
                          char head[static HTTP_HEAD_BYTES_MAX]);

#endif
