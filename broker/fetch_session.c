#include "broker/fetch_session.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <stdlib.h>

/* min.incremental.fetch.session.eviction.ms */
enum { EVICTION_SECONDS = 120 };

static bool session_has_id(const struct map_node *node, const void *key)
{
    return container_of(node, struct fetch_session, by_id)->id == *(const int32_t *)key;
}

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

void fetch_sessions_init(struct fetch_sessions *sessions, struct hash_seed seed, uint32_t count_max)
{
    *sessions = (struct fetch_sessions){.seed = seed, .count_max = count_max};
    map_init(&sessions->by_id, session_has_id);
    list_init(&sessions->by_use);
    list_init(&sessions->ending);
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

static void session_free(struct fetch_session *session)
{
    partitions_free(&session->partitions);
    partitions_free(&session->dropped);
    map_deinit(&session->partitions_by_key);
    list_remove(&session->node);
    free(session->watches);
    free(session);
}

/* --- Ending ------------------------------------------------------------------------------------
 */

static void session_free_if_over(struct fetch_session *session)
{
    struct fetch_sessions *sessions = session->sessions;
    if (!session->is_over || !list_is_empty(&session->dropped))
        return;
    assert(session->partition_count == 0);
    session_free(session);
    if (list_is_empty(&sessions->ending) && sessions->ended != NULL)
        sessions->ended(sessions);
}

static void watcher_left(struct fetch_watcher *watcher)
{
    struct fetch_session_partition *partition =
        container_of(watcher, struct fetch_session_partition, watcher);
    struct fetch_session *session = watcher->watch->session;
    assert(partition->is_dropped);
    partition_free(partition);
    session_free_if_over(session);
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

static void session_end(struct fetch_session *session)
{
    struct fetch_sessions *sessions = session->sessions;
    struct list_node *node;
    assert(!session->is_over);
    assert(sessions->count > 0);
    wake_reader(session, true);
    while ((node = list_first(&session->partitions)) != NULL)
        partition_drop(session, container_of(node, struct fetch_session_partition, node));
    assert(session->partition_count == 0);
    map_remove(&sessions->by_id, &session->by_id);
    sessions->count--;
    session->is_over = true;
    list_remove(&session->node);
    list_push_back(&sessions->ending, &session->node);
    session_free_if_over(session);
}

void fetch_sessions_end_all(struct fetch_sessions *sessions)
{
    struct list_node *node;
    while ((node = list_first(&sessions->by_use)) != NULL)
        session_end(container_of(node, struct fetch_session, node));
    assert(sessions->count == 0);
}

static void sessions_free(struct list *sessions)
{
    struct list_node *node;
    while ((node = list_first(sessions)) != NULL)
        session_free(container_of(node, struct fetch_session, node));
}

void fetch_sessions_deinit(struct fetch_sessions *sessions)
{
    sessions_free(&sessions->by_use);
    sessions_free(&sessions->ending);
    map_deinit(&sessions->by_id);
}

/* --- Sessions ----------------------------------------------------------------------------------
 */

struct fetch_session *fetch_session_find(struct fetch_sessions *sessions, int32_t id)
{
    struct map_node *node = map_find(&sessions->by_id, hash_u64(sessions->seed, (uint32_t)id), &id);
    return node == NULL ? NULL : container_of(node, struct fetch_session, by_id);
}

static void session_use(struct fetch_sessions *sessions, struct fetch_session *session,
                        uint64_t now_ns)
{
    session->used_ns = now_ns;
    list_remove(&session->node);
    list_push_back(&sessions->by_use, &session->node);
}

/* After the largest epoch comes 1: 0 and -1 have meanings of their own. */
static int32_t next_epoch(int32_t epoch)
{
    assert(epoch >= 0);
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

struct fetch_session *fetch_session_continue(struct fetch_sessions *sessions, int32_t id,
                                             int32_t epoch, bool uses_topic_ids, uint64_t now_ns,
                                             int16_t *error)
{
    struct fetch_session *session = fetch_session_find(sessions, id);
    if (session == NULL) {
        *error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
        return NULL;
    }
    if (session->epoch != epoch) {
        *error = KAFKA_INVALID_FETCH_SESSION_EPOCH;
        return NULL;
    }
    if (session->uses_topic_ids != uses_topic_ids) {
        *error = KAFKA_FETCH_SESSION_TOPIC_ID_ERROR;
        return NULL;
    }
    session->epoch = next_epoch(epoch);
    assert(session->epoch > 0);
    wake_reader(session, true);
    session_use(sessions, session, now_ns);
    *error = KAFKA_NONE;
    return session;
}

/* Makes room for one more; false when everybody has used theirs lately. */
static bool make_room(struct fetch_sessions *sessions, uint64_t now_ns)
{
    if (sessions->count < sessions->count_max)
        return true;
    struct list_node *oldest = list_first(&sessions->by_use);
    if (oldest == NULL)
        return false;
    struct fetch_session *session = container_of(oldest, struct fetch_session, node);
    if (now_ns - session->used_ns < EVICTION_SECONDS * 1000ull * 1000 * 1000)
        return false;
    session_end(session);
    return true;
}

struct fetch_session *fetch_session_create(struct fetch_sessions *sessions, int32_t id,
                                           bool uses_topic_ids, uint64_t now_ns)
{
    assert(id != FETCH_SESSION_NONE);
    if (fetch_session_find(sessions, id) != NULL || !make_room(sessions, now_ns))
        return NULL;
    struct fetch_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->sessions = sessions;
    session->id = id;
    session->epoch = next_epoch(FETCH_EPOCH_INITIAL);
    session->uses_topic_ids = uses_topic_ids;
    list_init(&session->partitions);
    list_init(&session->dropped);
    list_init(&session->due);
    list_node_init(&session->node);
    map_init(&session->partitions_by_key, partition_has_wish);
    map_insert(&sessions->by_id, &session->by_id, hash_u64(sessions->seed, (uint32_t)id));
    sessions->count++;
    session_use(sessions, session, now_ns);
    assert(sessions->count <= sessions->count_max);
    return session;
}

void fetch_session_end(struct fetch_sessions *sessions, int32_t id)
{
    struct fetch_session *session = fetch_session_find(sessions, id);
    if (session != NULL)
        session_end(session);
}

struct fetch_session_partition *fetch_session_partition(struct fetch_sessions *sessions,
                                                        struct fetch_session *session,
                                                        const struct fetch_wish *wish)
{
    struct map_node *node =
        map_find(&session->partitions_by_key, wish_hash(sessions->seed, wish), wish);
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
    map_insert(&session->partitions_by_key, &partition->by_key,
               wish_hash(session->sessions->seed, wish));
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

void fetch_session_put(struct fetch_sessions *sessions, struct fetch_session *session,
                       const struct fetch_wish *wish)
{
    assert(!session->is_over);
    struct fetch_session_partition *partition = fetch_session_partition(sessions, session, wish);
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

void fetch_session_forget(struct fetch_sessions *sessions, struct fetch_session *session,
                          const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = fetch_session_partition(sessions, session, wish);
    if (partition != NULL)
        partition_drop(session, partition);
}

void fetch_session_move_back(struct fetch_session *session,
                             struct fetch_session_partition *partition)
{
    assert(!partition->is_dropped);
    partition->order = ++session->order_last;
}

/* --- What is due -------------------------------------------------------------------------------
 */

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
