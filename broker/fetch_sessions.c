#include "broker/fetch_sessions.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <stdlib.h>

/* min.incremental.fetch.session.eviction.ms */
enum { EVICTION_SECONDS = 120 };

static bool session_has_id(const struct map_node *node, const void *key)
{
    return container_of(node, struct fetch_session, by_id)->id == *(const int32_t *)key;
}

void fetch_sessions_init(struct fetch_sessions *sessions, struct hash_seed seed,
                         uint32_t core_count, uint32_t count_max, size_t bytes_max)
{
    assert(core_count > 0);
    *sessions = (struct fetch_sessions){
        .seed = seed,
        .count_max = count_max,
        .core_count = core_count,
        .memory.max_bytes = bytes_max,
    };
    map_init(&sessions->by_id, session_has_id);
    list_init(&sessions->by_use);
    list_init(&sessions->ending);
}

/* --- Ending ----------------------------------------------------------------------------------- */

static void session_destroy(struct fetch_session *session)
{
    list_remove(&session->node);
    fetch_session_deinit(session);
    free(session);
}

static void session_emptied(struct fetch_session *session)
{
    struct fetch_sessions *sessions = session->sessions;
    assert(session->is_over);
    session_destroy(session);
    if (list_is_empty(&sessions->ending) && sessions->ended != NULL)
        sessions->ended(sessions);
}

static void session_end(struct fetch_session *session)
{
    struct fetch_sessions *sessions = session->sessions;
    assert(!session->is_over);
    assert(sessions->count > 0);
    map_remove(&sessions->by_id, &session->by_id);
    sessions->count--;
    assert(sessions->by_id.count == sessions->count);
    list_remove(&session->node);
    list_push_back(&sessions->ending, &session->node);
    fetch_session_close(session);
}

void fetch_sessions_end_all(struct fetch_sessions *sessions)
{
    struct list_node *node;
    while ((node = list_first(&sessions->by_use)) != NULL)
        session_end(container_of(node, struct fetch_session, node));
    assert(sessions->count == 0);
}

static void sessions_destroy(struct list *sessions)
{
    struct list_node *node;
    while ((node = list_first(sessions)) != NULL)
        session_destroy(container_of(node, struct fetch_session, node));
}

void fetch_sessions_deinit(struct fetch_sessions *sessions)
{
    sessions_destroy(&sessions->by_use);
    sessions_destroy(&sessions->ending);
    map_deinit(&sessions->by_id);
    assert(sessions->memory.used_bytes == 0);
}

/* --- One of them ------------------------------------------------------------------------------ */

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
    fetch_session_dismiss_reader(session);
    session_use(sessions, session, now_ns);
    *error = KAFKA_NONE;
    return session;
}

static bool is_long_ago(uint64_t then_ns, uint64_t now_ns)
{
    assert(now_ns >= then_ns);
    return now_ns - then_ns >= EVICTION_SECONDS * 1000ull * 1000 * 1000;
}

/* Ends the session that was not used for longest; false when everybody has used theirs lately. */
static bool evict_stale(struct fetch_sessions *sessions, uint64_t now_ns)
{
    struct list_node *oldest = list_first(&sessions->by_use);
    if (oldest == NULL)
        return false;
    struct fetch_session *session = container_of(oldest, struct fetch_session, node);
    if (!is_long_ago(session->used_ns, now_ns))
        return false;
    session_end(session);
    return true;
}

/* Ends the smallest of the sessions that have had their time; false when none of them is smaller.
 * A larger one spares more. */
static bool evict_smaller(struct fetch_sessions *sessions, size_t partition_count, uint64_t now_ns)
{
    struct fetch_session *smallest = NULL;
    struct fetch_session *session;
    list_for_each_entry (session, &sessions->by_use, node)
        if (is_long_ago(session->created_ns, now_ns) &&
            (smallest == NULL || session->partition_count < smallest->partition_count))
            smallest = session;
    if (smallest == NULL || smallest->partition_count >= partition_count)
        return false;
    session_end(smallest);
    return true;
}

static bool make_room(struct fetch_sessions *sessions, size_t partition_count, uint64_t now_ns)
{
    assert(sessions->count <= sessions->count_max);
    return sessions->count < sessions->count_max || evict_stale(sessions, now_ns) ||
           evict_smaller(sessions, partition_count, now_ns);
}

struct fetch_session *fetch_session_create(struct fetch_sessions *sessions, int32_t id,
                                           bool uses_topic_ids, size_t partition_count,
                                           uint64_t now_ns)
{
    assert(id != FETCH_SESSION_NONE);
    if (fetch_session_find(sessions, id) != NULL || !make_room(sessions, partition_count, now_ns))
        return NULL;
    struct fetch_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    if (!fetch_session_init(session, sessions->seed, sessions->core_count, &sessions->memory,
                            session_emptied)) {
        free(session);
        evict_stale(sessions, now_ns);
        return NULL;
    }
    session->sessions = sessions;
    session->id = id;
    session->epoch = next_epoch(FETCH_EPOCH_INITIAL);
    session->uses_topic_ids = uses_topic_ids;
    session->created_ns = now_ns;
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

void fetch_session_give_up(struct fetch_sessions *sessions, int32_t id, uint64_t now_ns)
{
    fetch_session_end(sessions, id);
    evict_stale(sessions, now_ns);
}
