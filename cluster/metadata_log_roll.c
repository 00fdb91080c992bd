/* The next log file. Whatever may be missing, handle or space, is taken before the file in use is
 * left: a full disk must not cost the space that has been reserved in it. */
#include "cluster/metadata_log_parts.h"

#include "base/assert.h"

bool metadata_log_is_lack(int32_t error)
{
    return error == STATUS_NO_SPACE || error == STATUS_NO_FILES;
}

enum {
    ROLL_CREATE,
    ROLL_SPACE,
    ROLL_HEADER,
    ROLL_FOLDER,
    ROLL_LEAVE,
    ROLL_CLOSE,
    ROLL_REMOVE,
    ROLL_DONE
};

static const struct op_stage roll_stages[] = {
    [ROLL_CREATE] = {"create", 0},
    [ROLL_SPACE] = {"space", AFTER(ROLL_CREATE)},
    [ROLL_HEADER] = {"header", AFTER(ROLL_SPACE)},
    [ROLL_FOLDER] = {"folder", AFTER(ROLL_HEADER)},
    [ROLL_LEAVE] = {"leave", AFTER(ROLL_FOLDER)},
    [ROLL_CLOSE] = {"close", AFTER(ROLL_HEADER)},
    [ROLL_REMOVE] = {"remove", AFTER(ROLL_CLOSE)},
    [ROLL_DONE] = {"done", AFTER(ROLL_SPACE) | AFTER(ROLL_HEADER) | AFTER(ROLL_FOLDER) |
                               AFTER(ROLL_LEAVE) | AFTER(ROLL_REMOVE)},
};

static void roll_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    op_landed(&container_of(request, struct metadata_roll, request)->op, result);
}

static struct io_request *roll_expect(struct metadata_roll *roll)
{
    completion_init(&roll->request.completion, roll_landed);
    op_expect(&roll->op);
    return &roll->request;
}

static enum op_progress roll_wait_in(struct metadata_roll *roll, uint8_t stage)
{
    op_move(&roll->op, stage);
    return OP_WAIT;
}

static enum op_progress roll_end(struct metadata_roll *roll)
{
    op_move(&roll->op, ROLL_DONE);
    return OP_AGAIN;
}

/* A lack of space or handles is no error here: the answer is in is_full. */
static bool roll_is_full(struct metadata_roll *roll)
{
    if (!metadata_log_is_lack(roll->op.error))
        return false;
    roll->op.error = 0;
    roll->is_full = true;
    return true;
}

static enum op_progress roll_create(struct metadata_log *log)
{
    assert(log->wants_new_file);
    assert(list_is_empty(&log->writing));
    struct metadata_roll *roll = &log->roll;
    char name[METADATA_NAME_MAX];
    metadata_log_name(name, log->stored_index + 1);
    file_path(roll->path, log->directory, name);
    roll->is_full = false;
    io_open(log->io, roll_expect(roll), roll->path, IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    return roll_wait_in(roll, ROLL_SPACE);
}

static enum op_progress roll_space(struct metadata_log *log)
{
    struct metadata_roll *roll = &log->roll;
    if (roll_is_full(roll) || roll->op.error != 0)
        return roll_end(roll);
    roll->handle = roll->request.completion.result;
    assert(roll->handle >= 0);
    roll->allocated_bytes =
        METADATA_BLOCK_SIZE + metadata_log_next_batch_size(log) + 2 * METADATA_HEADROOM_BYTES;
    io_allocate(log->io, roll_expect(roll), roll->handle, 0, roll->allocated_bytes);
    return roll_wait_in(roll, ROLL_HEADER);
}

/* The header and the name are durable before any batch stands behind them: a file whose header is
 * broken although it holds a batch is damaged, and not merely unfinished. */
static enum op_progress roll_header(struct metadata_log *log)
{
    struct metadata_roll *roll = &log->roll;
    if (roll_is_full(roll)) {
        op_move(&roll->op, ROLL_CLOSE);
        return OP_AGAIN;
    }
    if (roll->op.error != 0)
        return roll_end(roll);
    io_secret(log->io, &roll->file_id, sizeof roll->file_id);
    struct metadata_log_header header = {roll->file_id, log->stored_index + 1};
    metadata_log_header_encode(&header, roll->block);
    io_write_durable(log->io, roll_expect(roll), roll->handle, roll->block, METADATA_BLOCK_SIZE, 0);
    return roll_wait_in(roll, ROLL_FOLDER);
}

/* Until the folder is synced the name may vanish in a power cut, and with it every batch that was
 * acknowledged in the file. */
static enum op_progress roll_folder(struct metadata_log *log)
{
    struct metadata_roll *roll = &log->roll;
    if (roll->op.error != 0)
        return roll_end(roll);
    io_sync_directory(log->io, roll_expect(roll), log->directory);
    return roll_wait_in(roll, ROLL_LEAVE);
}

/* The old file is closed without another sync: each of its batches was synced on its own. */
static enum op_progress roll_leave(struct metadata_log *log)
{
    struct metadata_roll *roll = &log->roll;
    int32_t former = log->handle;
    assert(log->wants_new_file);
    assert(list_is_empty(&log->writing)); /* The header says what comes first in the new file. */
    if (roll->op.error != 0)
        return roll_end(roll);
    assert(roll->handle != former);
    metadata_log_add_file(log, log->stored_index + 1);
    log->handle = roll->handle;
    log->file_id = roll->file_id;
    log->write_offset = METADATA_BLOCK_SIZE;
    log->allocated_end = roll->allocated_bytes;
    log->wants_new_file = false;
    if (former < 0)
        return roll_end(roll);
    io_close(log->io, roll_expect(roll), former);
    return roll_wait_in(roll, ROLL_DONE);
}

/* What has no space must not keep the little there was. */
static enum op_progress roll_close(struct metadata_log *log)
{
    assert(log->roll.is_full);
    assert(log->roll.handle != log->handle); /* The one in use stays. */
    io_close(log->io, roll_expect(&log->roll), log->roll.handle);
    return roll_wait_in(&log->roll, ROLL_REMOVE);
}

static enum op_progress roll_remove(struct metadata_log *log)
{
    if (log->roll.op.error != 0)
        return roll_end(&log->roll);
    io_unlink(log->io, roll_expect(&log->roll), log->roll.path);
    return roll_wait_in(&log->roll, ROLL_DONE);
}

static enum op_progress roll_step(struct op *op)
{
    struct metadata_roll *roll = container_of(op, struct metadata_roll, op);
    struct metadata_log *log = container_of(roll, struct metadata_log, roll);
    switch (op->stage) {
    case ROLL_CREATE: return roll_create(log);
    case ROLL_SPACE: return roll_space(log);
    case ROLL_HEADER: return roll_header(log);
    case ROLL_FOLDER: return roll_folder(log);
    case ROLL_LEAVE: return roll_leave(log);
    case ROLL_CLOSE: return roll_close(log);
    case ROLL_REMOVE: return roll_remove(log);
    case ROLL_DONE: io_land(log->io, &log->rolled, op->error); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind roll_kind = {"metadata-roll", roll_step, roll_stages};

void metadata_log_roll_start(struct metadata_log *log)
{
    op_start(&log->roll.op, &roll_kind, io_ops(log->io));
}
