/* A sorted array. There is no better place for a hundred thousand things that are put in once,
 * looked up once each, and never changed. */
#include "storage/store_states.h"

#include "base/assert.h"

#include <stdatomic.h>
#include <stdlib.h>

static int compare_logs(const struct store_state *a, const struct store_state *b)
{
    int order = memcmp(a->topic_id.bytes, b->topic_id.bytes, sizeof a->topic_id.bytes);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int compare(const void *left, const void *right)
{
    const struct store_state *a = left;
    const struct store_state *b = right;
    int order = compare_logs(a, b);
    return order != 0 ? order : (a->version > b->version) - (a->version < b->version);
}

static bool has_room(struct store_states *states)
{
    if (states->count < states->capacity)
        return true;
    size_t capacity = states->capacity == 0 ? 64 : states->capacity * 2;
    struct store_state *grown = realloc(states->states, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    states->states = grown;
    states->capacity = capacity;
    return true;
}

enum status store_states_add(struct store_states *states, const struct store_state *state)
{
    uint8_t *content = malloc(state->content.size + 1);
    if (content == NULL || !has_room(states)) {
        free(content);
        return STATUS_NO_MEMORY;
    }
    memcpy(content, state->content.data, state->content.size);
    struct store_state *added = &states->states[states->count++];
    *added = *state;
    added->content = bytes_of(content, state->content.size);
    if (states->last_version < state->version)
        states->last_version = state->version;
    return STATUS_OK;
}

void store_states_settle(struct store_states *states)
{
    size_t kept = 0;
    if (states->count > 0)
        qsort(states->states, states->count, sizeof *states->states, compare);
    for (size_t i = 0; i < states->count; i++) {
        bool is_newest =
            i + 1 == states->count || compare_logs(&states->states[i], &states->states[i + 1]) != 0;
        if (is_newest)
            states->states[kept++] = states->states[i];
        else
            free((void *)states->states[i].content.data);
    }
    states->count = kept;
}

struct store_state *store_states_find(const struct store_states *states, struct uuid topic_id,
                                      int32_t partition)
{
    struct store_state key = {.topic_id = topic_id, .partition = partition};
    size_t low = 0;
    size_t high = states->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_logs(&states->states[middle], &key);
        if (order == 0)
            return &states->states[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct bytes store_states_take(struct store_states *states, struct store_state *state)
{
    struct bytes content = state->content;
    assert(!bytes_are_null(content));
    state->content = (struct bytes){0};
    atomic_fetch_add(&states->open_count, 1);
    return content;
}

void store_states_drop_removed(struct store_states *states)
{
    size_t kept = 0;
    for (size_t i = 0; i < states->count; i++) {
        if (states->states[i].is_removed)
            free((void *)states->states[i].content.data);
        else
            states->states[kept++] = states->states[i];
    }
    states->count = kept;
}

void store_states_destroy(struct store_states *states)
{
    if (states == NULL)
        return;
    for (size_t i = 0; i < states->count; i++)
        free((void *)states->states[i].content.data);
    free(states->states);
    free(states);
}
