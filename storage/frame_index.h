/* Where in a segment to begin to read: about one entry for each 64 KiB, with a frame's base offset
 * and position and the greatest timestamp up to the next entry. A hint: what it says is checked
 * against the frames themselves, and it can be rebuilt from them (index_scan.h). Pure. */
#ifndef TAILRACE_STORAGE_FRAME_INDEX_H
#define TAILRACE_STORAGE_FRAME_INDEX_H

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

/* A frame behind all that were noted. An entry that gets no memory only makes the index sparser. */
void frame_index_note(struct frame_index *index, int64_t base_offset, uint64_t position,
                      int64_t max_timestamp_ms);
void frame_index_deinit(struct frame_index *index);

/* Puts the entries of `later` behind those of `index`; `later` is empty then. */
void frame_index_join(struct frame_index *index, struct frame_index *later);

/* The last entry at or before `offset`, which is where to begin reading; NULL when none is. Good
 * until the index changes. */
const struct index_entry *frame_index_find(const struct frame_index *index, int64_t offset);

/* The position of the first entry behind `position`, where a frame begins for certain; `otherwise`
 * when there is none. */
uint64_t frame_index_bound(const struct frame_index *index, uint64_t position, uint64_t otherwise);

#endif
