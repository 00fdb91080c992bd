/* How long it takes from the first request of members that all come at once until each of them owns
 * its share of the partitions. */
#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "bench/modes.h"

#include <stdlib.h>

static void add_rows(struct report *report, const struct members *members, int64_t began_ns,
                     struct cpu_time cpu)
{
    report_add(report, "groups", members->options->groups, 0);
    report_add(report, "members", members->count, 0);
    report_add(report, "partitions", members->count * (double)members->options->partitions, 0);
    report_add(report, "settled_ms", (double)(members->settled_ns - began_ns) / 1e6, 1);
    report_add(report, "requests", members->request_count, 0);
    report_add(report, "rebalances", members->rebalance_count, 0);
    if (members->options->pid == 0)
        return;
    report_add(report, "broker_cpu_ms", (double)(cpu.user_ns + cpu.system_ns) / 1e6, 0);
    report_add(report, "resident_mib",
               (double)process_memory(members->options->pid).resident_kib / 1024, 2);
}

void groups_join_run(const struct options *options)
{
    struct report report;
    struct members *members = calloc(1, sizeof *members);
    assert(members != NULL);
    members_init(members, options);
    struct cpu_time cpu = groups_cpu_time(options, (struct cpu_time){0});
    int64_t began_ns = now_ns();
    members_join(members);
    members_wait(members);
    cpu = groups_cpu_time(options, cpu);
    report_init(&report, mode_name(options->mode));
    add_rows(&report, members, began_ns, cpu);
    report_print(&report, options->is_json);
    members_deinit(members);
    free(members);
}
