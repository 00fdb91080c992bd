/* The receiving half of a connection (connection.h): bytes into frames, frames into requests. */
#ifndef TAILRACE_BROKER_CONNECTION_RECEIVE_H
#define TAILRACE_BROKER_CONNECTION_RECEIVE_H

#include "broker/connection.h"

/* Begins every request whose frame is whole and whose turn has come, then asks for more bytes. */
void connection_read_on(struct connection *connection);

/* A frame has begun, and too little of it has come lately (LIMIT_FRAME_PARTS). To be asked once a
 * second. */
bool connection_frame_is_stuck(struct connection *connection, uint64_t now_ns);

#endif
