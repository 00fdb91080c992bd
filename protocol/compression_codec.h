/* What a codec gives to compression.c. Known to the files named compression_*.c alone. */
#ifndef TAILRACE_PROTOCOL_COMPRESSION_CODEC_H
#define TAILRACE_PROTOCOL_COMPRESSION_CODEC_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "protocol/decompressor_spare.h"

#include <lz4frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

struct decompressor;

struct compression_codec {
    const char *name;
    int32_t level_min;
    int32_t level_max;
    int32_t level_usual;

    /* Prepares the codec's part of a decompressor. On failure nothing is left to close. */
    enum status (*open)(struct decompressor *decompressor);
    void (*close)(struct decompressor *decompressor);

    /* As decompressor_read, but need not look at the cap. */
    enum status (*read)(struct decompressor *decompressor, uint8_t *to, size_t size, size_t *count);

    /* As compression_compress; the level is valid. */
    enum status (*compress)(int32_t level, struct bytes input, struct arena *arena,
                            struct bytes *output);
};

extern const struct compression_codec compression_gzip;
extern const struct compression_codec compression_snappy;
extern const struct compression_codec compression_lz4;
extern const struct compression_codec compression_zstd;

/* A piece of output that had to be made whole before it could be handed out. */
struct decompressed_block {
    uint8_t *data; /* on the heap, or NULL */
    size_t capacity;
    size_t size;
    size_t position; /* <= size */
};

struct decompressor {
    const struct compression_codec *codec;
    struct decompressor_spare *spare; /* or NULL */
    struct bytes input;
    size_t position; /* of the first byte of the input that was not taken yet */
    size_t output_bytes;
    size_t output_bytes_max;
    bool ended; /* nothing more will come out */
    struct decompressed_block block;
    union {
        z_stream gzip;
        LZ4F_dctx *lz4;
        struct {
            ZSTD_DCtx *context;
            size_t frame_position; /* where the frame began that is being read */
            bool in_frame;
        } zstd;
        bool snappy_is_stream;
    };
};

static inline const uint8_t *decompressor_rest(const struct decompressor *decompressor)
{
    return decompressor->input.data + decompressor->position;
}

static inline size_t decompressor_rest_size(const struct decompressor *decompressor)
{
    return decompressor->input.size - decompressor->position;
}

/* How many more bytes may come out before the cap is passed. */
static inline size_t decompressor_allowance(const struct decompressor *decompressor)
{
    return decompressor->output_bytes_max - decompressor->output_bytes;
}

/* Makes room for `size` bytes in an empty block. */
enum status decompressed_block_reserve(struct decompressed_block *block, size_t size);

/* Hands out what the block still holds, `size` bytes at most. */
size_t decompressed_block_take(struct decompressed_block *block, uint8_t *to, size_t size);

#endif
