/* What the requests about groups have in common: calls to the shards of groups, each on its home
 * core, and an answer made from what came of them.
 *
 *   ASK ──▶ REPLY
 *
 * When the connection ends, calls that wait in a group are called back.
 *
 * A request may be about many groups, whose shards work side by side: each core has memory of its
 * own for their answers, which stays until the response has left. */
#ifndef TAILRACE_BROKER_GROUP_REQUEST_H
#define TAILRACE_BROKER_GROUP_REQUEST_H

#include "broker/errand.h"
#include "broker/request.h"
#include "consumer-groups/group_call.h"

/* One call on its way. */
struct group_errand {
    struct errand errand;
    struct group_errand *next; /* of the same request */
    struct group_call *call;
    struct completion done; /* of the call */
    struct completion recall;
    struct group_request *group_request;
    uint32_t shard_index;
    bool is_sent;     /* to a shard */
    bool is_finished; /* on the shard's core: nobody holds the call any more */
};

struct group_request {
    struct op op;
    struct request *request;
    struct group_errand *errands;
    struct arena *arenas; /* of the answers, one for each core */
    uint32_t arena_count;
    struct bytes client_host;
    /* Sends the calls; may be left without any. */
    void (*ask)(struct group_request *group_request);
    /* Encodes the response; it is sent then. */
    void (*encode)(struct group_request *group_request);
};

/* `operation` is embedded in the handler's own struct, in the request's arena. */
void group_request_start(struct group_request *group_request, struct request *request,
                         void (*ask)(struct group_request *),
                         void (*encode)(struct group_request *));

/* From `ask`. The call's `in` is there; the rest is filled in here. It goes to the shard of its
 * group; without one its answer is NOT_COORDINATOR. */
void group_request_call(struct group_request *group_request, struct group_errand *errand,
                        struct group_call *call, enum group_call_kind kind);

/* The same for a call that is about all groups of one shard. */
void group_request_call_shard(struct group_request *group_request, struct group_errand *errand,
                              struct group_call *call, enum group_call_kind kind,
                              uint32_t shard_index);

/* In place of a call: the answer is this error. */
void group_request_refuse(struct group_request *group_request, struct group_call *call,
                          enum group_call_kind kind, int16_t error_code);

/* How many shards there are; 0 before the first group. */
uint32_t group_request_shard_count(const struct group_request *group_request);

#endif
