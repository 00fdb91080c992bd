#include "storage/cold_turn.h"

#include "base/assert.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

bool cold_someone_appends(const struct store *store)
{
    uint64_t appended_ns = atomic_load_explicit(&store->states->appended_ns, memory_order_relaxed);
    return appended_ns != 0 && io_now_ns(store->io) < appended_ns + COLD_COURTESY_NS;
}

static bool may_read(const struct store *store)
{
    uint32_t count_max = cold_someone_appends(store) ? 1 : COLD_READS_MAX;
    return store->cold_reading_count < count_max;
}

void cold_turn_init(struct cold_turn *turn, void (*landed)(struct completion *, int32_t result))
{
    completion_init(&turn->completion, landed);
    list_node_init(&turn->node);
    turn->is_given = false;
}

static void give(struct store *store, struct cold_turn *turn)
{
    assert(!turn->is_given);
    assert(!list_node_is_linked(&turn->node));
    assert(store->cold_reading_count < COLD_READS_MAX);
    store->cold_reading_count++;
    turn->is_given = true;
}

bool cold_turn_take(struct store *store, struct cold_turn *turn)
{
    if (turn->is_given)
        return true;
    if (may_read(store)) {
        give(store, turn);
        return true;
    }
    list_push_back(&store->cold_turns, &turn->node);
    return false;
}

void cold_turn_end(struct store *store, struct cold_turn *turn)
{
    if (!turn->is_given)
        return;
    turn->is_given = false;
    assert(store->cold_reading_count > 0);
    store->cold_reading_count--;
    while (may_read(store) && !list_is_empty(&store->cold_turns)) {
        struct cold_turn *next =
            container_of(list_pop_front(&store->cold_turns), struct cold_turn, node);
        give(store, next);
        io_land(store->io, &next->completion, STATUS_OK);
    }
}

void cold_turn_drop(struct cold_turn *turn)
{
    list_remove(&turn->node);
}
