/* The story "broker": one broker of one to three cores with small journal files and one or two
 * disks, and clients of every kind. For some seconds everything that can go wrong does: power cuts,
 * kills, clean stops, another number of cores, errors of the disk, a disk that is full for a while,
 * one that breaks and is repaired, torn and forgotten writes, broken, slow and one-way links,
 * processes that stand still; in some worlds memory is too small for what is read again; and topics
 * come and go, and their settings change. Then the world is healed, perhaps without a restart of
 * the broker, and all must come to an end: what was begun is answered, every partition takes a new
 * record, every consumer reaches the end, and the checkers (sim/check.h) find every promise kept.
 */
#ifndef TAILRACE_SIM_BROKER_STORY_H
#define TAILRACE_SIM_BROKER_STORY_H

#include "sim/story.h"

extern const struct story broker_story;

#endif
