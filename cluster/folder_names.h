/* The names of folders, made durable. Blocking; before the loops run. */
#ifndef TAILRACE_CLUSTER_FOLDER_NAMES_H
#define TAILRACE_CLUSTER_FOLDER_NAMES_H

#include "io/io.h"

enum { FOLDER_NAMES_BESIDE_MAX = 4 };

/* Makes durable the folder's own name and those of the folders above it, at once. Those that may
 * not be opened are somebody else's. The caller's requests `beside` it are in flight already and
 * have landed, too, when this returns; their results are his to look at. */
enum status folder_names_sync(struct io *io, const char *folder, struct io_request *const *beside,
                              uint32_t beside_count);

#endif
