/* Everything here either succeeds at once or fails at once. Options that only tune are set without
 * looking at the answer: a connection is served with or without them. */
#include "io/socket.h"

#include "base/assert.h"
#include "io/address.h"
#include "io/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

int32_t socket_error(int error_number)
{
    assert(error_number > 0);
    return status_from_errno(error_number);
}

static void socket_set(int32_t handle, int level, int option, int value)
{
    assert(handle >= 0);
    /* These only tune; a socket that refuses one works all the same. */
    (void)setsockopt(handle, level, option, &value, sizeof value);
}

static enum status socket_learn_port(int32_t handle, struct io_address *address)
{
    assert(handle >= 0);
    struct sockaddr_storage system = {0};
    socklen_t size = sizeof system;
    if (getsockname(handle, (struct sockaddr *)&system, &size) != 0)
        return socket_error(errno);
    address_from_system(&system, address);
    return STATUS_OK;
}

static enum status socket_bind(int32_t handle, struct io_address *address)
{
    assert(handle >= 0);
    struct sockaddr_storage system;
    socklen_t size = address_to_system(address, &system);
    /* A restarted broker gets its port although old connections linger in TIME_WAIT. */
    socket_set(handle, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address_is_any_ipv6(address))
        socket_set(handle, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(handle, (struct sockaddr *)&system, size) != 0)
        return socket_error(errno);
    if (listen(handle, LISTEN_BACKLOG) != 0)
        return socket_error(errno);
    return socket_learn_port(handle, address);
}

enum status socket_listen(struct io_address *address, int type_flags, int32_t *listener)
{
    assert(address != NULL);
    assert(listener != NULL);
    int32_t handle = socket_create(address, type_flags);
    if (handle == STATUS_UNSUPPORTED && address_is_any_ipv6(address)) {
        /* "Every interface" on a machine without IPv6. */
        enum status parsed = io_address_parse("0.0.0.0", address->port, address);
        assert(parsed == STATUS_OK);
        handle = socket_create(address, type_flags);
    }
    if (handle < 0)
        return handle;
    enum status status = socket_bind(handle, address);
    if (status != STATUS_OK) {
        close(handle);
        return status;
    }
    *listener = handle;
    return STATUS_OK;
}

int32_t socket_create(const struct io_address *address, int type_flags)
{
    assert(address != NULL);
    int family = address_is_ipv4(address) ? AF_INET : AF_INET6;
    int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
    if (handle >= 0)
        return handle;
    return errno == EAFNOSUPPORT ? STATUS_UNSUPPORTED : socket_error(errno);
}

void socket_prepare(int32_t handle)
{
    assert(handle >= 0);
    socket_set(handle, IPPROTO_TCP, TCP_NODELAY, 1);
    socket_set(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void socket_cork(int32_t handle, bool is_corked)
{
    assert(handle >= 0);
    socket_set(handle, IPPROTO_TCP, TCP_CORK, is_corked);
}

void socket_make_nonblocking(int32_t handle)
{
    int flags = fcntl(handle, F_GETFL);
    assert(flags >= 0);
    int failed = fcntl(handle, F_SETFL, flags | O_NONBLOCK);
    assert(failed == 0);
}

void socket_peer(int32_t handle, struct io_address *address)
{
    assert(handle >= 0);
    struct sockaddr_storage system = {0};
    socklen_t size = sizeof system;
    if (getpeername(handle, (struct sockaddr *)&system, &size) != 0)
        system.ss_family = AF_UNSPEC;
    address_from_system(&system, address);
}

void socket_message(const struct io_request *request, struct msghdr *message)
{
    assert(request->kind == IO_SEND || request->kind == IO_SENDFILE);
    assert(request->send.piece_done == 0);
    assert(request->send.piece_index < request->send.piece_count);
    uint32_t count = request->send.piece_count - request->send.piece_index;
    *message = (struct msghdr){
        .msg_iov = vector_of(&request->send.pieces[request->send.piece_index]),
        .msg_iovlen = count < IOV_MAX ? count : IOV_MAX,
    };
}

struct bytes socket_piece_rest(const struct io_request *request)
{
    assert(request->kind == IO_SEND || request->kind == IO_SENDFILE);
    assert(request->send.piece_index < request->send.piece_count);
    struct bytes piece = request->send.pieces[request->send.piece_index];
    assert(request->send.piece_done < piece.size);
    return bytes_of(piece.data + request->send.piece_done, piece.size - request->send.piece_done);
}
