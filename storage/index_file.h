/* The index of one segment on disk, `<segment>.index` beside it: written when the segment is not
 * appended to any more, or not for the time being, so that nobody needs to keep it in memory.
 *
 *   offset  size
 *        0     4  magic "TRI1"
 *        4     4  version, 1
 *        8     4  size of the whole in bytes
 *       12     4  CRC32C of the whole with this field as zero
 *       16    16  topic id
 *       32     4  partition
 *       36     4  generation of the segment
 *       40     8  base offset of the segment
 *       48     8  bytes of the segment that it speaks of; frames behind them are found by reading
 *       56     4  number of entries
 *       60     4  zero
 *       64        entries: base offset of a frame i64, its position u64, and the greatest timestamp
 *                 i64 of the frames from there to the next entry
 *
 * Little-endian. A hint: a file that is missing, damaged or belongs elsewhere is made anew from the
 * frames, and what it says is checked against them at use. */
#ifndef TAILRACE_STORAGE_INDEX_FILE_H
#define TAILRACE_STORAGE_INDEX_FILE_H

#include "storage/frame.h"
#include "storage/frame_index.h"

enum { INDEX_FILE_BYTES_MAX = 64 << 20 };

/* In memory of its own, which the caller frees; null bytes when there is none. */
struct bytes index_file_encode(const struct frame_place *place, const struct frame_index *index,
                               uint64_t covered_bytes);

/* Where it says that it belongs, not checked in any way; false for what is no such file. */
bool index_file_place(struct bytes content, struct frame_place *place);

/* Fills `index`, which is empty. STATUS_CORRUPT (also: of another segment, or one that makes no
 * sense), STATUS_UNSUPPORTED (another version), STATUS_NO_MEMORY. */
enum status index_file_decode(struct bytes content, const struct frame_place *place,
                              struct frame_index *index, uint64_t *covered_bytes);

#endif
