/* A seed is run twice over memory that is filled differently: what was read and never written shows
 * as a difference between the traces, without any tool. */
#include "sim/runner.h"

#include "base/assert.h"

#include <inttypes.h>
#include <malloc.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What malloc fills new memory with, so that reading it uninitialised shows in the trace. */
enum { FILL_FIRST = 0x55, FILL_SECOND = 0xaa };

/* What dead processes of a world have freed, those that come use again, instead of taking it from
 * the system each time. */
enum { KEPT_BYTES = 256 << 20, KEPT_PIECE_BYTES = 32 << 20 /* malloc allows no more */ };

static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT_PIECE_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void runner_run(const struct story *story, const struct story_options *options, bool twice,
                struct verdict *verdict)
{
    keep_freed_memory();
    mallopt(M_PERTURB, FILL_FIRST);
    story->run(options, verdict);
    if (!twice)
        return;
    struct verdict second;
    mallopt(M_PERTURB, FILL_SECOND);
    story->run(options, &second);
    if (second.trace_hash != verdict->trace_hash)
        verdict_fail(verdict, OUTCOME_UNSAFE,
                     "two runs differ: trace %016" PRIx64 " and %016" PRIx64, verdict->trace_hash,
                     second.trace_hash);
}

/* In the child: the verdict goes out through the pipe. */
_Noreturn static void child_run(const struct runner *runner, int out)
{
    struct verdict verdict;
    runner_run(runner->story, &runner->options, runner->twice, &verdict);
    fflush(NULL);
    ssize_t size = write(out, &verdict, sizeof verdict);
    _exit(size == (ssize_t)sizeof verdict ? 0 : OUTCOME_CRASH);
}

bool runner_start(struct runner *runner)
{
    int ends[2];
    assert(runner->process == 0);
    fflush(NULL);
    if (pipe(ends) != 0) {
        perror("tailrace-sim: pipe");
        return false;
    }
    runner->process = fork();
    if (runner->process == 0) {
        close(ends[0]);
        child_run(runner, ends[1]);
    }
    close(ends[1]);
    if (runner->process < 0) {
        perror("tailrace-sim: fork");
        close(ends[0]);
        runner->process = 0;
        return false;
    }
    runner->pipe = ends[0];
    return true;
}

static struct runner *runner_of(struct runner *runners, uint32_t count, int process)
{
    for (uint32_t i = 0; i < count; i++)
        if (runners[i].process == process)
            return &runners[i];
    return NULL;
}

static void crash_describe(int status, struct verdict *verdict)
{
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD};
    if (WIFSIGNALED(status))
        verdict_fail(verdict, OUTCOME_CRASH, "ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    else
        verdict_fail(verdict, OUTCOME_CRASH, "ended with code %d", WEXITSTATUS(status));
}

struct runner *runner_wait(struct runner *runners, uint32_t count, struct verdict *verdict)
{
    assert(count > 0);
    int status;
    struct runner *runner;
    do {
        int process = waitpid(-1, &status, 0);
        assert(process > 0);
        runner = runner_of(runners, count, process);
    } while (runner == NULL);
    ssize_t size = read(runner->pipe, verdict, sizeof *verdict);
    if (size != (ssize_t)sizeof *verdict)
        crash_describe(status, verdict);
    close(runner->pipe);
    runner->process = 0;
    return runner;
}
