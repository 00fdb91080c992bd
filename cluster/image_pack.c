/* A topic in one piece of memory: what it takes is measured, then everything is written into it one
 * behind the other, in this order, which leaves each part where its type may stand:
 *
 *   node │ partitions │ settings, if any │ replica and in-sync ids │ directories │ texts
 */
#include "cluster/image_parts.h"

#include "base/assert.h"

/* Where the next things go in a topic's one piece of memory. */
struct packer {
    int32_t *ids;
    struct uuid *directories;
    char *text;
};

/* How much of everything a topic takes. */
struct packing {
    size_t setting_count;
    size_t id_count;
    size_t directory_count;
    size_t text_bytes;
};

/* Counts exactly what packing will write; the two must agree to the byte, which
 * topic_pack asserts at its end. */
static struct packing measure(const struct image_topic *topic)
{
    struct packing packing = {.text_bytes = topic->name.size + 1};
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        packing.id_count += topic->partitions[i].replica_count + topic->partitions[i].in_sync_count;
        packing.directory_count += topic->partitions[i].replica_count;
    }
    for (uint32_t key = 0; key < TOPIC_CONFIG_KEY_COUNT; key++) {
        if (topic->config->texts[key] == NULL)
            continue;
        packing.setting_count++;
        packing.text_bytes += strlen(topic->config->texts[key]) + 1;
    }
    return packing;
}

static const int32_t *pack_ids(struct packer *packer, const int32_t *ids, uint32_t count)
{
    assert(ids != NULL || count == 0);
    int32_t *packed = packer->ids;
    if (count > 0)
        memcpy(packed, ids, count * sizeof *ids);
    packer->ids += count;
    return packed;
}

static const struct uuid *pack_directories(struct packer *packer, const struct uuid *directories,
                                           uint32_t count)
{
    assert(directories != NULL || count == 0);
    struct uuid *packed = packer->directories;
    if (count > 0)
        memcpy(packed, directories, count * sizeof *directories);
    packer->directories += count;
    return packed;
}

static void pack_partition(struct packer *packer, const struct image_partition *from,
                           struct image_partition *to)
{
    *to = *from;
    to->replicas = pack_ids(packer, from->replicas, from->replica_count);
    to->directories = pack_directories(packer, from->directories, from->replica_count);
    to->in_sync = pack_ids(packer, from->in_sync, from->in_sync_count);
}

static const char *pack_text(struct packer *packer, struct bytes text)
{
    assert(!bytes_are_null(text));
    char *packed = packer->text;
    memcpy(packed, text.data, text.size);
    packed[text.size] = '\0';
    packer->text += text.size + 1;
    return packed;
}

static void pack_settings(struct packer *packer, const struct topic_config *from,
                          struct topic_config *to)
{
    for (uint32_t key = 0; key < TOPIC_CONFIG_KEY_COUNT; key++)
        if (from->texts[key] != NULL)
            to->texts[key] = pack_text(packer, bytes_of_text(from->texts[key]));
}

/* One allocation for a topic with all that it points to, so the last reference frees it in one call
 * on whatever core that is, and a lookup touches memory that lies together. Most topics have no
 * settings of their own, and no table of them. */
struct topic_node *topic_pack(const struct image_topic *topic)
{
    assert(topic->config != NULL);
    assert(topic->name.size > 0);
    struct packing packing = measure(topic);
    size_t table_bytes = packing.setting_count == 0 ? 0 : sizeof(struct topic_config);
    size_t partition_bytes = topic->partition_count * sizeof(struct image_partition);
    struct topic_node *node = shelf_allocate(
        1, sizeof *node + partition_bytes + table_bytes + packing.id_count * sizeof(int32_t) +
               packing.directory_count * sizeof(struct uuid) + packing.text_bytes);
    struct image_partition *partitions = (struct image_partition *)(node + 1);
    struct topic_config *config = (struct topic_config *)(partitions + topic->partition_count);
    struct packer packer = {.ids = (int32_t *)((uint8_t *)config + table_bytes)};
    packer.directories = (struct uuid *)(packer.ids + packing.id_count);
    packer.text = (char *)(packer.directories + packing.directory_count);
    const char *end = packer.text + packing.text_bytes;
    atomic_init(&node->reference_count, 1);
    for (uint32_t i = 0; i < topic->partition_count; i++)
        pack_partition(&packer, &topic->partitions[i], &partitions[i]);
    const char *name = pack_text(&packer, topic->name);
    node->topic = (struct image_topic){.name = bytes_of(name, topic->name.size),
                                       .id = topic->id,
                                       .is_internal = topic->is_internal,
                                       .partitions = partitions,
                                       .partition_count = topic->partition_count,
                                       .config = table_bytes == 0 ? NULL : config};
    if (table_bytes > 0)
        pack_settings(&packer, topic->config, config);
    assert(packer.text == end);
    return node;
}
