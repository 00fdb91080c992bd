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
 * the fetch reads again. A fetch of a session sends nobody: it waits at its session, which is told
 * what moves, and then reads that alone (fetch_session.h). What was read is referenced, never
 * copied, and held until it has been sent. */
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
    struct fetch_leg *legs; /* one for each core; those without partitions stay at home */
    uint32_t leg_count;
    uint64_t deadline_ns;
    struct timer timer;
    struct fetch_session_reader reader;
    struct completion woken; /* by the session */
    bool is_parked;          /* waiting, and nobody has come back yet */
    bool is_hurrying;        /* time is up, or the client is going: answer with what there is */
    bool is_dismissed;       /* another fetch goes on with the session, or none: do not read */
};

static void fetch_unpark(struct fetch *f);

/* --- Legs ------------------------------------------------------------------------------------- */

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

static void leg_init(struct fetch *f, uint32_t core_index)
{
    struct request *request = f->request;
    f->legs[core_index] = (struct fetch_leg){
        .home = request->core,
        .core = roster_core(request->core->roster, core_index),
        .parent = &f->op,
        .landed = leg_back,
        .recalled = leg_recalled,
        .size_bytes_max = f->plan.size_bytes_max,
        .read_committed = f->in.isolation_level == ISOLATION_READ_COMMITTED,
        .takes_files = true, /* what encrypts in user space would need all of it in memory */
    };
}

static void leg_add(struct fetch_leg *leg, struct fetch_partition *wanted)
{
    assert(wanted->error == KAFKA_NONE);
    assert(wanted->next == NULL);
    wanted->leg = leg;
    if (leg->last == NULL)
        leg->first = wanted;
    else
        leg->last->next = wanted;
    leg->last = wanted;
}

/* From the plan, which may be a new one. */
static void legs_plan(struct fetch *f)
{
    for (uint32_t i = 0; i < f->leg_count; i++)
        leg_init(f, i);
    for (uint32_t i = 0; i < f->plan.partition_count; i++) {
        struct fetch_partition *wanted = &f->plan.partitions[i];
        if (wanted->error == KAFKA_NONE)
            leg_add(&f->legs[wanted->core_index], wanted);
    }
}

static bool legs_make(struct fetch *f)
{
    uint32_t core_count = io_core_count(f->request->core->io);
    f->legs = request_allocate(f->request, core_count, sizeof *f->legs);
    if (f->legs == NULL)
        return false;
    f->leg_count = core_count;
    legs_plan(f);
    return true;
}

static enum op_progress legs_read(struct fetch *f)
{
    assert(f->op.waiting == 0);
    assert(f->op.stage == FETCH_READ);
    for (uint32_t i = 0; i < f->leg_count; i++) {
        if (f->legs[i].first == NULL)
            continue;
        op_expect(&f->op);
        fetch_leg_read(&f->legs[i]);
    }
    return f->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

/* --- Parking ---------------------------------------------------------------------------------- */

static void legs_recall(struct fetch *f)
{
    for (uint32_t i = 0; i < f->leg_count; i++) {
        if (f->legs[i].first == NULL)
            continue;
        op_expect(&f->op);
        fetch_leg_recall(&f->legs[i]);
    }
}

/* Nothing to do when it is not parked: a leg that comes back from reading ends up here too. */
static void fetch_unpark(struct fetch *f)
{
    if (!f->is_parked)
        return;
    f->is_parked = false;
    struct fetch_session *session = fetch_plan_session(f->request, &f->plan);
    if (session != NULL)
        fetch_session_wait_end(session, &f->reader);
    if (f->plan.session_id == FETCH_SESSION_NONE)
        legs_recall(f);
    if (timer_is_running(&f->timer)) {
        io_timer_cancel(f->request->core->io, &f->timer);
        op_landed(&f->op, STATUS_OK);
    }
}

static void fetch_time_is_up(struct timer *timer)
{
    struct fetch *f = container_of(timer, struct fetch, timer);
    assert(f->is_parked);
    assert(f->op.stage == FETCH_PARK);
    f->is_hurrying = true;
    fetch_unpark(f);
    op_landed(&f->op, STATUS_OK);
}

static void fetch_was_woken(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct fetch, woken)->op, STATUS_OK);
}

/* Whoever wakes it is in the middle of something else, so it goes on in a turn of its own. */
static void fetch_wake(struct fetch *f)
{
    assert(f->request->state == REQUEST_RUNNING);
    if (!f->is_parked)
        return;
    op_expect(&f->op);
    completion_init(&f->woken, fetch_was_woken);
    io_land(f->request->core->io, &f->woken, STATUS_OK);
    fetch_unpark(f);
}

static void session_woken(struct fetch_session_reader *reader, bool is_dismissed)
{
    struct fetch *f = container_of(reader, struct fetch, reader);
    assert(f->is_parked);
    f->is_dismissed = is_dismissed;
    fetch_wake(f);
}

/* The connection is closing, or the broker is. */
static void fetch_cancel(struct request *request)
{
    struct fetch *f = request->operation;
    f->is_hurrying = true;
    fetch_wake(f);
}

/* What may have become due meanwhile is read at once, together with what is handed back. */
static bool fetch_park_at_session(struct fetch *f, struct fetch_session *session)
{
    assert(!f->is_parked);
    assert(session->epoch == f->plan.session_epoch);
    bool is_due = session->due_count > 0;
    fetch_plan_hand_back(f->request, &f->plan, session);
    if (is_due)
        return false;
    f->reader.woken = session_woken;
    fetch_session_wait(session, &f->reader);
    return true;
}

static void legs_watch(struct fetch *f)
{
    assert(f->plan.session_id == FETCH_SESSION_NONE);
    for (uint32_t i = 0; i < f->leg_count; i++) {
        if (f->legs[i].first == NULL)
            continue;
        op_expect(&f->op);
        fetch_leg_watch(&f->legs[i]);
    }
}

static enum op_progress fetch_park(struct fetch *f, struct fetch_session *session)
{
    assert(!f->is_parked);
    op_move(&f->op, FETCH_PARK);
    if (session != NULL && !fetch_park_at_session(f, session))
        return OP_AGAIN;
    if (session == NULL)
        legs_watch(f);
    f->is_parked = true;
    op_expect(&f->op);
    timer_init(&f->timer, fetch_time_is_up);
    io_timer_start(f->request->core->io, &f->timer, f->deadline_ns);
    return OP_WAIT;
}

/* --- Stages ----------------------------------------------------------------------------------- */

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

/* The session is over, or waits for another fetch: this one would not be woken. */
static bool has_lost_session(const struct fetch *f, const struct fetch_session *session)
{
    return f->plan.session_id != FETCH_SESSION_NONE &&
           (session == NULL || session->epoch != f->plan.session_epoch);
}

static bool may_wait(const struct fetch *f, const struct fetch_session *session)
{
    return f->request->response.status == STATUS_OK && !has_lost_session(f, session) &&
           !fetch_plan_has_error(&f->plan);
}

/* All legs have read. A fetch of nothing at all waits out its time as well, as in Kafka: a consumer
 * without partitions must not spin. */
static enum op_progress fetch_have_read(struct fetch *f)
{
    bool is_enough = fetch_plan_size_bytes(&f->plan) >= f->in.min_bytes;
    bool is_time_up = f->is_hurrying || io_now_ns(f->request->core->io) >= f->deadline_ns;
    if (!is_enough && !is_time_up) {
        struct fetch_session *session = fetch_plan_session(f->request, &f->plan);
        if (may_wait(f, session)) {
            fetch_reply_release(f->request, &f->plan);
            return fetch_park(f, session);
        }
    }
    op_move(&f->op, FETCH_REPLY);
    return OP_AGAIN;
}

/* A fetch of a session reads what has become due, and what it was to tell before. */
static enum op_progress fetch_parked(struct fetch *f)
{
    assert(!f->is_parked);
    struct fetch_session *session = fetch_plan_session(f->request, &f->plan);
    if (f->is_dismissed) {
        op_move(&f->op, FETCH_REPLY);
        return OP_AGAIN;
    }
    if (session != NULL && !fetch_plan_renew(f->request, &f->in, session, &f->plan))
        writer_fail(&f->request->response, STATUS_NO_MEMORY);
    if (f->plan.error != KAFKA_NONE) {
        op_move(&f->op, FETCH_REPLY);
        return OP_AGAIN;
    }
    op_move(&f->op, FETCH_READ);
    if (session != NULL)
        legs_plan(f);
    return legs_read(f);
}

static void fetch_sent(struct request *request)
{
    struct fetch *f = request->operation;
    if (request->ranges != NULL && request->send_result == STATUS_IO)
        fetch_reply_doubt_files(&f->plan);
    fetch_reply_release(request, &f->plan);
}

/* An answer that cannot be given takes its session along: what was due is not known any more. */
static enum op_progress fetch_reply(struct fetch *f)
{
    struct request *request = f->request;
    fetch_reply_encode(request, &f->in, &f->plan);
    if (request->response.status != STATUS_OK)
        fetch_session_end(&request->core->fetch_sessions, f->plan.session_id);
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
    struct fetch *f = request_require(request, 1, sizeof *f);
    if (f == NULL)
        return;
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
