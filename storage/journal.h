/* The write-ahead log of one core, shared by all its partitions: what makes a small batch durable
 * without a write to its own segment. commit.h has the format.
 *
 * A ring of files of one size, written with zeros before they are used, never growing. Two are kept
 * ready, and no more are made than it takes for that: what has been made is read after a crash. One
 * that is reserved and not zeroed, since the zeroing was cut short or there was no time for it, is
 * a block longer, and made anew by the next start:
 *
 *     ABSENT ──prepare──▶ READY ──▶ CURRENT ──▶ FULL ──checkpoint──▶ READY ...
 *
 * One commit is on its way at a time; what arrives meanwhile gathers into the next. So the group
 * grows with the load, and a lone append waits for nothing: its commit leaves with the next turn
 * of the loop. The next commit, if it is small, lies sealed and ready to follow the moment the one
 * before it is durable, for which the disk need not wait until the loop has seen that; until then
 * it is taken back whenever more comes, so that groups are no smaller for it. Commits land in
 * order. What nobody has asked for by journal_kick stays where it gathers, and goes along with what
 * somebody does ask for.
 *
 * A FULL file still holds the only durable copy of batches that are not yet in their segments. The
 * owner is told at once; he brings those batches into their segments, records how far each log is
 * durable, and gives the file back with journal_release_file.
 *
 * Any error of a commit is final: nothing is written after it. */
#ifndef TAILRACE_STORAGE_JOURNAL_H
#define TAILRACE_STORAGE_JOURNAL_H

#include "base/log.h"
#include "base/metrics.h"
#include "base/op.h"
#include "io/chunk.h"
#include "io/io.h"
#include "storage/commit.h"
#include "storage/path.h"

/* Whoever put entries into a commit is told once it is on disk; a log embeds this. */
struct journal_client {
    void (*committed)(struct journal_client *client, int64_t end_offset);
};

/* What the journal asks of its owner; embedded in the store. */
struct journal_owner {
    /* A chunk of `size_bytes`, or of `likely_bytes` if that is more and memory is plentiful. */
    struct chunk *(*acquire_chunk)(struct journal_owner *owner, size_t size_bytes,
                                   size_t likely_bytes);
    /* A file is full: checkpoint all that is not newer than `last_sequence`, now, or when asked
     * again; at the latest when a quarter of the ring is full. */
    void (*wants_checkpoint)(struct journal_owner *owner, uint64_t last_sequence);
    /* A commit, or the making of a file, has ended. */
    void (*progressed)(struct journal_owner *owner);
    void (*failed)(struct journal_owner *owner, enum status status);
};

struct journal_ticket {
    struct journal_client *client; /* NULL: has gone away meanwhile */
    int64_t end_offset;
};

struct journal_commit {
    struct list_node node;
    struct journal *journal;
    struct io_request write;
    struct chunk *chunk;
    uint32_t size_bytes;
    uint32_t entry_count;
    uint64_t sequence;
    struct journal_ticket *tickets;
    uint32_t ticket_count;
    uint32_t ticket_capacity;
};

enum journal_file_state { JOURNAL_ABSENT, JOURNAL_READY, JOURNAL_CURRENT, JOURNAL_FULL };

struct journal_file {
    enum journal_file_state state;
    int32_t handle; /* -1: not open */
    bool is_zeroed; /* written throughout: commits there change no metadata */
    uint64_t last_sequence;
};

enum { JOURNAL_FILES_MAX = 64, JOURNAL_QUEUE_MAX = 8 };

/* Makes one file of the ring: create, reserve, write zeros, sync. */
struct journal_prepare {
    struct op op;
    struct io_request request;
    struct chunk *zeros;
    struct bytes pieces[IO_WRITE_PIECE_COUNT_MAX]; /* of the write in flight */
    uint32_t file_index;
    uint64_t position;
    bool is_running;
    bool is_unwanted; /* ends soon, and the file stays absent, if no commit comes to need it */
    char path[PATH_SIZE];
};

struct journal {
    struct io *io;
    struct journal_owner *owner;
    const char *store_directory;
    uint64_t epoch;
    uint64_t file_bytes;
    uint32_t file_count;
    uint32_t commit_size_max;
    bool skips_sync; /* simulation only: shows that the tests notice */

    struct journal_file files[JOURNAL_FILES_MAX];
    uint32_t current;
    uint64_t position; /* in the current file */

    uint64_t next_sequence;
    uint64_t released_sequence; /* checkpointed up to here; every commit says so */
    uint64_t wanted_sequence;   /* commits up to here leave as soon as they can */
    struct list waiting;        /* commits in order; the last one gathers */
    uint32_t waiting_count;
    struct journal_commit *in_flight; /* NULL: none */
    struct journal_commit *following; /* begins when the one in flight is durable; NULL: none */
    struct journal_commit *spare;     /* kept for reuse */
    uint32_t likely_size_bytes;       /* of the next commit, after those before it */
    uint64_t write_began_ns;
    struct metrics *metrics; /* NULL: nobody counts */
    struct completion kick;
    bool kick_is_pending;
    bool is_short_of_space; /* or of file handles: the last attempt to make a file failed */
    enum status failure;
    struct journal_prepare prepare;
};

struct journal_options {
    const char *store_directory; /* must outlive the journal */
    uint64_t epoch;
    uint64_t file_bytes;
    uint32_t file_count;
    bool skips_sync;
    struct metrics *metrics; /* NULL: nobody counts */
};

/* Blocking: opens what zeroed files there are and makes the first if there is none. */
enum status journal_open(struct journal *journal, struct io *io, struct journal_owner *owner,
                         const struct journal_options *options);

/* Is there room for one more entry? STATUS_OK; STATUS_NO_MEMORY when the ring or memory is short
 * for the moment; STATUS_NO_SPACE when the ring is short because the disk is full; STATUS_FAILED.
 * After OK, one journal_append of this size cannot fail. */
enum status journal_reserve(struct journal *journal, uint32_t payload_size);

/* Adds an entry to the commit that gathers, and answers its sequence. With `end_offset` >= 0 the
 * client is told when it is on disk. */
uint64_t journal_append(struct journal *journal, const struct commit_entry *entry,
                        const uint8_t *payload, struct journal_client *client, int64_t end_offset);

/* Lets all that has gathered leave with the next turn of the loop. */
void journal_kick(struct journal *journal);

/* Something has gathered that nobody has asked for. */
bool journal_is_lingering(const struct journal *journal);

/* How much has gathered that is not on its way yet. */
uint64_t journal_waiting_bytes(const struct journal *journal);

/* The client is told nothing any more. */
void journal_forget(struct journal *journal, struct journal_client *client);

/* Everything up to `last_sequence` has been checkpointed: files that hold nothing newer are free,
 * and the commits that follow tell recovery to look at nothing older. */
void journal_release_file(struct journal *journal, uint64_t last_sequence);

/* How much is in full files, and is that a quarter of the ring, so that it may run short? */
uint64_t journal_full_bytes(const struct journal *journal, bool *is_pressing);

/* Tries again what failed for lack of space or memory. */
void journal_retry(struct journal *journal);

/* Of the newest commit that is durable. */
uint64_t journal_landed_sequence(const struct journal *journal);

/* A stop does not wait until a file is full of zeros: none is made any more unless a commit needs
 * it. Nothing may be waiting for one. */
void journal_abandon_file(struct journal *journal);

/* Something gathered has not been written. */
bool journal_has_waiting(const struct journal *journal);

/* Nothing gathered, nothing in flight. */
bool journal_is_idle(const struct journal *journal);

/* Nothing in flight, though commits may be waiting for a file. */
bool journal_is_still(const struct journal *journal);

/* Frees memory. Files that are open are left to the end of the process, or closed before by
 * journal_close_file. */
void journal_deinit(struct journal *journal);

/* --- Between journal.c and journal_ring.c ----------------------------------------------------- */

/* Makes `files[current]` one with room for `size_bytes`; false when the next file is not ready. */
bool journal_ring_advance(struct journal *journal, uint64_t size_bytes);

/* Whether a commit may go where the last one ended. */
bool journal_ring_has_room(const struct journal *journal, uint64_t size_bytes);

/* Starts making the next absent file, if there is one and none is being made. */
void journal_ring_prepare(struct journal *journal);

/* Lets the first waiting commit leave, if it is wanted and there is room; or makes it ready to
 * follow the one that is in flight. */
void journal_submit(struct journal *journal);

void journal_fail(struct journal *journal, enum status status);

#endif
