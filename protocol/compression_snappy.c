/* Snappy, in the two framings that Kafka's clients write.
 *
 *   stream  82 'S' 'N' 'A' 'P' 'P' 'Y' 00, version i32, compatible version i32   (snappy-java)
 *           then chunks: size i32, a raw block of that size; another header may stand between them
 *   block   one raw block and nothing else                      (librdkafka, Go and Python clients)
 *
 * A raw block begins with the size of what comes out. It is a claim: since two bytes of snappy
 * never make more than 64, a block whose claim goes beyond that is refused before memory is taken.
 */
#include "base/assert.h"
#include "protocol/compression_codec.h"

#include <snappy-c.h>

enum {
    STREAM_HEADER_SIZE = 16,
    STREAM_CHUNK_SIZE = 32 * 1024, /* of plain bytes in the chunks that we write */
    STREAM_VERSION = 1,
    EXPANSION_MAX = 32,
};

static const uint8_t stream_magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

static bool snappy_header_follows(const struct decompressor *decompressor)
{
    return decompressor_rest_size(decompressor) >= STREAM_HEADER_SIZE &&
           memcmp(decompressor_rest(decompressor), stream_magic, sizeof stream_magic) == 0;
}

static enum status snappy_open(struct decompressor *decompressor)
{
    assert(decompressor->position == 0);
    if (decompressor->input.size == 0)
        return STATUS_MALFORMED;
    decompressor->snappy_is_stream = snappy_header_follows(decompressor);
    return STATUS_OK;
}

static void snappy_close(struct decompressor *decompressor)
{
    assert(decompressor->position <= decompressor->input.size);
}

/* The next raw block, null at the end. */
static enum status snappy_next_block(struct decompressor *decompressor, struct bytes *block)
{
    assert(decompressor->position <= decompressor->input.size);
    *block = (struct bytes){0};
    if (decompressor->snappy_is_stream)
        while (snappy_header_follows(decompressor))
            decompressor->position += STREAM_HEADER_SIZE;
    size_t size = decompressor_rest_size(decompressor);
    if (size == 0)
        return STATUS_OK;
    if (decompressor->snappy_is_stream) {
        if (size < sizeof(uint32_t))
            return STATUS_MALFORMED;
        size = load_u32_be(decompressor_rest(decompressor));
        decompressor->position += sizeof(uint32_t);
        if (size > decompressor_rest_size(decompressor))
            return STATUS_MALFORMED;
    }
    *block = bytes_of(decompressor_rest(decompressor), size);
    decompressor->position += size;
    return STATUS_OK;
}

static enum status snappy_inflate(struct bytes block, uint8_t *to, size_t size)
{
    size_t made = size;
    assert(!bytes_are_null(block));
    snappy_status result =
        snappy_uncompress((const char *)block.data, block.size, (char *)to, &made);
    return result == SNAPPY_OK && made == size ? STATUS_OK : STATUS_MALFORMED;
}

/* The size that the block claims, if it can be true and the cap allows it. */
static enum status snappy_claimed_size(const struct decompressor *decompressor, struct bytes block,
                                       size_t *size)
{
    assert(size != NULL);
    assert(!bytes_are_null(block));
    if (snappy_uncompressed_length((const char *)block.data, block.size, size) != SNAPPY_OK)
        return STATUS_MALFORMED;
    if (*size > decompressor_allowance(decompressor))
        return STATUS_TOO_LARGE;
    return *size / EXPANSION_MAX <= block.size ? STATUS_OK : STATUS_MALFORMED;
}

static enum status snappy_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                               size_t *count)
{
    assert(size > 0);
    *count = decompressed_block_take(&decompressor->block, to, size);
    while (*count == 0) {
        struct bytes block;
        enum status status = snappy_next_block(decompressor, &block);
        if (status != STATUS_OK || bytes_are_null(block))
            return status;
        size_t claimed = 0;
        status = snappy_claimed_size(decompressor, block, &claimed);
        if (status != STATUS_OK)
            return status;
        if (claimed <= size) {
            *count = claimed;
            status = snappy_inflate(block, to, claimed);
        } else {
            status = decompressed_block_reserve(&decompressor->block, claimed);
            if (status != STATUS_OK)
                return status;
            status = snappy_inflate(block, decompressor->block.data, claimed);
            decompressor->block.size = claimed;
            *count = decompressed_block_take(&decompressor->block, to, size);
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static uint8_t *snappy_write_header(uint8_t *to)
{
    assert(to != NULL);
    memcpy(to, stream_magic, sizeof stream_magic);
    store_u32_be(to + 8, STREAM_VERSION);
    store_u32_be(to + 12, STREAM_VERSION);
    return to + STREAM_HEADER_SIZE;
}

static enum status snappy_compress_stream(int32_t level, struct bytes input, struct arena *arena,
                                          struct bytes *output)
{
    size_t chunk_bound = sizeof(uint32_t) + snappy_max_compressed_length(STREAM_CHUNK_SIZE);
    size_t chunk_count = (input.size + STREAM_CHUNK_SIZE - 1) / STREAM_CHUNK_SIZE;
    uint8_t *data = arena_allocate(arena, STREAM_HEADER_SIZE + chunk_count * chunk_bound);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    uint8_t *at = snappy_write_header(data);
    for (size_t done = 0; done < input.size; done += STREAM_CHUNK_SIZE) {
        size_t rest = input.size - done;
        size_t size = rest < STREAM_CHUNK_SIZE ? rest : STREAM_CHUNK_SIZE;
        size_t made = chunk_bound - sizeof(uint32_t);
        snappy_status result = snappy_compress((const char *)input.data + done, size,
                                               (char *)at + sizeof(uint32_t), &made);
        assert(result == SNAPPY_OK);
        assert(made <= chunk_bound - sizeof(uint32_t));
        store_u32_be(at, (uint32_t)made);
        at += sizeof(uint32_t) + made;
    }
    *output = bytes_of(data, (size_t)(at - data));
    return STATUS_OK;
}

const struct compression_codec compression_snappy = {
    .name = "snappy",
    .open = snappy_open,
    .close = snappy_close,
    .read = snappy_read,
    .compress = snappy_compress_stream,
};
