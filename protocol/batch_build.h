/* Making batches: from records, for internal topics, clients of our own and compaction; and from a
 * batch, with another codec. Everything lies in the arena that is given. Any core may call. */
#ifndef TAILRACE_PROTOCOL_BATCH_BUILD_H
#define TAILRACE_PROTOCOL_BATCH_BUILD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "protocol/batch.h"
#include "protocol/batch_record.h"
#include "protocol/compression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a batch says besides its records. */
struct batch_options {
    enum compression compression;
    int32_t level; /* of the codec, valid for it */
    int64_t base_offset;
    int64_t last_offset; /* -1: that of the last record, which is the rule outside compaction */
    int32_t leader_epoch;
    int16_t attributes;        /* further bits: transactional, control, delete horizon */
    int64_t delete_horizon_ms; /* if attributes has BATCH_DELETE_HORIZON */
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
};

/* Nobody's batch from offset 0 without compression. */
extern const struct batch_options batch_options_plain;

struct batch_builder {
    struct batch_options options;
    struct arena *arena;
    struct writer records; /* behind room for the header */
    int32_t record_count;
    int64_t last_offset; /* of the last record; one below the base offset if there is none */
    int64_t base_timestamp;
    int64_t max_timestamp;
};

void batch_builder_init(struct batch_builder *builder, const struct batch_options *options,
                        struct arena *arena);

/* Adds a record. Its offset is at least that of the record before plus one. If the arena is full
 * batch_builder_finish says so. Everything is copied. */
void batch_builder_append(struct batch_builder *builder, const struct record_view *record);

/* The same for a record without headers at the next offset. */
void batch_builder_append_simple(struct batch_builder *builder, int64_t timestamp, struct bytes key,
                                 struct bytes value);

/* The batch with its checksum. It may have no records only if last_offset was given, which is how
 * compaction keeps a producer's last sequence. STATUS_NO_MEMORY when the arena is full,
 * STATUS_TOO_LARGE beyond 2^31-1 bytes. */
enum status batch_builder_finish(struct batch_builder *builder, struct bytes *batch);

/* Record headers as they stand in a record_view, without their count. Null bytes and a failed
 * status when the arena is full. Keys are not null. */
enum status record_headers_encode(const struct record_header *headers, uint32_t header_count,
                                  struct arena *arena, struct bytes *encoded);

/* The same batch with its records in another codec: header fields but codec, length and checksum
 * stay. For compression.type other than "producer". Nothing is made, and `*recompressed` is
 * `batch`, if it has that codec already: Kafka keeps the level of the producer then, too. The
 * result may be larger than max.message.bytes, which the caller compares again. STATUS_MALFORMED,
 * STATUS_UNSUPPORTED, STATUS_TOO_LARGE (beyond `records_bytes_max`) and STATUS_NO_MEMORY as
 * record_iterator_open. */
enum status batch_recompress(struct bytes batch, enum compression compression, int32_t level,
                             size_t records_bytes_max, struct arena *arena,
                             struct bytes *recompressed);

#endif
