/* The story "groups": one broker of one to three cores, a group of each protocol whose members
 * share the same partitions, and two observers. For some seconds members die, stand still, leave
 * and come back, the broker is killed, loses its power, is stopped, stands still and finds its disk
 * full, and links are cut, broken and slow. Then the world is healed, and in the end every
 * partition must have one owner in each group; until then the checkers (sim/group_audit.h) must
 * find every promise kept. */
#ifndef TAILRACE_SIM_GROUP_STORY_H
#define TAILRACE_SIM_GROUP_STORY_H

#include "sim/story.h"

extern const struct story group_story;

#endif
