/* How a fetch session hears which of its partitions have moved, without looking at the others.
 *
 * A session has a watch for each core, and a watcher for each partition:
 *
 *   idle ──▶ armed ──▶ moved ──▶ carried ──▶ idle
 *
 * A watcher is armed on its partition's core before a fetch looks at the partition, and stays so
 * however many fetches come and go. When the partition moves, its core puts the watcher among those
 * that have moved; one mail at a time carries all of them to the session's core and travels back.
 * It leaves in a landing of its own, for one commit moves many partitions. So an event costs the
 * same however many partitions the session has, and many events share a mail.
 *
 * Everything of a watch belongs to the partitions' core but what is for leaving: a watcher that the
 * session no longer wants must be let go by that core first. While they are carried, watchers are
 * read at home and left alone by their core. */
#ifndef TAILRACE_BROKER_FETCH_WATCH_H
#define TAILRACE_BROKER_FETCH_WATCH_H

#include "io/io.h"
#include "replication/partition.h"

struct fetch_session;
struct fetch_watch;

enum fetch_watcher_state { WATCHER_IDLE, WATCHER_ARMED, WATCHER_MOVED, WATCHER_CARRIED };

struct fetch_watcher {
    struct partition_waiter waiter; /* its node: at the partition, or in a list of the watch */
    struct fetch_watch *watch;      /* NULL: it has never left home */
    struct list_node leaving;       /* at home, or with the mail */
    enum fetch_watcher_state state;
};

struct fetch_watch {
    struct fetch_session *session;
    struct io *home;
    struct io *core;
    void (*moved)(struct fetch_watcher *watcher); /* at home */
    void (*left)(struct fetch_watcher *watcher);  /* at home; the watcher's memory is free again */

    struct list has_moved;
    struct list carried;
    struct completion carry;
    bool is_carrying;   /* or about to */
    bool is_leave_held; /* until what is carried is back */

    struct list leaving; /* these at home */
    struct list let_go;
    struct completion leave;
    bool is_leaving;
};

/* `home` and `core` are the doors of the two cores, which may be one. */
void fetch_watch_init(struct fetch_watch *watch, struct fetch_session *session, struct io *home,
                      struct io *core);

/* On the partition's core: from now on a move is told. False while an earlier one is still being
 * told. */
bool fetch_watcher_arm(struct fetch_watcher *watcher, struct partition *partition);

/* At home: nothing is told any more, and `left` is called when the memory is free again, not from
 * within this call. */
void fetch_watcher_leave(struct fetch_watcher *watcher);

#endif
