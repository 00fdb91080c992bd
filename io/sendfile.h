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
    SENDFILE_LATER = INT32_MIN + 2, /* a step is done, and more may follow at once */
};

/* What a turn of the loop sends of one request, about, and a step of it beside commits. */
enum { SENDFILE_TURN_SIZE = 1024 * 1024, SENDFILE_STEP_SIZE = 128 * 1024 };

/* Sends about `step_size`, or as much of it as it can without waiting. The socket does not block.
 * Which ranges the page cache has is remembered in `known_index` from step to step of one turn; it
 * begins with 0 in each, for a client may take long in between. */
int32_t sendfile_attempt(struct io_request *request, size_t step_size, uint32_t *known_index);

/* On a worker: reads the range that comes next, and those behind it as far as they lie together,
 * for the next attempt. 0 or a negative status. */
int32_t sendfile_load(struct io_request *request);

#endif
