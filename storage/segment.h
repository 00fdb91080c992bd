/* A segment of a log: a run of frames (frame.h) in one file, `<base offset>.log`
 * or `<base offset>-<generation>.log`. Space is reserved
 * ahead in steps, so the file may be longer than its data; zeros mean the end, and so does what
 * the file held as that of another segment (recycle.h).
 *
 * Its index (frame_index.h) is in memory as far as it is needed there: entries for new frames are
 * added at the end, and the part before `indexed_from` comes from its file, or from the frames,
 * when a reader wants it (index.h). With the aborted transactions whose markers lie in the segment
 * it is the same: those with markers from `aborted_known_from` on are in memory, the others can be
 * read from the batches (log_aborted.c). A segment without any, which is most, costs nothing. */
#ifndef TAILRACE_STORAGE_SEGMENT_H
#define TAILRACE_STORAGE_SEGMENT_H

#include "base/list.h"
#include "storage/aborted_list.h"
#include "storage/frame_index.h"

struct cold_file;
struct index_load;
struct paged_file;

/* How a segment is open for readers (cold_file.h). */
enum cold_file_kind {
    COLD_FILE_DIRECT,
    COLD_FILE_CACHED, /* IO_OPEN_CACHED */
    COLD_FILE_KIND_COUNT,
};

/* Counted: the log's list holds one reference, and so does whoever uses the segment while others
 * may take it out of the list: a frame in memory, a block read back, a load under way, the open
 * file that is written. */
struct segment {
    uint32_t reference_count;
    bool is_retired; /* it has left the list; its file may be gone */
    int64_t base_offset;
    uint32_t generation;      /* 0: as appended; raised each time compaction writes it anew */
    uint64_t size_bytes;      /* of the sealed frames */
    uint64_t allocated_bytes; /* of the file, as far as known; 0 before it is opened */
    bool exists;              /* the file has been created and its name is durable */
    uint64_t recycled_bytes;  /* up to here the file has what it held before (recycle.h), where its
                                 frames have not come to yet */
    bool was_paged;           /* the page cache may have some of it */
    int64_t max_timestamp_ms; /* -1 when empty */
    int64_t created_ms;       /* wall time of the first append; -1 when empty */
    int64_t appended_ms;      /* wall time of the last append; -1 when empty */

    struct frame_index index;      /* of the frames from `indexed_from` on */
    uint64_t indexed_from;         /* 0: the index is whole */
    uint64_t filed_bytes;          /* the frames that the index file speaks of, as far as known */
    bool index_is_doubted;         /* its file has misled a reader: the frames decide */
    bool index_is_proved;          /* made from the frames themselves, in this life */
    struct list_node index_node;   /* store->indexes, when it may be dropped */
    size_t index_bytes;            /* of the store's bound, while on that list */
    struct index_load *index_load; /* brings or files the index; NULL: none does */

    int64_t aborted_from; /* where the earliest of those transactions begins; -1: there is none */
    int64_t aborted_known_from;
    struct aborted_list aborted;   /* in order of markers */
    struct list_node aborted_node; /* store->aborted, when the list may be dropped */
    size_t aborted_bytes;          /* of the store's bound, while on that list */

    struct cold_file *files[COLD_FILE_KIND_COUNT]; /* open for readers; NULL: not */
    struct paged_file *paged; /* blocks of it are sent from the page cache; NULL: none is */
};

/* With one reference; NULL without memory. */
struct segment *segment_create(int64_t base_offset, uint32_t generation);
struct segment *segment_retain(struct segment *segment);
void segment_release(struct segment *segment); /* the last one frees it; NULL is fine */

/* A frame has got its place. A lost entry (no memory) only makes the index sparser. */
void segment_note_frame(struct segment *segment, int64_t base_offset, uint64_t position,
                        uint64_t stored_size, int64_t max_timestamp_ms);

/* A marker in this segment has aborted a transaction. */
void segment_note_aborted(struct segment *segment, const struct aborted_transaction *aborted);

/* Puts `earlier`, of all markers below aborted_known_from, in front of those in memory; takes its
 * memory. False without memory: nothing has changed. */
bool segment_complete_aborted(struct segment *segment, struct aborted_list *earlier);

/* Forgets them: whoever needs them again reads the batches. */
void segment_drop_aborted(struct segment *segment);

static inline bool segment_knows_aborted(const struct segment *segment)
{
    return segment->aborted_from < 0 || segment->aborted_known_from <= segment->base_offset;
}

/* Puts `earlier` in front of the segment's own entries; takes its memory. */
void segment_complete_index(struct segment *segment, struct frame_index *earlier);

/* Forgets the entries: whoever needs them again loads them. */
void segment_drop_index(struct segment *segment);

#endif
