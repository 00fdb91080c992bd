#include "storage/flush_turn.h"

#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

bool log_has_written_direct(const struct log *log)
{
    const struct list_node *node = list_first(&log->directs);
    return node != NULL &&
           container_of(node, struct memory_frame, direct_node)->state == FRAME_WRITTEN;
}

/* Where more logs wait than are written at once, each has gathered all that it will until its turn
 * comes. */
static uint32_t durable_rounds_max(const struct store *store)
{
    return list_is_empty(&store->awaited_queue) ? DURABLE_ROUNDS_MAX : CROWDED_ROUNDS_MAX;
}

bool flush_take_turn(struct flush *flush)
{
    struct store *store = flush->store;
    if (flush->has_turn)
        return true;
    if (!list_is_empty(&store->round_turns) ||
        store->durable_round_count >= durable_rounds_max(store))
        return false;
    store->durable_round_count++;
    flush->has_turn = true;
    return true;
}

/* To those who have waited longest. */
static void hand_out_turns(struct store *store)
{
    struct list_node *node;
    while (store->durable_round_count < durable_rounds_max(store) &&
           (node = list_pop_front(&store->round_turns)) != NULL) {
        struct flush *next = container_of(node, struct flush, node);
        store->durable_round_count++;
        next->has_turn = true;
        io_land(store->io, &next->turn, STATUS_OK);
    }
}

void flush_await_turn(struct flush *flush)
{
    assert(!flush->has_turn);
    list_push_back(&flush->store->round_turns, &flush->node);
    hand_out_turns(flush->store);
}

void flush_give_turn(struct flush *flush)
{
    struct store *store = flush->store;
    if (!flush->has_turn)
        return;
    assert(store->durable_round_count > 0);
    flush->has_turn = false;
    flush->turn_round_count = 0;
    store->durable_round_count--;
    hand_out_turns(store);
}

void flush_note_turn_used(struct flush *flush)
{
    if (!flush->has_turn)
        return;
    flush->turn_round_count++;
    if (flush->turn_round_count >= FLUSH_TURN_ROUNDS && !flush->round.is_under_way &&
        !log_has_written_direct(flush->log))
        flush_give_turn(flush);
}
