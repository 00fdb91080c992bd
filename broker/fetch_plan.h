/* The first step of a fetch: what is wanted, according to the request and its session, and where
 * each partition lives. */
#ifndef TAILRACE_BROKER_FETCH_PLAN_H
#define TAILRACE_BROKER_FETCH_PLAN_H

#include "broker/fetch.h"
#include "broker/request.h"
#include "protocol/messages/fetch.h"

enum { FETCH_TOPIC_IDS_SINCE = 13, FETCH_SESSIONS_SINCE = 7 };

struct fetch_plan {
    struct fetch_partition *partitions; /* in the order in which they share size_bytes_max */
    uint32_t partition_count;
    uint32_t partition_count_max; /* that there is memory for */
    int64_t size_bytes_max;
    int32_t session_id;    /* for the answer */
    int32_t session_epoch; /* that comes next, unless another fetch has come in between */
    bool is_incremental;
    int16_t error; /* of the session: nothing else is answered */
};

/* False when the request's memory is used up. */
bool fetch_plan_make(struct request *request, const struct fetch_request *in,
                     struct fetch_plan *plan);

/* NULL when the fetch has none, or it has gone. */
struct fetch_session *fetch_plan_session(const struct request *request,
                                         const struct fetch_plan *plan);

/* The fetch is about to wait: all that its answer must hold is due again in the session. */
void fetch_plan_hand_back(struct request *request, const struct fetch_plan *plan,
                          struct fetch_session *session);

/* Plans anew, from what has become due. False when the request's memory is used up; the plan has an
 * error when the session's is, and the session has gone. */
bool fetch_plan_renew(struct request *request, const struct fetch_request *in,
                      struct fetch_session *session, struct fetch_plan *plan);

/* Whether the consumer does not know yet what the answer would say of the partition. `known` is the
 * session's; NULL when it has gone. */
bool fetch_plan_is_news(const struct fetch_session_partition *known,
                        const struct fetch_partition *wanted);

#endif
