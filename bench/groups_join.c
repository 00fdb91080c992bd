/* How long it takes from the first request of members that all come at once until each of them owns
 * its share of the partitions. */
#include "base/assert.h"
#include "bench/groups_members.h"
#include "bench/groups_modes.h"

#include <stdlib.h>

static json_t *make_figures(const struct members *members, int64_t began_ns, int64_t cpu_ns)
{
    const struct load *load = members->load;
    json_t *figures = json_pack("{s:s}", "mode", load_mode_name(load->mode));
    groups_figure(figures, "groups", load->groups, 0);
    groups_figure(figures, "members", members->count, 0);
    groups_figure(figures, "partitions", members->count * (double)load->group_partitions, 0);
    groups_figure(figures, "settled_ms", (double)(members->settled_ns - began_ns) / 1e6, 1);
    groups_figure(figures, "requests", members->request_count, 0);
    groups_figure(figures, "rebalances", members->rebalance_count, 0);
    groups_figure(figures, "broker_cpu_ms", (double)cpu_ns / 1e6, 0);
    groups_figure(figures, "resident_mib", (double)groups_resident_kib(load) / 1024, 2);
    return figures;
}

json_t *groups_join_run(const struct load *load)
{
    struct members *members = calloc(1, sizeof *members);
    assert(members != NULL);
    members_init(members, load);
    int64_t cpu_ns = groups_cpu_ns(load);
    int64_t began_ns = now_ns();
    members_join(members);
    members_wait(members);
    json_t *figures = make_figures(members, began_ns, groups_cpu_ns(load) - cpu_ns);
    members_deinit(members);
    free(members);
    return figures;
}
