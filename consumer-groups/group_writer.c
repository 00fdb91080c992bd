/* Each record lies in one piece of the arena with its key and value behind it, so that nothing of a
 * group is referred to once its turn is over. */
#include "consumer-groups/group_writer.h"

#include "base/assert.h"

#include <string.h>

/* A record larger than this is refused before it is written: no batch could take it. */
enum { SCRATCH_BYTES_MAX = 64 * 1024 * 1024 };

static void forget_all(struct group_writer *writer)
{
    list_init(&writer->records);
    writer->count = 0;
    writer->size_bytes = 0;
    writer->turn_size_bytes = 0;
    writer->status = STATUS_OK;
}

void group_writer_init(struct group_writer *writer, size_t limit_bytes)
{
    assert(limit_bytes > 0);
    arena_init(&writer->arena, limit_bytes);
    arena_init(&writer->scratch, SCRATCH_BYTES_MAX);
    forget_all(writer);
}

void group_writer_deinit(struct group_writer *writer)
{
    arena_deinit(&writer->scratch);
    arena_deinit(&writer->arena);
}

void group_writer_reset(struct group_writer *writer)
{
    arena_reset(&writer->arena);
    arena_reset(&writer->scratch);
    forget_all(writer);
}

size_t group_record_size_bytes(const struct group_record *record)
{
    return record->key.size + record->value.size + GROUP_RECORD_OVERHEAD;
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
    assert(list_is_empty(&writer->records) == (writer->count == 0));
    record->ends_turn = false;
    list_node_init(&record->node);
    list_push_back(&writer->records, &record->node);
    writer->count++;
    writer->size_bytes += group_record_size_bytes(record);
    writer->turn_size_bytes += group_record_size_bytes(record);
    assert(writer->turn_size_bytes <= writer->size_bytes);
}

void group_writer_begin(struct group_writer *writer, struct writer *key, struct writer *value)
{
    assert(key != value);
    arena_reset(&writer->scratch);
    writer_init(key, &writer->scratch);
    writer_init(value, &writer->scratch);
}

void group_writer_end(struct group_writer *writer, const struct writer *key,
                      const struct writer *value)
{
    enum status status = key->status;
    if (status == STATUS_OK && value != NULL)
        status = value->status;
    if (status == STATUS_OK) {
        struct bytes none = {NULL, 0};
        group_writer_put(writer, writer_result(key), value == NULL ? none : writer_result(value));
    } else if (writer->status == STATUS_OK) {
        writer->status = status;
    }
}

size_t group_writer_end_turn(struct group_writer *writer)
{
    size_t size_bytes = writer->turn_size_bytes;
    assert(size_bytes <= writer->size_bytes);
    writer->turn_size_bytes = 0;
    struct list_node *last = list_last(&writer->records);
    if (last != NULL)
        container_of(last, struct group_record, node)->ends_turn = true;
    return size_bytes;
}

struct group_record *group_writer_first(struct group_writer *writer)
{
    struct list_node *node = list_first(&writer->records);
    return node == NULL ? NULL : container_of(node, struct group_record, node);
}

void group_writer_take(struct group_writer *writer, struct group_record *record)
{
    assert(writer->count > 0);
    assert(list_first(&writer->records) == &record->node); /* In the order of the turns. */
    assert(writer->size_bytes >= group_record_size_bytes(record));
    list_remove(&record->node);
    writer->count--;
    writer->size_bytes -= group_record_size_bytes(record);
    assert(list_is_empty(&writer->records) == (writer->count == 0));
    assert(writer->count > 0 || writer->size_bytes == 0);
}
