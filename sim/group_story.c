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
    OBSERVER_COUNT = GROUP_COUNT,
    CLIENT_COUNT = MEMBER_COUNT + OBSERVER_COUNT + 1, /* the admin */
    STATIC_FIRST = MEMBER_COUNT - GROUP_COUNT,        /* the last member of each group */
    CORE_COUNT_MAX = 3,
    TROUBLE_MS_MIN = 1000,
    TROUBLE_MS_MAX = 4000,
    PATIENCE_SECONDS = 60,
    WEEK_MS = 8 * 24 * 60 * 60 * 1000, /* longer than offsets.retention.minutes */
    EXPIRY_MS = 200,                   /* in which it is noticed, and seen */
    CALM_MS = 2500, /* in which all have noticed what happened before: patience and session */
    FREE_BYTES_LEFT = 256 << 10, /* of a disk that is full */
    /* As little as will do: it is filled and looked through in every life. */
    MEMORY_BYTES = 8 << 20,
    JOURNAL_FILE_BYTES = 128 << 10,
    WINDOW_BYTES = 16 << 10,
};

static_assert((int)CLIENT_COUNT <= (int)GROUP_MEMBERS_MAX, "each has a place in the checkers");

static const struct story_bite bites[] = {
    {"no-sync", "the broker acknowledges what was written but not synced"},
    {NULL, NULL},
};

#define SETTINGS                                                                                   \
    "node.id=1\n"                                                                                  \
    "listeners=PLAINTEXT://:9092\n"                                                                \
    "advertised.listeners=PLAINTEXT://broker:9092\n"                                               \
    "tailrace.admin.listener=\n"                                                                   \
    "log.dirs=/data\n"                                                                             \
    "num.partitions=3\n"                                                                           \
    "offsets.topic.num.partitions=3\n"                                                             \
    "offsets.topic.segment.bytes=1048576\n"                                                        \
    "offsets.retention.check.interval.ms=50\n"                                                     \
    "group.min.session.timeout.ms=100\n"                                                           \
    "group.initial.rebalance.delay.ms=30\n"                                                        \
    "group.consumer.session.timeout.ms=700\n"                                                      \
    "group.consumer.heartbeat.interval.ms=50\n"                                                    \
    "group.consumer.min.session.timeout.ms=700\n"                                                  \
    "group.consumer.min.heartbeat.interval.ms=50\n"                                                \
    "group.consumer.assignment.interval.ms=0\n"

/* While groups live, so that a restart reads what compaction has left. */
#define COMPACTED                                                                                  \
    "log.roll.ms=100\n"                                                                            \
    "log.cleaner.backoff.ms=30\n"                                                                  \
    "log.cleaner.min.cleanable.ratio=0\n"                                                          \
    "log.cleaner.delete.retention.ms=100\n"                                                        \
    "log.segment.delete.delay.ms=50\n"

static const char settings_usual[] = SETTINGS;
static const char settings_compacted[] = SETTINGS COMPACTED;

struct group_world {
    struct world *world;
    struct prng prng;
    struct group_workload workload;
    struct broker_program broker_program;
    struct group_program programs[CLIENT_COUNT];
    struct node *broker;
    struct node *clients[CLIENT_COUNT];
    struct event trouble;
    bool may_be_full; /* the broker's disk */
};

/* --- Building --------------------------------------------------------------------------------- */

static struct faults draw_faults(struct prng *prng)
{
    bool has_slow = prng_chance(prng, 1, 2);
    bool has_resets = prng_chance(prng, 1, 2);
    bool has_disk_errors = prng_chance(prng, 1, 4);
    return (struct faults){
        .disk = {.short_count = 20000,
                 .read_error = has_disk_errors ? 300 : 0,
                 .write_error = has_disk_errors ? 300 : 0,
                 .sync_error = has_disk_errors ? 500 : 0,
                 .evict = has_disk_errors ? 500000 : 0,
                 .slow_factor = prng_chance(prng, 1, 8) ? 20 : 1},
        .network = {.window_bytes = WINDOW_BYTES,
                    .split = 50000,
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
    bool is_compacted = prng_chance(&w->prng, 1, 2);
    broker_program_init(&w->broker_program, is_compacted ? settings_compacted : settings_usual);
    w->broker_program.skips_sync = options->bite != NULL;
    w->broker_program.memory_bytes = MEMORY_BYTES;
    w->broker_program.journal_file_bytes = JOURNAL_FILE_BYTES;
    w->broker =
        node_create(w->world, "broker", &w->broker_program.program, draw_core_count(&w->prng));
    w->workload.broker = w->broker;
    w->workload.workload.broker = network_address(node_host(w->broker), BROKER_NODE_PORT);
    node_restart_after(w->broker, 20 * ms_ns);
    node_start(w->broker, 0);
}

/* Those who go from one protocol to the other leave the topic alone that comes and goes: by its
 * name alone some of them could own another one than the coordinator means. */
static void draw_plots(struct group_world *w)
{
    struct group_workload *groups = &w->workload;
    w->may_be_full = prng_chance(&w->prng, 1, 3);
    groups->may_reload = w->may_be_full || w->world->faults.disk.read_error > 0;
    groups->deletes_topics = prng_chance(&w->prng, 1, 2);
    groups->deletes_groups = prng_chance(&w->prng, 1, 2);
    groups->workload.topics = group_topics;
    groups->workload.topic_count = GROUP_TOPICS;
    for (uint32_t i = 0; i < GROUP_COUNT; i++) {
        struct group_plot *plot = &groups->plots[i];
        plot->readers = (enum group_readers)prng_below(&w->prng, READERS_COUNT);
        plot->is_cooperative = prng_chance(&w->prng, 1, 2);
        plot->topic_count = plot->readers == READERS_MOVING ? GROUP_TOPICS - 1 : GROUP_TOPICS;
        groups->audit.shared_count[i] =
            plot->readers == READERS_ALONE ? 0 : plot->topic_count * GROUP_TOPIC_PARTITIONS;
    }
}

static struct process *moving_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count)
{
    bool is_classic = io_random_u64(cores[0]) % 2 == 0;
    return is_classic ? group_classic_start(program, node, cores, core_count)
                      : group_consumer_start(program, node, cores, core_count);
}

static struct process *(*const starts[READERS_COUNT])(const struct program *, struct node *,
                                                      struct io *const *, uint32_t) = {
    [READERS_CLASSIC] = group_classic_start,
    [READERS_MODERN] = group_consumer_start,
    [READERS_MOVING] = moving_start,
    [READERS_ALONE] = group_alone_start,
};

static void build_client(struct group_world *w, uint32_t index, const char *name)
{
    struct group_program *program = &w->programs[index];
    program->index = index;
    program->group = index % GROUP_COUNT;
    program->worker.workload = &w->workload.workload;
    if (index < MEMBER_COUNT)
        program->worker.program.start = starts[w->workload.plots[program->group].readers];
    else if (index < MEMBER_COUNT + OBSERVER_COUNT)
        program->worker.program.start = group_observer_start;
    else
        program->worker.program.start = group_admin_start;
    w->clients[index] = node_create(w->world, name, &program->worker.program, 1);
    node_restart_after(w->clients[index], 50 * ms_ns);
    node_start(w->clients[index], ms_ns);
}

/* The last member of each group is a static one, perhaps in two processes. */
static void build_clients(struct group_world *w)
{
    static const char *const names[CLIENT_COUNT] = {"these-0",   "those-0",   "these-1",
                                                    "those-1",   "these-2",   "those-2",
                                                    "watcher-0", "watcher-1", "admin"};
    bool has_twins = prng_chance(&w->prng, 1, 2);
    for (uint32_t i = STATIC_FIRST; i < MEMBER_COUNT; i++) {
        w->programs[i].instance = names[i];
        w->programs[i - GROUP_COUNT].instance = has_twins ? names[i] : NULL;
        w->programs[i - GROUP_COUNT].is_second = has_twins;
    }
    draw_plots(w);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        build_client(w, i, names[i]);
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
    if (w->may_be_full)
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
    w->world->faults = (struct faults){.network = {.window_bytes = WINDOW_BYTES}};
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
    uint32_t partition;
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if (!group_audit_is_shared_out(&w->workload.audit, i, &partition))
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
    uint32_t partition;
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if (!group_audit_is_shared_out(&w->workload.audit, i, &partition))
            verdict_fail(verdict, OUTCOME_STUCK, "group %u, partition %u has no owner, or two", i,
                         partition);
}

static void run_for(struct group_world *w, uint64_t ms)
{
    uint64_t end_ns = world_now_ns(w->world) + ms * ms_ns;
    while (!is_over(w, end_ns))
        world_step(w->world);
}

static void settle(struct group_world *w)
{
    uint64_t deadline_ns = world_now_ns(w->world) + PATIENCE_SECONDS * second_ns;
    while (!is_over(w, deadline_ns) && !is_settled(w))
        world_step(w->world);
    if (!is_settled(w))
        fail_stuck(w);
}

/* Time goes by for the broker's wall clock alone. Only who has no members may lose offsets. */
static void let_a_week_pass(struct group_world *w)
{
    run_for(w, CALM_MS);
    settle(w);
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if (w->workload.plots[i].readers == READERS_ALONE)
            group_audit_delete(&w->workload.audit, i);
    node_jump_wall_clock(w->broker, WEEK_MS);
    run_for(w, EXPIRY_MS);
}

static void live(struct group_world *w)
{
    uint64_t trouble_ms = prng_between(&w->prng, TROUBLE_MS_MIN, TROUBLE_MS_MAX);
    run_for(w, trouble_ms);
    heal(w);
    settle(w);
    if (prng_chance(&w->prng, 1, 4))
        let_a_week_pass(w);
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
    .summary = "groups of all kinds, whose offsets are kept and whose partitions have one owner",
    .bites = bites,
    .run = group_run,
};
