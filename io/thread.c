#include "io/thread.h"

#include "base/assert.h"

#include <signal.h>

enum { THREAD_STACK_SIZE = 256 * 1024 };

void thread_note_cpus(cpu_set_t *cpus)
{
    assert(cpus != NULL);
    if (sched_getaffinity(0, sizeof *cpus, cpus) != 0)
        CPU_ZERO(cpus);
}

bool thread_start(pthread_t *thread, const cpu_set_t *cpus, void *(*run)(void *), void *context)
{
    assert(run != NULL);
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
    if (CPU_COUNT(cpus) > 0)
        pthread_attr_setaffinity_np(&attributes, sizeof *cpus, cpus);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, &attributes, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}
