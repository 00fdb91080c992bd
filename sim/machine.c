/* Each node's clock runs a little faster or slower than the world's, and began somewhere else:
 * whoever compares two machines' times is found out. */
#include "sim/machine.h"

#include "base/assert.h"
#include "sim/memory.h"

enum { PPM = 1000000, HANDLE_CAPACITY_START = 64 };

uint64_t node_clock_ns(const struct node *node)
{
    uint64_t now_ns = world_now_ns(node->world);
    __int128 drift_ns = (__int128)now_ns * node->clock_drift_ppm / PPM;
    return node->clock_base_ns + now_ns + (uint64_t)drift_ns;
}

uint64_t node_time_of_clock(const struct node *node, uint64_t clock_ns)
{
    if (clock_ns <= node->clock_base_ns)
        return 0;
    __int128 time_ns =
        (__int128)(clock_ns - node->clock_base_ns) * PPM / (PPM + node->clock_drift_ppm) + 1;
    return time_ns > INT64_MAX ? INT64_MAX : (uint64_t)time_ns;
}

void node_doom(struct node *node, enum death death)
{
    assert(death != DEATH_NONE);
    if (!node->is_running)
        return;
    for (uint32_t i = 0; node->cores != NULL && i < node->core_count; i++)
        assert(!node->cores[i].is_polled); /* sim/node.h: let the world take its course instead */
    node_note(node, "death", death);
    node->is_running = false;
    node->last_death = death;
    event_schedule_first(&node->world->queue, &node->burial);
}

void node_note(struct node *node, const char *event, int64_t number)
{
    trace_note(&node->world->trace, node->name, event, number);
}

bool node_draw(struct node *node, uint32_t chance)
{
    return chance > 0 && prng_chance(&node->prng, chance, CHANCE_ALWAYS);
}

enum planned_effect node_count_operation(struct node *node, enum io_kind kind)
{
    assert(node->is_running);
    enum planned_effect effect = PLAN_NONE;
    node->file_operation_count++;
    for (uint32_t i = 0; i < node->plan_count; i++) {
        struct plan *plan = &node->plans[i];
        if ((plan->fault.kinds & 1u << kind) && ++plan->seen_count == plan->fault.nth)
            effect = plan->fault.effect;
    }
    if (effect != PLAN_NONE)
        node_note(node, "planned fault", effect);
    if (effect == PLAN_POWER_CUT)
        node_doom(node, DEATH_POWER_CUT);
    else if (effect == PLAN_KILL)
        node_doom(node, DEATH_KILL);
    return effect;
}

int32_t node_open_handle(struct node *node, struct handle handle)
{
    assert(handle.kind != HANDLE_CLOSED);
    assert(node->open_count <= node->handle_count);
    uint32_t limit = node->world->faults.disk.handle_count_max;
    if (limit > 0 && node->open_count >= limit)
        return STATUS_NO_FILES;
    if (node->handle_count == node->handle_capacity) {
        uint32_t capacity =
            node->handle_capacity == 0 ? HANDLE_CAPACITY_START : node->handle_capacity * 2;
        node->handles =
            must_grow(node->handles, node->handle_capacity, capacity, sizeof node->handles[0]);
        node->handle_capacity = capacity;
    }
    node->handles[node->handle_count] = handle;
    node->open_count++;
    return (int32_t)node->handle_count++;
}

struct handle *node_handle(struct node *node, int32_t handle, enum handle_kind kind)
{
    assert(handle >= 0);
    assert((uint32_t)handle < node->handle_count);
    assert(node->handles[handle].kind == kind);
    return &node->handles[handle];
}

void core_wake(struct core *core, uint64_t at_ns)
{
    if (event_is_queued(&core->turn) && core->turn.at_ns <= at_ns)
        return;
    event_schedule(&core->node->world->queue, &core->turn, at_ns);
}

void core_landed(struct core *core, struct io_request *request, int32_t result)
{
    assert(!list_node_is_linked(&request->completion.node));
    struct node *node = core->node;
    node_note(node, "landed", (int64_t)request->kind * 1000000000 + result);
    io_finish(&core->io, request, result);
    core_wake(core, world_now_ns(node->world) + prng_below(&node->prng, TURN_NS));
}
