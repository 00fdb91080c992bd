/* lz4 frames by liblz4, as far as Kafka's reader goes: one frame, whose blocks do not depend on
 * each other and on no dictionary. What that reader cannot read must not get into a log. */
#include "base/assert.h"
#include "protocol/compression_codec.h"

enum {
    FRAME_HEADER_SIZE_MIN = 7,
    FLAGS_AT = 4,
    FLAG_DICTIONARY = 1 << 0,
    FLAG_INDEPENDENT = 1 << 5,
    FLAGS_VERSION_SHIFT = 6,
    FRAME_VERSION = 1,
};

static const uint8_t frame_magic[FLAGS_AT] = {0x04, 0x22, 0x4d, 0x18};

static bool lz4_frame_is_readable(struct bytes input)
{
    if (input.size < FRAME_HEADER_SIZE_MIN)
        return false;
    uint8_t flags = input.data[FLAGS_AT];
    return memcmp(input.data, frame_magic, sizeof frame_magic) == 0 &&
           flags >> FLAGS_VERSION_SHIFT == FRAME_VERSION && (flags & FLAG_INDEPENDENT) != 0 &&
           (flags & FLAG_DICTIONARY) == 0;
}

static enum status lz4_open(struct decompressor *decompressor)
{
    assert(decompressor->position == 0);
    if (!lz4_frame_is_readable(decompressor->input))
        return STATUS_MALFORMED;
    LZ4F_errorCode_t result = LZ4F_createDecompressionContext(&decompressor->lz4, LZ4F_VERSION);
    return LZ4F_isError(result) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void lz4_close(struct decompressor *decompressor)
{
    assert(decompressor->lz4 != NULL);
    LZ4F_freeDecompressionContext(decompressor->lz4);
}

static enum status lz4_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                            size_t *count)
{
    assert(size > 0);
    *count = 0;
    while (*count < size && !decompressor->ended) {
        size_t made = size - *count;
        size_t taken = decompressor_rest_size(decompressor);
        size_t hint = LZ4F_decompress(decompressor->lz4, to + *count, &made,
                                      decompressor_rest(decompressor), &taken, NULL);
        if (LZ4F_isError(hint) || (hint != 0 && made == 0 && taken == 0))
            return STATUS_MALFORMED;
        assert(taken <= decompressor_rest_size(decompressor));
        assert(made <= size - *count);
        decompressor->position += taken;
        *count += made;
        decompressor->ended = hint == 0;
    }
    return STATUS_OK;
}

/* Kafka's level 9 is its usual one and means the fast method, as level 1 does; the levels of
 * liblz4 end at 12, Kafka's at 17. */
static int32_t lz4_library_level(int32_t level)
{
    assert(level >= 1);
    if (level == compression_lz4.level_usual)
        return 0;
    return level < LZ4F_compressionLevel_max() ? level : LZ4F_compressionLevel_max();
}

static enum status lz4_compress(int32_t level, struct bytes input, struct arena *arena,
                                struct bytes *output)
{
    LZ4F_preferences_t preferences = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
        .compressionLevel = lz4_library_level(level),
    };
    size_t bound = LZ4F_compressFrameBound(input.size, &preferences);
    uint8_t *data = arena_allocate(arena, bound);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    size_t made = LZ4F_compressFrame(data, bound, input.data, input.size, &preferences);
    if (LZ4F_isError(made))
        return STATUS_NO_MEMORY;
    assert(made <= bound);
    *output = bytes_of(data, made);
    return STATUS_OK;
}

const struct compression_codec compression_lz4 = {
    .name = "lz4",
    .level_min = 1,
    .level_max = 17,
    .level_usual = 9,
    .open = lz4_open,
    .close = lz4_close,
    .read = lz4_read,
    .compress = lz4_compress,
};
