/* What a decompressor leaves for the next one. libzstd asks the processor what it can do whenever
 * it makes a context; in a virtual machine the host answers that, and a batch of 64 KiB is a sixth
 * dearer for it. One of these serves one thread, one decompressor after the other. */
#ifndef TAILRACE_PROTOCOL_DECOMPRESSOR_SPARE_H
#define TAILRACE_PROTOCOL_DECOMPRESSOR_SPARE_H

enum { DECOMPRESSOR_SPARE_BYTES_MAX = 4 * 1024 * 1024 }; /* more than that is given back */

/* All zero at first. */
struct decompressor_spare {
    struct ZSTD_DCtx_s *zstd; /* NULL: none, or in use */
};

/* No decompressor uses it any more. */
void decompressor_spare_deinit(struct decompressor_spare *spare);

#endif
