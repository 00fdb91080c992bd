/* Durable commits: every member has one OffsetCommit on its way and sends the next as soon as it
 * is answered. At the end the broker is asked what it knows: for every member that must
 * be the last commit that was acknowledged. */
#include "base/assert.h"
#include "bench/groups_members.h"
#include "bench/groups_modes.h"
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
    const struct load *load = member->members->load;
    return member->index % load->members * load->group_partitions;
}

static void commit(struct commits *commits, struct member *member)
{
    const struct load *load = commits->members.load;
    char name[GROUP_NAME_SIZE];
    struct writer *writer = crowd_ask(&commits->members.crowd, member_line(member), member->index,
                                      API_OFFSET_COMMIT, OFFSET_COMMIT_VERSION);
    groups_write_commit(writer, load, group_name(load, member_group(member), name),
                        member_id(member), member->epoch, first_partition(member),
                        load->group_partitions, commits->offsets[member->index]++);
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
        histogram_add(&commits->latencies_ns, (uint64_t)answer->latency_ns, 1);
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
static double commit_all(struct commits *commits, int64_t *cpu_ns)
{
    const struct load *load = commits->members.load;
    for (uint32_t i = 0; i < commits->members.count; i++)
        commit(commits, &commits->members.all[i]);
    go_on(commits, load->warm_up);
    commits->phase = COMMIT_MEASURE;
    *cpu_ns = groups_cpu_ns(load);
    int64_t began_ns = now_ns();
    go_on(commits, load->seconds);
    double seconds = (double)(now_ns() - began_ns) / SECOND_NS;
    *cpu_ns = groups_cpu_ns(load) - *cpu_ns;
    commits->phase = COMMIT_DRAIN;
    while (commits->in_flight > 0)
        crowd_turn(&commits->members.crowd);
    return seconds;
}

static void verify(const struct commits *commits)
{
    struct control control;
    const struct load *load = commits->members.load;
    if (!control_open(&control, &commits->members.address))
        fail("the broker is gone");
    for (uint32_t i = 0; i < commits->members.count; i++) {
        const struct member *member = &commits->members.all[i];
        int16_t error = groups_fetch(&control, load, member_group(member), first_partition(member),
                                     load->group_partitions, commits->offsets[i] - 1);
        if (error != KAFKA_NONE)
            fail("the offsets of member %u: %s", i, kafka_error_text(error));
    }
    control_close(&control);
}

json_t *groups_commit_run(const struct load *load)
{
    int64_t cpu_ns;
    struct commits *commits = calloc(1, sizeof *commits);
    assert(commits != NULL);
    commits->members.answered = commit_answered;
    members_init(&commits->members, load);
    commits->offsets = calloc(commits->members.count, sizeof *commits->offsets);
    assert(commits->offsets != NULL);
    members_join(&commits->members);
    members_wait(&commits->members);
    double seconds = commit_all(commits, &cpu_ns);
    verify(commits);
    json_t *figures = json_pack("{s:s}", "mode", load_mode_name(load->mode));
    groups_figure(figures, "groups", load->groups, 0);
    groups_figure(figures, "members", commits->members.count, 0);
    groups_figure(figures, "partitions", load->group_partitions, 0);
    groups_report(figures, load, &commits->latencies_ns, seconds, cpu_ns);
    members_deinit(&commits->members);
    free(commits->offsets);
    free(commits);
    return figures;
}
