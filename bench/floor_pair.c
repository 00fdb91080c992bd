#include "bench/floor_pair.h"

#include "base/assert.h"
#include "bench/system.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void floor_must(bool is_good, const char *what)
{
    if (!is_good)
        fail("loopback: %s: %s", what, strerror(errno));
}

static void send_at_once(int handle)
{
    int one = 1;
    floor_must(setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0,
               "cannot set up");
}

void floor_pair_open(int handles[static 2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct sockaddr *where = (struct sockaddr *)&address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    handles[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    floor_must(listener >= 0 && handles[0] >= 0, "no socket");
    floor_must(bind(listener, where, size) == 0 && listen(listener, 1) == 0, "cannot listen");
    floor_must(getsockname(listener, where, &size) == 0, "no port");
    floor_must(connect(handles[0], where, size) == 0, "cannot connect");
    handles[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    floor_must(handles[1] >= 0, "cannot accept");
    close(listener);
    send_at_once(handles[0]);
    send_at_once(handles[1]);
}

void floor_send(int handle, const uint8_t *bytes, size_t size)
{
    assert(handle >= 0);
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(handle, bytes + sent, size - sent, MSG_NOSIGNAL);
        floor_must(count > 0, "cannot send");
        sent += (size_t)count;
    }
}
