/* An image is applied in one operation: logs that are taken away end first, so that a topic made
 * anew under an old name finds its place free, then new ones open, some at a time. Whoever sent the
 * image is told when all of it is in force.
 *
 * A log that cannot be opened leaves its partition offline and is told in the log; the others go
 * on. */
#include "replication/replica_manager.h"

#include "base/assert.h"
#include "replication/log_settings.h"

#include <stdlib.h>

/* How many logs are opened at once: enough to keep a disk busy, few enough to bound memory. */
enum { OPENINGS_MAX = 64 };

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

static uint64_t partition_hash(struct hash_seed seed, struct uuid topic_id, int32_t index)
{
    uint8_t bytes[sizeof topic_id.bytes + sizeof index];
    memcpy(bytes, topic_id.bytes, sizeof topic_id.bytes);
    memcpy(bytes + sizeof topic_id.bytes, &index, sizeof index);
    return hash_bytes(seed, bytes_of(bytes, sizeof bytes));
}

/* A seed of zero: every core, and every run, must come to the same answer. Neighbouring partitions
 * of a topic go to neighbouring cores, so a topic with as many partitions uses all of them. */
uint32_t partition_home_core(struct uuid topic_id, int32_t index, uint32_t core_count)
{
    assert(core_count > 0);
    assert(index >= 0);
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
    struct list_node node;
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
    struct list openings; /* not begun yet */
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
    if (result < 0)
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

static enum op_progress replica_apply_end(struct replica_apply *apply)
{
    struct replica_manager *manager = apply->manager;
    struct map_node *node;
    op_move(&apply->op, REPLICA_APPLY_OPEN);
    map_for_each (node, &manager->partitions) {
        struct partition *partition = container_of(node, struct partition, node);
        const struct image_topic *topic = image_topic_by_id(apply->next, partition->topic_id);
        if (topic == NULL && partition->log != NULL)
            end_partition(apply, partition);
    }
    return apply->op.waiting > 0 ? OP_WAIT : OP_AGAIN;
}

static void replica_opening_landed(struct completion *completion, int32_t result)
{
    struct replica_opening *opening =
        container_of(completion, struct replica_opening, open.completion);
    struct replica_apply *apply = opening->apply;
    struct replica_manager *manager = apply->manager;
    const struct log_id *id = &opening->open.id;
    if (result < 0) {
        log_error(manager->options.logger, "partition is offline: its log could not be opened",
                  field_bytes("topic", id->topic_name), field_i64("partition", id->partition),
                  field_status("status", (enum status)result));
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

static enum op_progress replica_apply_open(struct replica_apply *apply)
{
    for (uint32_t i = 0; i < OPENINGS_MAX; i++) {
        struct list_node *node = list_pop_front(&apply->openings);
        if (node == NULL)
            break;
        struct replica_opening *opening = container_of(node, struct replica_opening, node);
        op_expect(&apply->op);
        store_open_log(opening->store, &opening->open);
    }
    if (apply->op.waiting > 0)
        return OP_WAIT;
    op_move(&apply->op, REPLICA_APPLY_ADOPT);
    return OP_AGAIN;
}

static enum op_progress replica_apply_adopt(struct replica_apply *apply)
{
    assert(list_is_empty(&apply->openings));
    assert(apply->op.waiting == 0);
    struct replica_manager *manager = apply->manager;
    struct completion *adopted = apply->adopted;
    if (manager->image != NULL)
        image_release(manager->image);
    manager->image = apply->next;
    manager->next = NULL;
    free(apply);
    io_land(manager->options.io, adopted, STATUS_OK);
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

/* NULL when the directory is not online. A node without a name for its only directory has no
 * choice. */
static struct store *store_of(const struct replica_manager *manager,
                              const struct image_partition *partition)
{
    const struct replica_directory *directories = manager->options.directories;
    struct uuid id = image_partition_directory(partition, manager->options.node_id);
    if (uuid_is_zero(id))
        return directories[0].store;
    for (uint32_t i = 0; i < manager->options.directory_count; i++)
        if (uuid_equal(directories[i].id, id))
            return directories[i].store;
    return NULL;
}

/* Only planned: logs open a few at a time. A partition whose directory has gone with the image
 * under way waits for the next, which says so. */
static void plan_opening(struct replica_apply *apply, const struct image_topic *topic,
                         uint32_t index)
{
    assert(index < topic->partition_count);
    struct store *store = store_of(apply->manager, &topic->partitions[index]);
    if (store == NULL)
        return;
    struct replica_opening *opening = calloc(1, sizeof *opening);
    assert(opening != NULL);
    opening->apply = apply;
    opening->store = store;
    opening->topic = topic;
    opening->open.id = (struct log_id){
        .topic_id = topic->id,
        .partition = (int32_t)index,
        .topic_name = topic->name,
    };
    opening->open.config = log_settings_of(&topic->config, apply->manager->options.config);
    completion_init(&opening->open.completion, replica_opening_landed);
    list_push_back(&apply->openings, &opening->node);
}

/* A topic that did not change is the same object in both images, and costs one comparison. */
static void plan_topic(struct replica_apply *apply, const struct image_topic *topic)
{
    struct replica_manager *manager = apply->manager;
    if (manager->image != NULL && image_topic_by_id(manager->image, topic->id) == topic)
        return;
    struct log_config config = log_settings_of(&topic->config, manager->options.config);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        if (!is_mine(manager, topic, i))
            continue;
        struct partition *partition = replica_manager_find(manager, topic->id, (int32_t)i);
        if (partition == NULL) {
            plan_opening(apply, topic, i);
            continue;
        }
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
    struct replica_apply *apply = calloc(1, sizeof *apply);
    assert(apply != NULL);
    assert(manager->next == NULL);
    apply->manager = manager;
    apply->next = image_retain(next);
    manager->next = next;
    apply->adopted = adopted;
    list_init(&apply->openings);
    for (uint32_t i = 0; i < image_topic_count(next); i++)
        plan_topic(apply, image_topic_at(next, i));
    op_start(&apply->op, &replica_apply_kind, io_ops(manager->options.io));
}
