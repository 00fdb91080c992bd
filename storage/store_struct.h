/* The inside of a store, shared by the files of this folder. store.h is the contract. */
#ifndef TAILRACE_STORAGE_STORE_STRUCT_H
#define TAILRACE_STORAGE_STORE_STRUCT_H

#include "base/pool.h"
#include "storage/flush.h"
#include "storage/ghost_core.h"
#include "storage/graveyard.h"
#include "storage/journal.h"
#include "storage/log_struct.h"
#include "storage/retention.h"
#include "storage/room.h"
#include "storage/store.h"

enum {
    AWAITED_ROW_MAX = 8, /* logs begun in a row that somebody waits for, while others want to */
    FLUSHES_MAX = 16,    /* logs being written at the same time */
    /* Of those, logs whose round is being synced. The others gather larger rounds meanwhile: a sync
     * costs the same for one batch as for many. */
    DURABLE_ROUNDS_MAX = 4,
    CROWDED_ROUNDS_MAX = 8, /* the same while more logs wait than are written at the same time */
    GROWING_SHARE = 4,      /* of the memory, a quarter */
    SNAPSHOT_INTERVAL =
        16 << 20, /* a log's state is recorded each so many bytes: bounds recovery */
    COLD_BLOCK_SIZE = 256 * 1024,
    COLD_STEP_MIN = 512 * 1024, /* what is read ahead for a reader, if there is room for it; */
    COLD_STEP_MAX = 2 * 1024 * 1024,
    COLD_STEP_CALM = 64, /* blocks in a row that were read before they had to go: larger steps */
    /* Blocks on their way from the disk at once; while batches come in only one, so that a commit,
     * which somebody waits for, never queues behind many of them in the device. */
    COLD_READS_MAX = 4,
    COLD_COURTESY_NS = 1000 * 1000 * 1000, /* so long after an append blocks are few and small */
    APPENDED_STEP_NS = 1000 * 1000,        /* the cores tell each other no more precisely */
    COLD_FILES_MAX = 256,                  /* segments held open for reading, about */
    PAGED_FRAME_SIZE_MIN =
        16 * 1024, /* on average; smaller ones cost more as calls than as copies */
    PAGED_TABLE_BYTES_MAX = 2 << 20,     /* of our memory; it speaks of a few GiB */
    INDEX_BYTES_MAX = 8 << 20,           /* of indexes held for readers, about */
    INDEX_FILE_WORTH_BYTES = 512 * 1024, /* a smaller segment's index is sooner made than read */
    INDEX_SCAN_SIZE = 1024 * 1024,
    INDEX_SCAN_SIZE_MIN = 64 * 1024,
    RETRY_NS = 1000 * 1000 * 1000,
    MARKING_NS = 50 * 1000 * 1000,
};

/* Without a commit for that long, a store is idle. */
static const uint64_t IDLE_NS = 10ull * 1000 * 1000 * 1000;

/* Brings into the segments what the journal file to be reused still holds. */
struct checkpoint {
    bool is_running;
    uint64_t begun_ns;
    uint64_t last_sequence;   /* all commits up to this one */
    uint64_t wanted_sequence; /* asked for and not yet begun; 0: none */
    struct completion begin;  /* lands with the next turn: the journal asks in mid-commit */
    bool begin_is_pending;
    uint32_t pending_count; /* logs that are not yet synced far enough */
};

struct compaction;
struct leftovers;
struct overdue;
struct store_stop;

struct store {
    struct io *io;
    struct logger *logger;
    struct store_options options;
    char *directory;
    struct chunk_pool chunks;
    struct pool frames; /* struct memory_frame */
    struct journal journal;
    struct journal_owner journal_owner;
    struct catalog catalog;
    struct catalog_owner catalog_owner;
    struct store_states *states; /* as recovery has found them; shared by all cores */
    enum status failure;         /* OK until the first write or sync error */
    bool is_full;                /* the disk has no space: appends are refused, reads go on */

    struct producer_budget producer_budget;
    struct list logs;
    struct list marks;     /* logs whose durable offset the journal should be told */
    struct list mentioned; /* logs that the journal's files speak of, in the order of mentions */
    struct list dirty;     /* logs with batches that are durable in the journal only */

    uint32_t open_file_count; /* segments open for writing */
    struct flush flushes[FLUSHES_MAX];
    struct list idle_flushes;
    struct list awaited_queue; /* logs to be written that somebody waits for, in their order */
    struct list flush_queue;   /* others that want to be written */
    uint32_t awaited_row_count;
    uint64_t backlog_bytes; /* sealed and not in segments yet (backlog.h) */
    struct list held_logs;  /* in the order in which they came to be held */
    uint32_t durable_round_count;
    struct list round_turns; /* struct flush, waiting until their round may be synced */
    struct timer lingering;  /* runs while anything lingers (linger.h) */
    struct list lingering_logs;
    uint64_t lingering_bytes; /* of sealed frames, since it was started */
    uint32_t groundwork_count;
    uint64_t direct_bytes; /* of rounds with large batches, of all logs */
    struct chunk *zeros;   /* for groundwork; NULL: none was ever laid */

    struct completion relief; /* lands with the next turn: tails must give memory back */
    bool relief_is_pending;

    struct list cache;        /* memory frames that may be evicted, oldest first */
    struct list unread_cache; /* the same of logs that nobody reads; they go before the others */
    size_t cache_bytes;       /* of both */
    size_t unread_cache_bytes;
    struct list cold;      /* blocks read from disk, the one missed least first */
    struct list cold_kept; /* those that several have wanted, the least recently used first */
    size_t cold_bytes;     /* of both */
    size_t cold_kept_bytes;
    uint32_t cold_step_max_bytes; /* what the bound has room for several times */
    uint32_t
        cold_step_bytes; /* what is read ahead at a time; 0: nothing, there is no room for it */
    uint32_t cold_calm_count; /* blocks since one had to go before anybody had read it */
    struct list cold_files;
    struct list cold_turns; /* cold_turn, waiting until it is given */
    uint32_t cold_reading_count;
    uint32_t cold_file_count[COLD_FILE_KIND_COUNT];   /* without those being closed */
    uint32_t cold_handle_count[COLD_FILE_KIND_COUNT]; /* with those being opened or closed */
    struct list paged; /* blocks that are sent from the page cache, the least recently used first */
    size_t paged_table_bytes; /* our memory for them */
    struct list paged_files;
    uint32_t paged_file_count; /* with blocks */
    struct ghost_core *ghost;  /* what went from `cold`; NULL: nothing worth a note has */
    struct list indexes; /* of segments, in memory for readers; the least recently used first */
    size_t index_bytes;
    struct list aborted; /* of closed segments that know their aborted transactions; as above */
    size_t aborted_bytes;

    struct checkpoint checkpoint;
    uint64_t sealed_bytes;  /* since the last checkpoint began */
    struct timer idling;    /* runs while a log is mentioned */
    uint64_t idle_sequence; /* the journal's next one when it was started */
    struct room room;
    struct timer retry; /* after a lack of memory */
    struct timer marking;
    struct list openings; /* new logs on their way into the catalog */
    struct compaction *compaction;
    struct list deletions; /* logs going away */
    struct retention retention;
    struct graveyard graveyard;
    struct list unswept;         /* logs whose directory has not been looked at yet */
    struct leftovers *leftovers; /* of the one that is looked at; NULL: none */
    uint64_t unlisted_count;     /* at most so many segments have files that no log lists */
    bool has_strays;             /* the topics' directory is being looked at */
    struct overdue *overdue;     /* deletions of an earlier life; NULL: none any more */
    struct store_stop *stop;     /* NULL: not asked to stop */
    bool is_stopping;
};

/* store_life.c */

/* A chunk, after making room in the caches if need be; NULL when the limit is reached. */
struct chunk *store_acquire_chunk(struct store *store, size_t size_bytes);

/* The same for what grows: of `likely_bytes`, if that is more, while all that cannot be evicted is
 * within GROWING_SHARE of the memory. Nothing is evicted for what may not be needed. */
struct chunk *store_acquire_growing_chunk(struct store *store, size_t size_bytes,
                                          size_t likely_bytes);

/* Comes back now to all that has been left undone. */
void store_retry(struct store *store);

/* Comes back to all that has been left undone, after a while. */
void store_retry_soon(struct store *store);

/* Queues the log for writing; `is_awaited` when someone waits for it. */
void store_want_flush(struct store *store, struct log *log, bool is_awaited);

/* A flush has ended: its place is free. */
void store_flush_ended(struct store *store, struct flush *flush);

/* store_stop.c: something has ended that a stop may be waiting for. */
void store_progressed(struct store *store);

/* Evicts what is above the bounds. */
void store_trim_caches(struct store *store);

/* log_open.c, log_delete.c: free what was under way when the node was killed. */
void store_drop_openings(struct store *store);
void store_drop_deletions(struct store *store);

/* log_mention.c */

/* The journal is told how far the log is durable, before long and with whatever else it writes. */
void store_want_mark(struct store *store, struct log *log);
void store_marking_fired(struct timer *timer);

/* checkpoint.c */

/* Begins with the next turn, or when the one that runs is over. */
void checkpoint_request(struct store *store, uint64_t last_sequence);

/* Files of the journal are full, up to this commit: begins if it is worth it. */
void checkpoint_offer(struct store *store, uint64_t last_sequence);

/* A log is mentioned: once nothing has been committed for a while, a checkpoint leaves nothing for
 * the next start to look at. */
void checkpoint_watch_idling(struct store *store);
void checkpoint_idling_fired(struct timer *timer);

/* So much has been sealed. */
void checkpoint_note_sealed(struct store *store, uint64_t size_bytes);

/* The log's recorded_version has moved. */
void checkpoint_note_recorded(struct store *store, struct log *log);

/* The log goes away. */
void checkpoint_forget(struct store *store, struct log *log);

#endif
