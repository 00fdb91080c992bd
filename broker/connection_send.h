/* The sending half of a connection (connection.h). */
#ifndef TAILRACE_BROKER_CONNECTION_SEND_H
#define TAILRACE_BROKER_CONNECTION_SEND_H

#include "broker/connection.h"

/* Sends, in one go, the answers at the head of the order that are complete. */
void connection_send_answers(struct connection *connection);

#endif
