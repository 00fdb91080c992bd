#include "broker/fetch_plan.h"

#include "base/assert.h"
#include "broker/reply.h"
#include "broker/topics.h"
#include "protocol/errors.h"

/* Names stand in requests up to v12, ids in later ones; a session is of one kind. */
static struct fetch_wish wish_key(int16_t version, struct bytes name, struct uuid id, int32_t index)
{
    bool by_id = version >= FETCH_TOPIC_IDS_SINCE;
    return (struct fetch_wish){
        .topic_name = by_id ? (struct bytes){0} : name,
        .topic_id = by_id ? id : UUID_NONE,
        .index = index,
    };
}

static struct fetch_wish wish_of(int16_t version, const struct fetch_request_topic *topic,
                                 const struct fetch_request_partition *in)
{
    struct fetch_wish wish = wish_key(version, topic->topic, topic->topic_id, in->partition);
    wish.fetch_offset = in->fetch_offset;
    wish.size_bytes_max = in->partition_max_bytes;
    wish.leader_epoch = in->current_leader_epoch;
    wish.last_fetched_epoch = in->last_fetched_epoch;
    return wish;
}

static void session_update(struct fetch_sessions *sessions, struct fetch_session *session,
                           int16_t version, const struct fetch_request *in)
{
    for (uint32_t t = 0; t < in->topics_count; t++) {
        for (uint32_t i = 0; i < in->topics[t].partitions_count; i++) {
            struct fetch_wish wish = wish_of(version, &in->topics[t], &in->topics[t].partitions[i]);
            fetch_session_put(sessions, session, &wish);
        }
    }
    for (uint32_t t = 0; t < in->forgotten_topics_data_count; t++) {
        const struct fetch_request_forgotten_topic *topic = &in->forgotten_topics_data[t];
        for (uint32_t i = 0; i < topic->partitions_count; i++) {
            struct fetch_wish wish =
                wish_key(version, topic->topic, topic->topic_id, topic->partitions[i]);
            fetch_session_forget(sessions, session, &wish);
        }
    }
}

static struct fetch_session *session_begin(struct request *request, const struct fetch_request *in)
{
    struct broker_core *core = request->core;
    int32_t id = (int32_t)(io_random_u64(core->io) & INT32_MAX);
    if (id == FETCH_SESSION_NONE || in->topics_count == 0)
        return NULL;
    struct fetch_session *session = fetch_session_create(
        &core->fetch_sessions, id, request->version >= FETCH_TOPIC_IDS_SINCE, io_now_ns(core->io));
    if (session != NULL)
        session_update(&core->fetch_sessions, session, request->version, in);
    return session;
}

/* Requests before v7 carry the numbers of a full fetch without session. */
static struct fetch_session *session_of(struct request *request, const struct fetch_request *in,
                                        struct fetch_plan *plan)
{
    struct broker_core *core = request->core;
    struct fetch_sessions *sessions = &core->fetch_sessions;
    if (in->session_epoch == FETCH_EPOCH_INITIAL || in->session_epoch == FETCH_EPOCH_FINAL) {
        fetch_session_end(sessions, in->session_id);
        return in->session_epoch == FETCH_EPOCH_INITIAL ? session_begin(request, in) : NULL;
    }
    struct fetch_session *session = fetch_session_continue(
        sessions, in->session_id, in->session_epoch, request->version >= FETCH_TOPIC_IDS_SINCE,
        io_now_ns(core->io), &plan->error);
    if (session != NULL) {
        plan->is_incremental = true;
        session_update(sessions, session, request->version, in);
    }
    return session;
}

static bool plan_allocate(struct request *request, struct fetch_plan *plan, uint32_t count)
{
    plan->partitions = request_allocate(request, count, sizeof *plan->partitions);
    plan->core_indexes = request_allocate(request, count, sizeof *plan->core_indexes);
    return plan->partitions != NULL && plan->core_indexes != NULL;
}

static void plan_add(struct fetch_plan *plan, const struct fetch_wish *wish)
{
    struct fetch_partition *wanted = &plan->partitions[plan->partition_count++];
    wanted->wish = *wish;
    wanted->high_watermark = -1;
    wanted->last_stable_offset = -1;
    wanted->start_offset = -1;
}

static bool plan_from_request(struct request *request, const struct fetch_request *in,
                              struct fetch_plan *plan)
{
    size_t count = 0;
    for (uint32_t t = 0; t < in->topics_count; t++)
        count += in->topics[t].partitions_count;
    if (count > UINT32_MAX || !plan_allocate(request, plan, (uint32_t)count))
        return false;
    for (uint32_t t = 0; t < in->topics_count; t++) {
        for (uint32_t i = 0; i < in->topics[t].partitions_count; i++) {
            struct fetch_wish wish =
                wish_of(request->version, &in->topics[t], &in->topics[t].partitions[i]);
            plan_add(plan, &wish);
        }
    }
    return true;
}

/* The session may change or end while this fetch waits, so names are copied; neighbours of one
 * topic share the copy. */
static bool plan_from_session(struct request *request, struct fetch_session *session,
                              struct fetch_plan *plan)
{
    struct bytes name = {0};
    struct fetch_session_partition *partition;
    if (!plan_allocate(request, plan, session->partition_count))
        return false;
    list_for_each_entry (partition, &session->partitions, node) {
        struct fetch_wish wish = partition->wish;
        if (!bytes_are_null(wish.topic_name) && !bytes_equal(wish.topic_name, name)) {
            char *copy =
                arena_copy_text(&request->arena, wish.topic_name.data, wish.topic_name.size);
            if (copy == NULL)
                return false;
            name = bytes_of(copy, wish.topic_name.size);
        }
        wish.topic_name = name;
        plan_add(plan, &wish);
    }
    return true;
}

/* A fetch by a replica needs to be a replica of ours; ordinary clients do not say so. */
static bool is_ordinary_client(const struct fetch_request *in)
{
    return in->replica_id < 0 && in->replica_state.replica_id < 0;
}

static void plan_resolve(struct request *request, const struct fetch_request *in,
                         struct fetch_plan *plan, uint32_t index)
{
    struct broker_core *core = request->core;
    struct fetch_partition *wanted = &plan->partitions[index];
    const struct image_topic *topic =
        topic_resolve(core, request->version >= FETCH_TOPIC_IDS_SINCE, wanted->wish.topic_name,
                      wanted->wish.topic_id, &wanted->error);
    if (topic == NULL)
        return;
    int32_t partition = wanted->wish.index;
    if (partition < 0 || (uint32_t)partition >= topic->partition_count) {
        wanted->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    if (!is_ordinary_client(in)) {
        wanted->error = KAFKA_NOT_LEADER_OR_FOLLOWER;
        return;
    }
    wanted->topic_id = topic->id;
    plan->core_indexes[index] = partition_core_index(core, topic->id, partition);
}

bool fetch_plan_make(struct request *request, const struct fetch_request *in,
                     struct fetch_plan *plan)
{
    *plan = (struct fetch_plan){0};
    int64_t broker_max = config_i64(request->core->config, CONFIG_FETCH_MAX_BYTES);
    plan->size_bytes_max = in->max_bytes < broker_max ? in->max_bytes : broker_max;

    struct fetch_session *session = session_of(request, in, plan);
    if (plan->error != KAFKA_NONE)
        return true;
    plan->session_id = session == NULL ? FETCH_SESSION_NONE : session->id;
    bool is_planned = plan->is_incremental ? plan_from_session(request, session, plan)
                                           : plan_from_request(request, in, plan);
    for (uint32_t i = 0; i < plan->partition_count && is_planned; i++)
        plan_resolve(request, in, plan, i);
    return is_planned;
}
