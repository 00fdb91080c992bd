/* Producer ids for clients, from blocks that the controller hands out. Each core keeps a block, so
 * that most requests are answered on the spot; whoever comes while a block is under way waits for
 * it. Ids of a block that is not used up are lost with a restart, as in Kafka. */
#ifndef TAILRACE_BROKER_PRODUCER_IDS_H
#define TAILRACE_BROKER_PRODUCER_IDS_H

#include "base/completion.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct producer_ids {
    int64_t next;
    int64_t end; /* first id that is not ours */
    bool is_refilling;
    struct list waiting; /* struct producer_id_wish (producer_id_wish.h) */
};

#endif
