/* The members' log ends are facts that arrive in any order; the high watermark follows from them
 * and is only kept because it must not move back. */
#include "replication/replica_core.h"

#include "base/assert.h"

/* Every member has what is committed: this is what makes the high watermark a promise. */
static void replica_core_check(const struct replica_core *core)
{
    assert(core->leader_epoch >= 0);
    assert(core->in_sync_count >= 1);
    assert(core->in_sync_count <= REPLICA_CORE_IN_SYNC_MAX);
    assert(core->high_watermark >= 0);
    for (uint32_t i = 0; i < core->in_sync_count; i++)
        assert(core->in_sync[i].log_end_offset >= core->high_watermark);
}

/* It never moves back: a consumer may already have been shown what lies below it. */
static bool replica_core_advance(struct replica_core *core)
{
    assert(core->in_sync_count > 0);
    int64_t committed_offset = core->in_sync[0].log_end_offset;
    for (uint32_t i = 1; i < core->in_sync_count; i++) {
        if (core->in_sync[i].log_end_offset < committed_offset)
            committed_offset = core->in_sync[i].log_end_offset;
    }
    if (committed_offset <= core->high_watermark)
        return false;
    core->high_watermark = committed_offset;
    return true;
}

void replica_core_lead(struct replica_core *core, int32_t leader_epoch, const int32_t *in_sync_ids,
                       uint32_t in_sync_count, int32_t self, int64_t log_end_offset,
                       int64_t high_watermark)
{
    assert(leader_epoch >= 0);
    assert(high_watermark >= 0);
    assert(leader_epoch >= core->leader_epoch);
    assert(in_sync_count >= 1);
    assert(in_sync_count <= REPLICA_CORE_IN_SYNC_MAX);
    assert(high_watermark <= log_end_offset);

    bool self_is_in_sync = false;
    core->leader_epoch = leader_epoch;
    core->in_sync_count = in_sync_count;
    core->high_watermark = high_watermark;
    for (uint32_t i = 0; i < in_sync_count; i++) {
        bool is_self = in_sync_ids[i] == self;
        self_is_in_sync = self_is_in_sync || is_self;
        core->in_sync[i] = (struct replica_core_member){
            .broker_id = in_sync_ids[i],
            .log_end_offset = is_self ? log_end_offset : high_watermark,
        };
    }
    assert(self_is_in_sync);
    replica_core_advance(core);
    replica_core_check(core);
}

bool replica_core_log_end(struct replica_core *core, int32_t broker_id, int64_t log_end_offset)
{
    assert(core->in_sync_count > 0);
    assert(log_end_offset >= 0);
    for (uint32_t i = 0; i < core->in_sync_count; i++) {
        struct replica_core_member *member = &core->in_sync[i];
        if (member->broker_id != broker_id)
            continue;
        assert(log_end_offset >= member->log_end_offset);
        member->log_end_offset = log_end_offset;
        bool has_moved = replica_core_advance(core);
        replica_core_check(core);
        return has_moved;
    }
    return false;
}

enum replica_core_epoch replica_core_check_epoch(const struct replica_core *core, int32_t epoch)
{
    assert(core->leader_epoch >= 0);
    if (epoch < 0 || epoch == core->leader_epoch)
        return REPLICA_EPOCH_CURRENT;
    return epoch < core->leader_epoch ? REPLICA_EPOCH_FENCED : REPLICA_EPOCH_UNKNOWN;
}
