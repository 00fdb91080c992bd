/* Leaves are shared by counting references; a leaf with one reference belongs to this shelf alone
 * and is changed in place, any other is copied first. The start of each leaf is kept beside it, so
 * that a place in the whole order is found without walking. */
#include "cluster/image_shelf.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "cluster/image_build.h"

#include <stdlib.h>

void *shelf_allocate(size_t count, size_t size)
{
    assert(size > 0);
    void *memory = calloc(count == 0 ? 1 : count, size);
    assert(memory != NULL);
    return memory;
}

/* A count that was 0 belongs to memory that is being freed: taking a reference then would be too
 * late. */
static struct topic_node *topic_node_retain(struct topic_node *node)
{
    uint32_t before = atomic_fetch_add_explicit(&node->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    return node;
}

void topic_node_release(struct topic_node *node)
{
    uint32_t before = atomic_fetch_sub_explicit(&node->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(node);
}

/* --- Orders ----------------------------------------------------------------------------------- */

int shelf_order_by_name(const struct image_topic *topic, const struct shelf_key *key)
{
    return bytes_compare(topic->name, key->name);
}

int shelf_order_by_id(const struct image_topic *topic, const struct shelf_key *key)
{
    return memcmp(&topic->id, &key->id, sizeof topic->id);
}

static int metric_letter(uint8_t letter)
{
    return letter == '.' ? '_' : letter;
}

int shelf_order_by_metric_name(const struct image_topic *topic, const struct shelf_key *key)
{
    size_t common = topic->name.size < key->name.size ? topic->name.size : key->name.size;
    for (size_t i = 0; i < common; i++) {
        int order = metric_letter(topic->name.data[i]) - metric_letter(key->name.data[i]);
        if (order != 0)
            return order;
    }
    return topic->name.size < key->name.size ? -1 : topic->name.size > key->name.size;
}

/* The same in every run: names are bounded by how many topics there may be, not by strangers. */
uint64_t shelf_metric_hash(struct bytes name)
{
    uint8_t letters[TOPIC_NAME_SIZE_MAX];
    assert(name.size <= sizeof letters);
    for (size_t i = 0; i < name.size; i++)
        letters[i] = (uint8_t)metric_letter(name.data[i]);
    return hash_bytes((struct hash_seed){{1, 2}}, bytes_of(letters, name.size));
}

static struct shelf_key key_of(const struct image_topic *topic)
{
    return (struct shelf_key){.name = topic->name, .id = topic->id};
}

/* --- Leaves ----------------------------------------------------------------------------------- */

static struct shelf_leaf *leaf_create(void)
{
    struct shelf_leaf *leaf = shelf_allocate(1, sizeof *leaf);
    atomic_init(&leaf->reference_count, 1);
    return leaf;
}

/* The last one out frees, whichever core that is; acquire and release order all reads of the leaf
 * before its end. */
static void leaf_release(struct shelf_leaf *leaf)
{
    uint32_t before = atomic_fetch_sub_explicit(&leaf->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    for (uint32_t i = 0; i < leaf->count; i++)
        topic_node_release(leaf->nodes[i]);
    free(leaf);
}

/* The leaf at `position`, made this shelf's own so that it may be changed. */
static struct shelf_leaf *leaf_own(struct shelf *shelf, uint32_t position)
{
    assert(position < shelf->leaf_count);
    struct shelf_leaf *leaf = shelf->leaves[position];
    if (atomic_load_explicit(&leaf->reference_count, memory_order_acquire) == 1)
        return leaf;
    struct shelf_leaf *own = leaf_create();
    own->count = leaf->count;
    for (uint32_t i = 0; i < leaf->count; i++)
        own->nodes[i] = topic_node_retain(leaf->nodes[i]);
    leaf_release(leaf);
    shelf->leaves[position] = own;
    return own;
}

/* Makes room for a leaf at `position`. */
static void leaf_place(struct shelf *shelf, uint32_t position, struct shelf_leaf *leaf)
{
    assert(leaf != NULL);
    assert(position <= shelf->leaf_count);
    size_t count = shelf->leaf_count + 1;
    shelf->leaves = reallocarray(shelf->leaves, count, sizeof *shelf->leaves);
    shelf->starts = reallocarray(shelf->starts, count, sizeof *shelf->starts);
    assert(shelf->leaves != NULL);
    assert(shelf->starts != NULL);
    memmove(&shelf->leaves[position + 1], &shelf->leaves[position],
            (shelf->leaf_count - position) * sizeof *shelf->leaves);
    shelf->leaves[position] = leaf;
    shelf->leaf_count++;
}

/* In halves, so that runs of names in order, which is how topics are often made, do not leave
 * nearly empty leaves behind. */
static void leaf_split(struct shelf *shelf, uint32_t position)
{
    assert(position < shelf->leaf_count);
    assert(shelf->leaves[position]->count == SHELF_LEAF_MAX);
    struct shelf_leaf *leaf = shelf->leaves[position];
    struct shelf_leaf *upper = leaf_create();
    uint32_t kept = leaf->count / 2;
    upper->count = leaf->count - kept;
    assert(kept > 0);
    assert(upper->count > 0);
    memcpy(upper->nodes, &leaf->nodes[kept], upper->count * sizeof *upper->nodes);
    leaf->count = kept;
    leaf_place(shelf, position + 1, upper);
}

/* Counts anew where leaves begin, from `position` on. */
static void recount(struct shelf *shelf, uint32_t position)
{
    assert(position <= shelf->leaf_count);
    for (uint32_t i = position; i < shelf->leaf_count; i++)
        shelf->starts[i] = i == 0 ? 0 : shelf->starts[i - 1] + shelf->leaves[i - 1]->count;
}

/* What the leaves hold is what the shelf counts. */
static void shelf_check(const struct shelf *shelf)
{
    assert((shelf->leaf_count == 0) == (shelf->count == 0));
    if (shelf->leaf_count == 0)
        return;
    uint32_t last = shelf->leaf_count - 1;
    assert(shelf->leaves[last]->count > 0);
    assert(shelf->starts[last] + shelf->leaves[last]->count == shelf->count);
}

/* --- The shelf -------------------------------------------------------------------------------- */

void shelf_init(struct shelf *shelf, shelf_order order)
{
    assert(order != NULL);
    *shelf = (struct shelf){.order = order};
}

void shelf_copy(struct shelf *shelf, const struct shelf *from)
{
    assert(from->order != NULL);
    *shelf = *from;
    shelf->leaves = shelf_allocate(from->leaf_count, sizeof *from->leaves);
    shelf->starts = shelf_allocate(from->leaf_count, sizeof *from->starts);
    for (uint32_t i = 0; i < from->leaf_count; i++) {
        shelf->leaves[i] = from->leaves[i];
        shelf->starts[i] = from->starts[i];
        atomic_fetch_add_explicit(&from->leaves[i]->reference_count, 1, memory_order_relaxed);
    }
}

void shelf_deinit(struct shelf *shelf)
{
    for (uint32_t i = 0; i < shelf->leaf_count; i++)
        leaf_release(shelf->leaves[i]);
    free(shelf->leaves);
    free(shelf->starts);
    *shelf = (struct shelf){0};
}

/* The last leaf that begins at or before the key: where the key is or would go. 0 if there is no
 * leaf. */
static uint32_t find_leaf(const struct shelf *shelf, const struct shelf_key *key)
{
    assert(key != NULL);
    uint32_t low = 0;
    uint32_t high = shelf->leaf_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (shelf->order(&shelf->leaves[middle]->nodes[0]->topic, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first slot of the leaf at or after the key. */
static uint32_t find_slot(const struct shelf *shelf, const struct shelf_leaf *leaf,
                          const struct shelf_key *key)
{
    assert(leaf->count <= SHELF_LEAF_MAX);
    uint32_t low = 0;
    uint32_t high = leaf->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shelf->order(&leaf->nodes[middle]->topic, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t shelf_lower_bound(const struct shelf *shelf, const struct shelf_key *key)
{
    if (shelf->leaf_count == 0)
        return 0;
    uint32_t position = find_leaf(shelf, key);
    return shelf->starts[position] + find_slot(shelf, shelf->leaves[position], key);
}

/* A binary search over where leaves begin, then the place itself: listings ask for every place in
 * turn. */
const struct image_topic *shelf_at(const struct shelf *shelf, uint32_t index)
{
    assert(index < shelf->count);
    uint32_t low = 0;
    uint32_t high = shelf->leaf_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (shelf->starts[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    const struct shelf_leaf *leaf = shelf->leaves[low];
    assert(index - shelf->starts[low] < leaf->count);
    return &leaf->nodes[index - shelf->starts[low]]->topic;
}

const struct image_topic *shelf_find(const struct shelf *shelf, const struct shelf_key *key)
{
    assert(shelf->order != NULL);
    uint32_t index = shelf_lower_bound(shelf, key);
    if (index == shelf->count)
        return NULL;
    const struct image_topic *topic = shelf_at(shelf, index);
    return shelf->order(topic, key) == 0 ? topic : NULL;
}

/* The node is counted once for each shelf that it stands on. */
void shelf_insert(struct shelf *shelf, struct topic_node *node)
{
    assert(shelf->order != NULL);
    struct shelf_key key = key_of(&node->topic);
    if (shelf->leaf_count == 0)
        leaf_place(shelf, 0, leaf_create());
    uint32_t position = find_leaf(shelf, &key);
    struct shelf_leaf *leaf = leaf_own(shelf, position);
    if (leaf->count == SHELF_LEAF_MAX) {
        leaf_split(shelf, position);
        recount(shelf, position);
        leaf = leaf_own(shelf, position = find_leaf(shelf, &key));
    }
    uint32_t slot = find_slot(shelf, leaf, &key);
    assert(slot == leaf->count || shelf->order(&leaf->nodes[slot]->topic, &key) != 0);
    memmove(&leaf->nodes[slot + 1], &leaf->nodes[slot], (leaf->count - slot) * sizeof *leaf->nodes);
    leaf->nodes[slot] = topic_node_retain(node);
    leaf->count++;
    shelf->count++;
    recount(shelf, position);
    shelf_check(shelf);
}

/* A leaf without topics would have no first key to search by, so there are none. */
static void drop_leaf(struct shelf *shelf, uint32_t position)
{
    assert(shelf->leaves[position]->count == 0);
    assert(shelf->count > 0 || shelf->leaf_count == 1);
    leaf_release(shelf->leaves[position]);
    shelf->leaf_count--;
    memmove(&shelf->leaves[position], &shelf->leaves[position + 1],
            (shelf->leaf_count - position) * sizeof *shelf->leaves);
}

void shelf_remove(struct shelf *shelf, const struct image_topic *topic)
{
    assert(shelf->count > 0);
    struct shelf_key key = key_of(topic);
    uint32_t position = find_leaf(shelf, &key);
    struct shelf_leaf *leaf = leaf_own(shelf, position);
    uint32_t slot = find_slot(shelf, leaf, &key);
    assert(slot < leaf->count);
    assert(&leaf->nodes[slot]->topic == topic);
    struct topic_node *node = leaf->nodes[slot];
    leaf->count--;
    memmove(&leaf->nodes[slot], &leaf->nodes[slot + 1], (leaf->count - slot) * sizeof *leaf->nodes);
    shelf->count--;
    if (leaf->count == 0)
        drop_leaf(shelf, position);
    recount(shelf, position);
    shelf_check(shelf);
    topic_node_release(node);
}
