#include "bench/floor_loopback.h"

#include "base/assert.h"
#include "bench/floor_pair.h"
#include "bench/histogram.h"
#include "bench/system.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 100, CALL_BYTES = 64 << 10 };

/* The thread at the other end; it works until its connection ends. */
struct peer {
    pthread_t thread;
    int handle;
    bool is_echo; /* otherwise it only reads */
    int64_t cpu_ns;
};

/* --- The other end ---------------------------------------------------------------------------- */

static void *run_peer(void *context)
{
    struct peer *peer = context;
    uint8_t *bytes = malloc(CALL_BYTES);
    assert(bytes != NULL);
    ssize_t count;
    while ((count = recv(peer->handle, bytes, CALL_BYTES, 0)) > 0)
        if (peer->is_echo)
            floor_send(peer->handle, bytes, (size_t)count);
    floor_must(count == 0, "cannot receive");
    peer->cpu_ns = thread_cpu_ns();
    free(bytes);
    return NULL;
}

static int peer_start(struct peer *peer, bool is_echo)
{
    int handles[2];
    floor_pair_open(handles);
    *peer = (struct peer){.handle = handles[1], .is_echo = is_echo};
    if (pthread_create(&peer->thread, NULL, run_peer, peer) != 0)
        fail("cannot start a thread");
    return handles[0];
}

/* Ends the connection at both ends; what was sent has been received then. */
static void peer_finish(struct peer *peer, int handle)
{
    floor_must(shutdown(handle, SHUT_WR) == 0, "cannot end");
    pthread_join(peer->thread, NULL);
    close(handle);
    close(peer->handle);
}

/* --- Both measurements ------------------------------------------------------------------------ */

static uint64_t exchange(int handle, int64_t time_ns, struct histogram *waits_ns)
{
    uint8_t message[MESSAGE_BYTES] = {0};
    int64_t begin_ns = now_ns();
    int64_t end_ns = begin_ns + time_ns;
    uint64_t count = 0;
    do {
        floor_send(handle, message, sizeof message);
        floor_must(recv(handle, message, sizeof message, MSG_WAITALL) == sizeof message,
                   "no answer");
        int64_t landed_ns = now_ns();
        histogram_add(waits_ns, (uint64_t)(landed_ns - begin_ns), 1);
        begin_ns = landed_ns;
        count++;
    } while (begin_ns < end_ns);
    return count;
}

static void measure_round_trips(int64_t time_ns, struct floor_loopback *loopback)
{
    struct peer peer;
    struct histogram *waits_ns = calloc(1, sizeof *waits_ns);
    if (waits_ns == NULL)
        fail("no memory for the figures");
    int handle = peer_start(&peer, true);
    int64_t cpu_ns = thread_cpu_ns();
    uint64_t count = exchange(handle, time_ns, waits_ns);
    cpu_ns = thread_cpu_ns() - cpu_ns;
    peer_finish(&peer, handle);
    loopback->round_trip_p50_us = (double)histogram_percentile(waits_ns, 0.5) / 1e3;
    loopback->round_trip_p99_us = (double)histogram_percentile(waits_ns, 0.99) / 1e3;
    loopback->round_trip_cpu_us = (double)(cpu_ns + peer.cpu_ns) / 1e3 / (double)count;
    free(waits_ns);
}

static void measure_stream(int64_t time_ns, struct floor_loopback *loopback)
{
    struct peer peer;
    uint8_t *bytes = calloc(1, CALL_BYTES);
    if (bytes == NULL)
        fail("no memory for what is sent");
    int handle = peer_start(&peer, false);
    int64_t cpu_ns = thread_cpu_ns();
    int64_t begin_ns = now_ns();
    double sent_bytes = 0;
    do {
        floor_send(handle, bytes, CALL_BYTES);
        sent_bytes += CALL_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    cpu_ns = thread_cpu_ns() - cpu_ns;
    peer_finish(&peer, handle);
    loopback->gb_per_s = sent_bytes / (double)(now_ns() - begin_ns);
    loopback->send_cpu_s_per_gb = (double)cpu_ns / sent_bytes;
    loopback->receive_cpu_s_per_gb = (double)peer.cpu_ns / sent_bytes;
    free(bytes);
}

void floor_loopback_measure(int64_t time_ns, struct floor_loopback *loopback)
{
    assert(time_ns > 0);
    measure_round_trips(time_ns / 2, loopback);
    measure_stream(time_ns / 2, loopback);
}
