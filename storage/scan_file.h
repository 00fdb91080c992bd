/* The file of one segment, looked through by recovery: the frames from where the log's state ends
 * to the first that is not good become part of the log, and what is good behind that is found.
 *
 * What reads back is not always on the disk: after a sync that failed, the cache may show for a
 * while what no later sync will write. So the frames that are taken are written once more, as they
 * are, and synced before anything is built on them. Blocking. */
#ifndef TAILRACE_STORAGE_SCAN_FILE_H
#define TAILRACE_STORAGE_SCAN_FILE_H

#include "storage/recovered_log.h"

struct scan_file {
    struct recovered_log *log;
    uint32_t index; /* of the segment */
    int32_t handle;
    uint64_t size_bytes;
    struct scan_ahead *ahead; /* whose handle, size and first window these are; NULL: opened here */
    uint8_t *own_window;      /* NULL: none */
    uint8_t *window;
    uint64_t window_capacity;
    uint64_t window_position;
    uint32_t window_size;
    uint64_t taken_from; /* in the window: from here to the segment's size, to be written again */
    bool is_dirty;
    uint64_t torn_bytes; /* behind the last good frame, and not what the file held before */
    bool may_be_rest;    /* what stands there does not claim to be the next frame */
    char path[PATH_SIZE];
};

/* The file of the log's segment `index`. What a group has opened and read ahead (log->ahead) is
 * taken from there. STATUS_NOT_FOUND: there is none, and nothing to close. */
enum status scan_file_open(struct recovered_log *log, uint32_t index, struct scan_file *file);

/* Takes the frames from the segment's known size on, to the first that is not good, and notes
 * whether anything lies behind them. */
enum status scan_file_take_frames(struct scan_file *file);

/* The next good frame from `position` on; each block may be the beginning of one. STATUS_NOT_FOUND
 * at the end of the file. */
enum status scan_file_find_frame(struct scan_file *file, uint64_t *position,
                                 struct frame_header *header);

/* Whole frames behind a bad one tell how far the log was durable when they were sealed: if beyond
 * the bad one, that is not a torn tail.
 *
 * A file that was another segment's before (recycle.h) may go on with its frames for a GiB. So much
 * is not read: where nothing but that is found for as long as writes may be in flight, nothing else
 * is behind it. */
enum status scan_file_look_behind(struct scan_file *file);

/* Unless `status` is an error, what was taken is on disk then, or left to the group to write.
 * Answers the first error of all. */
enum status scan_file_close(struct scan_file *file, enum status status);

static inline struct state_segment *scan_file_segment(const struct scan_file *file)
{
    return &file->log->segments[file->index];
}

#endif
