/* Room for the header is left at the front, so that a batch that is not compressed is finished in
 * place without being copied. Compressed records need a second piece of memory, because their size
 * is known only afterwards. */
#include "protocol/batch_build.h"

#include "base/assert.h"

const struct batch_options batch_options_plain = {
    .compression = COMPRESSION_NONE,
    .last_offset = -1,
    .leader_epoch = NO_LEADER_EPOCH,
    .producer_id = NO_PRODUCER_ID,
    .producer_epoch = NO_PRODUCER_EPOCH,
    .base_sequence = NO_SEQUENCE,
};

void batch_builder_init(struct batch_builder *builder, const struct batch_options *options,
                        struct arena *arena)
{
    assert(arena != NULL);
    assert(options->last_offset < 0 || options->last_offset >= options->base_offset);
    static const uint8_t room[BATCH_HEADER_SIZE];
    assert(options->base_offset >= 0);
    assert((options->attributes & (BATCH_COMPRESSION_MASK | BATCH_APPEND_TIME)) == 0);
    assert(compression_level_is_valid(options->compression, options->level));
    *builder = (struct batch_builder){
        .options = *options,
        .arena = arena,
        .last_offset = options->base_offset - 1,
        .base_timestamp = NO_TIMESTAMP,
        .max_timestamp = NO_TIMESTAMP,
    };
    if ((options->attributes & BATCH_DELETE_HORIZON) != 0)
        builder->base_timestamp = options->delete_horizon_ms;
    writer_init(&builder->records, arena);
    writer_bytes(&builder->records, bytes_of(room, sizeof room));
}

/* Bytes that a number takes as a varint or varlong. */
static size_t varint_size(int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    size_t size = 1;
    for (; zigzag >= 0x80; zigzag >>= 7)
        size++;
    assert(size <= 10);
    return size;
}

static size_t field_size(struct bytes field)
{
    return bytes_are_null(field) ? varint_size(-1) : varint_size((int64_t)field.size) + field.size;
}

static void write_field(struct writer *writer, struct bytes field)
{
    if (bytes_are_null(field)) {
        writer_varint(writer, -1);
        return;
    }
    assert(field.size <= INT32_MAX);
    writer_varint(writer, (int32_t)field.size);
    writer_bytes(writer, field);
}

void batch_builder_append(struct batch_builder *builder, const struct record_view *record)
{
    assert(record->offset > builder->last_offset);
    assert(record->offset - builder->options.base_offset <= INT32_MAX);
    assert(record->header_count >= 0);
    bool base_is_free = (builder->options.attributes & BATCH_DELETE_HORIZON) == 0;
    if (builder->record_count == 0 && base_is_free)
        builder->base_timestamp = record->timestamp;
    if (record->timestamp > builder->max_timestamp)
        builder->max_timestamp = record->timestamp;
    int64_t timestamp_delta =
        (int64_t)((uint64_t)record->timestamp - (uint64_t)builder->base_timestamp);
    int32_t offset_delta = (int32_t)(record->offset - builder->options.base_offset);
    size_t length = sizeof(int8_t) + varint_size(timestamp_delta) + varint_size(offset_delta) +
                    field_size(record->key) + field_size(record->value) +
                    varint_size(record->header_count) + record->headers.size;
    struct writer *writer = &builder->records;
    if (length > BATCH_SIZE_BYTES_MAX) {
        writer_fail(writer, STATUS_TOO_LARGE);
        return;
    }
    writer_varint(writer, (int32_t)length);
    writer_i8(writer, 0);
    writer_varlong(writer, timestamp_delta);
    writer_varint(writer, offset_delta);
    write_field(writer, record->key);
    write_field(writer, record->value);
    writer_varint(writer, record->header_count);
    writer_bytes(writer, record->headers);
    builder->record_count++;
    builder->last_offset = record->offset;
}

void batch_builder_append_simple(struct batch_builder *builder, int64_t timestamp, struct bytes key,
                                 struct bytes value)
{
    assert(builder->last_offset < INT64_MAX);
    struct record_view record = {
        .offset = builder->last_offset + 1,
        .timestamp = timestamp,
        .key = key,
        .value = value,
    };
    batch_builder_append(builder, &record);
}

/* Completes a batch of `size` bytes whose records stand behind the room for the header. */
static struct bytes batch_seal(uint8_t *data, size_t size, const struct batch_header *header)
{
    assert(size >= BATCH_HEADER_SIZE);
    assert(size <= BATCH_SIZE_BYTES_MAX);
    struct batch_header sealed = *header;
    sealed.batch_length = (int32_t)(size - BATCH_LENGTH_BASE);
    batch_header_write(&sealed, data);
    struct bytes batch = bytes_of(data, size);
    store_u32_be(data + BATCH_CRC_AT, batch_crc_compute(batch));
    return batch;
}

/* The same with records that stand elsewhere. */
static enum status batch_assemble(const struct batch_header *header, struct bytes records,
                                  struct arena *arena, struct bytes *batch)
{
    assert(records.data != NULL || records.size == 0);
    size_t size = BATCH_HEADER_SIZE + records.size;
    if (size > BATCH_SIZE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    uint8_t *data = arena_allocate(arena, size);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    if (records.size > 0)
        memcpy(data + BATCH_HEADER_SIZE, records.data, records.size);
    *batch = batch_seal(data, size, header);
    return STATUS_OK;
}

static struct batch_header builder_header(const struct batch_builder *builder)
{
    const struct batch_options *options = &builder->options;
    int64_t last_offset = options->last_offset < 0 ? builder->last_offset : options->last_offset;
    assert(last_offset >= options->base_offset);
    assert(last_offset >= builder->last_offset);
    assert(last_offset - options->base_offset <= INT32_MAX);
    return (struct batch_header){
        .base_offset = options->base_offset,
        .leader_epoch = options->leader_epoch,
        .magic = BATCH_MAGIC,
        .attributes = (int16_t)(options->attributes | (int16_t)options->compression),
        .last_offset_delta = (int32_t)(last_offset - options->base_offset),
        .base_timestamp = builder->base_timestamp,
        .max_timestamp = builder->max_timestamp,
        .producer_id = options->producer_id,
        .producer_epoch = options->producer_epoch,
        .base_sequence = options->base_sequence,
        .record_count = builder->record_count,
    };
}

enum status batch_builder_finish(struct batch_builder *builder, struct bytes *batch)
{
    assert(batch != NULL);
    const struct batch_options *options = &builder->options;
    struct writer *writer = &builder->records;
    if (writer->status != STATUS_OK)
        return writer->status;
    if (writer->size > BATCH_SIZE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    struct batch_header header = builder_header(builder);
    if (options->compression == COMPRESSION_NONE || builder->record_count == 0) {
        *batch = batch_seal(writer->data, writer->size, &header);
        return STATUS_OK;
    }
    struct bytes records =
        bytes_of(writer->data + BATCH_HEADER_SIZE, writer->size - BATCH_HEADER_SIZE);
    enum status status = compression_compress(options->compression, options->level, records,
                                              builder->arena, &records);
    if (status != STATUS_OK)
        return status;
    return batch_assemble(&header, records, builder->arena, batch);
}

enum status record_headers_encode(const struct record_header *headers, uint32_t header_count,
                                  struct arena *arena, struct bytes *encoded)
{
    assert(encoded != NULL);
    assert(headers != NULL || header_count == 0);
    struct writer writer;
    writer_init(&writer, arena);
    for (uint32_t i = 0; i < header_count; i++) {
        assert(!bytes_are_null(headers[i].key));
        write_field(&writer, headers[i].key);
        write_field(&writer, headers[i].value);
    }
    if (writer.status != STATUS_OK)
        return writer.status;
    *encoded = writer_result(&writer);
    return STATUS_OK;
}

enum status batch_recompress(struct bytes batch, enum compression compression, int32_t level,
                             size_t records_bytes_max, struct arena *arena,
                             struct bytes *recompressed)
{
    assert(recompressed != NULL);
    assert(compression_level_is_valid(compression, level));
    if (batch.size >= BATCH_HEADER_SIZE &&
        (batch.data[BATCH_ATTRIBUTES_AT + 1] & BATCH_COMPRESSION_MASK) == compression) {
        *recompressed = batch;
        return STATUS_OK;
    }
    struct record_iterator iterator;
    enum status status = record_iterator_open(&iterator, batch, records_bytes_max, arena);
    if (status != STATUS_OK)
        return status;
    struct batch_header header = iterator.header;
    struct bytes records = iterator.records;
    if (header.record_count > 0) {
        status = compression_compress(compression, level, records, arena, &records);
        if (status != STATUS_OK)
            return status;
    }
    header.attributes &= (int16_t)~BATCH_COMPRESSION_MASK;
    header.attributes |= (int16_t)compression;
    return batch_assemble(&header, records, arena, recompressed);
}
