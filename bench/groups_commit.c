/* Durable commits: every member has a number of OffsetCommits on their way and sends the next as
 * soon as one is answered. At the end the broker is asked what it knows: for every member that must
 * be the last commit that was acknowledged. */
#include "base/assert.h"
#include "bench/groups_protocol.h"
#include "bench/modes.h"
#include "protocol/errors.h"

#include <stdlib.h>

enum commit_phase { COMMIT_WARM_UP, COMMIT_MEASURE, COMMIT_DRAIN };

struct commits {
    struct members members;
    enum commit_phase phase;
    int64_t *offsets; /* of each member, the next one's */
    uint32_t in_flight;
    struct histogram latencies_ns;
};

/* The partitions of a member: its own ones, by its place in the group. */
static uint32_t first_partition(const struct member *member)
{
    const struct options *options = member->members->options;
    return member->index % options->members * options->partitions;
}

static void commit(struct commits *commits, struct member *member)
{
    const struct options *options = commits->members.options;
    char name[GROUP_NAME_SIZE];
    struct writer *writer = crowd_ask(&commits->members.crowd, member_line(member), member->index,
                                      API_OFFSET_COMMIT, OFFSET_COMMIT_VERSION);
    groups_write_commit(writer, options, group_name(member_group(member), name), member_id(member),
                        member->epoch, first_partition(member), options->partitions,
                        commits->offsets[member->index]++);
    crowd_send(&commits->members.crowd);
    commits->in_flight++;
}

static void commit_answered(struct members *members, struct member *member,
                            const struct crowd_answer *answer)
{
    struct commits *commits = container_of(members, struct commits, members);
    groups_check_commit(answer);
    commits->in_flight--;
    if (commits->phase == COMMIT_MEASURE)
        histogram_add(&commits->latencies_ns, (uint64_t)answer->latency_ns);
    if (commits->phase != COMMIT_DRAIN)
        commit(commits, member);
}

static void go_on(struct commits *commits, double seconds)
{
    int64_t end_ns = now_ns() + (int64_t)(seconds * SECOND_NS);
    while (now_ns() < end_ns)
        crowd_turn(&commits->members.crowd);
}

/* Answers how long was measured. */
static double commit_all(struct commits *commits, struct cpu_time *cpu)
{
    const struct options *options = commits->members.options;
    for (uint32_t i = 0; i < commits->members.count * options->in_flight; i++)
        commit(commits, &commits->members.all[i % commits->members.count]);
    go_on(commits, options->warm_up_seconds);
    commits->phase = COMMIT_MEASURE;
    *cpu = groups_cpu_time(options, (struct cpu_time){0});
    int64_t began_ns = now_ns();
    go_on(commits, options->seconds);
    double seconds = (double)(now_ns() - began_ns) / SECOND_NS;
    *cpu = groups_cpu_time(options, *cpu);
    commits->phase = COMMIT_DRAIN;
    while (commits->in_flight > 0)
        crowd_turn(&commits->members.crowd);
    return seconds;
}

static void verify(const struct commits *commits)
{
    struct client client;
    const struct options *options = commits->members.options;
    if (!client_open(&client, &options->address))
        fail("no broker at %s", options->address_text);
    for (uint32_t i = 0; i < commits->members.count; i++) {
        const struct member *member = &commits->members.all[i];
        int16_t error =
            groups_fetch(&client, options, member_group(member), first_partition(member),
                         options->partitions, commits->offsets[i] - 1);
        if (error != KAFKA_NONE)
            fail("the offsets of member %u: %s", i, kafka_error_text(error));
    }
    client_close(&client);
}

void groups_commit_run(const struct options *options)
{
    struct report report;
    struct cpu_time cpu;
    struct commits *commits = calloc(1, sizeof *commits);
    assert(commits != NULL);
    commits->members.answered = commit_answered;
    members_init(&commits->members, options);
    commits->offsets = calloc(commits->members.count, sizeof *commits->offsets);
    assert(commits->offsets != NULL);
    members_join(&commits->members);
    members_wait(&commits->members);
    double seconds = commit_all(commits, &cpu);
    verify(commits);
    report_init(&report, mode_name(options->mode));
    report_add(&report, "groups", options->groups, 0);
    report_add(&report, "members", commits->members.count, 0);
    report_add(&report, "partitions", options->partitions, 0);
    groups_report(&report, options, &commits->latencies_ns, seconds, cpu);
    report_print(&report, options->is_json);
    members_deinit(&commits->members);
    free(commits->offsets);
    free(commits);
}
