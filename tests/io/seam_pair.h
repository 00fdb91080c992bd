/* Connections of a door with itself, for the cases of the seam. */
#ifndef TAILRACE_TESTS_IO_SEAM_PAIR_H
#define TAILRACE_TESTS_IO_SEAM_PAIR_H

#include "tests/io/seam.h"

/* Two ends of one connection. */
struct seam_pair {
    int32_t client;
    int32_t server;
};

/* On a free port of this machine. */
int32_t seam_listen(struct seam *seam, struct io_address *address);

struct seam_pair seam_connect(struct seam *seam);
void seam_close_pair(struct seam *seam, struct seam_pair pair);

/* What one receive answers. */
int32_t seam_receive(struct seam *seam, int32_t handle, void *buffer, uint32_t size);

/* A receiver that takes everything until `wanted` bytes are there. */
struct seam_sink {
    struct seam_request receive;
    struct seam *seam;
    int32_t handle;
    uint8_t *bytes;
    uint32_t size;
    uint32_t wanted;
};

void seam_sink_run(struct seam_sink *sink);

#endif
