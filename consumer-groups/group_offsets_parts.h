/* What the files group_offsets_*_core.c share; nobody else includes this. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_PARTS_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_OFFSETS_PARTS_H

#include "consumer-groups/group_offsets_core.h"

enum {
    TOPIC_IDS_SINCE = 10, /* of commit and fetch */
    NO_PARTITION = -1,
};

/* The topic that a request of this version names; NULL: there is none. */
static inline const struct image_topic *group_offsets_resolve(const struct group_turn *turn,
                                                              int16_t version, struct bytes name,
                                                              struct uuid id)
{
    return version >= TOPIC_IDS_SINCE ? image_topic_by_id(turn->image, id)
                                      : image_topic_by_name(turn->image, name);
}

#endif
