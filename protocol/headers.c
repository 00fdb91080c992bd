/* Reads and writes what stands before the bodies of messages. */
#include "protocol/headers.h"

#include "base/assert.h"

#include <stddef.h>

enum status frame_check_size(int32_t size, int32_t size_max)
{
    assert(size_max >= FRAME_SIZE_MIN);
    if (size < FRAME_SIZE_MIN)
        return STATUS_MALFORMED;
    return size > size_max ? STATUS_TOO_LARGE : STATUS_OK;
}

/* The first fields, which are the same in every version of the header. */
static struct request_header read_fixed_part(struct reader reader)
{
    struct request_header header;
    request_header_init(&header);
    header.request_api_key = reader_i16(&reader);
    header.request_api_version = reader_i16(&reader);
    header.correlation_id = reader_i32(&reader);
    return header;
}

enum status request_header_read(struct reader *reader, struct request_header *header,
                                const struct api **api)
{
    assert(header != NULL);
    assert(api != NULL);
    assert(reader->status == STATUS_OK);
    *header = read_fixed_part(*reader);
    *api = NULL;
    if (reader_remaining(reader) < FRAME_SIZE_MIN) {
        reader_fail(reader, STATUS_TRUNCATED);
        return reader->status;
    }
    *api = api_find(header->request_api_key);
    if (*api == NULL)
        return STATUS_UNSUPPORTED;
    int16_t version = api_request_header_version(*api, header->request_api_version);
    return request_header_decode(reader, version, NULL, header);
}

void response_header_write(struct writer *writer, const struct api *api, int16_t version,
                           int32_t correlation_id)
{
    assert(version >= 0);
    assert(api != NULL);
    const struct response_header header = {.correlation_id = correlation_id};
    response_header_encode(writer, api_response_header_version(api, version), &header);
}

/* The size is not known yet: four bytes are kept free for it. */
void frame_begin(struct writer *writer)
{
    assert(writer_total_size(writer) == 0);
    writer_i32(writer, 0);
}

/* Referenced payloads count, although they do not lie in the writer. */
void frame_end(struct writer *writer)
{
    if (writer->status != STATUS_OK)
        return;
    assert(writer->size >= FRAME_PREFIX_SIZE);
    size_t size = writer_total_size(writer) - FRAME_PREFIX_SIZE;
    if (size > INT32_MAX)
        writer_fail(writer, STATUS_TOO_LARGE);
    else
        writer_patch_i32(writer, 0, (int32_t)size);
}
