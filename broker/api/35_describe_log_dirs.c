/* DescribeLogDirs: the data directories of this broker, what lies in them and how much room is
 * left.
 *
 *   LOOK ──▶ REPLY
 *
 * One errand to each core looks at all partitions whose home it is; meanwhile the system says how
 * large the volumes are. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/errand.h"
#include "broker/log_dirs.h"
#include "broker/reply.h"
#include "broker/roster.h"
#include "broker/topics.h"
#include "protocol/errors.h"
#include "protocol/messages/describe_log_dirs.h"

enum { DESCRIBE_LOG_DIRS_ROOM_SINCE = 4 };

enum log_dirs_stage { LOG_DIRS_LOOK, LOG_DIRS_REPLY };

static const struct op_stage log_dirs_stages[] = {
    [LOG_DIRS_LOOK] = {"look", 0},
    [LOG_DIRS_REPLY] = {"reply", AFTER(LOG_DIRS_LOOK)},
};

/* One partition that is asked for. Filled in on its home core, which nobody else does. */
struct log_dirs_row {
    const struct image_topic *topic;
    int32_t index;
    int32_t dir_index; /* -1: it has no log here */
    int64_t size_bytes;
};

struct log_dirs_room {
    struct io_request request;
    struct describe_log_dirs *parent;
    bool is_known;
};

struct describe_log_dirs {
    struct op op;
    struct request *request;
    struct image *image; /* of the rows */
    struct describe_log_dirs_request in;
    struct describe_log_dirs_response out;
    struct log_dirs_row *rows; /* the partitions of a topic stand together */
    uint32_t row_count;
    struct log_dirs_room *rooms; /* one for each directory */
};

struct log_dirs_leg {
    struct errand errand;
    struct describe_log_dirs *parent;
};

/* --- What is asked for ------------------------------------------------------------------------ */

static void add_row(struct describe_log_dirs *d, const struct image_topic *topic, int32_t index)
{
    assert(topic != NULL);
    if (index >= 0 && (uint32_t)index < topic->partition_count)
        d->rows[d->row_count++] =
            (struct log_dirs_row){.topic = topic, .index = index, .dir_index = -1};
}

static bool list_all(struct describe_log_dirs *d)
{
    assert(d->rows == NULL);
    assert(d->row_count == 0);
    uint64_t count = 0;
    for (uint32_t t = 0; t < image_topic_count(d->image); t++)
        count += image_topic_at(d->image, t)->partition_count;
    d->rows = request_allocate(d->request, count, sizeof *d->rows);
    if (d->rows == NULL)
        return false;
    for (uint32_t t = 0; t < image_topic_count(d->image); t++) {
        const struct image_topic *topic = image_topic_at(d->image, t);
        for (uint32_t i = 0; i < topic->partition_count; i++)
            add_row(d, topic, (int32_t)i);
    }
    return true;
}

/* What is not there is left out of the answer. */
static bool list_named(struct describe_log_dirs *d)
{
    assert(d->rows == NULL);
    assert(d->row_count == 0);
    uint64_t count = 0;
    for (uint32_t t = 0; t < d->in.topics_count; t++)
        count += d->in.topics[t].partitions_count;
    d->rows = request_allocate(d->request, count, sizeof *d->rows);
    if (d->rows == NULL)
        return false;
    for (uint32_t t = 0; t < d->in.topics_count; t++) {
        const struct describe_log_dirs_request_topic *in = &d->in.topics[t];
        const struct image_topic *topic = image_topic_by_name(d->image, in->topic);
        for (uint32_t i = 0; i < in->partitions_count && topic != NULL; i++)
            add_row(d, topic, in->partitions[i]);
    }
    return true;
}

/* --- Looking ---------------------------------------------------------------------------------- */

static int32_t dir_of(const struct broker_core *core, const struct partition *partition)
{
    const struct log_dirs *dirs = core->roster->log_dirs;
    for (uint32_t i = 0; i < dirs->count; i++)
        if (core->log_dirs[i].store == partition->store)
            return (int32_t)i;
    unreachable();
}

/* On each core. */
static void look_run(struct errand *errand)
{
    const struct describe_log_dirs *d = container_of(errand, struct log_dirs_leg, errand)->parent;
    const struct broker_core *core = errand->core;
    for (uint32_t i = 0; i < d->row_count; i++) {
        struct log_dirs_row *row = &d->rows[i];
        if (partition_core_index(core, row->topic->id, row->index) != io_core_index(core->io))
            continue;
        const struct partition *partition =
            replica_manager_find(&core->replicas, row->topic->id, row->index);
        if (partition == NULL || log_has_failed(partition->log))
            continue;
        assert(row->dir_index < 0);
        row->dir_index = dir_of(core, partition);
        row->size_bytes = (int64_t)log_size_bytes(partition->log);
    }
    errand_finish(errand, STATUS_OK);
}

static void room_landed(struct completion *completion, int32_t result)
{
    struct log_dirs_room *room = container_of(completion, struct log_dirs_room, request.completion);
    room->is_known = result >= 0;
    op_landed(&room->parent->op, STATUS_OK);
}

static bool is_online(const struct describe_log_dirs *d, uint32_t dir_index)
{
    assert(dir_index < d->request->core->roster->log_dirs->count);
    const struct store *store = d->request->core->log_dirs[dir_index].store;
    return store != NULL && !store_has_failed(store);
}

static void ask_rooms(struct describe_log_dirs *d)
{
    assert(d->request->version >= DESCRIBE_LOG_DIRS_ROOM_SINCE);
    const struct log_dirs *dirs = d->request->core->roster->log_dirs;
    for (uint32_t i = 0; i < dirs->count; i++) {
        struct log_dirs_room *room = &d->rooms[i];
        if (!is_online(d, i))
            continue;
        room->parent = d;
        completion_init(&room->request.completion, room_landed);
        op_expect(&d->op);
        io_free_space(d->request->core->io, &room->request, dirs->dirs[i].path);
    }
}

static enum op_progress log_dirs_look(struct describe_log_dirs *d)
{
    assert(d->op.waiting == 0);
    struct broker_core *home = d->request->core;
    uint32_t core_count = home->roster->core_count;
    struct log_dirs_leg *legs = request_allocate(d->request, core_count, sizeof *legs);
    d->rooms = request_allocate(d->request, home->roster->log_dirs->count, sizeof *d->rooms);
    op_move(&d->op, LOG_DIRS_REPLY);
    if (legs == NULL || d->rooms == NULL || !(d->in.topics == NULL ? list_all(d) : list_named(d))) {
        writer_fail(&d->request->response, STATUS_NO_MEMORY);
        return OP_AGAIN;
    }
    for (uint32_t i = 0; i < core_count; i++) {
        legs[i].parent = d;
        errand_send(&legs[i].errand, &d->op, home, i, look_run);
    }
    if (d->request->version >= DESCRIBE_LOG_DIRS_ROOM_SINCE)
        ask_rooms(d);
    return OP_WAIT;
}

/* --- The answer ------------------------------------------------------------------------------- */

/* Counts, so that the answer's arrays are neither too small nor as many as there are directories
 * times partitions. */
static void count_rows(const struct describe_log_dirs *d, uint32_t dir_index, uint32_t *topics,
                       uint32_t *partitions)
{
    const struct image_topic *topic = NULL;
    *topics = 0;
    *partitions = 0;
    for (uint32_t i = 0; i < d->row_count; i++) {
        if (d->rows[i].dir_index != (int32_t)dir_index)
            continue;
        *topics += d->rows[i].topic != topic;
        ++*partitions;
        topic = d->rows[i].topic;
    }
}

/* The log's end is the leader's, so it lags behind nobody. */
static bool answer_rows(const struct describe_log_dirs *d, uint32_t dir_index,
                        struct describe_log_dirs_response_result *out)
{
    uint32_t topic_count;
    uint32_t partition_count;
    count_rows(d, dir_index, &topic_count, &partition_count);
    struct describe_log_dirs_response_partition *partition =
        request_allocate(d->request, partition_count, sizeof *partition);
    out->topics = request_allocate(d->request, topic_count, sizeof *out->topics);
    if (partition == NULL || out->topics == NULL)
        return false;
    const struct image_topic *topic = NULL;
    for (uint32_t i = 0; i < d->row_count; i++) {
        const struct log_dirs_row *row = &d->rows[i];
        if (row->dir_index != (int32_t)dir_index)
            continue;
        if (row->topic != topic)
            out->topics[out->topics_count++] = (struct describe_log_dirs_response_topic){
                .name = row->topic->name, .partitions = partition};
        topic = row->topic;
        out->topics[out->topics_count - 1].partitions_count++;
        *partition++ = (struct describe_log_dirs_response_partition){
            .partition_index = row->index, .partition_size = row->size_bytes};
    }
    assert(out->topics_count == topic_count);
    return true;
}

static bool answer_dir(const struct describe_log_dirs *d, uint32_t dir_index,
                       struct describe_log_dirs_response_result *out)
{
    assert(dir_index < d->request->core->roster->log_dirs->count);
    const struct log_dirs_room *room = &d->rooms[dir_index];
    describe_log_dirs_response_result_init(out);
    out->log_dir = bytes_of_text(d->request->core->roster->log_dirs->dirs[dir_index].path);
    if (!is_online(d, dir_index)) {
        out->error_code = KAFKA_KAFKA_STORAGE_ERROR;
        return true;
    }
    if (room->is_known) {
        out->total_bytes = (int64_t)room->request.space.total_bytes;
        out->usable_bytes = (int64_t)room->request.space.usable_bytes;
    }
    return answer_rows(d, dir_index, out);
}

static bool answer_dirs(struct describe_log_dirs *d)
{
    uint32_t count = d->request->core->roster->log_dirs->count;
    d->out.results = request_allocate(d->request, count, sizeof *d->out.results);
    for (uint32_t i = 0; i < count && d->out.results != NULL; i++) {
        if (!answer_dir(d, i, &d->out.results[i]))
            return false;
        d->out.results_count++;
    }
    return d->out.results != NULL;
}

static enum op_progress log_dirs_reply(struct describe_log_dirs *d)
{
    assert(d->image != NULL);
    struct request *request = d->request;
    describe_log_dirs_response_init(&d->out);
    if (request->response.status == STATUS_OK && !answer_dirs(d))
        writer_fail(&request->response, STATUS_NO_MEMORY);
    describe_log_dirs_response_encode(&request->response, request->version, &d->out);
    image_release(d->image);
    request_reply(request);
    return OP_DONE;
}

static enum op_progress log_dirs_step(struct op *op)
{
    struct describe_log_dirs *d = container_of(op, struct describe_log_dirs, op);
    switch ((enum log_dirs_stage)op->stage) {
    case LOG_DIRS_LOOK: return log_dirs_look(d);
    case LOG_DIRS_REPLY: return log_dirs_reply(d);
    }
    unreachable();
}

static const struct op_kind log_dirs_kind = {
    .name = "describe_log_dirs",
    .step = log_dirs_step,
    .stages = log_dirs_stages,
};

void api_describe_log_dirs_handle(struct request *request)
{
    struct describe_log_dirs *d = request_require(request, 1, sizeof *d);
    if (d == NULL)
        return;
    enum status status =
        describe_log_dirs_request_decode(&request->body, request->version, &request->arena, &d->in);
    if (!request_is_decoded(request, status))
        return;
    d->request = request;
    d->image = image_retain(core_image(request->core));
    op_start(&d->op, &log_dirs_kind, io_ops(request->core->io));
}
