/* A round: sealed frames of one log that go out together. They lie one behind the other in their
 * segment, so they are one write. */
#ifndef TAILRACE_STORAGE_ROUND_H
#define TAILRACE_STORAGE_ROUND_H

#include "io/io.h"

struct log;
struct memory_frame;

/* Whoever comes behind a round waits for all of it. A frame that is larger is a round of its own.
 */
enum { ROUND_FRAMES_MAX = IO_WRITE_PIECE_COUNT_MAX, ROUND_SIZE_MAX = 1024 * 1024 };

struct round {
    struct io_request request; /* its completion is the owner's */
    struct memory_frame *frames[ROUND_FRAMES_MAX];
    struct bytes pieces[ROUND_FRAMES_MAX]; /* the same as bytes */
    uint32_t frame_count;
    bool has_direct;   /* among them */
    bool is_under_way; /* until it is taken in */
    bool has_landed;   /* for the owner to set */
};

/* Takes what has been sealed, from the log's first unwritten frame on, which there is: open for
 * writing, mentioned, and with its space reserved. */
void round_gather(struct round *round, struct log *log);

/* Of what has been gathered. */
uint64_t round_bytes(const struct round *round);

/* Writes what has been gathered. */
void round_write(struct round *round, const struct log *log);

/* The write has landed. False: with an error; otherwise the frames are in the segment. */
bool round_take_in(struct round *round, struct log *log);

#endif
