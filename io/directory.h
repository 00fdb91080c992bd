/* Listing a directory, in two steps: reading it blocks and is done by a worker; the answer goes
 * into the caller's arena, which only the caller's core may touch. Only io/ includes this. */
#ifndef TAILRACE_IO_DIRECTORY_H
#define TAILRACE_IO_DIRECTORY_H

#include "io/io.h"

/* On any thread: reads request->listing.path into memory of its own that hangs on
 * request->backend_word. 0 or a negative status. */
int32_t directory_read(struct io_request *request);

/* On the request's core: sorts and copies into the arena, and frees what directory_read made.
 * STATUS_NO_MEMORY when the arena's limit is reached; else `result`. */
int32_t directory_answer(struct io_request *request, int32_t result);

#endif
