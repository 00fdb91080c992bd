/* The handlers of all APIs that are served, one file per API, named by its number. A handler is
 * called by dispatch with a request whose body is not decoded yet; request.h says how it ends. */
#ifndef TAILRACE_BROKER_API_API_H
#define TAILRACE_BROKER_API_API_H

#include "broker/reply.h"
#include "protocol/apis.h"

#define X(KEY, name) void api_##name##_handle(struct request *request);
API_LIST(X)
#undef X

/* Answers a request of ApiVersions in a version that this broker does not know. */
void api_versions_refuse_version(struct request *request);

#endif
