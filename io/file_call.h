/* The blocking form of every file request, for the threads that may wait. Only io/ includes this.
 */
#ifndef TAILRACE_IO_FILE_CALL_H
#define TAILRACE_IO_FILE_CALL_H

#include "io/io.h"

/* Makes the request's system calls and answers its final result. May take as long as the disk
 * does. From any thread; the request is the caller's alone meanwhile. IO_OPEN and
 * IO_LIST_DIRECTORY need a last step on the door's own thread: system_landed. */
int32_t file_call(struct io_request *request);

/* The open(2) flags for a request of kind IO_OPEN, without O_DIRECT. */
int file_call_open_flags(uint32_t open_flags);

enum { FILE_CALL_FILE_MODE = 0600, FILE_CALL_DIRECTORY_MODE = 0700 };

#endif
