/* What the two real backends do alike with sockets, all of it without waiting. Only io/ includes
 * this. */
#ifndef TAILRACE_IO_SOCKET_H
#define TAILRACE_IO_SOCKET_H

#include "io/io.h"

#include <sys/socket.h>
#include <sys/uio.h>

/* A listening socket; `type_flags` go to socket(2) (SOCK_NONBLOCK or 0). Fills in the port that
 * was taken. */
enum status socket_listen(struct io_address *address, int type_flags, int32_t *listener);

/* A socket of the address's protocol, ready to connect: its descriptor or a negative status. */
int32_t socket_create(const struct io_address *address, int type_flags);

/* Options of every connection, whichever side began it. */
void socket_prepare(int32_t handle);

/* While it is corked, nothing leaves but full segments; then the rest of what was sent. */
void socket_cork(int32_t handle, bool is_corked);

/* For sendfile(2), which cannot be told so in the call. */
void socket_make_nonblocking(int32_t handle);

/* Who is at the other end; "unknown" when it is gone already. */
void socket_peer(int32_t handle, struct io_address *address);

/* Negative status of an errno that a socket gave. */
int32_t socket_error(int error_number);

/* Fills in a message for what is still to send, from the start of a piece on. Its vectors are the
 * pieces themselves. */
void socket_message(const struct io_request *request, struct msghdr *message);

/* What is left of the piece that was sent in part. */
struct bytes socket_piece_rest(const struct io_request *request);

#endif
