/* Asking an image, and writing it as records. */
#include "cluster/image_parts.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

struct image *image_create(void)
{
    struct image *image = shelf_allocate(1, sizeof *image);
    atomic_init(&image->reference_count, 1);
    image->controller_id = -1;
    image->registry = registry_create();
    shelf_init(&image->by_name, shelf_order_by_name);
    shelf_init(&image->by_id, shelf_order_by_id);
    shelf_init(&image->by_metric_name, shelf_order_by_metric_name);
    return image;
}

struct image *image_retain(struct image *image)
{
    uint32_t before = atomic_fetch_add_explicit(&image->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    return image;
}

void image_release(struct image *image)
{
    uint32_t before = atomic_fetch_sub_explicit(&image->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    shelf_deinit(&image->by_name);
    shelf_deinit(&image->by_id);
    shelf_deinit(&image->by_metric_name);
    registry_release(image->registry);
    deleted_release(image->deleted);
    free(image);
}

/* --- Facts of the cluster --------------------------------------------------------------------- */

int64_t image_offset(const struct image *image)
{
    assert(image->offset >= 0);
    return image->offset;
}

struct uuid image_cluster_id(const struct image *image)
{
    return image->registry->cluster_id;
}

int16_t image_feature_level(const struct image *image)
{
    return image->registry->feature_level;
}

int32_t image_controller_id(const struct image *image)
{
    return image->controller_id;
}

int64_t image_next_producer_id(const struct image *image)
{
    return image->next_producer_id;
}

/* --- Topics ----------------------------------------------------------------------------------- */

uint32_t image_topic_count(const struct image *image)
{
    assert(image->by_name.count == image->by_id.count);
    return image->by_name.count;
}

const struct image_topic *image_topic_at(const struct image *image, uint32_t index)
{
    return shelf_at(&image->by_name, index);
}

const struct image_topic *image_topic_by_name(const struct image *image, struct bytes name)
{
    assert(!bytes_are_null(name));
    return shelf_find(&image->by_name, &(struct shelf_key){.name = name});
}

const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id)
{
    return shelf_find(&image->by_id, &(struct shelf_key){.id = id});
}

const struct image_topic *image_topic_colliding(const struct image *image, struct bytes name)
{
    assert(!bytes_are_null(name));
    if (!topic_has_metric_letters(name))
        return NULL;
    return shelf_find(&image->by_metric_name, &(struct shelf_key){.name = name});
}

uint32_t image_topic_lower_bound(const struct image *image, struct bytes name)
{
    return shelf_lower_bound(&image->by_name, &(struct shelf_key){.name = name});
}

/* --- Brokers ---------------------------------------------------------------------------------- */

uint32_t image_broker_count(const struct image *image)
{
    return image->registry->broker_count;
}

const struct image_broker *image_broker_at(const struct image *image, uint32_t index)
{
    assert(index < image->registry->broker_count);
    return &image->registry->brokers[index];
}

/* A walk: clusters have few brokers, and the list is sorted for people and not for this. */
const struct image_broker *image_broker_by_id(const struct image *image, int32_t id)
{
    for (uint32_t i = 0; i < image->registry->broker_count; i++)
        if (image->registry->brokers[i].id == id)
            return &image->registry->brokers[i];
    return NULL;
}

const char *image_broker_config(const struct image *image, int32_t broker_id, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    for (uint32_t i = 0; i < image->registry->setting_count; i++) {
        const struct registry_setting *setting = &image->registry->settings[i];
        if (setting->broker_id == broker_id && setting->key == key)
            return setting->text;
    }
    return NULL;
}

const struct group_config *image_group_config(const struct image *image, struct bytes group_id)
{
    bool found;
    uint32_t place = registry_group_place(image->registry, group_id, &found);
    return found ? &image->registry->groups[place].config : NULL;
}

uint32_t image_group_config_count(const struct image *image)
{
    return image->registry->group_count;
}

/* --- Data directories ------------------------------------------------------------------------- */

const struct image_log_dir *image_log_dir_by_id(const struct image_broker *broker, struct uuid id)
{
    for (uint32_t i = 0; i < broker->log_dir_count; i++)
        if (uuid_equal(broker->log_dirs[i].id, id))
            return &broker->log_dirs[i];
    return NULL;
}

struct uuid image_partition_directory(const struct image_partition *partition, int32_t broker_id)
{
    for (uint32_t i = 0; i < partition->replica_count; i++)
        if (partition->replicas[i] == broker_id)
            return partition->directories[i];
    return UUID_NONE;
}

/* --- As records ------------------------------------------------------------------------------- */

static void write_broker(struct writer *writer, struct arena *arena,
                         const struct image_broker *broker)
{
    struct broker_record_endpoint *endpoints =
        arena_allocate_array(arena, broker->endpoint_count, sizeof *endpoints);
    struct broker_record_log_dir *log_dirs =
        arena_allocate_array(arena, broker->log_dir_count, sizeof *log_dirs);
    assert(endpoints != NULL);
    assert(log_dirs != NULL);
    for (uint32_t i = 0; i < broker->endpoint_count; i++)
        endpoints[i] = (struct broker_record_endpoint){
            .listener = broker->endpoints[i].listener,
            .host = broker->endpoints[i].host,
            .port = broker->endpoints[i].port,
            .security_protocol = broker->endpoints[i].security_protocol,
        };
    for (uint32_t i = 0; i < broker->log_dir_count; i++)
        log_dirs[i] = (struct broker_record_log_dir){
            .directory_id = broker->log_dirs[i].id,
            .path = broker->log_dirs[i].path,
            .is_online = broker->log_dirs[i].is_online,
        };
    metadata_record_write(
        writer, &(struct metadata_record){.kind = METADATA_BROKER,
                                          .broker = {.broker_id = broker->id,
                                                     .broker_epoch = broker->epoch,
                                                     .rack = broker->rack,
                                                     .is_fenced = broker->is_fenced,
                                                     .endpoints = endpoints,
                                                     .endpoints_count = broker->endpoint_count,
                                                     .log_dirs = log_dirs,
                                                     .log_dirs_count = broker->log_dir_count}});
}

static void write_group_configs(const struct registry_group *group, struct writer *writer)
{
    for (uint32_t key = 0; key < GROUP_CONFIG_KEY_COUNT; key++) {
        if (group->config.texts[key] == NULL)
            continue;
        const char *name = group_config_row((enum group_config_key)key)->name;
        metadata_record_write(
            writer, &(struct metadata_record){
                        .kind = METADATA_GROUP_CONFIG,
                        .group_config = {.group_id = group->id,
                                         .name = bytes_of_text(name),
                                         .value = bytes_of_text(group->config.texts[key])}});
    }
}

static void write_registry(const struct image_registry *registry, struct arena *arena,
                           struct writer *writer)
{
    for (uint32_t i = 0; i < registry->broker_count; i++)
        write_broker(writer, arena, &registry->brokers[i]);
    for (uint32_t i = 0; i < registry->setting_count; i++) {
        const struct registry_setting *setting = &registry->settings[i];
        metadata_record_write(
            writer, &(struct metadata_record){
                        .kind = METADATA_BROKER_CONFIG,
                        .broker_config = {.broker_id = setting->broker_id,
                                          .name = bytes_of_text(config_row(setting->key)->name),
                                          .value = bytes_of_text(setting->text)}});
    }
    for (uint32_t i = 0; i < registry->group_count; i++)
        write_group_configs(&registry->groups[i], writer);
}

/* The records want arrays that they could write to, which codecs never do. */
static void write_partition(struct writer *writer, struct uuid topic_id, uint32_t index,
                            const struct image_partition *partition)
{
    assert(partition->replica_count > 0);
    metadata_record_write(writer,
                          &(struct metadata_record){
                              .kind = METADATA_PARTITION,
                              .partition = {.topic_id = topic_id,
                                            .partition = (int32_t)index,
                                            .replicas = (int32_t *)partition->replicas,
                                            .replicas_count = partition->replica_count,
                                            .in_sync = (int32_t *)partition->in_sync,
                                            .in_sync_count = partition->in_sync_count,
                                            .leader = partition->leader,
                                            .leader_epoch = partition->leader_epoch,
                                            .partition_epoch = partition->partition_epoch,
                                            .directories = (struct uuid *)partition->directories,
                                            .directories_count = partition->replica_count}});
}

/* The topic comes before its partitions, and they in order: the delta that reads them accepts no
 * other. */
static void write_topic(struct writer *writer, const struct image_topic *topic)
{
    assert(topic->name.size > 0);
    metadata_record_write(writer,
                          &(struct metadata_record){.kind = METADATA_TOPIC,
                                                    .topic = {.topic_id = topic->id,
                                                              .name = topic->name,
                                                              .is_internal = topic->is_internal}});
    for (uint32_t i = 0; i < topic->partition_count; i++)
        write_partition(writer, topic->id, i, &topic->partitions[i]);
    for (uint32_t key = 0; topic->config != NULL && key < TOPIC_CONFIG_KEY_COUNT; key++) {
        if (topic->config->texts[key] == NULL)
            continue;
        const char *name = topic_config_row((enum topic_config_key)key)->name;
        metadata_record_write(
            writer, &(struct metadata_record){
                        .kind = METADATA_TOPIC_CONFIG,
                        .topic_config = {.topic_id = topic->id,
                                         .name = bytes_of_text(name),
                                         .value = bytes_of_text(topic->config->texts[key])}});
    }
}

static void write_deleted(const struct image_deleted *deleted, struct writer *writer)
{
    assert(deleted->count > 0);
    metadata_record_write(writer, &(struct metadata_record){
                                      .kind = METADATA_DELETED_TOPICS,
                                      .deleted_topics = {.topic_ids = (struct uuid *)deleted->ids,
                                                         .topic_ids_count = deleted->count}});
}

static void write_facts(const struct image *image, struct arena *arena, struct writer *writer)
{
    const struct image_registry *registry = image->registry;
    struct metadata_record cluster = {.kind = METADATA_CLUSTER,
                                      .cluster = {registry->cluster_id, registry->feature_level}};
    if (registry->feature_level > 0)
        metadata_record_write(writer, &cluster);
    write_registry(image->registry, arena, writer);
    metadata_record_write(writer,
                          &(struct metadata_record){.kind = METADATA_PRODUCER_IDS,
                                                    .producer_ids = {image->next_producer_id}});
    if (image->deleted != NULL)
        write_deleted(image->deleted, writer);
}

void image_write_records(const struct image *image, struct writer *writer)
{
    assert(writer->arena != NULL);
    write_facts(image, writer->arena, writer);
    for (uint32_t i = 0; i < image->by_name.count; i++)
        write_topic(writer, shelf_at(&image->by_name, i));
}

/* The hash of the records that would be written: whatever is kept is compared. One topic at a time,
 * so that it takes little memory. What is not kept is not compared: offset and controller. */
uint64_t image_hash(const struct image *image)
{
    enum { PIECE_BYTES_MAX = 256 * 1024 * 1024 };
    struct arena arena;
    struct hash_seed seed = {{0, 0x7461696c72616365}};
    arena_init(&arena, PIECE_BYTES_MAX);
    for (uint32_t i = 0; i <= image->by_name.count; i++) {
        struct writer writer;
        writer_init(&writer, &arena);
        if (i == 0)
            write_facts(image, &arena, &writer);
        else
            write_topic(&writer, shelf_at(&image->by_name, i - 1));
        assert(writer.status == STATUS_OK);
        seed.words[0] = hash_bytes(seed, writer_result(&writer));
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return seed.words[0];
}
