/* Answers that say no. Each kind of request has its own place for an error, by group, by partition
 * or by member, and some versions have none: here, and nowhere else, stands where. */
#include "consumer-groups/group_call.h"

#include "base/assert.h"
#include "protocol/errors.h"

enum {
    NO_OFFSET = -1,
    NO_EPOCH = -1,
    FETCH_ERRORS_FOR_GROUPS_SINCE = 2,
    JOIN_NULL_NAMES_SINCE = 7,
    REBALANCE_TIMEOUT_SINCE = 1,
};

static void fail_join(struct join_group_call *join, int16_t error_code)
{
    join_group_response_init(&join->out);
    join->out.error_code = error_code;
    join->out.member_id = join->in->member_id;
    if (join->call.version >= JOIN_NULL_NAMES_SINCE)
        join->out.protocol_name = (struct bytes){NULL, 0};
}

static void fail_sync(struct sync_group_call *sync, int16_t error_code)
{
    sync_group_response_init(&sync->out);
    sync->out.error_code = error_code;
}

static void fail_heartbeat(struct heartbeat_call *heartbeat, int16_t error_code)
{
    heartbeat_response_init(&heartbeat->out);
    heartbeat->out.error_code = error_code;
}

static void fail_leave(struct leave_group_call *leave, int16_t error_code)
{
    leave_group_response_init(&leave->out);
    leave->out.error_code = error_code;
}

static void fail_consumer_heartbeat(struct consumer_group_heartbeat_call *heartbeat,
                                    int16_t error_code)
{
    consumer_group_heartbeat_response_init(&heartbeat->out);
    heartbeat->out.error_code = error_code;
}

/* --- Answers by partitions -------------------------------------------------------------------- */

static bool fail_committed_topic(struct arena *arena, const struct offset_commit_request_topic *in,
                                 struct offset_commit_response_topic *out, int16_t error_code)
{
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions = arena_allocate_array(arena, in->partitions_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partitions_count;
    for (uint32_t i = 0; i < in->partitions_count; i++) {
        out->partitions[i].partition_index = in->partitions[i].partition_index;
        out->partitions[i].error_code = error_code;
    }
    return true;
}

static bool fail_commit(struct offset_commit_call *commit, int16_t error_code)
{
    struct arena *arena = commit->call.arena;
    uint32_t count = commit->in->topics_count;
    offset_commit_response_init(&commit->out);
    commit->out.topics = arena_allocate_array(arena, count, sizeof *commit->out.topics);
    if (commit->out.topics == NULL)
        return false;
    commit->out.topics_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!fail_committed_topic(arena, &commit->in->topics[i], &commit->out.topics[i],
                                  error_code))
            return false;
    return true;
}

static bool fail_fetched_topic(struct arena *arena,
                               const struct offset_fetch_request_group_topic *in,
                               struct offset_fetch_response_group_topic *out, int16_t error_code)
{
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions =
        arena_allocate_array(arena, in->partition_indexes_count, sizeof *out->partitions);
    if (out->partitions == NULL)
        return false;
    out->partitions_count = in->partition_indexes_count;
    for (uint32_t i = 0; i < in->partition_indexes_count; i++)
        out->partitions[i] = (struct offset_fetch_response_group_partition){
            .partition_index = in->partition_indexes[i],
            .committed_offset = NO_OFFSET,
            .committed_leader_epoch = NO_EPOCH,
            .metadata = bytes_of_text(""),
            .error_code = error_code,
        };
    return true;
}

/* The first version has no error for the group, so its partitions have it. */
static bool fail_fetch(struct offset_fetch_call *fetch, int16_t error_code)
{
    struct arena *arena = fetch->call.arena;
    uint32_t count =
        fetch->call.version < FETCH_ERRORS_FOR_GROUPS_SINCE ? fetch->in->topics_count : 0;
    offset_fetch_response_group_init(&fetch->out);
    fetch->out.group_id = fetch->in->group_id;
    fetch->out.error_code = error_code;
    fetch->out.topics = arena_allocate_array(arena, count, sizeof *fetch->out.topics);
    if (fetch->out.topics == NULL)
        return false;
    fetch->out.topics_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!fail_fetched_topic(arena, &fetch->in->topics[i], &fetch->out.topics[i], error_code))
            return false;
    return true;
}

/* --- Answers about groups --------------------------------------------------------------------- */

static void fail_offset_delete(struct offset_delete_call *delete, int16_t error_code)
{
    offset_delete_response_init(&delete->out);
    delete->out.error_code = error_code;
}

static void fail_describe(struct describe_group_call *describe, int16_t error_code)
{
    describe_groups_response_group_init(&describe->out);
    describe->out.group_id = describe->group_id;
    describe->out.error_code = error_code;
}

static void fail_consumer_describe(struct consumer_describe_call *describe, int16_t error_code)
{
    consumer_group_describe_response_group_init(&describe->out);
    describe->out.group_id = describe->group_id;
    describe->out.error_code = error_code;
}

static void fail_list(struct list_groups_call *list, int16_t error_code)
{
    list_groups_response_init(&list->out);
    list->out.error_code = error_code;
}

#define OWNER(type) container_of(call, struct type, call)

void group_call_fail(struct group_call *call, int16_t error_code)
{
    bool has_memory = true;
    assert(error_code != KAFKA_NONE);
    switch (call->kind) {
    case GROUP_CALL_JOIN: fail_join(OWNER(join_group_call), error_code); break;
    case GROUP_CALL_SYNC: fail_sync(OWNER(sync_group_call), error_code); break;
    case GROUP_CALL_HEARTBEAT: fail_heartbeat(OWNER(heartbeat_call), error_code); break;
    case GROUP_CALL_LEAVE: fail_leave(OWNER(leave_group_call), error_code); break;
    case GROUP_CALL_CONSUMER_HEARTBEAT:
        fail_consumer_heartbeat(OWNER(consumer_group_heartbeat_call), error_code);
        break;
    case GROUP_CALL_COMMIT: has_memory = fail_commit(OWNER(offset_commit_call), error_code); break;
    case GROUP_CALL_FETCH: has_memory = fail_fetch(OWNER(offset_fetch_call), error_code); break;
    case GROUP_CALL_OFFSET_DELETE: fail_offset_delete(OWNER(offset_delete_call), error_code); break;
    case GROUP_CALL_DELETE: OWNER(delete_group_call)->error_code = error_code; break;
    case GROUP_CALL_DESCRIBE: fail_describe(OWNER(describe_group_call), error_code); break;
    case GROUP_CALL_CONSUMER_DESCRIBE:
        fail_consumer_describe(OWNER(consumer_describe_call), error_code);
        break;
    case GROUP_CALL_LIST: fail_list(OWNER(list_groups_call), error_code); break;
    }
    call->status = has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}

int32_t join_group_rebalance_timeout_ms(const struct join_group_call *call)
{
    const struct join_group_request *in = call->in;
    int32_t timeout_ms = call->call.version < REBALANCE_TIMEOUT_SINCE ? in->session_timeout_ms
                                                                      : in->rebalance_timeout_ms;
    return timeout_ms > 0 ? timeout_ms : 0;
}

struct bytes group_call_group_id(const struct group_call *call)
{
    switch (call->kind) {
    case GROUP_CALL_JOIN: return OWNER(join_group_call)->in->group_id;
    case GROUP_CALL_SYNC: return OWNER(sync_group_call)->in->group_id;
    case GROUP_CALL_HEARTBEAT: return OWNER(heartbeat_call)->in->group_id;
    case GROUP_CALL_LEAVE: return OWNER(leave_group_call)->in->group_id;
    case GROUP_CALL_CONSUMER_HEARTBEAT: return OWNER(consumer_group_heartbeat_call)->in->group_id;
    case GROUP_CALL_COMMIT: return OWNER(offset_commit_call)->in->group_id;
    case GROUP_CALL_FETCH: return OWNER(offset_fetch_call)->in->group_id;
    case GROUP_CALL_OFFSET_DELETE: return OWNER(offset_delete_call)->in->group_id;
    case GROUP_CALL_DELETE: return OWNER(delete_group_call)->group_id;
    case GROUP_CALL_DESCRIBE: return OWNER(describe_group_call)->group_id;
    case GROUP_CALL_CONSUMER_DESCRIBE: return OWNER(consumer_describe_call)->group_id;
    case GROUP_CALL_LIST: return (struct bytes){NULL, 0};
    }
    unreachable();
}
