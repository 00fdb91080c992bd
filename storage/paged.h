/* Blocks that are sent from the system's page cache.
 *
 * What a reader who is behind wants is read past the page cache, verified, and kept in memory for a
 * while (cold_block.h). A block that is wanted again soon after it had to go is one that our memory
 * is too small for: it is read once more, through the page cache, verified as ever, and from then
 * on we keep no more of it than where its frames are. What readers get are ranges of its file,
 * which go from the page cache to their sockets without a copy (io_sendfile).
 *
 * Only frames that have been written are read so, whole blocks of 4 KiB that are never written
 * again: a write past the cache never meets a page of it, which Linux would have to throw out, and
 * would call an error of the next sync where it cannot.
 *
 * A block is verified when it is paged and not each time it is sent. What the memory of the machine
 * does to it afterwards, or the disk, if the system has dropped the pages and reads them again, is
 * noticed by the checksums of the batches, at the consumer, and not by us. */
#ifndef TAILRACE_STORAGE_PAGED_H
#define TAILRACE_STORAGE_PAGED_H

#include "storage/cold_block.h"
#include "storage/cold_file.h"

/* One frame of such a block. */
struct paged_frame {
    int64_t base_offset;
    int64_t next_offset;
    uint64_t payload_position; /* in the file */
    uint32_t payload_size;
};

/* --- Which blocks ----------------------------------------------------------------------------- */

/* The block had been read through and goes from memory: if it is wanted again, it is worth paging.
 */
void paged_note(const struct cold_block *block);

/* Has what lies there gone not long ago, and can the file be sent from? */
bool paged_is_worth(struct log *log, const struct segment *segment, uint64_t position);

/* Keeps the block as one that is sent from the page cache. Its chunk, through which it came there,
 * stays the caller's; the use of the cached file may be taken over. False if that is not worth it,
 * or there is no memory. */
bool paged_keep(const struct cold_block *block, struct cold_use *use);

/* cold_cache.c: the block goes. */
void paged_give_back(struct cold_block *block);

/* Forgets all blocks; their files close when nothing is being sent from them. */
void paged_drop_all(struct store *store);

/* --- Their files ------------------------------------------------------------------------------ */

/* Counted: held by its blocks, and by those who send from it, on whatever core. So a segment that
 * is retired meanwhile is sent to the end. */
struct paged_file *paged_file_retain(struct paged_file *file);

/* `io` is the door of the calling core. */
void paged_file_release(struct paged_file *file, struct io *io);

int32_t paged_file_handle(const struct paged_file *file);

/* What was to be sent from it could not be read: nothing more is, by whoever asks from now on. From
 * any core that holds it. */
void paged_file_doubt(struct paged_file *file);
bool paged_file_is_doubted(const struct paged_file *file);

/* When the node has been killed, after cold_files_drop. */
void paged_files_drop(struct store *store);

#endif
