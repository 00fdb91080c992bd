/* Zeros for files that are written throughout before they are used, so that writing them again
 * changes no metadata: a small piece of memory, named again and again by each write. */
#ifndef TAILRACE_STORAGE_ZEROS_H
#define TAILRACE_STORAGE_ZEROS_H

#include "io/chunk.h"
#include "io/io.h"

enum { ZEROS_SIZE = 64 * 1024 };

/* Clears a chunk of ZEROS_SIZE, which serves any number of writes. */
void zeros_init(struct chunk *zeros);

/* The pieces of one write from `*position` on, as many as it takes or as there are to `end`, and
 * how many; `*position` moves on behind them. */
uint32_t zeros_gather(const struct chunk *zeros, uint64_t *position, uint64_t end,
                      struct bytes pieces[static IO_WRITE_PIECE_COUNT_MAX]);

#endif
