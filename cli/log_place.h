/* Where a file of the broker belongs, as its path tells:
 *
 *   <log.dirs>/topics/<topic name>-<topic id>/<partition>/<base offset>[-<generation>].log
 *
 * A partition that is going away has a suffix (`3.deleted`), which does not change what its files
 * are. */
#ifndef TAILRACE_CLI_LOG_PLACE_H
#define TAILRACE_CLI_LOG_PLACE_H

#include "storage/frame.h"
#include "storage/path.h"

struct log_place {
    char topic_name[TOPIC_NAME_SIZE_MAX + 1];
    struct frame_place frame;
};

/* False for a path of another form. */
bool log_place_of_segment(const char *path, struct log_place *place);

#endif
