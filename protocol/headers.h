/* Frames and their headers.
 *
 *   size      int32, of all that follows
 *   header    request v1: api key int16, api version int16, correlation id int32, client id
 *             request v2: the same and tagged fields; response v0: correlation id; v1: and tags
 *   body      of the API and version that the request names
 *
 * The client id has its classic int16 length in v2 too. */
#ifndef TAILRACE_PROTOCOL_HEADERS_H
#define TAILRACE_PROTOCOL_HEADERS_H

#include "protocol/apis.h"

#include <stdint.h>

enum {
    FRAME_PREFIX_SIZE = 4,
    FRAME_SIZE_MIN = 8,                       /* a request header without client id */
    FRAME_SIZE_MAX = 100 * 1024 * 1024,       /* default of socket.request.max.bytes */
    FRAME_SIZE_MAX_BEFORE_LOGIN = 512 * 1024, /* default of sasl.server.max.receive.size */
};

/* Judges a frame's size as it was read: STATUS_MALFORMED if no request can be that small,
 * STATUS_TOO_LARGE above `size_max`. Either way the connection must close: nothing that follows can
 * be found. */
enum status frame_check_size(int32_t size, int32_t size_max);

/* Reads the header of a request; the reader stands at the body afterwards. `header` holds views
 * into the reader's bytes.
 *
 *   STATUS_OK           `api` is the row; its version may still be one that is not served, which
 *                       ApiVersions must answer and all others cannot
 *   STATUS_UNSUPPORTED  no such API is served: key, version and correlation id are set, no more
 *   else                the header is broken: the reader's status */
enum status request_header_read(struct reader *reader, struct request_header *header,
                                const struct api **api);

/* Writes the header of a response to a request of `version`. */
void response_header_write(struct writer *writer, const struct api *api, int16_t version,
                           int32_t correlation_id);

/* A response's frame: leaves room for the size, and fills it in when all is written, referenced
 * records counted. The writer must be empty before `frame_begin`. */
void frame_begin(struct writer *writer);
void frame_end(struct writer *writer);

#endif
