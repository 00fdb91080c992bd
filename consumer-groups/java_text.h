/* Texts as Java sees them: a row of UTF-16 units. Kafka counts and hashes these, and what it says
 * of a group id or of a limit must come out the same here. */
#ifndef TAILRACE_CONSUMER_GROUPS_JAVA_TEXT_H
#define TAILRACE_CONSUMER_GROUPS_JAVA_TEXT_H

#include "base/bytes.h"

/* String.length() and String.hashCode() of the text that these bytes of UTF-8 are. Bytes that are
 * none stand for U+FFFD each. */
size_t java_text_length(struct bytes text);
int32_t java_text_hash(struct bytes text);

#endif
