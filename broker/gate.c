#include "broker/gate.h"

#include "base/assert.h"

#include <stdlib.h>

void gate_init(struct gate *gate, const struct roster *roster)
{
    assert(roster->core_count > 0);
    *gate = (struct gate){.roster = roster};
    gate->taken = calloc(roster->core_count, sizeof *gate->taken);
    assert(gate->taken != NULL);
    list_init(&gate->wishes);
}

void gate_deinit(struct gate *gate)
{
    free(gate->taken);
}

/* --- Places ----------------------------------------------------------------------------------- */

/* In turn, as long as there is a place on the core. False: there is none on any. */
static bool take_place(struct gate *gate, uint32_t *core_index)
{
    uint32_t count = gate->roster->core_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = gate->next_core++ % count;
        uint32_t places = roster_core(gate->roster, index)->connection_count_max;
        assert(gate->taken[index] <= places);
        if (gate->taken[index] == places)
            continue;
        gate->taken[index]++;
        *core_index = index;
        return true;
    }
    return false;
}

static uint64_t taken_on_all_cores(const struct gate *gate)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < gate->roster->core_count; i++)
        count += gate->taken[i];
    return count;
}

static void wait(struct gate *gate, struct gate_wish *wish)
{
    assert(wish->granted != NULL);
    list_push_back(&gate->wishes, &wish->node);
    if (gate->is_told)
        return;
    gate->is_told = true;
    log_warn(io_logger(roster_core(gate->roster, 0)->io),
             "as many connections are open as may be: more clients wait until one has gone",
             field_u64("connections", taken_on_all_cores(gate)));
}

void gate_enter(struct gate *gate, struct gate_wish *wish)
{
    uint32_t core_index;
    assert(wish->granted != NULL);
    assert(!list_node_is_linked(&wish->node));
    if (take_place(gate, &core_index))
        wish->granted(wish, core_index);
    else
        wait(gate, wish);
}

void gate_forget(struct gate_wish *wish)
{
    list_remove(&wish->node);
}

/* It is told once more when there was place for a quarter more. */
static void calm_down(struct gate *gate, uint32_t core_index)
{
    uint32_t places = roster_core(gate->roster, core_index)->connection_count_max;
    if (gate->taken[core_index] < places - places / 4)
        gate->is_told = false;
}

void gate_leave(struct gate *gate, uint32_t core_index, uint32_t count)
{
    struct list_node *node;
    assert(core_index < gate->roster->core_count);
    assert(count <= gate->taken[core_index]);
    gate->taken[core_index] -= count;
    calm_down(gate, core_index);
    while (count-- > 0 && (node = list_pop_front(&gate->wishes)) != NULL)
        gate_enter(gate, container_of(node, struct gate_wish, node));
}

bool gate_is_full(const struct gate *gate)
{
    return !list_is_empty(&gate->wishes);
}

/* --- Departures ------------------------------------------------------------------------------- */

static void tell(struct broker_core *core);

static void returned(struct completion *mail, int32_t result)
{
    struct broker_core *core = container_of(mail, struct broker_core, departures.mail);
    assert(core->departures.is_under_way);
    core->departures.is_under_way = false;
    tell(core);
}

static void arrived(struct completion *mail, int32_t count)
{
    struct broker_core *core = container_of(mail, struct broker_core, departures.mail);
    assert(count > 0);
    struct broker_core *home = roster_core(core->roster, 0);
    uint32_t core_index = (uint32_t)(core - home);
    gate_leave(core->roster->gate, core_index, (uint32_t)count);
    completion_init(&core->departures.mail, returned);
    io_post(home->io, core_index, &core->departures.mail, STATUS_OK);
}

static void tell(struct broker_core *core)
{
    struct departures *departures = &core->departures;
    if (departures->count == 0 || departures->is_under_way)
        return;
    int32_t count = (int32_t)departures->count;
    assert(count > 0);
    departures->count = 0;
    departures->is_under_way = true;
    completion_init(&departures->mail, arrived);
    io_post(core->io, 0, &departures->mail, count);
}

void gate_note_departure(struct broker_core *core)
{
    assert(core->departures.count < UINT32_MAX);
    core->departures.count++;
    tell(core);
}
