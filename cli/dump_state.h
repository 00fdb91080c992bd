/* The state of a log in a dump of the catalog. */
#ifndef TAILRACE_CLI_DUMP_STATE_H
#define TAILRACE_CLI_DUMP_STATE_H

#include "cli/tool.h"

/* One line, "state" or, for bytes that are none, "damage". */
void dump_state(const struct tool *tool, uint32_t depth, struct bytes content);

#endif
