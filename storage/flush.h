/* One log being written: its sealed frames go to its segments, are synced when someone waits for
 * that, and its state is recorded when a snapshot is due. At most one flush runs for a log, so
 * frames are written in order:
 *
 *   - a round of up to FLUSH_DEPTH frames is in flight together; the next begins when all landed;
 *   - a direct frame is followed by a sync before it counts as durable, and as all rounds before
 *     had landed, that sync covers everything below it in the segment;
 *   - a segment is synced before the first frame goes to the next one.
 *
 * So whatever is found whole in the segments after a crash has everything before it there too, and
 * recovery can cut at the first bad frame. */
#ifndef TAILRACE_STORAGE_FLUSH_H
#define TAILRACE_STORAGE_FLUSH_H

#include "base/op.h"
#include "io/io.h"
#include "storage/log_directory.h"
#include "storage/path.h"

struct log;
struct memory_frame;
struct store;

enum { FLUSH_DEPTH = 4 };

struct flush_write {
    struct io_request request;
    struct flush *flush;
};

struct flush {
    struct op op;
    struct list_node node; /* store->idle_flushes */
    struct store *store;
    struct log *log; /* NULL: idle */
    struct flush_write writes[FLUSH_DEPTH];
    struct memory_frame *frames[FLUSH_DEPTH];
    uint32_t frame_count;
    bool is_short_of_space;
    bool is_durable_write; /* this round is one frame, written and synced at once */
    int64_t target_offset; /* of the sync in flight */
    uint64_t step_bytes;   /* of the allocation in flight */
    struct log_directory directory;
    struct completion placed;
    char path[PATH_SIZE];
};

/* Takes the log on; steps at once. */
void flush_start(struct flush *flush, struct log *log);

#endif
