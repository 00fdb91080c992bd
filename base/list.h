/* An intrusive, circular, doubly linked list: the node lives in what is listed, so joining and
 * leaving never allocate. A node that is on no list points at itself. */
#ifndef TAILRACE_BASE_LIST_H
#define TAILRACE_BASE_LIST_H

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>

/* The struct that holds `member` at the address `pointer`. The one cast that embedding needs. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

static inline void list_node_init(struct list_node *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool list_node_is_linked(const struct list_node *node)
{
    return node->next != node;
}

static inline void list_init(struct list *list)
{
    list_node_init(&list->head);
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    assert(position->prev->next == position);
    node->prev = position->prev;
    node->next = position;
    position->prev->next = node;
    position->prev = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_before(&list->head, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_before(list->head.next, node);
}

/* Takes the node off whatever list it is on; does nothing to one that is on none. Neighbours that
 * do not know the node are a list that somebody wrote over, or a node that was never initialised.
 */
static inline void list_remove(struct list_node *node)
{
    assert(node->prev->next == node);
    assert(node->next->prev == node);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_node_init(node);
}

/* The first node, or NULL from an empty list. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.prev;
}

static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL)
        list_remove(node);
    return node;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_append(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    struct list_node *first = from->head.next;
    struct list_node *last = from->head.prev;
    first->prev = to->head.prev;
    to->head.prev->next = first;
    last->next = &to->head;
    to->head.prev = last;
    list_init(from);
}

/* The body must not remove `entry`; use the _safe form for that. */
#define list_for_each_entry(entry, list, member)                                                   \
    for (entry = container_of((list)->head.next, __typeof__(*entry), member);                      \
         &entry->member != &(list)->head;                                                          \
         entry = container_of(entry->member.next, __typeof__(*entry), member))

/* The body may remove `entry`, and nothing else. */
#define list_for_each_entry_safe(entry, following, list, member)                                   \
    for (entry = container_of((list)->head.next, __typeof__(*entry), member),                      \
        following = container_of(entry->member.next, __typeof__(*entry), member);                  \
         &entry->member != &(list)->head; entry = following,                                       \
        following = container_of(entry->member.next, __typeof__(*entry), member))

#endif
