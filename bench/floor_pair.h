/* Two blocking sockets that are connected through loopback. What goes wrong with them ends the
 * program. */
#ifndef TAILRACE_BENCH_FLOOR_PAIR_H
#define TAILRACE_BENCH_FLOOR_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both send at once what they are given (TCP_NODELAY). */
void floor_pair_open(int handles[static 2]);

/* All of it, in as many calls as it takes. */
void floor_send(int handle, const uint8_t *bytes, size_t size);

/* Ends the program with what could not be done, and errno, unless it is good. */
void floor_must(bool is_good, const char *what);

#endif
