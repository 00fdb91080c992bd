/* What consumers of the classic protocol say to each other through the broker, which reads and
 * writes it where such members are in a consumer group: subscriptions, and assignments. Topics have
 * names there, and ids here. Pure. */
#ifndef TAILRACE_CONSUMER_GROUPS_EMBEDDED_PROTOCOL_H
#define TAILRACE_CONSUMER_GROUPS_EMBEDDED_PROTOCOL_H

#include "consumer-groups/partition_set.h"
#include "protocol/messages/consumer_protocol_subscription.h"

/* Views into the bytes; arrays are the arena's. STATUS_OK, STATUS_NO_MEMORY, or what is wrong with
 * the bytes. */
enum status embedded_subscription_read(struct bytes metadata, struct arena *arena,
                                       struct consumer_protocol_subscription *out);

/* What the member says that it owns. Topics and partitions that are not in the image are left out.
 */
enum status embedded_owned_read(const struct consumer_protocol_subscription *wish,
                                const struct image *image, struct arena *arena,
                                struct partition_set *out);

/* The same of what a member was given; no bytes at all are nothing. */
enum status embedded_assignment_read(struct bytes assignment, const struct image *image,
                                     struct arena *arena, struct partition_set *out);

/* In the version of this subscription, 0 if it has none. Topics that are gone are left out. */
enum status embedded_assignment_write(const struct partition_set *set, const struct image *image,
                                      struct bytes metadata, struct arena *arena,
                                      struct bytes *out);

#endif
