/* A store with logs in it, driven by hand, on any backend; and what the cases know about what they
 * have put in. */
#ifndef TAILRACE_TESTS_STORAGE_RIG_H
#define TAILRACE_TESTS_STORAGE_RIG_H

#include "base/arena.h"
#include "base/prng.h"
#include "protocol/batch.h"
#include "storage/path.h"
#include "storage/store.h"

#include <stdbool.h>

/* How a backend is presented: doors for one life after the other, over one disk. */
struct rig;

struct rig_harness {
    const char *name;
    char directory[256]; /* the store's, empty after reset */
    bool is_simulated;
    struct io **(*open)(struct rig_harness *harness, uint32_t core_count);
    /* Ends the life: calls `dying` while the doors' memory is still there. `cuts_power`: in the
     * simulator the machine dies, not the process alone. */
    void (*close)(struct rig_harness *harness, bool cuts_power);
    /* An empty disk for the next case. */
    void (*reset)(struct rig_harness *harness);
    /* Lets something happen; NULL: the rig turns the doors itself. */
    void (*turn)(struct rig_harness *harness);
    void (*dying)(struct rig *rig);
    struct rig *rig;
};

/* Most cases go through all their logs, again and again; some want to have many. */
enum { RIG_LOGS_MAX = 8, RIG_LOGS_MANY = 1000, RIG_CORES_MAX = 4 };

struct rig {
    struct rig_harness *harness;
    struct io **doors;
    uint32_t core_count;
    bool is_alive; /* from the opening of the doors until the life ends, by itself or not */
    struct io *io; /* of core 0 */
    struct store_options options;
    struct log_config config;
    struct log_sink sink;
    struct logger logger;
    char log_text[16384]; /* what was logged, cut at the end */
    size_t log_size;
    bool may_be_damaged; /* otherwise a start that finds damage ends with STATUS_CORRUPT */
    struct store_states *states;
    struct store *stores[RIG_CORES_MAX];
    struct log *logs[RIG_LOGS_MANY]; /* partition i of one topic */
    uint32_t log_count;
    uint32_t observed_moves;
    enum status observed_failure;
    struct log_observer observer;
    struct store_recovery_report report;
    struct log_read *reading; /* in flight; NULL: none */
    struct io *reading_door;
    struct arena arena;
    int64_t now_ms;
    int32_t leader_epoch; /* of what is appended */
};

void rig_init(struct rig *rig, struct rig_harness *harness);
void rig_deinit(struct rig *rig);

/* A life: doors, recovery, a store for each core, `log_count` partitions dealt out to the cores. */
enum status rig_start(struct rig *rig, uint32_t core_count, uint32_t log_count);
enum status rig_stop(struct rig *rig);

enum status rig_delete(struct rig *rig, uint32_t log);

/* Of one that has been deleted. */
enum status rig_open(struct rig *rig, uint32_t log);

/* Ends the life without a stop. On real backends what is in flight lands first. */
void rig_kill(struct rig *rig);

/* The simulator's: the power goes. */
void rig_cut_power(struct rig *rig);

/* Between two lives: overwrites whole blocks of a file, behind everybody's back. */
void rig_overwrite(struct rig *rig, const char *path, uint64_t position, struct bytes blocks);

/* The same: puts a file there; fails without its directory. */
enum status rig_plant(struct rig *rig, const char *path, struct bytes content);

/* Which partition `log` is, and where its segments lie. */
struct log_id rig_log_id(uint32_t log);
void rig_segment_path(const struct rig *rig, uint32_t log, int64_t base_offset,
                      char path[static PATH_SIZE]);

/* The door of the core that has the log. */
struct io *rig_door(const struct rig *rig, uint32_t log);

/* Turns all doors once. */
void rig_turn(struct rig *rig);

/* What a batch should be. Zero fields: one record of 10 bytes, no producer, time now. */
struct rig_batch {
    uint32_t record_count;
    uint32_t value_size; /* of each record, random bytes */
    int64_t timestamp_ms;
    int64_t timestamp_step_ms;
    int64_t producer_id; /* 0: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    bool is_transactional;
    enum compression compression;
    uint32_t key_count;  /* as many keys, drawn for each record; 0: "key" */
    bool has_tombstones; /* every eighth value is null */
    uint64_t seed;       /* of the values */
};

/* The bytes of such a batch, from the rig's arena. */
struct bytes rig_make(struct rig *rig, const struct rig_batch *shape);

/* What ends a transaction. */
struct rig_marker {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch;
    bool is_abort;
};

struct bytes rig_make_marker(struct rig *rig, const struct rig_marker *shape);

struct rig_append {
    struct log_append append;
    bool has_landed;
    int32_t result;
};

/* Asks; rig_append_wait turns until it has landed and answers the result. */
void rig_append(struct rig *rig, uint32_t log, struct rig_append *append, struct bytes batch);
int32_t rig_append_wait(struct rig *rig, struct rig_append *append);

/* Both in one, asserting success; answers the base offset. */
int64_t rig_put(struct rig *rig, uint32_t log, const struct rig_batch *shape);

/* So many of them, one after the other, with seeds from 0 on; the arena is reset. */
void rig_put_many(struct rig *rig, uint32_t log, uint32_t count, uint32_t value_size);

/* Reads once. The caller releases with log_read_release. */
int32_t rig_read(struct rig *rig, uint32_t log, int64_t offset, int64_t end_offset,
                 uint32_t size_bytes_max, struct log_read *read);

/* The same with all limits as `read` says. */
int32_t rig_read_as(struct rig *rig, uint32_t log, struct log_read *read);

/* Reads the whole log batch by batch, checking order and checksums; answers the end offset, and the
 * checksum of all record bytes in `digest`. */
int64_t rig_read_all(struct rig *rig, uint32_t log, uint32_t *digest);

int32_t rig_lookup(struct rig *rig, uint32_t log, struct log_lookup *lookup);

/* Asks which transactions were aborted in [from, to), for a read at that count; `list` is the
 * caller's to deinit. */
int32_t rig_aborted(struct rig *rig, uint32_t log, uint64_t exchange_count, int64_t from,
                    int64_t to, struct aborted_list *list);

/* Tells the log that everything in it is committed. */
void rig_commit(struct rig *rig, uint32_t log);

/* Asks and waits; answers the result, and where the log begins. */
int32_t rig_delete_records(struct rig *rig, uint32_t log, int64_t offset, int64_t *start_offset);

/* Looks through all logs for what may be deleted, and waits until it is: files too, if their delay
 * is zero. */
void rig_retain(struct rig *rig);

bool rig_has_file(struct rig *rig, const char *path, uint64_t *size_bytes);

/* How many segment files are in the directory of a partition; -1: there is no such directory. */
int32_t rig_count_files(struct rig *rig, uint32_t log);

/* The storage suite on this backend; answers how many cases failed. */
int storage_suite_run(struct rig_harness *harness);
int retention_suite_run(struct rig_harness *harness);
int transaction_suite_run(struct rig_harness *harness);

#endif
