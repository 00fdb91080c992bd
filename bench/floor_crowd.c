#include "bench/floor_crowd.h"

#include "base/assert.h"
#include "bench/floor_pair.h"
#include "bench/floor_server.h"
#include "bench/system.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ECHO_CONNECTIONS = 64, IN_FLIGHT_MAX = 5, STREAM_CONNECTIONS = 16 };

/* --- Requests and answers --------------------------------------------------------------------- */

/* The clients' side of all connections. */
struct callers {
    const struct floor_server *server;
    int poll_file;
    uint32_t began[ECHO_CONNECTIONS]; /* bytes of an answer that has not come whole */
    uint8_t request[FLOOR_REQUEST_BYTES];
};

/* One after the other, as clients do who have several in flight. */
static void ask(struct callers *callers, uint32_t index, uint32_t count)
{
    assert(count <= IN_FLIGHT_MAX);
    for (uint32_t i = 0; i < count; i++)
        floor_send(callers->server->clients[index], callers->request, FLOOR_REQUEST_BYTES);
}

static void callers_start(struct callers *callers, const struct floor_server *server,
                          uint32_t in_flight)
{
    *callers = (struct callers){.server = server, .poll_file = epoll_create1(EPOLL_CLOEXEC)};
    floor_must(callers->poll_file >= 0, "no epoll");
    for (uint32_t i = 0; i < server->connection_count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        floor_must(epoll_ctl(callers->poll_file, EPOLL_CTL_ADD, server->clients[i], &event) == 0,
                   "cannot watch");
        ask(callers, i, in_flight);
    }
}

/* How many answers have come whole. */
static uint32_t receive_answers(struct callers *callers, uint32_t index)
{
    uint8_t answers[IN_FLIGHT_MAX * FLOOR_ANSWER_BYTES];
    ssize_t size = recv(callers->server->clients[index], answers, sizeof answers, 0);
    floor_must(size > 0, "cannot receive");
    uint32_t bytes = callers->began[index] + (uint32_t)size;
    callers->began[index] = bytes % FLOOR_ANSWER_BYTES;
    return bytes / FLOOR_ANSWER_BYTES;
}

/* Asks again for each answer, until the time is over and there was one. */
static uint64_t call(struct callers *callers, int64_t end_ns)
{
    struct epoll_event events[ECHO_CONNECTIONS];
    uint64_t answered_count = 0;
    while (answered_count == 0 || now_ns() < end_ns) {
        int count = epoll_wait(callers->poll_file, events, ECHO_CONNECTIONS, -1);
        floor_must(count >= 0 || errno == EINTR, "cannot wait");
        for (int i = 0; i < count; i++) {
            uint32_t index = events[i].data.u32;
            uint32_t answers = receive_answers(callers, index);
            ask(callers, index, answers);
            answered_count += answers;
        }
    }
    return answered_count;
}

static struct floor_echo measure_echo(uint32_t in_flight, int64_t time_ns)
{
    struct floor_server server;
    struct callers callers;
    floor_server_start(&server, ECHO_CONNECTIONS, true, NULL);
    int64_t begin_ns = now_ns();
    callers_start(&callers, &server, in_flight);
    uint64_t count = call(&callers, begin_ns + time_ns);
    int64_t passed_ns = now_ns() - begin_ns;
    close(callers.poll_file);
    floor_server_finish(&server);
    assert(server.request_count >= count);
    return (struct floor_echo){
        .requests_per_s = (double)count * 1e9 / (double)passed_ns,
        .cpu_us = (double)server.cpu_ns / 1e3 / (double)server.request_count,
    };
}

/* --- One way ---------------------------------------------------------------------------------- */

/* Sends to one connection after the other, until the time is over; answers how much. */
static double stream(const struct floor_server *server, int64_t time_ns)
{
    uint8_t *bytes = calloc(1, FLOOR_CALL_BYTES);
    double sent_bytes = 0;
    int64_t end_ns = now_ns() + time_ns;
    assert(bytes != NULL);
    do {
        for (uint32_t i = 0; i < server->connection_count; i++)
            floor_send(server->clients[i], bytes, FLOOR_CALL_BYTES);
        sent_bytes += (double)server->connection_count * FLOOR_CALL_BYTES;
    } while (now_ns() < end_ns);
    free(bytes);
    return sent_bytes;
}

static struct floor_intake measure_intake(struct floor_store *store, int64_t time_ns)
{
    struct floor_server server;
    floor_server_start(&server, STREAM_CONNECTIONS, false, store);
    int64_t begin_ns = now_ns();
    double sent_bytes = stream(&server, time_ns);
    floor_server_finish(&server);
    if (store != NULL)
        floor_store_finish(store);
    int64_t passed_ns = now_ns() - begin_ns;
    int64_t cpu_ns = server.cpu_ns + (store != NULL ? store->cpu_ns : 0);
    return (struct floor_intake){
        .mb_per_s = sent_bytes * 1e3 / (double)passed_ns,
        .cpu_s_per_gb = (double)cpu_ns / sent_bytes,
    };
}

static struct floor_intake measure_store(const struct floor_file *file, int64_t time_ns)
{
    struct floor_store store;
    floor_store_start(&store, file);
    return measure_intake(&store, time_ns);
}

void floor_crowd_measure(const struct floor_file *file, int64_t time_ns, struct floor_crowd *crowd)
{
    assert(time_ns > 0);
    crowd->echo = measure_echo(1, time_ns / 4);
    crowd->echo_pipelined = measure_echo(IN_FLIGHT_MAX, time_ns / 4);
    crowd->intake = measure_intake(NULL, time_ns / 4);
    crowd->store = measure_store(file, time_ns / 4);
}
