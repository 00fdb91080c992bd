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
}

static void partition_free(struct fetch_session *session, struct fetch_session_partition *partition)
{
    list_remove(&partition->node);
    map_remove(&session->partitions_by_key, &partition->by_key);
    session->partition_count--;
    free((void *)(uintptr_t)partition->wish.topic_name.data);
    free(partition);
}

static void session_free(struct fetch_sessions *sessions, struct fetch_session *session)
{
    struct list_node *node;
    while ((node = list_first(&session->partitions)) != NULL)
        partition_free(session, container_of(node, struct fetch_session_partition, node));
    assert(session->partition_count == 0);
    map_deinit(&session->partitions_by_key);
    map_remove(&sessions->by_id, &session->by_id);
    list_remove(&session->node);
    sessions->count--;
    free(session);
}

void fetch_sessions_deinit(struct fetch_sessions *sessions)
{
    struct list_node *node;
    while ((node = list_first(&sessions->by_use)) != NULL)
        session_free(sessions, container_of(node, struct fetch_session, node));
    map_deinit(&sessions->by_id);
}

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
    session_free(sessions, session);
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
    session->id = id;
    session->epoch = next_epoch(FETCH_EPOCH_INITIAL);
    session->uses_topic_ids = uses_topic_ids;
    list_init(&session->partitions);
    list_node_init(&session->node);
    map_init(&session->partitions_by_key, partition_has_wish);
    map_insert(&sessions->by_id, &session->by_id, hash_u64(sessions->seed, (uint32_t)id));
    sessions->count++;
    session_use(sessions, session, now_ns);
    return session;
}

void fetch_session_end(struct fetch_sessions *sessions, int32_t id)
{
    struct fetch_session *session = fetch_session_find(sessions, id);
    if (session != NULL)
        session_free(sessions, session);
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

void fetch_session_put(struct fetch_sessions *sessions, struct fetch_session *session,
                       const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = fetch_session_partition(sessions, session, wish);
    if (partition != NULL) {
        struct bytes own_name = partition->wish.topic_name;
        partition->wish = *wish;
        partition->wish.topic_name = own_name;
        return;
    }
    partition = calloc(1, sizeof *partition);
    assert(partition != NULL);
    bool has_copied = wish_copy(&partition->wish, wish);
    assert(has_copied);
    partition->sent_high_watermark = -1;
    partition->sent_start_offset = -1;
    list_push_back(&session->partitions, &partition->node);
    map_insert(&session->partitions_by_key, &partition->by_key, wish_hash(sessions->seed, wish));
    session->partition_count++;
}

void fetch_session_forget(struct fetch_sessions *sessions, struct fetch_session *session,
                          const struct fetch_wish *wish)
{
    struct fetch_session_partition *partition = fetch_session_partition(sessions, session, wish);
    if (partition != NULL)
        partition_free(session, partition);
}

void fetch_session_move_back(struct fetch_session *session,
                             struct fetch_session_partition *partition)
{
    assert(list_node_is_linked(&partition->node));
    list_remove(&partition->node);
    list_push_back(&session->partitions, &partition->node);
}
