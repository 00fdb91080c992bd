/* Shards come and go with the leadership of their partitions, as the images say: one that is not
 * led any more closes at once, and is freed when what it has in flight has landed. */
#include "consumer-groups/group_manager.h"

#include "base/assert.h"
#include "base/text.h"
#include "cluster/image_changes.h"

#include <stdlib.h>

const char group_topic_name[] = "__consumer_offsets";

enum {
    MS_PER_MINUTE = 60 * 1000,
    NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * MS_PER_MINUTE,
    BEAT_MS = 1000,
    NS_PER_MS = 1000000,
};

struct group_slot {
    struct list_node node;
    struct group_shard shard;
};

static int32_t setting_i32(const struct config *config, enum config_key key)
{
    return (int32_t)config_i64(config, key);
}

/* `one_way`: the word that allows this direction only. */
static bool may_migrate(const struct config *config, const char *one_way)
{
    const char *policy = config_text(config, CONFIG_GROUP_CONSUMER_MIGRATION_POLICY);
    return strcmp(policy, one_way) == 0 || strcmp(policy, "bidirectional") == 0;
}

static bool has_consumer_protocol(const struct config *config)
{
    struct bytes list =
        bytes_of_text(config_text(config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS));
    struct bytes item;
    while (text_next_item(&list, ',', &item))
        if (bytes_equal_text(item, "consumer"))
            return true;
    return false;
}

static struct assignor_list assignors_of(const struct config *config)
{
    struct assignor_list list;
    assignor_list_parse(&list, bytes_of_text(config_text(config, CONFIG_GROUP_CONSUMER_ASSIGNORS)));
    return list;
}

static struct group_settings settings_of(const struct config *config, struct io *io)
{
    return (struct group_settings){
        .session_timeout_ms_min = setting_i32(config, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS),
        .session_timeout_ms_max = setting_i32(config, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS),
        .initial_rebalance_delay_ms = setting_i32(config, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS),
        .new_member_join_timeout_ms = NEW_MEMBER_JOIN_TIMEOUT_MS,
        .size_max = (uint32_t)config_i64(config, CONFIG_GROUP_MAX_SIZE),
        .hash_seed = {{io_random_u64(io), io_random_u64(io)}},
        .offset_metadata_bytes_max = setting_i32(config, CONFIG_OFFSET_METADATA_MAX_BYTES),
        .offsets_retention_ms =
            config_i64(config, CONFIG_OFFSETS_RETENTION_MINUTES) * MS_PER_MINUTE,
        .consumer_session_timeout_ms =
            setting_i32(config, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS),
        .consumer_heartbeat_interval_ms =
            setting_i32(config, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS),
        .consumer_size_max = (uint32_t)config_i64(config, CONFIG_GROUP_CONSUMER_MAX_SIZE),
        .consumer_assignment_interval_ms =
            setting_i32(config, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS),
        .consumer_regex_refresh_interval_ms =
            setting_i32(config, CONFIG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS),
        .has_consumer_protocol = has_consumer_protocol(config),
        .assignors = assignors_of(config),
        .may_upgrade = may_migrate(config, "upgrade"),
        .may_downgrade = may_migrate(config, "downgrade"),
    };
}

/* Between the calls of clients, so that a pause of theirs is not taken for one of ours. */
static void beat_fired(struct timer *timer)
{
    struct group_manager *manager = container_of(timer, struct group_manager, beat);
    uint64_t now_ns = io_now_ns(manager->options.io);
    group_pulse_beat(&manager->pulse, (int64_t)(now_ns / NS_PER_MS));
    io_timer_start(manager->options.io, timer, now_ns + (uint64_t)BEAT_MS * NS_PER_MS);
}

void group_manager_init(struct group_manager *manager, const struct group_manager_options *options)
{
    assert(options->io != NULL);
    assert(options->replicas != NULL);
    assert(options->memory_bytes_max > 0);
    *manager = (struct group_manager){
        .options = *options,
        .settings = settings_of(options->config, options->io),
        .memory = {.limit_bytes = options->memory_bytes_max},
    };
    group_load_queue_init(&manager->loads);
    list_init(&manager->slots);
    list_init(&manager->closing);
    timer_init(&manager->beat, beat_fired);
}

/* --- Shards come and go ----------------------------------------------------------------------- */

static const struct image_topic *offsets_topic(const struct image *image)
{
    return image_topic_by_name(image, bytes_of_text(group_topic_name));
}

/* Those that wait for nothing any more. */
static void free_idle(struct group_manager *manager)
{
    struct group_slot *slot;
    struct group_slot *following;
    list_for_each_entry_safe (slot, following, &manager->closing, node) {
        if (!group_shard_is_idle(&slot->shard))
            continue;
        list_remove(&slot->node);
        group_shard_deinit(&slot->shard);
        free(slot);
    }
}

static void close_slot(struct group_manager *manager, struct group_slot *slot)
{
    assert(list_node_is_linked(&slot->node));
    group_shard_close(&slot->shard);
    list_remove(&slot->node);
    list_push_back(&manager->closing, &slot->node);
}

/* Is the partition led from here, and at home on this core? */
static bool is_mine(const struct group_manager *manager, const struct image_topic *topic,
                    uint32_t index)
{
    struct io *io = manager->options.io;
    return index < topic->partition_count &&
           topic->partitions[index].leader == manager->options.replicas->options.node_id &&
           partition_home_core(topic->id, (int32_t)index, io_core_count(io)) == io_core_index(io);
}

static bool is_to_stay(const struct group_manager *manager, const struct group_slot *slot,
                       const struct image_topic *topic)
{
    const struct group_shard_options *options = &slot->shard.options;
    uint32_t index = (uint32_t)options->index;
    return topic != NULL && uuid_equal(topic->id, options->topic_id) &&
           slot->shard.state != GROUP_SHARD_CLOSED && is_mine(manager, topic, index) &&
           topic->partitions[index].leader_epoch == options->leader_epoch;
}

/* A month is as good as never, and can be counted in nanoseconds. */
static int64_t check_interval_ms(const struct config *config)
{
    int64_t interval_ms = config_i64(config, CONFIG_OFFSETS_RETENTION_CHECK_INTERVAL_MS);
    assert(interval_ms > 0);
    return interval_ms < INT32_MAX ? interval_ms : INT32_MAX;
}

/* In a topic that takes no bytes nothing has room; without a limit everything would. */
static size_t batch_bytes_max(const struct config *config, const struct image_topic *topic)
{
    int64_t bytes = topic_config_i64(topic->config, config, TOPIC_CONFIG_MAX_MESSAGE_BYTES);
    assert(bytes >= 0);
    return bytes > 0 ? (size_t)bytes : 1;
}

static void open_slot(struct group_manager *manager, const struct image_topic *topic,
                      uint32_t index)
{
    assert(index < topic->partition_count);
    assert(group_manager_find(manager, index) == NULL);
    const struct config *config = manager->options.config;
    const struct group_shard_options options = {
        .io = manager->options.io,
        .logger = manager->options.logger,
        .replicas = manager->options.replicas,
        .settings = &manager->settings,
        .memory = &manager->memory,
        .counts = &manager->counts,
        .pulse = &manager->pulse,
        .loads = &manager->loads,
        .topic_id = topic->id,
        .index = (int32_t)index,
        .leader_epoch = topic->partitions[index].leader_epoch,
        .batch_bytes_max = batch_bytes_max(config, topic),
        .check_interval_ms = check_interval_ms(config),
        .compression = (enum compression)config_i64(config, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC),
    };
    struct group_slot *slot = calloc(1, sizeof *slot);
    assert(slot != NULL);
    list_node_init(&slot->node);
    list_push_back(&manager->slots, &slot->node);
    if (!timer_is_running(&manager->beat))
        beat_fired(&manager->beat);
    group_shard_init(&slot->shard, &options);
}

static void apply_offsets_topic(struct group_manager *manager, const struct image *image)
{
    const struct image_topic *topic = offsets_topic(image);
    struct group_slot *slot;
    struct group_slot *following;
    list_for_each_entry_safe (slot, following, &manager->slots, node)
        if (!is_to_stay(manager, slot, topic))
            close_slot(manager, slot);
    for (uint32_t i = 0; topic != NULL && i < topic->partition_count; i++)
        if (is_mine(manager, topic, i) && group_manager_find(manager, i) == NULL)
            open_slot(manager, topic, i);
}

static void tell_changed(struct group_manager *manager)
{
    struct group_slot *slot;
    list_for_each_entry (slot, &manager->slots, node)
        group_shard_topics_changed(&slot->shard);
}

static void tell_deleted(struct group_manager *manager)
{
    struct group_slot *slot;
    list_for_each_entry (slot, &manager->slots, node)
        group_shard_topics_deleted(&slot->shard);
}

static bool has_deleted(const struct image *before, const struct image *after)
{
    struct image_changes changes;
    struct image_change change;
    image_changes_init(&changes, before, after);
    while (image_changes_next(&changes, &change))
        if (change.after == NULL)
            return true;
    return false;
}

void group_manager_apply(struct group_manager *manager, struct image *image)
{
    assert(manager->options.replicas->image == image);
    free_idle(manager);
    apply_offsets_topic(manager, image);
    if (manager->image != NULL) {
        if (has_deleted(manager->image, image))
            tell_deleted(manager);
        image_release(manager->image);
    }
    manager->image = image_retain(image);
    tell_changed(manager);
}

struct group_shard *group_manager_find(const struct group_manager *manager, uint32_t index)
{
    struct group_slot *slot;
    list_for_each_entry (slot, &manager->slots, node)
        if ((uint32_t)slot->shard.options.index == index)
            return &slot->shard;
    return NULL;
}

void group_manager_release_waiters(struct group_manager *manager)
{
    struct group_slot *slot;
    list_for_each_entry (slot, &manager->slots, node)
        group_shard_release_waiters(&slot->shard);
}

void group_manager_close(struct group_manager *manager)
{
    io_timer_cancel(manager->options.io, &manager->beat);
    struct group_slot *slot;
    struct group_slot *following;
    list_for_each_entry_safe (slot, following, &manager->slots, node)
        close_slot(manager, slot);
}

void group_manager_deinit(struct group_manager *manager)
{
    struct list_node *node;
    list_append(&manager->closing, &manager->slots);
    while ((node = list_pop_front(&manager->closing)) != NULL) {
        struct group_slot *slot = container_of(node, struct group_slot, node);
        group_shard_deinit(&slot->shard);
        free(slot);
    }
    if (manager->image != NULL)
        image_release(manager->image);
    manager->image = NULL;
    assert(manager->memory.used_bytes == 0);
}

static void count_states(const struct group_table *table, struct group_census *census)
{
    const struct group *group;
    list_for_each_entry (group, &table->order, order_node) {
        if (group->type == GROUP_CLASSIC)
            census->classic[group->classic.state]++;
        else
            census->consumer[consumer_state(&group->consumer)]++;
    }
}

void group_manager_count(const struct group_manager *manager, struct group_census *census)
{
    const struct group_slot *slot;
    *census = (struct group_census){0};
    list_for_each_entry (slot, &manager->slots, node) {
        census->groups += slot->shard.table.groups.count;
        census->offsets += slot->shard.table.offset_count;
        census->loading += slot->shard.state == GROUP_SHARD_LOADING;
        census->waiting += slot->shard.put_count - slot->shard.durable_count;
        count_states(&slot->shard.table, census);
    }
}
