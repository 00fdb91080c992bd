/* Spreads a new image of the metadata over the cores: each takes it as mail, opens and ends
 * partitions accordingly, and reports back. One image is under way at a time; of those that come
 * meanwhile only the newest goes out, and stands for all of them. Where a core could not open a log
 * for lack of space, files or memory, the image goes out again after a while. Lives on core 0. */
#ifndef TAILRACE_BROKER_PUBLISHER_H
#define TAILRACE_BROKER_PUBLISHER_H

#include "base/list.h"
#include "cluster/controller.h"

#include <stdint.h>

struct roster;
struct broker_core;
struct publisher;

struct publisher_leg {
    struct completion mail;
    struct completion adopted;
    struct publisher *publisher;
    struct broker_core *core;
};

struct publisher {
    struct image_publisher image_publisher;
    const struct roster *roster;
    struct publisher_leg *legs; /* one per core */
    struct list pending;        /* struct publication: not sent out yet, in order */
    struct list under_way;      /* those that the image under way stands for */
    struct image *image;        /* under way; NULL: none */
    uint32_t waiting_count;     /* cores that have not adopted it */
    struct image *missed;       /* the last, of which a core could not open all; NULL: none */
    struct timer retry;
    bool is_stopping;           /* nothing goes out again */
    struct completion *stopped; /* of whoever waits for that; NULL: nobody */
};

void publisher_init(struct publisher *publisher, const struct roster *roster);

/* Nothing is sent out again that was sent before; lands when nothing is under way. */
void publisher_stop(struct publisher *publisher, struct completion *stopped);

/* Whatever is under way is dropped, without landing. */
void publisher_deinit(struct publisher *publisher);

#endif
