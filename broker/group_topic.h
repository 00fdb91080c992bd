/* __consumer_offsets comes to be when the first group asks for its coordinator. */
#ifndef TAILRACE_BROKER_GROUP_TOPIC_H
#define TAILRACE_BROKER_GROUP_TOPIC_H

#include "broker/controller_call.h"

enum { GROUP_TOPIC_SETTINGS = 3 };

/* A wish for it: a command to the controller, with what the broker's settings say of the topic. */
struct group_topic_wish {
    struct controller_call call; /* its completion is the caller's */
    struct controller_topic topic;
    struct controller_setting settings[GROUP_TOPIC_SETTINGS];
    char segment_bytes[24];
};

/* Lands when the topic is there, or with why it is not; a topic that has come meanwhile is a
 * topic's own error and no failure. */
void group_topic_create(struct group_topic_wish *wish, struct broker_core *core,
                        struct arena *arena);

/* NULL: it is not there yet. */
const struct image_topic *group_topic(const struct broker_core *core);

#endif
