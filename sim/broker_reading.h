/* What consumers and the auditor of the broker's story do with the records of an answer: every
 * batch whole and continuing the one before, every record known to the checkers. */
#ifndef TAILRACE_SIM_BROKER_READING_H
#define TAILRACE_SIM_BROKER_READING_H

#include "sim/check.h"

/* Reads what was fetched from `*position` on and moves it behind the last record. */
void reading_take(struct check *check, const struct check_key *key, struct bytes records,
                  int64_t high_watermark, int64_t *position);

#endif
