/* The inside of reading a journal; only the files journal_scan_*.c include this. */
#ifndef TAILRACE_STORAGE_JOURNAL_SCAN_PARTS_H
#define TAILRACE_STORAGE_JOURNAL_SCAN_PARTS_H

#include "storage/journal_scan.h"

enum {
    JOURNAL_SCAN_READ_SIZE = 1024 * 1024,
    JOURNAL_SCAN_WINDOW_SIZE = 8 * JOURNAL_SCAN_READ_SIZE, /* as many reads are in flight */
};

struct scanned_file {
    int32_t handle; /* -1: not open */
    uint64_t size_bytes;
    uint64_t first_sequence; /* 0: no commit of this epoch */
    bool is_headless;        /* not at its beginning */
    char path[PATH_SIZE];
};

/* A stretch of a file. */
struct window {
    uint8_t *data; /* NULL: none */
    uint64_t position;
    uint32_t capacity;
    uint32_t size_bytes;
    bool is_kept; /* there are commits in it that are */
};

struct kept_commit {
    uint64_t sequence;
    struct bytes commit;
};

struct journal_scan {
    struct journal_scan_site *site;
    struct scanned_file *files;
    uint32_t file_count;
    struct scanned_file *oldest; /* of those that are needed; NULL: none */
    struct window window;
    struct window ahead; /* the beginning of the newest file, read before its turn */
    uint64_t next_sequence;
    uint64_t released_sequence; /* checkpointed up to here: not visited */
    uint64_t missing_sequence;  /* the last one that should be there and is not; 0: none */
    bool may_be_zeroed;         /* what is missing would be in the oldest of several files */
    bool is_damaged;
    struct journal_visitor *visitor; /* of a visit that reads; NULL: the first reading */

    bool keeps; /* everything that is needed so far */
    struct kept_commit *commits;
    size_t commit_count;
    size_t commit_capacity;
    uint8_t **buffers; /* of former windows */
    size_t buffer_count;
    uint64_t kept_bytes;
};

/* --- What has been read is looked at ---------------------------------------------------------- */

/* Makes the bytes of the file from `position` on available, as many as `size_max`; what was there
 * before is gone, or kept with the commits in it. */
enum status journal_scan_fill(struct journal_scan *scan, const struct scanned_file *file,
                              uint64_t position, uint64_t size_max);

/* What is available from `position` on, which may be nothing. */
struct bytes journal_scan_available(const struct journal_scan *scan, uint64_t position);

/* Looks for a commit at `position`, reading on when the window ends before it does. */
enum status journal_scan_look(struct journal_scan *scan, const struct scanned_file *file,
                              uint64_t position, struct commit_header *header,
                              struct bytes *commit);

/* --- The newest file, before its turn --------------------------------------------------------- */

/* How many bytes of the file there are from `position` on, in whole blocks. */
uint64_t journal_scan_stretch_size(const struct scanned_file *file, uint64_t position,
                                   uint64_t size_max);

/* Memory for so much of the file; false: there is none. */
bool journal_scan_begin_ahead(struct journal_scan *scan, uint64_t size_bytes);

/* Is there a commit at `position` of what has been read ahead, or can one be read? */
enum status journal_scan_look_ahead(struct journal_scan *scan, const struct scanned_file *file,
                                    uint64_t position, struct commit_header *header);

/* --- Keeping ---------------------------------------------------------------------------------- */

/* Remembers a commit that is available, and its window with it, as long as memory lasts. */
void journal_scan_keep(struct journal_scan *scan, uint64_t sequence, struct bytes commit);

/* The window will not be read into any more; if it is kept, it goes where the kept ones are. */
void journal_scan_leave_window(struct journal_scan *scan);

/* Nothing is kept any more: whoever visits the commits reads them again. */
void journal_scan_stop_keeping(struct journal_scan *scan);

#endif
