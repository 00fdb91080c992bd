/* Each part has a stream of chance of its own, forked from the seed in one order, so that a draw
 * more in one part does not change what another one draws. */
#include "sim/world.h"

#include "base/assert.h"
#include "sim/memory.h"

#include <inttypes.h>

struct world *world_create(uint64_t seed, const struct faults *faults)
{
    struct world *world = must_allocate(1, sizeof *world);
    world->faults = *faults;
    prng_init(&world->prng, seed);
    event_queue_init(&world->queue, prng_fork(&world->prng));
    trace_init(&world->trace);
    network_init(&world->network, &world->queue, &world->trace, &world->faults.network,
                 prng_fork(&world->prng));
    list_init(&world->inhabitants);
    return world;
}

void world_destroy(struct world *world)
{
    assert(!world->is_stepping);
    struct list_node *node;
    while ((node = list_pop_front(&world->inhabitants)) != NULL) {
        struct inhabitant *inhabitant = container_of(node, struct inhabitant, node);
        inhabitant->leave(inhabitant);
    }
    network_deinit(&world->network);
    event_queue_deinit(&world->queue);
    free(world);
}

bool world_step(struct world *world)
{
    assert(!world->is_stepping);
    struct event *event = event_queue_take(&world->queue);
    if (event == NULL)
        return false;
    world->step_count++;
    world->is_stepping = true;
    trace_note(&world->trace, "time", "now", (int64_t)world_now_ns(world));
    event->fire(event);
    world->is_stepping = false;
    return true;
}

void world_run_until(struct world *world, uint64_t at_ns)
{
    assert(!world->is_stepping);
    while (event_queue_next_ns(&world->queue) <= at_ns)
        world_step(world);
    if (world->queue.now_ns < at_ns)
        world->queue.now_ns = at_ns;
}

static void world_print(void *context, const char *subject, const char *event, int64_t number)
{
    FILE *to = context;
    if (strcmp(subject, "time") == 0)
        fprintf(to, "%12" PRId64 ".%03" PRId64 " us\n", number / 1000, number % 1000);
    else
        fprintf(to, "    %-12s %s %" PRId64 "\n", subject, event, number);
}

void world_show_trace(struct world *world, FILE *to)
{
    world->trace.sink = to == NULL ? NULL : world_print;
    world->trace.context = to;
}
