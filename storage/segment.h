/* A segment of a log: a run of frames (frame.h) in one file, `<base offset>.log`
 * or `<base offset>-<generation>.log`. Space is reserved
 * ahead in steps, so the file may be longer than its data; zeros mean the end.
 *
 * The index is sparse: about one entry for each 64 KiB, with the frame's base offset and position
 * and the greatest timestamp up to the next entry. It is a hint for where to begin to read, always
 * checked against the frames themselves; it can be rebuilt from their headers. */
#ifndef TAILRACE_STORAGE_SEGMENT_H
#define TAILRACE_STORAGE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

enum { INDEX_INTERVAL_BYTES = 64 * 1024 };

struct index_entry {
    int64_t base_offset;
    uint64_t position;
    int64_t max_timestamp_ms; /* of the frames from here to the next entry */
};

struct frame_index {
    struct index_entry *entries;
    uint32_t count;
    uint32_t capacity;
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
    int64_t max_timestamp_ms; /* -1 when empty */
    int64_t created_ms;       /* wall time of the first append; -1 when empty */
    int64_t appended_ms;      /* wall time of the last append; -1 when empty */
    struct frame_index index; /* of the frames from `indexed_from` on */
    uint64_t indexed_from;    /* 0: the index is whole */
};

/* With one reference; NULL without memory. */
struct segment *segment_create(int64_t base_offset, uint32_t generation);
struct segment *segment_retain(struct segment *segment);
void segment_release(struct segment *segment); /* the last one frees it; NULL is fine */

/* A frame has got its place. A lost entry (no memory) only makes the index sparser. */
void segment_note_frame(struct segment *segment, int64_t base_offset, uint64_t position,
                        uint64_t stored_size, int64_t max_timestamp_ms);

void frame_index_note(struct frame_index *index, int64_t base_offset, uint64_t position,
                      int64_t max_timestamp_ms);
void frame_index_deinit(struct frame_index *index);

/* Puts `earlier` in front of the segment's own entries; takes its memory. */
void segment_complete_index(struct segment *segment, struct frame_index *earlier);

/* The position of the last entry at or before `offset`, which is where to begin reading. The index
 * must be whole. */
uint64_t segment_position(const struct segment *segment, int64_t offset);

#endif
