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

/* From here on the calling thread runs where nobody else wants the processor, and whoever wakes up
 * there takes it over at once (SCHED_IDLE): for work of milliseconds that nobody waits for. A short
 * slice does not help against such work: its end is looked for at the kernel's tick only.
 *
 * There is no way back without a right. It may be long until such a thread goes on, so it must hold
 * no lock that others want; clearing memory holds that of the address space in kernels before 6.4.
 * So only a thread with short slices stands back, which younger kernels give; STATUS_UNSUPPORTED
 * otherwise, STATUS_DENIED where it may not be asked. */
enum status scheduling_stand_back(void);

#endif
