/* Goes through a file of the metadata log (cluster/metadata_format.h) from front to back: its
 * batches, what is damaged between them, and what lies behind the last. */
#ifndef TAILRACE_CLI_METADATA_SCAN_H
#define TAILRACE_CLI_METADATA_SCAN_H

#include "cluster/metadata_format.h"

enum metadata_piece_kind {
    METADATA_PIECE_BATCH,
    METADATA_PIECE_DAMAGE, /* a whole batch follows, so this was one too */
    METADATA_PIECE_TAIL,   /* none follows */
};

struct metadata_piece {
    enum metadata_piece_kind kind;
    uint64_t position;
    uint64_t size_bytes;
    uint64_t used_size; /* of a tail: up to the last byte that is not zero */
    struct metadata_batch batch;
};

struct metadata_scan {
    struct bytes content; /* of the file */
    uint64_t file_id;
    size_t position;
};

/* Behind the header, which says whose batches count. */
void metadata_scan_init(struct metadata_scan *scan, struct bytes content, uint64_t file_id);

/* False at the end of the file. */
bool metadata_scan_next(struct metadata_scan *scan, struct metadata_piece *piece);

#endif
