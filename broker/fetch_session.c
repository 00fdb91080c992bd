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

void fetch_session_init(struct fetch_session *session, struct hash_seed seed,
                        void (*emptied)(struct fetch_session *session))
{
    assert(emptied != NULL);
    *session = (struct fetch_session){.seed = seed, .emptied = emptied};
    list_init(&session->partitions);
    list_init(&session->dropped);
    list_init(&session->due);
    list_node_init(&session->node);
    map_init(&session->partitions_by_key, partition_has_wish);
}

static void partition_free(struct fetch_session_partition *partition)
{
    list_remove(&partition->node);
    free((void *)(uintptr_t)partition->wish.topic_name.data);
    free(partition);
}

static void partitions_free(struct list *partitions)
{
    struct list_node *node;
    while ((node = list_first(partitions)) != NULL)
        partition_free(container_of(node, struct fetch_session_partition, node));
}

void fetch_session_deinit(struct fetch_session *session)
{
    partitions_free(&session->partitions);
    partitions_free(&session->dropped);
    map_deinit(&session->partitions_by_key);
    free(session->watches);
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
    partition_free(partition);
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
    if (partition->watcher.watch == NULL) {
        partition_free(partition);
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

/* The wish with a name of its own; false when there is no memory. */
static bool wish_copy(struct fetch_wish *to, const struct fetch_wish *from)
{
    *to = *from;
    if (bytes_are_null(from->topic_name))
        return true;
    uint8_t *name = malloc(from->topic_name.size + 1);
    if (name == NULL)
        return false;
    memcpy(name, from->topic_name.data, from->topic_name.size);
    to->topic_name = bytes_of(name, from->topic_name.size);
    return true;
}

/* At the end of the order. */
static struct fetch_session_partition *partition_add(struct fetch_session *session,
                                                     const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = calloc(1, sizeof *partition);
    assert(partition != NULL);
    bool has_copied = wish_copy(&partition->wish, wish);
    assert(has_copied);
    partition->sent_high_watermark = -1;
    partition->sent_start_offset = -1;
    partition->quiet_offset = -1;
    partition->order = ++session->order_last;
    list_node_init(&partition->due);
    list_push_back(&session->partitions, &partition->node);
    map_insert(&session->partitions_by_key, &partition->by_key, wish_hash(session->seed, wish));
    session->partition_count++;
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

void fetch_session_put(struct fetch_session *session, const struct fetch_wish *wish)
{
    assert(!session->is_over);
    struct fetch_session_partition *partition = fetch_session_partition(session, wish);
    if (partition == NULL) {
        partition = partition_add(session, wish);
        fetch_session_note_due(session, partition);
        return;
    }
    bool is_quiet = has_moved_on(partition, wish);
    struct bytes own_name = partition->wish.topic_name;
    partition->wish = *wish;
    partition->wish.topic_name = own_name;
    if (is_quiet)
        take_from_due(session, partition);
    else
        fetch_session_note_due(session, partition);
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

static void watches_make(struct fetch_session *session, struct io *home)
{
    uint32_t core_count = io_core_count(home);
    session->watches = calloc(core_count, sizeof *session->watches);
    assert(session->watches != NULL);
}

static struct fetch_watch *watch_of(struct fetch_session *session, struct io *home, struct io *core)
{
    if (session->watches == NULL)
        watches_make(session, home);
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
    partition->watcher.watch = watch;
    return &partition->watcher;
}
