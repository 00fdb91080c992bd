/* A broker that has kept many offsets is killed, and stopped: how long from exec until it answers
 * for the first group, and until it has answered for some of every coordinator. Answers before that
 * may say that the coordinator loads; one that says another offset ends the program. */
#include "base/assert.h"
#include "bench/groups.h"
#include "bench/modes.h"
#include "protocol/errors.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { START_TIMEOUT_SECONDS = 120, RETRY_MS = 1, GROUPS_ASKED = 500, OFFSET = 1000 };

struct restart {
    double answer_ms; /* ApiVersions */
    double first_ms;  /* OffsetFetch of one group */
    double all_ms;    /* of GROUPS_ASKED groups */
    double cpu_ms;
};

static double since_ms(const struct process *process)
{
    return (double)(now_ns() - process->started_ns) / 1e6;
}

static void check_time(const struct process *process)
{
    if (!process_is_alive(process))
        fail("the broker ended; --verbose shows why");
    if (since_ms(process) > START_TIMEOUT_SECONDS * 1e3)
        fail("the broker does not answer for %d s", START_TIMEOUT_SECONDS);
}

static struct process start(const struct options *options, struct client *client)
{
    struct process process = process_start(options->command, options->is_verbose);
    for (;;) {
        if (client_open(client, &options->address)) {
            if (client_is_answered(client))
                return process;
            client_close(client);
        }
        check_time(&process);
        poll(NULL, 0, RETRY_MS);
    }
}

/* Asks again while the coordinator loads. */
static void await_group(const struct options *options, const struct process *process,
                        struct client *client, uint32_t group)
{
    for (;;) {
        int16_t error = groups_fetch(client, options, group, 0, options->partitions, OFFSET);
        if (error == KAFKA_NONE)
            return;
        if (error != KAFKA_COORDINATOR_LOAD_IN_PROGRESS && error != KAFKA_NOT_COORDINATOR)
            fail("group %u: %s", group, kafka_error_text(error));
        check_time(process);
        poll(NULL, 0, RETRY_MS);
    }
}

static struct process start_again(const struct options *options, struct restart *restart)
{
    struct client client;
    struct process process = start(options, &client);
    restart->answer_ms = since_ms(&process);
    await_group(options, &process, &client, 0);
    restart->first_ms = since_ms(&process);
    for (uint32_t i = 0; i < options->groups && i < GROUPS_ASKED; i++)
        await_group(options, &process, &client, i);
    restart->all_ms = since_ms(&process);
    struct cpu_time cpu = process_cpu_time(process.pid);
    restart->cpu_ms = (double)(cpu.user_ns + cpu.system_ns) / 1e6;
    for (uint32_t i = 0; i < options->groups; i++)
        await_group(options, &process, &client, i);
    client_close(&client);
    return process;
}

static void add_rows(struct report *report, const char *const names[4],
                     const struct restart *restart)
{
    report_add(report, names[0], restart->answer_ms, 1);
    report_add(report, names[1], restart->first_ms, 1);
    report_add(report, names[2], restart->all_ms, 1);
    report_add(report, names[3], restart->cpu_ms, 0);
}

void groups_restart_run(const struct options *options)
{
    static const char *const killed_names[] = {"killed_answer_ms", "killed_first_ms",
                                               "killed_all_ms", "killed_cpu_ms"};
    static const char *const stopped_names[] = {"stopped_answer_ms", "stopped_first_ms",
                                                "stopped_all_ms", "stopped_cpu_ms"};
    struct report report;
    struct client client;
    struct restart killed;
    struct restart stopped;
    struct process process = start(options, &client);
    groups_prepare(options, &client, options->partitions);
    int64_t began_ns = now_ns();
    groups_fill(options, options->partitions, OFFSET);
    double fill_ms = (double)(now_ns() - began_ns) / 1e6;
    client_close(&client);
    kill(process.pid, SIGKILL);
    waitpid(process.pid, NULL, 0);
    process = start_again(options, &killed);
    process_stop(&process);
    process = start_again(options, &stopped);
    report_init(&report, mode_name(options->mode));
    report_add(&report, "groups", options->groups, 0);
    report_add(&report, "offsets", (double)options->groups * options->partitions, 0);
    report_add(&report, "fill_ms", fill_ms, 0);
    add_rows(&report, killed_names, &killed);
    add_rows(&report, stopped_names, &stopped);
    report_add(&report, "resident_mib", (double)process_memory(process.pid).resident_kib / 1024, 1);
    process_stop(&process);
    report_print(&report, options->is_json);
}
