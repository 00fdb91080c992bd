#include "sim/group_story.h"

#include "base/assert.h"
#include "sim/broker_node.h"
#include "sim/group_member.h"
#include "sim/host.h"

#include <inttypes.h>
#include <signal.h>

static const uint64_t second_ns = 1000ull * 1000 * 1000;
static const uint64_t ms_ns = 1000 * 1000;

enum {
    MEMBER_COUNT = 6,
    CLIENT_COUNT = MEMBER_COUNT + GROUP_COUNT, /* an observer for each group */
    CORE_COUNT_MAX = 3,
    TROUBLE_MS_MIN = 1000,
    TROUBLE_MS_MAX = 4000,
    PATIENCE_SECONDS = 60,
    FREE_BYTES_LEFT = 256 << 10, /* of a disk that is full */
};

static_assert((int)CLIENT_COUNT <= (int)GROUP_MEMBERS_MAX, "each has a place in the checkers");

static const struct story_bite bites[] = {
    {"no-sync", "the broker acknowledges what was written but not synced"},
    {NULL, NULL},
};

static const char settings[] = "node.id=1\n"
                               "listeners=PLAINTEXT://:9092\n"
                               "advertised.listeners=PLAINTEXT://broker:9092\n"
                               "tailrace.admin.listener=\n"
                               "log.dirs=/data\n"
                               "num.partitions=4\n"
                               "offsets.topic.num.partitions=3\n"
                               "offsets.topic.segment.bytes=1048576\n"
                               "group.min.session.timeout.ms=100\n"
                               "group.initial.rebalance.delay.ms=30\n"
                               "group.consumer.session.timeout.ms=700\n"
                               "group.consumer.heartbeat.interval.ms=50\n"
                               "group.consumer.min.session.timeout.ms=700\n"
                               "group.consumer.min.heartbeat.interval.ms=50\n"
                               "group.consumer.assignment.interval.ms=0\n";

struct group_world {
    struct world *world;
    struct prng prng;
    struct group_workload workload;
    struct broker_program broker_program;
    struct group_program programs[CLIENT_COUNT];
    struct node *broker;
    struct node *clients[CLIENT_COUNT];
    struct event trouble;
};

/* --- Building --------------------------------------------------------------------------------- */

static struct faults draw_faults(struct prng *prng)
{
    bool has_slow = prng_chance(prng, 1, 2);
    bool has_resets = prng_chance(prng, 1, 2);
    return (struct faults){
        .disk = {.short_count = 20000, .slow_factor = prng_chance(prng, 1, 8) ? 20 : 1},
        .network = {.split = 50000,
                    .slow = has_slow ? 20000 : 0,
                    .slow_ns_max = second_ns / 10,
                    .reset = has_resets ? 4000 : 0,
                    .refuse = has_resets ? 100000 : 0},
        .node = {.wall_error_ms_max = 1000, .clock_drift_ppm = 200},
    };
}

static uint32_t draw_core_count(struct prng *prng)
{
    return (uint32_t)prng_between(prng, 1, CORE_COUNT_MAX);
}

static void build_broker(struct group_world *w, const struct story_options *options)
{
    broker_program_init(&w->broker_program, settings);
    w->broker_program.skips_sync = options->bite != NULL;
    w->broker =
        node_create(w->world, "broker", &w->broker_program.program, draw_core_count(&w->prng));
    w->workload.broker = w->broker;
    w->workload.may_reload = prng_chance(&w->prng, 1, 3);
    w->workload.workload.broker = network_address(node_host(w->broker), BROKER_NODE_PORT);
    node_restart_after(w->broker, 20 * ms_ns);
    node_start(w->broker, 0);
}

static void build_client(struct group_world *w, uint32_t index, const char *name)
{
    struct group_program *program = &w->programs[index];
    program->index = index;
    w->clients[index] = node_create(w->world, name, &program->worker.program, 1);
    node_restart_after(w->clients[index], 50 * ms_ns);
    node_start(w->clients[index], ms_ns);
}

/* The last member of each group is a static one. */
static void build_clients(struct group_world *w)
{
    static const char *const names[CLIENT_COUNT] = {"classic-0",  "modern-0",  "classic-1",
                                                    "modern-1",   "classic-2", "modern-2",
                                                    "observer-0", "observer-1"};
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        struct group_program *program = &w->programs[i];
        program->group = i % GROUP_COUNT;
        program->instance = i >= MEMBER_COUNT - GROUP_COUNT ? names[i] : NULL;
        if (i >= MEMBER_COUNT)
            group_observer_program_init(program, &w->workload);
        else if (program->group == 0)
            group_classic_program_init(program, &w->workload);
        else
            group_consumer_program_init(program, &w->workload);
        build_client(w, i, names[i]);
    }
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void links_open(struct group_world *w)
{
    struct network *network = &w->world->network;
    for (uint32_t from = 0; from < w->world->host_count; from++)
        for (uint32_t to = 0; to < w->world->host_count; to++)
            host_block(network, from, to, false);
}

static void link_cut(struct group_world *w, const struct node *node)
{
    uint32_t broker = node_host(w->broker);
    uint32_t client = node_host(node);
    uint64_t way = prng_below(&w->prng, 3);
    if (way != 0)
        host_block(&w->world->network, broker, client, true);
    if (way != 1)
        host_block(&w->world->network, client, broker, true);
}

/* Other programs use the disk as well. The limit holds for the lives to come, too. */
static void disk_set_room(struct group_world *w, bool is_full)
{
    struct disk *disk = node_disk(w->broker);
    disk->capacity_bytes =
        is_full ? disk->used_bytes + 1 + prng_below(&w->prng, FREE_BYTES_LEFT) : 0;
    w->world->faults.disk.capacity_bytes = disk->capacity_bytes;
}

static void disk_fill_up_or_ease(struct group_world *w)
{
    if (w->workload.may_reload)
        disk_set_room(w, node_disk(w->broker)->capacity_bytes == 0);
}

static void make_trouble(struct group_world *w)
{
    struct node *client = w->clients[prng_below(&w->prng, CLIENT_COUNT)];
    switch (prng_below(&w->prng, 12)) {
    case 0: node_kill(w->broker, DEATH_KILL); break;
    case 1: node_kill(w->broker, DEATH_POWER_CUT); break;
    case 2: node_signal(w->broker, SIGTERM); break;
    case 3: node_set_core_count(w->broker, draw_core_count(&w->prng)); break;
    case 4: node_kill(client, DEATH_KILL); break;
    case 5: link_cut(w, client); break;
    case 6: links_open(w); break;
    case 7: node_pause(w->broker, prng_below(&w->prng, second_ns)); break;
    case 8:
    case 9: node_pause(client, prng_below(&w->prng, 2 * second_ns)); break;
    case 10:
    case 11: disk_fill_up_or_ease(w); break;
    }
}

static void trouble_fire(struct event *event)
{
    struct group_world *w = container_of(event, struct group_world, trouble);
    make_trouble(w);
    event_schedule(&w->world->queue, event,
                   world_now_ns(w->world) + prng_below(&w->prng, second_ns / 2));
}

static void heal(struct group_world *w)
{
    event_cancel(&w->world->queue, &w->trouble);
    w->world->faults = (struct faults){0};
    links_open(w);
    disk_set_room(w, false);
    if (prng_chance(&w->prng, 1, 2))
        node_kill(w->broker, DEATH_POWER_CUT);
    w->workload.workload.is_quiet = true;
}

/* --- The end ---------------------------------------------------------------------------------- */

static bool is_over(const struct group_world *w, uint64_t deadline_ns)
{
    return w->workload.audit.verdict->outcome != OUTCOME_GOOD ||
           world_now_ns(w->world) > deadline_ns;
}

static bool is_settled(const struct group_world *w)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        if (!w->programs[i].worker.is_idle)
            return false;
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if (!group_audit_is_shared_out(&w->workload.audit, i))
            return false;
    return true;
}

static void fail_stuck(struct group_world *w)
{
    struct verdict *verdict = w->workload.audit.verdict;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        if (!w->programs[i].worker.is_idle)
            verdict_fail(verdict, OUTCOME_STUCK,
                         "client %u is not settled: its last call landed with %d (error %d)", i,
                         w->programs[i].worker.last_result, w->programs[i].worker.last_error);
    verdict_fail(verdict, OUTCOME_STUCK, "a partition has no owner, or two");
}

static void live(struct group_world *w)
{
    uint64_t trouble_ms = prng_between(&w->prng, TROUBLE_MS_MIN, TROUBLE_MS_MAX);
    while (!is_over(w, trouble_ms * ms_ns))
        world_step(w->world);
    heal(w);
    uint64_t deadline_ns = world_now_ns(w->world) + PATIENCE_SECONDS * second_ns;
    while (!is_over(w, deadline_ns) && !is_settled(w))
        world_step(w->world);
    if (!is_settled(w))
        fail_stuck(w);
}

static void say_what_was(const struct group_world *w, FILE *log)
{
    const struct group_audit *audit = &w->workload.audit;
    fprintf(log,
            "story: %zu commits, %" PRIu64 " acknowledged, %" PRIu64 " refused, %" PRIu64
            " offsets fetched, %" PRIu64 " partitions given, %zu plans; the broker died %u times\n",
            audit->commit_count, audit->acked_count, audit->refused_count, audit->fetched_count,
            audit->told_count, audit->plan_count, node_death_count(w->broker));
}

static void group_run(const struct story_options *options, struct verdict *verdict)
{
    struct group_world w = {0};
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD};
    prng_init(&w.prng, options->seed);
    struct faults faults = draw_faults(&w.prng);
    w.world = world_create(prng_fork(&w.prng), &faults);
    w.world->log = options->log;
    world_show_trace(w.world, options->trace);
    check_init(&w.workload.workload.check, verdict);
    group_audit_init(&w.workload.audit, verdict);
    build_broker(&w, options);
    build_clients(&w);
    event_init(&w.trouble, trouble_fire);
    event_schedule(&w.world->queue, &w.trouble, second_ns / 2);
    live(&w);
    if (options->log != NULL)
        say_what_was(&w, options->log);
    verdict->trace_hash = w.world->trace.hash;
    verdict->step_count = w.world->step_count;
    verdict->simulated_ns = world_now_ns(w.world);
    world_destroy(w.world);
    group_audit_deinit(&w.workload.audit);
    check_deinit(&w.workload.workload.check);
}

const struct story group_story = {
    .name = "groups",
    .summary =
        "groups of both protocols, whose offsets are kept and whose partitions have one owner",
    .bites = bites,
    .run = group_run,
};
