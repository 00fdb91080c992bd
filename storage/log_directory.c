/* Each name is made durable before the next is made under it. */
#include "storage/log_directory.h"

#include "base/assert.h"

/*   TOPIC ──▶ TOPIC_NAME ──▶ PARTITION ──▶ PARTITION_NAME ──▶ END
 *     ▲── the topic's last other partition has just gone, and its directory with it ──┘      */
enum directory_stage {
    DIRECTORY_TOPIC,
    DIRECTORY_TOPIC_NAME,
    DIRECTORY_PARTITION,
    DIRECTORY_PARTITION_NAME,
    DIRECTORY_END
};

static const struct op_stage directory_stages[] = {
    [DIRECTORY_TOPIC] = {"topic", AFTER(DIRECTORY_PARTITION_NAME)},
    [DIRECTORY_TOPIC_NAME] = {"topic-name", AFTER(DIRECTORY_TOPIC)},
    [DIRECTORY_PARTITION] = {"partition", AFTER(DIRECTORY_TOPIC_NAME)},
    [DIRECTORY_PARTITION_NAME] = {"partition-name", AFTER(DIRECTORY_PARTITION)},
    [DIRECTORY_END] = {"end", AFTER(DIRECTORY_TOPIC_NAME) | AFTER(DIRECTORY_PARTITION) |
                                  AFTER(DIRECTORY_PARTITION_NAME)},
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct log_directory, request.completion)->op, result);
}

static struct io_request *expect(struct log_directory *directory)
{
    completion_init(&directory->request.completion, request_landed);
    op_expect(&directory->op);
    return &directory->request;
}

static enum op_progress wait_in(struct log_directory *directory, enum directory_stage stage)
{
    op_move(&directory->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct log_directory *directory, enum directory_stage stage)
{
    op_move(&directory->op, stage);
    return OP_AGAIN;
}

static bool is_made(struct log_directory *directory)
{
    if (directory->op.error == STATUS_EXISTS)
        directory->op.error = STATUS_OK;
    return directory->op.error == STATUS_OK;
}

static enum op_progress directory_topic(struct log_directory *directory)
{
    io_make_directory(directory->io, expect(directory), directory->topic);
    return wait_in(directory, DIRECTORY_TOPIC_NAME);
}

static enum op_progress directory_topic_name(struct log_directory *directory)
{
    if (!is_made(directory))
        return move_to(directory, DIRECTORY_END);
    io_sync_directory(directory->io, expect(directory), directory->topics);
    return wait_in(directory, DIRECTORY_PARTITION);
}

static enum op_progress directory_partition(struct log_directory *directory)
{
    if (directory->op.error != STATUS_OK)
        return move_to(directory, DIRECTORY_END);
    io_make_directory(directory->io, expect(directory), directory->partition);
    return wait_in(directory, DIRECTORY_PARTITION_NAME);
}

static enum op_progress directory_partition_name(struct log_directory *directory)
{
    if (directory->op.error == STATUS_NOT_FOUND) {
        directory->op.error = STATUS_OK;
        return move_to(directory, DIRECTORY_TOPIC);
    }
    if (!is_made(directory))
        return move_to(directory, DIRECTORY_END);
    io_sync_directory(directory->io, expect(directory), directory->topic);
    return wait_in(directory, DIRECTORY_END);
}

static enum op_progress directory_end(struct log_directory *directory)
{
    io_land(directory->io, directory->done, directory->op.error);
    return OP_DONE;
}

static enum op_progress directory_step(struct op *op)
{
    struct log_directory *directory = container_of(op, struct log_directory, op);
    switch ((enum directory_stage)op->stage) {
    case DIRECTORY_TOPIC: return directory_topic(directory);
    case DIRECTORY_TOPIC_NAME: return directory_topic_name(directory);
    case DIRECTORY_PARTITION: return directory_partition(directory);
    case DIRECTORY_PARTITION_NAME: return directory_partition_name(directory);
    case DIRECTORY_END: return directory_end(directory);
    }
    unreachable();
}

static const struct op_kind directory_kind = {"log-directory", directory_step, directory_stages};

void log_directory_start(struct log_directory *directory, struct io *io, const char *store,
                         const struct log_id *id, struct completion *done)
{
    directory->io = io;
    directory->done = done;
    path_topics(store, directory->topics);
    path_topic(store, id, directory->topic);
    path_partition(store, id, directory->partition);
    op_start(&directory->op, &directory_kind, io_ops(io));
}
