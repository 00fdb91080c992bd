/* The inside of a heartbeat; only the files consumer_heartbeat*.c include this. */
#ifndef TAILRACE_CONSUMER_GROUPS_CONSUMER_HEARTBEAT_PARTS_H
#define TAILRACE_CONSUMER_GROUPS_CONSUMER_HEARTBEAT_PARTS_H

#include "consumer-groups/consumer_group.h"

/* One heartbeat on its way through the steps. */
struct heartbeat {
    struct consumer_group *group;
    struct group_turn *turn;
    struct consumer_group_heartbeat_call *call;
    const struct consumer_group_heartbeat_request *in;
    struct bytes member_id;
    struct consumer_member *member;
    struct partition_set owned_set;
    const struct partition_set *owned; /* NULL: it did not say */
};

/* What a client sent, for "%.*s" in a refusal. */
#define SHOWN(bytes) (int)((bytes).size > 128 ? 128 : (bytes).size), (const char *)(bytes).data

/* The answer is this error. Answers false, for the caller to return. */
bool heartbeat_refuse(struct heartbeat *h, int16_t error_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- Who is it? (consumer_heartbeat_member.c) ------------------------------------------------- */

/* What the member says that it owns. False: refused. */
bool heartbeat_take_owned(struct heartbeat *h);

/* The member that goes on, joins or takes another's place; it is in the group then. False: refused.
 */
bool heartbeat_find_member(struct heartbeat *h);

/* The member that leaves, for good or for a while. False: refused. */
bool heartbeat_find_leaving(struct heartbeat *h);

#endif
