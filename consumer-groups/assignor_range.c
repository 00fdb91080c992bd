/* The assignor `range`, Kafka's: topic by topic, so that members with the same subscription are
 * given the same partitions of topics that have equally many (assignor.h). */
#include "base/assert.h"
#include "consumer-groups/assignor_work.h"

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
    assert(count == 0 || owner == work->owner + work->topic_first[topic + 1]);
}

static enum status range_assign(struct arena *arena, struct assignor_input *input)
{
    struct assignor_work work;
    struct assignor_subscribers subscribers;
    enum status status = assignor_work_init(&work, arena, input);
    if (status == STATUS_OK)
        status = assignor_work_subscribers(&work, &subscribers);
    if (status != STATUS_OK)
        return status;
    for (uint32_t t = 0; t < input->topic_count; t++)
        assign_topic(&work, t, subscribers.members + subscribers.first[t],
                     subscribers.first[t + 1] - subscribers.first[t]);
    return assignor_work_finish(&work);
}

const struct assignor assignor_range = {.name = "range", .assign = range_assign};
