/* The choice is 2Q's: what comes a second time while its name is still remembered (ghost_core.h) is
 * kept among what comes often. */
#include "storage/paged.h"

#include "base/assert.h"
#include "base/hash.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

#include <stdatomic.h>
#include <stdlib.h>

struct paged_file {
    struct list_node node; /* store->paged_files */
    _Atomic uint32_t reference_count;
    atomic_bool is_doubted;
    struct completion home; /* the mail of the last release, from another core */
    struct store *store;
    struct segment *segment; /* held by the blocks; NULL: there are none, it is only being sent */
    struct cold_use use;
    uint32_t block_count; /* that together hold one reference */
};

/* --- Which blocks ----------------------------------------------------------------------------- */

/* Where blocks begin depends on their readers, so names are given to pieces of a fixed size: to
 * those that begin in a block. The one in which a block begins, if it began before, is the block's
 * before that, and that one may have gone when this was never wanted yet. */
static uint64_t first_piece(uint64_t position)
{
    return (position + COLD_BLOCK_SIZE - 1) / COLD_BLOCK_SIZE;
}

static uint64_t name_of(const struct frame_place *place, uint64_t piece)
{
    struct {
        struct uuid topic_id;
        int64_t base_offset;
        uint64_t piece;
        int32_t partition;
        uint32_t generation;
    } words = {place->topic_id, place->segment_base_offset, piece, place->partition,
               place->segment_generation};
    _Static_assert(sizeof words == 40, "a hash of bytes is a hash of their padding, too");
    return hash_bytes((struct hash_seed){{0, 0}}, bytes_of(&words, sizeof words));
}

static bool has_large_frames(const struct cold_block *block)
{
    assert(block->frame_count > 0);
    return block->size_bytes / block->frame_count >= PAGED_FRAME_SIZE_MIN;
}

/* A lack of memory for the names means that nothing is paged. */
void paged_note(const struct cold_block *block)
{
    struct store *store = block->log->store;
    struct frame_place place = log_frame_place(block->log, block->segment);
    uint64_t end = block->position + block->size_bytes;
    if (!has_large_frames(block))
        return;
    if (store->ghost == NULL)
        store->ghost = calloc(1, sizeof *store->ghost);
    if (store->ghost == NULL)
        return;
    for (uint64_t piece = first_piece(block->position); piece * COLD_BLOCK_SIZE < end; piece++)
        ghost_core_note(store->ghost, name_of(&place, piece));
}

bool paged_is_worth(struct log *log, const struct segment *segment, uint64_t position)
{
    const struct ghost_core *ghost = log->store->ghost;
    struct frame_place place = log_frame_place(log, segment);
    if (segment->paged != NULL && paged_file_is_doubted(segment->paged))
        return false;
    return ghost != NULL && ghost_core_has(ghost, name_of(&place, first_piece(position)));
}

/* --- Their files ------------------------------------------------------------------------------ */

/* On the store's core. A stop may have waited for who sent from the file. */
static void end(struct paged_file *file)
{
    struct store *store = file->store;
    assert(atomic_load(&file->reference_count) == 0);
    assert(file->block_count == 0);
    assert(file->segment == NULL);
    if (file->use.file != NULL)
        cold_file_release(&file->use);
    list_remove(&file->node);
    free(file);
    store_progressed(store);
}

static void came_home(struct completion *home, int32_t result)
{
    assert(result == STATUS_OK);
    end(container_of(home, struct paged_file, home));
}

/* By whoever has found a block of it, and so on the store's core, while the blocks hold it. */
struct paged_file *paged_file_retain(struct paged_file *file)
{
    assert(file->block_count > 0);
    uint32_t before = atomic_fetch_add_explicit(&file->reference_count, 1, memory_order_relaxed);
    assert(before > 0);
    return file;
}

void paged_file_release(struct paged_file *file, struct io *io)
{
    uint32_t before = atomic_fetch_sub_explicit(&file->reference_count, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    if (file->store->io == io)
        end(file);
    else
        io_post(io, io_core_index(file->store->io), &file->home, STATUS_OK);
}

int32_t paged_file_handle(const struct paged_file *file)
{
    return cold_file_handle(&file->use);
}

void paged_file_doubt(struct paged_file *file)
{
    assert(atomic_load(&file->reference_count) > 0);
    atomic_store(&file->is_doubted, true);
}

bool paged_file_is_doubted(const struct paged_file *file)
{
    return atomic_load(&file->is_doubted);
}

void paged_files_drop(struct store *store)
{
    struct paged_file *file;
    list_for_each_entry (file, &store->paged_files, node)
        file->use.file = NULL;
}

/* With one reference, which its blocks have together. */
static struct paged_file *make_file(struct store *store, struct segment *segment,
                                    struct cold_use *use)
{
    struct paged_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    atomic_init(&file->reference_count, 1);
    atomic_init(&file->is_doubted, false);
    completion_init(&file->home, came_home);
    file->store = store;
    file->segment = segment;
    file->use.file = use->file;
    use->file = NULL;
    list_node_init(&file->use.node);
    list_node_init(&file->node);
    list_push_back(&store->paged_files, &file->node);
    store->paged_file_count++;
    segment->paged = file;
    return file;
}

static void leave_file(struct paged_file *file)
{
    struct store *store = file->store;
    assert(file->segment->paged == file);
    assert(file->block_count > 0);
    if (--file->block_count > 0)
        return;
    assert(store->paged_file_count > 0);
    store->paged_file_count--;
    file->segment->paged = NULL;
    file->segment = NULL;
    paged_file_release(file, store->io);
}

/* --- Coming and going ------------------------------------------------------------------------- */

static size_t table_bytes(const struct cold_block *block)
{
    return sizeof *block + block->frame_count * sizeof block->frames[0];
}

static struct paged_frame *make_frames(const struct cold_block *block)
{
    struct paged_frame *frames = calloc(block->frame_count, sizeof *frames);
    const uint8_t *data = block->chunk->data + block->data_at;
    uint64_t position = 0;
    for (uint32_t i = 0; frames != NULL && i < block->frame_count; i++) {
        struct frame_header header;
        memcpy(&header, data + position, sizeof header);
        assert(header.magic == FRAME_MAGIC);
        frames[i] = (struct paged_frame){
            .base_offset = header.base_offset,
            .next_offset = header.last_offset + 1,
            .payload_position = block->position + position + FRAME_HEADER_SIZE,
            .payload_size = header.payload_size,
        };
        position += frame_stored_size(header.payload_size);
    }
    assert(frames == NULL || position == block->size_bytes);
    return frames;
}

static void forget_oldest(struct store *store)
{
    struct list_node *node = list_first(&store->paged);
    assert(node != NULL);
    cold_block_forget(container_of(node, struct cold_block, lru_node));
}

static void trim(struct store *store)
{
    while (store->paged_table_bytes > PAGED_TABLE_BYTES_MAX ||
           store->paged_file_count > store->options.open_files_max / 2 + 1)
        forget_oldest(store);
}

bool paged_keep(const struct cold_block *block, struct cold_use *use)
{
    struct store *store = block->log->store;
    struct segment *segment = block->segment;
    if (!has_large_frames(block))
        return false;
    struct cold_block paged = *block;
    paged.chunk = NULL;
    paged.frames = make_frames(block);
    if (paged.frames == NULL)
        return false;
    paged.file = segment->paged != NULL ? segment->paged : make_file(store, segment, use);
    if (paged.file == NULL) {
        free(paged.frames);
        return false;
    }
    paged.file->block_count++;
    store->paged_table_bytes += table_bytes(&paged);
    if (!cold_block_add(&paged)) {
        paged_give_back(&paged);
        return false;
    }
    trim(store);
    return true;
}

void paged_give_back(struct cold_block *block)
{
    struct store *store = block->log->store;
    assert(block->chunk == NULL);
    assert(store->paged_table_bytes >= table_bytes(block));
    store->paged_table_bytes -= table_bytes(block);
    leave_file(block->file);
    free(block->frames);
}

void paged_drop_all(struct store *store)
{
    while (!list_is_empty(&store->paged))
        forget_oldest(store);
}
