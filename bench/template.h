/* Produce requests that are ready before the run. A batch is made once, compressed and summed, and
 * sent again and again: what a broker does with it does not depend on its bytes, and the generator
 * stays light. Where sizes vary there are many batches, drawn with a fixed seed, so that every run
 * sends the same.
 *
 * Only what must differ is written for each request: partition and correlation id, both outside of
 * the batch; and, if asked for, the producer's sequence or the time, inside a copy of the batch,
 * whose checksum is renewed. */
#ifndef TAILRACE_BENCH_TEMPLATE_H
#define TAILRACE_BENCH_TEMPLATE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "bench/load.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TEMPLATE_HEAD_SIZE_MAX = 512,
    TEMPLATE_VARIANTS_MAX = 64,
    TEMPLATE_BYTES_MAX = 128 << 20, /* of all variants; fewer are made of large batches */
    TEMPLATE_KEY_SIZE = 16,
};

/* One request, cut where the batch begins and ends. */
struct template
{
    struct bytes head;
    struct bytes batch;
    struct bytes tail;
    uint32_t record_count;
    size_t partition_at; /* of the index, in the head */
    size_t stamp_at;     /* of the first value, in the batch */
};

struct templates {
    struct arena arena;
    struct template *variants;
    uint32_t count;
};

/* The key of a producer, for batches of one that is keyed. */
struct bytes template_key(uint32_t connection, char text[static TEMPLATE_KEY_SIZE]);

/* Which partition a key belongs to, by the rule of Kafka's clients. */
uint32_t template_partition(struct bytes key, uint32_t partition_count);

/* Makes all variants of the load. `key` is null for records without one. */
void templates_init(struct templates *templates, const struct load *load, struct bytes key);
void templates_deinit(struct templates *templates);

/* The head for a request, in `to`. */
void template_write_head(const struct template *template, int32_t correlation_id, int32_t partition,
                         uint8_t to[static TEMPLATE_HEAD_SIZE_MAX]);

/* A time in the first value of a batch, which must be large enough (TEMPLATE_STAMP_SIZE). */
enum { TEMPLATE_STAMP_SIZE = LOAD_TAIL_RECORD_BYTES_MIN };
void template_stamp(const struct template *template, uint64_t run_id, int64_t time_ns,
                    uint8_t *batch);
/* False if the batch carries none of this run. */
bool template_read_stamp(struct bytes batch, uint64_t run_id, int64_t *time_ns);

#endif
