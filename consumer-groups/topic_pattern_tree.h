/* What an expression says, as a tree: between the parser and the program (topic_pattern.h). */
#ifndef TAILRACE_CONSUMER_GROUPS_TOPIC_PATTERN_TREE_H
#define TAILRACE_CONSUMER_GROUPS_TOPIC_PATTERN_TREE_H

#include "consumer-groups/ascii_set.h"
#include "consumer-groups/topic_pattern.h"

enum pattern_kind {
    PATTERN_NOTHING, /* the empty text */
    PATTERN_SET,     /* one character of the set */
    PATTERN_BOTH,    /* first, then second */
    PATTERN_EITHER,  /* first or second */
    PATTERN_REPEAT,  /* first, from count_min to count_max times */
    PATTERN_PLACE,   /* no character, but a place in the name */
};

enum pattern_place {
    PLACE_BEGIN,
    PLACE_END,
    PLACE_WORD_EDGE,
    PLACE_NO_WORD_EDGE,
};

enum { PATTERN_COUNT_MAX = 1000, PATTERN_UNBOUNDED = UINT16_MAX };

struct pattern_node {
    enum pattern_kind kind;
    enum pattern_place place;
    uint16_t count_min;
    uint16_t count_max; /* or PATTERN_UNBOUNDED */
    struct ascii_set set;
    const struct pattern_node *first;
    const struct pattern_node *second;
    uint32_t size; /* of its program, in instructions; at most TOPIC_PATTERN_INSTRUCTIONS_MAX + 1 */
};

/* The tree of an expression, in the arena. Status and error as topic_pattern_compile. */
enum status pattern_parse(struct bytes expression, struct arena *arena,
                          const struct pattern_node **tree, struct topic_pattern_error *error);

#endif
