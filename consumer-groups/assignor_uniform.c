/* The assignor `uniform` (assignor.h): what a member has, it keeps as far as balance allows; how
 * the rest is dealt out depends on whether everybody subscribes to the same topics. */
#include "base/assert.h"
#include "consumer-groups/assignor_work.h"

#include <string.h>

static bool subscriptions_are_equal(const struct assignor_input *input)
{
    assert(input->member_count > 0);
    const struct assignor_member *first = &input->members[0];
    for (uint32_t m = 1; m < input->member_count; m++) {
        const struct assignor_member *member = &input->members[m];
        if (member->topic_count != first->topic_count ||
            (first->topic_count > 0 && memcmp(member->topics, first->topics,
                                              first->topic_count * sizeof *first->topics) != 0))
            return false;
    }
    return true;
}

static enum status uniform_assign(struct arena *arena, struct assignor_input *input)
{
    struct assignor_work work;
    enum status status = assignor_work_init(&work, arena, input);
    if (status != STATUS_OK || input->member_count == 0)
        return status;
    assignor_work_keep(&work);
    status =
        subscriptions_are_equal(input) ? assignor_equal_run(&work) : assignor_general_run(&work);
    return status == STATUS_OK ? assignor_work_finish(&work) : status;
}

const struct assignor assignor_uniform = {.name = "uniform", .assign = uniform_assign};
