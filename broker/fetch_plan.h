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
    uint32_t *core_indexes;             /* the home core of each, where it has no error yet */
    uint32_t partition_count;
    int64_t size_bytes_max;
    int32_t session_id; /* for the answer */
    bool is_incremental;
    int16_t error; /* of the session: nothing else is answered */
};

/* False when the request's memory is used up. */
bool fetch_plan_make(struct request *request, const struct fetch_request *in,
                     struct fetch_plan *plan);

#endif
