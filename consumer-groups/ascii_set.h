/* A set of ASCII characters, a bit each. Topic names have no others, so expressions over them need
 * no more. */
#ifndef TAILRACE_CONSUMER_GROUPS_ASCII_SET_H
#define TAILRACE_CONSUMER_GROUPS_ASCII_SET_H

#include "base/bytes.h"

enum { ASCII_COUNT = 128 };

struct ascii_set {
    uint64_t words[2];
};

static inline bool ascii_set_has(const struct ascii_set *set, uint8_t character)
{
    return character < ASCII_COUNT && (set->words[character / 64] >> (character % 64) & 1) != 0;
}

static inline bool ascii_is_word(uint8_t character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z') || character == '_';
}

/* From the first to the last, as far as they are ASCII. */
void ascii_set_add_range(struct ascii_set *set, uint32_t first, uint32_t last);
void ascii_set_add(struct ascii_set *set, const struct ascii_set *other);
void ascii_set_negate(struct ascii_set *set);

/* Both cases of every letter that is there. */
void ascii_set_ignore_case(struct ascii_set *set);

/* The set of a name as in [:alpha:]; false: there is none. */
bool ascii_set_posix(struct bytes name, struct ascii_set *set);

/* \d, \W and the like; false if the letter names none. */
bool ascii_set_perl(uint8_t letter, struct ascii_set *set);

#endif
