/* The steps of reading one file. */
#include "storage/read_file.h"

#include "base/assert.h"

#include <stdlib.h>

/*   OPEN ──▶ SIZE ──▶ READ ──▶ CLOSE ──▶ END
 *              └── not opened ────────────▲   */
enum read_file_stage {
    READ_FILE_OPEN,
    READ_FILE_SIZE,
    READ_FILE_READ,
    READ_FILE_CLOSE,
    READ_FILE_END
};

static const struct op_stage read_file_stages[] = {
    [READ_FILE_OPEN] = {"open", 0},
    [READ_FILE_SIZE] = {"size", AFTER(READ_FILE_OPEN)},
    [READ_FILE_READ] = {"read", AFTER(READ_FILE_SIZE)},
    [READ_FILE_CLOSE] = {"close", AFTER(READ_FILE_READ)},
    [READ_FILE_END] = {"end", AFTER(READ_FILE_SIZE) | AFTER(READ_FILE_CLOSE)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct read_file, request.completion)->op, result);
}

static struct io_request *expect(struct read_file *file)
{
    completion_init(&file->request.completion, request_landed);
    op_expect(&file->op);
    return &file->request;
}

static enum op_progress wait_in(struct read_file *file, enum read_file_stage stage)
{
    op_move(&file->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct read_file *file, enum read_file_stage stage)
{
    op_move(&file->op, stage);
    return OP_AGAIN;
}

static void note_error(struct read_file *file, enum status status)
{
    if (file->op.error == 0)
        file->op.error = (int32_t)status;
}

static enum op_progress read_file_size(struct read_file *file)
{
    if (file->op.error != 0)
        return move_to(file, READ_FILE_END);
    file->handle = file->request.completion.result;
    io_file_size(file->io, expect(file), file->handle);
    return wait_in(file, READ_FILE_READ);
}

static enum op_progress read_file_read(struct read_file *file)
{
    uint64_t size = file->request.range.size_bytes;
    if (file->op.error != 0)
        return move_to(file, READ_FILE_CLOSE);
    file->data = size > file->size_bytes_max ? NULL : malloc(size + 1);
    file->size_bytes = size;
    if (file->data == NULL) {
        note_error(file, size > file->size_bytes_max ? STATUS_CORRUPT : STATUS_NO_MEMORY);
        return move_to(file, READ_FILE_CLOSE);
    }
    io_read(file->io, expect(file), file->handle, file->data, (uint32_t)size, 0);
    return wait_in(file, READ_FILE_CLOSE);
}

static enum op_progress read_file_close(struct read_file *file)
{
    bool has_read = file->op.error == 0;
    if (has_read && (size_t)file->request.completion.result != file->size_bytes)
        note_error(file, STATUS_CORRUPT);
    io_close(file->io, expect(file), file->handle);
    return wait_in(file, READ_FILE_END);
}

static enum op_progress read_file_end(struct read_file *file)
{
    if (file->op.error != 0)
        read_file_drop(file);
    io_land(file->io, file->done, file->op.error);
    return OP_DONE;
}

static enum op_progress read_file_step(struct op *op)
{
    struct read_file *file = container_of(op, struct read_file, op);
    switch ((enum read_file_stage)op->stage) {
    case READ_FILE_OPEN:
        io_open(file->io, expect(file), file->path, IO_OPEN_READ_ONLY);
        return wait_in(file, READ_FILE_SIZE);
    case READ_FILE_SIZE: return read_file_size(file);
    case READ_FILE_READ: return read_file_read(file);
    case READ_FILE_CLOSE: return read_file_close(file);
    case READ_FILE_END: return read_file_end(file);
    }
    unreachable();
}

static const struct op_kind read_file_kind = {"read-file", read_file_step, read_file_stages};

void read_file_start(struct read_file *file, struct io *io, const char *path,
                     uint64_t size_bytes_max, struct completion *done)
{
    assert(size_bytes_max < INT32_MAX);
    *file = (struct read_file){
        .io = io,
        .path = path,
        .size_bytes_max = size_bytes_max,
        .handle = -1,
        .done = done,
    };
    op_start(&file->op, &read_file_kind, io_ops(io));
}

void read_file_drop(struct read_file *file)
{
    free(file->data);
    file->data = NULL;
    file->size_bytes = 0;
}
