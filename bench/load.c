#include "bench/load.h"

#include "base/assert.h"
#include "bench/client.h"
#include "protocol/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    CORRELATION_ID_AT = 8,
    ARENA_BYTES_MAX = 1 << 20,
    TURN_MS = 100,
    SHOW_EVERY_NS = 200 * 1000 * 1000,
};

/* --- Sending ----------------------------------------------------------------------------------
 */

/* Tells epoll about room in the socket, or not to. */
static void watch(struct load *load, struct load_connection *connection, bool is_blocked)
{
    if (connection->is_blocked == is_blocked)
        return;
    struct epoll_event event = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0),
                                .data.u32 = connection->index};
    connection->is_blocked = is_blocked;
    if (epoll_ctl(load->poll_file, EPOLL_CTL_MOD, connection->file, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

/* Takes the next request; false if there is none to send now. */
static bool take_next(struct load *load, struct load_connection *connection)
{
    assert(bytes_are_null(connection->frame));
    bool may_ask = load->phase != LOAD_DRAIN && !connection->is_finished &&
                   connection->in_flight < load->options->in_flight;
    if (!may_ask)
        return false;
    if (!load->kind->next(load, connection, &connection->frame)) {
        connection->is_finished = true;
        connection->frame = (struct bytes){0};
        return false;
    }
    int32_t id = connection->next_correlation_id++;
    assert(connection->frame.size > LOAD_HEAD_SIZE);
    memcpy(connection->head, connection->frame.data, LOAD_HEAD_SIZE);
    store_u32_be(connection->head + CORRELATION_ID_AT, (uint32_t)id);
    connection->sent_bytes = 0;
    connection->asked_ns[(uint32_t)id % IN_FLIGHT_MAX] = now_ns();
    connection->in_flight++;
    load->in_flight++;
    return true;
}

/* Sends what is left of the frame; false if the socket is full. */
static bool send_frame(struct load_connection *connection)
{
    while (connection->sent_bytes < connection->frame.size) {
        size_t sent = connection->sent_bytes;
        struct iovec parts[2] = {
            {connection->head + sent, LOAD_HEAD_SIZE - sent},
            {(void *)(connection->frame.data + LOAD_HEAD_SIZE),
             connection->frame.size - LOAD_HEAD_SIZE},
        };
        bool is_head_sent = sent >= LOAD_HEAD_SIZE;
        if (is_head_sent)
            parts[1] = (struct iovec){(void *)(connection->frame.data + sent),
                                      connection->frame.size - sent};
        struct msghdr message = {.msg_iov = parts + is_head_sent, .msg_iovlen = 2u - is_head_sent};
        ssize_t count = sendmsg(connection->file, &message, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count < 0)
            fail("connection %u: %s", connection->index, strerror(errno));
        connection->sent_bytes += (size_t)count;
    }
    connection->frame = (struct bytes){0};
    return true;
}

static void ask(struct load *load, struct load_connection *connection)
{
    bool is_sent = bytes_are_null(connection->frame) || send_frame(connection);
    while (is_sent && take_next(load, connection))
        is_sent = send_frame(connection);
    watch(load, connection, !is_sent);
}

/* --- Receiving --------------------------------------------------------------------------------
 */

static void take_answer(struct load *load, struct load_connection *connection, struct bytes frame)
{
    struct reader reader;
    int32_t id = connection->answer_correlation_id++;
    assert(connection->in_flight > 0);
    reader_init(&reader, frame);
    arena_reset(&connection->arena);
    if (!response_begin(&reader, load->kind->key, load->kind->version, id, &connection->arena))
        fail("connection %u: an answer is not the one to request %d", connection->index, id);
    struct load_gain gain = load->kind->answered(load, connection, &reader);
    connection->in_flight--;
    load->in_flight--;
    load->answered_ns = now_ns();
    if (load->phase != LOAD_MEASURE)
        return;
    int64_t asked_ns = connection->asked_ns[(uint32_t)id % IN_FLIGHT_MAX];
    histogram_add(&load->latencies_ns, (uint64_t)(load->answered_ns - asked_ns));
    load->gain.records += gain.records;
    load->gain.bytes += gain.bytes;
}

/* Takes all whole answers and moves the rest to the front. */
static void take_answers(struct load *load, struct load_connection *connection)
{
    struct bytes rest = bytes_of(connection->input, connection->input_bytes);
    while (rest.size >= FRAME_PREFIX_SIZE) {
        size_t size = (size_t)load_u32_be(rest.data) + FRAME_PREFIX_SIZE;
        if (size > load->input_capacity)
            fail("an answer of %zu bytes is larger than was asked for", size);
        if (size > rest.size)
            break;
        take_answer(load, connection,
                    bytes_of(rest.data + FRAME_PREFIX_SIZE, size - FRAME_PREFIX_SIZE));
        rest = bytes_of(rest.data + size, rest.size - size);
    }
    memmove(connection->input, rest.data, rest.size);
    connection->input_bytes = rest.size;
}

static void receive(struct load *load, struct load_connection *connection)
{
    size_t room = load->input_capacity - connection->input_bytes;
    assert(room > 0);
    ssize_t count = recv(connection->file, connection->input + connection->input_bytes, room, 0);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0)
        fail("connection %u: %s", connection->index,
             count == 0 ? "the broker closed it" : strerror(errno));
    connection->input_bytes += (size_t)count;
    take_answers(load, connection);
}

/* --- Phases -----------------------------------------------------------------------------------
 */

static bool is_all_asked(const struct load *load)
{
    for (uint32_t i = 0; i < load->options->connections; i++)
        if (!load->connections[i].is_finished)
            return false;
    return load->in_flight == 0;
}

static void begin_measure(struct load *load)
{
    load->phase = LOAD_MEASURE;
    if (load->options->pid != 0)
        load->cpu = process_cpu_time(load->options->pid);
    load->began_ns = now_ns();
    load->answered_ns = load->began_ns;
}

static void end_measure(struct load *load)
{
    load->phase = LOAD_DRAIN;
    load->elapsed_ns = load->answered_ns - load->began_ns;
    if (load->options->pid == 0)
        return;
    struct cpu_time now = process_cpu_time(load->options->pid);
    load->cpu.user_ns = now.user_ns - load->cpu.user_ns;
    load->cpu.system_ns = now.system_ns - load->cpu.system_ns;
}

static bool is_past(const struct load *load, double seconds)
{
    return (double)(load->now_ns - load->began_ns) >= seconds * SECOND_NS;
}

static void advance(struct load *load)
{
    const struct options *options = load->options;
    if (load->phase == LOAD_WARM_UP && is_past(load, options->warm_up_seconds))
        begin_measure(load);
    bool is_enough =
        options->request_count != 0 && load->latencies_ns.count >= options->request_count;
    if (load->phase == LOAD_MEASURE &&
        (is_enough || is_past(load, options->seconds) || is_all_asked(load)))
        end_measure(load);
    if (load->now_ns - load->answered_ns > LOAD_SILENCE_SECONDS * SECOND_NS)
        fail("no answer for %d s with %u requests in flight", LOAD_SILENCE_SECONDS,
             load->in_flight);
}

/* A line that rewrites itself, on a terminal. */
static void show(struct load *load)
{
    if (load->now_ns - load->shown_ns < SHOW_EVERY_NS)
        return;
    load->shown_ns = load->now_ns;
    double seconds = (double)(load->now_ns - load->began_ns) / SECOND_NS;
    fprintf(stderr, "\r%s: %s %.1f s, %llu answers, %.0f/s\033[K", mode_name(load->options->mode),
            load->phase == LOAD_WARM_UP ? "warm-up" : "measuring", seconds,
            (unsigned long long)load->latencies_ns.count,
            seconds > 0 ? (double)load->latencies_ns.count / seconds : 0);
}

static void turn(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->poll_file, events, EVENTS_MAX, TURN_MS);
    for (int i = 0; i < count; i++) {
        struct load_connection *connection = &load->connections[events[i].data.u32];
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            receive(load, connection);
        ask(load, connection);
    }
}

/* --- Life -------------------------------------------------------------------------------------
 */

static void open_connection(struct load *load, uint32_t index)
{
    struct load_connection *connection = &load->connections[index];
    const struct address *address = &load->options->address;
    int on = 1;
    *connection = (struct load_connection){.index = index, .answer_correlation_id = 0};
    connection->file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->file < 0 || connect(connection->file, (const struct sockaddr *)&address->socket,
                                        address->socket_size) != 0)
        fail("no broker at %s: %s", load->options->address_text, strerror(errno));
    setsockopt(connection->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (fcntl(connection->file, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load->poll_file, EPOLL_CTL_ADD, connection->file, &event) != 0)
        fail("connection %u: %s", index, strerror(errno));
    arena_init(&connection->arena, ARENA_BYTES_MAX);
    connection->input = malloc(load->input_capacity);
    assert(connection->input != NULL);
}

static void open_all(struct load *load)
{
    load->poll_file = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(load->options->connections, sizeof *load->connections);
    if (load->poll_file < 0 || load->connections == NULL)
        fail("cannot begin: %s", strerror(errno));
    for (uint32_t i = 0; i < load->options->connections; i++)
        open_connection(load, i);
}

void load_run(struct load *load, const struct load_kind *kind, const struct options *options,
              size_t answer_bytes_max)
{
    assert(options->connections > 0);
    assert(options->in_flight <= IN_FLIGHT_MAX);
    load->kind = kind;
    load->options = options;
    load->input_capacity = answer_bytes_max;
    open_all(load);
    load->began_ns = now_ns();
    load->answered_ns = load->began_ns;
    load->now_ns = load->began_ns;
    advance(load);
    for (uint32_t i = 0; i < options->connections; i++)
        ask(load, &load->connections[i]);
    bool is_terminal = isatty(STDERR_FILENO);
    while (load->phase != LOAD_DRAIN || load->in_flight > 0) {
        turn(load);
        load->now_ns = now_ns();
        advance(load);
        if (is_terminal)
            show(load);
    }
    if (is_terminal)
        fputs("\r\033[K", stderr);
}

void load_deinit(struct load *load)
{
    for (uint32_t i = 0; i < load->options->connections; i++) {
        close(load->connections[i].file);
        free(load->connections[i].input);
        arena_deinit(&load->connections[i].arena);
    }
    free(load->connections);
    close(load->poll_file);
}

/* --- Report -----------------------------------------------------------------------------------
 */

static void report_cpu(const struct load *load, struct report *report)
{
    double user = (double)load->cpu.user_ns / SECOND_NS;
    double both = user + (double)load->cpu.system_ns / SECOND_NS;
    double seconds = (double)load->elapsed_ns / SECOND_NS;
    double requests = (double)load->latencies_ns.count;
    report_add(report, "broker_cpu_percent", seconds > 0 ? both / seconds * 100 : 0, 1);
    report_add(report, "broker_user_percent", both > 0 ? user / both * 100 : 0, 1);
    report_add(report, "broker_cpu_us_per_request", requests > 0 ? both / requests * 1e6 : 0, 2);
    if (load->gain.bytes > 0)
        report_add(report, "broker_cpu_s_per_gb", both / ((double)load->gain.bytes / 1e9), 3);
}

void load_report(const struct load *load, struct report *report)
{
    const struct options *options = load->options;
    const struct histogram *latencies = &load->latencies_ns;
    double seconds = (double)load->elapsed_ns / SECOND_NS;
    double per_second = seconds > 0 ? 1 / seconds : 0;
    report_add(report, "connections", options->connections, 0);
    report_add(report, "in_flight", options->in_flight, 0);
    report_add(report, "partitions", options->partitions, 0);
    report_add(report, "elapsed_s", seconds, 3);
    report_add(report, "requests", (double)latencies->count, 0);
    report_add(report, "records", (double)load->gain.records, 0);
    report_add(report, "requests_per_s", (double)latencies->count * per_second, 0);
    report_add(report, "records_per_s", (double)load->gain.records * per_second, 0);
    report_add(report, "mb_per_s", (double)load->gain.bytes * per_second / 1e6, 2);
    report_add(report, "latency_p50_us", (double)histogram_percentile(latencies, 0.5) / 1e3, 1);
    report_add(report, "latency_p90_us", (double)histogram_percentile(latencies, 0.9) / 1e3, 1);
    report_add(report, "latency_p99_us", (double)histogram_percentile(latencies, 0.99) / 1e3, 1);
    report_add(report, "latency_p999_us", (double)histogram_percentile(latencies, 0.999) / 1e3, 1);
    report_add(report, "latency_max_us", (double)latencies->max / 1e3, 1);
    if (options->pid != 0)
        report_cpu(load, report);
}
