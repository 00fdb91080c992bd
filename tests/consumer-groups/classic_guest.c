#include "tests/consumer-groups/classic_guest.h"

#include "consumer-groups/embedded_protocol.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"

#include <string.h>

enum {
    MEMORY_LIMIT_BYTES = 16 * 1024 * 1024,
    JOIN_VERSION = 7,
    SYNC_VERSION = 3,
    HEARTBEAT_VERSION = 3,
    LEAVE_VERSION = 2,
    SUBSCRIPTION_VERSION = 1,
    SESSION_MS = 45 * 1000,
    REBALANCE_MS = 60 * 1000,
};

void classic_guest_forget(struct classic_guest *guest)
{
    guest->generation = -1;
    guest->must_join = false;
    guest->must_sync = false;
    guest->owned->count = 0;
}

/* --- What it says ----------------------------------------------------------------------------- */

static void begin(struct group_call *call, struct arena *arena, int16_t version)
{
    arena_init(arena, MEMORY_LIMIT_BYTES);
    call->version = version;
    call->client_id = bytes_of_text("classic client");
    call->client_host = bytes_of_text("/127.0.0.1");
    call->arena = arena;
    list_node_init(&call->node);
}

static void was_answered(struct consumer_rig *rig, struct group_call *call)
{
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call->node);
    consumer_rig_end_turn(rig);
}

static void want_topics(struct consumer_protocol_subscription *wish, const char *topics,
                        struct arena *arena)
{
    char *rest = NULL;
    char *copy = arena_copy_text(arena, topics, strlen(topics));
    wish->topics = arena_allocate_array(arena, RIG_TOPICS_MAX, sizeof *wish->topics);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        wish->topics[wish->topics_count++] = bytes_of_text(name);
}

/* What it owns of a topic that is there no more it cannot name. */
static struct bytes subscription(const struct classic_guest *guest, const struct image *image,
                                 const char *topics, struct arena *arena)
{
    struct consumer_protocol_subscription wish;
    struct writer writer;
    consumer_protocol_subscription_init(&wish);
    want_topics(&wish, topics, arena);
    wish.owned_partitions =
        arena_allocate_array(arena, guest->owned->count, sizeof *wish.owned_partitions);
    for (uint32_t i = 0; i < guest->owned->count; i++) {
        struct partition_item *item = &guest->owned->items[i];
        const struct image_topic *topic = image_topic_by_id(image, item->topic_id);
        if (topic == NULL)
            continue;
        wish.owned_partitions[wish.owned_partitions_count++] =
            (struct consumer_protocol_subscription_topic_partition){topic->name, &item->partition,
                                                                    1};
    }
    writer_init(&writer, arena);
    writer_i16(&writer, SUBSCRIPTION_VERSION);
    consumer_protocol_subscription_encode(&writer, SUBSCRIPTION_VERSION, &wish);
    assert_int_equal(writer.status, STATUS_OK);
    return writer_result(&writer);
}

/* --- What it hears ---------------------------------------------------------------------------- */

static void hear_error(struct classic_guest *guest, int16_t error_code)
{
    switch (error_code) {
    case KAFKA_REBALANCE_IN_PROGRESS: guest->must_join = true; break;
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_ILLEGAL_GENERATION: classic_guest_forget(guest); break;
    default: fail_msg("error %d", error_code);
    }
}

/* What is not its own any more it gives up, and joins again to say so. */
static void take_assignment(struct classic_guest *guest, const struct consumer_rig *rig,
                            struct bytes bytes, struct arena *arena)
{
    struct partition_set given;
    assert_int_equal(embedded_assignment_read(bytes, rig->image, arena, &given), STATUS_OK);
    for (uint32_t i = 0; i < guest->owned->count; i++) {
        const struct partition_item *item = &guest->owned->items[i];
        if (partition_set_find(&given, item->topic_id, item->partition) == NULL)
            guest->must_join = true;
    }
    assert_true(given.count <= guest->owned->capacity);
    if (given.count > 0)
        memcpy(guest->owned->items, given.items, given.count * sizeof *given.items);
    guest->owned->count = given.count;
    guest->must_sync = false;
}

/* --- Calls ------------------------------------------------------------------------------------ */

static void join(struct classic_guest *guest, struct consumer_rig *rig, const char *topics,
                 bool is_lost)
{
    struct arena arena;
    struct join_group_request in;
    struct join_group_call call = {.in = &in};
    /* Kafka takes any id for that of somebody who comes for the first time, and so does not tell
     * one who was put out; only his next assignment does. Here he knows. */
    if (consumer_member_find(&rig->group, bytes_of_text(guest->id)) == NULL)
        classic_guest_forget(guest);
    begin(&call.call, &arena, JOIN_VERSION);
    struct join_group_request_protocol protocol = {bytes_of_text("cooperative-sticky"),
                                                   subscription(guest, rig->image, topics, &arena)};
    join_group_request_init(&in);
    in.group_id = bytes_of_text("group");
    in.member_id = bytes_of_text(guest->id);
    in.protocol_type = bytes_of_text("consumer");
    in.protocols = &protocol;
    in.protocols_count = 1;
    in.session_timeout_ms = SESSION_MS;
    in.rebalance_timeout_ms = REBALANCE_MS;
    consumer_classic_join(&rig->group, &rig->turn, &call);
    was_answered(rig, &call.call);
    if (is_lost) {
        guest->must_join = true;
    } else if (call.out.error_code != KAFKA_NONE) {
        hear_error(guest, call.out.error_code);
    } else {
        guest->generation = call.out.generation_id;
        guest->must_join = false;
        guest->must_sync = true;
    }
    arena_deinit(&arena);
}

static void sync(struct classic_guest *guest, struct consumer_rig *rig, bool is_lost)
{
    struct arena arena;
    struct sync_group_request in;
    struct sync_group_call call = {.in = &in};
    begin(&call.call, &arena, SYNC_VERSION);
    sync_group_request_init(&in);
    in.group_id = bytes_of_text("group");
    in.member_id = bytes_of_text(guest->id);
    in.generation_id = guest->generation;
    consumer_classic_sync(&rig->group, &rig->turn, &call);
    was_answered(rig, &call.call);
    if (!is_lost && call.out.error_code != KAFKA_NONE)
        hear_error(guest, call.out.error_code);
    else if (!is_lost)
        take_assignment(guest, rig, call.out.assignment, &arena);
    arena_deinit(&arena);
}

static void beat(struct classic_guest *guest, struct consumer_rig *rig, bool is_lost)
{
    struct arena arena;
    const struct heartbeat_request in = {.group_id = bytes_of_text("group"),
                                         .generation_id = guest->generation,
                                         .member_id = bytes_of_text(guest->id)};
    struct heartbeat_call call = {.in = &in};
    begin(&call.call, &arena, HEARTBEAT_VERSION);
    consumer_classic_heartbeat(&rig->group, &rig->turn, &call);
    was_answered(rig, &call.call);
    if (!is_lost && call.out.error_code != KAFKA_NONE)
        hear_error(guest, call.out.error_code);
    arena_deinit(&arena);
}

void classic_guest_step(struct classic_guest *guest, struct consumer_rig *rig, const char *topics,
                        bool is_lost)
{
    if (guest->generation < 0 || guest->must_join)
        join(guest, rig, topics, is_lost);
    else if (guest->must_sync)
        sync(guest, rig, is_lost);
    else
        beat(guest, rig, is_lost);
}

void classic_guest_leave(struct classic_guest *guest, struct consumer_rig *rig)
{
    struct arena arena;
    struct leave_group_request in;
    struct leave_group_call call = {.in = &in};
    begin(&call.call, &arena, LEAVE_VERSION);
    leave_group_request_init(&in);
    in.group_id = bytes_of_text("group");
    in.member_id = bytes_of_text(guest->id);
    consumer_classic_leave(&rig->group, &rig->turn, &call);
    was_answered(rig, &call.call);
    classic_guest_forget(guest);
    arena_deinit(&arena);
}
