#include "broker/fetch_session.h"

#include "base/assert.h"

#include <stdlib.h>

static bool partition_has_wish(const struct map_node *node, const void *key)
{
    const struct fetch_session_partition *partition =
        container_of(node, struct fetch_session_partition, by_key);
    const struct fetch_wish *wish = key;
    return partition->wish.index == wish->index &&
           uuid_equal(partition->wish.topic_id, wish->topic_id) &&
           bytes_equal(partition->wish.topic_name, wish->topic_name);
}

static uint64_t wish_hash(struct hash_seed seed, const struct fetch_wish *wish)
{
    uint64_t topic = bytes_are_null(wish->topic_name)
                         ? hash_bytes(seed, bytes_of(wish->topic_id.bytes, sizeof wish->topic_id))
                         : hash_bytes(seed, wish->topic_name);
    return hash_u64(seed, topic ^ (uint32_t)wish->index);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Zeroed; NULL when there is none, or the sessions may not have it. */
static void *memory_take(struct fetch_memory *memory, size_t size_bytes)
{
    if (memory->used_bytes + size_bytes > memory->max_bytes)
        return NULL;
    void *taken = calloc(1, size_bytes);
    memory->used_bytes += taken == NULL ? 0 : size_bytes;
    return taken;
}

static void memory_give_back(struct fetch_memory *memory, void *taken, size_t size_bytes)
{
    assert(memory->used_bytes >= size_bytes);
    memory->used_bytes -= size_bytes;
    free(taken);
}

static size_t partition_bytes(const struct fetch_wish *wish)
{
    return sizeof(struct fetch_session_partition) + wish->topic_name.size;
}

static size_t watches_bytes(const struct fetch_session *session)
{
    return session->watch_count * sizeof *session->watches;
}

/* It grows by itself, so the limit is noticed by whoever comes next. */
static void count_table(struct fetch_session *session)
{
    size_t table_bytes = map_bytes(&session->partitions_by_key);
    assert(session->memory->used_bytes >= session->table_bytes);
    session->memory->used_bytes += table_bytes - session->table_bytes;
    session->table_bytes = table_bytes;
}

/* --- The session ------------------------------------------------------------------------------ */

bool fetch_session_init(struct fetch_session *session, struct hash_seed seed, uint32_t core_count,
                        struct fetch_memory *memory, void (*emptied)(struct fetch_session *session))
{
    assert(emptied != NULL);
    assert(core_count > 0);
    *session = (struct fetch_session){
        .seed = seed, .emptied = emptied, .memory = memory, .watch_count = core_count};
    session->watches = memory_take(memory, watches_bytes(session));
    if (session->watches == NULL)
        return false;
    list_init(&session->partitions);
    list_init(&session->dropped);
    list_init(&session->due);
    list_node_init(&session->node);
    map_init(&session->partitions_by_key, partition_has_wish);
    return true;
}

static void partition_free(struct fetch_session *session, struct fetch_session_partition *partition)
{
    list_remove(&partition->node);
    memory_give_back(session->memory, partition, partition_bytes(&partition->wish));
}

static void partitions_free(struct fetch_session *session, struct list *partitions)
{
    struct list_node *node;
    while ((node = list_first(partitions)) != NULL)
        partition_free(session, container_of(node, struct fetch_session_partition, node));
}

void fetch_session_deinit(struct fetch_session *session)
{
    partitions_free(session, &session->partitions);
    partitions_free(session, &session->dropped);
    map_deinit(&session->partitions_by_key);
    count_table(session);
    assert(session->table_bytes == 0);
    memory_give_back(session->memory, session->watches, watches_bytes(session));
}

/* --- Ending ----------------------------------------------------------------------------------- */

static void tell_if_empty(struct fetch_session *session)
{
    if (!session->is_over || !list_is_empty(&session->dropped))
        return;
    assert(session->partition_count == 0);
    session->emptied(session);
}

static void watcher_left(struct fetch_watcher *watcher)
{
    struct fetch_session_partition *partition =
        container_of(watcher, struct fetch_session_partition, watcher);
    struct fetch_session *session = watcher->watch->session;
    assert(partition->is_dropped);
    assert(!list_node_is_linked(&partition->due));
    partition_free(session, partition);
    tell_if_empty(session);
}

static void take_from_due(struct fetch_session *session, struct fetch_session_partition *partition)
{
    assert(session->due_count >= list_node_is_linked(&partition->due));
    session->due_count -= list_node_is_linked(&partition->due);
    list_remove(&partition->due);
}

/* Its memory stays until the core that watches it has let go. */
static void partition_drop(struct fetch_session *session, struct fetch_session_partition *partition)
{
    assert(!partition->is_dropped);
    assert(session->partition_count > 0);
    map_remove(&session->partitions_by_key, &partition->by_key);
    take_from_due(session, partition);
    session->partition_count--;
    assert(session->partitions_by_key.count == session->partition_count);
    assert(session->due_count <= session->partition_count);
    if (partition->watcher.watch == NULL) {
        partition_free(session, partition);
        return;
    }
    partition->is_dropped = true;
    list_remove(&partition->node);
    list_push_back(&session->dropped, &partition->node);
    fetch_watcher_leave(&partition->watcher);
}

static void wake_reader(struct fetch_session *session, bool is_dismissed)
{
    struct fetch_session_reader *reader = session->reader;
    session->reader = NULL;
    if (reader != NULL)
        reader->woken(reader, is_dismissed);
}

void fetch_session_dismiss_reader(struct fetch_session *session)
{
    wake_reader(session, true);
}

void fetch_session_close(struct fetch_session *session)
{
    struct list_node *node;
    assert(!session->is_over);
    wake_reader(session, true);
    while ((node = list_first(&session->partitions)) != NULL)
        partition_drop(session, container_of(node, struct fetch_session_partition, node));
    assert(session->partition_count == 0);
    assert(session->due_count == 0);
    session->is_over = true;
    tell_if_empty(session);
}

/* --- Partitions ------------------------------------------------------------------------------- */

struct fetch_session_partition *fetch_session_partition(struct fetch_session *session,
                                                        const struct fetch_wish *wish)
{
    struct map_node *node =
        map_find(&session->partitions_by_key, wish_hash(session->seed, wish), wish);
    return node == NULL ? NULL : container_of(node, struct fetch_session_partition, by_key);
}

/* The wish with the name that lies behind the partition. */
static void wish_copy(struct fetch_session_partition *partition, const struct fetch_wish *from)
{
    partition->wish = *from;
    if (bytes_are_null(from->topic_name))
        return;
    uint8_t *name = (uint8_t *)(partition + 1);
    memcpy(name, from->topic_name.data, from->topic_name.size);
    partition->wish.topic_name = bytes_of(name, from->topic_name.size);
}

/* At the end of the order; NULL when there is no memory. */
static struct fetch_session_partition *partition_add(struct fetch_session *session,
                                                     const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = memory_take(session->memory, partition_bytes(wish));
    if (partition == NULL)
        return NULL;
    wish_copy(partition, wish);
    partition->sent_high_watermark = -1;
    partition->sent_start_offset = -1;
    partition->quiet_offset = -1;
    partition->order = ++session->order_last;
    list_node_init(&partition->due);
    list_push_back(&session->partitions, &partition->node);
    map_insert(&session->partitions_by_key, &partition->by_key, wish_hash(session->seed, wish));
    count_table(session);
    session->partition_count++;
    assert(session->partitions_by_key.count == session->partition_count);
    return partition;
}

/* Only the offset may be another: the epochs are checked when the partition is looked at. */
static bool has_moved_on(const struct fetch_session_partition *partition,
                         const struct fetch_wish *wish)
{
    return partition->quiet_offset >= 0 && wish->fetch_offset == partition->quiet_offset &&
           wish->leader_epoch == partition->wish.leader_epoch &&
           wish->last_fetched_epoch == partition->wish.last_fetched_epoch;
}

bool fetch_session_put(struct fetch_session *session, const struct fetch_wish *wish)
{
    assert(!session->is_over);
    struct fetch_session_partition *partition = fetch_session_partition(session, wish);
    if (partition == NULL) {
        partition = partition_add(session, wish);
        if (partition != NULL)
            fetch_session_note_due(session, partition);
        return partition != NULL;
    }
    bool is_quiet = has_moved_on(partition, wish);
    struct bytes own_name = partition->wish.topic_name;
    partition->wish = *wish;
    partition->wish.topic_name = own_name;
    if (is_quiet)
        take_from_due(session, partition);
    else
        fetch_session_note_due(session, partition);
    return true;
}

void fetch_session_forget(struct fetch_session *session, const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = fetch_session_partition(session, wish);
    if (partition != NULL)
        partition_drop(session, partition);
}

void fetch_session_move_back(struct fetch_session *session,
                             struct fetch_session_partition *partition)
{
    assert(!partition->is_dropped);
    partition->order = ++session->order_last;
}

/* --- What is due ------------------------------------------------------------------------------ */

void fetch_session_note_due(struct fetch_session *session,
                            struct fetch_session_partition *partition)
{
    assert(!partition->is_dropped);
    assert(!session->is_over);
    if (!list_node_is_linked(&partition->due)) {
        list_push_back(&session->due, &partition->due);
        session->due_count++;
        assert(session->due_count <= session->partition_count);
    }
    wake_reader(session, false);
}

/* What is due since the fetch took it has moved meanwhile. */
void fetch_session_note_read(struct fetch_session *session,
                             struct fetch_session_partition *partition, int64_t quiet_offset)
{
    assert(quiet_offset > 0);
    if (!list_node_is_linked(&partition->due))
        partition->quiet_offset = quiet_offset;
    fetch_session_note_due(session, partition);
}

struct fetch_session_partition *fetch_session_take_due(struct fetch_session *session)
{
    struct list_node *node = list_pop_front(&session->due);
    if (node == NULL)
        return NULL;
    assert(session->due_count > 0);
    session->due_count--;
    struct fetch_session_partition *partition =
        container_of(node, struct fetch_session_partition, due);
    assert(!partition->is_dropped);
    partition->quiet_offset = -1;
    return partition;
}

void fetch_session_read_as(struct fetch_session *session, uint32_t reader_kind)
{
    struct fetch_session_partition *partition;
    if (session->reader_kind == reader_kind)
        return;
    session->reader_kind = reader_kind;
    list_for_each_entry (partition, &session->partitions, node)
        fetch_session_note_due(session, partition);
}

void fetch_session_wait(struct fetch_session *session, struct fetch_session_reader *reader)
{
    assert(session->reader == NULL);
    assert(reader->woken != NULL);
    assert(!session->is_over);
    session->reader = reader;
}

void fetch_session_wait_end(struct fetch_session *session, struct fetch_session_reader *reader)
{
    if (session->reader == reader)
        session->reader = NULL;
}

static void watcher_moved(struct fetch_watcher *watcher)
{
    struct fetch_session_partition *partition =
        container_of(watcher, struct fetch_session_partition, watcher);
    partition->quiet_offset = -1;
    if (!partition->is_dropped)
        fetch_session_note_due(watcher->watch->session, partition);
}

static struct fetch_watch *watch_of(struct fetch_session *session, struct io *home, struct io *core)
{
    assert(io_core_index(core) < session->watch_count);
    struct fetch_watch *watch = &session->watches[io_core_index(core)];
    if (watch->session == NULL) {
        fetch_watch_init(watch, session, home, core);
        watch->moved = watcher_moved;
        watch->left = watcher_left;
    }
    return watch;
}

static struct fetch_session_partition *partition_replace(struct fetch_session *session,
                                                         struct fetch_session_partition *old)
{
    assert(old->watcher.watch != NULL);
    partition_drop(session, old); /* and still there, until its watcher is back */
    struct fetch_session_partition *partition = partition_add(session, &old->wish);
    if (partition == NULL)
        return NULL;
    partition->order = old->order;
    partition->sent_high_watermark = old->sent_high_watermark;
    partition->sent_start_offset = old->sent_start_offset;
    return partition;
}

struct fetch_watcher *fetch_session_watch(struct fetch_session *session,
                                          struct fetch_session_partition *partition,
                                          struct io *home, struct io *core)
{
    assert(!partition->is_dropped);
    assert(!list_node_is_linked(&partition->due));
    struct fetch_watch *watch = watch_of(session, home, core);
    if (partition->watcher.watch != NULL && partition->watcher.watch != watch)
        partition = partition_replace(session, partition);
    if (partition == NULL)
        return NULL;
    partition->watcher.watch = watch;
    return &partition->watcher;
}
