/* Runs of 64 partitions keep both prices low: a topic with one offset takes one small array, one
 * with thousands no array that would have to be moved as a whole. */
#include "consumer-groups/group_offsets.h"

#include "base/assert.h"

#include <string.h>

enum { RUN_CAPACITY_FIRST = 1, RUNS_FIRST = 1 };

/* --- Topics ----------------------------------------------------------------------------------- */

static bool topic_has_name(const struct map_node *node, const void *key)
{
    const struct group_offsets_topic *topic = container_of(node, struct group_offsets_topic, node);
    return bytes_equal(topic->name, *(const struct bytes *)key);
}

void group_offsets_init(struct group_offsets *offsets, const struct hash_seed *seed)
{
    assert(seed != NULL);
    map_init(&offsets->topics, topic_has_name);
    offsets->seed = seed;
    offsets->count = 0;
}

static struct group_offsets_topic *find_topic(const struct group_offsets *offsets,
                                              struct bytes name)
{
    struct map_node *node = map_find(&offsets->topics, hash_bytes(*offsets->seed, name), &name);
    return node == NULL ? NULL : container_of(node, struct group_offsets_topic, node);
}

const struct group_offsets_topic *group_offsets_topic(const struct group_offsets *offsets,
                                                      struct bytes topic)
{
    return find_topic(offsets, topic);
}

static struct group_offsets_topic *create_topic(struct group_offsets *offsets,
                                                struct group_memory *memory, struct bytes name)
{
    assert(find_topic(offsets, name) == NULL);
    struct group_offsets_topic *topic = group_memory_allocate(memory, sizeof *topic);
    if (topic == NULL)
        return NULL;
    if (!group_memory_copy(memory, &topic->name, name)) {
        group_memory_free(memory, topic, sizeof *topic);
        return NULL;
    }
    map_insert(&offsets->topics, &topic->node, hash_bytes(*offsets->seed, name));
    assert(topic->count == 0);
    return topic;
}

/* --- Extras ----------------------------------------------------------------------------------- */

struct group_offset_extra {
    int64_t expire_ms;
    size_t metadata_size;
    uint8_t metadata[];
};

static bool needs_extra(const struct group_offset *offset)
{
    return offset->metadata.size > 0 || offset->expire_ms != GROUP_OFFSET_NEVER;
}

/* NULL without memory. */
static struct group_offset_extra *create_extra(struct group_memory *memory,
                                               const struct group_offset *offset)
{
    assert(needs_extra(offset));
    struct group_offset_extra *extra =
        group_memory_allocate(memory, sizeof *extra + offset->metadata.size);
    if (extra == NULL)
        return NULL;
    extra->expire_ms = offset->expire_ms;
    extra->metadata_size = offset->metadata.size;
    if (offset->metadata.size > 0)
        memcpy(extra->metadata, offset->metadata.data, offset->metadata.size);
    return extra;
}

static void free_extra(struct group_memory *memory, struct group_offset_extra *extra)
{
    if (extra != NULL)
        group_memory_free(memory, extra, sizeof *extra + extra->metadata_size);
}

static struct group_offset view_of(const struct group_kept_offset *kept)
{
    struct group_offset view = {
        .partition = kept->partition,
        .leader_epoch = kept->leader_epoch,
        .offset = kept->offset,
        .commit_ms = kept->commit_ms,
        .expire_ms = GROUP_OFFSET_NEVER,
    };
    if (kept->extra != NULL) {
        view.expire_ms = kept->extra->expire_ms;
        if (kept->extra->metadata_size > 0)
            view.metadata = bytes_of(kept->extra->metadata, kept->extra->metadata_size);
    }
    return view;
}

/* --- Runs ------------------------------------------------------------------------------------- */

static size_t run_size_bytes(uint32_t capacity)
{
    return sizeof(struct group_offset_run) + capacity * sizeof(struct group_kept_offset);
}

static uint32_t run_index(int32_t partition)
{
    assert(partition >= 0);
    return (uint32_t)partition / GROUP_OFFSETS_RUN_PARTITIONS;
}

/* Where in the run the partition is, or would be. */
static uint32_t run_place(const struct group_offset_run *run, int32_t partition)
{
    uint32_t low = 0;
    uint32_t high = run->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (run->offsets[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == run->count || run->offsets[low].partition >= partition);
    assert(low == 0 || run->offsets[low - 1].partition < partition);
    return low;
}

static bool run_has(const struct group_offset_run *run, uint32_t place, int32_t partition)
{
    return place < run->count && run->offsets[place].partition == partition;
}

static void free_run(struct group_memory *memory, struct group_offset_run *run)
{
    for (uint32_t i = 0; i < run->count; i++)
        free_extra(memory, run->offsets[i].extra);
    group_memory_free(memory, run, run_size_bytes(run->capacity));
}

static void free_topic(struct group_memory *memory, struct group_offsets_topic *topic)
{
    for (uint32_t i = 0; i < topic->run_count; i++)
        if (topic->runs[i] != NULL)
            free_run(memory, topic->runs[i]);
    group_memory_free(memory, topic->runs, topic->run_count * sizeof(*topic->runs));
    group_memory_free_copy(memory, &topic->name);
    group_memory_free(memory, topic, sizeof *topic);
}

static void remove_topic(struct group_offsets *offsets, struct group_memory *memory,
                         struct group_offsets_topic *topic)
{
    assert(offsets->count >= topic->count);
    offsets->count -= topic->count;
    map_remove(&offsets->topics, &topic->node);
    free_topic(memory, topic);
}

void group_offsets_deinit(struct group_offsets *offsets, struct group_memory *memory)
{
    struct map_node *node;
    struct map_node *following;
    map_for_each_safe(node, following, &offsets->topics)
    {
        remove_topic(offsets, memory, container_of(node, struct group_offsets_topic, node));
    }
    assert(offsets->count == 0);
    map_deinit(&offsets->topics);
}

/* Makes sure that there is a place for the run: twice as many as before, if that is enough. */
static bool reach_run(struct group_memory *memory, struct group_offsets_topic *topic,
                      uint32_t index)
{
    if (index < topic->run_count)
        return true;
    uint32_t count = topic->run_count == 0 ? RUNS_FIRST : topic->run_count * 2;
    if (count <= index)
        count = index + 1;
    struct group_offset_run **runs = group_memory_allocate(memory, count * sizeof(*runs));
    if (runs == NULL)
        return false;
    if (topic->run_count > 0)
        memcpy(runs, topic->runs, topic->run_count * sizeof(*runs));
    group_memory_free(memory, topic->runs, topic->run_count * sizeof(*runs));
    topic->runs = runs;
    topic->run_count = count;
    assert(index < topic->run_count);
    return true;
}

/* The run with room for one more; NULL without memory. */
static struct group_offset_run *widen_run(struct group_memory *memory, struct group_offset_run *run)
{
    if (run != NULL && run->count < run->capacity)
        return run;
    uint32_t capacity = run == NULL ? RUN_CAPACITY_FIRST : run->capacity * 2;
    assert(capacity <= GROUP_OFFSETS_RUN_PARTITIONS);
    struct group_offset_run *wider = group_memory_allocate(memory, run_size_bytes(capacity));
    if (wider == NULL)
        return NULL;
    wider->capacity = capacity;
    if (run != NULL) {
        wider->count = run->count;
        memcpy(wider->offsets, run->offsets, run->count * sizeof(run->offsets[0]));
        group_memory_free(memory, run, run_size_bytes(run->capacity));
    }
    assert(wider->count < wider->capacity);
    return wider;
}

/* --- Putting and removing --------------------------------------------------------------------- */

static struct group_kept_offset *find_offset(const struct group_offsets_topic *topic,
                                             int32_t partition)
{
    if (partition < 0 || run_index(partition) >= topic->run_count)
        return NULL;
    struct group_offset_run *run = topic->runs[run_index(partition)];
    if (run == NULL)
        return NULL;
    uint32_t place = run_place(run, partition);
    return run_has(run, place, partition) ? &run->offsets[place] : NULL;
}

/* Room for a partition that has none yet, in its place; NULL without memory. */
static struct group_kept_offset *add_offset(struct group_memory *memory,
                                            struct group_offsets_topic *topic, int32_t partition)
{
    uint32_t index = run_index(partition);
    if (!reach_run(memory, topic, index))
        return NULL;
    struct group_offset_run *run = widen_run(memory, topic->runs[index]);
    if (run == NULL)
        return NULL;
    topic->runs[index] = run;
    uint32_t place = run_place(run, partition);
    assert(!run_has(run, place, partition));
    assert(run->count < run->capacity);
    memmove(&run->offsets[place + 1], &run->offsets[place],
            (run->count - place) * sizeof(run->offsets[0]));
    run->count++;
    topic->count++;
    run->offsets[place] = (struct group_kept_offset){.partition = partition};
    return &run->offsets[place];
}

/* Of the topic as it is now; those of another that had its name are dropped. */
static struct group_offsets_topic *take_topic(struct group_offsets *offsets,
                                              struct group_memory *memory, struct bytes name,
                                              struct uuid id)
{
    struct group_offsets_topic *topic = find_topic(offsets, name);
    bool is_known = topic != NULL && !uuid_is_zero(topic->id) && !uuid_is_zero(id);
    if (is_known && !uuid_equal(topic->id, id)) {
        remove_topic(offsets, memory, topic);
        topic = NULL;
    }
    if (topic == NULL)
        topic = create_topic(offsets, memory, name);
    if (topic != NULL && !uuid_is_zero(id))
        topic->id = id;
    return topic;
}

enum status group_offsets_put(struct group_offsets *offsets, struct group_memory *memory,
                              struct bytes name, struct uuid topic_id,
                              const struct group_offset *offset)
{
    if (offset->partition < 0 || offset->partition >= GROUP_OFFSETS_PARTITIONS_MAX)
        return STATUS_MALFORMED;
    bool has_extra = needs_extra(offset);
    struct group_offset_extra *extra = has_extra ? create_extra(memory, offset) : NULL;
    if (has_extra && extra == NULL)
        return STATUS_NO_MEMORY;
    struct group_offsets_topic *topic = take_topic(offsets, memory, name, topic_id);
    struct group_kept_offset *kept = topic == NULL ? NULL : find_offset(topic, offset->partition);
    if (topic != NULL && kept == NULL) {
        kept = add_offset(memory, topic, offset->partition);
        offsets->count += kept != NULL;
    }
    if (kept == NULL) {
        free_extra(memory, extra);
        if (topic != NULL && topic->count == 0)
            remove_topic(offsets, memory, topic);
        return STATUS_NO_MEMORY;
    }
    assert(kept->partition == offset->partition);
    assert(topic->count > 0);
    assert(offsets->count >= topic->count);
    free_extra(memory, kept->extra);
    *kept = (struct group_kept_offset){
        .partition = offset->partition,
        .leader_epoch = offset->leader_epoch,
        .offset = offset->offset,
        .commit_ms = offset->commit_ms,
        .extra = extra,
    };
    return STATUS_OK;
}

bool group_offsets_remove(struct group_offsets *offsets, struct group_memory *memory,
                          struct bytes name, int32_t partition)
{
    struct group_offsets_topic *topic = find_topic(offsets, name);
    struct group_kept_offset *offset = topic == NULL ? NULL : find_offset(topic, partition);
    if (offset == NULL)
        return false;
    struct group_offset_run *run = topic->runs[run_index(partition)];
    uint32_t place = (uint32_t)(offset - run->offsets);
    assert(place < run->count);
    assert(topic->count >= run->count);
    assert(offsets->count >= topic->count);
    free_extra(memory, offset->extra);
    memmove(offset, offset + 1, (run->count - place - 1) * sizeof *offset);
    run->count--;
    topic->count--;
    offsets->count--;
    if (run->count == 0) {
        topic->runs[run_index(partition)] = NULL;
        free_run(memory, run);
    }
    if (topic->count == 0)
        remove_topic(offsets, memory, topic);
    return true;
}

/* --- Looking ---------------------------------------------------------------------------------- */

bool group_offsets_find(const struct group_offsets *offsets, struct bytes name,
                        struct uuid topic_id, int32_t partition, struct group_offset *found)
{
    const struct group_offsets_topic *topic = find_topic(offsets, name);
    if (topic == NULL)
        return false;
    bool is_known = !uuid_is_zero(topic->id) && !uuid_is_zero(topic_id);
    if (is_known && !uuid_equal(topic->id, topic_id))
        return false;
    const struct group_kept_offset *kept = find_offset(topic, partition);
    if (kept == NULL)
        return false;
    assert(kept->partition == partition);
    *found = view_of(kept);
    return true;
}

bool group_offsets_next(const struct group_offsets_topic *topic, int32_t partition,
                        struct group_offset *found)
{
    assert(partition >= 0);
    for (uint32_t i = run_index(partition); i < topic->run_count; i++) {
        const struct group_offset_run *run = topic->runs[i];
        uint32_t place = run == NULL ? 0 : run_place(run, partition);
        if (run == NULL || place == run->count)
            continue;
        *found = view_of(&run->offsets[place]);
        assert(found->partition >= partition);
        return true;
    }
    return false;
}
