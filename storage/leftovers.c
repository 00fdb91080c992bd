#include "storage/leftovers.h"

#include "base/assert.h"
#include "storage/compaction.h"
#include "storage/log_delete.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   LIST ──▶ FILE (one after the other) ──▶ END */
enum leftovers_stage { LEFTOVERS_LIST, LEFTOVERS_FILE, LEFTOVERS_END };

static const struct op_stage leftovers_stages[] = {
    [LEFTOVERS_LIST] = {"list", 0},
    [LEFTOVERS_FILE] = {"file", AFTER(LEFTOVERS_LIST) | AFTER(LEFTOVERS_FILE)},
    [LEFTOVERS_END] = {"end", AFTER(LEFTOVERS_FILE)},
};

enum { LISTING_BYTES_MAX = 16 << 20 };

struct leftovers {
    struct op op;
    struct log *log;
    struct io_request request;
    struct arena arena;
    uint32_t entry_index;
    struct removal removal;
    struct completion removed;
    char path[PATH_SIZE];
};

static void listed_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct leftovers, request.completion)->op, result);
}

static enum op_progress leftovers_list(struct leftovers *leftovers)
{
    completion_init(&leftovers->request.completion, listed_landed);
    op_expect(&leftovers->op);
    op_move(&leftovers->op, LEFTOVERS_FILE);
    io_list_directory(leftovers->log->store->io, &leftovers->request, leftovers->log->directory,
                      &leftovers->arena);
    return OP_WAIT;
}

static bool is_listed(const struct log *log, int64_t base_offset, uint32_t generation)
{
    uint32_t index;
    const struct segment *segment = log_find_segment(log, base_offset, &index);
    return segment != NULL && segment->base_offset == base_offset &&
           segment->generation == generation;
}

static bool is_leftover(const struct log *log, const char *name)
{
    int64_t base_offset;
    uint32_t generation;
    bool is_ours = path_parse_segment(name, &base_offset, &generation) ||
                   path_parse_index(name, &base_offset, &generation);
    return is_ours && !is_listed(log, base_offset, generation);
}

static const char *next_leftover(struct leftovers *leftovers)
{
    while (leftovers->entry_index < leftovers->request.listing.entry_count) {
        const char *name = leftovers->request.listing.entries[leftovers->entry_index++].name;
        if (is_leftover(leftovers->log, name))
            return name;
    }
    return NULL;
}

static void removed_landed(struct completion *completion, int32_t result)
{
    struct leftovers *leftovers = container_of(completion, struct leftovers, removed);
    leftovers->log->store->unlisted_count += result < 0;
    if (result < 0)
        log_warn(leftovers->log->store->logger,
                 "a file that belongs to no log could not be removed",
                 field_text("path", leftovers->path), field_status("error", (enum status)result));
    op_landed(&leftovers->op, STATUS_OK);
}

static enum op_progress leftovers_file(struct leftovers *leftovers)
{
    struct log *log = leftovers->log;
    struct store *store = log->store;
    bool goes_on = leftovers->op.error == STATUS_OK && log->deletion == NULL &&
                   !store->is_stopping && store->failure == STATUS_OK;
    const char *name = goes_on ? next_leftover(leftovers) : NULL;
    store->unlisted_count += !goes_on;
    if (name == NULL) {
        op_move(&leftovers->op, LEFTOVERS_END);
        return OP_AGAIN;
    }
    path_join(log->directory, name, leftovers->path);
    completion_init(&leftovers->removed, removed_landed);
    op_expect(&leftovers->op);
    op_move(&leftovers->op, LEFTOVERS_FILE);
    removal_start(&leftovers->removal, store->io, leftovers->path, &leftovers->removed);
    return OP_WAIT;
}

static void begin_next(struct store *store);

static enum op_progress leftovers_end(struct leftovers *leftovers)
{
    struct log *log = leftovers->log;
    struct store *store = log->store;
    assert(store->leftovers == leftovers);
    arena_deinit(&leftovers->arena);
    free(leftovers);
    store->leftovers = NULL;
    log->is_swept = true;
    assert(log->busy_count > 0);
    log->busy_count--;
    compaction_want(store, log);
    log_retire_progressed(log);
    log_delete_progressed(log);
    begin_next(store);
    store_progressed(store);
    return OP_DONE;
}

static enum op_progress leftovers_step(struct op *op)
{
    struct leftovers *leftovers = container_of(op, struct leftovers, op);
    switch ((enum leftovers_stage)op->stage) {
    case LEFTOVERS_LIST: return leftovers_list(leftovers);
    case LEFTOVERS_FILE: return leftovers_file(leftovers);
    case LEFTOVERS_END: return leftovers_end(leftovers);
    }
    unreachable();
}

static const struct op_kind leftovers_kind = {"leftovers", leftovers_step, leftovers_stages};

/* Without memory the search waits for the next log that is opened. */
static void begin_next(struct store *store)
{
    struct list_node *node = list_first(&store->unswept);
    if (node == NULL || store->leftovers != NULL || store->is_stopping)
        return;
    struct leftovers *leftovers = calloc(1, sizeof *leftovers);
    if (leftovers == NULL)
        return;
    list_remove(node);
    leftovers->log = container_of(node, struct log, unswept_node);
    leftovers->log->busy_count++;
    arena_init(&leftovers->arena, LISTING_BYTES_MAX);
    store->leftovers = leftovers;
    op_start(&leftovers->op, &leftovers_kind, io_ops(store->io));
}

void leftovers_want(struct log *log)
{
    assert(!log->is_swept);
    list_push_back(&log->store->unswept, &log->unswept_node);
    begin_next(log->store);
}

void leftovers_drop(struct store *store)
{
    if (store->leftovers == NULL)
        return;
    arena_deinit(&store->leftovers->arena);
    free(store->leftovers);
    store->leftovers = NULL;
}
