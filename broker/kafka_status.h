/* What a status is called on the wire. The one place where our words become Kafka's numbers. */
#ifndef TAILRACE_BROKER_KAFKA_STATUS_H
#define TAILRACE_BROKER_KAFKA_STATUS_H

#include "base/status.h"
#include "replication/replica_core.h"

#include <stdint.h>

/* For what happened at a partition. Internal trouble becomes a code after which clients try again,
 * never UNKNOWN_SERVER_ERROR: that one made producers write twice (KAFKA-14034). */
int16_t kafka_error_of_status(enum status status);

/* For an epoch that a client sent along (KIP-320). */
int16_t kafka_error_of_epoch(enum replica_core_epoch epoch);

#endif
