#include "storage/tail_cache.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

void tail_cache_note_reader(struct log *log)
{
    log->read_until_ns = io_now_ns(log->store->io) + TAIL_READER_NS;
}

void tail_cache_add(struct memory_frame *frame)
{
    struct log *log = frame->log;
    struct store *store = log->store;
    uint32_t size_bytes = frame->chunk->capacity_bytes;
    assert(frame->state == FRAME_WRITTEN);
    assert(!list_node_is_linked(&frame->cache_node));
    frame->is_unread = io_now_ns(store->io) >= log->read_until_ns;
    store->cache_bytes += size_bytes;
    if (frame->is_unread)
        store->unread_cache_bytes += size_bytes;
    assert(store->unread_cache_bytes <= store->cache_bytes);
    list_push_back(frame->is_unread ? &store->unread_cache : &store->cache, &frame->cache_node);
}

void tail_cache_remove(struct memory_frame *frame)
{
    struct store *store = frame->log->store;
    uint32_t size_bytes = frame->chunk->capacity_bytes;
    if (!list_node_is_linked(&frame->cache_node))
        return;
    assert(store->cache_bytes >= size_bytes);
    assert(!frame->is_unread || store->unread_cache_bytes >= size_bytes);
    store->cache_bytes -= size_bytes;
    if (frame->is_unread)
        store->unread_cache_bytes -= size_bytes;
    assert(store->unread_cache_bytes <= store->cache_bytes);
    list_remove(&frame->cache_node);
}

static bool evict_from(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node == NULL)
        return false;
    log_drop_frame(container_of(node, struct memory_frame, cache_node));
    return true;
}

bool tail_cache_evict(struct store *store)
{
    return evict_from(&store->unread_cache) || evict_from(&store->cache);
}

void tail_cache_trim(struct store *store)
{
    size_t bytes_max = store->options.cache_bytes_max;
    while (store->unread_cache_bytes > bytes_max / TAIL_UNREAD_SHARE &&
           evict_from(&store->unread_cache))
        ;
    while (store->cache_bytes > bytes_max && tail_cache_evict(store))
        ;
}
