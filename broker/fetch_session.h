/* A fetch session (KIP-227): which partitions a consumer fetches, and what it has been told of
 * each. How sessions come and go stands in fetch_sessions.h.
 *
 * A fetch looks only at partitions that are due: those that are new to the session or wanted
 * otherwise, have moved since, or had something to tell the last time; but not those of which the
 * consumer has got all there is, and now asks for what follows. All others have nothing to say that
 * the consumer does not know. So a consumer at the end of its partitions waits without a look. */
#ifndef TAILRACE_BROKER_FETCH_SESSION_H
#define TAILRACE_BROKER_FETCH_SESSION_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "broker/fetch_watch.h"

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
    struct list_node node; /* among the session's, or those that it has dropped */
    struct list_node due;
    bool is_dropped; /* its watcher is not back yet */
    struct map_node by_key;
    struct fetch_watcher watcher;
    struct fetch_wish wish;      /* the name is a copy, and lies behind this */
    uint64_t order;              /* in which partitions share the bytes of an answer */
    int64_t sent_high_watermark; /* what the consumer was told last; -1: nothing */
    int64_t sent_start_offset;
    int64_t quiet_offset; /* nothing to read from there on, until the watcher tells; -1: none */
};

/* The fetch that waits until a partition is due. It is called once, and waits no more. */
struct fetch_session_reader {
    /* `is_dismissed`: the session is over, or another fetch goes on with it. */
    void (*woken)(struct fetch_session_reader *reader, bool is_dismissed);
};

/* What sessions take, until the last of their watchers is back, and what they may. */
struct fetch_memory {
    size_t used_bytes;
    size_t max_bytes;
};

struct fetch_session {
    struct fetch_sessions *sessions; /* whose it is; this, the next two and the times are theirs */
    struct map_node by_id;
    struct list_node node; /* least recently used first; when it is over, among the ending ones */
    int32_t id;
    int32_t epoch; /* that the next request must have */
    bool uses_topic_ids;
    bool is_over;
    uint32_t reader_kind; /* of the last request, see fetch_session_read_as */
    uint64_t created_ns;
    uint64_t used_ns;
    uint64_t order_last;
    struct list partitions;
    struct list dropped;
    struct list due;
    uint32_t due_count;
    struct hash_seed seed;
    struct map partitions_by_key;
    uint32_t partition_count;
    struct fetch_memory *memory;
    size_t table_bytes;                  /* of partitions_by_key, as counted in `memory` */
    struct fetch_session_reader *reader; /* NULL: none waits */
    struct fetch_watch *watches;
    uint32_t watch_count; /* one for each core */
    void (*emptied)(struct fetch_session *session);
};

/* `emptied` is called when the session is over and all its watchers are back. False when there is
 * no memory. */
bool fetch_session_init(struct fetch_session *session, struct hash_seed seed, uint32_t core_count,
                        struct fetch_memory *memory,
                        void (*emptied)(struct fetch_session *session));

/* Without regard to what other cores watch: they do so no more. */
void fetch_session_deinit(struct fetch_session *session);

/* The session is over, its partitions are dropped; `emptied` may be called before this returns. */
void fetch_session_close(struct fetch_session *session);

/* Another fetch goes on with the session: who waits there is told, and waits no more. */
void fetch_session_dismiss_reader(struct fetch_session *session);

/* Adds the partition or changes what is wanted of it. It is due then, unless the consumer has only
 * moved on to where it was told that there is nothing more. False when there is no memory for one
 * more. */
bool fetch_session_put(struct fetch_session *session, const struct fetch_wish *wish);

/* Drops the partition; unknown ones are let pass. Only the key fields of `wish` matter. */
void fetch_session_forget(struct fetch_session *session, const struct fetch_wish *wish);

/* By the key fields of the wish; NULL: the session does not have it. */
struct fetch_session_partition *fetch_session_partition(struct fetch_session *session,
                                                        const struct fetch_wish *wish);

/* The watcher of the partition, which is not due, on the core with the door `core`; `home` is the
 * session's. One that watches on another core, because its topic has been made anew, is let go, and
 * the session has a new partition in its place; NULL when there is no memory for it, and then the
 * partition has gone. */
struct fetch_watcher *fetch_session_watch(struct fetch_session *session,
                                          struct fetch_session_partition *partition,
                                          struct io *home, struct io *core);

/* Who reads, as a number: for another kind of reader all partitions are due, because they may look
 * different to him. */
void fetch_session_read_as(struct fetch_session *session, uint32_t reader_kind);

/* The partition must be looked at by the next fetch; one that waits is woken. */
void fetch_session_note_due(struct fetch_session *session,
                            struct fetch_session_partition *partition);

/* The consumer gets all records of the partition up to `quiet_offset`, and its watcher was armed
 * before they were read. They may not arrive, so the next fetch looks at it again; but not if that
 * asks for what follows them, and the watcher has nothing to tell. */
void fetch_session_note_read(struct fetch_session *session,
                             struct fetch_session_partition *partition, int64_t quiet_offset);

/* Takes a partition that is due; NULL when there is none. */
struct fetch_session_partition *fetch_session_take_due(struct fetch_session *session);

/* Until a partition becomes due, again or for the first time. One reader at a time. */
void fetch_session_wait(struct fetch_session *session, struct fetch_session_reader *reader);

/* Does nothing if the reader does not wait there any more. */
void fetch_session_wait_end(struct fetch_session *session, struct fetch_session_reader *reader);

/* The partition got data: the others come first next time, so that none is starved by max_bytes. */
void fetch_session_move_back(struct fetch_session *session,
                             struct fetch_session_partition *partition);

#endif
