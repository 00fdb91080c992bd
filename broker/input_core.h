/* How much the next receive of a connection is likely to bring, which is how much room it should
 * find. Pure: the receiving half of a connection asks. */
#ifndef TAILRACE_BROKER_INPUT_CORE_H
#define TAILRACE_BROKER_INPUT_CORE_H

#include <stdbool.h>
#include <stdint.h>

/* As much as the last one has brought, and twice as much where that took all the room there was: so
 * requests that are sent in a row are received together, and one that is sent alone finds room for
 * all of it. From LIMIT_INPUT_BYTES_LEAST to LIMIT_INPUT_BYTES_AT_ONCE. */
uint32_t input_core_likely(uint32_t received_bytes, bool has_filled_room);

#endif
