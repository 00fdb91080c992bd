/* Changes to the names of a simulated disk: seen at once, durable later. They stand in one list in
 * the order in which they were made; which of them become durable is decided here: as far as the
 * disk keeps an order, a prefix of each directory's, and a rename within it is kept whole or lost
 * whole. */
#ifndef TAILRACE_SIM_DISK_CHANGES_H
#define TAILRACE_SIM_DISK_CHANGES_H

#include "sim/disk.h"

/* The name stands for `target` from here on, NULL: for nothing. The table holds its targets. */
void disk_name_set(struct disk *disk, struct disk_names *table, const char *name,
                   struct inode *target);

/* The same, as a change that programs see now. */
void disk_change_name(struct disk *disk, struct inode *directory, const char *name,
                      struct inode *target);

/* `moved` goes from one name to the other in one change, or in two (sim/disk.h). */
void disk_change_two_names(struct disk *disk, struct inode *from_directory, const char *from,
                           struct inode *to_directory, const char *to, struct inode *moved);

/* Those of this directory up to the mark become durable, and whatever has to come before them. */
void disk_changes_sync(struct disk *disk, const struct inode *directory, uint64_t mark);
void disk_changes_sync_all(struct disk *disk);

/* Some become durable, by chance, and with each what it rests on; the rest never happened. */
void disk_changes_power_cut(struct disk *disk, struct prng *prng);

/* None of them happens any more. What programs see stays as it is. */
void disk_changes_drop(struct disk *disk);

#endif
