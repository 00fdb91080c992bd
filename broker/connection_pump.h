/* The life of a connection (connection.h): its beginning, the pump that drives it, its end. */
#ifndef TAILRACE_BROKER_CONNECTION_PUMP_H
#define TAILRACE_BROKER_CONNECTION_PUMP_H

#include "broker/connection.h"

/* Takes over a connected handle. When the core has no room the handle is closed at once. */
void connection_start(struct broker_core *core, int32_t handle, const struct io_address *peer,
                      uint32_t listener_index);

#endif
