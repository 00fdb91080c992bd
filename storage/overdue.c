#include "storage/overdue.h"

#include "base/assert.h"
#include "storage/state_file.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   NEXT ──▶ OPENED ──▶ NEXT ...
 *     └──▶ END */
enum overdue_stage { OVERDUE_NEXT, OVERDUE_OPENED, OVERDUE_END };

static const struct op_stage overdue_stages[] = {
    [OVERDUE_NEXT] = {"next", AFTER(OVERDUE_OPENED)},
    [OVERDUE_OPENED] = {"opened", AFTER(OVERDUE_NEXT)},
    [OVERDUE_END] = {"end", AFTER(OVERDUE_NEXT)},
};

struct overdue {
    struct op op;
    struct store *store;
    struct store_open open;
    struct completion deleted;
    size_t count;
    size_t index;
    const struct store_state *states[]; /* of the logs; nobody else opens them */
};

/* On a full disk a deletion is told so, and goes on by itself. */
static void report_last(const struct overdue *overdue)
{
    if (overdue->op.error == STATUS_OK || overdue->op.error == STATUS_NO_SPACE)
        return;
    log_warn(overdue->store->logger, "a log of a deleted topic stays on disk until the next start",
             field_bytes("topic", overdue->open.id.topic_name),
             field_i64("partition", overdue->open.id.partition),
             field_status("error", (enum status)overdue->op.error));
}

static void opened_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct overdue, open.completion)->op, result);
}

static enum op_progress overdue_next(struct overdue *overdue)
{
    struct store *store = overdue->store;
    report_last(overdue);
    overdue->op.error = STATUS_OK;
    if (overdue->index == overdue->count || store->is_stopping || store->failure != STATUS_OK) {
        op_move(&overdue->op, OVERDUE_END);
        return OP_AGAIN;
    }
    const struct store_state *state = overdue->states[overdue->index++];
    struct store_open *open = &overdue->open;
    open->id = (struct log_id){.topic_id = state->topic_id, .partition = state->partition};
    op_move(&overdue->op, OVERDUE_OPENED);
    op_expect(&overdue->op);
    completion_init(&open->completion, opened_landed);
    enum status status = state_topic_name(state->content, &open->id.topic_name);
    if (status == STATUS_OK)
        store_open_log(store, open);
    else
        io_land(store->io, &open->completion, (int32_t)status);
    return OP_WAIT;
}

static void deleted_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct overdue, deleted)->op, result);
}

/* The name of the topic went with the log's state. */
static enum op_progress overdue_opened(struct overdue *overdue)
{
    op_move(&overdue->op, OVERDUE_NEXT);
    if (overdue->op.error != STATUS_OK)
        return OP_AGAIN;
    assert(overdue->open.log != NULL);
    overdue->open.id.topic_name = (struct bytes){0};
    op_expect(&overdue->op);
    completion_init(&overdue->deleted, deleted_landed);
    store_delete_log(overdue->store, overdue->open.log, &overdue->deleted);
    return OP_WAIT;
}

static enum op_progress overdue_end(struct overdue *overdue)
{
    struct store *store = overdue->store;
    assert(store->overdue == overdue);
    store->overdue = NULL;
    free(overdue);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress overdue_step(struct op *op)
{
    struct overdue *overdue = container_of(op, struct overdue, op);
    switch ((enum overdue_stage)op->stage) {
    case OVERDUE_NEXT: return overdue_next(overdue);
    case OVERDUE_OPENED: return overdue_opened(overdue);
    case OVERDUE_END: return overdue_end(overdue);
    }
    unreachable();
}

static const struct op_kind overdue_kind = {"overdue", overdue_step, overdue_stages};

/* States that have been taken are of logs that are open. Another core takes those of its own logs
 * meanwhile, so nothing but the name of a log is looked at before it is known to be at home here.
 */
static bool is_overdue(struct overdue_judge *judge, const struct store_state *state)
{
    return judge->is_home(judge, state->topic_id, state->partition) &&
           !bytes_are_null(state->content) && judge->was_deleted(judge, state->topic_id);
}

static size_t count_overdue(const struct store_states *states, struct overdue_judge *judge)
{
    size_t count = 0;
    for (size_t i = 0; i < states->count; i++)
        count += is_overdue(judge, &states->states[i]);
    return count;
}

void overdue_start(struct store *store, struct overdue_judge *judge)
{
    const struct store_states *states = store->states;
    assert(store->overdue == NULL);
    size_t count = count_overdue(states, judge);
    struct overdue *overdue =
        count == 0 ? NULL : calloc(1, sizeof *overdue + count * sizeof overdue->states[0]);
    if (overdue == NULL)
        return;
    overdue->store = store;
    log_config_init(&overdue->open.config);
    overdue->open.config.file_delete_delay_ms = 0;
    for (size_t i = 0; i < states->count; i++)
        if (is_overdue(judge, &states->states[i]))
            overdue->states[overdue->count++] = &states->states[i];
    assert(overdue->count == count);
    store->overdue = overdue;
    log_info(store->logger, "deletions of an earlier run are carried out",
             field_text("directory", store->directory), field_u64("logs", count));
    op_start(&overdue->op, &overdue_kind, io_ops(store->io));
}

void overdue_drop(struct store *store)
{
    free(store->overdue);
    store->overdue = NULL;
}
