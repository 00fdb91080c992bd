#include "consumer-groups/group_writer.h"

#include "base/assert.h"

#include <string.h>

void group_writer_init(struct group_writer *writer, size_t limit_bytes)
{
    arena_init(&writer->arena, limit_bytes);
    list_init(&writer->records);
    writer->count = 0;
    writer->size_bytes = 0;
    writer->status = STATUS_OK;
}

void group_writer_deinit(struct group_writer *writer)
{
    arena_deinit(&writer->arena);
}

void group_writer_reset(struct group_writer *writer)
{
    arena_reset(&writer->arena);
    list_init(&writer->records);
    writer->count = 0;
    writer->size_bytes = 0;
    writer->status = STATUS_OK;
}

void group_writer_put(struct group_writer *writer, struct bytes key, struct bytes value)
{
    assert(!bytes_are_null(key));
    struct group_record *record =
        arena_allocate(&writer->arena, sizeof *record + key.size + value.size);
    if (record == NULL) {
        writer->status = STATUS_NO_MEMORY;
        return;
    }
    uint8_t *copy = (uint8_t *)(record + 1);
    memcpy(copy, key.data, key.size);
    record->key = bytes_of(copy, key.size);
    record->value = value;
    if (!bytes_are_null(value)) {
        memcpy(copy + key.size, value.data, value.size);
        record->value = bytes_of(copy + key.size, value.size);
    }
    list_node_init(&record->node);
    list_push_back(&writer->records, &record->node);
    writer->count++;
    writer->size_bytes += key.size + value.size;
}
