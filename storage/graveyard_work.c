/* One timer for the next that is due, one removal at a time. */
#include "storage/graveyard.h"

#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* How long to wait for readers that are still in a file. */
enum { PATIENCE_NS = 100 * 1000 * 1000 };

static void destroy(struct grave *grave)
{
    segment_release(grave->segment);
    free(grave);
}

static void set_timer(struct graveyard *graveyard)
{
    struct io *io = graveyard->store->io;
    struct list_node *node = list_first(&graveyard->graves);
    io_timer_cancel(io, &graveyard->timer);
    if (node == NULL || graveyard->current != NULL || graveyard->is_closed)
        return;
    io_timer_start(io, &graveyard->timer, container_of(node, struct grave, node)->due_ns);
}

/* Delays differ from topic to topic, but hardly: the place is near the end. */
static void insert(struct graveyard *graveyard, struct grave *grave)
{
    struct list_node *position = &graveyard->graves.head;
    while (position->prev != &graveyard->graves.head &&
           container_of(position->prev, struct grave, node)->due_ns > grave->due_ns)
        position = position->prev;
    list_insert_before(position, &grave->node);
}

/* --- Removing --------------------------------------------------------------------------------- */

static void report(const struct graveyard *graveyard, const struct grave *grave, int32_t result)
{
    if (result == STATUS_OK || result == STATUS_CANCELLED)
        return;
    log_warn(graveyard->store->logger, "a file could not be removed; the next start tries again",
             field_text("path", grave->log == NULL ? grave->path : graveyard->file.path),
             field_status("error", (enum status)result));
}

static void removed_landed(struct completion *completion, int32_t result);

static void remove_segment(struct graveyard *graveyard, struct grave *grave)
{
    char path[PATH_SIZE];
    const struct segment *segment = grave->segment;
    const char *directory = grave->log->directory;
    if (grave->index_is_gone)
        path_segment(directory, segment->base_offset, segment->generation, path);
    else
        path_index(directory, segment->base_offset, segment->generation, path);
    completion_init(&graveyard->removed, removed_landed);
    removal_start(&graveyard->file, graveyard->store->io, path, &graveyard->removed);
}

static void end_removal(struct graveyard *graveyard, struct grave *grave)
{
    struct log *log = grave->log;
    bool is_gone = log != NULL && (!grave->has_failed || log->deletion != NULL);
    graveyard->current = NULL;
    graveyard->store->unlisted_count -= is_gone;
    destroy(grave);
    set_timer(graveyard);
    if (log != NULL) {
        assert(log->busy_count > 0);
        log->busy_count--;
        log_delete_progressed(log);
    }
    store_progressed(graveyard->store);
}

static void removed_landed(struct completion *completion, int32_t result)
{
    struct graveyard *graveyard = container_of(completion, struct graveyard, removed);
    struct grave *grave = graveyard->current;
    assert(!list_node_is_linked(&grave->node));
    report(graveyard, grave, result);
    grave->has_failed = grave->has_failed || result != STATUS_OK;
    if (grave->segment == NULL || grave->index_is_gone || result == STATUS_CANCELLED) {
        end_removal(graveyard, grave);
        return;
    }
    grave->index_is_gone = true;
    remove_segment(graveyard, grave);
}

static bool is_in_use(const struct grave *grave)
{
    return grave->segment != NULL && grave->segment->reference_count > 1;
}

static void timer_fired(struct timer *timer)
{
    struct graveyard *graveyard = container_of(timer, struct graveyard, timer);
    struct grave *grave = container_of(list_first(&graveyard->graves), struct grave, node);
    struct io *io = graveyard->store->io;
    assert(graveyard->current == NULL);
    assert(!graveyard->is_closed);
    list_remove(&grave->node);
    if (is_in_use(grave)) {
        grave->due_ns = io_now_ns(io) + PATIENCE_NS;
        insert(graveyard, grave);
        set_timer(graveyard);
        return;
    }
    graveyard->current = grave;
    if (grave->log != NULL) {
        grave->log->busy_count++;
        remove_segment(graveyard, grave);
        return;
    }
    completion_init(&graveyard->removed, removed_landed);
    directory_removal_start(&graveyard->directory, io, grave->path, &graveyard->removed);
}

/* --- Burying ---------------------------------------------------------------------------------- */

/* Without memory the thing is left to the next start. */
static struct grave *make(struct graveyard *graveyard, const char *path, int64_t delay_ms)
{
    size_t path_size = strlen(path) + 1;
    struct grave *grave = calloc(1, sizeof *grave + path_size);
    if (grave == NULL)
        return NULL;
    assert(delay_ms >= 0);
    uint64_t now_ns = io_now_ns(graveyard->store->io);
    bool is_for_ever = (uint64_t)delay_ms >= (UINT64_MAX - now_ns) / 1000000;
    grave->due_ns = is_for_ever ? UINT64_MAX : now_ns + (uint64_t)delay_ms * 1000000;
    list_node_init(&grave->node);
    memcpy(grave->path, path, path_size);
    return grave;
}

void graveyard_bury_segment(struct graveyard *graveyard, struct log *log, struct segment *segment,
                            int64_t delay_ms)
{
    assert(segment->is_retired);
    assert(graveyard->store->unlisted_count > 0);
    graveyard->store->unlisted_count -= log->deletion != NULL;
    struct grave *grave = log->deletion != NULL ? NULL : make(graveyard, "", delay_ms);
    if (grave == NULL) {
        segment_release(segment);
        return;
    }
    grave->log = log;
    grave->segment = segment;
    insert(graveyard, grave);
    set_timer(graveyard);
}

void graveyard_bury_directory(struct graveyard *graveyard, const char *path, int64_t delay_ms)
{
    struct grave *grave = make(graveyard, path, delay_ms);
    if (grave == NULL)
        return;
    insert(graveyard, grave);
    set_timer(graveyard);
}

/* A write past the page cache has what that holds of the file thrown out, and Linux, if it cannot,
 * calls it an error of the next sync: whatever was sent from there is left alone. */
static bool is_of_use(const struct grave *grave)
{
    return grave->segment != NULL && !grave->is_taken && !is_in_use(grave) &&
           !grave->segment->was_paged;
}

bool graveyard_take_file(struct graveyard *graveyard, uint64_t size_min, uint64_t size_max,
                         struct grave_file *file)
{
    struct grave *grave, *best = NULL;
    list_for_each_entry (grave, &graveyard->graves, node) {
        if (!is_of_use(grave) || grave->segment->size_bytes < size_min ||
            grave->segment->size_bytes > size_max)
            continue;
        if (best == NULL || best->segment->size_bytes < grave->segment->size_bytes)
            best = grave;
    }
    if (best == NULL)
        return false;
    assert(best->log->deletion == NULL);
    best->is_taken = true;
    *file = (struct grave_file){best->log, best->segment};
    return true;
}

void graveyard_forget(struct graveyard *graveyard, const struct log *log)
{
    struct grave *grave, *following;
    list_for_each_entry_safe (grave, following, &graveyard->graves, node) {
        if (grave->log != log)
            continue;
        list_remove(&grave->node);
        graveyard->store->unlisted_count--;
        destroy(grave);
    }
    if (graveyard->current != NULL && graveyard->current->log == log)
        graveyard->file.is_unwanted = true;
    set_timer(graveyard);
}

/* --- Life ------------------------------------------------------------------------------------- */

void graveyard_init(struct graveyard *graveyard, struct store *store)
{
    graveyard->store = store;
    list_init(&graveyard->graves);
    timer_init(&graveyard->timer, timer_fired);
}

void graveyard_close(struct graveyard *graveyard)
{
    graveyard->is_closed = true;
    io_timer_cancel(graveyard->store->io, &graveyard->timer);
    if (graveyard->current == NULL)
        return;
    if (graveyard->current->log != NULL)
        graveyard->file.is_unwanted = true;
    else
        directory_removal_cancel(&graveyard->directory);
}

bool graveyard_is_quiet(const struct graveyard *graveyard)
{
    return graveyard->current == NULL;
}

void graveyard_deinit(struct graveyard *graveyard)
{
    struct list_node *node;
    io_timer_cancel(graveyard->store->io, &graveyard->timer);
    while ((node = list_pop_front(&graveyard->graves)) != NULL)
        destroy(container_of(node, struct grave, node));
    if (graveyard->current == NULL)
        return;
    if (graveyard->current->log == NULL)
        directory_removal_drop(&graveyard->directory);
    destroy(graveyard->current);
}
