/* What groups cost when nothing happens: all members have joined and send heartbeats, spread over
 * their interval. */
#include "base/assert.h"
#include "bench/groups_members.h"
#include "bench/groups_modes.h"

#include <stdlib.h>

/* Turns for so long. */
static void go_on(struct members *members, double seconds)
{
    int64_t end_ns = now_ns() + (int64_t)(seconds * SECOND_NS);
    while (now_ns() < end_ns)
        crowd_turn(&members->crowd);
}

json_t *groups_heartbeat_run(const struct load *load)
{
    struct members *members = calloc(1, sizeof *members);
    struct histogram *beats = calloc(1, sizeof *beats);
    assert(members != NULL && beats != NULL);
    double resident_before_kib = (double)groups_resident_kib(load);
    members->is_spread = true;
    members_init(members, load);
    members_join(members);
    members_wait(members);
    go_on(members, load->warm_up);
    members->beats = beats;
    int64_t cpu_ns = groups_cpu_ns(load);
    int64_t began_ns = now_ns();
    go_on(members, load->seconds);
    double seconds = (double)(now_ns() - began_ns) / SECOND_NS;
    cpu_ns = groups_cpu_ns(load) - cpu_ns;
    json_t *figures = json_pack("{s:s}", "mode", load_mode_name(load->mode));
    groups_figure(figures, "groups", load->groups, 0);
    groups_figure(figures, "members", members->count, 0);
    groups_figure(figures, "connections", members->crowd.line_count, 0);
    groups_report(figures, load, beats, seconds, cpu_ns);
    groups_figure(figures, "resident_before_mib", resident_before_kib / 1024, 2);
    groups_figure(figures, "resident_mib", (double)groups_resident_kib(load) / 1024, 2);
    members_deinit(members);
    free(beats);
    free(members);
    return figures;
}
