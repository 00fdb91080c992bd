#include "storage/room.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

enum { LOOK_BYTES = 4 << 20 };

/*   LOOK ──▶ JUDGE ──▶ (take the reserve) OPENED ──▶ ALLOCATED ──▶ CLOSED ──▶ END
 *               ├───── (let it go) ──────────────────────────────────────────▶ END
 *               └──────────────────────────────────────────────────────────────▲   */
enum room_stage { ROOM_LOOK, ROOM_JUDGE, ROOM_OPENED, ROOM_ALLOCATED, ROOM_CLOSED, ROOM_END };

static const struct op_stage room_stages[] = {
    [ROOM_LOOK] = {"look", 0},
    [ROOM_JUDGE] = {"judge", AFTER(ROOM_LOOK)},
    [ROOM_OPENED] = {"opened", AFTER(ROOM_JUDGE)},
    [ROOM_ALLOCATED] = {"allocated", AFTER(ROOM_OPENED)},
    [ROOM_CLOSED] = {"closed", AFTER(ROOM_ALLOCATED)},
    [ROOM_END] = {"end", AFTER(ROOM_JUDGE) | AFTER(ROOM_OPENED) | AFTER(ROOM_CLOSED)},
};

static const struct op_kind room_kind;

static void room_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct room, request.completion)->op, result);
}

static struct io_request *expect(struct room *room)
{
    completion_init(&room->request.completion, room_landed);
    op_expect(&room->op);
    return &room->request;
}

static enum op_progress move_to(struct room *room, enum room_stage stage, enum op_progress progress)
{
    op_move(&room->op, stage);
    return progress;
}

/* --- Saying so -------------------------------------------------------------------------------- */

static void become(struct room *room, enum room_level level)
{
    struct store *store = room->store;
    bool was_full = room->level != ROOM_AMPLE;
    room->level = level;
    store->is_full = level != ROOM_AMPLE;
    if (store->is_full && !was_full)
        log_warn(
            store->logger,
            "out of disk space or file handles: appends are refused, reads and deletions go on",
            field_text("directory", store->directory), field_u64("free_bytes", room->free_bytes));
    if (!store->is_full && was_full) {
        store_retry(store);
        log_info(store->logger, "there is disk space again: appends are taken",
                 field_text("directory", store->directory),
                 field_u64("free_bytes", room->free_bytes));
    }
}

static void look_soon(struct room *room)
{
    struct store *store = room->store;
    if (room->level != ROOM_AMPLE && !room->is_looking && !timer_is_running(&room->timer) &&
        !store->is_stopping)
        io_timer_start(store->io, &room->timer, io_now_ns(store->io) + RETRY_NS);
}

/* --- Looking ---------------------------------------------------------------------------------- */

static void look(struct room *room)
{
    struct store *store = room->store;
    if (room->is_looking || store->is_stopping || store->failure != STATUS_OK)
        return;
    room->is_looking = true;
    op_start(&room->op, &room_kind, io_ops(store->io));
}

static void timer_fired(struct timer *timer)
{
    look(container_of(timer, struct room, timer));
}

static bool has_waiting(const struct store *store)
{
    const struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        if (log->unwritten != NULL && log->deletion == NULL)
            return true;
    }
    return false;
}

static struct room_look look_of(const struct room *room)
{
    const struct store *store = room->store;
    return (struct room_look){
        .free_bytes = room->free_bytes,
        .free_bytes_min = store->options.free_bytes_min,
        .reserve_bytes = store->options.reserve_bytes,
        .has_reserve = room->has_reserve,
        .was_short = room->was_short,
        .has_waiting = has_waiting(store),
    };
}

static enum op_progress room_look(struct room *room)
{
    io_free_space(room->store->io, expect(room), room->store->directory);
    return move_to(room, ROOM_JUDGE, OP_WAIT);
}

static enum op_progress let_go(struct room *room)
{
    room->has_reserve = false;
    io_unlink(room->store->io, expect(room), room->path);
    return move_to(room, ROOM_END, OP_WAIT);
}

static enum op_progress room_judge(struct room *room)
{
    if (room->op.error == 0)
        room->free_bytes = room->request.space.usable_bytes;
    room->unlooked_bytes = 0;
    struct room_look found = look_of(room);
    enum room_level level = room_core_judge(room->level, &found);
    assert(level != ROOM_AMPLE || !found.was_short);
    assert(level != ROOM_AMPLE || room->level == ROOM_AMPLE || !found.has_waiting);
    room->was_short = false;
    if (level == ROOM_AMPLE && !room->has_reserve) {
        io_open(room->store->io, expect(room), room->path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
        return move_to(room, ROOM_OPENED, OP_WAIT);
    }
    become(room, level);
    return level == ROOM_DRY && room->has_reserve ? let_go(room)
                                                  : move_to(room, ROOM_END, OP_AGAIN);
}

/* --- Taking the reserve ----------------------------------------------------------------------- */

static enum op_progress room_opened(struct room *room)
{
    if (room->op.error != 0)
        return move_to(room, ROOM_END, OP_AGAIN);
    room->handle = room->request.completion.result;
    io_allocate(room->store->io, expect(room), room->handle, 0, room->store->options.reserve_bytes);
    return move_to(room, ROOM_ALLOCATED, OP_WAIT);
}

static enum op_progress room_allocated(struct room *room)
{
    int32_t handle = room->handle;
    room->handle = -1;
    room->has_reserve = room->op.error == 0;
    room->op.error = 0;
    io_close(room->store->io, expect(room), handle);
    return move_to(room, ROOM_CLOSED, OP_WAIT);
}

static enum op_progress room_closed(struct room *room)
{
    if (!room->has_reserve)
        return let_go(room);
    become(room, ROOM_AMPLE);
    return move_to(room, ROOM_END, OP_AGAIN);
}

/* Whatever has been left undone is tried again with each look. */
static enum op_progress room_end(struct room *room)
{
    struct store *store = room->store;
    assert(room->is_looking);
    room->is_looking = false;
    if (room->was_short && room->level != ROOM_DRY)
        become(room, ROOM_DRY);
    if (store->is_full && !store->is_stopping && store->failure == STATUS_OK)
        store_retry(store);
    look_soon(room);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress room_step(struct op *op)
{
    struct room *room = container_of(op, struct room, op);
    switch ((enum room_stage)op->stage) {
    case ROOM_LOOK: return room_look(room);
    case ROOM_JUDGE: return room_judge(room);
    case ROOM_OPENED: return room_opened(room);
    case ROOM_ALLOCATED: return room_allocated(room);
    case ROOM_CLOSED: return room_closed(room);
    case ROOM_END: return room_end(room);
    }
    unreachable();
}

static const struct op_kind room_kind = {"room", room_step, room_stages};

/* --- What is noticed -------------------------------------------------------------------------- */

void room_ran_short(struct room *room)
{
    room->was_short = true;
    if (room->is_looking)
        return;
    bool must_let_go = room->has_reserve;
    become(room, ROOM_DRY);
    if (must_let_go)
        look(room);
    else
        look_soon(room);
}

void room_note_allocated(struct room *room, uint64_t size_bytes)
{
    room->unlooked_bytes += size_bytes;
    if (room->unlooked_bytes >= LOOK_BYTES && room->level == ROOM_AMPLE)
        look(room);
}

bool room_is_quiet(const struct room *room)
{
    return !room->is_looking;
}

void room_stop(struct room *room)
{
    io_timer_cancel(room->store->io, &room->timer);
}

/* --- Life ------------------------------------------------------------------------------------- */

void room_init(struct room *room, struct store *store)
{
    *room = (struct room){.store = store, .handle = -1};
    timer_init(&room->timer, timer_fired);
}

static enum status take_at_start(struct room *room)
{
    struct store *store = room->store;
    int32_t handle;
    uint64_t size_bytes;
    enum status status =
        await_open(store->io, room->path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE, &handle, &size_bytes);
    if (status != STATUS_OK)
        return status;
    status = await_allocate(store->io, handle, store->options.reserve_bytes);
    room->has_reserve = status == STATUS_OK;
    enum status closed = await_close(store->io, handle);
    return status == STATUS_OK ? closed : status;
}

enum status room_open(struct room *room)
{
    struct store *store = room->store;
    assert(store->options.reserve_bytes > 0);
    path_reserve(store->directory, io_core_index(store->io), room->path);
    enum status status = take_at_start(room);
    if (status != STATUS_OK && status != STATUS_NO_SPACE && status != STATUS_NO_FILES)
        return status;
    io_free_space(store->io, &room->request, store->directory);
    int32_t result = io_await(store->io, &room->request);
    if (result < 0)
        return (enum status)result;
    room->free_bytes = room->request.space.usable_bytes;
    if (!room->has_reserve) {
        become(room, ROOM_DRY);
        (void)await_unlink(store->io, room->path);
    } else if (room->free_bytes < store->options.free_bytes_min) {
        become(room, ROOM_NARROW);
    }
    look_soon(room);
    return STATUS_OK;
}
