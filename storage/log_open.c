/* Opening a log: its directory is made if there is none, its state file says the rest. Recovery has
 * left every directory with a state file that covers all of its segments, so nothing is scanned. */
#include "base/assert.h"
#include "storage/compaction_op.h"
#include "storage/log_struct.h"
#include "storage/state_file.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   STATE ──▶ SIZE ──▶ READ ──▶ CLOSE ──▶ END
 *     └ none: an empty log ─▶ TOPIC ──▶ TOPIC_NAME ──▶ PARTITION ──▶ PARTITION_NAME ─▶ END
 *
 * A log with a state file has had its directory made durable long ago. Without one the directory
 * may be new, or left by an opening that did not end: its name is made durable in either case. */
enum open_stage {
    OPEN_STATE,
    OPEN_SIZE,
    OPEN_READ,
    OPEN_CLOSE,
    OPEN_TOPIC,
    OPEN_TOPIC_NAME,
    OPEN_PARTITION,
    OPEN_PARTITION_NAME,
    OPEN_END
};

static const struct op_stage open_stages[] = {
    [OPEN_STATE] = {"state", 0},
    [OPEN_SIZE] = {"size", AFTER(OPEN_STATE)},
    [OPEN_READ] = {"read", AFTER(OPEN_SIZE)},
    [OPEN_CLOSE] = {"close", AFTER(OPEN_READ)},
    [OPEN_TOPIC] = {"topic", AFTER(OPEN_SIZE)},
    [OPEN_TOPIC_NAME] = {"topic-name", AFTER(OPEN_TOPIC)},
    [OPEN_PARTITION] = {"partition", AFTER(OPEN_TOPIC_NAME)},
    [OPEN_PARTITION_NAME] = {"partition-name", AFTER(OPEN_PARTITION)},
    [OPEN_END] = {"end", AFTER(OPEN_SIZE) | AFTER(OPEN_CLOSE) | AFTER(OPEN_TOPIC_NAME) |
                             AFTER(OPEN_PARTITION) | AFTER(OPEN_PARTITION_NAME)},
};

enum { STATE_BYTES_MAX = 256 << 20 };

struct log_opening {
    struct op op;
    struct list_node node; /* store->openings */
    struct io_request request;
    struct store *store;
    struct store_open *open;
    struct log *log;
    int32_t handle;
    uint8_t *content;
    uint64_t content_size;
    char path[PATH_SIZE];
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct log_opening, request.completion)->op, result);
}

static struct io_request *expect(struct log_opening *opening)
{
    completion_init(&opening->request.completion, request_landed);
    op_expect(&opening->op);
    return &opening->request;
}

static enum op_progress wait_in(struct log_opening *opening, enum open_stage stage)
{
    op_move(&opening->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct log_opening *opening, enum open_stage stage)
{
    op_move(&opening->op, stage);
    return OP_AGAIN;
}

static enum op_progress open_state(struct log_opening *opening)
{
    path_state(opening->log->directory, opening->path);
    io_open(opening->store->io, expect(opening), opening->path, IO_OPEN_READ_ONLY);
    return wait_in(opening, OPEN_SIZE);
}

static enum op_progress open_size(struct log_opening *opening)
{
    if (opening->op.error == STATUS_NOT_FOUND) {
        opening->op.error = 0;
        return move_to(opening, OPEN_TOPIC);
    }
    if (opening->op.error != 0)
        return move_to(opening, OPEN_END);
    opening->handle = opening->request.completion.result;
    io_file_size(opening->store->io, expect(opening), opening->handle);
    return wait_in(opening, OPEN_READ);
}

static enum op_progress open_read(struct log_opening *opening)
{
    if (opening->op.error != 0)
        return move_to(opening, OPEN_CLOSE);
    uint64_t size = opening->request.range.size_bytes;
    opening->content = size > STATE_BYTES_MAX ? NULL : malloc(size + 1);
    opening->content_size = size;
    if (opening->content == NULL) {
        opening->op.error = size > STATE_BYTES_MAX ? STATUS_CORRUPT : STATUS_NO_MEMORY;
        return move_to(opening, OPEN_CLOSE);
    }
    io_read(opening->store->io, expect(opening), opening->handle, opening->content, (uint32_t)size,
            0);
    return wait_in(opening, OPEN_CLOSE);
}

static enum op_progress open_close(struct log_opening *opening)
{
    io_close(opening->store->io, expect(opening), opening->handle);
    return wait_in(opening, OPEN_END);
}

static enum op_progress open_topic(struct log_opening *opening)
{
    path_parent(opening->log->directory, opening->path);
    io_make_directory(opening->store->io, expect(opening), opening->path);
    return wait_in(opening, OPEN_TOPIC_NAME);
}

static enum op_progress open_topic_name(struct log_opening *opening)
{
    if (opening->op.error == STATUS_EXISTS)
        opening->op.error = 0;
    if (opening->op.error != 0)
        return move_to(opening, OPEN_END);
    path_topics(opening->store->directory, opening->path);
    io_sync_directory(opening->store->io, expect(opening), opening->path);
    return wait_in(opening, OPEN_PARTITION);
}

static enum op_progress open_partition(struct log_opening *opening)
{
    if (opening->op.error != 0)
        return move_to(opening, OPEN_END);
    io_make_directory(opening->store->io, expect(opening), opening->log->directory);
    return wait_in(opening, OPEN_PARTITION_NAME);
}

static enum op_progress open_partition_name(struct log_opening *opening)
{
    if (opening->op.error == STATUS_EXISTS)
        opening->op.error = 0;
    if (opening->op.error != 0)
        return move_to(opening, OPEN_END);
    path_parent(opening->log->directory, opening->path);
    io_sync_directory(opening->store->io, expect(opening), opening->path);
    return wait_in(opening, OPEN_END);
}

static bool add_segments(struct log *log, const struct state *state)
{
    assert(log->segment_count == 0);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const struct state_segment *stored = &state->segments[i];
        struct segment *segment = log_add_segment(log, stored->base_offset, stored->generation);
        if (segment == NULL)
            return false;
        segment->size_bytes = stored->size_bytes;
        segment->allocated_bytes = stored->size_bytes;
        segment->indexed_from = stored->size_bytes;
        segment->max_timestamp_ms = stored->max_timestamp_ms;
        segment->created_ms = stored->created_ms;
        segment->appended_ms = stored->appended_ms;
        segment->exists = stored->size_bytes > 0;
    }
    return true;
}

static void take_offsets(struct log *log, const struct state *state)
{
    assert(log->end_offset == 0);
    assert(state->start_offset <= state->recovery_offset);
    log->start_offset = state->start_offset;
    log->high_watermark = state->start_offset;
    log->end_offset = state->recovery_offset;
    log->durable_offset = state->recovery_offset;
    log->journaled_offset = state->recovery_offset;
    log->written_offset = state->recovery_offset;
    log->synced_offset = state->recovery_offset;
    log->recorded_offset = state->recovery_offset;
    log->cleaned_offset = state->cleaned_offset;
}

static enum status take_state(struct log_opening *opening)
{
    struct log *log = opening->log;
    struct state state;
    enum status status = state_decode(bytes_of(opening->content, opening->content_size), &state,
                                      &log->epochs, &log->producers);
    if (status != STATUS_OK)
        return status;
    if (!uuid_equal(state.topic_id, log->id.topic_id) || state.partition != log->id.partition)
        status = STATUS_CORRUPT;
    else if (!add_segments(log, &state))
        status = STATUS_NO_MEMORY;
    else
        take_offsets(log, &state);
    free(state.segments);
    return status;
}

static void start_openings(struct store *store);

static enum op_progress open_end(struct log_opening *opening)
{
    struct store *store = opening->store;
    enum status status = (enum status)opening->op.error;
    assert(store->opening_count > 0);
    if (status == STATUS_OK && opening->content != NULL)
        status = take_state(opening);
    if (status == STATUS_OK && store->failure != STATUS_OK)
        status = STATUS_FAILED;
    if (status == STATUS_OK) {
        list_push_back(&store->logs, &opening->log->node);
        compaction_want(store, opening->log);
        opening->open->log = opening->log;
    } else {
        log_destroy(opening->log);
    }
    io_land(store->io, &opening->open->completion, (int32_t)status);
    list_remove(&opening->node);
    free(opening->content);
    free(opening);
    store->opening_count--;
    start_openings(store);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress open_step(struct op *op)
{
    struct log_opening *opening = container_of(op, struct log_opening, op);
    switch ((enum open_stage)op->stage) {
    case OPEN_TOPIC: return open_topic(opening);
    case OPEN_TOPIC_NAME: return open_topic_name(opening);
    case OPEN_PARTITION: return open_partition(opening);
    case OPEN_PARTITION_NAME: return open_partition_name(opening);
    case OPEN_STATE: return open_state(opening);
    case OPEN_SIZE: return open_size(opening);
    case OPEN_READ: return open_read(opening);
    case OPEN_CLOSE: return open_close(opening);
    case OPEN_END: return open_end(opening);
    }
    unreachable();
}

static const struct op_kind open_kind = {"log-open", open_step, open_stages};

/* A few at a time: each holds a file open, and a broker opens all of its logs at once. */
static void start_openings(struct store *store)
{
    while (store->opening_count < OPENINGS_MAX && !list_is_empty(&store->openings_waiting)) {
        struct list_node *node = list_pop_front(&store->openings_waiting);
        struct log_opening *opening = container_of(node, struct log_opening, node);
        list_push_back(&store->openings, node);
        store->opening_count++;
        op_start(&opening->op, &open_kind, io_ops(store->io));
    }
}

void store_open_log(struct store *store, struct store_open *open)
{
    open->log = NULL;
    bool is_refused = store->failure != STATUS_OK || store->is_stopping ||
                      open->id.topic_name.size > TOPIC_NAME_SIZE_MAX;
    struct log_opening *opening = is_refused ? NULL : calloc(1, sizeof *opening);
    struct log *log = opening == NULL ? NULL : log_create(store, &open->id, &open->config);
    if (log == NULL) {
        free(opening);
        io_land(store->io, &open->completion, is_refused ? STATUS_FAILED : STATUS_NO_MEMORY);
        return;
    }
    opening->store = store;
    opening->open = open;
    opening->log = log;
    list_push_back(&store->openings_waiting, &opening->node);
    start_openings(store);
}

void store_drop_openings(struct store *store)
{
    struct list_node *node;
    list_append(&store->openings, &store->openings_waiting);
    while ((node = list_pop_front(&store->openings)) != NULL) {
        struct log_opening *opening = container_of(node, struct log_opening, node);
        log_destroy(opening->log);
        free(opening->content);
        free(opening);
    }
}
