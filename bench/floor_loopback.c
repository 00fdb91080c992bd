#include "bench/floor_loopback.h"

#include "base/assert.h"
#include "bench/histogram.h"
#include "bench/system.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 100, CALL_BYTES = 64 << 10 };

/* The thread at the other end; it works until its connection ends. */
struct peer {
    pthread_t thread;
    int handle;
    bool is_echo; /* otherwise it only reads */
    int64_t cpu_ns;
};

static int64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* --- Connections ------------------------------------------------------------------------------
 */

static void must(bool is_good, const char *what)
{
    if (!is_good)
        fail("loopback: %s: %s", what, strerror(errno));
}

static void send_at_once(int handle)
{
    int one = 1;
    must(setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "cannot set up");
}

static void open_pair(int handles[static 2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct sockaddr *where = (struct sockaddr *)&address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    handles[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listener >= 0 && handles[0] >= 0, "no socket");
    must(bind(listener, where, size) == 0 && listen(listener, 1) == 0, "cannot listen");
    must(getsockname(listener, where, &size) == 0, "no port");
    must(connect(handles[0], where, size) == 0, "cannot connect");
    handles[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    must(handles[1] >= 0, "cannot accept");
    close(listener);
    send_at_once(handles[0]);
    send_at_once(handles[1]);
}

static void send_all(int handle, const uint8_t *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(handle, bytes + sent, size - sent, MSG_NOSIGNAL);
        must(count > 0, "cannot send");
        sent += (size_t)count;
    }
}

/* --- The other end ----------------------------------------------------------------------------
 */

static void *run_peer(void *context)
{
    struct peer *peer = context;
    uint8_t *bytes = malloc(CALL_BYTES);
    assert(bytes != NULL);
    ssize_t count;
    while ((count = recv(peer->handle, bytes, CALL_BYTES, 0)) > 0)
        if (peer->is_echo)
            send_all(peer->handle, bytes, (size_t)count);
    must(count == 0, "cannot receive");
    peer->cpu_ns = thread_cpu_ns();
    free(bytes);
    return NULL;
}

static int peer_start(struct peer *peer, bool is_echo)
{
    int handles[2];
    open_pair(handles);
    *peer = (struct peer){.handle = handles[1], .is_echo = is_echo};
    if (pthread_create(&peer->thread, NULL, run_peer, peer) != 0)
        fail("cannot start a thread");
    return handles[0];
}

/* Ends the connection at both ends; what was sent has been received then. */
static void peer_finish(struct peer *peer, int handle)
{
    must(shutdown(handle, SHUT_WR) == 0, "cannot end");
    pthread_join(peer->thread, NULL);
    close(handle);
    close(peer->handle);
}

/* --- Both measurements ------------------------------------------------------------------------
 */

static uint64_t exchange(int handle, int64_t time_ns, struct histogram *waits_ns)
{
    uint8_t message[MESSAGE_BYTES] = {0};
    int64_t begin_ns = now_ns();
    int64_t end_ns = begin_ns + time_ns;
    uint64_t count = 0;
    do {
        send_all(handle, message, sizeof message);
        must(recv(handle, message, sizeof message, MSG_WAITALL) == sizeof message, "no answer");
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
        send_all(handle, bytes, CALL_BYTES);
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
