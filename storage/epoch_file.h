/* `journal/epoch`: the number of the present run. Commits of the journals carry it, so what earlier
 * runs left in the same files is not mistaken for new; raising it empties all journals at once.
 * Nothing else tells which run was the last, so it is there twice, the second time at 4096: a bad
 * block takes one of them.
 *
 * And `journal/<core>.clean`: the same number, written at the end of an orderly stop; when every
 * core that has a journal has one of the present epoch, there is nothing to recover. If the core
 * also knows that no log of its has files which the log does not list, the number follows once more
 * as "swept".
 *
 * Each: magic "TRE1" (swept: "TRS1") u32, version 1 u32, epoch u64, CRC32C of these u32, zero u32.
 */
#ifndef TAILRACE_STORAGE_EPOCH_FILE_H
#define TAILRACE_STORAGE_EPOCH_FILE_H

#include "base/log.h"
#include "io/io.h"
#include "storage/await.h"

enum { EPOCH_SIZE = 24, EPOCH_COPY_AT = 4096, CLEAN_SIZE_MAX = 2 * EPOCH_SIZE, EPOCH_FIRST = 1 };

/* The content of a mark of an orderly stop; answers its size. */
uint32_t epoch_file_encode_clean(uint64_t epoch, bool is_swept,
                                 uint8_t content[static CLEAN_SIZE_MAX]);

/* From the start of one of the two files, or from where the copy is. STATUS_CORRUPT,
 * STATUS_UNSUPPORTED. */
enum status epoch_file_decode(struct bytes content, uint64_t *epoch);

/* Blocking. The epoch of a store that has none yet is EPOCH_FIRST; what is written is always
 * greater. If only the copy can be read, the logger says so. STATUS_CORRUPT, STATUS_UNSUPPORTED. */
enum status epoch_file_read(struct io *io, const char *store, struct logger *logger,
                            uint64_t *epoch);

/* Blocking. The next epoch, written and neither synced nor named yet; the draft is the caller's to
 * end if this succeeds. */
enum status epoch_file_draft(struct io *io, const char *store, uint64_t epoch,
                             struct await_draft *draft);

/* Was the core stopped in order in this epoch, and swept? A file that is missing or damaged means
 * no. */
struct clean_mark {
    bool is_clean;
    bool is_swept;
};

struct clean_mark epoch_file_read_clean(struct io *io, const char *store, uint32_t core,
                                        uint64_t epoch);

#endif
