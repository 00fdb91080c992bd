/* The fetch sessions (KIP-227) of one core: the broker remembers which partitions a consumer
 * fetches, so that each request names only what changed and each answer holds only what is new.
 *
 *   session id, epoch   meaning of a request
 *   any,  0             full fetch that wants a new session; a former one ends
 *   any, -1             full fetch without session; a former one ends
 *   id,   n             incremental: the partitions in the request are added or changed, the
 *                       forgotten ones dropped; n must be the epoch that comes next
 *
 * A core keeps the sessions that were begun on it. A consumer that comes back on another core is
 * told that its session is not found, and begins a new one: that is what the protocol is made for.
 * When the cache is full, a session that was not used for a while makes room, or else one that has
 * been there for a while and is smaller than the new one; else the fetch goes without one. A
 * session that grows beyond the memory of all of them ends, and its consumer is told that it is not
 * found. Kafka bounds their number alone; a request may name as many partitions as it likes,
 * whether there are any or not. */
#ifndef TAILRACE_BROKER_FETCH_SESSIONS_H
#define TAILRACE_BROKER_FETCH_SESSIONS_H

#include "broker/fetch_session.h"

struct fetch_sessions {
    struct hash_seed seed;
    struct map by_id;
    struct list by_use;
    struct list ending; /* sessions that are over, until all their watchers are back */
    uint32_t count;
    uint32_t count_max;
    uint32_t core_count;
    struct fetch_memory memory;
    void (*ended)(struct fetch_sessions *sessions); /* called when none is ending any more */
};

enum { FETCH_SESSION_NONE = 0, FETCH_EPOCH_INITIAL = 0, FETCH_EPOCH_FINAL = -1 };

/* At most `count_max` sessions, which take at most `bytes_max` together. */
void fetch_sessions_init(struct fetch_sessions *sessions, struct hash_seed seed,
                         uint32_t core_count, uint32_t count_max, size_t bytes_max);

/* Without regard to what other cores watch: they do so no more. */
void fetch_sessions_deinit(struct fetch_sessions *sessions);

/* All sessions end. */
void fetch_sessions_end_all(struct fetch_sessions *sessions);

/* The session of an incremental request, with its epoch moved on; NULL and the error:
 * FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR. */
struct fetch_session *fetch_session_continue(struct fetch_sessions *sessions, int32_t id,
                                             int32_t epoch, bool uses_topic_ids, uint64_t now_ns,
                                             int16_t *error);

/* A new session with the id given (random, not zero), which is to get so many partitions; NULL when
 * there is no room or the id is taken. */
struct fetch_session *fetch_session_create(struct fetch_sessions *sessions, int32_t id,
                                           bool uses_topic_ids, size_t partition_count,
                                           uint64_t now_ns);

/* NULL when it has gone. */
struct fetch_session *fetch_session_find(struct fetch_sessions *sessions, int32_t id);

/* Does nothing when it has gone. */
void fetch_session_end(struct fetch_sessions *sessions, int32_t id);

/* There is no memory for what the session is to hold: it ends, and one that was not used for a
 * while goes as well, since its consumer will come again. */
void fetch_session_give_up(struct fetch_sessions *sessions, int32_t id, uint64_t now_ns);

#endif
