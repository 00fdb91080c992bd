/* Directories among the topics that belong to nobody: of a topic that the cluster does not know,
 * or of a deleted topic or partition whose removal did not come to its end.
 *
 * The first are never deleted: metadata may have been lost, or the disk be another broker's. They
 * are set aside under a name with `.stray` behind it, and the log names each. The others are
 * removed in the background; those that the catalog still has, when it has them no more
 * (overdue.h).
 *
 * What counts is what was there before this life began: strays_create lists it before anything of
 * this life can make a directory, so a topic that is created meanwhile is never taken for one. */
#ifndef TAILRACE_STORAGE_STRAYS_H
#define TAILRACE_STORAGE_STRAYS_H

#include "storage/store.h"

struct strays;

/* Blocking, before the loop runs. */
enum status strays_create(struct io *io, const char *directory, struct strays **strays);

enum strays_verdict { STRAYS_KNOWN, STRAYS_DELETED, STRAYS_UNKNOWN };

/* Knows which topics there are and were; embedded in its owner, who outlives the store. */
struct strays_judge {
    enum strays_verdict (*judge)(struct strays_judge *judge, struct uuid topic_id);
};

/* Once, on core 0, when it is known which topics there are. Ends by itself, or when the store
 * stops. */
void strays_start(struct strays *strays, struct store *store, struct strays_judge *judge);

/* When the store has been destroyed. */
void strays_destroy(struct strays *strays);

#endif
