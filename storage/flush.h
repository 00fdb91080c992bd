/* One log being written: its sealed frames go to its segments, are synced when someone waits for
 * that, and its state is recorded when a snapshot is due. At most one flush runs for a log, so
 * frames are written in order:
 *
 *   - it begins behind all that is ready when it is asked for: batches that have come together, on
 *     one connection or on several, go out together;
 *   - what has been sealed meanwhile is a round (round.h); the next begins when it has landed;
 *   - then a round with a direct frame is synced, for somebody waits for it. Beside that sync the
 *     next round is written, if it is not small, and the next sync is for all rounds that have
 *     landed by then: so the disk is never idle while there is something to write, and a sync
 *     covers everything below its end in the segment;
 *   - of such logs a store has DURABLE_ROUNDS_MAX under way, the others wait for their turn, and
 *     while they do, a log gathers instead of writing beside its sync;
 *   - a segment is synced before the first frame goes to the next one.
 *
 * After a crash a frame may be found whole behind one that is not: both had been written, neither
 * synced. Nobody was told of either, and recovery cuts at the first bad frame. */
#ifndef TAILRACE_STORAGE_FLUSH_H
#define TAILRACE_STORAGE_FLUSH_H

#include "base/op.h"
#include "io/io.h"
#include "storage/log_directory.h"
#include "storage/log_sync.h"
#include "storage/path.h"
#include "storage/recycle.h"
#include "storage/round.h"

struct log;
struct store;

enum { FLUSH_TURN_ROUNDS = 4 }; /* in a row, while other logs wait for a turn */

struct flush {
    struct op op;
    struct list_node node; /* store->idle_flushes; store->round_turns */
    struct store *store;
    struct log *log; /* NULL: idle */
    struct io_request request;
    struct round round;
    struct log_sync sync;
    bool has_turn; /* is one of the DURABLE_ROUNDS_MAX */
    uint32_t turn_round_count;
    struct completion turn;   /* lands when it has one */
    struct completion notice; /* lands soon after flush_notice */
    bool is_noticed;
    bool is_short_of_space;
    uint64_t step_bytes; /* of the allocation in flight */
    struct log_directory directory;
    struct completion placed;
    struct recycle recycle;
    struct recycle_cut cut;
    struct completion recycled; /* of either */
    char path[PATH_SIZE];
};

/* Takes the log on; steps at once. */
void flush_start(struct flush *flush, struct log *log);

/* There may be more to write for the log: looks at it anew with the next turn, unless something
 * that it waits for will make it do so anyway. */
void flush_notice(struct flush *flush);

#endif
