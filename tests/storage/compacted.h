/* Comparing what a log answers with a model of which compaction may have taken a part: all that is
 * there must be what was appended, at its offset, and what is not there compaction must have been
 * free to take. Each answers NULL, or a complaint. */
#ifndef TAILRACE_TESTS_STORAGE_COMPACTED_H
#define TAILRACE_TESTS_STORAGE_COMPACTED_H

#include "storage/log.h"
#include "tests/storage/model.h"

const char *compacted_check_read(const struct model *model, const struct log_read *read);

/* Of the records below `end_offset`. */
const char *compacted_check_lookup(const struct model *model, const struct log_lookup *lookup,
                                   int64_t end_offset);

#endif
