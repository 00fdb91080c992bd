/* The door of a simulated core: the backend "sim" of io/io.h. */
#ifndef TAILRACE_SIM_DOOR_H
#define TAILRACE_SIM_DOOR_H

#include "sim/machine.h"

/* Makes the door of a core; its node is set. */
void door_open(struct core *core, uint32_t core_index, uint64_t seed);

/* Forgets what is in flight and takes timers and ready completions off their lists, so that their
 * memory can be freed in any order. The door is dead but may still be called. */
void door_sever(struct core *core);

/* After door_sever. */
void door_close(struct core *core);

/* Mail under way is forgotten. */
void door_drop_mail(struct node *node);

/* The network's answer. */
void door_network_landed(struct network *network, struct io *io, struct io_request *request,
                         struct endpoint *endpoint, int32_t result);

/* The network wants bytes of a file that are being sent. */
int32_t door_read_range(struct network *network, struct io *io, struct io_file_range range,
                        uint8_t *to, size_t size);

#endif
