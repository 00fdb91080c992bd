/* One request at a time belongs to each file, the one that opens or the one that closes it. */
#include "storage/cold_file.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* How often, and how long in between, a handle is waited for. */
enum { TRIES_MAX = 500, PATIENCE_NS = 10 * 1000 * 1000 };

enum cold_file_state { COLD_FILE_OPENING, COLD_FILE_OPEN, COLD_FILE_CLOSING };

struct cold_file {
    struct list_node node; /* store->cold_files, the least recently used first */
    struct io_request request;
    struct store *store;
    struct segment *segment; /* retained */
    enum cold_file_kind kind;
    struct list waiting; /* cold_use, while it opens */
    enum cold_file_state state;
    uint32_t use_count; /* without those that wait */
    int32_t handle;
    uint32_t tries; /* that found no handle */
    struct timer patience;
    char path[PATH_SIZE];
};

/* --- Closing ---------------------------------------------------------------------------------- */

static void drop(struct cold_file *file)
{
    struct segment *segment = file->segment;
    assert(list_is_empty(&file->waiting));
    if (file->state != COLD_FILE_CLOSING)
        file->store->cold_file_count[file->kind]--;
    if (segment->files[file->kind] == file)
        segment->files[file->kind] = NULL;
    list_remove(&file->node);
    segment_release(file->segment);
    free(file);
}

/* An error of closing a file that was only read means nothing. */
static void closed_landed(struct completion *completion, int32_t result)
{
    struct cold_file *file = container_of(completion, struct cold_file, request.completion);
    struct store *store = file->store;
    (void)result;
    assert(file->state == COLD_FILE_CLOSING);
    assert(store->cold_handle_count[file->kind] > 0);
    store->cold_handle_count[file->kind]--;
    drop(file);
    store_progressed(store);
}

static bool is_idle(const struct cold_file *file)
{
    return file->state == COLD_FILE_OPEN && file->use_count == 0;
}

static void close_file(struct cold_file *file)
{
    assert(is_idle(file));
    assert(file->segment->files[file->kind] == file);
    assert(file->store->cold_file_count[file->kind] > 0);
    file->state = COLD_FILE_CLOSING;
    file->store->cold_file_count[file->kind]--;
    file->segment->files[file->kind] = NULL;
    completion_init(&file->request.completion, closed_landed);
    io_close(file->store->io, &file->request, file->handle);
}

/* Where handles are few, half as many as for writing. */
static uint32_t files_max(const struct store *store)
{
    uint32_t share = store->options.open_files_max / 2 + 1;
    return share < COLD_FILES_MAX ? share : COLD_FILES_MAX;
}

/* Down to `count_max` files, as far as there are some that nobody uses. */
static void trim(struct store *store, enum cold_file_kind kind, uint32_t count_max)
{
    struct cold_file *file;
    list_for_each_entry (file, &store->cold_files, node) {
        if (store->cold_file_count[kind] <= count_max)
            return;
        if (file->kind == kind && is_idle(file))
            close_file(file);
    }
}

bool cold_files_close(struct store *store)
{
    trim(store, COLD_FILE_DIRECT, 0);
    trim(store, COLD_FILE_CACHED, 0);
    return list_is_empty(&store->cold_files);
}

void cold_file_forget(struct segment *segment)
{
    assert(segment->is_retired);
    for (uint32_t kind = 0; kind < COLD_FILE_KIND_COUNT; kind++) {
        if (segment->files[kind] != NULL && is_idle(segment->files[kind]))
            close_file(segment->files[kind]);
    }
}

void cold_files_drop(struct store *store)
{
    struct list_node *node;
    while ((node = list_first(&store->cold_files)) != NULL) {
        struct cold_file *file = container_of(node, struct cold_file, node);
        list_init(&file->waiting);
        io_timer_cancel(store->io, &file->patience);
        drop(file);
    }
}

/* --- Using ------------------------------------------------------------------------------------ */

int32_t cold_file_handle(const struct cold_use *use)
{
    assert(use->file->state == COLD_FILE_OPEN);
    assert(use->file->use_count > 0);
    return use->file->handle;
}

void cold_file_release(struct cold_use *use)
{
    struct cold_file *file = use->file;
    assert(file->use_count > 0);
    file->use_count--;
    use->file = NULL;
    if (file->segment->is_retired && is_idle(file))
        close_file(file);
    else
        trim(file->store, file->kind, files_max(file->store));
}

static void begin_use(struct cold_file *file, struct cold_use *use)
{
    file->use_count++;
    use->file = file;
    io_land(file->store->io, &use->completion, STATUS_OK);
}

static void fail_uses(struct cold_file *file, int32_t error)
{
    struct list_node *node;
    while ((node = list_pop_front(&file->waiting)) != NULL)
        io_land(file->store->io, &container_of(node, struct cold_use, node)->completion, error);
    drop(file);
}

static void try_open(struct cold_file *file);

static void patience_is_over(struct timer *timer)
{
    try_open(container_of(timer, struct cold_file, patience));
}

/* Handles come back as soon as others have read; those that are only kept give way at once. */
static void try_again_soon(struct cold_file *file)
{
    struct store *store = file->store;
    trim(store, file->kind, 0);
    io_timer_start(store->io, &file->patience, io_now_ns(store->io) + PATIENCE_NS);
}

static void opened_landed(struct completion *completion, int32_t result)
{
    struct cold_file *file = container_of(completion, struct cold_file, request.completion);
    struct list_node *node;
    assert(file->state == COLD_FILE_OPENING);
    assert(!list_is_empty(&file->waiting));
    if (result < 0)
        file->store->cold_handle_count[file->kind]--;
    if (result == STATUS_NO_FILES && file->kind == COLD_FILE_DIRECT && file->tries++ < TRIES_MAX) {
        try_again_soon(file);
        return;
    }
    if (result < 0) {
        fail_uses(file, result);
        return;
    }
    file->state = COLD_FILE_OPEN;
    file->handle = result;
    while ((node = list_pop_front(&file->waiting)) != NULL)
        begin_use(file, container_of(node, struct cold_use, node));
}

/* A crowd of readers takes turns, or its handles would be those that clients wait for. What is
 * being closed counts: it takes as long as an opening. */
static void try_open(struct cold_file *file)
{
    struct store *store = file->store;
    assert(file->state == COLD_FILE_OPENING);
    if (file->kind == COLD_FILE_DIRECT &&
        store->cold_handle_count[file->kind] >= 2 * files_max(store)) {
        try_again_soon(file);
        return;
    }
    store->cold_handle_count[file->kind]++;
    completion_init(&file->request.completion, opened_landed);
    io_open(store->io, &file->request, file->path,
            IO_OPEN_READ_ONLY | (file->kind == COLD_FILE_DIRECT ? IO_OPEN_DIRECT : IO_OPEN_CACHED));
}

static struct cold_file *make(struct log *log, struct segment *segment, enum cold_file_kind kind)
{
    struct store *store = log->store;
    struct cold_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    trim(store, kind, files_max(store) - 1);
    file->store = store;
    file->kind = kind;
    file->segment = segment_retain(segment);
    file->handle = -1;
    list_init(&file->waiting);
    list_push_back(&store->cold_files, &file->node);
    store->cold_file_count[kind]++;
    segment->files[kind] = file;
    segment->was_paged = segment->was_paged || kind == COLD_FILE_CACHED;
    path_segment(log->directory, segment->base_offset, segment->generation, file->path);
    timer_init(&file->patience, patience_is_over);
    try_open(file);
    return file;
}

void cold_file_use(struct log *log, struct segment *segment, enum cold_file_kind kind,
                   struct cold_use *use)
{
    struct cold_file *file = segment->files[kind];
    list_node_init(&use->node);
    use->file = NULL;
    if (file == NULL)
        file = make(log, segment, kind);
    if (file == NULL) {
        io_land(log->store->io, &use->completion, STATUS_NO_MEMORY);
        return;
    }
    assert(file->state != COLD_FILE_CLOSING);
    list_remove(&file->node);
    list_push_back(&log->store->cold_files, &file->node);
    if (file->state == COLD_FILE_OPENING)
        list_push_back(&file->waiting, &use->node);
    else
        begin_use(file, use);
}
