/* From one image to the next. Each topic that a record touches becomes a draft; at the end the
 * drafts are packed, each into one piece of memory, and take their places on copies of the shelves.
 * What is not touched is shared with the image before.
 *
 * Records come from disk: everything that they could contradict is checked here, and nowhere else.
 */
#include "cluster/image_parts.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

enum { DELTA_BYTES_MAX = 1024 * 1024 * 1024 };

struct topic_draft {
    struct map_node by_id;
    struct map_node by_name; /* in the map while the topic is new and not removed */
    struct list_node order;  /* of first touch */
    struct bytes name;
    struct uuid id;
    bool is_internal;
    bool is_removed;
    const struct image_topic *base; /* NULL: a new topic */
    struct image_partition *partitions;
    uint32_t partition_count;
    uint32_t partition_capacity;
    struct topic_config config;
};

struct image_delta {
    struct image *base;
    struct arena arena;
    struct map by_id;
    struct map by_name;
    struct list drafts;
    struct uuid *deleted; /* ids of topics, in the order in which they went */
    uint32_t deleted_count;
    uint32_t deleted_capacity;
    struct image_registry *registry; /* a clone to write on; NULL: that of the base still holds */
    int64_t next_producer_id;
};

/* The same in every run: names are bounded by how many topics there may be, not by strangers. */
static struct hash_seed map_seed(void)
{
    return (struct hash_seed){{1, 2}};
}

static uint64_t id_hash(struct uuid id)
{
    return hash_bytes(map_seed(), bytes_of(&id, sizeof id));
}

static bool draft_has_id(const struct map_node *node, const void *key)
{
    const struct topic_draft *draft = container_of(node, struct topic_draft, by_id);
    return memcmp(&draft->id, key, sizeof draft->id) == 0;
}

/* Two names that differ only in '.' and '_' are one here, as they are for the controller. */
static uint64_t name_hash(struct bytes name)
{
    uint8_t letters[TOPIC_NAME_SIZE_MAX];
    assert(name.size <= sizeof letters);
    for (size_t i = 0; i < name.size; i++)
        letters[i] = name.data[i] == '.' ? '_' : name.data[i];
    return hash_bytes(map_seed(), bytes_of(letters, name.size));
}

static bool draft_has_name(const struct map_node *node, const void *key)
{
    const struct topic_draft *draft = container_of(node, struct topic_draft, by_name);
    const struct image_topic topic = {.name = draft->name};
    return shelf_order_by_metric_name(&topic, key) == 0;
}

struct image_delta *image_delta_create(struct image *base)
{
    assert(base != NULL);
    struct image_delta *delta = shelf_allocate(1, sizeof *delta);
    delta->base = image_retain(base);
    delta->next_producer_id = base->next_producer_id;
    arena_init(&delta->arena, DELTA_BYTES_MAX);
    map_init(&delta->by_id, draft_has_id);
    map_init(&delta->by_name, draft_has_name);
    list_init(&delta->drafts);
    return delta;
}

void image_delta_destroy(struct image_delta *delta)
{
    assert(delta->base != NULL);
    if (delta->registry != NULL)
        registry_release(delta->registry);
    map_deinit(&delta->by_id);
    map_deinit(&delta->by_name);
    arena_deinit(&delta->arena);
    image_release(delta->base);
    free(delta);
}

static void *take(struct image_delta *delta, size_t count, size_t size)
{
    assert(size > 0);
    void *memory = arena_allocate_array(&delta->arena, count, size);
    assert(memory != NULL);
    return memory;
}

static struct bytes keep(struct image_delta *delta, struct bytes text)
{
    assert(!bytes_are_null(text));
    char *copy = arena_copy_text(&delta->arena, text.data, text.size);
    assert(copy != NULL);
    return bytes_of(copy, text.size);
}

/* --- Drafts ----------------------------------------------------------------------------------- */

/* Drafts stay in the order of first touch, so that the next image is made the same way on every
 * node. */
static struct topic_draft *draft_create(struct image_delta *delta, struct uuid id)
{
    assert(!uuid_is_zero(id));
    struct topic_draft *draft = take(delta, 1, sizeof *draft);
    draft->id = id;
    map_insert(&delta->by_id, &draft->by_id, id_hash(id));
    list_node_init(&draft->order);
    list_push_back(&delta->drafts, &draft->order);
    return draft;
}

/* A draft of a topic that the base image has. Its arrays are borrowed from there. */
static struct topic_draft *draft_of(struct image_delta *delta, const struct image_topic *base)
{
    assert(base->partition_count == 0 || base->partitions != NULL);
    struct topic_draft *draft = draft_create(delta, base->id);
    draft->base = base;
    draft->name = base->name;
    draft->is_internal = base->is_internal;
    if (base->config != NULL)
        draft->config = *base->config;
    draft->partition_count = base->partition_count;
    draft->partition_capacity = base->partition_count;
    draft->partitions = take(delta, base->partition_count, sizeof *draft->partitions);
    if (base->partition_count > 0)
        memcpy(draft->partitions, base->partitions,
               base->partition_count * sizeof *draft->partitions);
    return draft;
}

/* The draft of a topic that is there, made if need be; NULL if there is no such topic. */
static struct topic_draft *draft_find(struct image_delta *delta, struct uuid id)
{
    struct map_node *node = map_find(&delta->by_id, id_hash(id), &id);
    if (node != NULL) {
        struct topic_draft *draft = container_of(node, struct topic_draft, by_id);
        return draft->is_removed ? NULL : draft;
    }
    const struct image_topic *base = image_topic_by_id(delta->base, id);
    return base == NULL ? NULL : draft_of(delta, base);
}

/* Also of a topic that was removed by this very delta: ids are for ever, and a record that uses one
 * again is damage. */
static bool id_was_used(struct image_delta *delta, struct uuid id)
{
    return map_find(&delta->by_id, id_hash(id), &id) != NULL ||
           image_topic_by_id(delta->base, id) != NULL;
}

static bool name_is_taken(struct image_delta *delta, struct bytes name)
{
    struct shelf_key key = {.name = name};
    if (map_find(&delta->by_name, name_hash(name), &key) != NULL)
        return true;
    const struct image_topic *base = topic_has_metric_letters(name)
                                         ? image_topic_colliding(delta->base, name)
                                         : image_topic_by_name(delta->base, name);
    return base != NULL && draft_find(delta, base->id) != NULL;
}

/* Numbers have no gaps, so a new partition is always the next one; apply_partition has checked
 * that. */
static struct image_partition *draft_partition(struct image_delta *delta, struct topic_draft *draft,
                                               uint32_t index)
{
    assert(draft->partition_count <= draft->partition_capacity);
    assert(!draft->is_removed);
    assert(index <= draft->partition_count);
    if (index < draft->partition_count)
        return &draft->partitions[index];
    if (index == draft->partition_capacity) {
        uint32_t capacity = index < 2 ? 4 : index * 2;
        struct image_partition *grown = take(delta, capacity, sizeof *grown);
        if (index > 0)
            memcpy(grown, draft->partitions, index * sizeof *grown);
        draft->partitions = grown;
        draft->partition_capacity = capacity;
    }
    draft->partition_count++;
    return &draft->partitions[index];
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Most deltas do not touch the registry, so it is cloned when the first record does. */
static struct image_registry *own_registry(struct image_delta *delta)
{
    assert(delta->base->registry != NULL);
    if (delta->registry == NULL)
        delta->registry = registry_clone(delta->base->registry);
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
        uuid_is_zero(record->topic_id) || id_was_used(delta, record->topic_id) ||
        name_is_taken(delta, record->name))
        return STATUS_CORRUPT;
    struct topic_draft *draft = draft_create(delta, record->topic_id);
    draft->name = keep(delta, record->name);
    draft->is_internal = record->is_internal;
    map_insert(&delta->by_name, &draft->by_name, name_hash(draft->name));
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

/* A leader is always in sync: whoever leads a partition relies on it. */
static bool partition_is_sound(const struct partition_record *record)
{
    if (record->replicas_count == 0 || record->leader_epoch < 0 || record->partition_epoch < 0)
        return false;
    if (record->directories_count != 0 && record->directories_count != record->replicas_count)
        return false;
    for (uint32_t i = 0; i < record->in_sync_count; i++)
        if (!is_among(record->in_sync[i], record->replicas, record->replicas_count))
            return false;
    return record->leader == -1 || is_among(record->leader, record->in_sync, record->in_sync_count);
}

static const int32_t *keep_ids(struct image_delta *delta, const int32_t *ids, uint32_t count)
{
    assert(ids != NULL || count == 0);
    int32_t *copy = take(delta, count, sizeof *copy);
    if (count > 0)
        memcpy(copy, ids, count * sizeof *copy);
    return copy;
}

/* A record of the time before there were several has none: they stay zero, not assigned. */
static const struct uuid *keep_directories(struct image_delta *delta,
                                           const struct partition_record *record)
{
    assert(record->directories_count <= record->replicas_count);
    struct uuid *copy = take(delta, record->replicas_count, sizeof *copy);
    for (uint32_t i = 0; i < record->replicas_count; i++)
        copy[i] = record->directories_count == 0 ? UUID_NONE : record->directories[i];
    return copy;
}

/* Replaces the whole state of one partition. A number that leaves a gap is refused: there would be
 * partitions that no record ever made. */
static enum status apply_partition(struct image_delta *delta, const struct partition_record *record)
{
    struct topic_draft *draft = draft_find(delta, record->topic_id);
    if (draft == NULL || record->partition < 0 ||
        (uint32_t)record->partition > draft->partition_count || !partition_is_sound(record))
        return STATUS_CORRUPT;
    *draft_partition(delta, draft, (uint32_t)record->partition) = (struct image_partition){
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
        struct uuid *grown = take(delta, capacity, sizeof *grown);
        if (delta->deleted_count > 0)
            memcpy(grown, delta->deleted, delta->deleted_count * sizeof *grown);
        delta->deleted = grown;
        delta->deleted_capacity = capacity;
    }
    delta->deleted[delta->deleted_count++] = id;
}

/* The draft stays, marked: its id must be known as used for as long as the delta lives. */
static enum status apply_remove_topic(struct image_delta *delta,
                                      const struct remove_topic_record *record)
{
    struct topic_draft *draft = draft_find(delta, record->topic_id);
    if (draft == NULL)
        return STATUS_CORRUPT;
    if (draft->base == NULL)
        map_remove(&delta->by_name, &draft->by_name);
    draft->is_removed = true;
    note_deleted(delta, record->topic_id);
    return STATUS_OK;
}

/* A topic that is there cannot be one of them: its files would be taken for leftovers. */
static enum status apply_deleted_topics(struct image_delta *delta,
                                        const struct deleted_topics_record *record)
{
    for (uint32_t i = 0; i < record->topic_ids_count; i++) {
        if (uuid_is_zero(record->topic_ids[i]) || id_was_used(delta, record->topic_ids[i]))
            return STATUS_CORRUPT;
        note_deleted(delta, record->topic_ids[i]);
    }
    return STATUS_OK;
}

static enum status apply_topic_config(struct image_delta *delta,
                                      const struct topic_config_record *record)
{
    struct topic_draft *draft = draft_find(delta, record->topic_id);
    enum topic_config_key key;
    if (draft == NULL)
        return STATUS_CORRUPT;
    if (!topic_config_key_find(record->name, &key))
        return STATUS_UNSUPPORTED;
    draft->config.texts[key] =
        bytes_are_null(record->value) ? NULL : (const char *)keep(delta, record->value).data;
    return STATUS_OK;
}

static enum status apply_broker_config(struct image_delta *delta,
                                       const struct broker_config_record *record)
{
    enum config_key key;
    if (!config_key_find(record->name, &key))
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
    if (!group_config_key_find(record->name, &key))
        return STATUS_UNSUPPORTED;
    registry_set_group_config(own_registry(delta), key, record);
    return STATUS_OK;
}

/* Going back would hand out ids that producers have. */
static enum status apply_producer_ids(struct image_delta *delta,
                                      const struct producer_ids_record *record)
{
    if (record->next_producer_id < delta->next_producer_id)
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

/* --- The next image --------------------------------------------------------------------------- */

static void shelve(struct image *image, const struct topic_draft *draft)
{
    assert(!draft->is_removed);
    const struct image_topic topic = {.name = draft->name,
                                      .id = draft->id,
                                      .is_internal = draft->is_internal,
                                      .partitions = draft->partitions,
                                      .partition_count = draft->partition_count,
                                      .config = &draft->config};
    struct topic_node *node = topic_pack(&topic);
    shelf_insert(&image->by_name, node);
    shelf_insert(&image->by_id, node);
    if (topic_has_metric_letters(draft->name))
        shelf_insert(&image->by_metric_name, node);
    topic_node_release(node);
}

static void unshelve(struct image *image, const struct image_topic *topic)
{
    if (topic_has_metric_letters(topic->name))
        shelf_remove(&image->by_metric_name, topic);
    shelf_remove(&image->by_id, topic);
    shelf_remove(&image->by_name, topic);
}

/* First everything that was there and was touched goes, then what is new comes: a name may have
 * passed from one topic to another. */
static void settle_drafts(struct image_delta *delta, struct image *image)
{
    struct topic_draft *draft;
    list_for_each_entry (draft, &delta->drafts, order)
        if (draft->base != NULL)
            unshelve(image, draft->base);
    list_for_each_entry (draft, &delta->drafts, order)
        if (!draft->is_removed)
            shelve(image, draft);
}

/* The base image is not changed by any of this: other cores are reading it. */
struct image *image_delta_finish(struct image_delta *delta, int64_t offset, int32_t controller_id)
{
    assert(delta->next_producer_id >= delta->base->next_producer_id);
    assert(offset >= delta->base->offset);
    struct image *image = shelf_allocate(1, sizeof *image);
    atomic_init(&image->reference_count, 1);
    image->offset = offset;
    assert(controller_id >= -1);
    image->controller_id = controller_id;
    image->next_producer_id = delta->next_producer_id;
    image->registry =
        registry_retain(delta->registry != NULL ? delta->registry : delta->base->registry);
    image->deleted =
        delta->deleted_count == 0
            ? deleted_retain(delta->base->deleted)
            : deleted_create(delta->base->deleted, delta->deleted, delta->deleted_count);
    shelf_copy(&image->by_name, &delta->base->by_name);
    shelf_copy(&image->by_id, &delta->base->by_id);
    shelf_copy(&image->by_metric_name, &delta->base->by_metric_name);
    settle_drafts(delta, image);
    assert(image->by_name.count == image->by_id.count);
    assert(image->by_metric_name.count <= image->by_name.count);
    image_delta_destroy(delta);
    return image;
}
