#include "base/status.h"

#include "base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *status_text(enum status status)
{
    switch (status) {
#define X(name, number, text)                                                                      \
    case name: return text;
        STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

enum status status_from_errno(int error_number)
{
    assert(error_number >= 0);
    switch (error_number) {
    case 0: return STATUS_OK;
    case ENOENT: return STATUS_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return STATUS_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return STATUS_NO_SPACE;
    case EMFILE:
    case ENFILE: return STATUS_NO_FILES;
    case ENOMEM:
    case ENOBUFS: return STATUS_NO_MEMORY;
    case ECANCELED: return STATUS_CANCELLED;
    case ETIMEDOUT: return STATUS_TIMED_OUT;
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
    case ECONNABORTED: return STATUS_CLOSED;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH: return STATUS_REFUSED;
    case EOPNOTSUPP:
    case ENOSYS: return STATUS_UNSUPPORTED;
    case EINVAL: return STATUS_INVALID;
    case EBUSY:
    case EAGAIN: return STATUS_BUSY;
    case EACCES:
    case EPERM:
    case EROFS: return STATUS_DENIED;
    case EADDRINUSE:
    case EADDRNOTAVAIL: return STATUS_IN_USE;
    default: return STATUS_IO;
    }
}

_Noreturn void unreachable_at(const char *file, int line)
{
    fprintf(stderr, "%s:%d: reached what cannot be reached\n", file, line);
    abort();
}
