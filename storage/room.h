/* Whether the disk under a store has room for more.
 *
 *   AMPLE ──little is free──▶ NARROW ──found full──▶ DRY
 *     ▲                          │  ▲                  │
 *     └── enough is free, and ───┘  └── some is free ──┘
 *         the reserve is back
 *
 * From NARROW on appends are refused, before the file system is really full: what has been accepted
 * still goes to its segments, and catalog and metadata have room to go on. DRY is a disk that
 * others have filled, or a process without a free file handle: segments do not grow but for a log
 * whose state is to be recorded, for that is how retention and DeleteRecords give space back.
 *
 * The reserve is a file of a few MiB that is held for such a time. Whoever finds the disk full lets
 * it go; appends are taken again only when it has been taken anew, and when all that waits has been
 * written: so room is not believed in before an allocation has succeeded. Recovery removes it, as
 * what it writes itself needs room as well.
 *
 * Looked at once a second while something is short, and else after so many bytes. */
#ifndef TAILRACE_STORAGE_ROOM_H
#define TAILRACE_STORAGE_ROOM_H

#include "base/op.h"
#include "io/io.h"
#include "storage/path.h"
#include "storage/room_core.h"

struct store;

struct room {
    struct op op;
    struct store *store;
    struct io_request request;
    struct timer timer;
    enum room_level level;
    bool is_looking;
    bool has_reserve;
    bool was_short; /* since the last look */
    int32_t handle; /* of the reserve while it is taken; -1 */
    uint64_t free_bytes;
    uint64_t unlooked_bytes; /* allocated since the last look */
    char path[PATH_SIZE];
};

void room_init(struct room *room, struct store *store);

/* Blocking: takes the reserve and looks for the first time. A full disk is not an error. */
enum status room_open(struct room *room);

/* Something has found no space, or no file handle. */
void room_ran_short(struct room *room);

/* So much has been reserved for a segment. */
void room_note_allocated(struct room *room, uint64_t size_bytes);

/* Nothing is under way. */
bool room_is_quiet(const struct room *room);

/* No more looks. */
void room_stop(struct room *room);

#endif
