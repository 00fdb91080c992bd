/* A file of offsets, in the form that Kafka's own tool writes and reads: one partition a line,
 *
 *   TOPIC,PARTITION,OFFSET          or, of many groups,
 *   GROUP,TOPIC,PARTITION,OFFSET
 *
 * Lines of other groups are passed over, and so are empty ones. Names may stand in double quotes.
 * Pure. */
#ifndef TAILRACE_CLI_SEEK_FILE_H
#define TAILRACE_CLI_SEEK_FILE_H

#include "base/bytes.h"

struct seek_line {
    struct bytes topic;
    int32_t partition;
    int64_t offset;
};

enum seek_line_kind { SEEK_LINE, SEEK_LINE_OTHER, SEEK_LINE_BROKEN, SEEK_LINES_END };

/* Takes the next line off the front of `rest`, which is borrowed. SEEK_LINE_OTHER for one that is
 * passed over. */
enum seek_line_kind seek_file_next(struct bytes *rest, struct bytes group, struct seek_line *line);

#endif
