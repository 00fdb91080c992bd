/* The sync of a log's segment: what had been written when it was asked for is durable when it has
 * landed. What is written beside it is for the next one, whatever has become of it by then: the
 * disk may have that and not what the sync is for, which no one has been told of either. */
#ifndef TAILRACE_STORAGE_LOG_SYNC_H
#define TAILRACE_STORAGE_LOG_SYNC_H

#include "io/io.h"

struct log;

struct log_sync {
    struct io_request request; /* its completion is the owner's */
    int64_t target_offset;     /* everything below had been written */
    bool is_under_way;         /* until it is taken in */
    bool has_landed;           /* for the owner to set */
};

/* Some of what has been written is not synced. */
bool log_has_unsynced(const struct log *log);

/* Syncs all that has been written. */
void log_sync_begin(struct log_sync *sync, struct log *log);

/* It has landed. False: with an error; otherwise acknowledges, and tells whoever waits for it. */
bool log_sync_take_in(struct log_sync *sync, struct log *log);

#endif
