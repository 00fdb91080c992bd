/* Segments open for readers. A file stays open for a while after its last use, so that reading
 * through a segment does not open it anew for every block; the one that was used the longest time
 * ago is closed when there are too many. A segment may be open twice: for reading past the page
 * cache, and for sending from it. */
#ifndef TAILRACE_STORAGE_COLD_FILE_H
#define TAILRACE_STORAGE_COLD_FILE_H

#include "base/completion.h"
#include "base/list.h"
#include "storage/segment.h"

#include <stdbool.h>

struct cold_file;
struct log;
struct store;

/* Somebody's use of a segment's file. */
struct cold_use {
    struct completion completion;
    struct list_node node; /* of those who wait while it is being opened */
    struct cold_file *file;
};

/* Always lands: STATUS_OK, and the file stays open until the release; or STATUS_NOT_FOUND,
 * STATUS_NO_FILES (try later), STATUS_NO_MEMORY, STATUS_IO, and there is nothing to release.
 * Handles are waited for a while, but not those of the second kind, which nobody depends on. */
void cold_file_use(struct log *log, struct segment *segment, enum cold_file_kind kind,
                   struct cold_use *use);
void cold_file_release(struct cold_use *use);

int32_t cold_file_handle(const struct cold_use *use);

/* The segment has been retired: its files are closed as soon as nobody uses them. */
void cold_file_forget(struct segment *segment);

/* Closes what nobody uses; true when no file is open any more. */
bool cold_files_close(struct store *store);

/* Frees memory when the node has been killed. */
void cold_files_drop(struct store *store);

#endif
