/* Fetch: record batches of many partitions, waiting until there is enough.
 *
 *   PLAN ──▶ READ ──▶ REPLY
 *              ▲ │
 *              │ ▼ too little, and time left
 *             PARK
 *
 * PLAN finds out what is wanted (fetch_plan.h: sessions, topics) and sorts the partitions into
 * legs, one per core. READ sends the legs to read; PARK sends them to watch, and sets a timer. The
 * first of these that comes back, or a wish to cancel, calls the others back; when all have landed
 * the fetch reads again. What was read is referenced, never copied, and held until it has been
 * sent. */
#include "base/assert.h"
#include "broker/api/api.h"
#include "broker/fetch_leg.h"
#include "broker/fetch_plan.h"
#include "broker/fetch_reply.h"
#include "broker/reply.h"
#include "broker/roster.h"
#include "protocol/errors.h"
#include "protocol/messages/fetch.h"

enum { ISOLATION_READ_COMMITTED = 1 };

enum fetch_stage { FETCH_PLAN, FETCH_READ, FETCH_PARK, FETCH_REPLY };

static const struct op_stage fetch_stages[] = {
    [FETCH_PLAN] = {"plan", 0},
    [FETCH_READ] = {"read", AFTER(FETCH_PLAN) | AFTER(FETCH_PARK)},
    [FETCH_PARK] = {"park", AFTER(FETCH_READ)},
    [FETCH_REPLY] = {"reply", AFTER(FETCH_PLAN) | AFTER(FETCH_READ) | AFTER(FETCH_PARK)},
};

struct fetch {
    struct op op;
    struct request *request;
    struct fetch_request in;
    struct fetch_plan plan;
    struct fetch_leg *legs; /* only those with partitions */
    uint32_t leg_count;
    uint64_t deadline_ns;
    struct timer timer;
    bool is_parked;   /* the legs are watching and nobody has come back yet */
    bool is_hurrying; /* time is up, or the client is going: answer with what there is */
};

static void fetch_unpark(struct fetch *f);

/* --- Legs --------------------------------------------------------------------------------------
 */

static void leg_back(struct fetch_leg *leg)
{
    struct fetch *f = container_of(leg->parent, struct fetch, op);
    fetch_unpark(f);
    op_landed(&f->op, STATUS_OK);
}

static void leg_recalled(struct fetch_leg *leg)
{
    op_landed(leg->parent, STATUS_OK);
}

static uint32_t count_for_core(const struct fetch_plan *plan, uint32_t core_index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->partition_count; i++)
        count += plan->partitions[i].error == KAFKA_NONE && plan->core_indexes[i] == core_index;
    return count;
}

static bool leg_make(struct fetch *f, struct fetch_leg *leg, uint32_t core_index, uint32_t count)
{
    struct request *request = f->request;
    leg->partitions = request_allocate(request, count, sizeof(struct fetch_partition *));
    if (leg->partitions == NULL)
        return false;
    leg->home = request->core;
    leg->core = roster_core(request->core->roster, core_index);
    leg->parent = &f->op;
    leg->landed = leg_back;
    leg->recalled = leg_recalled;
    leg->size_bytes_max = f->plan.size_bytes_max;
    leg->read_committed = f->in.isolation_level == ISOLATION_READ_COMMITTED;
    for (uint32_t i = 0; i < f->plan.partition_count; i++) {
        struct fetch_partition *wanted = &f->plan.partitions[i];
        if (wanted->error != KAFKA_NONE || f->plan.core_indexes[i] != core_index)
            continue;
        wanted->leg = leg;
        leg->partitions[leg->partition_count++] = wanted;
    }
    assert(leg->partition_count == count);
    return true;
}

static bool legs_make(struct fetch *f)
{
    uint32_t core_count = io_core_count(f->request->core->io);
    f->legs = request_allocate(f->request, core_count, sizeof *f->legs);
    if (f->legs == NULL)
        return false;
    for (uint32_t i = 0; i < core_count; i++) {
        uint32_t count = count_for_core(&f->plan, i);
        if (count > 0 && !leg_make(f, &f->legs[f->leg_count++], i, count))
            return false;
    }
    return true;
}

static enum op_progress legs_read(struct fetch *f)
{
    for (uint32_t i = 0; i < f->leg_count; i++) {
        op_expect(&f->op);
        fetch_leg_read(&f->legs[i]);
    }
    return f->leg_count > 0 ? OP_WAIT : OP_AGAIN;
}

/* --- Parking -----------------------------------------------------------------------------------
 */

/* Nothing to do when it is not parked: a leg that comes back from reading ends up here too. */
static void fetch_unpark(struct fetch *f)
{
    if (!f->is_parked)
        return;
    f->is_parked = false;
    for (uint32_t i = 0; i < f->leg_count; i++) {
        op_expect(&f->op);
        fetch_leg_recall(&f->legs[i]);
    }
    if (timer_is_running(&f->timer)) {
        io_timer_cancel(f->request->core->io, &f->timer);
        op_landed(&f->op, STATUS_OK);
    }
}

static void fetch_time_is_up(struct timer *timer)
{
    struct fetch *f = container_of(timer, struct fetch, timer);
    f->is_hurrying = true;
    fetch_unpark(f);
    op_landed(&f->op, STATUS_OK);
}

/* The connection is closing, or the broker is. */
static void fetch_cancel(struct request *request)
{
    struct fetch *f = request->operation;
    f->is_hurrying = true;
    fetch_unpark(f);
}

static enum op_progress fetch_park(struct fetch *f)
{
    op_move(&f->op, FETCH_PARK);
    f->is_parked = true;
    for (uint32_t i = 0; i < f->leg_count; i++) {
        op_expect(&f->op);
        fetch_leg_watch(&f->legs[i]);
    }
    op_expect(&f->op);
    timer_init(&f->timer, fetch_time_is_up);
    io_timer_start(f->request->core->io, &f->timer, f->deadline_ns);
    return OP_WAIT;
}

/* --- Stages ------------------------------------------------------------------------------------
 */

static enum op_progress fetch_make_plan(struct fetch *f)
{
    struct request *request = f->request;
    if (!fetch_plan_make(request, &f->in, &f->plan) || !legs_make(f)) {
        f->leg_count = 0;
        writer_fail(&request->response, STATUS_NO_MEMORY);
    }
    op_move(&f->op, f->plan.error == KAFKA_NONE ? FETCH_READ : FETCH_REPLY);
    return f->plan.error == KAFKA_NONE ? legs_read(f) : OP_AGAIN;
}

/* All legs have read. A fetch of nothing at all waits out its time as well, as in Kafka: a consumer
 * without partitions must not spin. */
static enum op_progress fetch_have_read(struct fetch *f)
{
    bool is_enough = fetch_plan_size_bytes(&f->plan) >= f->in.min_bytes;
    bool is_time_up = f->is_hurrying || io_now_ns(f->request->core->io) >= f->deadline_ns;
    bool has_failed = f->request->response.status != STATUS_OK;
    if (is_enough || is_time_up || has_failed || fetch_plan_has_error(&f->plan)) {
        op_move(&f->op, FETCH_REPLY);
        return OP_AGAIN;
    }
    fetch_reply_release(f->request, &f->plan);
    return fetch_park(f);
}

static enum op_progress fetch_parked(struct fetch *f)
{
    op_move(&f->op, FETCH_READ);
    return legs_read(f);
}

static void fetch_sent(struct request *request)
{
    struct fetch *f = request->operation;
    fetch_reply_release(request, &f->plan);
}

static enum op_progress fetch_reply(struct fetch *f)
{
    struct request *request = f->request;
    fetch_reply_encode(request, &f->in, &f->plan);
    request->sent = fetch_sent;
    request_reply(request);
    return OP_DONE;
}

static enum op_progress fetch_step(struct op *op)
{
    struct fetch *f = container_of(op, struct fetch, op);
    switch ((enum fetch_stage)op->stage) {
    case FETCH_PLAN: return fetch_make_plan(f);
    case FETCH_READ: return fetch_have_read(f);
    case FETCH_PARK: return fetch_parked(f);
    case FETCH_REPLY: return fetch_reply(f);
    }
    unreachable();
}

static const struct op_kind fetch_kind = {
    .name = "fetch",
    .step = fetch_step,
    .stages = fetch_stages,
};

void api_fetch_handle(struct request *request)
{
    struct fetch *f = request_allocate(request, 1, sizeof *f);
    if (f == NULL) {
        request_refuse(request, "no memory for the request", STATUS_NO_MEMORY);
        return;
    }
    enum status status =
        fetch_request_decode(&request->body, request->version, &request->arena, &f->in);
    if (!request_is_decoded(request, status))
        return;
    f->request = request;
    request->operation = f;
    request->cancel = fetch_cancel;
    int64_t wait_ms = f->in.max_wait_ms > 0 ? f->in.max_wait_ms : 0;
    f->deadline_ns = io_now_ns(request->core->io) + (uint64_t)wait_ms * 1000 * 1000;
    op_start(&f->op, &fetch_kind, io_ops(request->core->io));
}
