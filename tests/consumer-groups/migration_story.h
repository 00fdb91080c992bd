/* One group with members of both protocols, and what its clients say: for stories about groups that
 * change from one protocol to the other. The group is "g"; the topic "t" has four partitions. */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_MIGRATION_STORY_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_MIGRATION_STORY_H

#include "consumer-groups/group_migration.h"
#include "tests/consumer-groups/table_rig.h"

enum { MIGRATION_SESSION_MS = 10000, MIGRATION_REBALANCE_MS = 30000, MIGRATION_TEXT_SIZE = 512 };

struct migration_story {
    struct table_rig rig;
    char text[MIGRATION_TEXT_SIZE];
    char member[64]; /* of the last answer to a join, or its leader's */
    int32_t epoch;   /* of the last answer to a heartbeat */
    /* Joins of a classic group wait. */
    struct join_group_request in[4];
    struct join_group_call waiting[4];
    struct arena arenas[4];
    const char *instance; /* of whoever joins; NULL: none */
    int32_t rebalance_ms; /* of whoever joins with the classic protocol; 0: as all others */
    bool asks_for_id;     /* joins are of a version that goes a round for the member id */
};

int migration_set_up(void **state);
int migration_tear_down(void **state);

void migration_pass(struct migration_story *story, int64_t ms);

/* --- Members of the classic protocol -------------------------------------------------------------
 *
 * `owned`: what the member says that it owns, as digits. */

/* Client `who` joins; the answer may come later. */
struct join_group_call *migration_begin_join(struct migration_story *story, int who,
                                             const char *member, const char *owned);

/* The calls that have been answered since: how many. */
int migration_take_answers(struct migration_story *story);

/* It is answered at once. */
int16_t migration_join(struct migration_story *story, int who, const char *member,
                       const char *owned);
int16_t migration_beat(struct migration_story *story, const char *member, int32_t generation);

/* "0 1 2": the partitions that it is told, or the name of the error. `given`: by a leader; NULL:
 * none. */
const char *migration_sync_group(struct migration_story *story, const char *member,
                                 int32_t generation, const struct bytes *given);
int16_t migration_leave_group(struct migration_story *story, const char *member);

/* A classic group of one member, in its first generation, who reads all four partitions. */
void migration_begin_classic(struct migration_story *story, char member[64]);

/* --- Members of the consumer protocol --------------------------------------------------------- */

/* `owned`: what it tells that it owns, as digits. NULL: nothing new. */
int16_t migration_consumer_beat_owning(struct migration_story *story, const char *member,
                                       int32_t epoch, const char *owned);
int16_t migration_consumer_beat(struct migration_story *story, const char *member, int32_t epoch);

/* --- Both ------------------------------------------------------------------------------------- */

/* An offset of a partition; of the first one. */
int16_t migration_commit_of(struct migration_story *story, const char *member, int32_t generation,
                            int32_t index);
int16_t migration_commit(struct migration_story *story, const char *member, int32_t generation);

const struct group *migration_the_group(const struct migration_story *story);

#endif
