/* One commit, of a journal or of a catalog: what is written and synced at once. Pure: how it lies
 * in memory and on disk; the journal (journal.h) and the catalog (catalog.h) say when.
 *
 *   offset  size
 *        0     4  magic "TRJ1"
 *        4     4  version, 1
 *        8     8  journal epoch: commits of earlier runs are recognised by theirs and ignored
 *       16     8  sequence: the commits of one core in one run, or of one catalog file, are
 *                 1, 2, 3, ...
 *       24     4  size in bytes, with this header, without the padding
 *       28     4  number of entries
 *       32     4  core
 *       36     4  CRC32C of the whole size with this field as zero
 *       40     8  in a journal, the newest sequence that was checkpointed when the commit was made:
 *                 what is in commits up to it recovery finds in segments and catalog; zero: none
 *       48    16  zero
 *       64        entries, each aligned to 8 bytes:
 *                    0   4  kind: 1 batch, 2 mark; in a catalog 3 state, 4 removed, 5 end
 *                    4   4  partition
 *                    8  16  topic id
 *                   24   8  base offset of the batch; of a mark, zero; in a catalog the version: of
 *                           several entries about a log the one with the greatest holds
 *                   32   8  durable offset of the log when the entry was made: what lies below is
 *                           on disk, and if it is not found there, the disk has lost it; in a
 *                           catalog zero
 *                   40   4  payload size
 *                   44   4  life: which of several logs with this topic id and partition the entry
 *                           speaks of, when one was removed and made again in the same run; of the
 *                           one that was there when the run began, zero
 *                   48      payload: the batch as stored, with its offset and epoch; the state
 *                           (state_file.h); of a removed log the topic's name
 *                 zeros up to the next multiple of 4096
 *
 * A commit begins on a block of its own, so no block with acknowledged bytes is written again. */
#ifndef TAILRACE_STORAGE_COMMIT_H
#define TAILRACE_STORAGE_COMMIT_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COMMIT_HEADER_SIZE = 64,
    COMMIT_ENTRY_SIZE = 48,
    COMMIT_ALIGNMENT = 4096,
    COMMIT_SIZE_MAX = 1024 * 1024,
};

enum commit_entry_kind {
    COMMIT_BATCH = 1,
    COMMIT_MARK = 2,
    COMMIT_STATE = 3,
    COMMIT_REMOVED = 4,
    COMMIT_END = 5,
};

struct commit_entry {
    uint32_t kind;
    int32_t partition;
    struct uuid topic_id;
    union {
        int64_t base_offset;
        uint64_t version;
    };
    int64_t durable_offset;
    uint32_t payload_size;
    uint32_t life;
};
_Static_assert(sizeof(struct commit_entry) == COMMIT_ENTRY_SIZE, "stored format");
_Static_assert(offsetof(struct commit_entry, kind) == 0, "stored format");
_Static_assert(offsetof(struct commit_entry, partition) == 4, "stored format");
_Static_assert(offsetof(struct commit_entry, topic_id) == 8, "stored format");
_Static_assert(offsetof(struct commit_entry, base_offset) == 24, "stored format");
_Static_assert(offsetof(struct commit_entry, durable_offset) == 32, "stored format");
_Static_assert(offsetof(struct commit_entry, payload_size) == 40, "stored format");
_Static_assert(offsetof(struct commit_entry, life) == 44, "stored format");

struct commit_header {
    uint32_t magic;
    uint32_t version;
    uint64_t epoch;
    uint64_t sequence;
    uint32_t size_bytes;
    uint32_t entry_count;
    uint32_t core;
    uint32_t crc;
    uint64_t released_sequence;
    uint64_t zero[2];
};
_Static_assert(sizeof(struct commit_header) == COMMIT_HEADER_SIZE, "stored format");
_Static_assert(offsetof(struct commit_header, magic) == 0, "stored format");
_Static_assert(offsetof(struct commit_header, version) == 4, "stored format");
_Static_assert(offsetof(struct commit_header, epoch) == 8, "stored format");
_Static_assert(offsetof(struct commit_header, sequence) == 16, "stored format");
_Static_assert(offsetof(struct commit_header, size_bytes) == 24, "stored format");
_Static_assert(offsetof(struct commit_header, entry_count) == 28, "stored format");
_Static_assert(offsetof(struct commit_header, core) == 32, "stored format");
_Static_assert(offsetof(struct commit_header, crc) == 36, "stored format");
_Static_assert(offsetof(struct commit_header, released_sequence) == 40, "stored format");
_Static_assert(offsetof(struct commit_header, zero) == 48, "stored format");

static inline uint64_t commit_entry_stored_size(uint32_t payload_size)
{
    return (COMMIT_ENTRY_SIZE + (uint64_t)payload_size + 7) & ~7ull;
}

static inline uint64_t commit_stored_size(uint64_t size_bytes)
{
    return (size_bytes + COMMIT_ALIGNMENT - 1) & ~(uint64_t)(COMMIT_ALIGNMENT - 1);
}

/* Puts an entry at `size_bytes` of the buffer, which has room for it, and answers the new size. */
uint32_t commit_put(uint8_t *buffer, uint32_t size_bytes, const struct commit_entry *entry,
                    const uint8_t *payload);

/* Writes the header, its checksum and the padding; `header` has everything but the checksum. */
void commit_seal(uint8_t *buffer, struct commit_header header);

/* Is there a whole commit of this epoch, of at most `size_bytes_max`, at the start of `available`?
 * STATUS_OK; STATUS_TRUNCATED with `header->size_bytes` when it goes on beyond what is available;
 * STATUS_NOT_FOUND when there is none of this epoch; STATUS_CORRUPT when there is one but its
 * checksum is wrong (a torn write); STATUS_UNSUPPORTED for another version. */
enum status commit_verify(struct bytes available, uint64_t epoch, uint32_t size_bytes_max,
                          struct commit_header *header);

/* Entry by entry through a verified commit; `position` begins at COMMIT_HEADER_SIZE. False at the
 * end. */
bool commit_next(struct bytes commit, uint32_t *position, struct commit_entry *entry,
                 struct bytes *payload);

#endif
