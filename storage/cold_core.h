/* Walking the frames of a segment in search of one offset: what is served, what lies in a gap, what
 * is damaged. Pure: it is shown one reading after the other and says what it has found.
 *
 * The walk begins at a position where a frame is known to begin, from the index or behind a block
 * that was read before. Nothing is served but whole frames that their checksums accept. Behind
 * something else it looks at every block for the next good frame: what lies between the last good
 * one and that is damaged, no more and no less. */
#ifndef TAILRACE_STORAGE_COLD_CORE_H
#define TAILRACE_STORAGE_COLD_CORE_H

#include "storage/damage_core.h"
#include "storage/frame.h"
#include "storage/frame_index.h"

struct cold_walk {
    struct frame_place place;
    const struct frame_index *index; /* no frame reaches across one of its entries */
    bool trusts_index; /* made from the frames: what contradicts it is damage, and not its fault */
    uint64_t end_position; /* of what has been written of the segment */
    int64_t end_offset;    /* and the offset there */
    int64_t offset;        /* the one that is wanted */

    uint64_t position;     /* of the reading */
    uint64_t needed_bytes; /* that the next reading must have, with WALK_MORE; 0: any */
    int64_t known_end;     /* all below has been seen, or is of no interest */
    int64_t expected_base; /* of the first frame, as the index says; -1: it did not say */

    uint64_t done_bytes; /* of the reading */
    uint64_t run_at;     /* good frames in a row: where in the reading, */
    uint64_t run_bytes;  /* their size, */
    uint32_t run_count;  /* how many they are, */
    int64_t run_base;    /* the first's base offset, */
    int64_t run_next;    /* and the offset behind the last */
    bool is_in_damage;   /* since `damage.from` */
    uint64_t damage_position;
    struct log_damage damage;
};

enum cold_verdict {
    WALK_FOUND,    /* the run holds the offset */
    WALK_GAP,      /* nothing was ever there, or it was cleaned away: the next offset is `run_base`,
                      or `end_offset` if the run is empty */
    WALK_DAMAGED,  /* the offset lies in `damage`; the run may hold what follows */
    WALK_PASSED,   /* `damage` lies before the offset: note it and go on with the same reading */
    WALK_MORE,     /* needs another reading, at `position` */
    WALK_DOUBTFUL, /* the frames and the index do not agree; begin again with one to trust */
};

/* Begins at the last entry at or before `offset`. */
void cold_walk_begin(struct cold_walk *walk);

/* Begins at a frame's end instead, if that is nearer. */
void cold_walk_begin_behind(struct cold_walk *walk, uint64_t position, int64_t next_offset);

/* A reading at `position`, whole blocks; `is_last` when the file ends with it. The same reading
 * again after WALK_PASSED, a new one after WALK_MORE. */
enum cold_verdict cold_walk_take(struct cold_walk *walk, struct bytes reading, bool is_last);

#endif
