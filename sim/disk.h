/* The simulated disk of one node: a tree of directories and files that survives the death of the
 * processes that use it, and loses at power cuts exactly what a real one may lose.
 *
 * Names are like the contents of files (sim/file.h): each directory has a table that programs see
 * and one that is durable, and between them lies one ordered list of changes to names.
 *
 *   - io_sync_directory of a directory makes durable the changes to *its* names that were complete
 *     when it was asked for; those of other directories stay open, even the directory's own name in
 *     its parent
 *   - a power cut keeps of each directory's changes any prefix, or, on a disk without order, any of
 *     them. What a name came to stand for one after the other holds in order even there
 *   - a rename is one change: both names change or neither. On a disk without order that does not
 *     hold for a file that goes from one directory to another: it may be found under both names, or
 *     under none, until both directories have been synced
 *   - syncing a file says nothing about its name
 *
 * Directories may be mounted, each on a device of its own, which may break by itself: then every
 * operation on what lies there fails. Nothing can be renamed from one device to another.
 *
 * A file lives as long as a name (seen or durable), an open handle or a pending change holds it.
 * Calls are made when the operation takes effect; how long that takes, and whether it fails, is
 * decided above (sim/file_job.h).
 *
 * Paths are absolute ("/data/topics"); "/" and "/data" are there from the beginning.
 *
 * Not modelled: owners and modes, links, a durable order between the names of different
 * directories, loss of a whole directory with everything in it, and running out of space anywhere
 * but where a file becomes longer (blocks are counted by size, so holes are paid for).
 *
 * What file systems promise differs more than one likes to believe: Pillai et al., "All File
 * Systems Are Not Created Equal" (OSDI 2014), found that a journal of metadata keeps order, that
 * btrfs does not, and that ext2 keeps nothing; only a sync of the directory is a promise of all of
 * them. */
#ifndef TAILRACE_SIM_DISK_H
#define TAILRACE_SIM_DISK_H

#include "base/arena.h"
#include "base/list.h"
#include "base/prng.h"
#include "base/status.h"
#include "sim/disk_names.h"
#include "sim/file.h"

#include <stdbool.h>
#include <stdint.h>

struct io_entry;

/* A file or a directory. */
struct inode {
    struct list_node node; /* on the disk's list, in order of creation */
    uint32_t references;
    bool is_directory;
    uint32_t device;           /* that of the directory it was made in */
    struct disk_names current; /* of a directory */
    struct disk_names durable;
    struct file file; /* of a file */
};

/* What a power cut may leave of the changes to one directory that no sync has covered. */
enum disk_order {
    DISK_ORDERED,  /* a prefix: metadata has a journal */
    DISK_UNORDERED /* each is there or not, whatever became of the others */
};

struct disk {
    enum disk_order order;
    struct list inodes;
    struct inode *root;
    struct list name_changes; /* complete, not durable, oldest first */
    uint64_t name_change_count;
    uint64_t capacity_bytes; /* 0: without limit */
    uint64_t used_bytes;     /* by the sizes of files, in whole pages */
    uint32_t device_count;   /* beside the first, which has the root */
    uint32_t broken_devices; /* a set of bits */
};

void disk_init(struct disk *disk);
void disk_deinit(struct disk *disk);

/* Answers the file with one reference for the caller, by `open_flags` of io/io.h. */
enum status disk_open(struct disk *disk, const char *path, uint32_t open_flags,
                      struct inode **file);

/* One more reference; NULL stays NULL. */
struct inode *disk_hold(struct inode *inode);

/* Gives a reference back; NULL is nobody's. */
void disk_release(struct disk *disk, struct inode *inode);

/* STATUS_NO_SPACE when the file would become longer than the disk allows; then nothing changes. */
enum status disk_write(struct disk *disk, struct inode *inode, uint64_t offset, const uint8_t *data,
                       size_t size);
enum status disk_allocate(struct disk *disk, struct inode *inode, uint64_t offset, uint64_t size);
enum status disk_truncate(struct disk *disk, struct inode *inode, uint64_t size);

enum status disk_rename(struct disk *disk, const char *from, const char *to);
enum status disk_unlink(struct disk *disk, const char *path);
enum status disk_make_directory(struct disk *disk, const char *path);
enum status disk_remove_directory(struct disk *disk, const char *path);

/* Names in byte order, in the arena; STATUS_NO_MEMORY when its limit is reached. */
enum status disk_list(const struct disk *disk, const char *path, struct arena *arena,
                      struct io_entry **entries, uint32_t *entry_count);

enum { DISK_DEVICE_COUNT_MAX = 32 };

/* Makes a directory, durable at once, that lies on a device of its own. */
void disk_mount(struct disk *disk, const char *path);

/* The device that `path` lies on breaks, or is repaired; and whether it is broken. */
void disk_break(struct disk *disk, const char *path, bool is_broken);
bool disk_is_broken_at(const struct disk *disk, const char *path);

static inline bool disk_is_broken_under(const struct disk *disk, const struct inode *inode)
{
    return (disk->broken_devices & 1u << inode->device) != 0;
}

/* To be taken when the sync of a directory is asked for, and given to it when it completes. */
static inline uint64_t disk_name_mark(const struct disk *disk)
{
    return disk->name_change_count;
}

enum status disk_sync_directory(struct disk *disk, const char *path, uint64_t mark);

/* disk_free_bytes, if the path is there. */
enum status disk_free_space(const struct disk *disk, const char *path, uint64_t *free_bytes);

/* Bytes that may still be written; half the number space on a disk without limit. */
uint64_t disk_free_bytes(const struct disk *disk);

/* The cache forgets what failed syncs of this file have lost. */
void disk_evict(struct disk *disk, struct inode *inode);

/* The power goes: what is not durable is kept, dropped or torn by chance. Nobody may hold a file
 * open any more. */
void disk_power_cut(struct disk *disk, struct prng *prng);

/* The disk is replaced by an empty one. Nobody may hold a file open any more. */
void disk_wipe(struct disk *disk);

/* Flips one random bit of what is durable, in a random file; false when there is nothing to spoil.
 */
bool disk_rot(struct disk *disk, struct prng *prng);

#endif
