/* A core's share of the server from its making to its end (core.h). */
#ifndef TAILRACE_BROKER_CORE_LIFE_H
#define TAILRACE_BROKER_CORE_LIFE_H

#include "broker/core.h"

/* Everything but the storage, which is opened on the core itself. `memory_bytes`: of this core. */
void broker_core_init(struct broker_core *core, const struct roster *roster, struct io *io,
                      const struct config *config, size_t memory_bytes);

/* On the core, when its stores are open. */
void broker_core_open(struct broker_core *core, int32_t node_id);

/* No new connections; those that are there collect their answers and end. */
void broker_core_drain(struct broker_core *core, struct completion *drained);

/* Ends those that take too long over it. */
void broker_core_end_connections(struct broker_core *core);

/* After all cores have drained: lands when nothing of this core is lent to another. */
void broker_core_settle(struct broker_core *core, struct completion *settled);

/* The store must have stopped. */
void broker_core_deinit(struct broker_core *core);

#endif
