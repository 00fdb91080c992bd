/* Assertions are part of the program: they stay on in every build, because a broker that goes on
 * after a broken invariant writes wrong bytes to disk. Bytes from the network, from disk or from a
 * user are never asserted about; they are checked once at the edge and answered with a status. */
#ifndef TAILRACE_BASE_ASSERT_H
#define TAILRACE_BASE_ASSERT_H

#ifdef NDEBUG
#error "building with NDEBUG is not supported: assertions guard what is written to disk"
#endif

#include <assert.h>

_Noreturn void unreachable_at(const char *file, int line);

/* Ends a switch whose every case returns. Reaching it is a broken invariant. */
#define unreachable() unreachable_at(__FILE__, __LINE__)

#endif
