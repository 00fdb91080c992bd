/* Taking a producer id from the core's block (producer_ids.h), or waiting for the next block. */
#ifndef TAILRACE_BROKER_PRODUCER_ID_WISH_H
#define TAILRACE_BROKER_PRODUCER_ID_WISH_H

#include "broker/core.h"

/* Lands on the core that asked, with STATUS_OK and `producer_id`, or with why there is none now. */
struct producer_id_wish {
    struct completion completion;
    int64_t producer_id;
    struct list_node node;
};

void producer_ids_init(struct producer_ids *ids);
void producer_ids_take(struct broker_core *core, struct producer_id_wish *wish);

#endif
