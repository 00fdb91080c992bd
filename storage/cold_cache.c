/* A sorted array for each log, and two lists for the store by which to evict. */
#include "storage/cold_block.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/store_struct.h"

#include <stdlib.h>
#include <string.h>

/* --- Finding ---------------------------------------------------------------------------------- */

/* How many blocks begin at or before `offset`. */
static uint32_t count_until(const struct cold_blocks *blocks, int64_t offset)
{
    uint32_t low = 0;
    uint32_t high = blocks->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (blocks->items[middle]->base_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last one that ends at or before `offset`; or NULL. */
static const struct cold_block *block_before(const struct log *log, int64_t offset)
{
    uint32_t count = count_until(&log->blocks, offset);
    if (count > 0 && log->blocks.items[count - 1]->next_offset > offset)
        count--;
    return count == 0 ? NULL : log->blocks.items[count - 1];
}

static bool is_in(const struct cold_place *place, const struct segment *segment)
{
    return place->is_known && place->segment_base_offset == segment->base_offset &&
           place->segment_generation == segment->generation;
}

/* The block's beginning, or its end where its only reader is there. */
static struct cold_place place_of(const struct cold_block *block, bool is_end)
{
    return (struct cold_place){
        .is_known = true,
        .segment_generation = block->segment->generation,
        .segment_base_offset = block->segment->base_offset,
        .position = block->position + (is_end ? block->size_bytes : 0),
        .from = is_end ? block->next_offset : block->base_offset,
        .end_position = block->position + block->size_bytes,
        .to = block->next_offset,
    };
}

static bool are_near(const struct cold_place *first, const struct cold_place *second)
{
    return first->to == second->from && second->end_position - first->position <= COLD_STEP_MAX;
}

/* A reader in the middle of a block that goes may lose the next one, too, before he reads on. */
static void note_place(struct log *log, const struct cold_block *block)
{
    struct cold_place place = place_of(block, block->is_read_through);
    struct cold_place *gone = &log->blocks.gone;
    bool is_same_segment = is_in(gone, block->segment);
    if (is_same_segment && gone->from <= place.from && place.to <= gone->to)
        return;
    if (is_same_segment && are_near(gone, &place)) {
        gone->end_position = place.end_position;
        gone->to = place.to;
        return;
    }
    if (is_same_segment && are_near(&place, gone)) {
        place.end_position = gone->end_position;
        place.to = gone->to;
    }
    *gone = place;
}

bool cold_block_place(const struct log *log, const struct segment *segment, int64_t offset,
                      struct cold_place *place)
{
    const struct cold_block *before = block_before(log, offset);
    const struct cold_place *gone = &log->blocks.gone;
    if (before != NULL && before->segment == segment && before->next_offset == offset) {
        *place = place_of(before, true);
        return true;
    }
    if (!is_in(gone, segment) || offset < gone->from || offset > gone->to)
        return false;
    *place = *gone;
    return true;
}

bool cold_block_has(const struct log *log, int64_t offset)
{
    uint32_t count = count_until(&log->blocks, offset);
    return count > 0 && log->blocks.items[count - 1]->next_offset > offset;
}

/* Wanted again by another than the first who read it through: worth keeping. */
static void note_use(struct cold_block *block)
{
    struct store *store = block->log->store;
    if (block->chunk == NULL) {
        list_remove(&block->lru_node);
        list_push_back(&store->paged, &block->lru_node);
        return;
    }
    if (block->is_read_through && !block->is_kept) {
        block->is_kept = true;
        store->cold_kept_bytes += block->chunk->capacity_bytes;
    }
    list_remove(&block->lru_node);
    list_push_back(block->is_kept ? &store->cold_kept : &store->cold, &block->lru_node);
}

struct cold_block *cold_block_find(struct log *log, int64_t offset)
{
    if (!cold_block_has(log, offset))
        return NULL;
    struct cold_block *block = log->blocks.items[count_until(&log->blocks, offset) - 1];
    note_use(block);
    return block;
}

void cold_block_pass(struct cold_block *block)
{
    struct store *store = block->log->store;
    block->is_read_through = true;
    if (block->is_kept || block->chunk == NULL)
        return;
    list_remove(&block->lru_node);
    list_push_front(&store->cold, &block->lru_node);
}

/* --- Going ------------------------------------------------------------------------------------ */

static void give_chunk_back(struct cold_block *block)
{
    struct store *store = block->log->store;
    size_t bytes = block->chunk->capacity_bytes;
    assert(store->cold_bytes >= bytes);
    assert(!block->is_kept || store->cold_kept_bytes >= bytes);
    store->cold_bytes -= bytes;
    store->cold_kept_bytes -= block->is_kept ? bytes : 0;
    chunk_release(block->chunk, store->io);
}

static void drop_at(struct log *log, uint32_t index)
{
    struct cold_blocks *blocks = &log->blocks;
    struct cold_block *block = blocks->items[index];
    assert(index < blocks->count);
    memmove(&blocks->items[index], &blocks->items[index + 1],
            (--blocks->count - index) * sizeof(struct cold_block *));
    if (blocks->count == 0) {
        free(blocks->items);
        *blocks = (struct cold_blocks){.gone = blocks->gone};
    }
    list_remove(&block->lru_node);
    if (block->chunk != NULL)
        give_chunk_back(block);
    else
        paged_give_back(block);
    segment_release(block->segment);
    free(block);
}

static void drop(struct cold_block *block)
{
    uint32_t count = count_until(&block->log->blocks, block->base_offset);
    assert(block->log->blocks.items[count - 1] == block);
    drop_at(block->log, count - 1);
}

/* The caches' bound is for tails; beside it. */
static size_t bytes_max(const struct store *store)
{
    return store->options.cache_bytes_max / 2;
}

/* So that a few readers find room for what they read and what comes next. */
void cold_step_init(struct store *store)
{
    uint32_t step = COLD_STEP_MAX;
    while (step > COLD_BLOCK_SIZE && step > bytes_max(store) / 8)
        step /= 2;
    store->cold_step_max_bytes = step;
    store->cold_step_bytes = step;
}

/* What was read in vain will be read again: there are more readers than the bound has room for, at
 * steps as large as these. Rather than in small ones they then get nothing ahead, but all they ask
 * for when they do. */
static void note_waste(struct store *store)
{
    store->cold_calm_count = 0;
    store->cold_step_bytes =
        store->cold_step_bytes > COLD_STEP_MIN ? store->cold_step_bytes / 2 : 0;
}

static void note_calm(struct store *store)
{
    if (++store->cold_calm_count < COLD_STEP_CALM)
        return;
    store->cold_calm_count = 0;
    uint32_t step = store->cold_step_bytes == 0 ? COLD_STEP_MIN : store->cold_step_bytes * 2;
    uint32_t step_max = store->cold_step_max_bytes;
    store->cold_step_bytes = step < step_max ? step : step_max;
}

/* What is kept may fill half of the room; beyond that the oldest of it goes like any other. */
bool cold_evict(struct store *store)
{
    bool too_many_kept = store->cold_kept_bytes * 2 > store->cold_bytes;
    struct list_node *node = list_first(too_many_kept ? &store->cold_kept : &store->cold);
    if (node == NULL)
        node = list_first(&store->cold_kept);
    if (node == NULL)
        return false;
    struct cold_block *block = container_of(node, struct cold_block, lru_node);
    if (block->is_read_through)
        paged_note(block);
    else
        note_waste(store);
    note_place(block->log, block);
    drop(block);
    return true;
}

void cold_block_forget(struct cold_block *block)
{
    assert(block->chunk == NULL);
    drop(block);
}

void cold_trim(struct store *store)
{
    while (store->cold_bytes > bytes_max(store) && cold_evict(store))
        ;
}

void cold_blocks_drop(struct log *log, const struct segment *segment)
{
    for (uint32_t i = log->blocks.count; i > 0; i--) {
        if (segment == NULL || log->blocks.items[i - 1]->segment == segment)
            drop_at(log, i - 1);
    }
    if (segment == NULL || is_in(&log->blocks.gone, segment))
        log->blocks.gone = (struct cold_place){0};
}

/* --- Coming ----------------------------------------------------------------------------------- */

static bool has_room(struct cold_blocks *blocks)
{
    if (blocks->count < blocks->capacity)
        return true;
    uint32_t capacity = blocks->capacity == 0 ? 4 : blocks->capacity * 2;
    struct cold_block **items = realloc(blocks->items, capacity * sizeof(struct cold_block *));
    if (items == NULL)
        return false;
    blocks->items = items;
    blocks->capacity = capacity;
    return true;
}

/* Two loads may have read the same: the newer takes the place of the older. */
static void make_way(struct log *log, const struct cold_block *block)
{
    uint32_t last = count_until(&log->blocks, block->next_offset - 1);
    while (last > 0 && log->blocks.items[last - 1]->next_offset > block->base_offset)
        drop_at(log, --last);
}

bool cold_block_add(const struct cold_block *given)
{
    struct log *log = given->log;
    struct store *store = log->store;
    struct cold_blocks *blocks = &log->blocks;
    assert(given->base_offset < given->next_offset);
    assert(given->size_bytes % FRAME_ALIGNMENT == 0);
    make_way(log, given);
    struct cold_block *block = has_room(blocks) ? malloc(sizeof *block) : NULL;
    if (block == NULL)
        return false;
    *block = *given;
    segment_retain(block->segment);
    uint32_t index = count_until(blocks, block->base_offset);
    memmove(&blocks->items[index + 1], &blocks->items[index],
            (blocks->count - index) * sizeof(struct cold_block *));
    blocks->items[index] = block;
    blocks->count++;
    list_node_init(&block->lru_node);
    list_push_back(block->chunk != NULL ? &store->cold : &store->paged, &block->lru_node);
    if (block->chunk != NULL) {
        store->cold_bytes += block->chunk->capacity_bytes;
        note_calm(store);
    }
    return true;
}
