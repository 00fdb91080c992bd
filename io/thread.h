/* Threads beside the doors' own. Only io/ includes this. */
#ifndef TAILRACE_IO_THREAD_H
#define TAILRACE_IO_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

/* Where the process may run, asked before its reactors are pinned: empty where nobody tells. */
void thread_note_cpus(cpu_set_t *cpus);

/* Starts `run` with all signals blocked, for these are the business of the thread that asked for
 * them, and with a small stack: such threads call a handful of system functions, and a directory
 * entry is the largest thing they hold. On all of `cpus`, unless that is empty. False if the system
 * has no thread to give. */
bool thread_start(pthread_t *thread, const cpu_set_t *cpus, void *(*run)(void *), void *context);

#endif
