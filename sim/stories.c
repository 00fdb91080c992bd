#include "sim/stories.h"

#include "sim/broker_story.h"
#include "sim/group_story.h"
#include "sim/ledger.h"

#include <string.h>

const struct story *story_at(size_t index)
{
    static const struct story *const stories[] = {&broker_story, &group_story, &ledger_story};
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
