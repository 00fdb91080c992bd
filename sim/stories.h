/* The list of all stories. */
#ifndef TAILRACE_SIM_STORIES_H
#define TAILRACE_SIM_STORIES_H

#include "sim/story.h"

/* All stories, in the order in which they are listed; NULL after the last. */
const struct story *story_at(size_t index);

/* NULL when there is none of this name. */
const struct story *story_find(const char *name);

#endif
