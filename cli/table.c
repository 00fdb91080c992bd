/* Widths are known only when the last row is there, so cells are kept and printed at the end. */
#include "cli/table.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

/* A cell that finds no memory breaks the table as a whole: a table with a hole in it would shift
 * columns and lie. */
static void add_cell(struct table *table, const char *text, size_t size)
{
    assert(table->cell_count <= table->cell_capacity);
    if (table->cell_count == table->cell_capacity) {
        uint32_t capacity = table->cell_capacity == 0 ? 64 : table->cell_capacity * 2;
        const char **cells = arena_allocate_array(table->arena, capacity, sizeof *cells);
        if (cells == NULL) {
            table->is_broken = true;
            return;
        }
        if (table->cell_count > 0)
            memcpy(cells, table->cells, table->cell_count * sizeof *cells);
        table->cells = cells;
        table->cell_capacity = capacity;
    }
    const char *copy = arena_copy_text(table->arena, text, size);
    table->is_broken = table->is_broken || copy == NULL;
    table->cells[table->cell_count++] = copy != NULL ? copy : "";
}

void table_init(struct table *table, struct arena *arena, const char *headings)
{
    assert(arena != NULL);
    assert(headings != NULL);
    *table = (struct table){.arena = arena};
    while (*headings != 0) {
        size_t size = strcspn(headings, " ");
        add_cell(table, headings, size);
        headings += size + strspn(headings + size, " ");
        table->column_count++;
    }
    assert(table->column_count <= TABLE_COLUMN_MAX);
}

void table_text(struct table *table, const char *text)
{
    assert(text != NULL);
    add_cell(table, text, strlen(text));
}

void table_number(struct table *table, int64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%lld", (long long)number);
    add_cell(table, text, (size_t)size);
}

/* Characters, not bytes: the continuation bytes of UTF-8 take no room. */
static int display_width(const char *text)
{
    int width = 0;
    for (; *text != 0; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

bool table_print(const struct table *table)
{
    assert(table->column_count > 0);
    if (table->is_broken)
        return false;
    assert(table->cell_count % table->column_count == 0);
    int widths[TABLE_COLUMN_MAX] = {0};
    for (uint32_t i = 0; i < table->cell_count; i++) {
        int width = display_width(table->cells[i]);
        int *widest = &widths[i % table->column_count];
        *widest = width > *widest ? width : *widest;
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        uint32_t column = i % table->column_count;
        bool is_last = column + 1 == table->column_count;
        int padding = is_last ? 0 : widths[column] - display_width(table->cells[i]) + 2;
        printf("%s%*s%s", table->cells[i], padding, "", is_last ? "\n" : "");
    }
    return true;
}
