/* A broker that has kept many offsets is killed, and stopped: how long from exec until it answers
 * for the first group, and until it has answered for some of every coordinator. Answers before that
 * may say that the coordinator loads; one that says another offset ends the program. */
#include "base/assert.h"
#include "bench/groups_calls.h"
#include "bench/groups_modes.h"
#include "bench/launch.h"
#include "bench/server.h"
#include "protocol/errors.h"

#include <poll.h>
#include <stdlib.h>

enum { LOAD_TIMEOUT_SECONDS = 120, RETRY_MS = 1, GROUPS_ASKED = 500, OFFSET = 1000 };

struct restart {
    double answer_ms; /* ApiVersions */
    double first_ms;  /* OffsetFetch of one group */
    double all_ms;    /* of GROUPS_ASKED groups */
    double cpu_ms;
};

static double since_ms(const struct launch *broker)
{
    return (double)(now_ns() - broker->process.started_ns) / 1e6;
}

/* Asks again while the coordinator loads. */
static void await_group(const struct load *load, struct launch *broker, uint32_t group)
{
    for (;;) {
        int16_t error =
            groups_fetch(&broker->control, load, group, 0, load->group_partitions, OFFSET);
        if (error == KAFKA_NONE)
            return;
        if (error != KAFKA_COORDINATOR_LOAD_IN_PROGRESS && error != KAFKA_NOT_COORDINATOR)
            fail("group %u: %s", group, kafka_error_text(error));
        if (since_ms(broker) > LOAD_TIMEOUT_SECONDS * 1e3)
            fail("the coordinator of group %u loads for %d s", group, LOAD_TIMEOUT_SECONDS);
        poll(NULL, 0, RETRY_MS);
    }
}

static double cpu_ms(const struct launch *broker)
{
    struct server_use use;
    if (!server_use_read((uint32_t)broker->process.pid, &use))
        fail("the broker is gone");
    return (double)(use.cpu_user_ns + use.cpu_system_ns) / 1e6;
}

static void start_again(const struct load *load, struct launch *broker, struct restart *restart)
{
    launch_start(broker);
    restart->answer_ms = (double)broker->answered_ns / 1e6;
    await_group(load, broker, 0);
    restart->first_ms = since_ms(broker);
    for (uint32_t i = 0; i < load->groups && i < GROUPS_ASKED; i++)
        await_group(load, broker, i);
    restart->all_ms = since_ms(broker);
    restart->cpu_ms = cpu_ms(broker);
    for (uint32_t i = 0; i < load->groups; i++)
        await_group(load, broker, i);
}

static void add_figures(json_t *figures, const char *const names[4], const struct restart *restart)
{
    groups_figure(figures, names[0], restart->answer_ms, 1);
    groups_figure(figures, names[1], restart->first_ms, 1);
    groups_figure(figures, names[2], restart->all_ms, 1);
    groups_figure(figures, names[3], restart->cpu_ms, 0);
}

/* The broker lives three times: it is filled and killed, answers and is stopped, and answers. */
static json_t *measure(const struct load *load, struct launch *broker)
{
    static const char *const killed_names[] = {"killed_answer_ms", "killed_first_ms",
                                               "killed_all_ms", "killed_cpu_ms"};
    static const char *const stopped_names[] = {"stopped_answer_ms", "stopped_first_ms",
                                                "stopped_all_ms", "stopped_cpu_ms"};
    struct restart killed;
    struct restart stopped;
    launch_start(broker);
    groups_prepare(load, &broker->control, load->group_partitions);
    int64_t began_ns = now_ns();
    groups_fill(load, &broker->address, OFFSET);
    double fill_ms = (double)(now_ns() - began_ns) / 1e6;
    launch_kill(broker);
    start_again(load, broker, &killed);
    launch_stop(broker);
    start_again(load, broker, &stopped);
    json_t *figures = json_pack("{s:s}", "mode", load_mode_name(load->mode));
    groups_figure(figures, "groups", load->groups, 0);
    groups_figure(figures, "offsets", (double)load->groups * load->group_partitions, 0);
    groups_figure(figures, "fill_ms", fill_ms, 0);
    add_figures(figures, killed_names, &killed);
    add_figures(figures, stopped_names, &stopped);
    groups_figure(figures, "resident_mib",
                  (double)process_memory(broker->process.pid).resident_kib / 1024, 1);
    launch_stop(broker);
    return figures;
}

json_t *groups_restart_run(const struct load *load, const struct start_options *start)
{
    struct launch broker;
    char *folder = folder_create(start->folder);
    assert(start->word_count > 0);
    launch_prepare(&broker, start->command, start->word_count, folder);
    broker.is_verbose = start->is_verbose;
    json_t *figures = measure(load, &broker);
    launch_forget(&broker);
    folder_remove(folder);
    free(folder);
    return figures;
}
