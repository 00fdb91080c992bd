#include "cli/verify_index.h"

#include "base/assert.h"

static void fail(struct verify_index *check, uint64_t position, const char *what)
{
    if (check->what != NULL)
        return;
    check->what = what;
    check->position = position;
}

void verify_index_open(struct verify_index *check, const char *path,
                       const struct frame_place *place)
{
    struct file_window window;
    *check = (struct verify_index){0};
    enum status status = file_window_open(&window, path);
    if (status == STATUS_NOT_FOUND)
        return;
    if (status == STATUS_OK) {
        struct bytes content = file_window_at(&window, 0, INDEX_FILE_BYTES_MAX);
        status = index_file_decode(content, place, &check->index, &check->covered_bytes);
        file_window_close(&window);
    }
    if (status != STATUS_OK)
        fail(check, 0, "the index is damaged; a broker makes it anew");
}

void verify_index_close(struct verify_index *check)
{
    frame_index_deinit(&check->index);
}

/* The entry that speaks of this frame: the last at or before it. NULL: none does. */
static const struct index_entry *entry_of(struct verify_index *check, uint64_t position)
{
    const struct frame_index *index = &check->index;
    while (check->next < index->count && index->entries[check->next].position <= position)
        check->next++;
    return check->next > 0 ? &index->entries[check->next - 1] : NULL;
}

static void take_frame(struct verify_index *check, const struct segment_piece *piece)
{
    uint32_t before = check->next;
    const struct index_entry *entry = entry_of(check, piece->position);
    if (entry == NULL)
        return;
    bool is_new = check->next != before;
    bool points_here =
        entry->position == piece->position && entry->base_offset == piece->header.base_offset;
    if (is_new && (check->next - before > 1 || !points_here) && !check->is_untested)
        fail(check, entry->position, "the index points at no frame; a broker makes it anew");
    if (entry->max_timestamp_ms < piece->header.max_timestamp_ms)
        fail(check, entry->position, "the index leaves out a timestamp; a broker makes it anew");
    check->is_untested = false;
}

/* Entries that point into damage were right once. */
void verify_index_take(struct verify_index *check, const struct segment_piece *piece)
{
    assert(piece->position % FRAME_ALIGNMENT == 0);
    if (check->index.count == 0 || piece->position >= check->covered_bytes)
        return;
    if (piece->kind == PIECE_FRAME)
        take_frame(check, piece);
    else
        check->is_untested = true;
}
