/* Logs and their models (model.h) side by side. Everything is asked of both; where the answers
 * differ, the twins complain. What they say is the first complaint, and everything after it is of
 * no meaning. */
#ifndef TAILRACE_TESTS_STORAGE_TWINS_H
#define TAILRACE_TESTS_STORAGE_TWINS_H

#include "tests/storage/model.h"
#include "tests/storage/rig.h"

enum { TWINS_FLIGHTS_MAX = 48, TWINS_COMPLAINT_SIZE = 256 };

/* An append that has not landed yet. */
struct flight {
    struct rig_append append;
    uint32_t log;
    int64_t base_offset; /* of the batch in the model that it acknowledges; -1: it is refused */
    bool is_used;
};

/* A log goes away with all it holds, or, if that is cut short, stays with all it holds. */
enum twin_fate { TWIN_LIVES, TWIN_MAY_BE_GONE, TWIN_IS_GONE };

struct twins {
    struct rig *rig;
    struct model models[RIG_LOGS_MAX];
    enum twin_fate fates[RIG_LOGS_MAX];
    bool are_compacted; /* records may be missing, as compacted.h says */
    /* Acknowledgements run ahead of the disk: of these logs only what the disk has must stay. */
    bool are_loose[RIG_LOGS_MAX];
    uint32_t log_count;
    struct flight flights[TWINS_FLIGHTS_MAX];
    /* A fault may strike: an error of the disk is an answer, too. An append that was accepted still
     * lands well, unless its store says that it has failed. */
    bool may_fail;
    bool may_be_damaged;                  /* STATUS_CORRUPT is an answer, too */
    uint64_t answer_count;                /* compared and found equal */
    char complaint[TWINS_COMPLAINT_SIZE]; /* "": all is well */
};

void twins_init(struct twins *twins, struct rig *rig, uint32_t log_count);
void twins_deinit(struct twins *twins);

bool twins_are_well(const struct twins *twins);
void twins_complain(struct twins *twins, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Asks for an append without waiting for it; waits for another when too many are under way. Answers
 * what it was refused with, or STATUS_OK. */
enum status twins_append(struct twins *twins, uint32_t log, const struct rig_batch *shape);

/* The same for the end of a transaction. */
enum status twins_append_marker(struct twins *twins, uint32_t log, const struct rig_marker *shape);

/* Takes note of the appends that have landed. */
void twins_harvest(struct twins *twins);

/* Waits for all of them. */
void twins_settle(struct twins *twins);

/* Deletes the log; nothing may be asked about it until the next life, which finds it empty. */
void twins_delete(struct twins *twins, uint32_t log);

/* Deletes records below `offset`, -1: below the high watermark. */
void twins_delete_records(struct twins *twins, uint32_t log, int64_t offset);

/* Judges what retention has done meanwhile; before settings change, too. */
void twins_watch(struct twins *twins);

/* All that is durable is committed, and may be deleted. */
void twins_commit(struct twins *twins, uint32_t log);

/* The questions. `read` has its offset and limits; how it landed is answered, and where the next
 * one may begin stands in it. */
enum status twins_read(struct twins *twins, uint32_t log, struct log_read *read);
void twins_lookup(struct twins *twins, uint32_t log, struct log_lookup *lookup);

/* Reads as a consumer of committed records does, from `offset` on: where it stops, what it is told
 * of aborted transactions, and what it shows. */
void twins_read_committed(struct twins *twins, uint32_t log, int64_t offset);
void twins_ask_epoch(struct twins *twins, uint32_t log, int32_t epoch, int64_t offset);

/* Everything that is known without reading: offsets, epochs, producers. */
void twins_compare_state(struct twins *twins, uint32_t log);

/* The same, and every batch. */
void twins_compare(struct twins *twins, uint32_t log);

/* The store has stopped in order: nothing of what it acknowledged may be gone. */
void twins_stopped(struct twins *twins);

/* A new life has begun. What was not acknowledged may be gone; what there is stays from now on. */
void twins_reopened(struct twins *twins);

#endif
