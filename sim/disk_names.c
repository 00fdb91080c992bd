/* A sorted array: directories are listed in the order of bytes, which no real file system promises,
 * but which is the same in every run. */
#include "sim/disk_names.h"

#include "base/assert.h"
#include "sim/memory.h"

enum { NAME_TABLE_CAPACITY_START = 8 };

void disk_names_deinit(struct disk_names *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->names[i].text);
    free(table->names);
    *table = (struct disk_names){0};
}

/* Where the name is, or would be. */
static size_t disk_names_position(const struct disk_names *table, const char *text, bool *is_there)
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

struct inode *disk_names_find(const struct disk_names *table, const char *text)
{
    bool is_there;
    size_t position = disk_names_position(table, text, &is_there);
    return is_there ? table->names[position].target : NULL;
}

static void disk_names_insert(struct disk_names *table, size_t position, const char *text,
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

static void disk_names_remove(struct disk_names *table, size_t position)
{
    assert(position < table->count);
    free(table->names[position].text);
    table->count--;
    memmove(&table->names[position], &table->names[position + 1],
            (table->count - position) * sizeof table->names[0]);
}

struct inode *disk_names_set(struct disk_names *table, const char *text, struct inode *target)
{
    assert(text[0] != '\0');
    assert(strchr(text, '/') == NULL);
    bool is_there;
    size_t position = disk_names_position(table, text, &is_there);
    struct inode *before = is_there ? table->names[position].target : NULL;
    if (is_there && target != NULL)
        table->names[position].target = target;
    else if (is_there)
        disk_names_remove(table, position);
    else if (target != NULL)
        disk_names_insert(table, position, text, target);
    return before;
}
