/* Going through the file of a segment piece by piece, whatever state it is in.
 *
 *   FRAME    a frame that is right in every byte
 *   DAMAGE   from one position to the next frame that is right
 *   TAIL     from one position to the end of the file: no frame there is right. Nothing but zeros
 *            (used_size 0) is how every segment ends; what a crash tore is not zeros; whether it is
 *            damage, only those know who know how far the log was durable. Frames of another
 *            segment are what the file held when it was that one's (storage/recycle.h)
 *
 * Pure but for the window's reading. */
#ifndef TAILRACE_CLI_SEGMENT_SCAN_H
#define TAILRACE_CLI_SEGMENT_SCAN_H

#include "cli/file_window.h"
#include "storage/frame.h"

enum segment_piece_kind { PIECE_FRAME, PIECE_DAMAGE, PIECE_TAIL };

struct segment_piece {
    enum segment_piece_kind kind;
    uint64_t position;
    uint64_t size_bytes;
    uint64_t used_size; /* of a tail: up to its last byte that is not zero, before the rest */
    uint64_t rest_size; /* of a tail: what is left from another segment, at its end */
    struct frame_header
        header; /* of a frame; of damage and tails what stands there, if it is one */
    bool has_header;
    struct bytes payload; /* of a frame: its batches, until the next call */
};

struct segment_scan {
    struct file_window *window;
    const struct frame_place *place; /* NULL: not known, and the frames' own checksums are not
                                        looked at, only those of the batches */
    uint64_t position;
    bool has_failed; /* no memory for a frame that says it is large */
};

void segment_scan_init(struct segment_scan *scan, struct file_window *window,
                       const struct frame_place *place);

/* The next piece; false at the end of the file. */
bool segment_scan_next(struct segment_scan *scan, struct segment_piece *piece);

#endif
