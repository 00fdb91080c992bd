/* Fetch sessions (KIP-227): the broker remembers which partitions a consumer fetches, so that each
 * request names only what changed and each answer holds only what is new.
 *
 *   session id, epoch   meaning of a request
 *   any,  0             full fetch that wants a new session; a former one ends
 *   any, -1             full fetch without session; a former one ends
 *   id,   n             incremental: the partitions in the request are added or changed, the
 *                       forgotten ones dropped; n must be the epoch that comes next
 *
 * A core keeps the sessions that were begun on it. A consumer that comes back on another core is
 * told that its session is not found, and begins a new one: that is what the protocol is made for.
 * When the cache is full, a session that was not used for a while makes room, else the fetch goes
 * without one. */
#ifndef TAILRACE_BROKER_FETCH_SESSION_H
#define TAILRACE_BROKER_FETCH_SESSION_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

/* What a consumer wants of one partition. */
struct fetch_wish {
    struct bytes topic_name; /* null in requests that name topics by id */
    struct uuid topic_id;    /* zero in those that name them by name */
    int32_t index;
    int64_t fetch_offset;
    int32_t size_bytes_max;
    int32_t leader_epoch;
    int32_t last_fetched_epoch;
};

struct fetch_session_partition {
    struct list_node node; /* in the session's order */
    struct map_node by_key;
    struct fetch_wish wish;      /* the name is the session's own copy */
    int64_t sent_high_watermark; /* what the consumer was told last; -1: nothing */
    int64_t sent_start_offset;
};

struct fetch_session {
    struct map_node by_id;
    struct list_node node; /* least recently used first */
    int32_t id;
    int32_t epoch; /* that the next request must have */
    bool uses_topic_ids;
    uint64_t used_ns;
    struct list partitions;
    struct map partitions_by_key;
    uint32_t partition_count;
};

struct fetch_sessions {
    struct hash_seed seed;
    struct map by_id;
    struct list by_use;
    uint32_t count;
    uint32_t count_max;
};

enum { FETCH_SESSION_NONE = 0, FETCH_EPOCH_INITIAL = 0, FETCH_EPOCH_FINAL = -1 };

void fetch_sessions_init(struct fetch_sessions *sessions, struct hash_seed seed,
                         uint32_t count_max);
void fetch_sessions_deinit(struct fetch_sessions *sessions);

/* The session of an incremental request, with its epoch moved on; NULL and the error:
 * FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR. */
struct fetch_session *fetch_session_continue(struct fetch_sessions *sessions, int32_t id,
                                             int32_t epoch, bool uses_topic_ids, uint64_t now_ns,
                                             int16_t *error);

/* A new session with the id given (random, not zero); NULL when there is no room or the id is
 * taken. */
struct fetch_session *fetch_session_create(struct fetch_sessions *sessions, int32_t id,
                                           bool uses_topic_ids, uint64_t now_ns);

/* NULL when it has gone. */
struct fetch_session *fetch_session_find(struct fetch_sessions *sessions, int32_t id);

void fetch_session_end(struct fetch_sessions *sessions, int32_t id);

/* Adds the partition or changes what is wanted of it. */
void fetch_session_put(struct fetch_sessions *sessions, struct fetch_session *session,
                       const struct fetch_wish *wish);

/* Drops the partition; unknown ones are let pass. Only the key fields of `wish` matter. */
void fetch_session_forget(struct fetch_sessions *sessions, struct fetch_session *session,
                          const struct fetch_wish *wish);

struct fetch_session_partition *fetch_session_partition(struct fetch_sessions *sessions,
                                                        struct fetch_session *session,
                                                        const struct fetch_wish *wish);

/* The partition got data: the others come first next time, so that none is starved by max_bytes. */
void fetch_session_move_back(struct fetch_session *session,
                             struct fetch_session_partition *partition);

#endif
