#include "sim/door.h"

#include "base/assert.h"
#include "sim/file_job.h"
#include "sim/memory.h"

#include <stdlib.h>

enum { MAIL_NS = 3000 };

static struct core *core_of(struct io *io)
{
    return container_of(io, struct core, io);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Sockets of the dead are deaf: only files answer, because start-up code may be waiting. */
static void sim_submit(struct io *io, struct io_request *request)
{
    struct core *core = core_of(io);
    struct node *node = core->node;
    if (is_file_kind(request->kind)) {
        file_job_submit(core, request);
        return;
    }
    if (node_is_doomed(node))
        return;
    if (request->kind == IO_SIGNAL) {
        assert(node->signal_request == NULL);
        node->signal_core = core;
        node->signal_request = request;
        return;
    }
    if (request->kind == IO_CONNECT)
        listener_connect(&node->world->network, io, request, node->host);
    else if (request->kind == IO_ACCEPT)
        listener_accept(node_handle(node, request->handle, HANDLE_LISTENER)->listener, io, request);
    else if (request->kind == IO_RECEIVE)
        endpoint_receive(node_handle(node, request->handle, HANDLE_ENDPOINT)->endpoint, io,
                         request);
    else
        endpoint_send(node_handle(node, request->handle, HANDLE_ENDPOINT)->endpoint, io, request);
}

void door_network_landed(struct network *network, struct io *io, struct io_request *request,
                         struct endpoint *endpoint, int32_t result)
{
    struct core *core = core_of(io);
    if (endpoint != NULL) {
        result = node_open_handle(core->node,
                                  (struct handle){.kind = HANDLE_ENDPOINT, .endpoint = endpoint});
        if (result < 0)
            endpoint_close(endpoint);
    }
    core_landed(core, request, result);
}

int32_t door_read_range(struct network *network, struct io *io, struct io_file_range range,
                        uint8_t *to, size_t size)
{
    struct node *node = core_of(io)->node;
    const struct handle *handle = node_handle(node, range.handle, HANDLE_FILE);
    assert(!handle->is_direct);
    if (disk_is_broken_under(&node->disk, handle->file) ||
        node_draw(node, node->world->faults.disk.read_error))
        return STATUS_IO;
    return (int32_t)file_read(&handle->file->file, range.offset, to, size);
}

static enum status sim_listen(struct io *io, struct io_address *address, int32_t *listener)
{
    struct node *node = core_of(io)->node;
    if (node_is_doomed(node))
        return STATUS_FAILED;
    struct handle handle = {.kind = HANDLE_LISTENER};
    enum status status =
        listener_open(&node->world->network, node->host, address, &handle.listener);
    if (status != STATUS_OK)
        return status;
    int32_t number = node_open_handle(node, handle);
    if (number < 0) {
        listener_close(handle.listener);
        return number;
    }
    *listener = number;
    return STATUS_OK;
}

static void sim_close_listener(struct io *io, int32_t listener)
{
    struct node *node = core_of(io)->node;
    if (node_is_doomed(node))
        return;
    struct handle *handle = node_handle(node, listener, HANDLE_LISTENER);
    listener_close(handle->listener);
    handle->kind = HANDLE_CLOSED;
    node->open_count--;
}

static void sim_shutdown(struct io *io, int32_t number)
{
    struct node *node = core_of(io)->node;
    if (!node_is_doomed(node))
        endpoint_shutdown(node_handle(node, number, HANDLE_ENDPOINT)->endpoint);
}

/* --- Mail ------------------------------------------------------------------------------------- */

struct mail {
    struct event event;
    struct list_node node; /* on node->mails */
    struct core *to;
    struct completion *completion;
    int32_t result;
};

static void mail_fire(struct event *event)
{
    struct mail *mail = container_of(event, struct mail, event);
    struct core *to = mail->to;
    ready_queue_push(&to->io.ready, mail->completion, mail->result);
    core_wake(to, world_now_ns(to->node->world));
    node_note(to->node, "mail", to->io.core_index);
    list_remove(&mail->node);
    free(mail);
}

/* A little after the one before it, so that the order holds. */
static void sim_post(struct io *io, uint32_t core_index, struct completion *completion,
                     int32_t result)
{
    assert(core_index < core_of(io)->node->core_count);
    assert(core_index != io->core_index);
    struct node *node = core_of(io)->node;
    if (node_is_doomed(node))
        return;
    struct mail *mail = must_allocate(1, sizeof *mail);
    event_init(&mail->event, mail_fire);
    list_node_init(&mail->node);
    list_push_back(&node->mails, &mail->node);
    mail->to = &node->cores[core_index];
    mail->completion = completion;
    mail->result = result;

    uint64_t *last_ns = &node->mail_last_ns[io->core_index * node->core_count + core_index];
    uint64_t at_ns = world_now_ns(node->world) + prng_below(&node->prng, MAIL_NS);
    *last_ns = at_ns > *last_ns ? at_ns : *last_ns + 1;
    event_schedule(&node->world->queue, &mail->event, *last_ns);
}

void door_drop_mail(struct node *node)
{
    struct list_node *list_node;
    while ((list_node = list_pop_front(&node->mails)) != NULL) {
        struct mail *mail = container_of(list_node, struct mail, node);
        event_cancel(&node->world->queue, &mail->event);
        free(mail);
    }
}

/* --- Time and chance -------------------------------------------------------------------------- */

static uint64_t sim_now_ns(struct io *io)
{
    return node_clock_ns(core_of(io)->node);
}

static int64_t sim_wall_ms(struct io *io)
{
    struct log_sink *sink = &core_of(io)->node->log_sink;
    return sink->now_ms(sink);
}

static void sim_secret(struct io *io, void *buffer, size_t size)
{
    uint8_t *bytes = buffer;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)prng_u64(&core_of(io)->node->prng);
}

/* --- The loop --------------------------------------------------------------------------------- */

/* Somebody turns this door by hand: the world goes on until something has happened. The node may
 * not die meanwhile (node_doom refuses): its burial would free the door that is being turned. */
static void poll_by_hand(struct core *core, uint64_t deadline_ns)
{
    struct world *world = core->node->world;
    assert(!world->is_stepping);
    assert(!core->is_polled);
    assert(!node_is_doomed(core->node)); /* dead already: its burial is the world's next event */
    core->is_polled = true;
    if (deadline_ns == 0) {
        world_run_until(world, world_now_ns(world) + TURN_NS);
    } else {
        if (deadline_ns != UINT64_MAX)
            core_wake(core, node_time_of_clock(core->node, deadline_ns));
        bool happened = world_step(world);
        assert(happened); /* or whoever turns this door would wait for ever */
    }
    core->is_polled = false;
}

static void sim_poll(struct io *io, uint64_t deadline_ns)
{
    struct core *core = core_of(io);
    if (io->awaited != NULL && ready_queue_is_empty(&io->ready))
        file_job_hurry(core);
    else if (io->awaited == NULL && !core->is_turning)
        poll_by_hand(core, deadline_ns);
    io->now_ns = node_clock_ns(core->node);
}

static void sim_wake(struct io *io)
{
    struct core *core = core_of(io);
    core_wake(core, world_now_ns(core->node->world));
}

/* From the node's own memory, which dies with it. */
static uint8_t *sim_slab_map(struct io *io)
{
    assert(io != NULL);
    return aligned_alloc(IO_SLAB_SIZE, IO_SLAB_SIZE);
}

/* Memory takes no time in the world. */
static void sim_slab_expect(struct io *io)
{
    assert(io != NULL);
}

static void sim_slab_unmap(struct io *io, uint8_t *memory)
{
    assert(io != NULL);
    free(memory);
}

static const struct io_backend sim_backend = {
    .name = "sim",
    .submit = sim_submit,
    .poll = sim_poll,
    .post = sim_post,
    .wake = sim_wake,
    .listen = sim_listen,
    .close_listener = sim_close_listener,
    .shutdown = sim_shutdown,
    .slab_map = sim_slab_map,
    .slab_expect = sim_slab_expect,
    .slab_unmap = sim_slab_unmap,
    .now_ns = sim_now_ns,
    .wall_ms = sim_wall_ms,
    .secret = sim_secret,
};

/* --- Life of a door --------------------------------------------------------------------------- */

void door_open(struct core *core, uint32_t core_index, uint64_t seed)
{
    struct node *node = core->node;
    core->logger =
        (struct logger){.sink = &node->log_sink, .level = LOG_DEBUG, .core = (int32_t)core_index};
    list_init(&core->jobs);
    io_init(&core->io, &sim_backend, core_index, node->core_count, seed, &core->logger);
    core->io.ops.trace = &node->world->trace;
}

static void list_sever(struct list *list)
{
    while (list_pop_front(list) != NULL) {
    }
}

void door_sever(struct core *core)
{
    assert(node_is_doomed(core->node));
    assert(!core->is_turning);
    struct io *io = &core->io;
    event_cancel(&core->node->world->queue, &core->turn);
    file_jobs_abandon(core);
    list_sever(&io->ready.list);
    list_sever(&io->timers.overdue);
    for (uint32_t level = 0; level < TIMER_WHEEL_LEVELS; level++)
        for (uint32_t slot = 0; slot < TIMER_WHEEL_SLOTS; slot++)
            list_sever(&io->timers.slots[level][slot]);
    timer_wheel_init(&io->timers, io->now_ns);
    list_sever(&io->ops.in_flight);
    io->ops.in_flight_count = 0;
    io->in_flight_count = 0;
    io->awaited = NULL;
}

void door_close(struct core *core)
{
    assert(list_is_empty(&core->node->mails));
    assert(!core->is_turning);
    list_sever(&core->io.ready.list);
    file_jobs_abandon(core);
    event_cancel(&core->node->world->queue, &core->turn);
    core->io.in_flight_count = 0;
    io_deinit(&core->io);
}
