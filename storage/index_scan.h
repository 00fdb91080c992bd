/* Making an index anew from the frames of a segment. Reads up to a mebibyte at a time and passes
 * over large frames by their size; steps over what is damaged, block by block. */
#ifndef TAILRACE_STORAGE_INDEX_SCAN_H
#define TAILRACE_STORAGE_INDEX_SCAN_H

#include "base/op.h"
#include "io/chunk.h"
#include "storage/frame.h"
#include "storage/frame_index.h"

struct store;

struct index_scan {
    struct op op;
    struct io_request request;
    struct store *store;
    struct frame_place place;
    int32_t handle;
    uint64_t position;
    uint64_t end_position;
    int64_t next_offset; /* no frame may begin before it */
    struct frame_index index;
    struct chunk *chunk;
    struct completion *done;
};

/* The caller has set `store`, `place`, `handle`, `position` to `end_position`, and the `index` up
 * to `position`. `done` lands with STATUS_OK, STATUS_IO or STATUS_NO_MEMORY. */
void index_scan_start(struct index_scan *scan, struct completion *done);

/* Frees what was under way when the node was killed. */
void index_scan_drop(struct index_scan *scan);

#endif
