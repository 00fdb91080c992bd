#include "bench/floor_server.h"

#include "base/assert.h"
#include "bench/floor_pair.h"
#include "bench/system.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* At most so many answers belong to one call. */
enum { ANSWERS_MAX = FLOOR_CALL_BYTES / FLOOR_REQUEST_BYTES + 1 };

static const uint8_t answers[ANSWERS_MAX * FLOOR_ANSWER_BYTES];

/* To all requests that these bytes complete, together. */
static void answer(struct floor_server *server, uint32_t index, uint32_t size)
{
    uint32_t bytes = server->began[index] + size;
    uint32_t count = bytes / FLOOR_REQUEST_BYTES;
    assert(count <= ANSWERS_MAX);
    server->began[index] = bytes % FLOOR_REQUEST_BYTES;
    server->request_count += count;
    if (count > 0)
        floor_send(server->handles[index], answers, (size_t)count * FLOOR_ANSWER_BYTES);
}

static void serve(struct floor_server *server, uint32_t index, uint8_t *scratch)
{
    uint32_t room_size = FLOOR_CALL_BYTES;
    uint8_t *room = scratch;
    if (server->store != NULL)
        room = floor_store_room(server->store, &room_size);
    if (room_size > FLOOR_CALL_BYTES)
        room_size = FLOOR_CALL_BYTES;
    ssize_t size = recv(server->handles[index], room, room_size, 0);
    floor_must(size >= 0, "cannot receive");
    if (size == 0) {
        epoll_ctl(server->poll_file, EPOLL_CTL_DEL, server->handles[index], NULL);
        server->open_count--;
    } else if (server->is_echo) {
        answer(server, index, (uint32_t)size);
    } else if (server->store != NULL) {
        floor_store_take(server->store, (uint32_t)size);
    }
}

static void *run_server(void *context)
{
    struct floor_server *server = context;
    struct epoll_event events[FLOOR_CONNECTIONS_MAX];
    uint8_t *scratch = malloc(FLOOR_CALL_BYTES);
    assert(scratch != NULL);
    while (server->open_count > 0) {
        int count = epoll_wait(server->poll_file, events, FLOOR_CONNECTIONS_MAX, -1);
        floor_must(count >= 0 || errno == EINTR, "cannot wait");
        for (int i = 0; i < count; i++)
            serve(server, events[i].data.u32, scratch);
    }
    free(scratch);
    server->cpu_ns = thread_cpu_ns();
    return NULL;
}

static void connect_one(struct floor_server *server, uint32_t index)
{
    int ends[2];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    floor_pair_open(ends);
    server->clients[index] = ends[0];
    server->handles[index] = ends[1];
    floor_must(epoll_ctl(server->poll_file, EPOLL_CTL_ADD, ends[1], &event) == 0, "cannot watch");
}

void floor_server_start(struct floor_server *server, uint32_t connection_count, bool is_echo,
                        struct floor_store *store)
{
    assert(connection_count > 0);
    assert(connection_count <= FLOOR_CONNECTIONS_MAX);
    assert(!is_echo || store == NULL);
    *server = (struct floor_server){.connection_count = connection_count,
                                    .is_echo = is_echo,
                                    .store = store,
                                    .poll_file = epoll_create1(EPOLL_CLOEXEC),
                                    .open_count = connection_count};
    floor_must(server->poll_file >= 0, "no epoll");
    for (uint32_t i = 0; i < connection_count; i++)
        connect_one(server, i);
    if (pthread_create(&server->thread, NULL, run_server, server) != 0)
        fail("cannot start a thread");
}

void floor_server_finish(struct floor_server *server)
{
    for (uint32_t i = 0; i < server->connection_count; i++)
        floor_must(shutdown(server->clients[i], SHUT_WR) == 0, "cannot end");
    pthread_join(server->thread, NULL);
    assert(server->open_count == 0);
    for (uint32_t i = 0; i < server->connection_count; i++) {
        close(server->clients[i]);
        close(server->handles[i]);
    }
    close(server->poll_file);
}
