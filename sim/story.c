#include "sim/story.h"

#include "base/assert.h"
#include "sim/ledger.h"

#include <stdarg.h>
#include <string.h>

void verdict_fail(struct verdict *verdict, enum outcome outcome, const char *reason, ...)
{
    assert(outcome != OUTCOME_GOOD);
    if (verdict->outcome != OUTCOME_GOOD)
        return;
    verdict->outcome = outcome;
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(verdict->reason, sizeof verdict->reason, reason, arguments);
    va_end(arguments);
}

const struct story *story_at(size_t index)
{
    static const struct story *const stories[] = {&ledger_story};
    return index < sizeof stories / sizeof stories[0] ? stories[index] : NULL;
}

const struct story *story_find(const char *name)
{
    const struct story *story;
    for (size_t i = 0; (story = story_at(i)) != NULL; i++)
        if (strcmp(story->name, name) == 0)
            return story;
    return NULL;
}
