/* How the system shares out processors between this process and the others. */
#ifndef TAILRACE_IO_SCHEDULING_H
#define TAILRACE_IO_SCHEDULING_H

#include "base/status.h"

/* How long a thread may go on once it has begun, where others wait for the processor. The least
 * that Linux takes. */
enum { SCHEDULING_SLICE_NS = 100 * 1000 };

/* Asks for short slices for the calling thread and for all that it starts from then on: whoever
 * wakes up with a shorter slice than the one who runs takes the processor over at once, instead of
 * waiting for the next tick of the kernel's clock, which is up to 4 ms away (EEVDF's PREEMPT_SHORT;
 * Linux, kernel/sched/fair.c). A thread that waits for the disk or for requests wakes often and
 * works briefly, so this is its answer time. The share of the processor stays as it was, and no
 * right is needed.
 *
 * STATUS_UNSUPPORTED where the kernel has no slices (before 6.12), STATUS_DENIED where it may
 * not be asked; everything works without. A thread with a real-time or batch policy, which somebody
 * has chosen, keeps it: STATUS_OK. */
enum status scheduling_shorten_slices(void);

#endif
