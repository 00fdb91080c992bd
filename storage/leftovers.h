/* Files that an earlier life of a log left in its directory: segments that its state does not list
 * any more, whose removal was not over, or had not begun, when that life ended.
 *
 * After an orderly stop whose mark says that there are none (store_stop.c), nothing is looked for.
 * Otherwise they are looked for once, soon after the log has been opened, one log of a core after
 * the other. Until then nothing is taken out of the log's list of segments (log->is_swept): so
 * whatever file is there and not in the list is such a leftover. */
#ifndef TAILRACE_STORAGE_LEFTOVERS_H
#define TAILRACE_STORAGE_LEFTOVERS_H

struct log;
struct store;

/* The log has just been opened and was there before. */
void leftovers_want(struct log *log);

/* Frees what was under way when the node was killed. */
void leftovers_drop(struct store *store);

#endif
