/* What the load generator asks of the operating system: the time, a process' memory, and a broker
 * to start and stop. Linux only. */
#ifndef TAILRACE_BENCH_SYSTEM_H
#define TAILRACE_BENCH_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SECOND_NS 1000000000ll

/* Monotonic. */
int64_t now_ns(void);

/* Processor time of the calling thread, the kernel's work for it included. */
int64_t thread_cpu_ns(void);

/* Says why and ends the program with code 1: a measurement that went wrong has no result. Brokers
 * that it started die with it, and their folders go. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct process_memory {
    int64_t resident_kib;     /* with shared pages counted whole */
    int64_t proportional_kib; /* with shared pages divided by their users */
    int64_t anonymous_kib;    /* what the program took, without its own file's pages */
    int64_t thread_count;
};

struct process_memory process_memory(pid_t pid);

/* The number behind `name` in lines of the form "name:   123 kB", as /proc has them; 0 if there is
 * none. */
int64_t proc_number(const char *text, const char *name);

/* Empties the machine's page cache, which only root can. */
void page_cache_drop(void);

/* A broker that we started. */
struct process {
    pid_t pid;
    int64_t started_ns; /* just before exec */
};

/* Starts the command, which ends with NULL. What it prints goes to stderr if `is_verbose`, or
 * nowhere. */
struct process process_start(char *const *command, bool is_verbose);

/* False once it has ended; asks without waiting. */
bool process_is_alive(const struct process *process);

/* Asks it to end, waits up to 30 s, then ends it; answers how long that took. */
int64_t process_stop(const struct process *process);

/* A new folder under `parent`; the text is the caller's to free. What is in it when the program
 * ends goes, whether it was removed before or not, and also if a signal ends it. */
char *folder_create(const char *parent);
void folder_remove(const char *path);

#endif
