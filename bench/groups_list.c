/* Many groups that only keep offsets, or that have members: how long it takes to list and to
 * describe all of them, as an admin client does, and what each takes of the broker's memory. */
#include "base/assert.h"
#include "bench/groups_members.h"
#include "bench/groups_modes.h"
#include "protocol/errors.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_VERSION = 5,
    DESCRIBE_VERSION = 6,
    CONSUMER_DESCRIBE_VERSION = 1,
    SETTLE_MS = 1000,
    RUNS = 5,
};

/* --- Questions -------------------------------------------------------------------------------- */

static void list_all(struct control *control, const struct load *load)
{
    struct control_call call;
    struct list_groups_request request;
    struct list_groups_response response;
    control_call_begin(&call, control, API_LIST_GROUPS, LIST_VERSION);
    list_groups_request_init(&request);
    list_groups_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    list_groups_response_init(&response);
    control_call_check(
        &call, list_groups_response_decode(&call.reader, call.version, &control->arena, &response));
    if (response.error_code != KAFKA_NONE || response.groups_count < load->groups)
        fail("ListGroups: %u groups, %s", response.groups_count,
             kafka_error_text(response.error_code));
}

/* The names of all groups, in the connection's arena. */
static struct bytes *all_names(struct control *control, const struct load *load)
{
    struct bytes *names = arena_allocate_array(&control->arena, load->groups, sizeof *names);
    assert(names != NULL);
    for (uint32_t i = 0; i < load->groups; i++) {
        char text[GROUP_NAME_SIZE];
        struct bytes name = group_name(load, i, text);
        char *copy = arena_allocate(&control->arena, name.size);
        assert(copy != NULL);
        memcpy(copy, name.data, name.size);
        names[i] = bytes_of(copy, name.size);
    }
    return names;
}

static void check_described(const struct load *load, uint32_t index, int16_t error,
                            uint32_t member_count)
{
    if (error != KAFKA_NONE || member_count != load->members)
        fail("description %u: %u members, %s", index, member_count, kafka_error_text(error));
}

static void describe_classic(struct control *control, const struct load *load)
{
    struct control_call call;
    struct describe_groups_request request;
    struct describe_groups_response response;
    control_call_begin(&call, control, API_DESCRIBE_GROUPS, DESCRIBE_VERSION);
    describe_groups_request_init(&request);
    request.groups = all_names(control, load);
    request.groups_count = load->groups;
    describe_groups_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    describe_groups_response_init(&response);
    control_call_check(&call, describe_groups_response_decode(&call.reader, call.version,
                                                              &control->arena, &response));
    if (response.groups_count != load->groups)
        fail("DescribeGroups: %u groups", response.groups_count);
    for (uint32_t i = 0; i < response.groups_count; i++)
        check_described(load, i, response.groups[i].error_code, response.groups[i].members_count);
}

static void describe_consumer(struct control *control, const struct load *load)
{
    struct control_call call;
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;
    control_call_begin(&call, control, API_CONSUMER_GROUP_DESCRIBE, CONSUMER_DESCRIBE_VERSION);
    consumer_group_describe_request_init(&request);
    request.group_ids = all_names(control, load);
    request.group_ids_count = load->groups;
    consumer_group_describe_request_encode(&call.writer, call.version, &request);
    control_call_finish(&call);
    consumer_group_describe_response_init(&response);
    control_call_check(&call, consumer_group_describe_response_decode(&call.reader, call.version,
                                                                      &control->arena, &response));
    if (response.groups_count != load->groups)
        fail("ConsumerGroupDescribe: %u groups", response.groups_count);
    for (uint32_t i = 0; i < response.groups_count; i++)
        check_described(load, i, response.groups[i].error_code, response.groups[i].members_count);
}

/* --- Figures ---------------------------------------------------------------------------------- */

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The median time of several, in milliseconds. */
static double time_of(void (*ask)(struct control *, const struct load *), struct control *control,
                      const struct load *load)
{
    int64_t times_ns[RUNS];
    for (uint32_t i = 0; i < RUNS; i++) {
        int64_t began_ns = now_ns();
        ask(control, load);
        times_ns[i] = now_ns() - began_ns;
    }
    qsort(times_ns, RUNS, sizeof times_ns[0], compare_i64);
    return (double)times_ns[RUNS / 2] / 1e6;
}

static int64_t settled_kib(const struct load *load)
{
    poll(NULL, 0, SETTLE_MS);
    return groups_resident_kib(load);
}

/* With members, which stay while the lines are open. NULL: there are to be none. */
static struct members *make_groups(const struct load *load, const struct address *address)
{
    if (load->members == 0) {
        groups_fill(load, address, 0);
        return NULL;
    }
    struct members *members = calloc(1, sizeof *members);
    assert(members != NULL);
    members->is_spread = true;
    members_init(members, load);
    members_join(members);
    members_wait(members);
    return members;
}

static void add_times(json_t *figures, struct control *control, const struct load *load)
{
    int64_t cpu_ns = groups_cpu_ns(load);
    groups_figure(figures, "list_ms", time_of(list_all, control, load), 3);
    groups_figure(figures, "describe_ms",
                  time_of(load->is_consumer ? describe_consumer : describe_classic, control, load),
                  3);
    groups_figure(figures, "broker_cpu_ms_per_pair",
                  (double)(groups_cpu_ns(load) - cpu_ns) / 1e6 / RUNS, 3);
}

json_t *groups_list_run(const struct load *load)
{
    struct control control;
    struct address address;
    uint32_t member_count = load->members > 0 ? load->members : 1;
    control_open_first(&control, load->brokers, &address);
    groups_prepare(load, &control, member_count * load->group_partitions);
    int64_t before_kib = settled_kib(load);
    struct members *members = make_groups(load, &address);
    int64_t grown_kib = settled_kib(load) - before_kib;
    json_t *figures = json_pack("{s:s}", "mode", load_mode_name(load->mode));
    groups_figure(figures, "groups", load->groups, 0);
    groups_figure(figures, "members", (double)load->groups * load->members, 0);
    groups_figure(figures, "bytes_per_group", (double)grown_kib * 1024 / load->groups, 0);
    add_times(figures, &control, load);
    control_close(&control);
    if (members != NULL)
        members_deinit(members);
    free(members);
    return figures;
}
