/* A regular expression over topic names, in the syntax of RE2 as far as that goes for names,
 * matched in time linear in the name whatever the expression: it comes from a client.
 *
 * An expression is compiled into a program for Thompson's and Pike's machine (Cox 2009: all threads
 * advance together, one for each instruction at most). A match is of the whole name, as in Kafka.
 * Understood: literals, ., [classes] with ranges, negation and [:alpha:] kinds, \d \w \s \D \W \S,
 * \pL-style classes are refused, escapes, (groups), (?:groups), (?i), alternatives, * + ? {n,m} and
 * their lazy forms, ^ $ \A \z \b \B, \Q...\E. Refused, as RE2 does: back references, look around,
 * repetition above 1,000. */
#ifndef TAILRACE_CONSUMER_GROUPS_TOPIC_PATTERN_H
#define TAILRACE_CONSUMER_GROUPS_TOPIC_PATTERN_H

#include "base/arena.h"
#include "base/bytes.h"

enum {
    TOPIC_PATTERN_BYTES_MAX = 1024,         /* of an expression */
    TOPIC_PATTERN_INSTRUCTIONS_MAX = 16384, /* of a program, repetitions unrolled */
};

struct topic_pattern;

/* What is wrong with an expression, for the client. */
struct topic_pattern_error {
    const char *reason;    /* "missing )" */
    uint32_t offset_bytes; /* where in the expression */
};

/* STATUS_OK, STATUS_INVALID (see `error`), STATUS_TOO_LARGE, STATUS_NO_MEMORY. Lives in the arena.
 */
enum status topic_pattern_compile(struct bytes expression, struct arena *arena,
                                  struct topic_pattern **pattern,
                                  struct topic_pattern_error *error);

/* Does the whole name match? */
bool topic_pattern_matches(struct topic_pattern *pattern, struct bytes name);

/* How many instructions the last match has visited: the measure of its time. */
uint64_t topic_pattern_steps(const struct topic_pattern *pattern);

#endif
