#include "bench/worker.h"

#include "base/assert.h"
#include "bench/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, TURN_NS = 20 * 1000 * 1000, ASK_AT_ONCE_MAX = 64 };

/* --- Requests --------------------------------------------------------------------------------- */

static void count_answer(struct worker *worker, struct connection *connection, int64_t start_ns,
                         struct answer answer)
{
    struct tally *tally = connection->tally;
    if (!window_has(&connection->role->window, start_ns))
        return;
    if (answer.error != KAFKA_NONE) {
        tally_add_error(tally, answer.error, worker->now_ns);
        return;
    }
    counter_add(&tally->requests, 1);
    tally_add_records(tally, answer.records, answer.bytes, worker->now_ns);
    if (answer.is_timed)
        histogram_add(&tally->latencies_ns, (uint64_t)(worker->now_ns - start_ns), 1);
}

/* A request whose answer has come, or that needs none. */
static int64_t finish_request(struct connection *connection)
{
    assert(connection->in_flight > 0);
    connection->in_flight--;
    return connection->start_ns[connection->answered_count++ % LOAD_IN_FLIGHT_MAX];
}

/* When the next request was meant to start; false if it is not to be begun now. */
static bool find_start(const struct worker *worker, const struct connection *connection,
                       int64_t *start_ns)
{
    const struct role *role = connection->role;
    if (connection->is_finished || connection->in_flight >= role->in_flight_max)
        return false;
    if (role->rate > 0) {
        *start_ns = schedule_start_ns(&role->schedule, connection->index, connection->begun_count);
        return connection->begun_count < connection->due_count;
    }
    *start_ns = now_ns();
    return role->is_follower || worker->now_ns < role->window.end_ns;
}

static bool begin_request(const struct worker *worker, struct connection *connection)
{
    struct role *role = connection->role;
    int64_t start_ns;
    assert(connection->piece_count == 0);
    if (!find_start(worker, connection, &start_ns))
        return false;
    if (!role_take_request(role) || !role->kind->next(role, connection, start_ns)) {
        connection->is_finished = true;
        return false;
    }
    assert(connection->piece_count > 0);
    connection->start_ns[connection->begun_count++ % LOAD_IN_FLIGHT_MAX] = start_ns;
    connection->in_flight++;
    return true;
}

/* A request that needs no answer is done when the socket has taken it. */
static void finish_unanswered(struct worker *worker, struct connection *connection)
{
    struct role *role = connection->role;
    worker->now_ns = now_ns();
    worker->heard_ns = worker->now_ns;
    int64_t start_ns = finish_request(connection);
    count_answer(worker, connection, start_ns,
                 role->kind->answered(role, connection, NULL, start_ns));
}

/* Sends until the connection is full, in one way or the other. Without answers that may be never,
 * so the others get their turn after a while. */
static void ask(struct worker *worker, struct connection *connection)
{
    bool had_pieces = connection->piece_count > 0;
    for (uint32_t sent = 0; had_pieces || begin_request(worker, connection); sent++) {
        if (sent == ASK_AT_ONCE_MAX) {
            connection_await_room(connection);
            return;
        }
        if (!connection_send(connection))
            return;
        had_pieces = false;
        if (connection->role->is_unanswered)
            finish_unanswered(worker, connection);
    }
    connection_forget_room(connection);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void take_answer(struct worker *worker, struct connection *connection, struct bytes frame)
{
    struct role *role = connection->role;
    struct reader reader;
    int32_t id = (int32_t)connection->answered_count;
    reader_init(&reader, frame);
    arena_reset(&connection->arena);
    if (connection->in_flight == 0 ||
        !response_begin(&reader, role->kind->key, role->kind->version, id, &connection->arena))
        fail("connection %u: an answer is not the one to request %d", connection->index, id);
    int64_t start_ns = finish_request(connection);
    count_answer(worker, connection, start_ns,
                 role->kind->answered(role, connection, &reader, start_ns));
}

static void take_answers(struct worker *worker, struct connection *connection)
{
    struct bytes frame;
    size_t position = 0;
    connection_receive(connection);
    worker->now_ns = now_ns();
    worker->heard_ns = worker->now_ns;
    while (connection_next_frame(connection, &position, &frame))
        take_answer(worker, connection, frame);
    connection_drop(connection, position);
}

/* --- Turns ------------------------------------------------------------------------------------ */

/* A request that could go at once began as late as this thread woke up. */
static void note_delay(struct worker *worker, const struct connection *connection, int64_t start_ns)
{
    bool can_go = connection->begun_count + 1 == connection->due_count &&
                  connection->in_flight < connection->role->in_flight_max &&
                  connection->piece_count == 0;
    assert(start_ns <= worker->now_ns);
    if (can_go && window_has(&connection->role->window, start_ns))
        histogram_add(&worker->send_delays_ns, (uint64_t)(worker->now_ns - start_ns), 1);
}

/* Begins what is due in the open loop; answers when the next one is. */
static int64_t release_due(struct worker *worker, struct worker_role *part)
{
    const struct role *role = part->role;
    for (;;) {
        struct connection *connection = &part->connections[part->turn];
        int64_t start_ns = schedule_start_ns(&role->schedule, connection->index, part->turn_number);
        if (start_ns >= role->window.end_ns)
            return INT64_MAX;
        if (start_ns > worker->now_ns)
            return start_ns;
        connection->due_count++;
        note_delay(worker, connection, start_ns);
        ask(worker, connection);
        part->turn = (part->turn + 1) % part->connection_count;
        part->turn_number += part->turn == 0;
    }
}

static int64_t release_all_due(struct worker *worker)
{
    int64_t next_ns = worker->now_ns + TURN_NS;
    for (uint32_t i = 0; i < worker->role_count; i++) {
        struct worker_role *part = &worker->roles[i];
        if (part->role->rate <= 0 || part->connection_count == 0)
            continue;
        int64_t due_ns = release_due(worker, part);
        if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

/* Whether the open loop means more to begin; a thread that wakes up late may find itself behind the
 * end of the window with that before it. */
static bool has_more_due(const struct worker_role *part)
{
    const struct role *role = part->role;
    if (role->rate <= 0 || part->connection_count == 0)
        return false;
    uint32_t index = part->connections[part->turn].index;
    return schedule_start_ns(&role->schedule, index, part->turn_number) < role->window.end_ns;
}

static bool connection_is_idle(const struct worker *worker, const struct connection *connection,
                               bool is_more_due)
{
    const struct role *role = connection->role;
    bool may_ask =
        !connection->is_finished && (is_more_due || worker->now_ns < role->window.end_ns ||
                                     connection->begun_count < connection->due_count);
    return role->is_follower ||
           (!may_ask && connection->in_flight == 0 && connection->piece_count == 0);
}

static bool is_idle(const struct worker *worker)
{
    for (uint32_t i = 0; i < worker->role_count; i++) {
        const struct worker_role *part = &worker->roles[i];
        bool is_more_due = has_more_due(part);
        for (uint32_t c = 0; c < part->connection_count; c++)
            if (!connection_is_idle(worker, &part->connections[c], is_more_due))
                return false;
    }
    return true;
}

/* Looks around now and then, not in each turn. */
static void look_around(struct worker *worker)
{
    bool idle = is_idle(worker);
    __atomic_store_n(&worker->is_idle, idle, __ATOMIC_RELEASE);
    __atomic_store_n(&worker->cpu_ns, thread_cpu_ns(), __ATOMIC_RELAXED);
    if (!idle && worker->now_ns - worker->heard_ns > WORKER_SILENCE_SECONDS * SECOND_NS)
        fail("the broker has not answered for %d s", WORKER_SILENCE_SECONDS);
}

static void turn(struct worker *worker, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = until_ns - now_ns();
    struct timespec timeout = {.tv_nsec = wait_ns > 0 ? wait_ns : 0};
    int count = epoll_pwait2(worker->poll_file, events, EVENTS_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            take_answers(worker, connection);
        ask(worker, connection);
    }
    worker->now_ns = now_ns();
}

static void ask_all(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->role_count; i++)
        for (uint32_t c = 0; c < worker->roles[i].connection_count; c++)
            ask(worker, &worker->roles[i].connections[c]);
}

static void *run(void *context)
{
    struct worker *worker = context;
    /* A wake-up may be late by this; the kernel's 50 us would be measured as the broker's. */
    prctl(PR_SET_TIMERSLACK, 1);
    struct timespec begin = {worker->began_ns / SECOND_NS, worker->began_ns % SECOND_NS};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &begin, NULL);
    worker->now_ns = now_ns();
    worker->heard_ns = worker->now_ns;
    int64_t look_ns = worker->now_ns;
    ask_all(worker);
    while (!__atomic_load_n(&worker->is_stopped, __ATOMIC_ACQUIRE)) {
        turn(worker, release_all_due(worker));
        if (worker->now_ns >= look_ns) {
            look_around(worker);
            look_ns = worker->now_ns + TURN_NS;
        }
    }
    return NULL;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void open_part(struct worker *worker, struct worker_role *part, uint32_t index,
                      uint32_t worker_count, const struct address *address)
{
    struct role *role = part->role;
    for (uint32_t i = index; i < role->connection_count; i += worker_count)
        part->connection_count++;
    part->connections = calloc(part->connection_count + 1, sizeof *part->connections);
    if (part->connections == NULL)
        fail("no memory for %u connections", part->connection_count);
    for (uint32_t i = 0; i < part->connection_count; i++) {
        struct connection *connection = &part->connections[i];
        connection->role = role;
        connection->tally = &part->tally;
        connection->index = index + i * worker_count;
        connection_open(connection, address, worker->poll_file, role->answer_bytes_max);
    }
}

void worker_open(struct worker *worker, struct role *const *roles, uint32_t role_count,
                 uint32_t index, uint32_t worker_count, const struct address *address)
{
    assert(role_count <= WORKER_ROLES_MAX);
    assert(index < worker_count);
    worker->poll_file = epoll_create1(EPOLL_CLOEXEC);
    if (worker->poll_file < 0)
        fail("epoll: %s", strerror(errno));
    worker->role_count = role_count;
    for (uint32_t i = 0; i < role_count; i++) {
        worker->roles[i].role = roles[i];
        open_part(worker, &worker->roles[i], index, worker_count, address);
    }
}

void worker_start(struct worker *worker, int64_t began_ns)
{
    worker->began_ns = began_ns;
    int error = pthread_create(&worker->thread, NULL, run, worker);
    if (error != 0)
        fail("no thread: %s", strerror(error));
}

/* What was given up counts with the time that it has waited: to leave it out would make a broker
 * that does not keep up look better than one that does. */
static void count_unanswered(struct worker *worker, struct connection *connection)
{
    const struct role *role = connection->role;
    uint64_t until = connection->due_count > connection->begun_count ? connection->due_count
                                                                     : connection->begun_count;
    for (uint64_t i = connection->answered_count; i < until; i++) {
        int64_t start_ns = i < connection->begun_count
                               ? connection->start_ns[i % LOAD_IN_FLIGHT_MAX]
                               : schedule_start_ns(&role->schedule, connection->index, i);
        if (!window_has(&role->window, start_ns))
            continue;
        counter_add(&connection->tally->unanswered, 1);
        histogram_add(&connection->tally->latencies_ns, (uint64_t)(worker->now_ns - start_ns), 1);
    }
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    for (uint32_t i = 0; i < worker->role_count; i++)
        for (uint32_t c = 0; c < worker->roles[i].connection_count; c++)
            if (!worker->roles[i].role->is_follower)
                count_unanswered(worker, &worker->roles[i].connections[c]);
}

void worker_close(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->role_count; i++) {
        for (uint32_t c = 0; c < worker->roles[i].connection_count; c++)
            connection_close(&worker->roles[i].connections[c]);
        free(worker->roles[i].connections);
    }
    close(worker->poll_file);
}
