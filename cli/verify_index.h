/* The index of a segment against its frames, while they are gone through. An index is a hint: a
 * broker that finds it wrong makes it anew, so what is found here has cost time and no record. */
#ifndef TAILRACE_CLI_VERIFY_INDEX_H
#define TAILRACE_CLI_VERIFY_INDEX_H

#include "cli/segment_scan.h"
#include "storage/index_file.h"

struct verify_index {
    struct frame_index index;
    uint64_t covered_bytes;
    uint32_t next;     /* the first entry at or behind the frames seen so far */
    bool is_untested;  /* damage lies between that entry and the frames: its time cannot be told */
    const char *what;  /* NULL: nothing is wrong so far */
    uint64_t position; /* in the segment, of what is wrong */
};

/* No file is no index, and nothing is wrong with that. */
void verify_index_open(struct verify_index *check, const char *path,
                       const struct frame_place *place);
void verify_index_close(struct verify_index *check);

/* The pieces of the segment, in order. */
void verify_index_take(struct verify_index *check, const struct segment_piece *piece);

#endif
