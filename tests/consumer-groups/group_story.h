/* A story about a classic group, told as text: what happens, and what comes of it.
 *
 *   > join a                      an event: the line begins with ">"
 *   a join: MEMBER_ID_REQUIRED a-1
 *   > join a
 *   record gen=0 empty            what it brought about, up to the next event
 *   -- PreparingRebalance 0
 *
 * Clients have one-letter names or longer ones; each remembers the member id and the generation
 * that it was last told. A member's id is shown as the client and the number of the id ("a-1"). */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_GROUP_STORY_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_GROUP_STORY_H

#include "consumer-groups/classic_member.h"
#include "consumer-groups/group_writer.h"

enum { STORY_CLIENTS_MAX = 2048, STORY_NAME_SIZE = 64, STORY_PROTOCOLS_MAX = 200 };

struct story_client {
    char name[STORY_NAME_SIZE];
    char member_id[STORY_NAME_SIZE + 40];
    char instance_id[STORY_NAME_SIZE]; /* of its last join; empty: none */
    int32_t generation;
};

/* A call that is on its way, with all that its request refers to. */
struct story_call {
    struct list_node node; /* in `calls` of the story, until it is answered */
    struct story_client *client;
    struct arena arena;
    union {
        struct join_group_call join;
        struct sync_group_call sync;
        struct heartbeat_call heartbeat;
        struct leave_group_call leave;
    };
    union {
        struct join_group_request join_in;
        struct sync_group_request sync_in;
        struct heartbeat_request heartbeat_in;
        struct leave_group_request leave_in;
    };
    enum group_call_kind kind;
};

struct group_story {
    struct classic_group group;
    struct group_settings settings;
    struct group_memory memory;
    struct group_writer writer;
    struct group_turn turn;
    struct story_client clients[STORY_CLIENTS_MAX];
    uint32_t client_count;
    struct list calls;
    uint32_t ids_made;
    bool are_arenas_full; /* there is no room for answers */
    struct bytes record;  /* the last one's value, on the heap; null: none */
    uint32_t record_count;
    enum classic_state shown_state;
    int32_t shown_generation;
    char *text; /* what has been told; owned */
    size_t text_size;
    bool is_silent; /* nobody listens: no text is made */
    /* Sees each answer; NULL: nobody does. */
    void (*answered)(struct group_story *story, const struct story_call *call);
};

void group_story_begin(struct group_story *story);

/* All calls must have been answered by then, or are dropped; checks that no memory is left. */
void group_story_end(struct group_story *story);

struct story {
    const char *name; /* a sentence of what must hold */
    const char *text;
};

/* Goes through the stories, each a test, which fails when something else comes of it, and shows
 * what does. Answers as cmocka_run_group_tests. */
int group_stories_run(const struct story *stories, size_t count);

/* One event, without its ">". */
void group_story_event(struct group_story *story, const char *line);

/* --- For those who make events themselves ----------------------------------------------------- */

struct story_client *story_client(struct group_story *story, const char *name);

/* A call whose arena is ready for the request. */
struct story_call *story_call_new(struct group_story *story, struct story_client *client,
                                  enum group_call_kind kind, int16_t version);
struct bytes story_text(struct story_call *call, const char *text);

/* Runs it, and whatever is answered. */
void story_run(struct group_story *story, struct story_call *call);

/* A turn begins; ends with what it brought about told, and answered calls freed. */
void story_turn_begin(struct group_story *story);
void story_turn_end(struct group_story *story);

/* Time passes, from deadline to deadline. */
void story_wait(struct group_story *story, int64_t ms);

/* The group is lost and read again from its last record. */
void story_restart(struct group_story *story);

void story_printf(struct group_story *story, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
