/* One file of a simulated disk: what a reader sees, what has survived a sync, and the changes in
 * between.
 *
 *   current   what a read answers: the page cache
 *   changes   writes and new sizes that are complete but not synced, in order of completion
 *   durable   what is left if the power goes and none of the changes had reached the medium
 *
 * A sync moves into `durable` the changes that were complete when the sync was *asked for*. A write
 * is kept as whole sectors of 512 bytes, filled up from `current`, so each change is the next
 * version of its sectors. Power loss picks a version of every sector on its own:
 *
 *   - each sector of each change reached the medium or did not, whatever the others did; the last
 *     sector of a write may be torn within
 *   - new sizes are metadata and go in order: any prefix of them holds. Where a sector is inside
 *     the size that held but its data did not arrive, it reads as before, or as zeros
 *   - what was written after a file was cut went to blocks which that cut had freed, so it is there
 *     only if the cut is
 *
 * A sync that fails (Linux: "fsyncgate") reports it once. The changes that it covered are gone from
 * the future: they stay readable until the cache is evicted or the power goes, and no later sync
 * brings them back.
 *
 * Not modelled: writes to holes that find the medium full, and any cost of fragmentation. */
#ifndef TAILRACE_SIM_FILE_H
#define TAILRACE_SIM_FILE_H

#include "base/list.h"
#include "base/prng.h"
#include "sim/sparse.h"

#include <stdint.h>

enum { SECTOR_SIZE = 512 };

struct file {
    struct sparse current;
    struct sparse durable;
    uint64_t current_size_bytes;
    uint64_t durable_size_bytes;
    struct list changes;
    uint64_t change_count; /* ever; the number of the newest change */
};

void file_init(struct file *file);
void file_deinit(struct file *file);

/* What a read of `size` bytes answers: fewer at the end of the file. */
size_t file_read(const struct file *file, uint64_t offset, uint8_t *data, size_t size);

/* A write completes. */
void file_write(struct file *file, uint64_t offset, const uint8_t *data, size_t size);

/* A write that was under way when its process died, or that failed: some of its sectors arrive in
 * the cache and others do not. */
void file_write_torn(struct file *file, uint64_t offset, const uint8_t *data, size_t size,
                     struct prng *prng);

/* The file becomes longer (reading as zeros) or is cut. */
void file_resize(struct file *file, uint64_t size_bytes);

/* To be taken when a sync is asked for, and given to it when it completes. */
static inline uint64_t file_sync_mark(const struct file *file)
{
    return file->change_count;
}

/* Makes durable what was complete at the mark. */
void file_sync(struct file *file, uint64_t mark);

/* The sync fails: what was complete at the mark will never be durable. */
void file_sync_failed(struct file *file, uint64_t mark);

/* The cache forgets what a failed sync has lost. */
void file_evict(struct file *file);

void file_power_cut(struct file *file, struct prng *prng);

/* One bit of the medium flips, and of the clean cache with it. */
void file_flip_bit(struct file *file, uint64_t offset, uint32_t bit);

#endif
