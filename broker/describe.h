/* Pieces that several descriptions of the cluster share. */
#ifndef TAILRACE_BROKER_DESCRIBE_H
#define TAILRACE_BROKER_DESCRIBE_H

#include "broker/connection.h"
#include "broker/request.h"
#include "cluster/image.h"

/* Where a broker is reached by whoever came in on this connection: the endpoint of the listener of
 * the same name (KIP-103). NULL when that broker has none. */
const struct image_endpoint *broker_endpoint(const struct request *request,
                                             const struct image_broker *broker);

/* The cluster's id as text, in the request's arena; null when its memory is used up. */
struct bytes cluster_id_text(struct request *request);

/* Ids lent to a response by the image, which outlives the encoding of the response. */
static inline int32_t *lend_ids(const int32_t *ids)
{
    return (int32_t *)(uintptr_t)ids;
}

/* The replicas that cannot be reached, with their broker or their disk: at most as many as there
 * are replicas, in the request's memory. False when that is used up. */
bool offline_replicas(struct request *request, const struct image_partition *partition,
                      int32_t **ids, uint32_t *count);

/* LEADER_NOT_AVAILABLE while nobody leads; else none. */
int16_t partition_error(const struct image_partition *partition);

/* The name of a topic in a response whose version has no null names. */
struct bytes name_or_empty(struct bytes name);

#endif
