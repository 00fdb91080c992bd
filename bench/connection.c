#include "bench/connection.h"

#include "base/assert.h"
#include "bench/system.h"
#include "protocol/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ARENA_BYTES_MAX = 16 << 20 };

void connection_open(struct connection *connection, const struct address *address, int poll_file,
                     size_t answer_bytes_max)
{
    int on = 1;
    connection->poll_file = poll_file;
    connection->address = address;
    connection->file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->file < 0 || connect(connection->file, (const struct sockaddr *)&address->socket,
                                        address->socket_size) != 0)
        fail("connection %u: %s", connection->index, strerror(errno));
    setsockopt(connection->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (fcntl(connection->file, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(poll_file, EPOLL_CTL_ADD, connection->file, &event) != 0)
        fail("connection %u: %s", connection->index, strerror(errno));
    arena_init(&connection->arena, ARENA_BYTES_MAX);
    connection->input_capacity = answer_bytes_max;
    connection->input = malloc(answer_bytes_max);
    if (connection->input == NULL)
        fail("no memory for connection %u", connection->index);
}

void connection_close(struct connection *connection)
{
    assert(connection->file >= 0);
    close(connection->file);
    free(connection->input);
    arena_deinit(&connection->arena);
}

/* Says which broker it is, for there may be several. */
static _Noreturn void fail_connection(const struct connection *connection, const char *why)
{
    char host[NI_MAXHOST] = "?";
    char port[NI_MAXSERV] = "?";
    (void)getnameinfo((const struct sockaddr *)&connection->address->socket,
                      connection->address->socket_size, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    fail("the broker at %s:%s is lost, and the measurement with it: connection %u: %s", host, port,
         connection->index, why);
}

/* Tells epoll about room in the socket, or not to. */
static void watch(struct connection *connection, bool is_blocked)
{
    if (connection->is_blocked == is_blocked)
        return;
    struct epoll_event event = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0),
                                .data.ptr = connection};
    connection->is_blocked = is_blocked;
    if (epoll_ctl(connection->poll_file, EPOLL_CTL_MOD, connection->file, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

void connection_await_room(struct connection *connection)
{
    watch(connection, true);
}

void connection_forget_room(struct connection *connection)
{
    assert(connection->piece_count == 0);
    watch(connection, false);
}

/* Drops what was sent off the front of the pieces. */
static void advance(struct connection *connection, size_t sent)
{
    uint32_t done = 0;
    while (done < connection->piece_count && sent >= connection->pieces[done].size)
        sent -= connection->pieces[done++].size;
    connection->piece_count -= done;
    memmove(connection->pieces, connection->pieces + done,
            connection->piece_count * sizeof connection->pieces[0]);
    if (connection->piece_count > 0)
        connection->pieces[0] =
            bytes_of(connection->pieces[0].data + sent, connection->pieces[0].size - sent);
    else
        assert(sent == 0);
}

bool connection_send(struct connection *connection)
{
    assert(connection->piece_count <= CONNECTION_PIECES_MAX);
    while (connection->piece_count > 0) {
        struct iovec parts[CONNECTION_PIECES_MAX];
        for (uint32_t i = 0; i < connection->piece_count; i++)
            parts[i] = (struct iovec){(void *)(uintptr_t)connection->pieces[i].data,
                                      connection->pieces[i].size};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = connection->piece_count};
        ssize_t count = sendmsg(connection->file, &message, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            break;
        if (count < 0)
            fail_connection(connection, strerror(errno));
        advance(connection, (size_t)count);
    }
    watch(connection, connection->piece_count > 0);
    return connection->piece_count == 0;
}

void connection_receive(struct connection *connection)
{
    size_t room = connection->input_capacity - connection->input_bytes;
    assert(room > 0);
    ssize_t count = recv(connection->file, connection->input + connection->input_bytes, room, 0);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0)
        fail_connection(connection, count == 0 ? "the broker closed it" : strerror(errno));
    connection->input_bytes += (size_t)count;
}

bool connection_next_frame(struct connection *connection, size_t *position, struct bytes *frame)
{
    assert(*position <= connection->input_bytes);
    size_t left = connection->input_bytes - *position;
    const uint8_t *at = connection->input + *position;
    if (left < FRAME_PREFIX_SIZE)
        return false;
    size_t size = load_u32_be(at);
    if (size + FRAME_PREFIX_SIZE > connection->input_capacity)
        fail("an answer of %zu bytes is larger than was asked for", size);
    if (size + FRAME_PREFIX_SIZE > left)
        return false;
    *frame = bytes_of(at + FRAME_PREFIX_SIZE, size);
    *position += size + FRAME_PREFIX_SIZE;
    return true;
}

void connection_drop(struct connection *connection, size_t position)
{
    assert(position <= connection->input_bytes);
    connection->input_bytes -= position;
    memmove(connection->input, connection->input + position, connection->input_bytes);
}
