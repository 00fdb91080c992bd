/* The replacing of a small file as an operation. The name is synced too: a rename alone may be gone
 * after a power cut. */
#include "storage/replace.h"

#include "base/assert.h"

/*   OPEN ──▶ WRITE ──▶ CLOSE ──▶ RENAME ──▶ NAME ──▶ END
 *     └──── an error: the file stays as it was ──────▲         */
enum replace_stage {
    REPLACE_OPEN,
    REPLACE_WRITE,
    REPLACE_CLOSE,
    REPLACE_RENAME,
    REPLACE_NAME,
    REPLACE_END
};

static const struct op_stage replace_stages[] = {
    [REPLACE_OPEN] = {"open", 0},
    [REPLACE_WRITE] = {"write", AFTER(REPLACE_OPEN)},
    [REPLACE_CLOSE] = {"close", AFTER(REPLACE_WRITE)},
    [REPLACE_RENAME] = {"rename", AFTER(REPLACE_CLOSE)},
    [REPLACE_NAME] = {"name", AFTER(REPLACE_RENAME)},
    [REPLACE_END] = {"end", AFTER(REPLACE_WRITE) | AFTER(REPLACE_RENAME) | AFTER(REPLACE_NAME)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct replace, request.completion)->op, result);
}

static struct io_request *next_request(struct replace *replace)
{
    completion_init(&replace->request.completion, request_landed);
    op_expect(&replace->op);
    return &replace->request;
}

static enum op_progress replace_open(struct replace *replace)
{
    io_open(replace->io, next_request(replace), replace->temporary,
            IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    op_move(&replace->op, REPLACE_WRITE);
    return OP_WAIT;
}

static enum op_progress replace_write(struct replace *replace)
{
    if (replace->op.error != 0) {
        op_move(&replace->op, REPLACE_END);
        return OP_AGAIN;
    }
    replace->handle = replace->request.completion.result;
    assert(replace->handle >= 0);
    io_write_durable(replace->io, next_request(replace), replace->handle, replace->content.data,
                     (uint32_t)replace->content.size, 0);
    op_move(&replace->op, REPLACE_CLOSE);
    return OP_WAIT;
}

/* Closes also after an error: op.error keeps it. */
static enum op_progress replace_close(struct replace *replace)
{
    io_close(replace->io, next_request(replace), replace->handle);
    op_move(&replace->op, REPLACE_RENAME);
    return OP_WAIT;
}

static enum op_progress replace_rename(struct replace *replace)
{
    if (replace->op.error != 0) {
        op_move(&replace->op, REPLACE_END);
        return OP_AGAIN;
    }
    io_rename(replace->io, next_request(replace), replace->temporary, replace->path);
    op_move(&replace->op, REPLACE_NAME);
    return OP_WAIT;
}

static enum op_progress replace_name(struct replace *replace)
{
    if (replace->op.error == 0) {
        io_sync_directory(replace->io, next_request(replace), replace->directory);
        op_move(&replace->op, REPLACE_END);
        return OP_WAIT;
    }
    op_move(&replace->op, REPLACE_END);
    return OP_AGAIN;
}

static enum op_progress replace_end(struct replace *replace)
{
    io_land(replace->io, replace->done, replace->op.error);
    return OP_DONE;
}

static enum op_progress replace_step(struct op *op)
{
    struct replace *replace = container_of(op, struct replace, op);
    switch ((enum replace_stage)op->stage) {
    case REPLACE_OPEN: return replace_open(replace);
    case REPLACE_WRITE: return replace_write(replace);
    case REPLACE_CLOSE: return replace_close(replace);
    case REPLACE_RENAME: return replace_rename(replace);
    case REPLACE_NAME: return replace_name(replace);
    case REPLACE_END: return replace_end(replace);
    }
    unreachable();
}

static const struct op_kind replace_kind = {"replace", replace_step, replace_stages};

void replace_start(struct replace *replace, struct io *io, const char *path, struct bytes content,
                   struct completion *done)
{
    assert(content.size > 0);
    assert(content.size <= UINT32_MAX);
    replace->io = io;
    replace->content = content;
    replace->done = done;
    replace->handle = -1;
    path_copy(path, replace->path);
    path_with_suffix(path, ".new", replace->temporary);
    path_parent(path, replace->directory);
    op_start(&replace->op, &replace_kind, io_ops(io));
}
