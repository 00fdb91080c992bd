/* Goes through segments from front to back, frame by frame, each one verified before it is shown:
 * for compaction, which reads much and must not be noticed. Reads past the page cache into a chunk
 * of its own, one read in flight, so its memory and its share of the disk are bounded. */
#ifndef TAILRACE_STORAGE_SEGMENT_READER_H
#define TAILRACE_STORAGE_SEGMENT_READER_H

#include "base/op.h"
#include "io/io.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/segment.h"

enum { SEGMENT_READ_SIZE = 256 * 1024 };

struct log;

struct segment_reader {
    struct op op;
    struct log *log;
    struct segment *const *segments; /* retained by the caller */
    uint32_t segment_count;
    uint32_t segment_index; /* beyond the last: at the end */
    uint64_t position;      /* of the frame that comes next */
    int32_t handle;         /* of the present segment; -1: not open */
    struct chunk *chunk;    /* what was read last; NULL before the first read */
    uint32_t size_bytes;    /* of what was read */
    uint32_t taken_bytes;   /* of it: frames that have been shown */
    uint64_t wanted_bytes;  /* the next frame needs a read of this size */
    bool is_closing;
    struct io_request request;
    struct completion *done;
    char path[PATH_SIZE];
};

/* Stands before the first frame of the first segment. The log must stay while this is used. */
void segment_reader_init(struct segment_reader *reader, struct log *log,
                         struct segment *const *segments, uint32_t segment_count);

/* Brings in the frames that come next, in this segment or the one after it. `done` lands with
 * STATUS_OK, also at the end, or with what went wrong: STATUS_NO_MEMORY and STATUS_NO_FILES pass,
 * STATUS_IO and STATUS_CORRUPT (a segment that is shorter than it should be) do not. */
void segment_reader_advance(struct segment_reader *reader, struct completion *done);

enum segment_reader_verdict {
    READER_FRAME,
    READER_EMPTY, /* what was read is used up: advance */
    READER_END,
    READER_DAMAGED,
};

/* The next frame; its payload stays until the next advance or close. */
enum segment_reader_verdict segment_reader_take(struct segment_reader *reader,
                                                struct frame_header *header, struct bytes *payload);

/* Gives back file and memory; lands with STATUS_OK. Needed at the end, too. */
void segment_reader_close(struct segment_reader *reader, struct completion *done);

/* Gives back memory when the node was killed. */
void segment_reader_drop(struct segment_reader *reader);

#endif
