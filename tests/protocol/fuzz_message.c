/* The properties that hold for any input: reading never runs over the end, takes memory in
 * proportion to the input only, and what was understood is written and read again to the same. */
#include "tests/protocol/fuzz_message.h"

#include "base/assert.h"

/* Memory for each byte of input: the widest struct over its smallest form on the wire, doubled for
 * the growth of arenas. */
enum { MEMORY_PER_BYTE_MAX = 128, MEMORY_FIXED = 64 * 1024, ARENA_LIMIT = 256 * 1024 * 1024 };

static struct bytes flat_copy(const struct writer *writer)
{
    struct bytes *pieces;
    uint32_t piece_count;
    bool is_laid_out = writer_pieces(writer, &pieces, &piece_count);
    assert(is_laid_out);
    size_t size = writer_total_size(writer);
    uint8_t *copy = arena_allocate(writer->arena, size + 1);
    assert(copy != NULL);
    size_t done = 0;
    for (uint32_t i = 0; i < piece_count; i++) {
        memcpy(copy + done, pieces[i].data, pieces[i].size);
        done += pieces[i].size;
    }
    assert(done == size);
    return bytes_of(copy, size);
}

/* Reads `body`; null bytes if it is not understood, else what is written of it. */
static struct bytes recode(const struct fuzz_message *message, int16_t version, struct bytes body,
                           struct arena *decoded, struct arena *encoded)
{
    struct reader reader;
    reader_init(&reader, body);
    struct writer writer;
    writer_init(&writer, encoded);
    if (message->recode(&reader, version, decoded, &writer) != STATUS_OK)
        return (struct bytes){0};
    assert(reader.position <= reader.size);
    assert(writer.status == STATUS_OK);
    return flat_copy(&writer);
}

static void fuzz_body(const struct fuzz_message *message, int16_t version, struct bytes body)
{
    struct arena decoded;
    struct arena encoded;
    arena_init(&decoded, ARENA_LIMIT);
    arena_init(&encoded, ARENA_LIMIT);
    struct bytes once = recode(message, version, body, &decoded, &encoded);
    assert(decoded.total_bytes <= MEMORY_FIXED + MEMORY_PER_BYTE_MAX * body.size);
    if (!bytes_are_null(once)) {
        struct bytes twice = recode(message, version, once, &decoded, &encoded);
        assert(bytes_equal(once, twice));
    }
    arena_deinit(&encoded);
    arena_deinit(&decoded);
}

int fuzz_one(const struct fuzz_message *messages, size_t count, const uint8_t *data, size_t size)
{
    assert(count > 0);
    if (size < FUZZ_PREFIX_SIZE)
        return 0;
    const struct fuzz_message *message = &messages[data[0] % count];
    int version_count = message->version_max - message->version_min + 1;
    int16_t version = (int16_t)(message->version_min + data[1] % version_count);
    fuzz_body(message, version, bytes_of(data + FUZZ_PREFIX_SIZE, size - FUZZ_PREFIX_SIZE));
    return 0;
}
