#include "bench/system.h"

#include "base/assert.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PROC_TEXT_SIZE = 8192,
    STOP_TIMEOUT_MS = 30000,
    FOLDER_DEPTH_MAX = 32,
    JANITOR_TRIES_MAX = 1000,
    JANITOR_PAUSE_NS = 10 * 1000 * 1000,
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%stailrace bench: ", isatty(STDERR_FILENO) ? "\r\033[K" : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void proc_read(pid_t pid, const char *name, char text[static PROC_TEXT_SIZE])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    if (file == NULL && errno == ENOENT)
        fail("there is no process %d", (int)pid);
    if (file == NULL)
        fail("cannot read %s: %s", path, strerror(errno));
    size_t size = fread(text, 1, PROC_TEXT_SIZE - 1, file);
    text[size] = '\0';
    fclose(file);
}

int64_t proc_number(const char *text, const char *name)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes line;
    size_t name_size = strlen(name);
    while (text_next_item(&rest, '\n', &line)) {
        int64_t number = 0;
        if (line.size < name_size || memcmp(line.data, name, name_size) != 0)
            continue;
        struct bytes tail = text_trim(bytes_of(line.data + name_size, line.size - name_size));
        struct bytes digits;
        if (text_next_item(&tail, ' ', &digits))
            (void)text_parse_i64(digits, 0, INT64_MAX, &number);
        return number;
    }
    return 0;
}

struct process_memory process_memory(pid_t pid)
{
    char text[PROC_TEXT_SIZE];
    struct process_memory memory;
    proc_read(pid, "smaps_rollup", text);
    memory.resident_kib = proc_number(text, "Rss:");
    memory.proportional_kib = proc_number(text, "Pss:");
    memory.anonymous_kib = proc_number(text, "Anonymous:");
    proc_read(pid, "status", text);
    memory.thread_count = proc_number(text, "Threads:");
    return memory;
}

void page_cache_drop(void)
{
    static const char everything[] = "3";
    sync();
    int file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    bool is_dropped = file >= 0 && write(file, everything, 1) == 1;
    if (!is_dropped)
        fail("cannot empty the page cache: %s", strerror(errno));
    close(file);
}

/* --- Brokers ---------------------------------------------------------------------------------- */

/* When this program ends; what was registered last comes first, so no broker writes to a folder
 * that is being removed. */
static void end_process(int code, void *context)
{
    const struct process process = {.pid = (pid_t)(intptr_t)context};
    if (process_is_alive(&process)) {
        kill(process.pid, SIGKILL);
        waitpid(process.pid, NULL, 0);
    }
}

struct process process_start(char *const *command, bool is_verbose)
{
    assert(command[0] != NULL);
    struct process process = {.started_ns = now_ns()};
    volatile int problem = 0; /* the child sets it, whose memory is this one's until then */
    process.pid = vfork();
    if (process.pid < 0)
        fail("cannot start a process: %s", strerror(errno));
    if (process.pid == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(nowhere, STDIN_FILENO);
        if (!is_verbose)
            dup2(nowhere, STDERR_FILENO);
        dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for the figures */
        execvp(command[0], command);
        problem = errno;
        _exit(127);
    }
    if (problem != 0)
        fail("cannot start %s: %s", command[0], strerror(problem));
    on_exit(end_process, (void *)(intptr_t)process.pid);
    return process;
}

bool process_is_alive(const struct process *process)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

int64_t process_stop(const struct process *process)
{
    int64_t asked_ns = now_ns();
    kill(process->pid, SIGTERM);
    int handle = (int)syscall(SYS_pidfd_open, process->pid, 0);
    struct pollfd wait = {.fd = handle, .events = POLLIN};
    if (handle < 0 || poll(&wait, 1, STOP_TIMEOUT_MS) != 1)
        kill(process->pid, SIGKILL);
    if (handle >= 0)
        close(handle);
    waitpid(process->pid, NULL, 0);
    return now_ns() - asked_ns;
}

/* --- Folders ---------------------------------------------------------------------------------- */

/* When this program ends, however it does. */
static void remove_folder(int code, void *context)
{
    char *path = context;
    folder_remove(path);
    free(path);
}

/* Waits until the other end of the pipe is closed. Whatever else was inherited goes first: others
 * wait to see it closed, pipes and connections to brokers. */
static void await_end(int file)
{
    enum { KEPT = STDERR_FILENO + 1 };
    int nowhere = open("/dev/null", O_RDWR);
    int kept = fcntl(file, F_DUPFD, KEPT); /* not to be overwritten by what comes */
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    dup2(kept, KEPT);
    close_range(KEPT + 1, UINT_MAX, 0);
    char end;
    while (read(KEPT, &end, 1) < 0 && errno == EINTR)
        continue;
}

/* A process that outlives this one, which a signal may end at any time, and then removes the
 * folder. Brokers die with this one, but may write a little longer. */
static void start_janitor(const char *path)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("no pipe: %s", strerror(errno));
    pid_t janitor = fork();
    if (janitor < 0)
        fail("cannot start a process: %s", strerror(errno));
    close(ends[janitor == 0]);
    if (janitor != 0)
        return; /* The other end closes when this process ends, however it does. */
    setsid();
    await_end(ends[0]);
    for (int i = 0; i < JANITOR_TRIES_MAX && access(path, F_OK) == 0; i++) {
        folder_remove(path);
        nanosleep(&(struct timespec){.tv_nsec = JANITOR_PAUSE_NS}, NULL);
    }
    _exit(EXIT_SUCCESS);
}

char *folder_create(const char *parent)
{
    char *path = NULL;
    if (asprintf(&path, "%s/tailrace-bench-XXXXXX", parent) < 0 || mkdtemp(path) == NULL)
        fail("cannot make a folder in %s: %s", parent, strerror(errno));
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        fail("cannot find %s: %s", path, strerror(errno));
    start_janitor(absolute);
    on_exit(remove_folder, absolute);
    return path;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_entry, FOLDER_DEPTH_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
