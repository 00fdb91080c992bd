#include "base/assert.h"
#include "consumer-groups/assignor_work.h"

/* The subscribers of every topic, topic after topic, each topic's in the order of the members. */
struct subscribers {
    uint32_t *members;
    uint32_t *first; /* of each topic, and one more */
};

static bool subscribers_find(struct assignor_work *work, struct subscribers *subscribers)
{
    const struct assignor_input *input = work->input;
    uint32_t *first =
        arena_allocate_array(work->arena, (size_t)input->topic_count + 1, sizeof *first);
    uint32_t *next = arena_allocate_array(work->arena, input->topic_count, sizeof *next);
    if (first == NULL || next == NULL)
        return false;
    for (uint32_t m = 0; m < input->member_count; m++)
        for (uint32_t i = 0; i < input->members[m].topic_count; i++)
            first[input->members[m].topics[i] + 1]++;
    for (uint32_t t = 0; t < input->topic_count; t++) {
        first[t + 1] += first[t];
        next[t] = first[t];
    }
    subscribers->first = first;
    subscribers->members =
        arena_allocate_array(work->arena, first[input->topic_count], sizeof(uint32_t));
    if (subscribers->members == NULL)
        return false;
    for (uint32_t i = 0; i < input->member_count; i++) {
        uint32_t m = work->order[i];
        for (uint32_t t = 0; t < input->members[m].topic_count; t++)
            subscribers->members[next[input->members[m].topics[t]]++] = m;
    }
    return true;
}

/* The first ones get one more when it does not come out even. */
static void assign_topic(struct assignor_work *work, uint32_t topic, const uint32_t *members,
                         uint32_t count)
{
    uint32_t partition_count = work->input->topics[topic].partition_count;
    uint32_t *owner = work->owner + work->topic_first[topic];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t share = partition_count / count + (i < partition_count % count);
        for (uint32_t p = 0; p < share; p++)
            *owner++ = members[i];
        work->load[members[i]] += share;
    }
}

static enum status range_assign(struct arena *arena, struct assignor_input *input)
{
    struct assignor_work work;
    struct subscribers subscribers;
    enum status status = assignor_work_init(&work, arena, input);
    if (status != STATUS_OK)
        return status;
    if (!subscribers_find(&work, &subscribers))
        return STATUS_NO_MEMORY;
    for (uint32_t t = 0; t < input->topic_count; t++)
        assign_topic(&work, t, subscribers.members + subscribers.first[t],
                     subscribers.first[t + 1] - subscribers.first[t]);
    return assignor_work_finish(&work);
}

const struct assignor assignor_range = {.name = "range", .assign = range_assign};
