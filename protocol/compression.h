/* The five codecs of Kafka's record batches.
 *
 * Compressed bytes come from clients, so reading them is guarded: output is produced in pieces on
 * demand and never beyond a cap given by the caller, and what a codec must keep at hand is bounded
 * by that cap, by the size of the input, or by a constant. Nothing is decompressed twice over.
 *
 *   gzip    one member or several; what follows the last one and is no member is ignored
 *   snappy  the stream of snappy-java (a header, then chunks with their length), which Kafka's own
 *           clients write, or a single raw block, as many others do; written as a stream
 *   lz4     the first frame, of independent blocks; what follows it is ignored
 *   zstd    one frame or several, skippable ones among them
 *
 * This is what Kafka's reader takes. Pure functions on memory; any core may call them. */
#ifndef TAILRACE_PROTOCOL_COMPRESSION_H
#define TAILRACE_PROTOCOL_COMPRESSION_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "protocol/decompressor_spare.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kafka's compression types; the number is what stands in a batch's attributes. */
enum compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_GZIP = 1,
    COMPRESSION_SNAPPY = 2,
    COMPRESSION_LZ4 = 3,
    COMPRESSION_ZSTD = 4,
};

#define COMPRESSION_COUNT (COMPRESSION_ZSTD + 1)

/* Kafka's word for it: "none", "gzip", "snappy", "lz4", "zstd". */
const char *compression_name(enum compression compression);

/* False if the text is none of these words. */
bool compression_parse(struct bytes text, enum compression *compression);

/* What compression.gzip.level and its like may be set to. The usual level of gzip, -1, lies outside
 * its range and is legal too; none and snappy know one level, 0. */
struct compression_levels {
    int32_t min;
    int32_t max;
    int32_t usual;
};

struct compression_levels compression_levels(enum compression compression);
bool compression_level_is_valid(enum compression compression, int32_t level);

struct decompressor;

/* Begins to read `input`, which must stay where it is until decompressor_destroy. No more than
 * `output_bytes_max` bytes will come out. `spare` may be NULL and outlives the decompressor.
 * STATUS_NO_MEMORY; STATUS_MALFORMED if the first bytes show that this is no such data. On success
 * the caller owns `*decompressor`. */
enum status decompressor_create(enum compression compression, struct bytes input,
                                size_t output_bytes_max, struct decompressor_spare *spare,
                                struct decompressor **decompressor);

void decompressor_destroy(struct decompressor *decompressor);

/* Puts up to `size` > 0 bytes into `to` and says in `*count` how many: 0 at the end, and only
 * there. STATUS_TOO_LARGE when there is more than the cap allows, STATUS_MALFORMED for broken or
 * incomplete data, STATUS_NO_MEMORY. After a failure only decompressor_destroy may follow. */
enum status decompressor_read(struct decompressor *decompressor, uint8_t *to, size_t size,
                              size_t *count);

/* All of it at once, into the arena, which takes up to twice the size of the output. Errors as
 * decompressor_read; STATUS_NO_MEMORY also when the arena's limit is reached. Without compression
 * `*output` is `input` itself. */
enum status compression_decompress(enum compression compression, struct bytes input,
                                   size_t output_bytes_max, struct arena *arena,
                                   struct bytes *output);

/* Compresses `input` into the arena with a valid level of the codec. STATUS_NO_MEMORY when the
 * arena's limit is reached. Without compression `*output` is `input` itself. */
enum status compression_compress(enum compression compression, int32_t level, struct bytes input,
                                 struct arena *arena, struct bytes *output);

#endif
