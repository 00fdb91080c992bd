/* A client's request to a group, from the moment it reaches the group's home core until its answer
 * may leave.
 *
 * The decoded request is the event, the response struct is the answer: there is no third set of
 * types in between. A call is embedded in one of the structs below, which belongs to the request's
 * handler and stays in place until the call has landed. `in` is only read. `out` refers to nothing
 * but `in`, static text and the call's own arena, so it stays valid when the group changes, and may
 * be encoded on another core.
 *
 * A call always lands, once: at once, or turns later (a join waits for the others), and never
 * before everything that its group had written by then is on disk. It lands with STATUS_OK, errors
 * being in `out`; or with STATUS_NO_MEMORY when its arena has no room for the answer. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_CALL_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_CALL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/completion.h"
#include "base/list.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/sync_group.h"

enum group_call_kind {
    GROUP_CALL_JOIN,
    GROUP_CALL_SYNC,
    GROUP_CALL_HEARTBEAT,
    GROUP_CALL_LEAVE,
    GROUP_CALL_CONSUMER_HEARTBEAT,
    GROUP_CALL_COMMIT,
    GROUP_CALL_FETCH,
    GROUP_CALL_OFFSET_DELETE,
    GROUP_CALL_DELETE,
    GROUP_CALL_DESCRIBE,
    GROUP_CALL_CONSUMER_DESCRIBE,
    GROUP_CALL_LIST,
};

struct group_call {
    struct completion *done; /* the caller's: lands on the group's home core */
    struct list_node node;   /* with whom it waits; unlinked while nobody holds it */
    enum group_call_kind kind;
    int16_t version; /* of the request */
    struct bytes client_id;
    struct bytes client_host; /* as Kafka shows it: "/127.0.0.1" */
    struct arena *arena;      /* for the answer; nobody else uses it until the call has landed */
    uint64_t put_count;       /* the shard's: lands when so many records are durable */
    enum status status;       /* what it lands with */
    bool is_answered;         /* `out` is complete */
};

struct join_group_call {
    struct group_call call;
    const struct join_group_request *in;
    struct join_group_response out;
};

struct sync_group_call {
    struct group_call call;
    const struct sync_group_request *in;
    struct sync_group_response out;
};

struct heartbeat_call {
    struct group_call call;
    const struct heartbeat_request *in;
    struct heartbeat_response out;
};

struct leave_group_call {
    struct group_call call;
    const struct leave_group_request *in;
    struct leave_group_response out;
};

struct consumer_group_heartbeat_call {
    struct group_call call;
    const struct consumer_group_heartbeat_request *in;
    struct consumer_group_heartbeat_response out;
};

struct offset_commit_call {
    struct group_call call;
    const struct offset_commit_request *in;
    struct offset_commit_response out;
};

/* Of one group; older versions, which ask without saying of how many, are brought into this form.
 */
struct offset_fetch_call {
    struct group_call call;
    const struct offset_fetch_request_group *in;
    bool require_stable;
    struct offset_fetch_response_group out;
};

struct offset_delete_call {
    struct group_call call;
    const struct offset_delete_request *in;
    struct offset_delete_response out;
};

/* One of those that DeleteGroups names. */
struct delete_group_call {
    struct group_call call;
    struct bytes group_id;
    int16_t error_code;
};

/* One of those that DescribeGroups names. */
struct describe_group_call {
    struct group_call call;
    struct bytes group_id;
    struct describe_groups_response_group out;
};

/* One of those that ConsumerGroupDescribe names. */
struct consumer_describe_call {
    struct group_call call;
    struct bytes group_id;
    struct consumer_group_describe_response_group out;
};

/* Those of one shard. */
struct list_groups_call {
    struct group_call call;
    const struct list_groups_request *in;
    struct list_groups_response out;
};

/* Its answer is this error, whatever it was going to be: that of every partition, where the answer
 * has no error of its own. */
void group_call_fail(struct group_call *call, int16_t error_code);

/* How long whoever joins may take in a rebalance. Version 0 does not say, and means the session;
 * who says less than nothing gets nothing: no deadline may lie before the beginning of time. */
int32_t join_group_rebalance_timeout_ms(const struct join_group_call *call);

/* The group that it is about; null: it is about all. */
struct bytes group_call_group_id(const struct group_call *call);

#endif
