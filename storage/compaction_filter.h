/* What compaction keeps of a batch. Pure; Kafka's rules:
 *
 *   records      the newest of each key stays, and all that lies beyond the pass
 *   tombstones   (null values) stay like others at first, and their batch is given a delete horizon
 *                (KIP-534: attribute bit 6, the base timestamp holds it): now and
 *                delete.retention.ms. From then on they go
 *   no key       such records cannot be written into a compacted topic; those from before go
 *   aborted      transactions go
 *   markers      stay while something of their transaction does, then get a horizon like tombstones
 *   offsets,     sequences and producers never change; a batch may have gaps, or become empty
 *
 * An empty batch goes, with three exceptions, so that what a log knows of its producers and leader
 * epochs can be read from its batches at any time: the batches that each producer is remembered by
 * (Kafka keeps the last alone, and forgets the others when it reads the log anew), the first batch
 * of each leader epoch, and the last batch of the pass.
 *
 * A batch that loses nothing and needs no new horizon is kept as it is, byte for byte. So is one
 * that would need too much memory when it is decompressed, and the keys of one that has more of
 * them than the map holds are not all known: then an older record of one of its keys, or of a key
 * that it hides, may still be there. A tombstone that went would bring it back, so from the base
 * offset of such a batch on, tombstones stay however old they are. */
#ifndef TAILRACE_STORAGE_COMPACTION_FILTER_H
#define TAILRACE_STORAGE_COMPACTION_FILTER_H

#include "base/arena.h"
#include "storage/compaction_transactions.h"
#include "storage/epoch_core.h"
#include "storage/offset_map.h"
#include "storage/producer_core.h"

/* One pass over a log: first each batch from `dirty_offset` to `end_offset` is indexed, then each
 * batch from the log's start is filtered. */
struct compaction_pass {
    struct offset_map *map;
    struct compaction_transactions *transactions; /* one for indexing, another for filtering */
    int64_t dirty_offset;
    int64_t end_offset; /* the map knows the newest offset of each key below */
    int64_t now_ms;
    int64_t delete_retention_ms;
    const struct producer_core *producers;
    const struct epoch_core *epochs;
    size_t records_bytes_max; /* of one batch, decompressed */
    /* Of the first batch that could not be gone through; INT64_MAX: there was none. */
    int64_t opaque_offset;
    bool map_is_short; /* memory is short for the moment: the map is smaller than it should be */
};

/* Puts the keys of a batch into the map. `*is_full`: there was no room for them, and the pass ends
 * before this batch. The errors of record_iterator_open but STATUS_TOO_LARGE, which is no error;
 * STATUS_MALFORMED for records that make no sense; STATUS_NO_MEMORY when one batch is too much for
 * a map that is short. The arena is for this call alone. */
enum status compaction_index_batch(struct compaction_pass *pass, struct bytes batch,
                                   struct arena *arena, bool *is_full);

struct filtered_batch {
    struct bytes batch; /* null: nothing stays; the one that was given, or one in the arena */
    uint32_t record_count;
    uint32_t kept_count;
    uint32_t keyless_count; /* of those that went */
};

/* Errors as above; also when what stays has no room in the arena. */
enum status compaction_filter_batch(struct compaction_pass *pass, struct bytes batch,
                                    struct arena *arena, struct filtered_batch *filtered);

#endif
