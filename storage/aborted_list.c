/* Kept in the order of markers, or sorted by first offset for readers. */
#include "storage/aborted_list.h"

#include "base/assert.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 8 };

void aborted_list_deinit(struct aborted_list *list)
{
    free(list->entries);
    *list = (struct aborted_list){0};
}

bool aborted_list_push(struct aborted_list *list, const struct aborted_transaction *aborted)
{
    assert(aborted->first_offset < aborted->last_offset);
    assert(list->count <= list->capacity);
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? CAPACITY_MIN : list->capacity * 2;
        struct aborted_transaction *entries = realloc(list->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        list->entries = entries;
        list->capacity = capacity;
    }
    list->entries[list->count++] = *aborted;
    return true;
}

bool aborted_list_select(const struct aborted_list *list, int64_t from, int64_t end,
                         struct aborted_list *to)
{
    assert(list != to);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct aborted_transaction *aborted = &list->entries[i];
        bool overlaps = aborted->first_offset < end && aborted->last_offset >= from;
        if (overlaps && !aborted_list_push(to, aborted))
            return false;
    }
    return true;
}

static int by_first_offset(const void *a, const void *b)
{
    const struct aborted_transaction *left = a;
    const struct aborted_transaction *right = b;
    return (left->first_offset > right->first_offset) - (left->first_offset < right->first_offset);
}

void aborted_list_sort(struct aborted_list *list)
{
    if (list->count > 1)
        qsort(list->entries, list->count, sizeof list->entries[0], by_first_offset);
}

int64_t aborted_list_begin(const struct aborted_list *list)
{
    int64_t begin = -1;
    for (uint32_t i = 0; i < list->count; i++) {
        if (begin < 0 || list->entries[i].first_offset < begin)
            begin = list->entries[i].first_offset;
    }
    return begin;
}
