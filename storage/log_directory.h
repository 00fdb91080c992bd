/* Making the directory of a log, and its topic's, with durable names. They may be there already:
 * left by an attempt that did not end, or made by another partition of the topic, on any core. */
#ifndef TAILRACE_STORAGE_LOG_DIRECTORY_H
#define TAILRACE_STORAGE_LOG_DIRECTORY_H

#include "base/op.h"
#include "io/io.h"
#include "storage/log.h"
#include "storage/path.h"

struct log_directory {
    struct op op;
    struct io *io;
    struct io_request request;
    struct completion *done;
    char topic[PATH_SIZE];
    char partition[PATH_SIZE];
    char topics[PATH_SIZE];
};

/* `done` lands with STATUS_OK or an error. */
void log_directory_start(struct log_directory *directory, struct io *io, const char *store,
                         const struct log_id *id, struct completion *done);

#endif
