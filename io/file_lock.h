/* A lock on a directory against a second process: a file in it, locked as long as the descriptor or
 * a copy of it is open anywhere, also in a ring whose last writes are still on their way. */
#ifndef TAILRACE_IO_FILE_LOCK_H
#define TAILRACE_IO_FILE_LOCK_H

#include "base/log.h"
#include "base/status.h"

/* Takes the lock of the file at `path`, which is made if it is not there. A holder that is ending
 * is waited for, a few seconds; then STATUS_IN_USE. The descriptor is the caller's. */
enum status file_lock_take(const char *path, struct logger *logger, int *descriptor);

/* Gives the lock up at once, also for the copies of the descriptor, and closes it. Nothing that the
 * lock guards may be in flight. */
void file_lock_release(int descriptor);

#endif
