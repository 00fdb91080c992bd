/* A list of aborted transactions. Pure. All zeros: empty. */
#ifndef TAILRACE_STORAGE_ABORTED_LIST_H
#define TAILRACE_STORAGE_ABORTED_LIST_H

#include "storage/transaction_core.h"

#include <stddef.h>

struct aborted_list {
    struct aborted_transaction *entries;
    uint32_t count;
    uint32_t capacity;
};

void aborted_list_deinit(struct aborted_list *list);

/* Adds one at the end; false without memory. */
bool aborted_list_push(struct aborted_list *list, const struct aborted_transaction *aborted);

/* Adds to `to` those that have something in [from, end); false without memory. */
bool aborted_list_select(const struct aborted_list *list, int64_t from, int64_t end,
                         struct aborted_list *to);

/* By first offset, which is the order that readers of the list rely on. */
void aborted_list_sort(struct aborted_list *list);

/* Where the earliest of them begins; -1: the list is empty. */
int64_t aborted_list_begin(const struct aborted_list *list);

static inline size_t aborted_list_bytes(const struct aborted_list *list)
{
    return list->capacity * sizeof list->entries[0];
}

#endif
