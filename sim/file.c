/* Changes stand in the order in which they completed, each with whole sectors: a power cut decides
 * for each sector of each change alone, and applies what arrived in that order, so the last that
 * arrived wins as it does on a disk. */
#include "sim/file.h"

#include "base/assert.h"
#include "sim/memory.h"

/* Chances are in 256ths. A single power cut uses one chance for all the sectors of a file, so that
 * "nothing arrived", "everything did" and "all but a few" come up as often as an even mixture. */
enum { CHANCE_WHOLE = 256, CHANCE_CUT_OF_SIZES = 48, CHANCE_TORN = 64 };

struct change {
    struct list_node node;
    uint64_t number;
    uint64_t sector; /* the first; none when sector_count is 0 */
    size_t sector_count;
    uint8_t *data; /* whole sectors; NULL: zeros */
    uint64_t size_after_bytes;
};

void file_init(struct file *file)
{
    *file = (struct file){0};
    sparse_init(&file->current);
    sparse_init(&file->durable);
    list_init(&file->changes);
}

static void change_destroy(struct change *change)
{
    list_remove(&change->node);
    free(change->data);
    free(change);
}

static void changes_drop_until(struct file *file, uint64_t mark)
{
    struct change *change;
    struct change *following;
    list_for_each_entry_safe (change, following, &file->changes, node)
        if (change->number <= mark)
            change_destroy(change);
}

void file_deinit(struct file *file)
{
    changes_drop_until(file, file->change_count);
    sparse_deinit(&file->current);
    sparse_deinit(&file->durable);
}

size_t file_read(const struct file *file, uint64_t offset, uint8_t *data, size_t size)
{
    if (offset >= file->current_size_bytes)
        return 0;
    uint64_t remaining = file->current_size_bytes - offset;
    if (size > remaining)
        size = remaining;
    sparse_read(&file->current, offset, data, size);
    return size;
}

/* What holds between any two calls. */
static void file_check(const struct file *file)
{
    uint64_t last = 0;
    uint64_t size_bytes = file->durable_size_bytes;
    const struct change *change;
    list_for_each_entry (change, &file->changes, node) {
        assert(change->number > last);
        assert(change->number <= file->change_count);
        last = change->number;
        size_bytes = change->size_after_bytes;
    }
    assert(list_is_empty(&file->changes) || size_bytes == file->current_size_bytes);
}

static struct change *change_create(struct file *file)
{
    struct change *change = must_allocate(1, sizeof *change);
    change->number = ++file->change_count;
    change->size_after_bytes = file->current_size_bytes;
    list_node_init(&change->node);
    list_push_back(&file->changes, &change->node);
    return change;
}

static bool all_zeros(const uint8_t *data, size_t size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

void file_write(struct file *file, uint64_t offset, const uint8_t *data, size_t size)
{
    assert(size > 0);
    assert(offset + size > offset);
    bool is_zeros = all_zeros(data, size);
    sparse_write(&file->current, offset, is_zeros ? NULL : data, size);
    if (offset + size > file->current_size_bytes)
        file->current_size_bytes = offset + size;

    struct change *change = change_create(file);
    change->sector = offset / SECTOR_SIZE;
    change->sector_count = (offset + size + SECTOR_SIZE - 1) / SECTOR_SIZE - change->sector;
    if (is_zeros && offset % SECTOR_SIZE == 0 && size % SECTOR_SIZE == 0)
        return; /* no need to look at what is around it */
    size_t change_size = change->sector_count * SECTOR_SIZE;
    change->data = must_allocate(change_size, 1);
    sparse_read(&file->current, change->sector * SECTOR_SIZE, change->data, change_size);
    if (all_zeros(change->data, change_size)) {
        free(change->data);
        change->data = NULL;
    }
}

/* One chance for a whole event of loss; none and all are as likely as the mixtures. */
static uint32_t draw_chance(struct prng *prng)
{
    static const uint32_t chances[] = {0, 16, 128, 240, CHANCE_WHOLE};
    return chances[prng_below(prng, sizeof chances / sizeof chances[0])];
}

void file_write_torn(struct file *file, uint64_t offset, const uint8_t *data, size_t size,
                     struct prng *prng)
{
    uint32_t chance = draw_chance(prng);
    while (size > 0) {
        size_t room = SECTOR_SIZE - offset % SECTOR_SIZE;
        size_t part = size < room ? size : room;
        if (prng_chance(prng, chance, CHANCE_WHOLE))
            file_write(file, offset, data, part);
        offset += part;
        data += part;
        size -= part;
    }
}

void file_resize(struct file *file, uint64_t size_bytes)
{
    if (size_bytes < file->current_size_bytes)
        sparse_clear_from(&file->current, size_bytes);
    file->current_size_bytes = size_bytes;
    change_create(file);
}

static void durable_resize(struct file *file, uint64_t size_bytes)
{
    if (size_bytes < file->durable_size_bytes)
        sparse_clear_from(&file->durable, size_bytes);
    file->durable_size_bytes = size_bytes;
}

static void change_apply(const struct change *change, struct sparse *content)
{
    sparse_write(content, change->sector * SECTOR_SIZE, change->data,
                 change->sector_count * SECTOR_SIZE);
}

void file_sync(struct file *file, uint64_t mark)
{
    assert(mark <= file->change_count);
    struct change *change;
    list_for_each_entry (change, &file->changes, node) {
        if (change->number > mark)
            break;
        change_apply(change, &file->durable);
        durable_resize(file, change->size_after_bytes);
    }
    changes_drop_until(file, mark);
    file_check(file);
}

void file_sync_failed(struct file *file, uint64_t mark)
{
    assert(mark <= file->change_count);
    changes_drop_until(file, mark);
}

void file_evict(struct file *file)
{
    sparse_copy(&file->current, &file->durable);
    file->current_size_bytes = file->durable_size_bytes;
    const struct change *change;
    list_for_each_entry (change, &file->changes, node) {
        change_apply(change, &file->current);
        if (change->size_after_bytes < file->current_size_bytes)
            sparse_clear_from(&file->current, change->size_after_bytes);
        file->current_size_bytes = change->size_after_bytes;
    }
    file_check(file);
}

/* How much of this sector of the change reached the medium. */
static size_t sector_arrived(const struct change *change, size_t index, uint32_t chance,
                             struct prng *prng)
{
    assert(index < change->sector_count);
    if (!prng_chance(prng, chance, CHANCE_WHOLE))
        return 0;
    bool is_last = index + 1 == change->sector_count;
    if (is_last && prng_chance(prng, CHANCE_TORN, CHANCE_WHOLE))
        return prng_below(prng, SECTOR_SIZE);
    return SECTOR_SIZE;
}

static void change_arrive(struct file *file, const struct change *change, uint32_t chance,
                          struct prng *prng)
{
    for (size_t i = 0; i < change->sector_count; i++) {
        size_t arrived = sector_arrived(change, i, chance, prng);
        const uint8_t *data = change->data == NULL ? NULL : change->data + i * SECTOR_SIZE;
        sparse_write(&file->durable, (change->sector + i) * SECTOR_SIZE, data, arrived);
    }
}

void file_power_cut(struct file *file, struct prng *prng)
{
    uint32_t chance = draw_chance(prng);
    bool sizes_cut = false; /* no later new size has held */
    uint64_t size_bytes = file->durable_size_bytes;
    const struct change *change;
    list_for_each_entry (change, &file->changes, node) {
        if (change->size_after_bytes != size_bytes && !sizes_cut)
            sizes_cut = prng_chance(prng, CHANCE_CUT_OF_SIZES, CHANCE_WHOLE);
        if (sizes_cut && change->size_after_bytes < size_bytes)
            break;
        size_bytes = change->size_after_bytes;
        if (!sizes_cut)
            durable_resize(file, size_bytes);
        change_arrive(file, change, chance, prng);
    }
    sparse_clear_from(&file->durable, file->durable_size_bytes);
    changes_drop_until(file, file->change_count);
    file_evict(file);
    assert(file->current_size_bytes == file->durable_size_bytes);
}

static void sparse_flip(struct sparse *content, uint64_t offset, uint32_t bit)
{
    uint8_t byte;
    sparse_read(content, offset, &byte, 1);
    byte ^= (uint8_t)(1u << bit);
    sparse_write(content, offset, &byte, 1);
}

void file_flip_bit(struct file *file, uint64_t offset, uint32_t bit)
{
    assert(offset < file->durable_size_bytes);
    assert(bit < 8);
    sparse_flip(&file->durable, offset, bit);
    if (offset < file->current_size_bytes)
        sparse_flip(&file->current, offset, bit);
}
