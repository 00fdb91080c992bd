/* The inside of the writing of a log; only the files flush_*.c include this. flush_op.c has the
 * steps, flush_pick.c the order of duties. The other two do what is picked, each from the asking to
 * the taking in: flush_file.c what concerns the file, flush_write.c what goes into it. */
#ifndef TAILRACE_STORAGE_FLUSH_PARTS_H
#define TAILRACE_STORAGE_FLUSH_PARTS_H

#include "storage/flush.h"

struct segment;

/* PICK looks at the log and asks for the one thing that comes next, until nothing more may begin;
 * each other stage takes in what has landed and goes back to PICK. A round and a sync may be under
 * way together, and WATCH waits for either; everything else is done while nothing else is. */
enum flush_stage {
    FLUSH_START,
    FLUSH_PICK,
    FLUSH_PLACED,
    FLUSH_RECYCLED,
    FLUSH_OPENED,
    FLUSH_NAMED,
    FLUSH_ALLOCATED,
    FLUSH_TURN,
    FLUSH_WATCH,
    FLUSH_CUT,
    FLUSH_CLOSED,
    FLUSH_END
};

static inline enum op_progress flush_wait_in(struct flush *flush, enum flush_stage stage)
{
    op_move(&flush->op, stage);
    return OP_WAIT;
}

static inline enum op_progress flush_back_to_pick(struct flush *flush)
{
    op_move(&flush->op, FLUSH_PICK);
    return OP_AGAIN;
}

/* --- What comes next (flush_pick.c) ----------------------------------------------------------- */

enum op_progress flush_pick(struct flush *flush);

/* --- The file (flush_file.c) --------------------------------------------------------------------
 *
 * None of this while anything else is under way. */

/* The segment is the one that is written from now on; its file is not open, and made if need be. */
enum op_progress flush_ask_open(struct flush *flush, struct segment *segment);
enum op_progress flush_placed(struct flush *flush);
enum op_progress flush_recycled(struct flush *flush);
enum op_progress flush_opened(struct flush *flush);
enum op_progress flush_named(struct flush *flush);

/* Reserves space for the open segment, up to `needed_bytes` or beyond. */
enum op_progress flush_ask_allocate(struct flush *flush, struct segment *segment,
                                    uint64_t needed_bytes);
enum op_progress flush_allocated(struct flush *flush);

/* What another segment has left behind the last frame of this one. */
enum op_progress flush_ask_cut(struct flush *flush);

enum op_progress flush_ask_close(struct flush *flush);
enum op_progress flush_closed(struct flush *flush);

/* --- Rounds and syncs (flush_write.c) --------------------------------------------------------- */

/* Nothing begins in the middle of an append: what else has arrived with it, on this connection or
 * another, is a round with it. */
enum op_progress flush_let_gather(struct flush *flush);

/* A round of what has been sealed, when the log has a turn if it needs one. */
enum op_progress flush_ask_write(struct flush *flush);

/* Of all that has been written; opens the file for it. */
enum op_progress flush_ask_sync(struct flush *flush);

/* Something has been asked for that may land while the flush goes on. */
bool flush_is_busy(const struct flush *flush);

/* For whatever of it lands first. */
enum op_progress flush_watch(struct flush *flush);
enum op_progress flush_watched(struct flush *flush);

#endif
