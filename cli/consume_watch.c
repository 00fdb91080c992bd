/*   compare   who stands where it stood at the last look, before the end that librdkafka has seen?
 *   resolve   of those: where the logs end now, and who leads them
 *   fetch     what does the leader say about the record that is next?
 */
#include "cli/consume_watch.h"

#include "base/assert.h"
#include "cli/log_bounds.h"
#include "cli/record_time.h"
#include "cli/time_text.h"
#include "protocol/errors.h"

#include <stdlib.h>

enum {
    INTERVAL_MS = 2000,
    INTERVAL_FAILED_MS = 60000, /* when nobody could be asked, which has been said */
    LOOK_ARENA_BYTES = 256 << 20,
};

void consume_watch_start(struct consume_watch *watch, struct tool *tool, rd_kafka_t *kafka)
{
    assert(kafka != NULL);
    *watch = (struct consume_watch){
        .tool = tool, .kafka = kafka, .look_ms = time_steady_ms() + INTERVAL_MS};
}

static void forget(struct consume_watch *watch)
{
    if (watch->before != NULL)
        rd_kafka_topic_partition_list_destroy(watch->before);
    watch->before = NULL;
}

void consume_watch_stop(struct consume_watch *watch)
{
    forget(watch);
}

/* Our own client speaks plain text only; without it the reader waits, as librdkafka does. */
bool consume_watch_is_due(const struct consume_watch *watch)
{
    assert(watch->kafka != NULL);
    return time_steady_ms() >= watch->look_ms &&
           tool_setting(watch->tool, "security.protocol") == NULL;
}

/* --- Comparing -------------------------------------------------------------------------------- */

/* Lists of the same partitions in the same order; another assignment is looked at the next time. */
static bool is_comparable(const rd_kafka_topic_partition_list_t *before,
                          const rd_kafka_topic_partition_list_t *now)
{
    if (before == NULL || before->cnt != now->cnt)
        return false;
    for (int i = 0; i < now->cnt; i++)
        if (before->elems[i].partition != now->elems[i].partition ||
            !bytes_equal(bytes_of_text(before->elems[i].topic), bytes_of_text(now->elems[i].topic)))
            return false;
    return true;
}

/* Where librdkafka has last seen the log's end is known without asking; it saw none if no fetch
 * went well yet. */
static bool has_more(const struct consume_watch *watch, const rd_kafka_topic_partition_t *at)
{
    int64_t start = RD_KAFKA_OFFSET_INVALID;
    int64_t end = RD_KAFKA_OFFSET_INVALID;
    rd_kafka_get_watermark_offsets(watch->kafka, at->topic, at->partition, &start, &end);
    return at->offset >= 0 && at->offset != end;
}

/* What is asked about, in the order that log_bounds_ask wants. */
struct suspects {
    struct group_partitions partitions;
    int64_t *offsets;
};

static void choose(const struct consume_watch *watch, struct arena *arena,
                   const rd_kafka_topic_partition_list_t *now, struct suspects *suspects)
{
    size_t capacity = (size_t)now->cnt + 1;
    *suspects = (struct suspects){0};
    suspects->partitions.list =
        arena_allocate_array(arena, capacity, sizeof *suspects->partitions.list);
    suspects->offsets = arena_allocate_array(arena, capacity, sizeof *suspects->offsets);
    assert(suspects->partitions.list != NULL);
    assert(suspects->offsets != NULL);
    for (int i = 0; i < now->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &now->elems[i];
        if (at->offset != watch->before->elems[i].offset || !has_more(watch, at))
            continue;
        uint32_t last = suspects->partitions.count++;
        suspects->partitions.list[last] =
            (struct group_partition){bytes_of_text(at->topic), at->partition};
        suspects->offsets[last] = at->offset;
    }
}

/* --- Asking ----------------------------------------------------------------------------------- */

static bool is_lost(const struct tool *tool, const struct group_partition *at, int64_t offset,
                    int16_t error_code)
{
    if (error_code != KAFKA_KAFKA_STORAGE_ERROR)
        return false;
    tool_error(tool,
               "%.*s, partition %d: the broker cannot read the records from offset %lld on, they "
               "may be damaged; its log says more, and so does 'tailrace log verify' once it is "
               "stopped",
               (int)at->topic.size, (const char *)at->topic.data, (int)at->partition,
               (long long)offset);
    return true;
}

static const struct metadata_response_broker *find_broker(const struct metadata_response *metadata,
                                                          int32_t node_id)
{
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (metadata->brokers[i].node_id == node_id)
            return &metadata->brokers[i];
    return NULL;
}

/* False if nobody could be asked. */
static bool fetch_error(struct tool *tool, const struct metadata_response_broker *leader,
                        const struct record_place *place, int16_t *error_code)
{
    struct connection connection;
    if (!client_connect_to(&connection, tool, tool_text(tool, leader->host), leader->port))
        return false;
    bool ok = record_error_ask(&connection, place, error_code);
    client_close(&connection);
    return ok;
}

/* The leader's word on one partition. What lies outside of the log, or has no leader now, is for
 * librdkafka to find out. */
static bool ask_one(struct tool *tool, const struct metadata_response *metadata,
                    const struct group_partition *at, const struct log_bounds *bounds,
                    int64_t offset, int16_t *error_code)
{
    const struct metadata_response_broker *leader = find_broker(metadata, bounds->leader_id);
    const struct record_place place = {at->topic, bounds->topic_id, at->partition, offset};
    *error_code = bounds->error_code;
    if (*error_code != KAFKA_NONE || leader == NULL || offset < bounds->start ||
        offset >= bounds->end)
        return true;
    return fetch_error(tool, leader, &place, error_code);
}

enum look { LOOK_FINE, LOOK_LOST, LOOK_FAILED };

static enum look ask_all(struct tool *tool, struct connection *connection,
                         const struct suspects *suspects)
{
    const struct metadata_response *metadata;
    const struct log_bounds *bounds =
        log_bounds_ask(connection, &suspects->partitions, NULL, &metadata);
    if (bounds == NULL)
        return LOOK_FAILED;
    for (uint32_t i = 0; i < suspects->partitions.count; i++) {
        const struct group_partition *at = &suspects->partitions.list[i];
        int16_t error_code;
        if (!ask_one(tool, metadata, at, &bounds[i], suspects->offsets[i], &error_code))
            return LOOK_FAILED;
        if (is_lost(tool, at, suspects->offsets[i], error_code))
            return LOOK_LOST;
    }
    return LOOK_FINE;
}

static enum look ask(struct tool *tool, const struct suspects *suspects)
{
    struct connection connection;
    if (!client_connect(&connection, tool))
        return LOOK_FAILED;
    enum look look = ask_all(tool, &connection, suspects);
    client_close(&connection);
    return look;
}

/* A reader may look for weeks, so each look has memory of its own. */
static enum look look(const struct consume_watch *watch,
                      const rd_kafka_topic_partition_list_t *positions)
{
    struct tool scratch = *watch->tool;
    struct suspects suspects;
    arena_init(&scratch.arena, LOOK_ARENA_BYTES);
    choose(watch, &scratch.arena, positions, &suspects);
    enum look result = LOOK_FINE;
    if (suspects.partitions.count > 0)
        result = ask(&scratch, &suspects);
    arena_deinit(&scratch.arena);
    return result;
}

bool consume_watch_look(struct consume_watch *watch, rd_kafka_topic_partition_list_t *positions)
{
    assert(positions != NULL);
    enum look result = LOOK_FINE;
    rd_kafka_topic_partition_list_sort(positions, NULL, NULL);
    if (is_comparable(watch->before, positions))
        result = look(watch, positions);
    forget(watch);
    watch->before = positions;
    watch->look_ms = time_steady_ms() + (result == LOOK_FAILED ? INTERVAL_FAILED_MS : INTERVAL_MS);
    return result != LOOK_LOST;
}
