/* The last step of a fetch: what was read becomes the answer. */
#ifndef TAILRACE_BROKER_FETCH_REPLY_H
#define TAILRACE_BROKER_FETCH_REPLY_H

#include "broker/fetch_plan.h"

/* Encodes the answer into the request's response. Reads that go over the limit of the whole answer
 * are given back; the others stay with the plan until fetch_reply_release. */
void fetch_reply_encode(struct request *request, const struct fetch_request *in,
                        struct fetch_plan *plan);

/* The answer could not be sent to its end because a file could not be read. Before the release. */
void fetch_reply_doubt_files(struct fetch_plan *plan);

/* Gives back everything that was read. */
void fetch_reply_release(struct request *request, struct fetch_plan *plan);

/* Bytes of all reads. */
int64_t fetch_plan_size_bytes(const struct fetch_plan *plan);

/* Whether any partition has something to say that must not wait. */
bool fetch_plan_has_error(const struct fetch_plan *plan);

#endif
