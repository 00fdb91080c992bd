/* The story "groups": one broker of one to three cores and two groups, each of which is drawn to be
 * of the classic protocol, eager or cooperative, of the consumer protocol, of members who go from
 * one to the other, or of readers who assign themselves. For some seconds members die, stand still,
 * leave and come back, two processes have one instance id, a topic is deleted and comes back,
 * groups are deleted, __consumer_offsets is compacted, and the broker is killed, loses its power,
 * is stopped, stands still and finds its disk full or broken, and links are cut, broken and slow.
 * Then the world is healed, and in the end every partition must have one owner in each group; a
 * week later, as far as the broker's clock says so, none of their offsets may have expired. Until
 * then the checkers (sim/group_audit.h) must find every promise kept. */
#ifndef TAILRACE_SIM_GROUP_STORY_H
#define TAILRACE_SIM_GROUP_STORY_H

#include "sim/story.h"

extern const struct story group_story;

#endif
