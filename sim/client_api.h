/* The typed requests and answers of every API that the broker serves, made from the list of APIs:
 * for Metadata, for example,
 *
 *   void client_metadata(struct client *client, struct client_call *call, int16_t version,
 *                        const struct metadata_request *request);
 *   enum status client_metadata_answer(struct client_call *call,
 *                                      struct metadata_response *response);
 *
 * The first writes the request and sends it; what `request` points at is copied, except records,
 * which stay where they are until the call has landed. The second decodes the answer of a call that
 * has landed with STATUS_OK; `response` points into the call until the call is reset. It fails when
 * the answer is not of its version, to the last byte. */
#ifndef TAILRACE_SIM_CLIENT_API_H
#define TAILRACE_SIM_CLIENT_API_H

#include "protocol/messages/alter_configs.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/messages/describe_topic_partitions.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/sync_group.h"
#include "sim/client.h"

#define X(KEY, name)                                                                               \
    void client_##name(struct client *client, struct client_call *call, int16_t version,           \
                       const struct name##_request *request);                                      \
    enum status client_##name##_answer(struct client_call *call, struct name##_response *response);
API_LIST(X)
#undef X

#endif
