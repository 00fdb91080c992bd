/* Ground for large batches: the active segment of a log that takes them is written with zeros ahead
 * of what comes. A write into space that is only reserved changes metadata, which the sync behind
 * it then has to bring to the disk as well, one file at a time; a write over zeros changes none.
 *
 * The ground grows with the segment, so a log with one large batch pays for none. It is laid in the
 * background, one piece at a time, behind all that the segment has reserved so far: flushes write
 * below that, so the two never meet. A flush that needs more than there is waits for the piece that
 * is being laid, and reserves for itself when none is.
 *
 * It is laid where it is the sync that producers wait for: little comes between two rounds of the
 * log, and nobody is answered from memory. Where more is under way, in this log or in others, a
 * sync with metadata serves all of it at once, and the zeros would only take the disk from the
 * batches. */
#ifndef TAILRACE_STORAGE_GROUNDWORK_H
#define TAILRACE_STORAGE_GROUNDWORK_H

#include "base/op.h"
#include "io/io.h"
#include "storage/path.h"

#include <stdbool.h>
#include <stdint.h>

struct log;
struct segment;

struct groundwork {
    struct op op;
    struct log *log; /* which is busy meanwhile */
    struct segment *segment;
    int32_t handle; /* -1: not open */
    bool is_laid;   /* written with zeros to its end; synced, if no error says otherwise */
    uint64_t from;
    uint64_t position; /* written with zeros up to here */
    uint64_t to;
    struct io_request request;
    struct bytes pieces[IO_WRITE_PIECE_COUNT_MAX]; /* of the write in flight */
    char path[PATH_SIZE];
};

/* A round of `round_bytes`, large batches among them, has been written: lays the next piece if
 * little is left before the end. */
void groundwork_consider(struct log *log, uint64_t round_bytes);

/* Does the next frame to be written wait for a piece that is being laid? Its landing asks for a
 * flush. */
bool groundwork_is_awaited(const struct log *log);

/* Frees what was under way when the node was killed. */
void groundwork_drop(struct log *log);

#endif
