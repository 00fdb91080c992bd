/* Makes a segment of batches that come in order: for compaction. The file has a name of its own
 * until it is whole and durable, so that whatever is found under a segment's name is one:
 *
 *   <segment>.cleaned     being written; a leftover after a crash
 *   <segment>             whole, synced, and its name too
 *
 * Batches gather in frames, frames in a chunk, which is written when it is full. One write is in
 * flight at a time, and space is reserved ahead of it. */
#ifndef TAILRACE_STORAGE_SEGMENT_WRITER_H
#define TAILRACE_STORAGE_SEGMENT_WRITER_H

#include "base/op.h"
#include "io/io.h"
#include "protocol/batch.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/segment.h"

enum { SEGMENT_WRITE_SIZE = 256 * 1024 };

struct log;

enum segment_writer_goal { WRITER_FLUSH, WRITER_FINISH, WRITER_ABANDON };

struct segment_writer {
    struct op op;
    struct log *log;
    struct segment *segment; /* being made; one reference; NULL: not begun */
    enum segment_writer_goal goal;
    int32_t handle; /* -1: not open */
    bool is_made;   /* the file may be there */
    struct chunk *chunk;
    uint32_t size_bytes; /* of whole frames in the chunk */
    uint64_t written_bytes;
    uint64_t allocated_bytes;
    struct frame_facts frame; /* that gathers behind them; batch_count 0: none */
    struct io_request request;
    struct completion *done;
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
};

/* A segment without batches yet, and without a file. STATUS_NO_MEMORY. */
enum status segment_writer_begin(struct segment_writer *writer, struct log *log,
                                 int64_t base_offset, uint32_t generation);

/* Takes a copy of the batch. STATUS_BUSY: what has gathered must be flushed first;
 * STATUS_NO_MEMORY; STATUS_TOO_LARGE. */
enum status segment_writer_put(struct segment_writer *writer, struct bytes batch,
                               const struct batch_header *header);

/* Writes what has gathered. `done` lands with STATUS_OK or what went wrong: STATUS_NO_SPACE and
 * STATUS_NO_FILES leave the writer to be abandoned; other errors are those of a failing disk. */
void segment_writer_flush(struct segment_writer *writer, struct completion *done);

/* Makes the segment durable under its own name, with all that was put. Nothing is made of a
 * segment without batches. */
void segment_writer_finish(struct segment_writer *writer, struct completion *done);

/* The finished segment, whose reference is the caller's from now on; NULL if it has no batches. */
struct segment *segment_writer_take(struct segment_writer *writer);

/* Gives up whatever was begun, and removes the file; lands with STATUS_OK. */
void segment_writer_abandon(struct segment_writer *writer, struct completion *done);

/* Gives back memory when the node was killed. */
void segment_writer_drop(struct segment_writer *writer);

#endif
