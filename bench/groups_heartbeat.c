/* What groups cost when nothing happens: all members have joined and send heartbeats, spread over
 * their interval. */
#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "bench/modes.h"

#include <stdlib.h>

/* Turns for so long. */
static void go_on(struct members *members, double seconds)
{
    int64_t end_ns = now_ns() + (int64_t)(seconds * SECOND_NS);
    while (now_ns() < end_ns)
        crowd_turn(&members->crowd);
}

static double resident_mib(const struct options *options)
{
    return options->pid == 0 ? 0 : (double)process_memory(options->pid).resident_kib / 1024;
}

void groups_heartbeat_run(const struct options *options)
{
    struct report report;
    struct members *members = calloc(1, sizeof *members);
    struct histogram *beats = calloc(1, sizeof *beats);
    assert(members != NULL && beats != NULL);
    double resident_before = resident_mib(options);
    members->is_spread = true;
    members_init(members, options);
    members_join(members);
    members_wait(members);
    go_on(members, options->warm_up_seconds);
    members->beats = beats;
    struct cpu_time cpu = groups_cpu_time(options, (struct cpu_time){0});
    int64_t began_ns = now_ns();
    go_on(members, options->seconds);
    double seconds = (double)(now_ns() - began_ns) / SECOND_NS;
    cpu = groups_cpu_time(options, cpu);
    report_init(&report, mode_name(options->mode));
    report_add(&report, "groups", options->groups, 0);
    report_add(&report, "members", members->count, 0);
    report_add(&report, "connections", members->crowd.line_count, 0);
    groups_report(&report, options, beats, seconds, cpu);
    if (options->pid != 0) {
        report_add(&report, "resident_before_mib", resident_before, 2);
        report_add(&report, "resident_mib", resident_mib(options), 2);
    }
    report_print(&report, options->is_json);
    members_deinit(members);
    free(beats);
    free(members);
}
