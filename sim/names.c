#include "sim/names.h"

#include "base/assert.h"
#include "sim/memory.h"

enum { NAME_TABLE_CAPACITY_START = 8 };

void name_table_deinit(struct name_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->names[i].text);
    free(table->names);
    *table = (struct name_table){0};
}

/* Where the name is, or would be. */
static size_t name_table_position(const struct name_table *table, const char *text, bool *is_there)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(table->names[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < table->count && strcmp(table->names[low].text, text) == 0;
    return low;
}

struct inode *name_table_find(const struct name_table *table, const char *text)
{
    bool is_there;
    size_t position = name_table_position(table, text, &is_there);
    return is_there ? table->names[position].target : NULL;
}

static void name_table_insert(struct name_table *table, size_t position, const char *text,
                              struct inode *target)
{
    assert(position <= table->count);
    assert(target != NULL);
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? NAME_TABLE_CAPACITY_START : table->capacity * 2;
        table->names = must_grow(table->names, table->capacity, capacity, sizeof table->names[0]);
        table->capacity = capacity;
    }
    memmove(&table->names[position + 1], &table->names[position],
            (table->count - position) * sizeof table->names[0]);
    table->names[position] =
        (struct name){.text = must_copy_text(text, strlen(text)), .target = target};
    table->count++;
}

static void name_table_remove(struct name_table *table, size_t position)
{
    assert(position < table->count);
    free(table->names[position].text);
    table->count--;
    memmove(&table->names[position], &table->names[position + 1],
            (table->count - position) * sizeof table->names[0]);
}

struct inode *name_table_set(struct name_table *table, const char *text, struct inode *target)
{
    assert(text[0] != '\0');
    assert(strchr(text, '/') == NULL);
    bool is_there;
    size_t position = name_table_position(table, text, &is_there);
    struct inode *before = is_there ? table->names[position].target : NULL;
    if (is_there && target != NULL)
        table->names[position].target = target;
    else if (is_there)
        name_table_remove(table, position);
    else if (target != NULL)
        name_table_insert(table, position, text, target);
    return before;
}
