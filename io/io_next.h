/* Pairs of at-once writes: the second begins when the first is durable, on whatever thread sees
 * that first. Only io/ includes this; backends find io_take_next in io_backend.h. */
#ifndef TAILRACE_IO_IO_NEXT_H
#define TAILRACE_IO_IO_NEXT_H

#include "io/io_backend.h"

/* `next` is filled in and counted as in flight. Begins it at once if `first` is over already. */
void io_offer_next(struct io *io, struct io_request *first, struct io_request *next);

/* `first` is over and on the ready queue: begins what follows it, if no thread has. */
void io_begin_next(struct io *io, struct io_request *first);

#endif
