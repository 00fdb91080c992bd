/* A node's life, from start to burial. Death is marked at once and carried out by an event of its
 * own: the code that died is still on the stack when it is marked, and its memory must outlast it.
 */
#include "sim/node.h"

#include "base/assert.h"
#include "sim/door.h"
#include "sim/host.h"
#include "sim/machine.h"
#include "sim/memory.h"

static_assert((int)NODE_PLAN_COUNT_MAX == (int)MACHINE_PLAN_COUNT_MAX, "one limit, two doors");

/* Of a core's ready queue in one turn, drawn for each: chains of landings run on, or what happens
 * meanwhile comes between. */
enum { ROUNDS_MAX = 8 };

/* Simulated time starts on 2026-01-01, machines have run for up to an hour. */
static const int64_t wall_start_ms = 1767225600000;
static const uint64_t clock_base_ns_max = 3600ull * 1000 * 1000 * 1000;

/* --- Clocks ----------------------------------------------------------------------------------- */

static int64_t node_wall_ms(struct log_sink *sink)
{
    struct node *node = container_of(sink, struct node, log_sink);
    return node->wall_base_ms + (int64_t)(world_now_ns(node->world) / 1000000);
}

static void node_write_log(struct log_sink *sink, struct bytes line)
{
    struct node *node = container_of(sink, struct node, log_sink);
    if (node->world->log != NULL)
        fprintf(node->world->log, "%s: %.*s", node->name, (int)line.size, (const char *)line.data);
}

void node_jump_wall_clock(struct node *node, int64_t by_ms)
{
    node->wall_base_ms += by_ms;
}

static void clocks_draw(struct node *node)
{
    const struct node_faults *faults = &node->world->faults.node;
    node->clock_base_ns = prng_below(&node->prng, clock_base_ns_max);
    node->clock_drift_ppm =
        (int64_t)prng_below(&node->prng, 2 * (uint64_t)faults->clock_drift_ppm + 1) -
        faults->clock_drift_ppm;
    node->wall_base_ms = wall_start_ms +
                         (int64_t)prng_below(&node->prng, 2 * faults->wall_error_ms_max + 1) -
                         (int64_t)faults->wall_error_ms_max;
}

/* --- Plans and chance ------------------------------------------------------------------------- */

void node_plan(struct node *node, struct planned_fault fault)
{
    assert(node->plan_count < NODE_PLAN_COUNT_MAX);
    assert(fault.effect != PLAN_NONE);
    assert(fault.nth > 0);
    node->plans[node->plan_count++] = (struct plan){.fault = fault};
}

bool node_has_plans(const struct node *node)
{
    for (uint32_t i = 0; i < node->plan_count; i++)
        if (node->plans[i].seen_count < node->plans[i].fault.nth)
            return true;
    return false;
}

uint64_t node_count_planned(const struct node *node)
{
    assert(node->plan_count > 0);
    return node->plans[node->plan_count - 1].seen_count;
}

void node_forget_plans(struct node *node)
{
    node->plan_count = 0;
}

/* --- Handles ---------------------------------------------------------------------------------- */

/* The network has closed its ends already. */
static void handles_drop(struct node *node)
{
    assert(!node->is_running);
    for (uint32_t i = 0; i < node->handle_count; i++)
        if (node->handles[i].kind == HANDLE_FILE)
            disk_release(&node->disk, node->handles[i].file);
    free(node->handles);
    node->handles = NULL;
    node->handle_count = 0;
    node->handle_capacity = 0;
    node->open_count = 0;
}

/* --- Turns ------------------------------------------------------------------------------------ */

static void core_plan_turn(struct core *core)
{
    assert(!core->is_turning);
    assert(core->node->is_running);
    struct node *node = core->node;
    uint64_t clock_ns;
    if (!ready_queue_is_empty(&core->io.ready))
        core_wake(core, world_now_ns(node->world) + TURN_NS + prng_below(&node->prng, TURN_NS));
    else if (timer_wheel_next(&core->io.timers, &clock_ns))
        core_wake(core, node_time_of_clock(node, clock_ns));
}

static void core_turn(struct event *event)
{
    struct core *core = container_of(event, struct core, turn);
    struct node *node = core->node;
    uint64_t now_ns = world_now_ns(node->world);
    if (core->is_polled)
        return; /* it is being turned by hand just now */
    if (node->paused_until_ns > now_ns) {
        core_wake(core, node->paused_until_ns);
        return;
    }
    node_note(node, "turn", core->io.core_index);
    core->is_turning = true;
    core->io.rounds_max = 1 + (uint32_t)prng_below(&node->prng, ROUNDS_MAX);
    struct heap *outside = heap_enter(&node->heap);
    io_turn(&core->io);
    heap_enter(outside);
    core->is_turning = false;
    if (node_is_doomed(node))
        return;
    core_plan_turn(core);
    if (node_draw(node, node->world->faults.node.pause))
        node_pause(node, prng_below(&node->prng, node->world->faults.node.pause_ns_max + 1));
    if (core->io.core_index == 0 && atomic_load(&core->io.stopping))
        node_kill(node, DEATH_STOP);
}

void node_pause(struct node *node, uint64_t duration_ns)
{
    node_note(node, "pause", (int64_t)duration_ns);
    node->paused_until_ns = world_now_ns(node->world) + duration_ns;
}

static void signal_fire(struct event *event)
{
    struct node *node = container_of(event, struct node, signal);
    struct io_request *request = node->signal_request;
    if (request == NULL)
        return;
    struct core *core = node->signal_core;
    node->signal_request = NULL;
    io_land(&core->io, &request->completion, node->signal_number);
    core_wake(core, world_now_ns(node->world));
}

void node_signal(struct node *node, int32_t signal_number)
{
    node->signal_number = signal_number;
    event_schedule(&node->world->queue, &node->signal, world_now_ns(node->world));
}

/* --- Start ------------------------------------------------------------------------------------ */

static void cores_create(struct node *node)
{
    assert(node->cores == NULL);
    assert(list_is_empty(&node->mails));
    node->cores = must_allocate(node->core_count, sizeof node->cores[0]);
    node->doors = must_allocate(node->core_count, sizeof(struct io *));
    node->mail_last_ns =
        must_allocate((size_t)node->core_count * node->core_count, sizeof(uint64_t));
    for (uint32_t i = 0; i < node->core_count; i++) {
        struct core *core = &node->cores[i];
        core->node = node;
        event_init(&core->turn, core_turn);
        door_open(core, i, prng_fork(&node->prng));
        node->doors[i] = &core->io;
    }
}

static void start_fire(struct event *event)
{
    struct node *node = container_of(event, struct node, start);
    struct world *world = node->world;
    assert(!node->is_running);
    node_note(node, "start", node->death_count);
    clocks_draw(node);
    node->disk.capacity_bytes = world->faults.disk.capacity_bytes;
    node->last_death = DEATH_NONE;
    node->is_running = true;
    node->start_cost_ns = 0;
    node->stalled_until_ns = 0;
    node->paused_until_ns = 0;
    host_up(&world->network, node->host);
    node->core_count = node->next_core_count;
    cores_create(node);
    heap_init(&node->heap);
    struct heap *outside = heap_enter(&node->heap);
    node->process = node->program->start(node->program, node, node->doors, node->core_count);
    heap_enter(outside);
    if (node->process == NULL)
        node_kill(node, DEATH_STOP);
    for (uint32_t i = 0; i < node->core_count && node->is_running; i++)
        core_wake(&node->cores[i], world_now_ns(world) + node->start_cost_ns);
}

void node_start(struct node *node, uint64_t delay_ns)
{
    assert(node->cores == NULL);
    event_schedule(&node->world->queue, &node->start, world_now_ns(node->world) + delay_ns);
}

/* --- Death ------------------------------------------------------------------------------------ */

void node_kill(struct node *node, enum death death)
{
    node_doom(node, death);
}

static void cores_destroy(struct node *node)
{
    for (uint32_t i = 0; i < node->core_count; i++)
        door_close(&node->cores[i]);
    free(node->cores);
    free(node->doors);
    free(node->mail_last_ns);
    node->cores = NULL;
    node->doors = NULL;
    node->mail_last_ns = NULL;
}

/* The rest of main: the process still has its doors. Death may strike again meanwhile. */
static void node_finish(struct node *node)
{
    assert(!node->is_running);
    if (node->process == NULL || node->program->finish == NULL)
        return;
    node->is_running = true;
    for (uint32_t i = 0; i < node->core_count; i++)
        atomic_store(&node->cores[i].io.stopping, false);
    struct heap *outside = heap_enter(&node->heap);
    node->program->finish(node->process);
    heap_enter(outside);
    node->is_running = false;
}

/* Whatever the process was doing, its memory goes with it. */
static void heap_bury(struct node *node)
{
    if (node->heap.peak_bytes > node->heap_peak_bytes)
        node->heap_peak_bytes = node->heap.peak_bytes;
    heap_deinit(&node->heap);
}

/* Carries out the death that has struck. */
static void node_bury(struct node *node)
{
    assert(!node->is_running);
    assert(node->cores != NULL);
    if (node->last_death == DEATH_STOP)
        node_finish(node);
    struct world *world = node->world;
    bool power_cut = node->last_death == DEATH_POWER_CUT;
    for (uint32_t i = 0; i < node->core_count; i++)
        door_sever(&node->cores[i]);
    door_drop_mail(node);
    host_down(&world->network, node->host, power_cut);
    event_cancel(&world->queue, &node->signal);
    event_cancel(&world->queue, &node->burial); /* death in node_finish has struck again */
    node->signal_request = NULL;
    if (node->process != NULL && node->program->destroy != NULL)
        node->program->destroy(node->process);
    node->process = NULL;
    cores_destroy(node);
    handles_drop(node);
    heap_bury(node);
    if (power_cut)
        disk_power_cut(&node->disk, &node->prng);
    node->death_count++;
    node_note(node, "buried", node->death_count);
    if (node->restart_after_ns > 0)
        node_start(node, node->restart_after_ns);
}

static void burial_fire(struct event *event)
{
    node_bury(container_of(event, struct node, burial));
}

void node_restart_after(struct node *node, uint64_t delay_ns)
{
    node->restart_after_ns = delay_ns;
}

static void node_leave(struct inhabitant *inhabitant)
{
    struct node *node = container_of(inhabitant, struct node, inhabitant);
    node->restart_after_ns = 0;
    node_kill(node, DEATH_KILL);
    if (node->cores != NULL)
        node_bury(node);
    host_down(&node->world->network, node->host, true);
    event_cancel(&node->world->queue, &node->start);
    disk_deinit(&node->disk);
    free(node);
}

/* --- The machine ------------------------------------------------------------------------------ */

/* Half of all machines have a file system that keeps no order. It is a bit of the seed and not
 * drawn, so that all else is as it was on the other half. */
static enum disk_order order_of_seed(uint64_t seed)
{
    return seed % 2 == 0 ? DISK_ORDERED : DISK_UNORDERED;
}

struct node *node_create(struct world *world, const char *name, const struct program *program,
                         uint32_t core_count)
{
    assert(world->host_count < NETWORK_HOST_COUNT_MAX);
    assert(core_count > 0);
    struct node *node = must_allocate(1, sizeof *node);
    node->world = world;
    node->name = name;
    node->program = program;
    node->next_core_count = core_count;
    node->host = world->host_count++;
    node->log_sink = (struct log_sink){.write = node_write_log, .now_ms = node_wall_ms};
    uint64_t seed = prng_fork(&world->prng);
    prng_init(&node->prng, seed);
    disk_init(&node->disk);
    node->disk.order = order_of_seed(seed);
    node_note(node, "disk order", node->disk.order);
    list_init(&node->mails);
    event_init(&node->start, start_fire);
    event_init(&node->signal, signal_fire);
    event_init(&node->burial, burial_fire);
    node->inhabitant.leave = node_leave;
    list_node_init(&node->inhabitant.node);
    list_push_back(&world->inhabitants, &node->inhabitant.node);
    world->network.read_range = door_read_range;
    world->network.landed = door_network_landed; /* where nodes live, doors take its answers */
    return node;
}

void node_set_core_count(struct node *node, uint32_t core_count)
{
    assert(core_count > 0);
    node->next_core_count = core_count;
}

bool node_is_running(const struct node *node)
{
    return node->is_running;
}

uint32_t node_host(const struct node *node)
{
    return node->host;
}

struct disk *node_disk(struct node *node)
{
    return &node->disk;
}

struct process *node_process(struct node *node)
{
    return node->process;
}

struct io *node_core(struct node *node, uint32_t core_index)
{
    assert(node->is_running);
    assert(core_index < node->core_count);
    return node->doors[core_index];
}

uint32_t node_death_count(const struct node *node)
{
    return node->death_count;
}

enum death node_last_death(const struct node *node)
{
    return node->last_death;
}

size_t node_memory_peak_bytes(const struct node *node)
{
    size_t present = node->heap.peak_bytes;
    return present > node->heap_peak_bytes ? present : node->heap_peak_bytes;
}

uint64_t node_file_operation_count(const struct node *node)
{
    return node->file_operation_count;
}
