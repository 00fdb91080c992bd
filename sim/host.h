/* What happens to all connections of a machine at once: it comes up, its process dies, its power
 * goes, a link to it is cut. */
#ifndef TAILRACE_SIM_HOST_H
#define TAILRACE_SIM_HOST_H

#include "sim/network.h"

/* The machine is on the network: what is sent to it is answered, if only with a reset. */
void host_up(struct network *network, uint32_t host);

/* The process on this host is dead: its requests in flight are forgotten without being touched.
 * After a kill its connections are closed by the system; after a power cut they are just silent. */
void host_down(struct network *network, uint32_t host, bool power_cut);

/* Bytes from one host to another wait until the link is opened again. */
void host_block(struct network *network, uint32_t from, uint32_t to, bool blocked);

#endif
