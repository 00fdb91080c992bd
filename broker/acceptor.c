#include "broker/acceptor.h"

#include "base/assert.h"
#include "broker/connection_pump.h"
#include "broker/roster.h"

#include <stdlib.h>

/* After a failure such as "too many open files": long enough not to spin, short enough not to be
 * felt. */
enum { ACCEPT_PAUSE_NS = 100 * 1000 * 1000 };

/* A connected socket on its way to its core. */
struct placement {
    struct completion mail;
    struct broker_core *core;
    int32_t handle;
    struct io_address peer;
    uint32_t listener_index;
};

static struct io *acceptor_io(const struct acceptor *acceptor)
{
    return roster_core(acceptor->roster, 0)->io;
}

static void placed(struct completion *mail, int32_t result)
{
    struct placement *placement = container_of(mail, struct placement, mail);
    connection_start(placement->core, placement->handle, &placement->peer,
                     placement->listener_index);
    free(placement);
}

static void place(struct acceptor *acceptor, int32_t handle)
{
    assert(handle >= 0);
    struct placement *placement = malloc(sizeof *placement);
    assert(placement != NULL);
    uint32_t core_index = acceptor->core_index;
    *placement = (struct placement){
        .core = roster_core(acceptor->roster, core_index),
        .handle = handle,
        .peer = acceptor->accept.address,
        .listener_index = acceptor->listener_index,
    };
    completion_init(&placement->mail, placed);
    io_post(acceptor_io(acceptor), core_index, &placement->mail, STATUS_OK);
}

static void accept_next(struct acceptor *acceptor);

static void pause_is_over(struct timer *timer)
{
    accept_next(container_of(timer, struct acceptor, pause));
}

static void accepted(struct completion *completion, int32_t result)
{
    struct acceptor *acceptor = container_of(completion, struct acceptor, accept.completion);
    struct io *io = acceptor_io(acceptor);
    assert(acceptor->is_accepting);
    acceptor->is_accepting = false;
    if (result >= 0)
        place(acceptor, result);
    else
        gate_leave(acceptor->roster->gate, acceptor->core_index, 1);
    if (acceptor->is_stopping) {
        io_land(io, acceptor->stopped, STATUS_OK);
        return;
    }
    if (result >= 0) {
        accept_next(acceptor);
        return;
    }
    log_warn(io_logger(io), "cannot accept connections for a moment",
             field_status("status", (enum status)result),
             field_text("listener", acceptor->address.text));
    io_timer_start(io, &acceptor->pause, io_now_ns(io) + ACCEPT_PAUSE_NS);
}

static void accept_next(struct acceptor *acceptor)
{
    assert(!acceptor->is_accepting);
    assert(!acceptor->is_stopping);
    gate_enter(acceptor->roster->gate, &acceptor->wish);
}

static void gate_granted(struct gate_wish *wish, uint32_t core_index)
{
    struct acceptor *acceptor = container_of(wish, struct acceptor, wish);
    assert(!acceptor->is_stopping);
    assert(core_index < acceptor->roster->core_count);
    assert(!acceptor->is_accepting);
    acceptor->core_index = core_index;
    acceptor->is_accepting = true;
    completion_init(&acceptor->accept.completion, accepted);
    io_accept(acceptor_io(acceptor), &acceptor->accept, acceptor->listener);
}

enum status acceptor_bind(struct acceptor *acceptor, const struct roster *roster, struct io *io,
                          uint32_t listener_index, const char *host, uint16_t port)
{
    assert(roster != NULL);
    assert(host != NULL);
    *acceptor = (struct acceptor){.roster = roster, .listener_index = listener_index};
    timer_init(&acceptor->pause, pause_is_over);
    acceptor->wish.granted = gate_granted;
    list_node_init(&acceptor->wish.node);
    enum status status = io_address_parse(host, port, &acceptor->address);
    if (status != STATUS_OK)
        return status;
    return io_listen(io, &acceptor->address, &acceptor->listener);
}

void acceptor_start(struct acceptor *acceptor)
{
    assert(!acceptor->is_accepting);
    assert(!acceptor->is_stopping);
    accept_next(acceptor);
}

void acceptor_stop(struct acceptor *acceptor, struct completion *stopped)
{
    assert(stopped != NULL);
    assert(!acceptor->is_stopping);
    struct io *io = acceptor_io(acceptor);
    acceptor->is_stopping = true;
    acceptor->stopped = stopped;
    io_timer_cancel(io, &acceptor->pause);
    gate_forget(&acceptor->wish);
    io_close_listener(io, acceptor->listener);
    if (!acceptor->is_accepting)
        io_land(io, stopped, STATUS_OK);
}
