/* How a handler works with its request (request.h): memory, and the ways to come to an end. */
#ifndef TAILRACE_BROKER_REPLY_H
#define TAILRACE_BROKER_REPLY_H

#include "broker/request.h"

/* Cleared memory from the request's arena; NULL when its limit is reached, after which the handler
 * returns request_refuse. */
void *request_allocate(struct request *request, size_t count, size_t size);

/* The same for what the request cannot do without: with NULL it has been refused, and the handler
 * returns. */
void *request_require(struct request *request, size_t count, size_t size);

/* The end of a handler: the response is encoded. */
void request_reply(struct request *request);

/* The end of a handler that must not answer (produce with acks=0). */
void request_end_silently(struct request *request);

/* The end of a handler that cannot answer: says why in the log and closes the connection. */
void request_refuse(struct request *request, const char *reason, enum status status);
void request_refuse_for_memory(struct request *request);

/* True when a body decoded well; otherwise the request has been refused and the handler returns. */
bool request_is_decoded(struct request *request, enum status status);

#endif
