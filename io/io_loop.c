/* The loop of the door, and what needs no request: timers, mail, time and chance. */
#include "base/assert.h"
#include "io/io_backend.h"

/* Most work is a chain of landings: bytes arrive, a request begins, its batch goes to the log, the
 * log asks the journal. Looking for events between any two of them would be a system call for each,
 * so a turn goes on along the chains; but not for ever, for there are those that never end. */
enum { ROUNDS_OF_A_TURN = 8 };

void io_init(struct io *io, const struct io_backend *backend, uint32_t core_index,
             uint32_t core_count, uint64_t seed, struct logger *logger)
{
    assert(backend != NULL);
    assert(core_index < core_count);
    assert(logger != NULL);
    *io = (struct io){
        .backend = backend, .core_index = core_index, .core_count = core_count, .logger = logger};
    ready_queue_init(&io->ready);
    io->rounds_max = ROUNDS_OF_A_TURN;
    io->now_ns = backend->now_ns(io);
    timer_wheel_init(&io->timers, io->now_ns);
    atomic_init(&io->stopping, false);
    prng_init(&io->random, seed);
    op_registry_init(&io->ops, NULL); /* only the simulator reads what operations do */
}

void io_deinit(struct io *io)
{
    assert(io->in_flight_count == 0);
    assert(io->awaited == NULL);
}

/* --- The loop --------------------------------------------------------------------------------- */

/* How long the backend may wait: not at all when something is ready, else until the next timer. */
static uint64_t io_poll_deadline(const struct io *io)
{
    uint64_t deadline_ns;
    if (!ready_queue_is_empty(&io->ready))
        return 0;
    return timer_wheel_next(&io->timers, &deadline_ns) ? deadline_ns : UINT64_MAX;
}

void io_turn(struct io *io)
{
    uint64_t before_ns = io->now_ns;
    io->backend->poll(io, io_poll_deadline(io));
    assert(io->now_ns >= before_ns);
    timer_wheel_advance(&io->timers, io->now_ns);
    for (uint32_t i = 0; i < io->rounds_max && !ready_queue_is_empty(&io->ready); i++)
        ready_queue_run(&io->ready);
}

/* The wish to stop is used up, so the door still serves for closing what is open. What the last
 * turn has prepared, and whom it must wake, goes out with one more look at the events. */
void io_run(struct io *io)
{
    assert(io->awaited == NULL);
    while (!atomic_load(&io->stopping))
        io_turn(io);
    io->backend->poll(io, 0);
    atomic_store(&io->stopping, false);
}

void io_stop(struct io *io)
{
    atomic_store(&io->stopping, true);
    io->backend->wake(io);
}

static void io_await_landed(struct completion *completion, int32_t result)
{
    assert(completion->landed == io_await_landed);
    assert(completion->result == result);
    completion->landed = NULL;
}

int32_t io_await(struct io *io, struct io_request *request)
{
    io_await_all(io, &request, 1);
    return request->completion.result;
}

void io_await_all(struct io *io, struct io_request *const *requests, uint32_t count)
{
    assert(io->in_flight_count <= count);
    assert(io->awaited == NULL);
    for (uint32_t i = 0; i < count; i++)
        requests[i]->completion.landed = io_await_landed;
    for (uint32_t i = 0; i < count; i++) {
        io->awaited = requests[i];
        while (requests[i]->completion.landed != NULL)
            io_turn(io);
    }
    io->awaited = NULL;
}

/* --- Straight to the backend ------------------------------------------------------------------ */

enum status io_listen(struct io *io, struct io_address *address, int32_t *listener)
{
    assert(address != NULL);
    assert(listener != NULL);
    return io->backend->listen(io, address, listener);
}

void io_close_listener(struct io *io, int32_t listener)
{
    assert(listener >= 0);
    io->backend->close_listener(io, listener);
}

void io_shutdown(struct io *io, int32_t handle)
{
    assert(handle >= 0);
    io->backend->shutdown(io, handle);
}

void io_post(struct io *io, uint32_t core_index, struct completion *mail, int32_t result)
{
    assert(core_index < io->core_count);
    assert(mail != NULL);
    if (core_index == io->core_index)
        ready_queue_push(&io->ready, mail, result);
    else
        io->backend->post(io, core_index, mail, result);
}

void io_land(struct io *io, struct completion *completion, int32_t result)
{
    ready_queue_push(&io->ready, completion, result);
}

/* --- Time, chance, and what the door knows ---------------------------------------------------- */

uint64_t io_now_ns(const struct io *io)
{
    return io->now_ns;
}

int64_t io_wall_ms(struct io *io)
{
    return io->backend->wall_ms(io);
}

void io_timer_start(struct io *io, struct timer *timer, uint64_t deadline_ns)
{
    assert(timer->fired != NULL);
    assert(!timer_is_running(timer));
    timer_start(&io->timers, timer, deadline_ns);
}

void io_timer_cancel(struct io *io, struct timer *timer)
{
    timer_cancel(&io->timers, timer);
}

uint64_t io_random_u64(struct io *io)
{
    return prng_u64(&io->random);
}

void io_secret(struct io *io, void *buffer, size_t size)
{
    assert(buffer != NULL);
    io->backend->secret(io, buffer, size);
}

uint32_t io_core_index(const struct io *io)
{
    return io->core_index;
}

uint32_t io_core_count(const struct io *io)
{
    return io->core_count;
}

struct op_registry *io_ops(struct io *io)
{
    return &io->ops;
}

struct logger *io_logger(struct io *io)
{
    return io->logger;
}

const char *io_backend_name(const struct io *io)
{
    return io->backend->name;
}
