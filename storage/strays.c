#include "storage/strays.h"

#include "base/assert.h"
#include "storage/await.h"
#include "storage/path.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/*   NEXT ──▶ LISTED ──▶ DONE ──▶ NEXT ...
 *     └──▶ END */
enum strays_stage { STRAYS_NEXT, STRAYS_LISTED, STRAYS_DONE, STRAYS_END };

static const struct op_stage strays_stages[] = {
    [STRAYS_NEXT] = {"next", AFTER(STRAYS_DONE) | AFTER(STRAYS_LISTED)},
    [STRAYS_LISTED] = {"listed", AFTER(STRAYS_NEXT)},
    [STRAYS_DONE] = {"done", AFTER(STRAYS_LISTED)},
    [STRAYS_END] = {"end", AFTER(STRAYS_NEXT)},
};

enum { LISTING_BYTES_MAX = 64 << 20 };

struct strays {
    struct op op;
    struct store *store;
    struct strays_judge *judge;
    struct arena names; /* of the topics' directories */
    struct io_entry *entries;
    uint32_t entry_count;
    uint32_t entry_index;
    struct arena arena; /* of one topic's listing */
    struct io_request request;
    struct uuid topic_id;
    enum strays_verdict verdict;
    char topics[PATH_SIZE];
    char path[PATH_SIZE];
    char stray[PATH_SIZE];
};

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct strays, request.completion)->op, result);
}

static struct io_request *expect(struct strays *strays)
{
    completion_init(&strays->request.completion, request_landed);
    op_expect(&strays->op);
    return &strays->request;
}

/* The next directory that has the name of a topic's; false when there is none. */
static bool take_next(struct strays *strays)
{
    struct bytes name;
    while (strays->entry_index < strays->entry_count) {
        const struct io_entry *entry = &strays->entries[strays->entry_index++];
        if (!entry->is_directory || !path_parse_topic(entry->name, &name, &strays->topic_id))
            continue;
        path_join(strays->topics, entry->name, strays->path);
        strays->verdict = strays->judge->judge(strays->judge, strays->topic_id);
        return true;
    }
    return false;
}

static enum op_progress strays_next(struct strays *strays)
{
    const struct store *store = strays->store;
    strays->op.error = STATUS_OK;
    arena_reset(&strays->arena);
    if (store->is_stopping || store->failure != STATUS_OK || !take_next(strays)) {
        op_move(&strays->op, STRAYS_END);
        return OP_AGAIN;
    }
    io_list_directory(store->io, expect(strays), strays->path, &strays->arena);
    op_move(&strays->op, STRAYS_LISTED);
    return OP_WAIT;
}

/* Of a partition that is gone, or of a deleted topic's that the catalog does not have, and so
 * nobody else removes. */
static bool is_left_over(const struct strays *strays, const char *name)
{
    int32_t partition;
    if (path_is_deleted(name))
        return true;
    return strays->verdict == STRAYS_DELETED && path_parse_partition(name, &partition) &&
           store_states_find(strays->store->states, strays->topic_id, partition) == NULL;
}

/* Gives what is left of deleted partitions to the graveyard; answers how many other names there
 * are. */
static uint32_t bury_deleted(struct strays *strays)
{
    uint32_t other_count = 0;
    for (uint32_t i = 0; i < strays->request.listing.entry_count; i++) {
        const char *name = strays->request.listing.entries[i].name;
        if (!is_left_over(strays, name)) {
            other_count++;
            continue;
        }
        path_join(strays->path, name, strays->stray);
        graveyard_bury_directory(&strays->store->graveyard, strays->stray, 0);
    }
    return other_count;
}

static enum op_progress strays_listed(struct strays *strays)
{
    struct io *io = strays->store->io;
    bool is_empty = strays->request.listing.entry_count == 0;
    if (strays->op.error != STATUS_OK || (bury_deleted(strays) == 0 && !is_empty) ||
        strays->verdict == STRAYS_KNOWN || (strays->verdict == STRAYS_DELETED && !is_empty)) {
        op_move(&strays->op, STRAYS_NEXT);
        return OP_AGAIN;
    }
    op_move(&strays->op, STRAYS_DONE);
    if (is_empty) {
        io_remove_directory(io, expect(strays), strays->path);
        return OP_WAIT;
    }
    path_with_suffix(strays->path, ".stray", strays->stray);
    log_warn(strays->store->logger, "a topic that the cluster does not know is set aside",
             field_text("directory", strays->path), field_text("renamed_to", strays->stray),
             field_text("mend", "remove it, or give it its name back while the broker is stopped "
                                "and once the cluster knows the topic"));
    io_rename(io, expect(strays), strays->path, strays->stray);
    return OP_WAIT;
}

static enum op_progress strays_done(struct strays *strays)
{
    if (strays->op.error != STATUS_OK)
        log_warn(strays->store->logger, "a directory that belongs to nobody stays where it is",
                 field_text("directory", strays->path),
                 field_status("error", (enum status)strays->op.error));
    op_move(&strays->op, STRAYS_NEXT);
    return OP_AGAIN;
}

static enum op_progress strays_end(struct strays *strays)
{
    assert(strays->store->has_strays);
    strays->store->has_strays = false;
    store_progressed(strays->store);
    return OP_DONE;
}

static enum op_progress strays_step(struct op *op)
{
    struct strays *strays = container_of(op, struct strays, op);
    switch ((enum strays_stage)op->stage) {
    case STRAYS_NEXT: return strays_next(strays);
    case STRAYS_LISTED: return strays_listed(strays);
    case STRAYS_DONE: return strays_done(strays);
    case STRAYS_END: return strays_end(strays);
    }
    unreachable();
}

static const struct op_kind strays_kind = {"strays", strays_step, strays_stages};

enum status strays_create(struct io *io, const char *directory, struct strays **result)
{
    struct strays *strays = calloc(1, sizeof *strays);
    if (strays == NULL)
        return STATUS_NO_MEMORY;
    arena_init(&strays->names, LISTING_BYTES_MAX);
    arena_init(&strays->arena, LISTING_BYTES_MAX);
    path_topics(directory, strays->topics);
    enum status status =
        await_list(io, strays->topics, &strays->names, &strays->entries, &strays->entry_count);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status != STATUS_OK) {
        strays_destroy(strays);
        return status;
    }
    *result = strays;
    return STATUS_OK;
}

void strays_start(struct strays *strays, struct store *store, struct strays_judge *judge)
{
    assert(judge->judge != NULL);
    assert(!store->has_strays);
    strays->store = store;
    strays->judge = judge;
    store->has_strays = true;
    op_start(&strays->op, &strays_kind, io_ops(store->io));
}

void strays_destroy(struct strays *strays)
{
    arena_deinit(&strays->names);
    arena_deinit(&strays->arena);
    free(strays);
}
