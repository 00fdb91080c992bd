/* Blocks of whole, verified frames that were read back from disk for readers that are behind. They
 * have a bound of their own, so that a reader who goes through old data does not push out the tails
 * that everybody else reads; and among themselves, a block that was read through once goes before
 * one that several have wanted. */
#ifndef TAILRACE_STORAGE_COLD_BLOCK_H
#define TAILRACE_STORAGE_COLD_BLOCK_H

#include "base/list.h"
#include "io/chunk.h"

struct log;
struct paged_file;
struct paged_frame;
struct segment;
struct store;

struct cold_block {
    struct list_node lru_node; /* store->cold, store->cold_kept or store->paged */
    struct log *log;
    struct segment *segment; /* retained */
    struct chunk *chunk;     /* NULL: it is sent from the page cache */
    uint64_t position;       /* in the segment */
    uint32_t data_at;        /* of the first frame in the chunk */
    uint32_t size_bytes;     /* of whole frames */
    uint32_t frame_count;
    struct paged_file *file;    /* without a chunk, */
    struct paged_frame *frames; /* and where its frames are */
    int64_t base_offset;
    int64_t next_offset;
    bool is_read_through; /* somebody has read it to its end */
    bool is_kept;         /* and somebody else wanted it again */
};

/* Where blocks lay that had to go: who was about to read them finds them again without the
 * segment's index, which may have to be made from all of the segment. */
struct cold_place {
    bool is_known;
    uint32_t segment_generation;
    int64_t segment_base_offset;
    uint64_t position; /* a frame begins here, */
    int64_t from;      /* with this offset or a later one; */
    uint64_t end_position;
    int64_t to; /* and here another, with this one or a later one */
};

/* A log's blocks, by base offset, none over another. */
struct cold_blocks {
    struct cold_block **items;
    uint32_t count;
    uint32_t capacity;
    struct cold_place gone; /* what was evicted last, as far as it is near to each other */
};

/* The block that holds `offset`, now the most recently used; or NULL. */
struct cold_block *cold_block_find(struct log *log, int64_t offset);

/* The same question, and nothing changes. */
bool cold_block_has(const struct log *log, int64_t offset);

/* Where a frame is known to begin, from a block that is there or has gone, so that the one with
 * `offset` of the segment is not far behind it. False: nowhere. */
bool cold_block_place(const struct log *log, const struct segment *segment, int64_t offset,
                      struct cold_place *place);

/* Takes over the chunk, or file and frames, and what the struct says. False without memory: they
 * stay the caller's. */
bool cold_block_add(const struct cold_block *block);

/* A reader has come to the end. */
void cold_block_pass(struct cold_block *block);

/* One that is sent from the page cache is known no more. */
void cold_block_forget(struct cold_block *block);

/* Gives back the block in memory that is missed least; false when there is none. */
bool cold_evict(struct store *store);

/* Down to the bound. */
void cold_trim(struct store *store);

/* The largest steps that the bound allows, until there are too many readers for them. */
void cold_step_init(struct store *store);

/* Those of one segment; of all, with NULL. */
void cold_blocks_drop(struct log *log, const struct segment *segment);

#endif
