/* zstd by libzstd: frames in a row.
 *
 * A frame says how far back its bytes may refer, and a streaming reader must keep that much output:
 * up to 2 GiB at the word of the sender. We keep 8 MiB, which covers the levels up to 19. Java's
 * levels 20 to 22 announce 32 to 128 MiB for the smallest batch; such a frame is decompressed in
 * one go, where the output itself is the window and only the cap decides how large it may be. */
#include "base/assert.h"
#include "protocol/compression_codec.h"

#include <zstd_errors.h>

enum {
    FRAME_MAGIC_SIZE = 4,
    FRAME_MAGIC = (int32_t)0xfd2fb528,
    SKIPPABLE_MAGIC = 0x184d2a50, /* and the fifteen numbers after it */
    SKIPPABLE_MAGIC_MASK = (int32_t)0xfffffff0,
};

enum { WINDOW_LOG_MAX = 23, FRAME_GUESS_SIZE_MIN = 64 * 1024, FRAME_GUESS_RATIO = 8 };

static ZSTD_DCtx *context_create(void)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context == NULL)
        return NULL;
    size_t result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    assert(!ZSTD_isError(result));
    return context;
}

static enum status zstd_open(struct decompressor *decompressor)
{
    assert(decompressor->position == 0);
    struct decompressor_spare *spare = decompressor->spare;
    ZSTD_DCtx *context = spare == NULL ? NULL : spare->zstd;
    if (context != NULL)
        spare->zstd = NULL;
    else
        context = context_create();
    decompressor->zstd.context = context;
    return context == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Wherever the reading ended, or failed, the context begins anew; its parameters stay. */
static void zstd_close(struct decompressor *decompressor)
{
    ZSTD_DCtx *context = decompressor->zstd.context;
    struct decompressor_spare *spare = decompressor->spare;
    assert(context != NULL);
    if (spare == NULL || spare->zstd != NULL ||
        ZSTD_sizeof_DCtx(context) > DECOMPRESSOR_SPARE_BYTES_MAX) {
        ZSTD_freeDCtx(context);
        return;
    }
    size_t result = ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    assert(!ZSTD_isError(result));
    spare->zstd = context;
}

void decompressor_spare_deinit(struct decompressor_spare *spare)
{
    assert(spare != NULL);
    ZSTD_freeDCtx(spare->zstd);
    spare->zstd = NULL;
}

static enum status zstd_status(size_t result)
{
    assert(ZSTD_isError(result));
    ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    return code == ZSTD_error_memory_allocation ? STATUS_NO_MEMORY : STATUS_MALFORMED;
}

/* The frame of `size` compressed bytes at the reading position into the block, with room that grows
 * up to one byte more than the cap allows: enough for the caller to see that it is passed. */
static enum status zstd_frame_whole(struct decompressor *decompressor, size_t size)
{
    assert(size <= decompressor_rest_size(decompressor));
    size_t limit = decompressor_allowance(decompressor) + 1;
    size_t capacity = size * FRAME_GUESS_RATIO;
    if (capacity < FRAME_GUESS_SIZE_MIN)
        capacity = FRAME_GUESS_SIZE_MIN;
    for (;; capacity *= 4) {
        if (capacity > limit)
            capacity = limit;
        enum status status = decompressed_block_reserve(&decompressor->block, capacity);
        if (status != STATUS_OK)
            return status;
        size_t made = ZSTD_decompressDCtx(decompressor->zstd.context, decompressor->block.data,
                                          capacity, decompressor_rest(decompressor), size);
        if (!ZSTD_isError(made)) {
            assert(made <= capacity);
            decompressor->block.size = made;
            return STATUS_OK;
        }
        if (ZSTD_getErrorCode(made) != ZSTD_error_dstSize_tooSmall)
            return zstd_status(made);
        if (capacity == limit)
            return STATUS_TOO_LARGE;
    }
}

/* Goes back to the start of the frame whose window is too large to keep and takes it whole. */
static enum status zstd_frame_restart(struct decompressor *decompressor)
{
    assert(decompressor->zstd.frame_position <= decompressor->position);
    decompressor->position = decompressor->zstd.frame_position;
    size_t size = ZSTD_findFrameCompressedSize(decompressor_rest(decompressor),
                                               decompressor_rest_size(decompressor));
    if (ZSTD_isError(size))
        return zstd_status(size);
    ZSTD_DCtx_reset(decompressor->zstd.context, ZSTD_reset_session_only);
    enum status status = zstd_frame_whole(decompressor, size);
    if (status != STATUS_OK)
        return status;
    decompressor->position += size;
    decompressor->zstd.frame_position = decompressor->position;
    decompressor->zstd.in_frame = false;
    return STATUS_OK;
}

/* The library may have been built to read the formats from before zstd 1.0 as well. Kafka's clients
 * never wrote them. */
static bool zstd_frame_follows(const struct decompressor *decompressor)
{
    if (decompressor_rest_size(decompressor) < FRAME_MAGIC_SIZE)
        return false;
    uint32_t magic = __builtin_bswap32(load_u32_be(decompressor_rest(decompressor)));
    return magic == (uint32_t)FRAME_MAGIC ||
           (magic & (uint32_t)SKIPPABLE_MAGIC_MASK) == SKIPPABLE_MAGIC;
}

/* One call of the library: some input or output moves, or the data is broken. */
static enum status zstd_advance(struct decompressor *decompressor, ZSTD_outBuffer *out)
{
    assert(out->pos < out->size);
    if (!decompressor->zstd.in_frame && !zstd_frame_follows(decompressor))
        return STATUS_MALFORMED;
    ZSTD_inBuffer in = {decompressor->input.data, decompressor->input.size, decompressor->position};
    size_t out_before = out->pos;
    size_t result = ZSTD_decompressStream(decompressor->zstd.context, out, &in);
    if (ZSTD_isError(result)) {
        if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
            return zstd_frame_restart(decompressor);
        return zstd_status(result);
    }
    if (in.pos == decompressor->position && out->pos == out_before)
        return STATUS_MALFORMED; /* the input ended within a frame */
    assert(in.pos <= decompressor->input.size);
    decompressor->position = in.pos;
    decompressor->zstd.in_frame = result != 0;
    if (!decompressor->zstd.in_frame)
        decompressor->zstd.frame_position = in.pos;
    return STATUS_OK;
}

static enum status zstd_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                             size_t *count)
{
    assert(size > 0);
    ZSTD_outBuffer out = {to, size, 0};
    for (;;) {
        out.pos += decompressed_block_take(&decompressor->block, to + out.pos, size - out.pos);
        bool ended = !decompressor->zstd.in_frame && decompressor_rest_size(decompressor) == 0;
        if (out.pos == size || ended)
            break;
        enum status status = zstd_advance(decompressor, &out);
        if (status != STATUS_OK)
            return status;
    }
    *count = out.pos;
    return STATUS_OK;
}

static enum status zstd_compress(int32_t level, struct bytes input, struct arena *arena,
                                 struct bytes *output)
{
    size_t bound = ZSTD_compressBound(input.size);
    uint8_t *data = arena_allocate(arena, bound);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    size_t made = ZSTD_compress(data, bound, input.data, input.size, level);
    if (ZSTD_isError(made))
        return zstd_status(made);
    assert(made <= bound);
    *output = bytes_of(data, made);
    return STATUS_OK;
}

const struct compression_codec compression_zstd = {
    .name = "zstd",
    .level_min = -131072,
    .level_max = 22,
    .level_usual = 3,
    .open = zstd_open,
    .close = zstd_close,
    .read = zstd_read,
    .compress = zstd_compress,
};
