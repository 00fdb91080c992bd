/* Counted, aligned pieces of memory: in turn receive target, log tail, disk source and fetch
 * source, so that payload is not copied between them.
 *
 * A pool belongs to one core and has a limit in bytes; when it is used up, acquire answers NULL and
 * the caller stops taking in more: that is the back-pressure. Chunks are aligned to IO_BLOCK_SIZE
 * and go from 4 KiB to 128 MiB; a size is rounded up to one of four between any power of two and
 * the next. Freed ones are kept for reuse up to a bound, those of the sizes that are in use before
 * others, so the data path does not call malloc. Those of a middle size, which payload on its way
 * has, lie in huge pages (slab.h). A reference may be passed to other cores: the count is atomic,
 * and the last release on a foreign core sends the chunk home by mail. */
#ifndef TAILRACE_IO_CHUNK_H
#define TAILRACE_IO_CHUNK_H

#include "base/completion.h"
#include "base/list.h"
#include "io/io.h"
#include "io/slab.h"

#include <stdatomic.h>

enum { CHUNK_SIZE_MIN = 4096, CHUNK_SIZE_MAX = 128 * 1024 * 1024, CHUNK_CLASS_COUNT = 56 };

struct chunk_pool {
    struct io *io;
    size_t limit_bytes;
    size_t used_bytes; /* in chunks that are out */
    size_t kept_bytes; /* in free chunks */
    size_t kept_bytes_max;
    struct list free[CHUNK_CLASS_COUNT]; /* the one given back last comes first */
    struct list kept;                    /* the same chunks of all sizes, likewise */
    struct slab_set slabs;
};

struct chunk {
    uint8_t *data;
    uint32_t capacity_bytes;
    uint32_t class_index;
    _Atomic uint32_t reference_count;
    struct chunk_pool *pool;
    struct slab *slab;          /* where the data lies; NULL: by itself */
    struct completion home;     /* its mail, and its place on the free list */
    struct list_node kept_node; /* pool->kept */
};

void chunk_pool_init(struct chunk_pool *pool, struct io *io, size_t limit_bytes);

/* All chunks must be back. */
void chunk_pool_deinit(struct chunk_pool *pool);

/* A chunk of at least `size_bytes` with one reference, content undefined; NULL when the limit is
 * reached or the size is above CHUNK_SIZE_MAX. On the pool's core. */
struct chunk *chunk_acquire(struct chunk_pool *pool, size_t size_bytes);

/* What to ask for when a chunk is full and `size_bytes` are needed: at least twice as much, so that
 * what grows little by little is copied once for each doubling. */
size_t chunk_size_grown(const struct chunk *chunk, size_t size_bytes);

/* From any core that holds a reference. */
void chunk_retain(struct chunk *chunk);

/* `io` is the door of the calling core. */
void chunk_release(struct chunk *chunk, struct io *io);

#endif
