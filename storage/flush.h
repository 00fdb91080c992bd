/* One log being written: its sealed frames go to its segments, are synced when someone waits for
 * that, and its state is recorded when a snapshot is due. At most one flush runs for a log, so
 * frames are written in order:
 *
 *   - it begins behind all that is ready when it is asked for: batches that have come together, on
 *     one connection or on several, go out together;
 *   - what has been sealed meanwhile is a round, of FLUSH_ROUND_FRAMES and FLUSH_ROUND_SIZE at
 *     most: one write, as its frames lie one behind the other; the next begins when it has landed;
 *   - a round with a direct frame has its sync with it, and as all rounds before had landed, that
 *     sync covers everything below its end in the segment; of such rounds a store has
 *     DURABLE_ROUNDS_MAX under way, the other logs wait for their turn;
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

/* Of one round. A frame that is larger is a round of its own. */
enum {
    FLUSH_ROUND_FRAMES = IO_WRITE_PIECE_COUNT_MAX,
    FLUSH_ROUND_SIZE = 1024 * 1024,
    FLUSH_TURN_ROUNDS = 4, /* in a row, while other logs wait for a turn */
};

struct flush {
    struct op op;
    struct list_node node; /* store->idle_flushes; store->round_turns */
    struct store *store;
    struct log *log; /* NULL: idle */
    struct io_request request;
    struct memory_frame *frames[FLUSH_ROUND_FRAMES]; /* the round in flight */
    struct bytes pieces[FLUSH_ROUND_FRAMES];         /* the same as bytes */
    uint32_t frame_count;
    bool has_direct; /* among them, so the round is durable when it lands */
    bool has_turn;   /* is one of the DURABLE_ROUNDS_MAX */
    uint32_t turn_round_count;
    struct completion turn; /* lands when it has one */
    bool is_short_of_space;
    int64_t target_offset; /* of the sync in flight */
    uint64_t step_bytes;   /* of the allocation in flight */
    struct log_directory directory;
    struct completion placed;
    char path[PATH_SIZE];
};

/* Takes the log on; steps at once. */
void flush_start(struct flush *flush, struct log *log);

#endif
