#include "io/file_lock.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 300, LOCK_PAUSE_NS = 10 * 1000 * 1000 };

/* Who holds it, for the person who finds it taken. */
static void write_holder(int descriptor)
{
    assert(descriptor >= 0);
    char text[32];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    assert(size > 0);
    bool is_written =
        ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)size, 0) > 0;
    (void)is_written; /* The lock is what counts, not what stands in its file. */
}

static void log_holder(int descriptor, const char *path, struct logger *logger)
{
    char text[32] = {0};
    ssize_t size = pread(descriptor, text, sizeof text - 1, 0);
    text[size > 0 ? strcspn(text, "\n") : 0] = '\0';
    log_error(logger, "another process uses this directory; stop it, or choose another log.dirs",
              field_text("lock", path), field_text("process", text));
}

enum status file_lock_take(const char *path, struct logger *logger, int *descriptor)
{
    assert(path != NULL);
    assert(logger != NULL);
    assert(descriptor != NULL);
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0)
        return status_from_errno(errno);
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(opened, LOCK_EX | LOCK_NB) == 0) {
            write_holder(opened);
            *descriptor = opened;
            return STATUS_OK;
        }
        if (errno != EWOULDBLOCK) {
            enum status status = status_from_errno(errno);
            close(opened);
            return status;
        }
        if (i == 0)
            log_info(logger, "waiting for another process to let go of the directory",
                     field_text("lock", path));
        nanosleep(&pause, NULL);
    }
    log_holder(opened, path, logger);
    close(opened);
    return STATUS_IN_USE;
}

/* The kernel takes rings apart in its own time, so the last copy of the descriptor may stay open
 * for some ten milliseconds: too long for a broker that starts again at once. */
void file_lock_release(int descriptor)
{
    assert(descriptor >= 0);
    flock(descriptor, LOCK_UN);
    close(descriptor);
}
