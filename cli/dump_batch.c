#include "cli/dump_batch.h"

#include "base/assert.h"
#include "cli/dump_line.h"
#include "protocol/batch_record.h"

#include <stdio.h>

enum { RECORDS_BYTES_MAX = 1 << 30 };

/* "transactional,control" */
static json_t *flags_of(const struct batch_header *header)
{
    static const struct {
        int16_t bit;
        const char *name;
    } flags[] = {{BATCH_APPEND_TIME, "append-time"},
                 {BATCH_TRANSACTIONAL, "transactional"},
                 {BATCH_CONTROL, "control"},
                 {BATCH_DELETE_HORIZON, "delete-horizon"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if ((header->attributes & flags[i].bit) != 0)
            json_array_append_new(list, json_string(flags[i].name));
    return list;
}

static const char *codec_of(const struct batch_header *header)
{
    enum compression compression;
    return batch_compression(header, &compression) ? compression_name(compression) : "unknown";
}

static json_t *fields_of(const struct batch_header *header, struct bytes batch, uint64_t position)
{
    bool has_producer = batch_has_producer_id(header);
    json_t *fields = json_pack(
        "{s:I, s:I, s:I, s:i, s:i, s:s, s:s, s:o, s:I, s:I}", "position", (json_int_t)position,
        "base_offset", (json_int_t)header->base_offset, "last_offset",
        (json_int_t)batch_last_offset(header), "records", (int)header->record_count, "size",
        (int)batch.size, "codec", codec_of(header), "checksum",
        batch_crc_is_right(batch) ? "right" : "wrong", "flags", flags_of(header), "base_timestamp",
        (json_int_t)header->base_timestamp, "max_timestamp", (json_int_t)header->max_timestamp);
    json_object_set_new(fields, "leader_epoch", json_integer(header->leader_epoch));
    json_object_set_new(fields, "producer_id",
                        has_producer ? json_integer(header->producer_id) : json_null());
    json_object_set_new(fields, "producer_epoch",
                        has_producer ? json_integer(header->producer_epoch) : json_null());
    json_object_set_new(fields, "base_sequence",
                        has_producer ? json_integer(header->base_sequence) : json_null());
    json_object_set_new(fields, "last_sequence",
                        has_producer ? json_integer(batch_last_sequence(header)) : json_null());
    return fields;
}

static void dump_record(const struct dump_options *options, uint32_t depth,
                        struct record_view *record)
{
    struct record_header header;
    json_t *headers = json_array();
    while (record_header_next(record, &header))
        json_array_append_new(headers, json_pack("{s:o, s:o}", "key", tool_json_bytes(header.key),
                                                 "value", tool_json_bytes(header.value)));
    dump_line(options->tool, depth, "record",
              json_pack("{s:I, s:I, s:o, s:o, s:o}", "offset", (json_int_t)record->offset,
                        "timestamp", (json_int_t)record->timestamp, "key",
                        tool_json_bytes(record->key), "value", tool_json_bytes(record->value),
                        "headers", headers));
}

/* In an arena of their own: decompressed records are large, and the next batch needs the room. */
static void dump_records(const struct dump_options *options, uint32_t depth, struct bytes batch)
{
    struct arena arena;
    struct record_iterator iterator;
    struct record_view record;
    arena_init(&arena, RECORDS_BYTES_MAX);
    enum status status = record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX / 4, &arena);
    if (status == STATUS_OK) {
        while (record_iterator_next(&iterator, &record))
            dump_record(options, depth, &record);
        status = iterator.status;
    }
    if (status != STATUS_OK)
        dump_line(options->tool, depth, "damage",
                  json_pack("{s:s}", "what", "the records cannot be read"));
    arena_deinit(&arena);
}

void dump_batch(const struct dump_options *options, uint32_t depth, struct bytes batch,
                uint64_t position)
{
    struct batch_header header;
    assert(options->tool != NULL);
    if (batch_header_read(batch, &header) != STATUS_OK) {
        dump_line(options->tool, depth, "damage",
                  json_pack("{s:I, s:s}", "position", (json_int_t)position, "what",
                            "no record batch of a version that is known"));
        return;
    }
    dump_line(options->tool, depth, "batch", fields_of(&header, batch, position));
    if (options->has_records)
        dump_records(options, depth + 1, batch);
}

void dump_batches(const struct dump_options *options, uint32_t depth, struct bytes batches,
                  uint64_t position)
{
    const uint8_t *begin = batches.data;
    struct bytes batch;
    while (batches.size > 0) {
        uint64_t at = position + (uint64_t)(batches.data - begin);
        if (batch_next(&batches, &batch) != STATUS_OK) {
            dump_line(options->tool, depth, "damage",
                      json_pack("{s:I, s:I, s:s}", "position", (json_int_t)at, "size",
                                (json_int_t)batches.size, "what", "not a record batch"));
            return;
        }
        dump_batch(options, depth, batch, at);
    }
}
