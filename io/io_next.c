/* Where the core offers a second write and a thread takes it, without a lock: one word in the
 * first.
 *
 *            io_write_durable_next                    io_take_next
 *   NULL ───────────────────────────▶ the second ──────────────────────▶ the first itself
 *     ▲        io_withdraw_next            │                                  ▲
 *     └────────────────────────────────────┘        io_take_next              │
 *     └────────────────────────────────────────────────────────────────────────┘
 *
 * Whoever changes the word from the second to something else has the second. The first itself means
 * that it is over; its result has been stored before, so whoever reads that may read the result.
 *
 * A thread may have failed at the first before the core hears of it. What is offered then is put
 * there all the same, so that it is cancelled behind the first, and can be withdrawn until that. */
#include "io/io_next.h"

#include "base/assert.h"

static bool is_commit(const struct io_request *request)
{
    return request->kind == IO_WRITE && (request->flags & IO_FLAG_AT_ONCE) != 0;
}

/* The first has landed well or failed, and nobody else has begun the second. */
static void begin_after(struct io *io, const struct io_request *first, struct io_request *next)
{
    assert(is_commit(next));
    if (first->completion.result < 0)
        io_complete(io, next, STATUS_CANCELLED);
    else
        io->backend->submit(io, next);
}

void io_offer_next(struct io *io, struct io_request *first, struct io_request *next)
{
    struct io_request *none = NULL;
    assert(is_commit(first));
    assert(is_commit(next));
    if (atomic_compare_exchange_strong(&first->next, &none, next))
        return;
    assert(none == first); /* over, or there would be two that follow it */
    if (first->completion.result < 0 && (first->flags & IO_FLAG_COMPLETED) == 0)
        atomic_store(&first->next, next);
    else
        begin_after(io, first, next);
}

bool io_withdraw_next(struct io *io, struct io_request *first)
{
    assert(is_commit(first));
    struct io_request *next = atomic_load(&first->next);
    assert(next != NULL);
    if (next == first || !atomic_compare_exchange_strong(&first->next, &next, NULL))
        return false;
    assert(io->in_flight_count > 0);
    io->in_flight_count--;
    return true;
}

struct io_request *io_take_next(struct io_request *first)
{
    struct io_request *next = atomic_exchange(&first->next, first);
    return next == first ? NULL : next;
}

void io_begin_next(struct io *io, struct io_request *first)
{
    assert(is_commit(first));
    struct io_request *next = io_take_next(first);
    if (next != NULL)
        begin_after(io, first, next);
}
