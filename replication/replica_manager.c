/* An image is applied in one operation: logs that are taken away end first, so that a topic made
 * anew under an old name finds its place free, then new ones open, some at a time. Whoever sent the
 * image is told when all of it is in force. Only what differs from the image before is looked at: a
 * topic more costs the same beside ten topics as beside ten thousand.
 *
 * A log that cannot be opened leaves its partition offline and is told in the log; the others go
 * on. What was short may be there later, so then the next image is looked through for all that is
 * not open, changed or not. */
#include "replication/replica_manager.h"

#include "base/assert.h"
#include "cluster/image_changes.h"
#include "replication/log_settings.h"

#include <stdlib.h>

/* How many logs are opened at once: enough to share the store's commits, few enough to bound memory
 * and the turn of the loop. */
enum { OPENINGS_MAX = 512 };

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

static bool partition_has_key(const struct map_node *node, const void *key)
{
    const struct partition *partition = container_of(node, struct partition, node);
    const struct partition_key *wanted = key;
    return partition->index == wanted->index && uuid_equal(partition->topic_id, wanted->topic_id);
}

/* Every request asks for its partitions. The controller draws topic ids at random. */
static uint64_t partition_hash(struct hash_seed seed, struct uuid topic_id, int32_t index)
{
    return hash_drawn_uuid(seed, topic_id, (uint32_t)index);
}

/* A seed of zero: every core, and every run, must come to the same answer. Neighbouring partitions
 * of a topic go to neighbouring cores, so a topic with as many partitions uses all of them. */
uint32_t partition_home_core(struct uuid topic_id, int32_t index, uint32_t core_count)
{
    assert(core_count > 0);
    assert(index >= 0);
    if (core_count == 1)
        return 0;
    uint64_t first =
        hash_bytes((struct hash_seed){{0, 0}}, bytes_of(topic_id.bytes, sizeof topic_id.bytes));
    return (uint32_t)((first % core_count + (uint32_t)index) % core_count);
}

void replica_manager_init(struct replica_manager *manager,
                          const struct replica_manager_options *options)
{
    assert(options->io != NULL);
    assert(options->config != NULL);
    assert(options->logger != NULL);
    assert(options->node_id >= 0);
    assert(options->directories != NULL);
    assert(options->directory_count > 0);
    *manager = (struct replica_manager){
        .options = *options,
        .seed = {{io_random_u64(options->io), io_random_u64(options->io)}},
    };
    map_init(&manager->partitions, partition_has_key);
}

void replica_manager_deinit(struct replica_manager *manager)
{
    struct map_node *node;
    struct map_node *following;
    map_for_each_safe(node, following, &manager->partitions)
    {
        struct partition *partition = container_of(node, struct partition, node);
        map_remove(&manager->partitions, node);
        free(partition);
    }
    assert(manager->partitions.count == 0);
    map_deinit(&manager->partitions);
    if (manager->image != NULL)
        image_release(manager->image);
    manager->image = NULL;
}

void replica_manager_release_waiters(struct replica_manager *manager)
{
    struct map_node *node;
    map_for_each (node, &manager->partitions) {
        struct partition *partition = container_of(node, struct partition, node);
        if (partition->log != NULL)
            partition_deinit(partition);
    }
}

/* A partition whose log has ended is on its way out and not to be found any more. */
struct partition *replica_manager_find(const struct replica_manager *manager, struct uuid topic_id,
                                       int32_t index)
{
    struct partition_key key = {.topic_id = topic_id, .index = index};
    uint64_t hash = partition_hash(manager->seed, topic_id, index);
    struct map_node *node = map_find(&manager->partitions, hash, &key);
    if (node == NULL)
        return NULL;
    struct partition *partition = container_of(node, struct partition, node);
    return partition->log == NULL ? NULL : partition;
}

/* --- Applying an image -------------------------------------------------------------------------
 *
 *   END ──▶ OPEN ──▶ ADOPT
 *            └─▲ (the next OPENINGS_MAX)
 */

enum replica_apply_stage { REPLICA_APPLY_END, REPLICA_APPLY_OPEN, REPLICA_APPLY_ADOPT };

static const struct op_stage replica_apply_stages[] = {
    [REPLICA_APPLY_END] = {"end", 0},
    [REPLICA_APPLY_OPEN] = {"open", AFTER(REPLICA_APPLY_END)},
    [REPLICA_APPLY_ADOPT] = {"adopt", AFTER(REPLICA_APPLY_OPEN)},
};

struct replica_apply;

struct replica_opening {
    struct store_open open;
    struct replica_apply *apply;
    const struct image_topic *topic;
    struct store *store;
};

struct replica_ending {
    struct completion completion;
    struct replica_apply *apply;
    struct partition *partition;
};

struct replica_apply {
    struct op op;
    struct replica_manager *manager;
    struct image *next;
    struct completion *adopted;
    bool is_again;                /* logs that could not be opened are tried once more */
    struct image_changes changes; /* still to be opened */
    struct image_change change;   /* the one that is being opened */
    uint32_t index;               /* its next partition */
};

/* Followers come with replication between brokers; until then only leaders have a log here. */
static bool is_mine(const struct replica_manager *manager, const struct image_topic *topic,
                    uint32_t index)
{
    assert(index < topic->partition_count);
    return topic->partitions[index].leader == manager->options.node_id &&
           partition_home_core(topic->id, (int32_t)index, io_core_count(manager->options.io)) ==
               io_core_index(manager->options.io);
}

static void lead(struct partition *partition, const struct image_topic *topic)
{
    assert((uint32_t)partition->index < topic->partition_count);
    assert(topic->partitions[partition->index].leader == partition->self);
    const struct image_partition *state = &topic->partitions[partition->index];
    partition_lead(partition, state->leader_epoch, state->in_sync, state->in_sync_count);
}

static void replica_ending_landed(struct completion *completion, int32_t result)
{
    struct replica_ending *ending = container_of(completion, struct replica_ending, completion);
    struct replica_apply *apply = ending->apply;
    struct partition *partition = ending->partition;
    assert(partition->log == NULL); /* It is not to be found since its log ended. */
    /* A lack of space passes, and the store goes on by itself. */
    if (result < 0 && result != STATUS_NO_SPACE)
        log_error(apply->manager->options.logger, "a deleted partition left files behind",
                  field_uuid("topic_id", partition->topic_id),
                  field_i64("partition", partition->index),
                  field_status("status", (enum status)result));
    map_remove(&apply->manager->partitions, &partition->node);
    free(partition);
    free(ending);
    op_landed(&apply->op, STATUS_OK);
}

static void end_partition(struct replica_apply *apply, struct partition *partition)
{
    assert(partition->log != NULL);
    struct replica_ending *ending = calloc(1, sizeof *ending);
    assert(ending != NULL);
    ending->apply = apply;
    ending->partition = partition;
    completion_init(&ending->completion, replica_ending_landed);
    struct log *log = partition->log;
    partition_deinit(partition);
    op_expect(&apply->op);
    store_delete_log(partition->store, log, &ending->completion);
}

static void end_topic(struct replica_apply *apply, const struct image_topic *topic)
{
    assert(image_topic_by_id(apply->next, topic->id) == NULL);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        struct partition *partition = replica_manager_find(apply->manager, topic->id, (int32_t)i);
        if (partition != NULL)
            end_partition(apply, partition);
    }
}

static enum op_progress replica_apply_end(struct replica_apply *apply)
{
    struct image_changes changes;
    struct image_change change;
    op_move(&apply->op, REPLICA_APPLY_OPEN);
    image_changes_init(&changes, apply->manager->image, apply->next);
    while (image_changes_next(&changes, &change))
        if (change.after == NULL)
            end_topic(apply, change.before);
    return apply->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

static bool is_shortage(enum status status)
{
    return status == STATUS_NO_SPACE || status == STATUS_NO_FILES || status == STATUS_NO_MEMORY;
}

/* Said once, not with every try. */
static void note_unopened(struct replica_apply *apply, const struct log_id *id, enum status status)
{
    struct replica_manager *manager = apply->manager;
    assert(status != STATUS_OK);
    manager->has_misses = manager->has_misses || is_shortage(status);
    if (!apply->is_again || !is_shortage(status))
        log_error(manager->options.logger, "partition is offline: its log could not be opened",
                  field_bytes("topic", id->topic_name), field_i64("partition", id->partition),
                  field_status("status", status));
}

static void replica_opening_landed(struct completion *completion, int32_t result)
{
    struct replica_opening *opening =
        container_of(completion, struct replica_opening, open.completion);
    struct replica_apply *apply = opening->apply;
    struct replica_manager *manager = apply->manager;
    const struct log_id *id = &opening->open.id;
    if (result < 0) {
        note_unopened(apply, id, (enum status)result);
    } else {
        assert(opening->open.log != NULL);
        assert(replica_manager_find(manager, id->topic_id, id->partition) == NULL);
        struct partition *partition = calloc(1, sizeof *partition);
        assert(partition != NULL);
        partition_init(partition, id->topic_id, id->partition, manager->options.node_id,
                       manager->options.io, opening->open.log);
        partition->store = opening->store;
        lead(partition, opening->topic);
        map_insert(&manager->partitions, &partition->node,
                   partition_hash(manager->seed, id->topic_id, id->partition));
    }
    free(opening);
    op_landed(&apply->op, STATUS_OK);
}

/* NULL when the directory is not online. A node that has no name for its only directory has no
 * choice. */
static struct store *store_of(const struct replica_manager *manager,
                              const struct image_partition *partition)
{
    const struct replica_directory *directories = manager->options.directories;
    struct uuid id = image_partition_directory(partition, manager->options.node_id);
    assert(manager->options.directory_count > 0);
    if (uuid_is_zero(id))
        return directories[0].store;
    for (uint32_t i = 0; i < manager->options.directory_count; i++)
        if (uuid_equal(directories[i].id, id))
            return directories[i].store;
    return NULL;
}

/* A partition whose directory went while this image was under way waits for the next, which says
 * so. */
static void open_partition(struct replica_apply *apply, const struct image_topic *topic,
                           uint32_t index)
{
    assert(index < topic->partition_count);
    struct replica_manager *manager = apply->manager;
    struct store *store = store_of(manager, &topic->partitions[index]);
    if (store == NULL)
        return;
    struct replica_opening *opening = calloc(1, sizeof *opening);
    assert(opening != NULL);
    opening->apply = apply;
    opening->topic = topic;
    opening->store = store;
    opening->open.id = (struct log_id){
        .topic_id = topic->id,
        .partition = (int32_t)index,
        .topic_name = topic->name,
    };
    opening->open.config = log_settings_of(topic->config, manager->options.config);
    completion_init(&opening->open.completion, replica_opening_landed);
    op_expect(&apply->op);
    store_open_log(store, &opening->open);
}

/* The next partition of what is new or changed; false when there is none any more. */
static bool next_partition(struct replica_apply *apply)
{
    const struct image_topic *topic = apply->change.after;
    assert(topic == NULL || apply->index <= topic->partition_count);
    while (topic == NULL || apply->index == topic->partition_count) {
        if (!image_changes_next(&apply->changes, &apply->change))
            return false;
        topic = apply->change.after;
        apply->index = 0;
    }
    return true;
}

static enum op_progress replica_apply_open(struct replica_apply *apply)
{
    while (apply->op.waiting < OPENINGS_MAX && next_partition(apply)) {
        const struct image_topic *topic = apply->change.after;
        uint32_t index = apply->index++;
        if (is_mine(apply->manager, topic, index) &&
            replica_manager_find(apply->manager, topic->id, (int32_t)index) == NULL)
            open_partition(apply, topic, index);
    }
    if (apply->op.waiting > 0)
        return OP_WAIT;
    op_move(&apply->op, REPLICA_APPLY_ADOPT);
    return OP_AGAIN;
}

static enum op_progress replica_apply_adopt(struct replica_apply *apply)
{
    assert(!next_partition(apply));
    assert(apply->op.waiting == 0);
    struct replica_manager *manager = apply->manager;
    struct completion *adopted = apply->adopted;
    if (manager->image != NULL)
        image_release(manager->image);
    manager->image = apply->next;
    manager->next = NULL;
    free(apply);
    io_land(manager->options.io, adopted, manager->has_misses ? STATUS_BUSY : STATUS_OK);
    return OP_DONE;
}

static enum op_progress replica_apply_step(struct op *op)
{
    struct replica_apply *apply = container_of(op, struct replica_apply, op);
    switch ((enum replica_apply_stage)op->stage) {
    case REPLICA_APPLY_END: return replica_apply_end(apply);
    case REPLICA_APPLY_OPEN: return replica_apply_open(apply);
    case REPLICA_APPLY_ADOPT: return replica_apply_adopt(apply);
    }
    unreachable();
}

static const struct op_kind replica_apply_kind = {
    .name = "replica_apply",
    .step = replica_apply_step,
    .stages = replica_apply_stages,
};

/* Takes over the leader and the settings of partitions that are open. */
static void update_topic(struct replica_manager *manager, const struct image_topic *topic)
{
    struct log_config config = log_settings_of(topic->config, manager->options.config);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        struct partition *partition = replica_manager_find(manager, topic->id, (int32_t)i);
        if (partition == NULL || !is_mine(manager, topic, i))
            continue;
        lead(partition, topic);
        log_configure(partition->log, &config);
    }
}

/* Partitions that stay take their new state at once; only those that come and go take turns. */
void replica_manager_apply(struct replica_manager *manager, struct image *next,
                           struct completion *adopted)
{
    assert(adopted->landed != NULL);
    assert(manager->image == NULL || image_offset(next) >= image_offset(manager->image));
    struct image_changes changes;
    struct image_change change;
    struct replica_apply *apply = calloc(1, sizeof *apply);
    assert(apply != NULL);
    assert(manager->next == NULL);
    apply->manager = manager;
    apply->next = image_retain(next);
    manager->next = next;
    apply->adopted = adopted;
    apply->is_again = manager->has_misses;
    manager->has_misses = false;
    image_changes_init(&apply->changes, apply->is_again ? NULL : manager->image, next);
    image_changes_init(&changes, manager->image, next);
    while (image_changes_next(&changes, &change))
        if (change.before != NULL && change.after != NULL)
            update_topic(manager, change.after);
    op_start(&apply->op, &replica_apply_kind, io_ops(manager->options.io));
}
