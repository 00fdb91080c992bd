#include "bench/floor_pace.h"

#include "base/assert.h"
#include "bench/floor_pair.h"
#include "bench/floor_server.h"
#include "bench/histogram.h"
#include "bench/system.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MIN = 20 };

/* --- The server ------------------------------------------------------------------------------- */

struct durable_server {
    pthread_t thread;
    int handle;
    const struct floor_file *file;
};

static uint32_t stored_bytes(uint32_t request_count)
{
    uint32_t bytes = request_count * FLOOR_REQUEST_BYTES;
    return (bytes + FLOOR_BLOCK_BYTES - 1) / FLOOR_BLOCK_BYTES * FLOOR_BLOCK_BYTES;
}

/* On the disk when it returns. Answers where the next ones go. */
static uint32_t store(const struct floor_file *file, uint32_t request_count, uint32_t offset)
{
    uint32_t bytes = stored_bytes(request_count);
    if (offset + bytes > file->size_bytes)
        offset = 0;
    floor_file_write(file, file->piece, bytes, offset);
    floor_file_sync(file);
    return offset + bytes;
}

static void *serve(void *context)
{
    const struct durable_server *server = context;
    static const uint8_t answers[FLOOR_CALL_BYTES / FLOOR_REQUEST_BYTES * FLOOR_ANSWER_BYTES];
    uint8_t *bytes = malloc(FLOOR_CALL_BYTES);
    assert(bytes != NULL);
    uint32_t offset = 0;
    uint32_t began_bytes = 0; /* of a request that has not come whole */
    ssize_t count;
    while ((count = recv(server->handle, bytes, FLOOR_CALL_BYTES - began_bytes, 0)) > 0) {
        began_bytes += (uint32_t)count;
        uint32_t request_count = began_bytes / FLOOR_REQUEST_BYTES;
        began_bytes %= FLOOR_REQUEST_BYTES;
        if (request_count == 0)
            continue;
        offset = store(server->file, request_count, offset);
        floor_send(server->handle, answers, (size_t)request_count * FLOOR_ANSWER_BYTES);
    }
    floor_must(count == 0, "cannot receive");
    free(bytes);
    return NULL;
}

/* --- The load --------------------------------------------------------------------------------- */

struct load {
    int handle;
    int64_t begin_ns;
    int64_t gap_ns;
    uint64_t total;
    uint64_t sent;
    uint64_t answered;
    uint64_t answered_bytes;
    struct histogram *waits_ns;
};

static int64_t due_ns(const struct load *load, uint64_t request)
{
    return load->begin_ns + (int64_t)request * load->gap_ns;
}

static void send_due(struct load *load)
{
    static const uint8_t request[FLOOR_REQUEST_BYTES];
    while (load->sent < load->total && now_ns() >= due_ns(load, load->sent)) {
        floor_send(load->handle, request, sizeof request);
        load->sent++;
    }
}

static void take_answers(struct load *load)
{
    uint8_t answers[4096];
    ssize_t count = recv(load->handle, answers, sizeof answers, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN)
        return;
    floor_must(count > 0, "no answer");
    int64_t landed_ns = now_ns();
    load->answered_bytes += (uint64_t)count;
    for (; load->answered < load->answered_bytes / FLOOR_ANSWER_BYTES; load->answered++) {
        int64_t wait_ns = landed_ns - due_ns(load, load->answered);
        assert(load->answered < load->sent && wait_ns >= 0);
        histogram_add(load->waits_ns, (uint64_t)wait_ns, 1);
    }
}

/* For an answer, or until the next request is due. */
static void await_event(const struct load *load)
{
    struct pollfd socket = {.fd = load->handle, .events = POLLIN};
    int64_t rest_ns = SECOND_NS;
    if (load->sent < load->total)
        rest_ns = due_ns(load, load->sent) - now_ns();
    if (rest_ns <= 0)
        return;
    struct timespec rest = {.tv_sec = rest_ns / SECOND_NS, .tv_nsec = rest_ns % SECOND_NS};
    floor_must(ppoll(&socket, 1, &rest, NULL) >= 0 || errno == EINTR, "cannot wait");
}

static void run_load(struct load *load)
{
    prctl(PR_SET_TIMERSLACK, 1); /* of this thread: 50 us otherwise */
    load->begin_ns = now_ns();
    while (load->answered < load->total) {
        send_due(load);
        await_event(load);
        take_answers(load);
    }
}

void floor_pace_measure(const struct floor_file *file, int64_t time_ns, uint32_t requests_per_s,
                        struct floor_pace *pace)
{
    assert(time_ns > 0);
    assert(requests_per_s > 0 && requests_per_s <= FLOOR_PACE_PER_S_MAX);
    int handles[2];
    floor_pair_open(handles);
    struct durable_server server = {.handle = handles[1], .file = file};
    struct load load = {.handle = handles[0], .gap_ns = SECOND_NS / requests_per_s};
    load.total = (uint64_t)(time_ns / load.gap_ns);
    if (load.total < REQUESTS_MIN)
        load.total = REQUESTS_MIN;
    load.waits_ns = calloc(1, sizeof *load.waits_ns);
    if (load.waits_ns == NULL)
        fail("no memory for the figures");
    if (pthread_create(&server.thread, NULL, serve, &server) != 0)
        fail("cannot start a thread");
    run_load(&load);
    floor_must(shutdown(load.handle, SHUT_WR) == 0, "cannot end");
    pthread_join(server.thread, NULL);
    close(load.handle);
    close(server.handle);
    *pace = (struct floor_pace){
        .request_count = load.answered,
        .p50_us = (double)histogram_percentile(load.waits_ns, 0.5) / 1e3,
        .p99_us = (double)histogram_percentile(load.waits_ns, 0.99) / 1e3,
    };
    free(load.waits_ns);
}
