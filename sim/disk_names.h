/* The names in one directory of a simulated disk, sorted by bytes. A table holds a reference on
 * everything that it names; counting them is its users' duty, for which the calls answer what was
 * there before. */
#ifndef TAILRACE_SIM_DISK_NAMES_H
#define TAILRACE_SIM_DISK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct inode;

struct name {
    char *text; /* the table's own */
    struct inode *target;
};

struct disk_names {
    struct name *names;
    size_t count;
    size_t capacity;
};

/* Gives back the memory of the names, not what they name. */
void disk_names_deinit(struct disk_names *table);

/* What the name stands for, or NULL. */
struct inode *disk_names_find(const struct disk_names *table, const char *text);

/* Makes the name stand for `target`, or takes it away when `target` is NULL. Answers what it stood
 * for before, or NULL. */
struct inode *disk_names_set(struct disk_names *table, const char *text, struct inode *target);

#endif
