/* A sorted array, walked from the new end, where nearly all questions are answered. */
#include "storage/epoch_core.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void epoch_core_init(struct epoch_core *core)
{
    *core = (struct epoch_core){0};
}

void epoch_core_deinit(struct epoch_core *core)
{
    free(core->entries);
    *core = (struct epoch_core){0};
}

bool epoch_core_reserve(struct epoch_core *core)
{
    assert(core->count <= core->capacity);
    if (core->count < core->capacity)
        return true;
    uint32_t capacity = core->capacity == 0 ? 2 : core->capacity * 2;
    struct epoch_entry *entries = realloc(core->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    core->entries = entries;
    core->capacity = capacity;
    assert(core->count < core->capacity);
    return true;
}

void epoch_core_note(struct epoch_core *core, int32_t epoch, int64_t offset)
{
    assert(core->count < core->capacity);
    assert(offset >= 0);
    assert(core->count == 0 || offset >= core->entries[core->count - 1].start_offset);
    if (core->count > 0 && epoch <= core->entries[core->count - 1].epoch)
        return;
    assert(core->count == 0 || offset > core->entries[core->count - 1].start_offset);
    core->entries[core->count++] = (struct epoch_entry){epoch, offset};
}

void epoch_core_forget(struct epoch_core *core, int64_t start_offset)
{
    assert(start_offset >= 0);
    int32_t last_epoch = epoch_core_last(core);
    uint32_t count = 0;
    while (count + 1 < core->count && core->entries[count + 1].start_offset <= start_offset)
        count++;
    core->count -= count;
    if (count > 0)
        memmove(core->entries, core->entries + count, core->count * sizeof core->entries[0]);
    assert(core->count < 2 || core->entries[1].start_offset > start_offset);
    /* The newest epoch stays known, also of a log that is empty now. */
    assert(epoch_core_last(core) == last_epoch);
}

int32_t epoch_core_last(const struct epoch_core *core)
{
    return core->count == 0 ? -1 : core->entries[core->count - 1].epoch;
}

/* The number of entries whose key is at most what is asked for; the one before that is the answer.
 * Lists are short (one entry for each change of leader), so they are walked from the new end. */
static uint32_t count_up_to_epoch(const struct epoch_core *core, int32_t epoch)
{
    uint32_t count = core->count;
    while (count > 0 && core->entries[count - 1].epoch > epoch)
        count--;
    assert(count == core->count || core->entries[count].epoch > epoch);
    return count;
}

bool epoch_core_end(const struct epoch_core *core, int32_t epoch, int64_t log_end_offset,
                    int32_t *found_epoch, int64_t *end_offset)
{
    assert(core->count <= core->capacity);
    uint32_t count = count_up_to_epoch(core, epoch);
    if (count == 0)
        return false;
    *found_epoch = core->entries[count - 1].epoch;
    assert(*found_epoch <= epoch);
    *end_offset = count == core->count ? log_end_offset : core->entries[count].start_offset;
    assert(*end_offset > core->entries[count - 1].start_offset);
    assert(*end_offset <= log_end_offset);
    return true;
}

int32_t epoch_core_at(const struct epoch_core *core, int64_t offset)
{
    assert(offset >= 0);
    uint32_t count = core->count;
    while (count > 0 && core->entries[count - 1].start_offset > offset)
        count--;
    assert(count == core->count || core->entries[count].start_offset > offset);
    return count == 0 ? -1 : core->entries[count - 1].epoch;
}
