/* gzip by zlib: members in a row, as java.util.zip.GZIPInputStream reads them. */
#include "base/assert.h"
#include "protocol/compression_codec.h"

enum { WINDOW_BITS_GZIP = 15 + 16, MEMORY_LEVEL = 8 };

static enum status gzip_open(struct decompressor *decompressor)
{
    assert(decompressor->input.size <= UINT32_MAX);
    z_stream *stream = &decompressor->gzip;
    stream->next_in = (Bytef *)decompressor->input.data;
    stream->avail_in = (uInt)decompressor->input.size;
    return inflateInit2(stream, WINDOW_BITS_GZIP) == Z_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

static void gzip_close(struct decompressor *decompressor)
{
    int result = inflateEnd(&decompressor->gzip);
    assert(result == Z_OK);
}

/* Goes on with another member if one follows. Java ignores any other bytes there, and so a batch
 * that has them may lie in a log. */
static void gzip_member_ended(struct decompressor *decompressor)
{
    static const uint8_t member_start[3] = {0x1f, 0x8b, 8};
    assert(!decompressor->ended);
    z_stream *stream = &decompressor->gzip;
    decompressor->ended = stream->avail_in < sizeof member_start ||
                          memcmp(stream->next_in, member_start, sizeof member_start) != 0;
    if (decompressor->ended)
        return;
    int result = inflateReset(stream);
    assert(result == Z_OK);
}

static enum status gzip_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                             size_t *count)
{
    assert(size > 0);
    z_stream *stream = &decompressor->gzip;
    uInt wanted = size < UINT32_MAX ? (uInt)size : UINT32_MAX;
    stream->next_out = to;
    stream->avail_out = wanted;
    while (stream->avail_out > 0 && !decompressor->ended) {
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END)
            gzip_member_ended(decompressor);
        else if (result == Z_MEM_ERROR)
            return STATUS_NO_MEMORY;
        else if (result != Z_OK)
            return STATUS_MALFORMED; /* broken, or at its end too early */
    }
    assert(stream->avail_out <= wanted);
    *count = wanted - stream->avail_out;
    return STATUS_OK;
}

static enum status gzip_compress(int32_t level, struct bytes input, struct arena *arena,
                                 struct bytes *output)
{
    assert(input.size <= UINT32_MAX);
    z_stream stream = {.next_in = (Bytef *)input.data, .avail_in = (uInt)input.size};
    int result = deflateInit2(&stream, level, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL,
                              Z_DEFAULT_STRATEGY);
    if (result != Z_OK)
        return STATUS_NO_MEMORY;
    size_t bound = deflateBound(&stream, input.size);
    assert(bound <= UINT32_MAX);
    uint8_t *data = arena_allocate(arena, bound);
    if (data != NULL) {
        stream.next_out = data;
        stream.avail_out = (uInt)bound;
        result = deflate(&stream, Z_FINISH);
        assert(result == Z_STREAM_END);
        assert(stream.total_out <= bound);
        *output = bytes_of(data, stream.total_out);
    }
    deflateEnd(&stream);
    return data == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

const struct compression_codec compression_gzip = {
    .name = "gzip",
    .level_min = 1,
    .level_max = 9,
    .level_usual = -1,
    .open = gzip_open,
    .close = gzip_close,
    .read = gzip_read,
    .compress = gzip_compress,
};
