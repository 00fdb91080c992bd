/* The records of the metadata (cluster/records/metadata.msg) as lines of a dump. */
#ifndef TAILRACE_CLI_DUMP_METADATA_H
#define TAILRACE_CLI_DUMP_METADATA_H

#include "cli/tool.h"

/* A run of framed records, as in an entry of the log or in a snapshot. False if they are broken, as
 * far as which they are shown. */
bool dump_metadata_records(const struct tool *tool, uint32_t depth, struct bytes records);

#endif
