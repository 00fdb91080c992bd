/* The file of a segment that retention has let go becomes the file of a segment to come: all of it
 * has been written before, so it is ground (groundwork.h) that costs nothing.
 *
 *   - The graveyard is where such files wait anyway. One is taken for a segment that needs a file,
 *     if it is about as large as that is likely to become, and nobody reads from it any more. So it
 *     need not be removed, which takes disks longer than most else (removal.h).
 *   - It is renamed, and the names on both sides are durable before a byte is written: a file that
 *     a power cut has left under two names is still nobody's, and one that it has left under none
 *     had nothing in it.
 *   - What it held is behind the frames of the new segment until these reach its end. None of that
 *     can be taken for one of them, for a frame's checksum is bound to log, segment and position.
 *     When the segment ends before its file does, at a roll or a stop, the rest is cut off. */
#ifndef TAILRACE_STORAGE_RECYCLE_H
#define TAILRACE_STORAGE_RECYCLE_H

#include "base/op.h"
#include "io/io.h"
#include "storage/path.h"

#include <stdbool.h>

struct log;
struct segment;

struct recycle {
    struct op op;
    struct log *log;         /* whose flush it is that has need of a file */
    struct segment *segment; /* whose file it becomes; NULL: nothing is under way */
    struct segment *donor;   /* retained */
    struct log *donor_log;   /* busy meanwhile */
    bool is_taken;           /* the answer: the segment has a file */
    struct io_request request;
    struct io_request donor_request;
    struct completion *done;
    char from[PATH_SIZE];
    char to[PATH_SIZE];
};

/* Looks for a file for the segment, which has none, and takes it. False: there is none, and nothing
 * lands. Otherwise `done` lands with STATUS_OK, also if the file could not be taken in the end, or
 * with the error of a sync. The log has its directory. */
bool recycle_start(struct recycle *recycle, struct log *log, struct segment *segment,
                   struct completion *done);

/* Frees what was under way when the node was killed. */
void recycle_drop(struct recycle *recycle);

/* Of what was written last: its file is longer than the segment will ever be, or be before the next
 * start, and what is behind that is of another. It is to be cut. */
bool recycle_leaves_rest(const struct log *log);

struct recycle_cut {
    struct op op;
    struct log *log;
    struct io_request request;
    struct completion *done;
};

/* Cuts it, durably, as part of the log's flush: the file is open, and nothing else is under way
 * with it. */
void recycle_cut_start(struct recycle_cut *cut, struct log *log, struct completion *done);

#endif
