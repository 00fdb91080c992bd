/* Does a heartbeat make sense by itself, whatever group it is for? And how one is refused. */
#include "base/assert.h"
#include "consumer-groups/assignor.h"
#include "consumer-groups/consumer_heartbeat_parts.h"
#include "consumer-groups/topic_pattern.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    OWN_MEMBER_ID_SINCE = 1, /* KIP-1082 */
    MESSAGE_BYTES_MAX = 512,
    PATTERN_SCRATCH_BYTES = 8 * 1024 * 1024,
};

bool heartbeat_refuse(struct heartbeat *h, int16_t error_code, const char *format, ...)
{
    struct consumer_group_heartbeat_response *out = &h->call->out;
    assert(error_code != KAFKA_NONE);
    char *text = arena_allocate(h->call->call.arena, MESSAGE_BYTES_MAX);
    consumer_group_heartbeat_response_init(out);
    out->error_code = error_code;
    if (text == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, MESSAGE_BYTES_MAX, format, arguments);
    va_end(arguments);
    out->error_message =
        bytes_of(text, size < MESSAGE_BYTES_MAX ? (size_t)size : MESSAGE_BYTES_MAX - 1);
    return false;
}

static bool is_empty(struct bytes text)
{
    return !bytes_are_null(text) && text.size == 0;
}

static bool check_ids(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    bool may_lack_id =
        h->call->call.version < OWN_MEMBER_ID_SINCE && in->member_epoch == MEMBER_EPOCH_JOIN;
    if (in->member_id.size == 0 && !may_lack_id)
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "MemberId can't be empty.");
    if (in->group_id.size == 0)
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "GroupId can't be empty.");
    if (is_empty(in->instance_id))
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "InstanceId can't be empty.");
    if (is_empty(in->rack_id))
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "RackId can't be empty.");
    return true;
}

static bool check_epoch(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (in->member_epoch == MEMBER_EPOCH_JOIN) {
        if (in->rebalance_timeout_ms == -1)
            return heartbeat_refuse(h, KAFKA_INVALID_REQUEST,
                                    "RebalanceTimeoutMs must be provided in first request.");
        if (in->topic_partitions == NULL || in->topic_partitions_count > 0)
            return heartbeat_refuse(h, KAFKA_INVALID_REQUEST,
                                    "TopicPartitions must be empty when (re-)joining.");
        if (in->subscribed_topic_names == NULL && bytes_are_null(in->subscribed_topic_regex))
            return heartbeat_refuse(
                h, KAFKA_INVALID_REQUEST,
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null "
                "when (re-)joining.");
    } else if (in->member_epoch == MEMBER_EPOCH_AWAY && bytes_are_null(in->instance_id)) {
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "InstanceId can't be null.");
    } else if (in->member_epoch < MEMBER_EPOCH_AWAY) {
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST, "MemberEpoch is invalid.");
    }
    return true;
}

static bool check_assignor(struct heartbeat *h)
{
    const struct assignor_list *list = &h->turn->settings->assignors;
    struct bytes wanted = h->in->server_assignor;
    if (bytes_are_null(wanted) || assignor_list_find(list, wanted) != NULL)
        return true;
    return heartbeat_refuse(h, KAFKA_UNSUPPORTED_ASSIGNOR,
                            "ServerAssignor %.*s is not supported. Supported assignors: %s%s%s.",
                            SHOWN(wanted), list->items[0]->name, list->count > 1 ? ", " : "",
                            list->count > 1 ? list->items[1]->name : "");
}

static bool check_wishes(struct heartbeat *h)
{
    const struct consumer_group_heartbeat_request *in = h->in;
    if (!check_assignor(h))
        return false;
    if (in->rebalance_timeout_ms < -1)
        return heartbeat_refuse(h, KAFKA_INVALID_REQUEST,
                                "RebalanceTimeoutMs must not be negative.");
    if (bytes_are_null(in->subscribed_topic_regex) || in->subscribed_topic_regex.size == 0)
        return true;
    struct arena arena;
    struct topic_pattern *program;
    struct topic_pattern_error error = {.reason = "no memory"};
    arena_init(&arena, PATTERN_SCRATCH_BYTES);
    enum status status =
        topic_pattern_compile(in->subscribed_topic_regex, &arena, &program, &error);
    arena_deinit(&arena);
    if (status != STATUS_OK)
        return heartbeat_refuse(
            h, KAFKA_INVALID_REGULAR_EXPRESSION,
            "SubscribedTopicRegex `%.*s` is not a valid regular expression: %s at "
            "character %" PRIu32 ".",
            SHOWN(in->subscribed_topic_regex), error.reason, error.offset_bytes);
    return true;
}

bool consumer_heartbeat_check(struct group_turn *turn, struct consumer_group_heartbeat_call *call)
{
    struct heartbeat h = {.turn = turn, .call = call, .in = call->in};
    if (check_ids(&h) && check_epoch(&h) && check_wishes(&h))
        return true;
    group_turn_answer(turn, &call->call);
    return false;
}
