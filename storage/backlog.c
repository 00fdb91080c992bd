#include "storage/backlog.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

/* Of the memory. What else is there has room beside it: what arrives while the disk writes, tails,
 * commits, and what readers want. And memory that comes round sooner is more often in the
 * processor's cache. */
enum { BACKLOG_SHARE = 8 };

bool backlog_is_large(const struct store *store)
{
    return store->backlog_bytes >= store->options.memory_bytes_max / BACKLOG_SHARE;
}

void backlog_add(struct memory_frame *frame)
{
    assert(frame->state == FRAME_SEALED);
    frame->log->store->backlog_bytes += frame_stored_size(frame->payload_size);
}

void backlog_take(struct memory_frame *frame)
{
    assert(frame->state == FRAME_SEALED);
    struct store *store = frame->log->store;
    uint64_t size_bytes = frame_stored_size(frame->payload_size);
    assert(store->backlog_bytes >= size_bytes);
    store->backlog_bytes -= size_bytes;
}

void backlog_hold(struct log *log)
{
    assert(log->loose != NULL);
    assert(!list_is_empty(&log->appends));
    if (!list_node_is_linked(&log->held_node))
        list_push_back(&log->store->held_logs, &log->held_node);
}

/* Those who find it large again are held again. */
void backlog_relieve(struct store *store)
{
    struct list_node *node;
    while (!backlog_is_large(store) && (node = list_pop_front(&store->held_logs)) != NULL)
        log_advance_soon(container_of(node, struct log, held_node));
}
