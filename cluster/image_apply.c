/* What each metadata record does to a delta. Records come from disk: everything that they could
 * contradict is checked here, and nowhere else. */
#include "cluster/image_delta_parts.h"

#include "base/assert.h"

#include <stdio.h>

/* Most deltas do not touch the registry, so it is cloned when the first record does; and again when
 * what records have replaced takes most of it, because a start reads a whole log into one delta. */
static struct image_registry *own_registry(struct image_delta *delta)
{
    assert(delta->base->registry != NULL);
    struct image_registry *own = delta->registry;
    if (own == NULL)
        delta->registry = registry_clone(delta->base->registry);
    else if (registry_is_wasteful(own)) {
        delta->registry = registry_clone(own);
        registry_release(own);
    }
    return delta->registry;
}

/* A level above ours means that a newer release has written records here which this one would
 * misread. */
static enum status apply_cluster(struct image_delta *delta, const struct cluster_record *record)
{
    if (uuid_is_zero(record->cluster_id))
        return STATUS_CORRUPT;
    if (record->feature_level > METADATA_FEATURE_LEVEL)
        return STATUS_UNSUPPORTED;
    own_registry(delta)->cluster_id = record->cluster_id;
    delta->registry->feature_level = record->feature_level;
    return STATUS_OK;
}

/* A broker's record replaces the one before it as a whole; nothing is merged. */
static enum status apply_broker(struct image_delta *delta, const struct broker_record *record)
{
    if (record->broker_id < 0)
        return STATUS_CORRUPT;
    for (uint32_t i = 0; i < record->log_dirs_count; i++)
        if (uuid_is_zero(record->log_dirs[i].directory_id))
            return STATUS_CORRUPT;
    registry_set_broker(own_registry(delta), record);
    return STATUS_OK;
}

static enum status apply_topic(struct image_delta *delta, const struct topic_record *record)
{
    if (record->name.size == 0 || record->name.size > TOPIC_NAME_SIZE_MAX ||
        uuid_is_zero(record->topic_id) || image_id_was_used(delta, record->topic_id) ||
        image_name_is_taken(delta, record->name))
        return STATUS_CORRUPT;
    struct topic_draft *draft = image_draft_new(delta, record->topic_id, record->name);
    draft->is_internal = record->is_internal;
    return STATUS_OK;
}

/* Replica lists have a handful of members; a walk is the fastest set there is. */
static bool is_among(int32_t id, const int32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool has_next(int32_t epoch)
{
    return epoch >= 0 && epoch < INT32_MAX;
}

/* A leader is always in sync: whoever leads a partition relies on it. An id that stood twice
 * there would count as two that have a record, where one has it. */
static bool partition_is_sound(const struct partition_record *record)
{
    if (record->replicas_count == 0 || !has_next(record->leader_epoch) ||
        !has_next(record->partition_epoch))
        return false;
    if (record->directories_count != 0 && record->directories_count != record->replicas_count)
        return false;
    for (uint32_t i = 0; i < record->in_sync_count; i++)
        if (!is_among(record->in_sync[i], record->replicas, record->replicas_count) ||
            is_among(record->in_sync[i], record->in_sync, i))
            return false;
    return record->leader == -1 || is_among(record->leader, record->in_sync, record->in_sync_count);
}

static const int32_t *keep_ids(struct image_delta *delta, const int32_t *ids, uint32_t count)
{
    assert(ids != NULL || count == 0);
    int32_t *copy = image_delta_take(delta, count, sizeof *copy);
    if (count > 0)
        memcpy(copy, ids, count * sizeof *copy);
    return copy;
}

/* A record of the time before there were several has none: they stay zero, not assigned. */
static const struct uuid *keep_directories(struct image_delta *delta,
                                           const struct partition_record *record)
{
    assert(record->directories_count <= record->replicas_count);
    struct uuid *copy = image_delta_take(delta, record->replicas_count, sizeof *copy);
    for (uint32_t i = 0; i < record->replicas_count; i++)
        copy[i] = record->directories_count == 0 ? UUID_NONE : record->directories[i];
    return copy;
}

/* Replaces the whole state of one partition. A number that leaves a gap is refused: there would be
 * partitions that no record ever made. */
static enum status apply_partition(struct image_delta *delta, const struct partition_record *record)
{
    struct topic_draft *draft = image_draft_find(delta, record->topic_id);
    if (draft == NULL || record->partition < 0 ||
        (uint32_t)record->partition > draft->partition_count || !partition_is_sound(record))
        return STATUS_CORRUPT;
    *image_draft_partition(delta, draft, (uint32_t)record->partition) = (struct image_partition){
        .leader = record->leader,
        .leader_epoch = record->leader_epoch,
        .partition_epoch = record->partition_epoch,
        .replicas = keep_ids(delta, record->replicas, record->replicas_count),
        .directories = keep_directories(delta, record),
        .replica_count = record->replicas_count,
        .in_sync = keep_ids(delta, record->in_sync, record->in_sync_count),
        .in_sync_count = record->in_sync_count,
    };
    return STATUS_OK;
}

/* Records are many in a replay: the array grows by doubling. */
static void note_deleted(struct image_delta *delta, struct uuid id)
{
    assert(!uuid_is_zero(id));
    assert(delta->deleted_count <= delta->deleted_capacity);
    if (delta->deleted_count == delta->deleted_capacity) {
        uint32_t capacity = delta->deleted_count < 8 ? 16 : delta->deleted_count * 2;
        struct uuid *grown = image_delta_take(delta, capacity, sizeof *grown);
        if (delta->deleted_count > 0)
            memcpy(grown, delta->deleted, delta->deleted_count * sizeof *grown);
        delta->deleted = grown;
        delta->deleted_capacity = capacity;
    }
    delta->deleted[delta->deleted_count++] = id;
}

static enum status apply_remove_topic(struct image_delta *delta,
                                      const struct remove_topic_record *record)
{
    struct topic_draft *draft = image_draft_find(delta, record->topic_id);
    if (draft == NULL)
        return STATUS_CORRUPT;
    image_draft_remove(delta, draft);
    note_deleted(delta, record->topic_id);
    return STATUS_OK;
}

/* A topic that is there cannot be one of them: its files would be taken for leftovers. */
static enum status apply_deleted_topics(struct image_delta *delta,
                                        const struct deleted_topics_record *record)
{
    for (uint32_t i = 0; i < record->topic_ids_count; i++) {
        if (uuid_is_zero(record->topic_ids[i]) || image_id_was_used(delta, record->topic_ids[i]))
            return STATUS_CORRUPT;
        note_deleted(delta, record->topic_ids[i]);
    }
    return STATUS_OK;
}

/* Whoever asks for a setting relies on its bounds. Commands are judged by the same rows, so a value
 * that breaks one is another release's. */
static bool is_taken(const struct config_row *row, struct bytes value)
{
    char message[CONFIG_MESSAGE_SIZE];
    return bytes_are_null(value) || config_check(row, value, message);
}

static enum status apply_topic_config(struct image_delta *delta,
                                      const struct topic_config_record *record)
{
    struct topic_draft *draft = image_draft_find(delta, record->topic_id);
    enum topic_config_key key;
    if (draft == NULL)
        return STATUS_CORRUPT;
    if (!topic_config_key_find(record->name, &key) ||
        !is_taken(topic_config_row(key), record->value))
        return STATUS_UNSUPPORTED;
    draft->config.texts[key] = bytes_are_null(record->value)
                                   ? NULL
                                   : (const char *)image_delta_keep(delta, record->value).data;
    return STATUS_OK;
}

static enum status apply_broker_config(struct image_delta *delta,
                                       const struct broker_config_record *record)
{
    enum config_key key;
    if (!config_key_find(record->name, &key) || !is_taken(config_row(key), record->value))
        return STATUS_UNSUPPORTED;
    registry_set_config(own_registry(delta), key, record);
    return STATUS_OK;
}

static enum status apply_group_config(struct image_delta *delta,
                                      const struct group_config_record *record)
{
    enum group_config_key key;
    if (record->group_id.size == 0)
        return STATUS_CORRUPT;
    if (!group_config_key_find(record->name, &key) ||
        !is_taken(group_config_row(key), record->value))
        return STATUS_UNSUPPORTED;
    registry_set_group_config(own_registry(delta), key, record);
    return STATUS_OK;
}

/* Going back would hand out ids that producers have; half of them nobody ever uses up. */
static enum status apply_producer_ids(struct image_delta *delta,
                                      const struct producer_ids_record *record)
{
    if (record->next_producer_id < delta->next_producer_id ||
        record->next_producer_id > INT64_MAX / 2)
        return STATUS_CORRUPT;
    delta->next_producer_id = record->next_producer_id;
    return STATUS_OK;
}

enum status image_delta_apply(struct image_delta *delta, const struct metadata_record *record)
{
    switch (record->kind) {
#define X(name, field, codec, version)                                                             \
    case METADATA_##name: return apply_##field(delta, &record->field);
        METADATA_RECORD_LIST(X)
#undef X
    }
    unreachable();
}

enum status image_delta_apply_all(struct image_delta *delta, struct bytes records,
                                  char message[static IMAGE_MESSAGE_SIZE])
{
    struct reader reader;
    struct arena arena;
    struct metadata_record record;
    int16_t version;
    enum status status = STATUS_OK;
    arena_init(&arena, DELTA_BYTES_MAX);
    reader_init(&reader, records);
    while (status == STATUS_OK && reader_remaining(&reader) > 0) {
        arena_reset(&arena);
        status = metadata_record_read(&reader, &arena, &record, &version);
        if (status == STATUS_OK)
            status = image_delta_apply(delta, &record);
    }
    arena_deinit(&arena);
    if (status == STATUS_UNSUPPORTED)
        snprintf(message, IMAGE_MESSAGE_SIZE,
                 "metadata record %d version %d was written by a newer release; start that release",
                 record.kind, version);
    else if (status != STATUS_OK)
        snprintf(message, IMAGE_MESSAGE_SIZE, "metadata record %d is broken: %s", record.kind,
                 status_text(status));
    return status;
}
