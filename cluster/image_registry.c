/* Brokers, their settings, and the cluster's own facts: the part of an image that is small. */
#include "cluster/image_parts.h"

#include "base/assert.h"

#include <stdlib.h>

struct image_registry *registry_create(void)
{
    struct image_registry *registry = shelf_allocate(1, sizeof *registry);
    atomic_init(&registry->reference_count, 1);
    arena_init(&registry->arena, REGISTRY_BYTES_MAX);
    return registry;
}

struct image_registry *registry_retain(struct image_registry *registry)
{
    uint32_t before =
        atomic_fetch_add_explicit(&registry->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    return registry;
}

void registry_release(struct image_registry *registry)
{
    uint32_t before =
        atomic_fetch_sub_explicit(&registry->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    arena_deinit(&registry->arena);
    free(registry);
}

/* Memory that must be had, from the registry's arena. */
static void *take(struct image_registry *registry, size_t count, size_t size)
{
    assert(size > 0);
    void *memory = arena_allocate_array(&registry->arena, count, size);
    assert(memory != NULL);
    return memory;
}

static struct bytes keep(struct image_registry *registry, struct bytes text)
{
    if (bytes_are_null(text))
        return text;
    char *copy = arena_copy_text(&registry->arena, text.data, text.size);
    assert(copy != NULL);
    return bytes_of(copy, text.size);
}

/* Texts are copied as well: the registry that they came from may be the first of the two to go. */
static void copy_broker(struct image_registry *registry, struct image_broker *to,
                        const struct image_broker *from)
{
    struct image_endpoint *endpoints = take(registry, from->endpoint_count, sizeof *endpoints);
    *to = *from;
    to->rack = keep(registry, from->rack);
    to->endpoints = endpoints;
    for (uint32_t i = 0; i < from->endpoint_count; i++) {
        endpoints[i] = from->endpoints[i];
        endpoints[i].listener = keep(registry, from->endpoints[i].listener);
        endpoints[i].host = keep(registry, from->endpoints[i].host);
    }
    struct image_log_dir *log_dirs = take(registry, from->log_dir_count, sizeof *log_dirs);
    to->log_dirs = log_dirs;
    for (uint32_t i = 0; i < from->log_dir_count; i++) {
        log_dirs[i] = from->log_dirs[i];
        log_dirs[i].path = keep(registry, from->log_dirs[i].path);
    }
}

static void copy_group(struct image_registry *registry, struct registry_group *to,
                       const struct registry_group *from)
{
    to->id = keep(registry, from->id);
    for (uint32_t key = 0; key < GROUP_CONFIG_KEY_COUNT; key++)
        if (from->config.texts[key] != NULL)
            to->config.texts[key] =
                (const char *)keep(registry, bytes_of_text(from->config.texts[key])).data;
}

struct image_registry *registry_clone(const struct image_registry *from)
{
    struct image_registry *registry = registry_create();
    registry->cluster_id = from->cluster_id;
    registry->feature_level = from->feature_level;
    registry->broker_count = from->broker_count;
    registry->setting_count = from->setting_count;
    registry->brokers = take(registry, from->broker_count, sizeof *registry->brokers);
    registry->settings = take(registry, from->setting_count, sizeof *registry->settings);
    for (uint32_t i = 0; i < from->broker_count; i++)
        copy_broker(registry, &registry->brokers[i], &from->brokers[i]);
    for (uint32_t i = 0; i < from->setting_count; i++) {
        registry->settings[i] = from->settings[i];
        struct bytes text = bytes_of_text(from->settings[i].text);
        registry->settings[i].text = (const char *)keep(registry, text).data;
    }
    registry->group_count = from->group_count;
    registry->group_capacity = from->group_count;
    registry->groups = take(registry, from->group_count, sizeof *registry->groups);
    for (uint32_t i = 0; i < from->group_count; i++)
        copy_group(registry, &registry->groups[i], &from->groups[i]);
    registry->clone_bytes = registry->arena.total_bytes;
    return registry;
}

bool registry_is_wasteful(const struct image_registry *registry)
{
    enum { SMALL_BYTES = 1024 * 1024 };
    assert(registry->arena.total_bytes >= registry->clone_bytes);
    return registry->arena.total_bytes - registry->clone_bytes >
           registry->clone_bytes + SMALL_BYTES;
}

/* The place of the broker, or where it would go; `found` says which. */
static uint32_t broker_place(const struct image_registry *registry, int32_t id, bool *found)
{
    assert(found != NULL);
    uint32_t place = 0;
    while (place < registry->broker_count && registry->brokers[place].id < id)
        place++;
    *found = place < registry->broker_count && registry->brokers[place].id == id;
    return place;
}

static const struct image_endpoint *keep_endpoints(struct image_registry *registry,
                                                   const struct broker_record *record)
{
    struct image_endpoint *endpoints = take(registry, record->endpoints_count, sizeof *endpoints);
    for (uint32_t i = 0; i < record->endpoints_count; i++)
        endpoints[i] = (struct image_endpoint){
            .listener = keep(registry, record->endpoints[i].listener),
            .host = keep(registry, record->endpoints[i].host),
            .port = record->endpoints[i].port,
            .security_protocol = record->endpoints[i].security_protocol,
        };
    return endpoints;
}

static const struct image_log_dir *keep_log_dirs(struct image_registry *registry,
                                                 const struct broker_record *record)
{
    struct image_log_dir *log_dirs = take(registry, record->log_dirs_count, sizeof *log_dirs);
    for (uint32_t i = 0; i < record->log_dirs_count; i++)
        log_dirs[i] = (struct image_log_dir){
            .id = record->log_dirs[i].directory_id,
            .path = keep(registry, record->log_dirs[i].path),
            .is_online = record->log_dirs[i].is_online,
        };
    return log_dirs;
}

/* In the order of ids, so that lists of brokers look the same on every node and to every client. */
void registry_set_broker(struct image_registry *registry, const struct broker_record *record)
{
    assert(atomic_load_explicit(&registry->reference_count, memory_order_relaxed) == 1);
    assert(record->broker_id >= 0);
    bool found;
    uint32_t place = broker_place(registry, record->broker_id, &found);
    if (!found) {
        struct image_broker *grown = take(registry, registry->broker_count + 1, sizeof *grown);
        for (uint32_t i = 0; i < registry->broker_count; i++)
            grown[i + (i >= place)] = registry->brokers[i];
        registry->brokers = grown;
        registry->broker_count++;
    }
    registry->brokers[place] = (struct image_broker){.id = record->broker_id,
                                                     .epoch = record->broker_epoch,
                                                     .rack = keep(registry, record->rack),
                                                     .is_fenced = record->is_fenced,
                                                     .endpoints = keep_endpoints(registry, record),
                                                     .endpoint_count = record->endpoints_count,
                                                     .log_dirs = keep_log_dirs(registry, record),
                                                     .log_dir_count = record->log_dirs_count};
    const struct image_broker *brokers = registry->brokers;
    assert(place == 0 || brokers[place - 1].id < record->broker_id);
    assert(place + 1 == registry->broker_count || brokers[place + 1].id > record->broker_id);
}

/* The place of the setting in the order of brokers and keys, or where it would go. */
static uint32_t setting_place(const struct image_registry *registry, int32_t broker_id,
                              enum config_key key, bool *found)
{
    assert(found != NULL);
    assert(key < CONFIG_KEY_COUNT);
    uint32_t place = 0;
    const struct registry_setting *settings = registry->settings;
    while (place < registry->setting_count &&
           (settings[place].broker_id < broker_id ||
            (settings[place].broker_id == broker_id && settings[place].key < key)))
        place++;
    *found = place < registry->setting_count && settings[place].broker_id == broker_id &&
             settings[place].key == key;
    return place;
}

/* Leaves a hole in the arena, which goes with the registry at its next change. */
static void setting_remove(struct image_registry *registry, uint32_t place)
{
    assert(place < registry->setting_count);
    registry->setting_count--;
    memmove(&registry->settings[place], &registry->settings[place + 1],
            (registry->setting_count - place) * sizeof *registry->settings);
}

static void setting_make_room(struct image_registry *registry, uint32_t place)
{
    assert(place <= registry->setting_count);
    struct registry_setting *grown = take(registry, registry->setting_count + 1, sizeof *grown);
    for (uint32_t i = 0; i < registry->setting_count; i++)
        grown[i + (i >= place)] = registry->settings[i];
    registry->settings = grown;
    registry->setting_count++;
}

void registry_set_config(struct image_registry *registry, enum config_key key,
                         const struct broker_config_record *record)
{
    assert(atomic_load_explicit(&registry->reference_count, memory_order_relaxed) == 1);
    assert(key < CONFIG_KEY_COUNT);
    bool found;
    uint32_t place = setting_place(registry, record->broker_id, key, &found);
    if (bytes_are_null(record->value)) {
        if (found)
            setting_remove(registry, place);
        return;
    }
    if (!found)
        setting_make_room(registry, place);
    registry->settings[place] =
        (struct registry_setting){.broker_id = record->broker_id,
                                  .key = key,
                                  .text = (const char *)keep(registry, record->value).data};
}

/* --- Settings of groups ----------------------------------------------------------------------- */

uint32_t registry_group_place(const struct image_registry *registry, struct bytes id, bool *found)
{
    uint32_t low = 0;
    uint32_t high = registry->group_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bytes_compare(registry->groups[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < registry->group_count && bytes_equal(registry->groups[low].id, id);
    return low;
}

/* Twice as many as before: they may be many, and a start reads them one by one. */
static void groups_grow(struct image_registry *registry)
{
    uint32_t capacity = registry->group_count < 4 ? 8 : registry->group_count * 2;
    struct registry_group *grown = take(registry, capacity, sizeof *grown);
    if (registry->group_count > 0)
        memcpy(grown, registry->groups, registry->group_count * sizeof *grown);
    registry->groups = grown;
    registry->group_capacity = capacity;
}

static void group_make_room(struct image_registry *registry, uint32_t place, struct bytes id)
{
    assert(place <= registry->group_count);
    assert(registry->group_count <= registry->group_capacity);
    if (registry->group_count == registry->group_capacity)
        groups_grow(registry);
    memmove(&registry->groups[place + 1], &registry->groups[place],
            (registry->group_count - place) * sizeof *registry->groups);
    registry->groups[place] = (struct registry_group){.id = keep(registry, id)};
    registry->group_count++;
}

/* One without settings takes no place. */
static void group_remove_if_bare(struct image_registry *registry, uint32_t place)
{
    for (uint32_t key = 0; key < GROUP_CONFIG_KEY_COUNT; key++)
        if (registry->groups[place].config.texts[key] != NULL)
            return;
    registry->group_count--;
    memmove(&registry->groups[place], &registry->groups[place + 1],
            (registry->group_count - place) * sizeof *registry->groups);
}

void registry_set_group_config(struct image_registry *registry, enum group_config_key key,
                               const struct group_config_record *record)
{
    assert(atomic_load_explicit(&registry->reference_count, memory_order_relaxed) == 1);
    assert(key < GROUP_CONFIG_KEY_COUNT);
    bool found;
    uint32_t place = registry_group_place(registry, record->group_id, &found);
    if (!found && bytes_are_null(record->value))
        return;
    if (!found)
        group_make_room(registry, place, record->group_id);
    registry->groups[place].config.texts[key] =
        bytes_are_null(record->value) ? NULL : (const char *)keep(registry, record->value).data;
    group_remove_if_bare(registry, place);
}
