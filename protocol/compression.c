/* The cap is kept here and not in the codecs: a codec is never asked for more than may still come
 * out, and when nothing may, it is asked for one byte to learn whether the data ends there or goes
 * on. */
#include "protocol/compression.h"

#include "base/assert.h"
#include "protocol/compression_codec.h"

#include <stdlib.h>

enum { OUTPUT_FIRST_SIZE = 16 * 1024, OUTPUT_GUESS_RATIO = 4 };

static enum status none_open(struct decompressor *decompressor)
{
    assert(decompressor->position == 0);
    return STATUS_OK;
}

static void none_close(struct decompressor *decompressor)
{
    assert(decompressor->block.data == NULL);
}

static enum status none_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                             size_t *count)
{
    assert(size > 0);
    size_t rest = decompressor_rest_size(decompressor);
    *count = size < rest ? size : rest;
    if (*count > 0)
        memcpy(to, decompressor_rest(decompressor), *count);
    decompressor->position += *count;
    return STATUS_OK;
}

static enum status none_compress(int32_t level, struct bytes input, struct arena *arena,
                                 struct bytes *output)
{
    *output = input;
    return STATUS_OK;
}

static const struct compression_codec compression_none = {
    .name = "none",
    .open = none_open,
    .close = none_close,
    .read = none_read,
    .compress = none_compress,
};

static const struct compression_codec *const codecs[COMPRESSION_COUNT] = {
    [COMPRESSION_NONE] = &compression_none,     [COMPRESSION_GZIP] = &compression_gzip,
    [COMPRESSION_SNAPPY] = &compression_snappy, [COMPRESSION_LZ4] = &compression_lz4,
    [COMPRESSION_ZSTD] = &compression_zstd,
};

static const struct compression_codec *codec_of(enum compression compression)
{
    assert((unsigned)compression < COMPRESSION_COUNT);
    return codecs[compression];
}

const char *compression_name(enum compression compression)
{
    return codec_of(compression)->name;
}

bool compression_parse(struct bytes text, enum compression *compression)
{
    assert(compression != NULL);
    for (uint32_t i = 0; i < COMPRESSION_COUNT; i++) {
        if (bytes_equal_text(text, codecs[i]->name)) {
            *compression = (enum compression)i;
            return true;
        }
    }
    return false;
}

struct compression_levels compression_levels(enum compression compression)
{
    const struct compression_codec *codec = codec_of(compression);
    return (struct compression_levels){codec->level_min, codec->level_max, codec->level_usual};
}

bool compression_level_is_valid(enum compression compression, int32_t level)
{
    struct compression_levels levels = compression_levels(compression);
    return level == levels.usual || (level >= levels.min && level <= levels.max);
}

enum status decompressor_create(enum compression compression, struct bytes input,
                                size_t output_bytes_max, struct decompressor_spare *spare,
                                struct decompressor **decompressor)
{
    assert(decompressor != NULL);
    assert(input.data != NULL);
    assert(input.size <= INT32_MAX);
    assert(output_bytes_max < SIZE_MAX);
    struct decompressor *created = calloc(1, sizeof *created);
    if (created == NULL)
        return STATUS_NO_MEMORY;
    created->codec = codec_of(compression);
    created->spare = spare;
    created->input = input;
    created->output_bytes_max = output_bytes_max;
    enum status status = created->codec->open(created);
    if (status != STATUS_OK)
        free(created);
    else
        *decompressor = created;
    return status;
}

void decompressor_destroy(struct decompressor *decompressor)
{
    assert(decompressor->position <= decompressor->input.size);
    assert(decompressor->output_bytes <= decompressor->output_bytes_max);
    decompressor->codec->close(decompressor);
    free(decompressor->block.data);
    free(decompressor);
}

/* The cap is used up: that is fine if the data ends here as well. */
static enum status decompressor_probe_end(struct decompressor *decompressor, size_t *count)
{
    assert(decompressor_allowance(decompressor) == 0);
    uint8_t excess;
    enum status status = decompressor->codec->read(decompressor, &excess, 1, count);
    if (status != STATUS_OK)
        return status;
    return *count == 0 ? STATUS_OK : STATUS_TOO_LARGE;
}

enum status decompressor_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                              size_t *count)
{
    assert(to != NULL);
    assert(count != NULL);
    assert(size > 0);
    *count = 0;
    size_t allowance = decompressor_allowance(decompressor);
    if (allowance == 0)
        return decompressor_probe_end(decompressor, count);
    if (size > allowance)
        size = allowance;
    enum status status = decompressor->codec->read(decompressor, to, size, count);
    if (status != STATUS_OK)
        return status;
    assert(*count <= size);
    decompressor->output_bytes += *count;
    return STATUS_OK;
}

enum status decompressed_block_reserve(struct decompressed_block *block, size_t size)
{
    assert(size > 0);
    assert(block->position == block->size);
    block->position = 0;
    block->size = 0;
    if (size <= block->capacity)
        return STATUS_OK;
    free(block->data);
    block->capacity = 0;
    block->data = malloc(size);
    if (block->data == NULL)
        return STATUS_NO_MEMORY;
    block->capacity = size;
    return STATUS_OK;
}

/* Bytes that the caller had no room for stay for the next read. */
size_t decompressed_block_take(struct decompressed_block *block, uint8_t *to, size_t size)
{
    assert(block->position <= block->size);
    size_t rest = block->size - block->position;
    size_t count = size < rest ? size : rest;
    if (count > 0)
        memcpy(to, block->data + block->position, count);
    block->position += count;
    return count;
}

/* The whole output, in memory of the arena that doubles whenever it is full. */
static enum status decompress_growing(struct decompressor *decompressor, struct arena *arena,
                                      size_t capacity, struct bytes *output)
{
    assert(output != NULL);
    uint8_t *data = arena_allocate(arena, capacity);
    size_t size = 0;
    assert(capacity > 0);
    while (data != NULL) {
        size_t count = 0;
        enum status status = decompressor_read(decompressor, data + size, capacity - size, &count);
        if (status != STATUS_OK)
            return status;
        if (count == 0) {
            *output = bytes_of(data, size);
            return STATUS_OK;
        }
        size += count;
        if (size < capacity)
            continue;
        capacity *= 2;
        const uint8_t *smaller = data;
        data = arena_allocate(arena, capacity);
        if (data != NULL)
            memcpy(data, smaller, size);
    }
    return STATUS_NO_MEMORY;
}

/* Room for one byte beyond the cap: output that reaches the cap does not fill the memory then, and
 * is not grown once more for nothing. */
enum status compression_decompress(enum compression compression, struct bytes input,
                                   size_t output_bytes_max, struct arena *arena,
                                   struct bytes *output)
{
    assert(arena != NULL);
    assert(output != NULL);
    if (compression == COMPRESSION_NONE) {
        *output = input;
        return input.size <= output_bytes_max ? STATUS_OK : STATUS_TOO_LARGE;
    }
    struct decompressor *decompressor;
    enum status status =
        decompressor_create(compression, input, output_bytes_max, NULL, &decompressor);
    if (status != STATUS_OK)
        return status;
    size_t capacity = input.size * OUTPUT_GUESS_RATIO;
    if (capacity < OUTPUT_FIRST_SIZE)
        capacity = OUTPUT_FIRST_SIZE;
    if (capacity > output_bytes_max + 1)
        capacity = output_bytes_max + 1;
    status = decompress_growing(decompressor, arena, capacity, output);
    decompressor_destroy(decompressor);
    return status;
}

enum status compression_compress(enum compression compression, int32_t level, struct bytes input,
                                 struct arena *arena, struct bytes *output)
{
    assert(arena != NULL);
    assert(output != NULL);
    assert(input.size <= INT32_MAX);
    assert(compression_level_is_valid(compression, level));
    return codec_of(compression)->compress(level, input, arena, output);
}
