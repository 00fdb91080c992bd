#include "consumer-groups/assignor_work.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct sorted_member {
    const struct assignor_member *member;
    uint32_t index;
};

/* Static members first. */
static int compare_members(const void *left, const void *right)
{
    const struct assignor_member *a = ((const struct sorted_member *)left)->member;
    const struct assignor_member *b = ((const struct sorted_member *)right)->member;
    bool a_is_static = !bytes_are_null(a->instance_id);
    bool b_is_static = !bytes_are_null(b->instance_id);
    if (a_is_static != b_is_static)
        return a_is_static ? -1 : 1;
    int order = a_is_static ? bytes_compare(a->instance_id, b->instance_id) : 0;
    return order != 0 ? order : bytes_compare(a->id, b->id);
}

static bool sort_members(struct assignor_work *work)
{
    const struct assignor_input *input = work->input;
    struct sorted_member *sorted =
        arena_allocate_array(work->arena, input->member_count, sizeof *sorted);
    work->order = arena_allocate_array(work->arena, input->member_count, sizeof *work->order);
    if (sorted == NULL || work->order == NULL)
        return false;
    for (uint32_t m = 0; m < input->member_count; m++)
        sorted[m] = (struct sorted_member){&input->members[m], m};
    if (input->member_count > 0)
        qsort(sorted, input->member_count, sizeof *sorted, compare_members);
    for (uint32_t m = 0; m < input->member_count; m++)
        work->order[m] = sorted[m].index;
    return true;
}

static bool count_partitions(struct assignor_work *work)
{
    assert(work->partition_count == 0);
    const struct assignor_input *input = work->input;
    work->topic_first =
        arena_allocate_array(work->arena, (size_t)input->topic_count + 1, sizeof(uint32_t));
    if (work->topic_first == NULL)
        return false;
    uint64_t count = 0;
    for (uint32_t t = 0; t < input->topic_count; t++) {
        work->topic_first[t] = (uint32_t)count;
        count += input->topics[t].partition_count;
        if (count > INT32_MAX)
            return false;
    }
    work->topic_first[input->topic_count] = (uint32_t)count;
    work->partition_count = (uint32_t)count;
    return true;
}

enum status assignor_work_init(struct assignor_work *work, struct arena *arena,
                               struct assignor_input *input)
{
    assert(arena != NULL);
    assert(input != NULL);
    *work = (struct assignor_work){.arena = arena, .input = input};
    if (!sort_members(work) || !count_partitions(work))
        return STATUS_NO_MEMORY;
    work->owner = arena_allocate_array(arena, work->partition_count, sizeof *work->owner);
    work->load = arena_allocate_array(arena, input->member_count, sizeof *work->load);
    if (work->owner == NULL || work->load == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t p = 0; p < work->partition_count; p++)
        work->owner[p] = ASSIGNOR_NOBODY;
    return STATUS_OK;
}

enum status assignor_work_subscribers(struct assignor_work *work,
                                      struct assignor_subscribers *subscribers)
{
    assert(work->order != NULL);
    assert(subscribers != NULL);
    const struct assignor_input *input = work->input;
    uint32_t *first =
        arena_allocate_array(work->arena, (size_t)input->topic_count + 1, sizeof *first);
    uint32_t *next = arena_allocate_array(work->arena, input->topic_count, sizeof *next);
    if (first == NULL || next == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t m = 0; m < input->member_count; m++)
        for (uint32_t i = 0; i < input->members[m].topic_count; i++) {
            assert(input->members[m].topics[i] < input->topic_count);
            first[input->members[m].topics[i] + 1]++;
        }
    for (uint32_t t = 0; t < input->topic_count; t++) {
        first[t + 1] += first[t];
        next[t] = first[t];
    }
    subscribers->first = first;
    subscribers->members =
        arena_allocate_array(work->arena, first[input->topic_count], sizeof(uint32_t));
    if (subscribers->members == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < input->member_count; i++) {
        uint32_t m = work->order[i];
        for (uint32_t t = 0; t < input->members[m].topic_count; t++)
            subscribers->members[next[input->members[m].topics[t]]++] = m;
    }
    return STATUS_OK;
}

static bool is_subscribed(const struct assignor_member *member, uint32_t topic)
{
    uint32_t low = 0;
    uint32_t high = member->topic_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (member->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < member->topic_count && member->topics[low] == topic;
}

void assignor_work_keep(struct assignor_work *work)
{
    assert(work->owner != NULL);
    assert(work->load != NULL);
    const struct assignor_input *input = work->input;
    for (uint32_t i = 0; i < input->member_count; i++) {
        uint32_t m = work->order[i];
        const struct assignor_member *member = &input->members[m];
        for (uint32_t p = 0; p < member->owned_count; p++) {
            struct assignor_partition owned = member->owned[p];
            assert(owned.topic < input->topic_count);
            if (owned.partition >= input->topics[owned.topic].partition_count ||
                !is_subscribed(member, owned.topic))
                continue;
            uint32_t *owner = &work->owner[work->topic_first[owned.topic] + owned.partition];
            if (*owner != ASSIGNOR_NOBODY)
                continue;
            *owner = m;
            work->load[m]++;
        }
    }
}

enum status assignor_work_finish(struct assignor_work *work)
{
    assert(work->owner != NULL);
    assert(work->load != NULL);
    struct assignor_input *input = work->input;
    for (uint32_t m = 0; m < input->member_count; m++) {
        struct assignor_member *member = &input->members[m];
        member->assigned_count = 0;
        member->assigned =
            arena_allocate_array(work->arena, work->load[m], sizeof *member->assigned);
        if (member->assigned == NULL)
            return STATUS_NO_MEMORY;
    }
    for (uint32_t t = 0; t < input->topic_count; t++) {
        for (uint32_t p = 0; p < input->topics[t].partition_count; p++) {
            uint32_t owner = work->owner[work->topic_first[t] + p];
            if (owner == ASSIGNOR_NOBODY)
                continue; /* nobody is subscribed */
            assert(owner < input->member_count);
            struct assignor_member *member = &input->members[owner];
            assert(member->assigned_count < work->load[owner]);
            member->assigned[member->assigned_count++] = (struct assignor_partition){t, p};
        }
    }
    for (uint32_t m = 0; m < input->member_count; m++)
        assert(input->members[m].assigned_count == work->load[m]);
    return STATUS_OK;
}
