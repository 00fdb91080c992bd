/* `journal/epoch`: the number of the present run. Commits of the journals carry it, so what earlier
 * runs left in the same files is not mistaken for new; raising it empties all journals at once.
 * And `journal/<core>.clean`: the same number, written at the end of an orderly stop; when every
 * core that has a journal has one of the present epoch, there is nothing to recover.
 *
 * Both files: magic "TRE1" u32, version 1 u32, epoch u64, CRC32C of these u32, zero u32. */
#ifndef TAILRACE_STORAGE_EPOCH_FILE_H
#define TAILRACE_STORAGE_EPOCH_FILE_H

#include "io/io.h"

enum { EPOCH_FILE_SIZE = 24, EPOCH_FIRST = 1 };

void epoch_file_encode(uint64_t epoch, uint8_t content[static EPOCH_FILE_SIZE]);

/* Of one of the two files. STATUS_CORRUPT, STATUS_UNSUPPORTED. */
enum status epoch_file_decode(struct bytes content, uint64_t *epoch);

/* Blocking. The epoch of a store that has none yet is EPOCH_FIRST; what is
 * written is always greater. STATUS_CORRUPT, STATUS_UNSUPPORTED. */
enum status epoch_file_read(struct io *io, const char *store, uint64_t *epoch);
enum status epoch_file_write(struct io *io, const char *store, uint64_t epoch);

/* Blocking. What has been read stays: whoever wrote it may have been killed before its name was on
 * disk, and nothing may be built on a number that a power cut takes back. */
enum status epoch_file_settle(struct io *io, const char *store);

/* Was the core stopped in order in this epoch? A file that is missing or damaged means no. */
bool epoch_file_is_clean(struct io *io, const char *store, uint32_t core, uint64_t epoch);

#endif
