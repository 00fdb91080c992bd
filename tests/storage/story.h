/* Fixed stories of a store's life, told with a naive model beside it: who tells one may let
 * anything go wrong on the way. There are several, and not one with all in it, because each is told
 * as often as it has operations. */
#ifndef TAILRACE_TESTS_STORAGE_STORY_H
#define TAILRACE_TESTS_STORAGE_STORY_H

#include "tests/storage/sim_harness.h"
#include "tests/storage/twins.h"

enum { STORY_LOGS = 3, STORY_LOOSE_LOG = 2 };

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

struct story;

struct plot {
    const char *name;
    void (*const *chapters)(struct story *story);
    uint32_t chapter_count;
    bool compacts;
    bool is_loose; /* STORY_LOOSE_LOG acknowledges before the disk has it */
    uint64_t segment_bytes_max;
};

enum { PLOT_COUNT = 3 };
extern const struct plot plots[PLOT_COUNT];

struct story {
    const struct plot *plot;
    uint32_t deeds; /* a set of 1 << enum deed */
    struct sim_harness sim;
    struct rig rig;
    struct twins twins;
    uint32_t batch_count; /* so far, to make each another */
    uint32_t start_count; /* every other life has two cores */
};

/* Nothing has begun yet: options, and what is planned for the machine, may still be changed. */
void story_init(struct story *story, const struct plot *plot, uint64_t seed);
void story_deinit(struct story *story);

/* From the first chapter to the last, or until the twins complain. */
void story_tell(struct story *story);

/* A life is under way, and all is well. */
bool story_goes_on(const struct story *story);

/* Begins a life, or ends one in order. What must not go wrong there, the twins complain of. */
void story_start(struct story *story);
void story_stop(struct story *story);

/* One more chapter, in the life that is under way: appends to every log, and rolls. */
void story_go_on(struct story *story);

#endif
