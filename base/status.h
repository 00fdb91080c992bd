/* What can go wrong and is expected to. A function returns `enum status`; a completion's result is
 * a count when it is zero or more, and one of these when it is negative. Kafka's own error codes
 * are a different thing (protocol/errors.h): a status becomes one only where a response is made. */
#ifndef TAILRACE_BASE_STATUS_H
#define TAILRACE_BASE_STATUS_H

/* X(name, number, text) */
#define STATUS_LIST(X)                                                                             \
    X(STATUS_OK, 0, "ok")                                                                          \
    X(STATUS_MALFORMED, -1, "malformed bytes")                                                     \
    X(STATUS_CORRUPT, -2, "checksum or invariant broken on disk")                                  \
    X(STATUS_TRUNCATED, -3, "fewer bytes than announced")                                          \
    X(STATUS_TOO_LARGE, -4, "larger than its limit")                                               \
    X(STATUS_NO_MEMORY, -5, "a pool or budget is used up")                                         \
    X(STATUS_NOT_FOUND, -6, "not found")                                                           \
    X(STATUS_EXISTS, -7, "exists already")                                                         \
    X(STATUS_IO, -8, "input/output error")                                                         \
    X(STATUS_NO_SPACE, -9, "no space left on device")                                              \
    X(STATUS_NO_FILES, -10, "too many open files")                                                 \
    X(STATUS_CANCELLED, -11, "cancelled")                                                          \
    X(STATUS_TIMED_OUT, -12, "timed out")                                                          \
    X(STATUS_CLOSED, -13, "closed by the other side")                                              \
    X(STATUS_REFUSED, -14, "connection refused")                                                   \
    X(STATUS_UNSUPPORTED, -15, "not supported")                                                    \
    X(STATUS_INVALID, -16, "invalid value")                                                        \
    X(STATUS_BUSY, -17, "busy")                                                                    \
    X(STATUS_DENIED, -18, "permission denied")                                                     \
    X(STATUS_IN_USE, -19, "address or file in use")                                                \
    X(STATUS_FAILED, -20, "failed for good; nothing more is accepted")                             \
    X(STATUS_OUT_OF_RANGE, -21, "out of range")                                                    \
    X(STATUS_SEQUENCE_GAP, -22, "sequence number leaves a gap")                                    \
    X(STATUS_STALE_EPOCH, -23, "older epoch than the current one")                                 \
    X(STATUS_DUPLICATE, -24, "seen before")                                                        \
    X(STATUS_FENCED, -25, "of a coordinator that has been replaced")                               \
    X(STATUS_OPEN_TRANSACTION, -26, "its producer has an open transaction")

enum status {
#define X(name, number, text) name = (number),
    STATUS_LIST(X)
#undef X
};

/* A short English text, for logs and messages; never NULL. */
const char *status_text(enum status status);

/* The status for a positive errno value; STATUS_IO for one that has no better word. */
enum status status_from_errno(int error_number);

#endif
