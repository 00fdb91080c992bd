#include "sim/broker_story.h"

#include "base/assert.h"
#include "sim/broker_admin.h"
#include "sim/broker_auditor.h"
#include "sim/broker_consumer.h"
#include "sim/broker_node.h"
#include "sim/broker_producer.h"
#include "sim/host.h"
#include "sim/node.h"

#include <inttypes.h>
#include <signal.h>

static const uint64_t second_ns = 1000ull * 1000 * 1000;
static const uint64_t ms_ns = 1000 * 1000;

enum {
    PRODUCER_COUNT = 2,
    CONSUMER_COUNT = 2,
    CLIENT_COUNT = PRODUCER_COUNT + CONSUMER_COUNT + 1,
    CORE_COUNT_MAX = 3,
    TROUBLE_MS_MIN = 500,
    TROUBLE_MS_MAX = 2000,
    PATIENCE_SECONDS = 120,
    /* Beside what it was given: images of metadata, logs, connections. */
    MEMORY_SLACK_BYTES = 16 << 20,
    MEMORY_SMALL_BYTES = 4 << 20, /* of a core; the records are more */
    FREE_BYTES_LEFT = 256 << 10,  /* of a disk that is full */
    FREE_BYTES_NARROW = 20 << 20, /* of one that may be called so */
    DEVICE_COUNT_MAX = 2,
    START_OPERATIONS = 100, /* of files, about as many as a start takes */
};

static const struct story_bite bites[] = {
    {"no-sync", "the broker acknowledges what was written but not synced"},
    {"early-ack", "the broker acknowledges before the commit has landed"},
    {NULL, NULL},
};

#define SETTINGS                                                                                   \
    "node.id=1\n"                                                                                  \
    "listeners=PLAINTEXT://:9092\n"                                                                \
    "advertised.listeners=PLAINTEXT://broker:9092\n"                                               \
    "tailrace.admin.listener=\n"                                                                   \
    "num.partitions=2\n"                                                                           \
    "message.max.bytes=262144\n"                                                                   \
    "log.segment.bytes=1048576\n"                                                                  \
    "log.roll.ms=400\n"                                                                            \
    "log.cleaner.backoff.ms=30\n"                                                                  \
    "log.retention.check.interval.ms=100\n"                                                        \
    "log.segment.delete.delay.ms=100\n"

/* Each lies on a device of its own; the first has the metadata. */
static const char *const devices[DEVICE_COUNT_MAX] = {"/data/first", "/data/second"};
#define ONE_DEVICE  "log.dirs=/data/first\n"
#define TWO_DEVICES "log.dirs=/data/first,/data/second\n"

/* Records are deleted on request in compacted ones, too. */
#define COMPACTED                                                                                  \
    "log.cleanup.policy=compact,delete\n"                                                          \
    "log.cleaner.min.cleanable.ratio=0\n"

/* Kafka's own way to say it: nothing waits for the disk. */
static const char settings_loose[] = SETTINGS ONE_DEVICE "log.flush.interval.messages=1000000\n";

static const char *const settings[DEVICE_COUNT_MAX] = {SETTINGS ONE_DEVICE, SETTINGS TWO_DEVICES};
static const char *const settings_compacted[DEVICE_COUNT_MAX] = {SETTINGS ONE_DEVICE COMPACTED,
                                                                 SETTINGS TWO_DEVICES COMPACTED};

/* The world of one run. */
struct broker_world {
    struct world *world;
    struct prng prng;
    struct workload workload;
    struct broker_program broker_program;
    struct worker_program programs[CLIENT_COUNT];
    struct worker_program auditor_program;
    struct node *broker;
    struct node *clients[CLIENT_COUNT];
    struct node *auditor;
    uint32_t broker_plan_count;
    uint32_t device_count;
    struct event trouble;
};

/* --- Building --------------------------------------------------------------------------------- */

/* Not every world has every fault: some bugs hide behind others. */
static uint32_t maybe(struct prng *prng, uint32_t chance)
{
    return prng_chance(prng, 1, 2) ? chance : 0;
}

static struct faults draw_faults(struct prng *prng)
{
    return (struct faults){
        .disk = {.short_count = maybe(prng, 50000),
                 .read_error = maybe(prng, 200),
                 .write_error = maybe(prng, 500),
                 .sync_error = maybe(prng, 1000),
                 .name_error = maybe(prng, 500),
                 .no_space = maybe(prng, 500),
                 .evict = maybe(prng, 500000),
                 .stall = maybe(prng, 2000),
                 .stall_ns_max = second_ns / 4,
                 .slow_factor = prng_chance(prng, 1, 8) ? 20 : 1},
        .network = {.window_bytes = prng_chance(prng, 1, 3) ? 4096 : 0,
                    .split = maybe(prng, 100000),
                    .slow = maybe(prng, 20000),
                    .slow_ns_max = second_ns / 10,
                    .reset = maybe(prng, 2000),
                    .refuse = maybe(prng, 100000)},
        .node = {.pause = maybe(prng, 200),
                 .pause_ns_max = second_ns / 5,
                 .wall_error_ms_max = 100000,
                 .clock_drift_ppm = 200},
    };
}

static uint32_t draw_core_count(struct prng *prng)
{
    return (uint32_t)prng_between(prng, 1, CORE_COUNT_MAX);
}

/* Blocks that readers want again have to go, and come back to be sent from their files. What is
 * drawn for it has a generator of its own: the other seeds stay what they were. */
static void draw_memory(struct broker_world *w, const struct story_options *options)
{
    struct prng prng;
    prng_init(&prng, ~options->seed);
    w->workload.outgrows_memory = options->bite == NULL && prng_chance(&prng, 1, 4);
    if (w->workload.outgrows_memory)
        w->broker_program.memory_bytes = (size_t)CORE_COUNT_MAX * MEMORY_SMALL_BYTES;
}

static bool is_bite(const struct story_options *options, const char *name)
{
    return options->bite != NULL && strcmp(options->bite, name) == 0;
}

static void build_broker(struct broker_world *w, const struct story_options *options)
{
    bool is_compacted = options->bite == NULL && prng_chance(&w->prng, 1, 3);
    w->workload.check.freedoms = is_compacted ? CHECK_COMPACTS : 0;
    w->device_count = prng_chance(&w->prng, 1, 3) ? 2 : 1;
    const char *usual = (is_compacted ? settings_compacted : settings)[w->device_count - 1];
    broker_program_init(&w->broker_program, is_bite(options, "early-ack") ? settings_loose : usual);
    w->broker_program.skips_sync = is_bite(options, "no-sync");
    draw_memory(w, options);
    w->broker =
        node_create(w->world, "broker", &w->broker_program.program, draw_core_count(&w->prng));
    for (uint32_t i = 0; i < w->device_count; i++)
        disk_mount(node_disk(w->broker), devices[i]);
    w->workload.topics = workload_topics;
    w->workload.topic_count = TOPIC_COUNT;
    w->workload.broker = network_address(node_host(w->broker), BROKER_NODE_PORT);
    node_restart_after(w->broker, 20 * ms_ns);
    node_start(w->broker, 0);
}

static void build_client(struct broker_world *w, uint32_t index, const char *name)
{
    w->clients[index] = node_create(w->world, name, &w->programs[index].program, 1);
    node_restart_after(w->clients[index], 50 * ms_ns);
    node_start(w->clients[index], ms_ns);
}

static void build_clients(struct broker_world *w)
{
    static const char *const producer_names[] = {"producer-0", "producer-1"};
    static const char *const consumer_names[] = {"consumer-0", "consumer-1"};
    static_assert(sizeof producer_names / sizeof producer_names[0] == PRODUCER_COUNT, "one each");
    static_assert(sizeof consumer_names / sizeof consumer_names[0] == CONSUMER_COUNT, "one each");
    uint32_t index = 0;
    for (uint32_t i = 0; i < PRODUCER_COUNT; i++, index++) {
        producer_program_init(&w->programs[index], &w->workload);
        build_client(w, index, producer_names[i]);
    }
    for (uint32_t i = 0; i < CONSUMER_COUNT; i++, index++) {
        consumer_program_init(&w->programs[index], &w->workload);
        build_client(w, index, consumer_names[i]);
    }
    admin_program_init(&w->programs[index], &w->workload);
    build_client(w, index, "admin");
    auditor_program_init(&w->auditor_program, &w->workload);
    w->auditor = node_create(w->world, "auditor", &w->auditor_program.program, 1);
    node_restart_after(w->auditor, 50 * ms_ns);
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void links_open(struct broker_world *w)
{
    struct network *network = &w->world->network;
    for (uint32_t from = 0; from < w->world->host_count; from++)
        for (uint32_t to = 0; to < w->world->host_count; to++)
            host_block(network, from, to, false);
}

static void link_cut(struct broker_world *w)
{
    uint32_t broker = node_host(w->broker);
    uint32_t client = node_host(w->clients[prng_below(&w->prng, CLIENT_COUNT)]);
    uint64_t way = prng_below(&w->prng, 3);
    if (way != 0)
        host_block(&w->world->network, broker, client, true);
    if (way != 1)
        host_block(&w->world->network, client, broker, true);
}

/* Other programs use the disk as well. 0: there is room without limit. The limit holds for the
 * lives to come, too. */
static void disk_set_room(struct broker_world *w, uint64_t free_bytes)
{
    struct disk *disk = node_disk(w->broker);
    disk->capacity_bytes = free_bytes == 0 ? 0 : disk->used_bytes + free_bytes;
    w->world->faults.disk.capacity_bytes = disk->capacity_bytes;
}

static bool disk_is_short(const struct broker_world *w)
{
    return node_disk(w->broker)->capacity_bytes != 0;
}

static void disk_fill_up(struct broker_world *w)
{
    bool is_full = prng_chance(&w->prng, 2, 3);
    disk_set_room(w, 1 + prng_below(&w->prng, is_full ? FREE_BYTES_LEFT : FREE_BYTES_NARROW));
}

/* It becomes less, or a little more, or ends; the broker goes on by itself. */
static void disk_ease(struct broker_world *w)
{
    if (prng_chance(&w->prng, 1, 3))
        disk_fill_up(w);
    else
        disk_set_room(w, 0);
}

static const char *choose_device(struct broker_world *w)
{
    return devices[prng_below(&w->prng, w->device_count)];
}

static bool any_device_is_broken(const struct broker_world *w)
{
    return node_disk(w->broker)->broken_devices != 0;
}

static void devices_repair(struct broker_world *w)
{
    for (uint32_t i = 0; i < w->device_count; i++)
        disk_break(node_disk(w->broker), devices[i], false);
}

static void plan_for_broker(struct broker_world *w, enum planned_effect effect, uint64_t nth)
{
    if (w->broker_plan_count == NODE_PLAN_COUNT_MAX)
        return;
    w->broker_plan_count++;
    node_plan(w->broker, (struct planned_fault){effect, (uint32_t)PLAN_ANY_FILE, nth});
}

static void plan_disk_fault(struct broker_world *w)
{
    static const enum planned_effect effects[] = {PLAN_POWER_CUT, PLAN_KILL, PLAN_IO_ERROR,
                                                  PLAN_NO_SPACE};
    uint64_t nth = prng_between(&w->prng, 1, 300);
    plan_for_broker(w, effects[prng_below(&w->prng, 4)], nth);
}

/* The power goes, and again while the broker starts. */
static void cut_start_short(struct broker_world *w)
{
    node_kill(w->broker, DEATH_POWER_CUT);
    plan_for_broker(w, PLAN_POWER_CUT, prng_between(&w->prng, 1, START_OPERATIONS));
}

static void make_trouble(struct broker_world *w)
{
    struct node *client = w->clients[prng_below(&w->prng, CLIENT_COUNT)];
    switch (prng_below(&w->prng, 12)) {
    case 0: node_kill(w->broker, DEATH_KILL); break;
    case 1: node_kill(w->broker, DEATH_POWER_CUT); break;
    case 2: cut_start_short(w); break;
    case 3: node_signal(w->broker, SIGTERM); break;
    case 4: node_set_core_count(w->broker, draw_core_count(&w->prng)); break;
    case 5: node_kill(client, DEATH_KILL); break;
    case 6: link_cut(w); break;
    case 7: links_open(w); break;
    case 8: disk_fill_up(w); break;
    case 9: node_pause(w->broker, prng_below(&w->prng, second_ns / 4)); break;
    case 10: plan_disk_fault(w); break;
    case 11: disk_break(node_disk(w->broker), choose_device(w), true); break;
    }
}

/* Who repairs a disk starts the broker anew, which may have gone on without it. */
static void repair(struct broker_world *w)
{
    devices_repair(w);
    node_kill(w->broker, prng_chance(&w->prng, 1, 2) ? DEATH_POWER_CUT : DEATH_KILL);
}

/* Mostly nothing else goes wrong before a disk has room again, or has been repaired. */
static void trouble_fire(struct event *event)
{
    struct broker_world *w = container_of(event, struct broker_world, trouble);
    bool is_enough = prng_chance(&w->prng, 3, 4);
    if (any_device_is_broken(w) && is_enough)
        repair(w);
    else if (disk_is_short(w) && is_enough)
        disk_ease(w);
    else
        make_trouble(w);
    event_schedule(&w->world->queue, event,
                   world_now_ns(w->world) + prng_below(&w->prng, second_ns / 4));
}

/* What a broker that lives on may have lost: a disk that failed by chance is not heard of here. */
static bool broker_is_whole(const struct broker_world *w)
{
    return w->device_count == 1 && !any_device_is_broken(w);
}

/* Ends all trouble, so that what must happen in the end can. A broker that has all its disks has to
 * find out by itself. */
static void heal(struct broker_world *w)
{
    bool must_restart = !broker_is_whole(w) || prng_chance(&w->prng, 1, 2);
    event_cancel(&w->world->queue, &w->trouble);
    w->world->faults = (struct faults){0};
    links_open(w);
    node_forget_plans(w->broker);
    disk_set_room(w, 0);
    if (must_restart)
        repair(w);
    w->workload.is_quiet = true;
}

/* --- The end ---------------------------------------------------------------------------------- */

static bool clients_are_idle(const struct broker_world *w)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        if (!w->programs[i].is_idle)
            return false;
    return true;
}

static bool is_over(const struct broker_world *w, uint64_t deadline_ns)
{
    return w->workload.check.verdict->outcome != OUTCOME_GOOD ||
           world_now_ns(w->world) > deadline_ns;
}

static void fail_stuck(struct broker_world *w, const struct worker_program *program,
                       const char *name, uint32_t index)
{
    verdict_fail(w->workload.check.verdict, OUTCOME_STUCK,
                 "%s %u has not come to an end: its last call landed with %d (error %d)", name,
                 index, program->last_result, program->last_error);
}

static void wait_for_idle(struct broker_world *w, uint64_t deadline_ns)
{
    while (!is_over(w, deadline_ns) && !clients_are_idle(w))
        world_step(w->world);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        if (!w->programs[i].is_idle)
            fail_stuck(w, &w->programs[i], "client", i);
}

static void audit(struct broker_world *w, uint64_t deadline_ns)
{
    if (is_over(w, deadline_ns))
        return;
    node_start(w->auditor, 0);
    while (!is_over(w, deadline_ns) && !w->auditor_program.is_idle)
        world_step(w->world);
    if (!w->auditor_program.is_idle)
        fail_stuck(w, &w->auditor_program, "auditor", 0);
}

static void broker_run(const struct story_options *options, struct verdict *verdict)
{
    struct broker_world w = {0};
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD};
    prng_init(&w.prng, options->seed);
    struct faults faults = draw_faults(&w.prng);
    w.world = world_create(prng_fork(&w.prng), &faults);
    w.world->log = options->log;
    world_show_trace(w.world, options->trace);
    check_init(&w.workload.check, verdict);
    build_broker(&w, options);
    build_clients(&w);
    event_init(&w.trouble, trouble_fire);
    event_schedule(&w.world->queue, &w.trouble, second_ns / 5);

    uint64_t trouble_ms = prng_between(&w.prng, TROUBLE_MS_MIN, TROUBLE_MS_MAX);
    while (!is_over(&w, trouble_ms * ms_ns))
        world_step(w.world);
    heal(&w);
    uint64_t deadline_ns = world_now_ns(w.world) + PATIENCE_SECONDS * second_ns;
    wait_for_idle(&w, deadline_ns);
    audit(&w, deadline_ns);
    check_memory(&w.workload.check, node_memory_peak_bytes(w.broker),
                 w.broker_program.memory_bytes + MEMORY_SLACK_BYTES);

    if (options->log != NULL)
        fprintf(options->log,
                "story: %" PRIu64 " records sent, %" PRIu64 " acknowledged, %" PRIu64
                " refused, %" PRIu64
                " read; the broker died %u times, served in %u lives, halted in %u, took %zu "
                "bytes, and sent %" PRIu64 " from files\n",
                w.workload.check.record_count, w.workload.check.acked_count,
                w.workload.check.refused_count, w.workload.check.read_count,
                node_death_count(w.broker), w.broker_program.serve_count,
                w.broker_program.halt_count, node_memory_peak_bytes(w.broker),
                w.world->network.range_bytes);
    verdict->range_bytes = w.world->network.range_bytes;
    verdict->trace_hash = w.world->trace.hash;
    verdict->step_count = w.world->step_count;
    verdict->simulated_ns = world_now_ns(w.world);
    world_destroy(w.world);
    check_deinit(&w.workload.check);
}

const struct story broker_story = {
    .name = "broker",
    .summary = "a broker and its clients, who are told the truth or nothing",
    .bites = bites,
    .run = broker_run,
};
