/* What single parts cost, in nanoseconds each: for those who change them. One row for each thing
 * that is measured; the program (main.c) decides how often it is done. */
#ifndef TAILRACE_TESTS_MICRO_MICRO_H
#define TAILRACE_TESTS_MICRO_MICRO_H

#include "base/arena.h"
#include "base/bytes.h"

#include <stdint.h>

struct micro {
    const char *name;
    void *(*begin)(int argument);               /* NULL: none is needed */
    void (*run)(void *context, uint64_t count); /* does it `count` times */
    void (*end)(void *context);                 /* NULL as begin */
    int argument;
};

struct micro_table {
    const struct micro *rows;
    uint32_t count;
};

struct micro_table micro_base(void);
struct micro_table micro_protocol(void);
struct micro_table micro_io(void);
struct micro_table micro_storage(void);

/* Zeroed memory; there must be some. */
void *micro_allocate(size_t size);

/* Keeps a result from being optimized away. */
void micro_use(uint64_t value);

/* Text that can be compressed, the same each time; the caller frees it. */
struct bytes micro_text(size_t size);

/* A batch of records of 1 KiB without compression, in the arena. */
struct bytes micro_batch(struct arena *arena, uint32_t record_count);

#endif
