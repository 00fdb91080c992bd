/* A text table: headings, then rows, each column as wide as its widest cell, two spaces between
 * columns, no borders, nothing cut off. Cells are kept until the table is printed. */
#ifndef TAILRACE_CLI_TABLE_H
#define TAILRACE_CLI_TABLE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum { TABLE_COLUMN_MAX = 12 };

struct table {
    struct arena *arena;
    const char **cells; /* the first row are the headings */
    uint32_t column_count;
    uint32_t cell_count;
    uint32_t cell_capacity;
    bool is_broken; /* the arena's limit was reached */
};

/* Headings in capitals, separated by spaces: "NAME PARTITIONS". */
void table_init(struct table *table, struct arena *arena, const char *headings);

/* Cells fill row after row. The text is copied. */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, int64_t number);

/* Prints to stdout; false if a cell was lost for want of memory. */
bool table_print(const struct table *table);

#endif
