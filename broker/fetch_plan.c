#include "broker/fetch_plan.h"

#include "base/assert.h"
#include "broker/reply.h"
#include "broker/roster.h"
#include "broker/topics.h"
#include "protocol/errors.h"

#include <stdlib.h>

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

/* False when there is no memory. */
static bool session_update(struct fetch_session *session, int16_t version,
                           const struct fetch_request *in)
{
    for (uint32_t t = 0; t < in->topics_count; t++) {
        for (uint32_t i = 0; i < in->topics[t].partitions_count; i++) {
            struct fetch_wish wish = wish_of(version, &in->topics[t], &in->topics[t].partitions[i]);
            if (!fetch_session_put(session, &wish))
                return false;
        }
    }
    for (uint32_t t = 0; t < in->forgotten_topics_data_count; t++) {
        const struct fetch_request_forgotten_topic *topic = &in->forgotten_topics_data[t];
        for (uint32_t i = 0; i < topic->partitions_count; i++) {
            struct fetch_wish wish =
                wish_key(version, topic->topic, topic->topic_id, topic->partitions[i]);
            fetch_session_forget(session, &wish);
        }
    }
    return true;
}

static void session_give_up(struct request *request, int32_t id)
{
    struct broker_core *core = request->core;
    fetch_session_give_up(&core->fetch_sessions, id, io_now_ns(core->io));
}

static size_t partitions_in(const struct fetch_request *in)
{
    size_t count = 0;
    for (uint32_t t = 0; t < in->topics_count; t++)
        count += in->topics[t].partitions_count;
    return count;
}

static struct fetch_session *session_begin(struct request *request, const struct fetch_request *in)
{
    struct broker_core *core = request->core;
    int32_t id = (int32_t)(io_random_u64(core->io) & INT32_MAX);
    if (id == FETCH_SESSION_NONE || in->topics_count == 0)
        return NULL;
    struct fetch_session *session =
        fetch_session_create(&core->fetch_sessions, id, request->version >= FETCH_TOPIC_IDS_SINCE,
                             partitions_in(in), io_now_ns(core->io));
    assert(session == NULL || session->id == id);
    if (session == NULL || session_update(session, request->version, in))
        return session;
    session_give_up(request, id);
    return NULL;
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
    if (session == NULL)
        return NULL;
    plan->is_incremental = true;
    if (session_update(session, request->version, in))
        return session;
    session_give_up(request, in->session_id);
    plan->error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
    return NULL;
}

static bool plan_allocate(struct request *request, struct fetch_plan *plan, uint32_t count)
{
    assert(plan->partition_count == 0);
    if (count <= plan->partition_count_max && plan->partitions != NULL)
        return true;
    uint32_t doubled =
        plan->partition_count_max > UINT32_MAX / 2 ? UINT32_MAX : plan->partition_count_max * 2;
    plan->partition_count_max = count > doubled ? count : doubled;
    plan->partitions =
        request_allocate(request, plan->partition_count_max, sizeof *plan->partitions);
    return plan->partitions != NULL;
}

static struct fetch_partition *plan_add(struct fetch_plan *plan, const struct fetch_wish *wish)
{
    assert(plan->partition_count < plan->partition_count_max);
    struct fetch_partition *wanted = &plan->partitions[plan->partition_count++];
    *wanted = (struct fetch_partition){
        .wish = *wish,
        .high_watermark = -1,
        .last_stable_offset = -1,
        .start_offset = -1,
    };
    return wanted;
}

/* A fetch by a replica needs to be a replica of ours; ordinary clients do not say so. */
static bool is_ordinary_client(const struct fetch_request *in)
{
    return in->replica_id < 0 && in->replica_state.replica_id < 0;
}

static void plan_resolve(struct request *request, const struct fetch_request *in,
                         struct fetch_partition *wanted)
{
    assert(wanted->error == KAFKA_NONE);
    struct broker_core *core = request->core;
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
    wanted->core_index = partition_core_index(core, topic->id, partition);
}

static bool plan_from_request(struct request *request, const struct fetch_request *in,
                              struct fetch_plan *plan)
{
    size_t count = partitions_in(in);
    if (count > UINT32_MAX || !plan_allocate(request, plan, (uint32_t)count))
        return false;
    for (uint32_t t = 0; t < in->topics_count; t++) {
        for (uint32_t i = 0; i < in->topics[t].partitions_count; i++) {
            struct fetch_wish wish =
                wish_of(request->version, &in->topics[t], &in->topics[t].partitions[i]);
            plan_resolve(request, in, plan_add(plan, &wish));
        }
    }
    assert(plan->partition_count == count);
    return true;
}

/* --- Plans of a session ----------------------------------------------------------------------- */

/* The session may change or end while this fetch waits, so names are copied. Neighbours of one
 * topic share the copy, and so do plans that a fetch makes one after the other. */
static bool plan_name(struct request *request, const struct fetch_plan *plan,
                      struct fetch_wish *wish)
{
    uint32_t at = plan->partition_count;
    assert(at < plan->partition_count_max);
    if (bytes_are_null(wish->topic_name))
        return true;
    if (at > 0 && bytes_equal(plan->partitions[at - 1].wish.topic_name, wish->topic_name)) {
        wish->topic_name = plan->partitions[at - 1].wish.topic_name;
        return true;
    }
    if (bytes_equal(plan->partitions[at].wish.topic_name, wish->topic_name)) {
        wish->topic_name = plan->partitions[at].wish.topic_name;
        return true;
    }
    size_t size = wish->topic_name.size;
    char *copy = arena_copy_text(&request->arena, wish->topic_name.data, size);
    wish->topic_name = bytes_of(copy, size);
    return copy != NULL;
}

/* False when the request's memory is used up, or, with the plan's error, the session's. */
static bool plan_add_due(struct request *request, const struct fetch_request *in,
                         struct fetch_session *session, struct fetch_plan *plan,
                         struct fetch_session_partition *due)
{
    assert(!list_node_is_linked(&due->due));
    const struct broker_core *core = request->core;
    struct fetch_wish wish = due->wish;
    if (!plan_name(request, plan, &wish))
        return false;
    struct fetch_partition *wanted = plan_add(plan, &wish);
    wanted->order = due->order;
    plan_resolve(request, in, wanted);
    if (wanted->error == KAFKA_NONE) {
        struct io *home = roster_core(core->roster, wanted->core_index)->io;
        wanted->watcher = fetch_session_watch(session, due, core->io, home);
        if (wanted->watcher == NULL)
            plan->error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
    }
    return plan->error == KAFKA_NONE;
}

static int compare_order(const void *a, const void *b)
{
    uint64_t left = ((const struct fetch_partition *)a)->order;
    uint64_t right = ((const struct fetch_partition *)b)->order;
    return left < right ? -1 : left > right;
}

/* They become due in any order, mostly in the right one. */
static void plan_sort(struct fetch_plan *plan)
{
    uint32_t i = 1;
    while (i < plan->partition_count && plan->partitions[i - 1].order < plan->partitions[i].order)
        i++;
    if (i < plan->partition_count)
        qsort(plan->partitions, plan->partition_count, sizeof *plan->partitions, compare_order);
}

static bool plan_from_session(struct request *request, const struct fetch_request *in,
                              struct fetch_session *session, struct fetch_plan *plan)
{
    struct fetch_session_partition *due;
    if (!plan_allocate(request, plan, session->due_count))
        return false;
    while ((due = fetch_session_take_due(session)) != NULL) {
        if (!plan_add_due(request, in, session, plan, due))
            break;
    }
    if (plan->error != KAFKA_NONE) {
        session_give_up(request, session->id);
        return true;
    }
    if (due != NULL)
        return false;
    plan_sort(plan);
    assert(session->due_count == 0);
    return true;
}

struct fetch_session *fetch_plan_session(const struct request *request,
                                         const struct fetch_plan *plan)
{
    if (plan->session_id == FETCH_SESSION_NONE)
        return NULL;
    return fetch_session_find(&request->core->fetch_sessions, plan->session_id);
}

bool fetch_plan_is_news(const struct fetch_session_partition *known,
                        const struct fetch_partition *wanted)
{
    return known == NULL || wanted->error != KAFKA_NONE || wanted->has_diverged ||
           wanted->fetch_read != NULL || known->sent_high_watermark != wanted->high_watermark ||
           known->sent_start_offset != wanted->start_offset;
}

void fetch_plan_hand_back(struct request *request, const struct fetch_plan *plan,
                          struct fetch_session *session)
{
    assert(session->id == plan->session_id);
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        const struct fetch_partition *wanted = &plan->partitions[i];
        struct fetch_session_partition *known = fetch_session_partition(session, &wanted->wish);
        bool is_told =
            wanted->is_quiet && plan->is_incremental && !fetch_plan_is_news(known, wanted);
        if (known != NULL && !is_told)
            fetch_session_note_due(session, known);
    }
}

bool fetch_plan_renew(struct request *request, const struct fetch_request *in,
                      struct fetch_session *session, struct fetch_plan *plan)
{
    assert(session->id == plan->session_id);
    plan->partition_count = 0;
    return plan_from_session(request, in, session, plan);
}

/* What a reader sees of the partitions depends on these. */
static uint32_t reader_kind(const struct fetch_request *in)
{
    return (uint32_t)(uint8_t)in->isolation_level << 1 | is_ordinary_client(in);
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
    if (session == NULL)
        return plan_from_request(request, in, plan);
    plan->session_epoch = session->epoch;
    fetch_session_read_as(session, reader_kind(in));
    return plan_from_session(request, in, session, plan);
}
