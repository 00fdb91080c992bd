/* Many groups that only keep offsets, or that have members: how long it takes to list and to
 * describe all of them, as an admin client does, and what each takes of the broker's memory. */
#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "bench/modes.h"
#include "protocol/errors.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"

#include <poll.h>
#include <stdlib.h>

enum {
    LIST_VERSION = 5,
    DESCRIBE_VERSION = 6,
    CONSUMER_DESCRIBE_VERSION = 1,
    SETTLE_MS = 1000,
};

/* --- Questions --------------------------------------------------------------------------------
 */

static void list_all(struct client *client, const struct options *options)
{
    struct client_call call;
    struct list_groups_request request;
    struct list_groups_response response;
    client_call_begin(&call, client, API_LIST_GROUPS, LIST_VERSION);
    list_groups_request_init(&request);
    list_groups_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    list_groups_response_init(&response);
    client_call_check(
        &call, list_groups_response_decode(&call.reader, call.version, &client->arena, &response));
    if (response.error_code != KAFKA_NONE || response.groups_count != options->groups)
        fail("ListGroups: %u groups, %s", response.groups_count,
             kafka_error_text(response.error_code));
}

/* The names of all groups, in the client's arena. */
static struct bytes *all_names(struct client *client, const struct options *options)
{
    struct bytes *names = arena_allocate_array(&client->arena, options->groups, sizeof *names);
    char *texts = arena_allocate_array(&client->arena, options->groups, GROUP_NAME_SIZE);
    assert(names != NULL && texts != NULL);
    for (uint32_t i = 0; i < options->groups; i++)
        names[i] = group_name(i, texts + (size_t)i * GROUP_NAME_SIZE);
    return names;
}

static void check_described(const struct options *options, uint32_t index, int16_t error,
                            uint32_t member_count)
{
    if (error != KAFKA_NONE || member_count != options->members)
        fail("description %u: %u members, %s", index, member_count, kafka_error_text(error));
}

static void describe_classic(struct client *client, const struct options *options)
{
    struct client_call call;
    struct describe_groups_request request;
    struct describe_groups_response response;
    client_call_begin(&call, client, API_DESCRIBE_GROUPS, DESCRIBE_VERSION);
    describe_groups_request_init(&request);
    request.groups = all_names(client, options);
    request.groups_count = options->groups;
    describe_groups_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    describe_groups_response_init(&response);
    client_call_check(&call, describe_groups_response_decode(&call.reader, call.version,
                                                             &client->arena, &response));
    if (response.groups_count != options->groups)
        fail("DescribeGroups: %u groups", response.groups_count);
    for (uint32_t i = 0; i < response.groups_count; i++)
        check_described(options, i, response.groups[i].error_code,
                        response.groups[i].members_count);
}

static void describe_consumer(struct client *client, const struct options *options)
{
    struct client_call call;
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;
    client_call_begin(&call, client, API_CONSUMER_GROUP_DESCRIBE, CONSUMER_DESCRIBE_VERSION);
    consumer_group_describe_request_init(&request);
    request.group_ids = all_names(client, options);
    request.group_ids_count = options->groups;
    consumer_group_describe_request_encode(&call.writer, call.version, &request);
    client_call_finish(&call);
    consumer_group_describe_response_init(&response);
    client_call_check(&call, consumer_group_describe_response_decode(&call.reader, call.version,
                                                                     &client->arena, &response));
    if (response.groups_count != options->groups)
        fail("ConsumerGroupDescribe: %u groups", response.groups_count);
    for (uint32_t i = 0; i < response.groups_count; i++)
        check_described(options, i, response.groups[i].error_code,
                        response.groups[i].members_count);
}

/* --- Figures ----------------------------------------------------------------------------------
 */

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The median time of several, in milliseconds. */
static double time_of(void (*ask)(struct client *, const struct options *), struct client *client,
                      const struct options *options)
{
    int64_t times_ns[RUNS_MAX];
    for (uint32_t i = 0; i < options->runs; i++) {
        int64_t began_ns = now_ns();
        ask(client, options);
        times_ns[i] = now_ns() - began_ns;
    }
    qsort(times_ns, options->runs, sizeof times_ns[0], compare_i64);
    return (double)times_ns[options->runs / 2] / 1e6;
}

static int64_t resident_kib(const struct options *options)
{
    poll(NULL, 0, SETTLE_MS);
    return options->pid == 0 ? 0 : process_memory(options->pid).resident_kib;
}

/* With members, which stay while the lines are open. NULL: there are to be none. */
static struct members *make_groups(const struct options *options)
{
    if (options->members == 0) {
        groups_fill(options, options->partitions, 0);
        return NULL;
    }
    struct members *members = calloc(1, sizeof *members);
    assert(members != NULL);
    members->is_spread = true;
    members_init(members, options);
    members_join(members);
    members_wait(members);
    return members;
}

static void add_times(struct report *report, struct client *client, const struct options *options)
{
    struct cpu_time cpu = groups_cpu_time(options, (struct cpu_time){0});
    report_add(report, "list_ms", time_of(list_all, client, options), 1);
    report_add(
        report, "describe_ms",
        time_of(options->is_consumer ? describe_consumer : describe_classic, client, options), 1);
    cpu = groups_cpu_time(options, cpu);
    report_add(report, "broker_cpu_ms_per_pair",
               (double)(cpu.user_ns + cpu.system_ns) / 1e6 / options->runs, 1);
}

void groups_list_run(const struct options *options)
{
    struct report report;
    struct client client;
    uint32_t member_count = options->members > 0 ? options->members : 1;
    if (!client_open(&client, &options->address))
        fail("no broker at %s", options->address_text);
    groups_prepare(options, &client, member_count * options->partitions);
    int64_t before_kib = resident_kib(options);
    struct members *members = make_groups(options);
    int64_t grown_kib = resident_kib(options) - before_kib;
    report_init(&report, mode_name(options->mode));
    report_add(&report, "groups", options->groups, 0);
    report_add(&report, "members", (double)options->groups * options->members, 0);
    report_add(&report, "bytes_per_group", (double)grown_kib * 1024 / options->groups, 0);
    add_times(&report, &client, options);
    report_print(&report, options->is_json);
    client_close(&client);
    if (members != NULL)
        members_deinit(members);
    free(members);
}
