#include "tests/io/seam_pair.h"

int32_t seam_listen(struct seam *seam, struct io_address *address)
{
    int32_t listener;
    assert_int_equal(io_address_parse("127.0.0.1", 0, address), STATUS_OK);
    assert_int_equal(io_listen(seam->io, address, &listener), STATUS_OK);
    assert_true(address->port > 0);
    return listener;
}

struct seam_pair seam_connect(struct seam *seam)
{
    struct io_address address;
    int32_t listener = seam_listen(seam, &address);
    struct seam_request accepted;
    struct seam_request connected;
    io_accept(seam->io, seam_ask(&accepted), listener);
    io_connect(seam->io, seam_ask(&connected), &address);
    struct seam_pair pair = {.client = seam_wait(seam, &connected),
                             .server = seam_wait(seam, &accepted)};
    assert_true(pair.client >= 0);
    assert_true(pair.server >= 0);
    io_close_listener(seam->io, listener);
    return pair;
}

void seam_close_pair(struct seam *seam, struct seam_pair pair)
{
    seam_close(seam, pair.client);
    seam_close(seam, pair.server);
}

int32_t seam_receive(struct seam *seam, int32_t handle, void *buffer, uint32_t size)
{
    struct seam_request received;
    io_receive(seam->io, seam_ask(&received), handle, buffer, size);
    return seam_wait(seam, &received);
}

void seam_sink_run(struct seam_sink *sink)
{
    while (sink->size < sink->wanted) {
        int32_t got = seam_receive(sink->seam, sink->handle, sink->bytes + sink->size,
                                   sink->wanted - sink->size);
        assert_true(got > 0);
        sink->size += (uint32_t)got;
    }
}
