/* The catalog of one core: what its logs know about themselves, in one file for all of them, so
 * that opening, recording and stopping cost the same at ten thousand logs as at one.
 *
 *   catalog/base                the states of all logs of all cores; written by recovery only, and
 *                               replaced as a whole. Its commits have the epoch of the run that
 *                               begins, its last entry (kind end) says how many states there are.
 *   catalog/<core>-<n>.catalog  what this core has recorded since; appended to. Commits of an epoch
 *                               other than the base's are of an earlier run, and of no meaning.
 *
 * A file is a row of commits (commit.h), each written TWICE, one copy behind the other, in one
 * write with one sync: a flipped bit spoils one copy and never a state. A torn last commit was not
 * acknowledged, and is ignored. Of all entries about a log, the one with the greatest version
 * holds.
 *
 * One commit is in flight at a time; what comes meanwhile forms the next. When the file has grown
 * large, the next number is begun, and the owner is asked to record again the logs whose newest
 * entry is in the former one, a few at a time; when none is left there, that file is removed. So
 * there is no moment at which a state is in neither, and nobody waits.
 *
 * Any error of a write or sync is final. A lack of space is not: whoever asked is told so. Removals
 * have a reserve for that time, which is spent sparingly: those that come go together into one
 * commit with each retry, so that the one which makes room is not the one that came too late. */
#ifndef TAILRACE_STORAGE_CATALOG_H
#define TAILRACE_STORAGE_CATALOG_H

#include "base/op.h"
#include "io/io.h"
#include "storage/commit.h"
#include "storage/log.h"
#include "storage/path.h"

enum {
    CATALOG_COMMIT_SIZE_MAX = 512 << 20, /* of one copy; a single state may be large */
    CATALOG_GROUP_SIZE = 1 << 20,        /* beyond it, the rest waits for the next commit */
    CATALOG_ROLL_BYTES = 16 << 20,       /* a file is not left before it is that large */
    CATALOG_STEP_BYTES = 256 << 10,      /* space is reserved in steps */
    CATALOG_RESERVE_BYTES = 128 << 10,   /* for removals, which is how a disk gets space again */
    CATALOG_RENEWALS_MAX = 64,           /* logs that are asked to record at the same time */
};

/* One entry on its way; embedded in whoever wants it recorded, and his until it has landed. */
struct catalog_record {
    struct completion completion; /* STATUS_OK once durable, STATUS_NO_SPACE (or no file handle is
                                     free), STATUS_NO_MEMORY, STATUS_FAILED */
    struct list_node node;
    enum commit_entry_kind kind; /* COMMIT_STATE or COMMIT_REMOVED */
    struct uuid topic_id;
    int32_t partition;
    uint32_t life;        /* of a state (commit.h) */
    struct bytes payload; /* must stay until it has landed */
    uint64_t version;     /* given by catalog_put */
};

/* Where the newest entry of a log is; embedded in the log. */
struct catalog_place {
    struct list_node node; /* catalog->live, ->former or ->renewing; on none: in the base, or new */
    uint32_t size_bytes;   /* of that entry */
    bool is_live;          /* it is in the present file */
    bool is_in_base;
};

/* What the catalog asks of its owner; embedded in the store. */
struct catalog_owner {
    /* Record this log anew, before long. */
    void (*renew)(struct catalog_owner *owner, struct catalog_place *place);
    void (*ran_short)(struct catalog_owner *owner);
    /* Nothing is under way any more. */
    void (*progressed)(struct catalog_owner *owner);
    void (*failed)(struct catalog_owner *owner, enum status status);
};

struct catalog {
    struct op op;
    struct io *io;
    struct io_request request;
    struct catalog_owner *owner;
    const char *store_directory;
    uint64_t epoch;
    uint64_t last_version;
    bool skips_sync; /* simulation only: shows that the tests notice */

    struct list waiting; /* catalog_record */
    struct list group;   /* in flight */
    uint8_t *buffer;     /* the group, encoded, both copies */
    uint32_t copy_size;
    uint32_t entry_count;
    bool is_running;
    bool kick_is_pending;
    struct completion kick;
    enum status failure;

    int32_t handle; /* -1: not open */
    uint32_t file;  /* its number; 0: none has been begun */
    uint64_t position;
    uint64_t allocated_bytes;
    uint64_t step_bytes;
    bool is_tight;   /* there was no space for a whole step */
    bool is_sparing; /* not even for what is needed: removals wait for catalog_retry */
    bool is_hurried; /* the owner stops: nothing waits any more */
    uint64_t sequence;

    struct list live;     /* catalog_place: the newest entry is in the present file */
    struct list former;   /* in the former one */
    struct list renewing; /* the same, and the owner has been asked */
    struct list removals; /* catalog_removal: under way, or of logs that the base has */
    struct list unsaid;   /* of those, what could not be said again for lack of space */
    uint64_t live_bytes;
    uint32_t former_file; /* 0: none */
    char path[PATH_SIZE];
};

struct catalog_options {
    const char *store_directory; /* must outlive the catalog */
    uint64_t epoch;
    uint64_t last_version; /* greater than those of all entries there are */
    bool skips_sync;
};

/* No file is touched before there is something to record. */
void catalog_init(struct catalog *catalog, struct io *io, struct catalog_owner *owner,
                  const struct catalog_options *options);

/* Always lands. */
void catalog_put(struct catalog *catalog, struct catalog_record *record);

/* The record has landed with STATUS_OK: the log's newest entry is in the present file. */
void catalog_note_live(struct catalog *catalog, struct catalog_place *place,
                       const struct catalog_record *record);

/* Records that the log is no more; always lands, with the results of a record. */
void catalog_remove(struct catalog *catalog, const struct catalog_place *place,
                    const struct log_id *id, struct completion *done);

/* Tries again what failed for lack of space, or waits because there was none. */
void catalog_retry(struct catalog *catalog);

/* There was no space at last: a removal may take as long as that lasts. */
bool catalog_is_sparing(const struct catalog *catalog);

/* From now on everything is tried at once, and told if there is no space: the owner stops. */
void catalog_hurry(struct catalog *catalog);

/* The log leaves memory. */
void catalog_forget(struct catalog *catalog, struct catalog_place *place);

/* Nothing waits, nothing is in flight. */
bool catalog_is_idle(const struct catalog *catalog);

/* Begins nothing any more, whoever forgets his log: the store is about to be destroyed. */
void catalog_abandon(struct catalog *catalog);

/* Frees memory. The file is closed before, by catalog_take_handle, or left to the end of the
 * process. */
void catalog_deinit(struct catalog *catalog);

/* The open file, to be closed by the caller; -1: none. */
int32_t catalog_take_handle(struct catalog *catalog);

#endif
