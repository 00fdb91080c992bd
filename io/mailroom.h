/* Mail between the cores of one process: one ring for every pair, one bell for every core.
 *
 *   core 0 ──▶ ring 0→1 ──▶ core 1        A ring has one sender and one receiver, so neither
 *   core 0 ──▶ ring 0→2 ──▶ core 2        needs a lock. A receiver is woken only when it is
 *   core 1 ──▶ ring 1→0 ──▶ core 0        asleep: a busy core looks into its rings at every
 *   ...                                   turn anyway.
 *
 * Waking a core is a system call and, on a virtual machine, a way out to its host: dearer than all
 * the rest. So a sender wakes nobody while its turn lasts; at the end of it, it asks for those who
 * sleep and have got mail (mailroom_next_sleeper) and wakes each of them once, by the bell (an
 * eventfd) or by whatever its backend has that is cheaper.
 *
 * Two races decide the memory order, and both have the same answer, sequential consistency:
 *   - the sender puts mail and then looks whether the receiver sleeps, the receiver says that it
 *     sleeps and then looks for mail: at least one of them sees the other;
 *   - the sender of a full ring says that it waits and then looks for room, the receiver makes
 *     room and then looks whether the sender waits.
 *
 * When a ring is full the mail stays with the sender, in order, and goes out when there is room.
 * Only io/ includes this. */
#ifndef TAILRACE_IO_MAILROOM_H
#define TAILRACE_IO_MAILROOM_H

#include "base/completion.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct mailroom;

enum { MAILROOM_CORES_MAX = 1024 };

/* STATUS_NO_MEMORY, STATUS_NO_FILES. */
enum status mailroom_create(uint32_t core_count, struct mailroom **room);

/* Undelivered mail is forgotten: its memory belongs to whoever made it. */
void mailroom_destroy(struct mailroom *room);

uint32_t mailroom_core_count(const struct mailroom *room);

/* On core `from`. The mail must be on no list; it belongs to core `to` from here on. Whether that
 * has to be woken, mailroom_next_sleeper says. */
void mailroom_post(struct mailroom *room, uint32_t from, uint32_t to, struct completion *mail,
                   int32_t result);

/* On core `core`: sends what had to wait, and puts what has arrived on the ready queue. */
void mailroom_collect(struct mailroom *room, uint32_t core, struct ready_queue *ready);

/* On core `core`, before it waits for events. False: there is mail, do not wait. True: whoever
 * sends mail from here on rings the bell; mailroom_awake must follow. */
bool mailroom_sleep(struct mailroom *room, uint32_t core);
void mailroom_awake(struct mailroom *room, uint32_t core);

/* On core `from`, at the end of every turn, also of the last one, until it answers false: a core
 * that has something new from it and is asleep. It is answered once, so the caller must wake it. */
bool mailroom_next_sleeper(struct mailroom *room, uint32_t from, uint32_t *sleeper);

/* From any thread, after something was left for a core elsewhere: whether it is asleep. It is
 * answered once, so the caller must wake it; one that is awake looks before it sleeps. */
bool mailroom_rouse(struct mailroom *room, uint32_t core);

/* The bell of a core, an eventfd that nobody reads: it stays readable from the first ring on, and
 * every further one is an event for who watches for changes (edge-triggered), which spares a call
 * for each. Ringing is allowed from any thread. */
int mailroom_bell(const struct mailroom *room, uint32_t core);
void mailroom_ring_bell(struct mailroom *room, uint32_t core);

/* A core's io_uring, for others to send a completion to; -1 where it has none. Set before the cores
 * run. */
void mailroom_set_ring(struct mailroom *room, uint32_t core, int ring);
int mailroom_ring(const struct mailroom *room, uint32_t core);

#endif
