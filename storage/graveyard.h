/* What is to be removed, and when: segments that have left their logs, and directories of logs that
 * are gone (file.delete.delay.ms after that). One thing at a time, in slices (removal.h), so that
 * appends and reads are never held up.
 *
 * Until then the file of a segment may become that of another one (recycle.h).
 *
 * Nothing in here is needed for the truth: no state lists it any more. What is left when the
 * process ends is found again by the next one, which looks through every directory (leftovers.h).
 */
#ifndef TAILRACE_STORAGE_GRAVEYARD_H
#define TAILRACE_STORAGE_GRAVEYARD_H

#include "base/log.h"
#include "storage/removal.h"

struct log;
struct segment;
struct store;

struct grave {
    struct list_node node;   /* graveyard->graves, by due time */
    uint64_t due_ns;         /* steady */
    struct log *log;         /* of a segment; NULL: a directory */
    struct segment *segment; /* retained; its files wait until nobody else uses it */
    bool index_is_gone;      /* the segment's index file, which goes first */
    bool is_taken;           /* the segment's own is another's, or could not become that */
    bool has_failed;         /* something is still there */
    char path[];             /* of a directory */
};

struct graveyard {
    struct store *store;
    struct list graves;
    struct timer timer;
    struct grave *current; /* being removed; on no list; NULL: none */
    struct removal file;
    struct directory_removal directory;
    struct completion removed;
    bool is_closed; /* nothing new is begun */
};

void graveyard_init(struct graveyard *graveyard, struct store *store);

/* Takes the caller's reference to the segment, which is one of store->unlisted_count until its
 * files are gone. If the log itself is going away, that is all: its files go with its directory. */
void graveyard_bury_segment(struct graveyard *graveyard, struct log *log, struct segment *segment,
                            int64_t delay_ms);
void graveyard_bury_directory(struct graveyard *graveyard, const char *path, int64_t delay_ms);

/* A segment that has left its log, and whose file somebody can make use of. */
struct grave_file {
    struct log *log;
    struct segment *segment;
};

/* The largest file of a size within the bounds that nobody uses any more. It is the caller's: while
 * he holds a reference to the segment it is not removed, and not asked for again. False: none. */
bool graveyard_take_file(struct graveyard *graveyard, uint64_t size_min, uint64_t size_max,
                         struct grave_file *file);

/* The log goes away, and its files go with its directory. What is being removed of it counts as a
 * use of the log (busy_count) until it has landed. */
void graveyard_forget(struct graveyard *graveyard, const struct log *log);

/* The store stops: nothing is begun any more, and what runs ends soon. */
void graveyard_close(struct graveyard *graveyard);
bool graveyard_is_quiet(const struct graveyard *graveyard);

/* Frees memory; nothing may be in flight on a live door. */
void graveyard_deinit(struct graveyard *graveyard);

#endif
