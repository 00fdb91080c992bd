#include "bench/groups_calls.h"

#include "base/assert.h"
#include "bench/server.h"
#include "bench/system.h"
#include "bench/topic.h"
#include "protocol/errors.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIND_COORDINATOR_VERSION = 3,
    METADATA_VERSION = 12,
    READY_TIMEOUT_SECONDS = 30,
    RETRY_MS = 5,
    GROUPS_ASKED = 1000, /* as good as surely some of every coordinator */
    FILL_LINES = 4,
    FILL_IN_FLIGHT = 16,
};

struct bytes group_name(const struct load *load, uint32_t index, char text[static GROUP_NAME_SIZE])
{
    int size = snprintf(text, GROUP_NAME_SIZE, "%s-%06u", load->topic, index);
    assert(size > 0 && size < GROUP_NAME_SIZE);
    return bytes_of(text, (size_t)size);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static int16_t find_coordinator(const struct load *load, struct control *control)
{
    struct control_call call;
    struct find_coordinator_request request;
    struct find_coordinator_response response;
    char name[GROUP_NAME_SIZE];
    control_call_begin(&call, control, API_FIND_COORDINATOR, FIND_COORDINATOR_VERSION);
    find_coordinator_request_init(&request);
    request.key = group_name(load, 0, name);
    find_coordinator_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    find_coordinator_response_init(&response);
    control_call_check(&call, find_coordinator_response_decode(&call.reader, call.version,
                                                               &control->arena, &response));
    return response.error_code;
}

/* An OffsetFetch is answered without an error, whatever it says. */
static int16_t ask_offset(struct control *control, const struct load *load, uint32_t group);

/* Before something is asked again that a broker which has just started may not know yet. */
static void wait_a_moment(int64_t give_up_ns)
{
    if (now_ns() > give_up_ns)
        fail("no coordinator of groups");
    poll(NULL, 0, RETRY_MS);
}

void groups_prepare(const struct load *load, struct control *control, uint32_t partition_count)
{
    int64_t give_up_ns = now_ns() + READY_TIMEOUT_SECONDS * SECOND_NS;
    topic_create(control, load->topic, partition_count, NULL);
    while (find_coordinator(load, control) != KAFKA_NONE)
        wait_a_moment(give_up_ns);
    for (uint32_t i = 0; i < load->groups && i < GROUPS_ASKED; i++)
        while (ask_offset(control, load, i) != KAFKA_NONE)
            wait_a_moment(give_up_ns);
}

struct uuid groups_topic_id(struct control *control, const char *topic)
{
    struct control_call call;
    struct metadata_request request;
    struct metadata_request_topic asked;
    struct metadata_response response;
    control_call_begin(&call, control, API_METADATA, METADATA_VERSION);
    metadata_request_init(&request);
    metadata_request_topic_init(&asked);
    asked.name = bytes_of_text(topic);
    request.topics = &asked;
    request.topics_count = 1;
    metadata_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    metadata_response_init(&response);
    control_call_check(
        &call, metadata_response_decode(&call.reader, call.version, &control->arena, &response));
    if (response.topics_count != 1 || response.topics[0].error_code != KAFKA_NONE)
        fail("no topic %s", topic);
    return response.topics[0].topic_id;
}

/* --- Commits ---------------------------------------------------------------------------------- */

void groups_write_commit(struct writer *writer, const struct load *load, struct bytes group,
                         struct bytes member_id, int32_t epoch, uint32_t first, uint32_t count,
                         int64_t offset)
{
    struct offset_commit_request request;
    struct offset_commit_request_topic topic;
    struct offset_commit_request_partition *partitions = calloc(count, sizeof *partitions);
    assert(partitions != NULL);
    for (uint32_t i = 0; i < count; i++) {
        offset_commit_request_partition_init(&partitions[i]);
        partitions[i].partition_index = (int32_t)(first + i);
        partitions[i].committed_offset = offset + (int64_t)(first + i);
        partitions[i].committed_metadata = bytes_of_text("");
    }
    offset_commit_request_init(&request);
    offset_commit_request_topic_init(&topic);
    topic.name = bytes_of_text(load->topic);
    topic.partitions = partitions;
    topic.partitions_count = count;
    request.group_id = group;
    request.member_id = bytes_are_null(member_id) ? bytes_of_text("") : member_id;
    request.generation_id_or_member_epoch = epoch;
    request.topics = &topic;
    request.topics_count = 1;
    offset_commit_request_encode(writer, OFFSET_COMMIT_VERSION, &request);
    free(partitions);
}

void groups_check_commit(const struct crowd_answer *answer)
{
    struct offset_commit_response response;
    offset_commit_response_init(&response);
    enum status status =
        offset_commit_response_decode(answer->reader, answer->version, answer->arena, &response);
    if (status != STATUS_OK || response.topics_count != 1)
        fail("a response to OffsetCommit: %s", status_text(status));
    for (uint32_t i = 0; i < response.topics[0].partitions_count; i++) {
        int16_t error = response.topics[0].partitions[i].error_code;
        if (error != KAFKA_NONE)
            fail("a commit of partition %d: %s", response.topics[0].partitions[i].partition_index,
                 kafka_error_text(error));
    }
}

struct fill {
    struct crowd crowd;
    const struct load *load;
    int64_t offset;
    uint32_t next; /* group */
};

static void fill_next(struct fill *fill, uint32_t line)
{
    char name[GROUP_NAME_SIZE];
    if (fill->next == fill->load->groups)
        return;
    struct bytes group = group_name(fill->load, fill->next++, name);
    struct writer *writer =
        crowd_ask(&fill->crowd, line, line, API_OFFSET_COMMIT, OFFSET_COMMIT_VERSION);
    groups_write_commit(writer, fill->load, group, (struct bytes){0}, -1, 0,
                        fill->load->group_partitions, fill->offset);
    crowd_send(&fill->crowd);
}

static void fill_answered(struct crowd *crowd, const struct crowd_answer *answer)
{
    groups_check_commit(answer);
    fill_next(container_of(crowd, struct fill, crowd), answer->asker);
}

void groups_fill(const struct load *load, const struct address *address, int64_t offset)
{
    struct fill fill = {.load = load, .offset = offset};
    crowd_init(&fill.crowd, address, FILL_LINES, fill_answered);
    for (uint32_t i = 0; i < FILL_LINES * FILL_IN_FLIGHT; i++)
        fill_next(&fill, i % FILL_LINES);
    while (fill.crowd.in_flight > 0)
        crowd_turn(&fill.crowd);
    crowd_deinit(&fill.crowd);
}

/* --- Fetches ---------------------------------------------------------------------------------- */

/* The one group of the answer, with memory of the connection's arena. */
static struct offset_fetch_response_group fetch(struct control *control, const struct load *load,
                                                uint32_t group_index, uint32_t first,
                                                uint32_t count)
{
    struct control_call call;
    struct offset_fetch_request request;
    struct offset_fetch_request_group group;
    struct offset_fetch_request_group_topic topic;
    struct offset_fetch_response response;
    char name[GROUP_NAME_SIZE];
    control_call_begin(&call, control, API_OFFSET_FETCH, OFFSET_FETCH_VERSION);
    offset_fetch_request_init(&request);
    offset_fetch_request_group_init(&group);
    offset_fetch_request_group_topic_init(&topic);
    topic.name = bytes_of_text(load->topic);
    topic.partition_indexes = arena_allocate_array(&control->arena, count, sizeof(int32_t));
    assert(topic.partition_indexes != NULL);
    for (uint32_t i = 0; i < count; i++)
        topic.partition_indexes[i] = (int32_t)(first + i);
    topic.partition_indexes_count = count;
    group.group_id = group_name(load, group_index, name);
    group.topics = &topic;
    group.topics_count = count > 0;
    request.groups = &group;
    request.groups_count = 1;
    request.require_stable = true;
    offset_fetch_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    offset_fetch_response_init(&response);
    control_call_check(&call, offset_fetch_response_decode(&call.reader, call.version,
                                                           &control->arena, &response));
    if (response.groups_count != 1)
        fail("OffsetFetch did not answer for group %u", group_index);
    return response.groups[0];
}

static int16_t ask_offset(struct control *control, const struct load *load, uint32_t group)
{
    return fetch(control, load, group, 0, 0).error_code;
}

int16_t groups_fetch(struct control *control, const struct load *load, uint32_t group_index,
                     uint32_t first, uint32_t count, int64_t offset)
{
    struct offset_fetch_response_group group = fetch(control, load, group_index, first, count);
    if (group.error_code != KAFKA_NONE)
        return group.error_code;
    if (group.topics_count != 1 || group.topics[0].partitions_count != count)
        fail("OffsetFetch did not answer for %u partitions of group %u", count, group_index);
    for (uint32_t i = 0; i < count; i++) {
        const struct offset_fetch_response_group_partition *partition =
            &group.topics[0].partitions[i];
        int64_t expected = offset + partition->partition_index;
        if (partition->error_code != KAFKA_NONE || partition->committed_offset != expected)
            fail("group %u, partition %d: offset %lld instead of %lld (%s)", group_index,
                 partition->partition_index, (long long)partition->committed_offset,
                 (long long)expected, kafka_error_text(partition->error_code));
    }
    return KAFKA_NONE;
}

/* --- Figures ---------------------------------------------------------------------------------- */

static int64_t round_half_away(double value)
{
    return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

void groups_figure(json_t *figures, const char *name, double value, int decimals)
{
    double unit = 1;
    assert(decimals >= 0);
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    int64_t rounded = round_half_away(value * unit);
    json_object_set_new(figures, name,
                        decimals == 0 ? json_integer(rounded) : json_real((double)rounded / unit));
}

int64_t groups_cpu_ns(const struct load *load)
{
    struct server_use use;
    if (load->pid == 0)
        return 0;
    if (!server_use_read(load->pid, &use))
        fail("the broker, process %u, is gone", load->pid);
    return use.cpu_user_ns + use.cpu_system_ns;
}

int64_t groups_resident_kib(const struct load *load)
{
    return load->pid == 0 ? 0 : process_memory((pid_t)load->pid).resident_kib;
}

void groups_report(json_t *figures, const struct load *load, const struct histogram *latencies_ns,
                   double seconds, int64_t cpu_ns)
{
    double count = (double)histogram_count(latencies_ns);
    assert(seconds > 0);
    groups_figure(figures, "elapsed_s", seconds, 3);
    groups_figure(figures, "requests", count, 0);
    groups_figure(figures, "requests_per_s", count / seconds, 0);
    groups_figure(figures, "latency_p50_us", (double)histogram_percentile(latencies_ns, 0.5) / 1e3,
                  1);
    groups_figure(figures, "latency_p99_us", (double)histogram_percentile(latencies_ns, 0.99) / 1e3,
                  1);
    groups_figure(figures, "latency_max_us", (double)latencies_ns->max / 1e3, 1);
    if (load->pid == 0)
        return;
    groups_figure(figures, "broker_cpu_percent", (double)cpu_ns / 1e7 / seconds, 1);
    groups_figure(figures, "broker_cpu_us_per_request",
                  count > 0 ? (double)cpu_ns / 1e3 / count : 0, 2);
}
