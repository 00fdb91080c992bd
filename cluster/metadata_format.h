/* The formats of the files under cluster/, little-endian, version 1. Pure: bytes in, bytes out.
 *
 *   state                    term, vote, and the last clean mark: one struct state_block
 *   metadata-<index>.log     entries from <index> on
 *   snapshot-<index>         everything up to <index>: struct snapshot_header, the configuration of
 *                            the quorum, then framed records (cluster/metadata_record.h)
 *   *.new                    one of the above, not finished; removed at start
 *
 * <index> is written with 20 digits. state and snapshots are made under their .new name, synced,
 * renamed, and the folder is synced: they are there whole or not at all.
 *
 * A log file is a header block and then batches, each in blocks of 4096 bytes of its own:
 *
 *   ┌─ block 0 ────┬─ blocks ───────────────────────────┬─ blocks ──────┬─ ...
 *   │ log_header   │ batch_header  entry data entry data │ batch_header  │
 *   │ zeros        │               zeros to the block    │   ...         │
 *   └──────────────┴────────────────────────────────────┴───────────────┴─
 *
 * One batch is written and synced at a time, and none begins in a block of an earlier one, so bytes
 * that were acknowledged are never written again, and a batch that is broken can only be the last:
 * if a whole batch of the same file follows, or the clean mark lies beyond, what is broken had been
 * on disk, and that is damage and not a torn tail. The file's random id tells its own batches from
 * whatever lay there before or stands inside an entry. */
#ifndef TAILRACE_CLUSTER_METADATA_FORMAT_H
#define TAILRACE_CLUSTER_METADATA_FORMAT_H

#include "base/bytes.h"

enum {
    METADATA_BLOCK_SIZE = 4096,
    METADATA_ENTRY_BYTES_MAX = 64 * 1024 * 1024,
    METADATA_FORMAT_VERSION = 1,
};

/* What kind an entry is: numbers of libraft. */
enum metadata_entry_kind {
    METADATA_ENTRY_COMMAND = 1, /* framed records */
    METADATA_ENTRY_BARRIER = 2,
    METADATA_ENTRY_CHANGE = 3, /* of the quorum itself */
};

struct metadata_entry {
    uint64_t term;
    enum metadata_entry_kind kind;
    struct bytes data;
};

/* --- state ------------------------------------------------------------------------------------ */

struct metadata_state {
    uint64_t term;
    uint64_t vote;         /* 0: none */
    uint64_t stored_index; /* the log held everything up to here at a clean moment; 0: unknown */
    uint64_t server_id;    /* whose folder this is */
};

enum { METADATA_STATE_SIZE = 64 };
void metadata_state_encode(const struct metadata_state *state,
                           uint8_t bytes[static METADATA_STATE_SIZE]);

/* STATUS_CORRUPT; STATUS_UNSUPPORTED for a newer version. */
enum status metadata_state_decode(struct bytes bytes, struct metadata_state *state);

/* --- log -------------------------------------------------------------------------------------- */

struct metadata_log_header {
    uint64_t file_id;
    uint64_t first_index;
};

/* Fills one block. */
void metadata_log_header_encode(const struct metadata_log_header *header,
                                uint8_t block[static METADATA_BLOCK_SIZE]);
enum status metadata_log_header_decode(struct bytes block, struct metadata_log_header *header);

struct metadata_batch {
    uint64_t file_id;
    uint64_t first_index;
    uint32_t entry_count;
    uint32_t size_bytes;  /* on disk, whole blocks */
    struct bytes entries; /* for metadata_batch_entry */
};

/* Bytes on disk of a batch of these entries. */
size_t metadata_batch_size(const struct metadata_entry *entries, uint32_t entry_count);

/* Fills `bytes`, which is as large as metadata_batch_size says. */
void metadata_batch_encode(uint64_t file_id, uint64_t first_index,
                           const struct metadata_entry *entries, uint32_t entry_count,
                           uint8_t *bytes);

/* The batch at the start of `bytes`. Entries are checked too, so that taking them cannot fail.
 * STATUS_CORRUPT: there is no whole batch; STATUS_NOT_FOUND: there are no bytes at all. */
enum status metadata_batch_decode(struct bytes bytes, struct metadata_batch *batch);

/* How much the batch that seems to begin here says it takes on disk; 0: none does. It may be
 * damaged.
 */
uint64_t metadata_batch_claimed_size(struct bytes bytes);

/* The next entry of a decoded batch; false after the last. Starts with *position 0. */
bool metadata_batch_entry(const struct metadata_batch *batch, size_t *position,
                          struct metadata_entry *entry);

/* --- snapshot --------------------------------------------------------------------------------- */

struct metadata_snapshot {
    uint64_t index; /* of the last entry in it */
    uint64_t term;  /* of that entry */
    uint64_t configuration_index;
    struct bytes configuration;
    struct bytes records;
};

size_t metadata_snapshot_size(const struct metadata_snapshot *snapshot);
void metadata_snapshot_encode(const struct metadata_snapshot *snapshot, uint8_t *bytes);
enum status metadata_snapshot_decode(struct bytes bytes, struct metadata_snapshot *snapshot);

/* --- Names ------------------------------------------------------------------------------------ */

/* The index in the name of a file; 0 for names of another form. */
uint64_t metadata_log_name_index(const char *name);
uint64_t metadata_snapshot_name_index(const char *name);

#endif
