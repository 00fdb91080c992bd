#include "bench/template.h"

#include "base/assert.h"
#include "base/prng.h"
#include "bench/control.h"
#include "bench/system.h"
#include "protocol/batch.h"
#include "protocol/batch_build.h"
#include "protocol/headers.h"
#include "protocol/messages/produce.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PAYLOAD_SEED = 1,
    CORRELATION_ID_AT = 8,
    RECORD_OVERHEAD_MAX = 24, /* of a record without headers, besides key and value */
    ARENA_ROOM_BYTES = 1 << 20,
};

/* --- Keys ------------------------------------------------------------------------------------- */

struct bytes template_key(uint32_t connection, char text[static TEMPLATE_KEY_SIZE])
{
    int size = snprintf(text, TEMPLATE_KEY_SIZE, "key-%08u", connection);
    assert(size > 0);
    assert(size < TEMPLATE_KEY_SIZE);
    return bytes_of(text, (size_t)size);
}

/* Murmur2 (Appleby), with the seed of Kafka's clients. */
static uint32_t murmur2(struct bytes key)
{
    const uint32_t factor = 0x5bd1e995;
    uint32_t hash = 0x9747b28c ^ (uint32_t)key.size;
    const uint8_t *at = key.data;
    for (; key.size >= 4; at += 4, key.size -= 4) {
        uint32_t word =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        word *= factor;
        word ^= word >> 24;
        hash = hash * factor ^ word * factor;
    }
    for (size_t i = key.size; i-- > 0;)
        hash ^= (uint32_t)at[i] << (8 * i);
    if (key.size > 0)
        hash *= factor;
    hash = (hash ^ hash >> 13) * factor;
    return hash ^ hash >> 15;
}

uint32_t template_partition(struct bytes key, uint32_t partition_count)
{
    assert(partition_count > 0);
    return (murmur2(key) & INT32_MAX) % partition_count;
}

/* --- Batches ---------------------------------------------------------------------------------- */

static int64_t wall_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / (1000 * 1000);
}

static void fill_random(struct prng *prng, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = prng_u64(prng);
        memcpy(data + i, &word, size - i < sizeof word ? size - i : sizeof word);
    }
}

/* Words such as events are made of, in an order of chance: codecs find about as much as in JSON. */
static void fill_text(struct prng *prng, uint8_t *data, size_t size)
{
    static const char *const words[] = {
        "{\"user\":",     "\"timestamp\":",  "\"event\":\"",  "purchase\",", "view\",",
        "\"page\":\"/",   "products/",       "checkout\",",   "\"price\":",  "\"currency\":",
        "\"EUR\",",       "\"status\":200,", "\"duration\":", "\"region\":", "\"europe\",",
        "\"session\":\"", "\"country\":",    "true,",         "false,",      "null}",
    };
    size_t used = 0;
    while (used < size) {
        char word[32];
        const char *chosen = words[prng_below(prng, sizeof words / sizeof words[0])];
        int length = prng_chance(prng, 1, 3)
                         ? snprintf(word, sizeof word, "%u,", (unsigned)prng_below(prng, 100000))
                         : snprintf(word, sizeof word, "%s", chosen);
        assert(length > 0);
        size_t part = size - used < (size_t)length ? size - used : (size_t)length;
        memcpy(data + used, word, part);
        used += part;
    }
}

static struct bytes make_value(const struct load *load, struct prng *prng, struct arena *arena)
{
    size_t size = distribution_draw(&load->record_bytes, prng);
    uint8_t *data = arena_allocate(arena, size);
    if (data == NULL)
        fail("no memory for a record of %zu bytes", size);
    if (load->payload == PAYLOAD_TEXT)
        fill_text(prng, data, size);
    else
        fill_random(prng, data, size);
    return bytes_of(data, size);
}

/* Whether one more record of that size goes in. */
static bool has_room(const struct load *load, const struct batch_builder *builder,
                     uint32_t wanted_count, size_t used_bytes, size_t record_bytes)
{
    if (builder->record_count == 0)
        return true;
    if (load->batch_bytes == 0)
        return (uint32_t)builder->record_count < wanted_count;
    return used_bytes + record_bytes <= load->batch_bytes &&
           builder->record_count < LOAD_BATCH_RECORDS_MAX;
}

static struct bytes make_batch(const struct load *load, struct bytes key, struct prng *prng,
                               struct arena *arena, uint32_t *record_count)
{
    struct batch_builder builder;
    struct batch_options options = batch_options_plain;
    struct bytes batch;
    options.compression = load->compression;
    options.level = compression_levels(load->compression).usual;
    batch_builder_init(&builder, &options, arena);
    uint32_t wanted_count = distribution_draw(&load->batch_records, prng);
    int64_t time_ms = wall_now_ms();
    size_t used_bytes = BATCH_HEADER_SIZE;
    for (;;) {
        struct bytes value = make_value(load, prng, arena);
        size_t record_bytes = value.size + key.size + RECORD_OVERHEAD_MAX;
        if (!has_room(load, &builder, wanted_count, used_bytes, record_bytes))
            break;
        batch_builder_append_simple(&builder, time_ms, key, value);
        used_bytes += record_bytes;
    }
    enum status status = batch_builder_finish(&builder, &batch);
    if (status != STATUS_OK)
        fail("a batch of %d records: %s", builder.record_count, status_text(status));
    *record_count = (uint32_t)builder.record_count;
    return batch;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Where the first value stands in a batch that is not compressed. */
static size_t find_first_value(struct bytes batch)
{
    struct record_cursor cursor;
    struct record_shape shape;
    record_cursor_init(&cursor,
                       bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE));
    bool has_record = record_cursor_next(&cursor, &shape);
    assert(has_record);
    return BATCH_HEADER_SIZE + shape.value_position;
}

static void encode(const struct load *load, struct bytes *batch, struct writer *writer)
{
    struct produce_request request;
    struct produce_request_topic topic;
    struct produce_request_partition part;
    produce_request_init(&request);
    produce_request_topic_init(&topic);
    produce_request_partition_init(&part);
    part.index = 0;
    part.records = (struct records_field){.pieces = batch, .piece_count = 1, .size = batch->size};
    topic.name = bytes_of_text(load->topic);
    topic.partition_data = &part;
    topic.partition_data_count = 1;
    request.acks = load->acks;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    request_begin(writer, API_PRODUCE, PRODUCE_VERSION, 0);
    produce_request_encode(writer, PRODUCE_VERSION, &request);
    frame_end(writer);
}

static size_t uvarint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

/* The writer refers to a large batch, but copies a small one; so the cut is made by position. */
static void cut(struct template *template, struct bytes frame, struct bytes batch, size_t tail_size)
{
    size_t head_size = frame.size - batch.size - tail_size;
    template->head = bytes_of(frame.data, head_size);
    template->batch = bytes_of(frame.data + head_size, batch.size);
    template->tail = bytes_of(template->batch.data + batch.size, tail_size);
    assert(memcmp(template->batch.data, batch.data, batch.size) == 0);
    /* Before the records stand their size plus one, and before that the index of the partition. */
    template->partition_at = head_size - uvarint_size(batch.size + 1) - sizeof(int32_t);
    if (head_size > TEMPLATE_HEAD_SIZE_MAX)
        fail("the name of the topic is too long");
}

static struct bytes lay_out(struct writer *writer, struct arena *arena)
{
    struct bytes *pieces;
    uint32_t piece_count;
    size_t size = writer_total_size(writer);
    uint8_t *frame = arena_allocate(arena, size);
    if (writer->status != STATUS_OK || frame == NULL ||
        !writer_pieces(writer, &pieces, &piece_count))
        fail("no memory for a request of %zu bytes", size);
    size_t at = 0;
    for (uint32_t i = 0; i < piece_count; at += pieces[i++].size)
        memcpy(frame + at, pieces[i].data, pieces[i].size);
    assert(at == size);
    return bytes_of(frame, size);
}

static void make_variant(struct template *template, const struct load *load, struct bytes key,
                         struct prng *prng, struct arena *arena)
{
    enum { TAIL_SIZE = 3 }; /* no tags of partition, topic and request */
    struct writer writer;
    struct bytes batch = make_batch(load, key, prng, arena, &template->record_count);
    writer_init(&writer, arena);
    encode(load, &batch, &writer);
    cut(template, lay_out(&writer, arena), batch, TAIL_SIZE);
    if (load->compression == COMPRESSION_NONE)
        template->stamp_at = find_first_value(batch);
}

static uint64_t batch_bytes_max(const struct load *load)
{
    uint64_t record =
        (uint64_t)distribution_max(&load->record_bytes) + TEMPLATE_KEY_SIZE + RECORD_OVERHEAD_MAX;
    uint64_t records = load->batch_bytes > 0 ? (load->batch_bytes + record) / record + 1
                                             : distribution_max(&load->batch_records);
    return BATCH_HEADER_SIZE + record * records + load->batch_bytes;
}

void templates_init(struct templates *templates, const struct load *load, struct bytes key)
{
    struct prng prng;
    uint64_t bytes = batch_bytes_max(load);
    bool is_fixed =
        distribution_is_fixed(&load->record_bytes) && distribution_is_fixed(&load->batch_records);
    uint64_t fitting = TEMPLATE_BYTES_MAX / bytes > 0 ? TEMPLATE_BYTES_MAX / bytes : 1;
    *templates = (struct templates){.count = 1};
    if (!is_fixed)
        templates->count =
            (uint32_t)(fitting < TEMPLATE_VARIANTS_MAX ? fitting : TEMPLATE_VARIANTS_MAX);
    /* Values, the builder's doubling buffer, the compressed records and the frame. */
    arena_init(&templates->arena, templates->count * (8 * bytes + ARENA_ROOM_BYTES));
    templates->variants =
        arena_allocate_array(&templates->arena, templates->count, sizeof *templates->variants);
    if (templates->variants == NULL)
        fail("no memory for the requests");
    prng_init(&prng, PAYLOAD_SEED);
    for (uint32_t i = 0; i < templates->count; i++)
        make_variant(&templates->variants[i], load, key, &prng, &templates->arena);
}

void templates_deinit(struct templates *templates)
{
    assert(templates->count > 0);
    arena_deinit(&templates->arena);
}

void template_write_head(const struct template *template, int32_t correlation_id, int32_t partition,
                         uint8_t to[static TEMPLATE_HEAD_SIZE_MAX])
{
    assert(template->head.size <= TEMPLATE_HEAD_SIZE_MAX);
    assert(partition >= 0);
    memcpy(to, template->head.data, template->head.size);
    store_u32_be(to + CORRELATION_ID_AT, (uint32_t)correlation_id);
    store_u32_be(to + template->partition_at, (uint32_t)partition);
}

/* --- Times in batches ------------------------------------------------------------------------- */

void template_stamp(const struct template *template, uint64_t run_id, int64_t time_ns,
                    uint8_t *batch)
{
    assert(template->stamp_at + TEMPLATE_STAMP_SIZE <= template->batch.size);
    store_u64_be(batch + template->stamp_at, run_id);
    store_u64_be(batch + template->stamp_at + sizeof run_id, (uint64_t)time_ns);
}

bool template_read_stamp(struct bytes batch, uint64_t run_id, int64_t *time_ns)
{
    struct record_cursor cursor;
    struct record_shape shape;
    assert(batch.size >= BATCH_HEADER_SIZE);
    struct bytes records = bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE);
    record_cursor_init(&cursor, records);
    if (!record_cursor_next(&cursor, &shape) || shape.value_size < TEMPLATE_STAMP_SIZE)
        return false;
    const uint8_t *stamp = records.data + shape.value_position;
    if (load_u64_be(stamp) != run_id)
        return false;
    *time_ns = (int64_t)load_u64_be(stamp + sizeof run_id);
    return true;
}
