/* From a frame to the handler of its API, by one table made from the schemas. */
#ifndef TAILRACE_BROKER_DISPATCH_H
#define TAILRACE_BROKER_DISPATCH_H

#include "broker/connection.h"

/* Begins the request in `frame` (without the size field), which lies in the connection's input. A
 * frame that cannot be understood ends the connection. False when the core has no room for another
 * request now: nothing was done, try again later. */
bool dispatch_frame(struct connection *connection, struct bytes frame);

#endif
