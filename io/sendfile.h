/* What the two real backends do alike with sends of which parts lie in files (IO_SENDFILE).
 *
 * The loop sends from memory and from the page cache and waits for neither socket nor disk: for the
 * one the backend waits by its own means, for the other a worker reads what comes next, and then
 * the loop goes on. Only io/ includes this. */
#ifndef TAILRACE_IO_SENDFILE_H
#define TAILRACE_IO_SENDFILE_H

#include "io/io.h"

/* Answers of an attempt beside the result of the request; no statuses. */
enum {
    SENDFILE_WAIT = INT32_MIN,      /* the socket takes no more now */
    SENDFILE_LOAD = INT32_MIN + 1,  /* the page cache has not all of the range that comes next */
    SENDFILE_LATER = INT32_MIN + 2, /* it has been the turn of this one for long enough */
};

/* Sends as much as it can without waiting, and without keeping the loop for longer than some 1 MiB
 * takes, whatever a client takes meanwhile. The socket does not block. */
int32_t sendfile_attempt(struct io_request *request);

/* On a worker: reads the range that comes next, and those behind it as far as they lie together,
 * for the next attempt. 0 or a negative status. */
int32_t sendfile_load(struct io_request *request);

#endif
