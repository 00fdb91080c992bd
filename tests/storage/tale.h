/* Fixed stories of a store's life, told with a naive model beside it: who tells one may let
 * anything go wrong on the way. There are several, and not one with all in it, because each is told
 * as often as it has operations. */
#ifndef TAILRACE_TESTS_STORAGE_TALE_H
#define TAILRACE_TESTS_STORAGE_TALE_H

#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

enum { TALE_LOGS = 3, TALE_LOOSE_LOG = 2 };

/* What a story has come to, so that nobody believes to be tested what is not. */
enum deed {
    DEED_ROLL,
    DEED_CHECKPOINT,
    DEED_INDEX,
    DEED_INDEX_REMOVED,
    DEED_COMPACTION,
    DEED_RETENTION,
    DEED_DELETION,
    DEED_LOOSE,
    DEED_COUNT
};

struct tale;

struct plot {
    const char *name;
    void (*const *chapters)(struct tale *tale);
    uint32_t chapter_count;
    bool compacts;
    bool is_loose; /* TALE_LOOSE_LOG acknowledges before the disk has it */
    uint64_t segment_bytes_max;
};

enum { PLOT_COUNT = 3 };
extern const struct plot plots[PLOT_COUNT];

struct tale {
    const struct plot *plot;
    uint32_t deeds; /* a set of 1 << enum deed */
    struct sim_harness sim;
    struct rig rig;
    struct twins twins;
    uint32_t batch_count; /* so far, to make each another */
    uint32_t start_count; /* every other life has two cores */
};

/* Nothing has begun yet: options, and what is planned for the machine, may still be changed. */
void tale_init(struct tale *tale, const struct plot *plot, uint64_t seed);
void tale_deinit(struct tale *tale);

/* From the first chapter to the last, or until the twins complain. */
void tale_tell(struct tale *tale);

/* A life is under way, and all is well. */
bool tale_goes_on(const struct tale *tale);

/* Begins a life, or ends one in order. What must not go wrong there, the twins complain of. */
void tale_start(struct tale *tale);
void tale_stop(struct tale *tale);

/* One more chapter, in the life that is under way: appends to every log, and rolls. */
void tale_go_on(struct tale *tale);

#endif
