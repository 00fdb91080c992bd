/* Starting and stopping a broker: two operations on core 0 that go over all cores.
 *
 *   start:  OPEN ──▶ ACTIVATE ──▶ CLEAR ──▶ SERVE
 *
 *   CLEAR    what earlier lives left of topics that are gone begins to go
 *
 *   stop:   UNLISTEN ──▶ DRAIN ──▶ SETTLE ──▶ RETIRE ──▶ CLOSE ──▶ DONE
 *
 *   UNLISTEN no new connections      RETIRE  the controller and the publisher end
 *   DRAIN    clients go              CLOSE   every core writes its logs down
 *   SETTLE   memory lent between cores comes home, and the pages of the admin listener end */
#include "base/assert.h"
#include "broker/broker_parts.h"
#include "broker/core_life.h"
#include "broker/core_visit.h"
#include "broker/leavings.h"
#include "broker/limits.h"
#include "broker/log_dirs_life.h"

#include <stdlib.h>

/* --- Starting --------------------------------------------------------------------------------- */

enum start_stage { START_OPEN, START_ACTIVATE, START_CLEAR, START_SERVE };

static const struct op_stage start_stages[] = {
    [START_OPEN] = {"open", 0},
    [START_ACTIVATE] = {"activate", AFTER(START_OPEN)},
    [START_CLEAR] = {"clear", AFTER(START_ACTIVATE)},
    [START_SERVE] = {"serve", AFTER(START_CLEAR)},
};

struct start {
    struct op op;
    struct broker *broker;
    struct completion active;
    struct completion *started;
};

static void open_core(struct core_visit *visit)
{
    struct broker *broker = container_of(visit->parent, struct start, op)->broker;
    enum status status = log_dirs_open_stores(broker, visit->core);
    if (status == STATUS_OK)
        broker_core_open(visit->core, broker->roster.node_id);
    io_land(visit->core->io, &visit->done, (int32_t)status);
}

static void controller_is_active(struct completion *active, int32_t result)
{
    op_landed(&container_of(active, struct start, active)->op, result);
}

static enum op_progress start_open(struct start *start)
{
    core_visit_all(&start->broker->roster, &start->op, open_core);
    op_move(&start->op, START_ACTIVATE);
    return OP_WAIT;
}

static enum op_progress start_activate(struct start *start)
{
    struct broker *broker = start->broker;
    op_move(&start->op, START_CLEAR);
    if (start->op.error != STATUS_OK)
        return OP_AGAIN;
    op_expect(&start->op);
    completion_init(&start->active, controller_is_active);
    controller_start(broker->roster.controller, &broker->publisher.image_publisher, &start->active);
    return OP_WAIT;
}

static void delete_overdue(struct core_visit *visit)
{
    leavings_delete_overdue(visit->core);
    io_land(visit->core->io, &visit->done, STATUS_OK);
}

static enum op_progress start_clear(struct start *start)
{
    struct broker *broker = start->broker;
    op_move(&start->op, START_SERVE);
    if (start->op.error != STATUS_OK)
        return OP_AGAIN;
    leavings_look_for_strays(broker);
    core_visit_all(&broker->roster, &start->op, delete_overdue);
    return OP_WAIT;
}

static enum op_progress start_serve(struct start *start)
{
    struct broker *broker = start->broker;
    for (uint32_t i = 0; i < broker->roster.listener_count && start->op.error == STATUS_OK; i++)
        acceptor_start(&broker->acceptors[i]);
    if (start->op.error == STATUS_OK)
        admin_start(&broker->admin, broker->options.config, broker->options.logger);
    io_land(broker->options.doors[0], start->started, start->op.error);
    free(start);
    return OP_DONE;
}

static enum op_progress start_step(struct op *op)
{
    struct start *start = container_of(op, struct start, op);
    switch ((enum start_stage)op->stage) {
    case START_OPEN: return start_open(start);
    case START_ACTIVATE: return start_activate(start);
    case START_CLEAR: return start_clear(start);
    case START_SERVE: return start_serve(start);
    }
    unreachable();
}

static const struct op_kind start_kind = {
    .name = "broker_start",
    .step = start_step,
    .stages = start_stages,
};

void broker_start(struct broker *broker, struct completion *started)
{
    struct start *start = calloc(1, sizeof *start);
    assert(start != NULL);
    start->broker = broker;
    start->started = started;
    op_start(&start->op, &start_kind, io_ops(broker->options.doors[0]));
}

/* --- Stopping --------------------------------------------------------------------------------- */

enum stop_stage { STOP_UNLISTEN, STOP_DRAIN, STOP_SETTLE, STOP_RETIRE, STOP_CLOSE, STOP_DONE };

static const struct op_stage stop_stages[] = {
    [STOP_UNLISTEN] = {"unlisten", 0},
    [STOP_DRAIN] = {"drain", AFTER(STOP_UNLISTEN)},
    [STOP_SETTLE] = {"settle", AFTER(STOP_DRAIN)},
    [STOP_RETIRE] = {"retire", AFTER(STOP_SETTLE)},
    [STOP_CLOSE] = {"close", AFTER(STOP_RETIRE)},
    [STOP_DONE] = {"done", AFTER(STOP_CLOSE)},
};

struct stop;

struct acceptor_ending {
    struct completion completion;
    struct stop *stop;
};

struct stop {
    struct op op;
    struct broker *broker;
    struct completion admin_stopped;
    struct timer patience;
    struct completion retired; /* the controller */
    struct completion published;
    struct acceptor_ending acceptors[CONFIG_LISTENERS_MAX];
    struct completion *stopped;
};

static void acceptor_has_stopped(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct acceptor_ending, completion)->stop->op, result);
}

static void admin_has_stopped(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct stop, admin_stopped)->op, result);
}

static void controller_has_retired(struct completion *retired, int32_t result)
{
    op_landed(&container_of(retired, struct stop, retired)->op, result);
}

static void publisher_has_stopped(struct completion *published, int32_t result)
{
    op_landed(&container_of(published, struct stop, published)->op, result);
}

static void drain_core(struct core_visit *visit)
{
    log_dirs_expect_stop(visit->core);
    group_manager_release_waiters(&visit->core->groups);
    broker_core_drain(visit->core, &visit->done);
}

static void end_connections(struct core_visit *visit)
{
    broker_core_end_connections(visit->core);
    io_land(visit->core->io, &visit->done, STATUS_OK);
}

static void settle_core(struct core_visit *visit)
{
    broker_core_settle(visit->core, &visit->done);
}

static void close_core(struct core_visit *visit)
{
    group_manager_close(&visit->core->groups);
    replica_manager_release_waiters(&visit->core->replicas);
    log_dirs_close_stores(visit->core, &visit->done);
}

static void patience_is_over(struct timer *timer)
{
    struct stop *stop = container_of(timer, struct stop, patience);
    log_warn(stop->broker->options.logger, "clients take too long to go: closing connections");
    core_visit_all(&stop->broker->roster, &stop->op, end_connections);
}

static enum op_progress stop_unlisten(struct stop *stop)
{
    struct broker *broker = stop->broker;
    op_move(&stop->op, STOP_DRAIN);
    for (uint32_t i = 0; i < broker->roster.listener_count; i++) {
        op_expect(&stop->op);
        stop->acceptors[i].stop = stop;
        completion_init(&stop->acceptors[i].completion, acceptor_has_stopped);
        acceptor_stop(&broker->acceptors[i], &stop->acceptors[i].completion);
    }
    return OP_WAIT;
}

static enum op_progress stop_drain(struct stop *stop)
{
    struct io *io = stop->broker->options.doors[0];
    op_move(&stop->op, STOP_SETTLE);
    timer_init(&stop->patience, patience_is_over);
    io_timer_start(io, &stop->patience,
                   io_now_ns(io) + LIMIT_DRAIN_SECONDS * 1000ull * 1000 * 1000);
    core_visit_all(&stop->broker->roster, &stop->op, drain_core);
    return OP_WAIT;
}

static enum op_progress stop_settle(struct stop *stop)
{
    io_timer_cancel(stop->broker->options.doors[0], &stop->patience);
    op_move(&stop->op, STOP_RETIRE);
    op_expect(&stop->op);
    completion_init(&stop->admin_stopped, admin_has_stopped);
    admin_stop(&stop->broker->admin, &stop->admin_stopped);
    core_visit_all(&stop->broker->roster, &stop->op, settle_core);
    return OP_WAIT;
}

static enum op_progress stop_retire(struct stop *stop)
{
    op_move(&stop->op, STOP_CLOSE);
    op_expect(&stop->op);
    completion_init(&stop->retired, controller_has_retired);
    controller_stop(stop->broker->roster.controller, &stop->retired);
    op_expect(&stop->op);
    completion_init(&stop->published, publisher_has_stopped);
    publisher_stop(&stop->broker->publisher, &stop->published);
    return OP_WAIT;
}

static enum op_progress stop_close(struct stop *stop)
{
    op_move(&stop->op, STOP_DONE);
    core_visit_all(&stop->broker->roster, &stop->op, close_core);
    return OP_WAIT;
}

static enum op_progress stop_done(struct stop *stop)
{
    io_land(stop->broker->options.doors[0], stop->stopped, stop->op.error);
    free(stop);
    return OP_DONE;
}

static enum op_progress stop_step(struct op *op)
{
    struct stop *stop = container_of(op, struct stop, op);
    switch ((enum stop_stage)op->stage) {
    case STOP_UNLISTEN: return stop_unlisten(stop);
    case STOP_DRAIN: return stop_drain(stop);
    case STOP_SETTLE: return stop_settle(stop);
    case STOP_RETIRE: return stop_retire(stop);
    case STOP_CLOSE: return stop_close(stop);
    case STOP_DONE: return stop_done(stop);
    }
    unreachable();
}

static const struct op_kind stop_kind = {
    .name = "broker_stop",
    .step = stop_step,
    .stages = stop_stages,
};

void broker_stop(struct broker *broker, struct completion *stopped)
{
    struct stop *stop = calloc(1, sizeof *stop);
    assert(stop != NULL);
    stop->broker = broker;
    stop->stopped = stopped;
    op_start(&stop->op, &stop_kind, io_ops(broker->options.doors[0]));
}
