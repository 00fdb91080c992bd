/* What the requests that change metadata have in common: one command to the controller, and an
 * answer made from what became of it.
 *
 *   DECIDE ──▶ REPLY
 */
#ifndef TAILRACE_BROKER_ADMIN_CALL_H
#define TAILRACE_BROKER_ADMIN_CALL_H

#include "base/op.h"
#include "broker/controller_call.h"
#include "broker/request.h"

struct admin_call {
    struct op op;
    struct request *request;
    struct controller_call call; /* its command is filled in by the handler */
    int32_t result;              /* of the command as a whole */
    /* Encodes the response; admin_call sends it. */
    void (*encode)(struct admin_call *admin);
};

/* An embedded admin_call with room for `topic_count` topics in its command; false when the
 * request's memory is used up. */
bool admin_call_prepare(struct admin_call *admin, struct request *request,
                        enum controller_command_kind kind, uint32_t topic_count,
                        void (*encode)(struct admin_call *admin));

/* Sends the command; the response follows when it has landed. */
void admin_call_start(struct admin_call *admin);

/* The error of one topic: its own, or that of the whole command. */
int16_t admin_call_error(const struct admin_call *admin, const struct controller_topic *topic);

/* Its message; null when there is none. */
struct bytes admin_call_message(const struct admin_call *admin,
                                const struct controller_topic *topic);

#endif
