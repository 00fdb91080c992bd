#include "bench/groups.h"

#include "base/assert.h"
#include "bench/groups_modes.h"

json_t *bench_groups(const struct load *load, const struct start_options *start)
{
    assert(load_has_groups(load));
    assert((load->mode == LOAD_GROUPS_RESTART) == (start != NULL));
    switch (load->mode) {
    case LOAD_GROUPS_HEARTBEAT: return groups_heartbeat_run(load);
    case LOAD_GROUPS_COMMIT: return groups_commit_run(load);
    case LOAD_GROUPS_JOIN: return groups_join_run(load);
    case LOAD_GROUPS_LIST: return groups_list_run(load);
    case LOAD_GROUPS_RESTART: return groups_restart_run(load, start);
    case LOAD_PRODUCE:
    case LOAD_FETCH:
    case LOAD_E2E:
    case LOAD_MIXED:
    case LOAD_PARTITIONS: break;
    }
    unreachable();
}
