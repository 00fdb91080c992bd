#include "cli/dump_metadata.h"

#include "base/assert.h"
#include "cli/dump_line.h"
#include "cluster/metadata_record.h"

enum { RECORDS_MEMORY_MAX = 64 * 1024 * 1024 };

static json_t *id_text(struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    return json_string(text);
}

static json_t *numbers(const int32_t *items, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(items[i]));
    return list;
}

static json_t *cluster_fields(const struct cluster_record *record)
{
    return json_pack("{s:s, s:o, s:i}", "record", "cluster", "cluster_id",
                     id_text(record->cluster_id), "feature_level", (int)record->feature_level);
}

static json_t *endpoints_of(const struct broker_record *record)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < record->endpoints_count; i++) {
        const struct broker_record_endpoint *endpoint = &record->endpoints[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:i}", "listener", tool_json_bytes(endpoint->listener),
                            "host", tool_json_bytes(endpoint->host), "port", (int)endpoint->port));
    }
    return list;
}

static json_t *log_dirs_of(const struct broker_record *record)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < record->log_dirs_count; i++) {
        const struct broker_record_log_dir *dir = &record->log_dirs[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:b}", "directory_id", id_text(dir->directory_id), "path",
                            tool_json_bytes(dir->path), "online", (int)dir->is_online));
    }
    return list;
}

static json_t *broker_fields(const struct broker_record *record)
{
    return json_pack("{s:s, s:i, s:I, s:o, s:b, s:o, s:o}", "record", "broker", "broker_id",
                     (int)record->broker_id, "broker_epoch", (json_int_t)record->broker_epoch,
                     "rack", tool_json_bytes(record->rack), "fenced", (int)record->is_fenced,
                     "endpoints", endpoints_of(record), "log_dirs", log_dirs_of(record));
}

static json_t *topic_fields(const struct topic_record *record)
{
    return json_pack("{s:s, s:o, s:o, s:b}", "record", "topic", "topic_id",
                     id_text(record->topic_id), "topic", tool_json_bytes(record->name), "internal",
                     (int)record->is_internal);
}

static json_t *partition_fields(const struct partition_record *record)
{
    json_t *directories = json_array();
    for (uint32_t i = 0; i < record->directories_count; i++)
        json_array_append_new(directories, id_text(record->directories[i]));
    return json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "record", "partition",
                     "topic_id", id_text(record->topic_id), "partition", (int)record->partition,
                     "leader", (int)record->leader, "leader_epoch", (int)record->leader_epoch,
                     "partition_epoch", (int)record->partition_epoch, "replicas",
                     numbers(record->replicas, record->replicas_count), "in_sync",
                     numbers(record->in_sync, record->in_sync_count), "directories", directories);
}

static json_t *remove_topic_fields(const struct remove_topic_record *record)
{
    return json_pack("{s:s, s:o}", "record", "remove_topic", "topic_id", id_text(record->topic_id));
}

static json_t *topic_config_fields(const struct topic_config_record *record)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "record", "topic_config", "topic_id",
                     id_text(record->topic_id), "name", tool_json_bytes(record->name), "value",
                     tool_json_bytes(record->value));
}

static json_t *broker_config_fields(const struct broker_config_record *record)
{
    return json_pack("{s:s, s:i, s:o, s:o}", "record", "broker_config", "broker_id",
                     (int)record->broker_id, "name", tool_json_bytes(record->name), "value",
                     tool_json_bytes(record->value));
}

static json_t *group_config_fields(const struct group_config_record *record)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "record", "group_config", "group_id",
                     tool_json_bytes(record->group_id), "name", tool_json_bytes(record->name),
                     "value", tool_json_bytes(record->value));
}

static json_t *producer_ids_fields(const struct producer_ids_record *record)
{
    return json_pack("{s:s, s:I}", "record", "producer_ids", "next_producer_id",
                     (json_int_t)record->next_producer_id);
}

static json_t *deleted_topics_fields(const struct deleted_topics_record *record)
{
    json_t *ids = json_array();
    for (uint32_t i = 0; i < record->topic_ids_count; i++)
        json_array_append_new(ids, id_text(record->topic_ids[i]));
    return json_pack("{s:s, s:o}", "record", "deleted_topics", "topic_ids", ids);
}

static json_t *fields_of(const struct metadata_record *record)
{
    switch (record->kind) {
#define X(name, field, codec, version)                                                             \
    case METADATA_##name: return field##_fields(&record->field);
        METADATA_RECORD_LIST(X)
#undef X
    }
    unreachable();
}

bool dump_metadata_records(const struct tool *tool, uint32_t depth, struct bytes records)
{
    assert(tool != NULL);
    struct reader reader;
    struct arena arena;
    enum status status = STATUS_OK;
    reader_init(&reader, records);
    arena_init(&arena, RECORDS_MEMORY_MAX);
    while (status == STATUS_OK && reader_remaining(&reader) > 0) {
        struct metadata_record record;
        int16_t version;
        arena_reset(&arena);
        status = metadata_record_read(&reader, &arena, &record, &version);
        if (status == STATUS_OK)
            dump_line(tool, depth, "metadata", fields_of(&record));
    }
    arena_deinit(&arena);
    return status == STATUS_OK;
}
