/*   gather   committed offsets and the members' partitions, as one sorted list
 *   resolve  where the logs start and end, and so the lag in records
 *   date     leader after leader: the record at each committed offset, and so the lag in time
 */
#include "cli/group_lag.h"

#include "base/assert.h"
#include "cli/record_time.h"
#include "protocol/errors.h"

#include <stdlib.h>

/* --- Gathering -------------------------------------------------------------------------------- */

/* A committed offset comes before the member of the same partition. */
static int compare_lags(const void *left, const void *right)
{
    const struct group_lag *a = left;
    const struct group_lag *b = right;
    int order = group_partition_compare(&a->at, &b->at);
    return order != 0 ? order : (a->member != NULL) - (b->member != NULL);
}

static struct group_lag lag_of(struct bytes topic, int32_t partition)
{
    return (struct group_lag){.at = {topic, partition},
                              .committed = -1,
                              .leader_epoch = -1,
                              .records = LAG_UNKNOWN,
                              .time_ms = LAG_UNKNOWN};
}

/* A partition that is committed and read stands there twice, side by side. */
static void join_twins(struct group_lags *lags)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lags->count; i++) {
        struct group_lag *last = count > 0 ? &lags->list[count - 1] : NULL;
        if (last != NULL && group_partition_compare(&last->at, &lags->list[i].at) == 0)
            last->member = lags->list[i].member;
        else
            lags->list[count++] = lags->list[i];
    }
    lags->count = count;
}

static void gather(struct tool *tool, const struct group_view *view,
                   const struct committed_offset *offsets, uint32_t offset_count,
                   struct group_lags *lags)
{
    size_t capacity = offset_count;
    for (uint32_t i = 0; i < view->member_count; i++)
        capacity += view->members[i].owned.count;
    lags->list = arena_allocate_array(&tool->arena, capacity + 1, sizeof *lags->list);
    assert(lags->list != NULL);
    for (uint32_t i = 0; i < offset_count; i++) {
        struct group_lag *lag = &lags->list[lags->count++];
        *lag = lag_of(offsets[i].topic, offsets[i].partition);
        lag->committed = offsets[i].offset;
        lag->leader_epoch = offsets[i].leader_epoch;
        lag->metadata = offsets[i].metadata;
    }
    for (uint32_t m = 0; m < view->member_count; m++)
        for (uint32_t i = 0; i < view->members[m].owned.count; i++) {
            const struct group_partition *at = &view->members[m].owned.list[i];
            struct group_lag *lag = &lags->list[lags->count++];
            *lag = lag_of(at->topic, at->partition);
            lag->member = &view->members[m];
        }
    if (lags->count > 0)
        qsort(lags->list, lags->count, sizeof lags->list[0], compare_lags);
    join_twins(lags);
}

/* --- Resolving -------------------------------------------------------------------------------- */

static struct group_partitions partitions_of(struct tool *tool, const struct group_lags *lags)
{
    struct group_partitions partitions = {.count = lags->count};
    partitions.list =
        arena_allocate_array(&tool->arena, (size_t)lags->count + 1, sizeof *partitions.list);
    assert(partitions.list != NULL);
    for (uint32_t i = 0; i < lags->count; i++)
        partitions.list[i] = lags->list[i].at;
    return partitions;
}

static void resolve(struct group_lags *lags, const struct log_bounds *bounds)
{
    for (uint32_t i = 0; i < lags->count; i++) {
        struct group_lag *lag = &lags->list[i];
        lag->bounds = bounds[i];
        if (bounds[i].error_code != KAFKA_NONE || lag->committed < 0)
            continue;
        lag->records = bounds[i].end - lag->committed;
        lags->records = (lags->records == LAG_UNKNOWN ? 0 : lags->records) + lag->records;
        if (lag->records <= 0)
            lag->time_ms = 0;
    }
}

/* --- Dating ----------------------------------------------------------------------------------- */

/* A group whose offset has been overtaken by the log's start goes on at the start, or at the end,
 * as its members are set; the oldest record that it may still read is the first. */
static bool date_lag(struct connection *connection, struct group_lag *lag, int64_t now_ms)
{
    struct record_place place = {lag->at.topic, lag->bounds.topic_id, lag->at.partition,
                                 lag->committed};
    int64_t time_ms;
    if (place.offset < lag->bounds.start)
        place.offset = lag->bounds.start;
    if (!record_time_ask(connection, &place, &time_ms))
        return false;
    if (time_ms >= 0)
        lag->time_ms = now_ms > time_ms ? now_ms - time_ms : 0;
    return true;
}

static bool date_from_leader(struct tool *tool, const struct metadata_response_broker *broker,
                             struct group_lags *lags, int64_t now_ms)
{
    struct connection connection;
    bool is_connected = false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < lags->count; i++) {
        struct group_lag *lag = &lags->list[i];
        bool is_wanted = lag->bounds.error_code == KAFKA_NONE && lag->records > 0;
        if (!is_wanted || lag->bounds.leader_id != broker->node_id)
            continue;
        if (!is_connected &&
            !client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
            return false;
        is_connected = true;
        ok = date_lag(&connection, lag, now_ms);
    }
    if (is_connected)
        client_close(&connection);
    return ok;
}

bool group_lags_ask(struct coordinators *coordinators, const struct group_view *view,
                    int64_t now_ms, struct group_lags *lags)
{
    assert(lags != NULL);
    struct tool *tool = coordinators->tool;
    struct committed_offset *offsets;
    uint32_t count;
    *lags = (struct group_lags){.records = LAG_UNKNOWN};
    if (!group_offsets_fetch(coordinators, view->id, &offsets, &count))
        return false;
    gather(tool, view, offsets, count, lags);
    if (lags->count == 0)
        return true;
    const struct group_partitions partitions = partitions_of(tool, lags);
    const struct metadata_response *metadata;
    const struct log_bounds *bounds =
        log_bounds_ask(&coordinators->any, &partitions, NULL, &metadata);
    if (bounds == NULL)
        return false;
    resolve(lags, bounds);
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (!date_from_leader(tool, &metadata->brokers[i], lags, now_ms))
            return false;
    return true;
}
