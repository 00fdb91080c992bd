#include "sim/ledger.h"

#include "base/assert.h"
#include "sim/host.h"
#include "sim/ledger_client.h"
#include "sim/ledger_server.h"
#include "sim/node.h"

static const uint64_t second_ns = 1000ull * 1000 * 1000;

enum { ANSWERED_WANTED = 60, TROUBLE_SECONDS = 4, PATIENCE_SECONDS = 120 };

static const struct story_bite bites[] = {
    {"no-sync", "the server answers after a write that was not synced"},
    {"early-answer", "the server answers before its commit has landed"},
    {"trust-cache", "the server believes that what reads back after a restart is durable"},
    {"no-name-sync", "the server never syncs the directory of its new file"},
    {NULL, NULL},
};

static enum ledger_mistake mistake_of(const char *bite)
{
    for (int i = 0; bite != NULL && bites[i].name != NULL; i++)
        if (strcmp(bites[i].name, bite) == 0)
            return (enum ledger_mistake)(i + 1);
    return LEDGER_RIGHT;
}

/* The world of one run. */
struct ledger {
    struct world *world;
    struct node *server;
    struct node *client;
    struct ledger_server_program server_program;
    struct ledger_client_program client_program;
    struct event trouble;
    struct prng prng;
};

/* Not every world has every fault: some bugs hide behind others. */
static uint32_t maybe(struct prng *prng, uint32_t chance)
{
    return prng_chance(prng, 1, 2) ? chance : 0;
}

static struct faults draw_faults(struct prng *prng)
{
    return (struct faults){
        .disk = {.short_count = maybe(prng, 100000),
                 .write_error = maybe(prng, 2000),
                 .sync_error = maybe(prng, 5000),
                 .stall = maybe(prng, 5000),
                 .stall_ns_max = second_ns / 4},
        .network = {.window_bytes = 16,
                    .split = maybe(prng, 300000),
                    .slow = maybe(prng, 50000),
                    .slow_ns_max = second_ns / 10,
                    .reset = maybe(prng, 10000),
                    .refuse = maybe(prng, 100000)},
        .node = {.pause = maybe(prng, 1000),
                 .pause_ns_max = second_ns / 10,
                 .wall_error_ms_max = 100000,
                 .clock_drift_ppm = 200},
    };
}

static void trouble_fire(struct event *event)
{
    struct ledger *ledger = container_of(event, struct ledger, trouble);
    struct network *network = &ledger->world->network;
    uint32_t server = node_host(ledger->server);
    uint32_t client = node_host(ledger->client);
    uint32_t from = prng_chance(&ledger->prng, 1, 2) ? server : client;
    switch (prng_below(&ledger->prng, 4)) {
    case 0: node_kill(ledger->server, DEATH_KILL); break;
    case 1: node_kill(ledger->server, DEATH_POWER_CUT); break;
    case 2: host_block(network, from, from == server ? client : server, true); break;
    case 3:
        host_block(network, server, client, false);
        host_block(network, client, server, false);
        break;
    }
    event_schedule(&ledger->world->queue, event,
                   world_now_ns(ledger->world) + prng_below(&ledger->prng, second_ns / 4));
}

static void ledger_build(struct ledger *ledger, const struct story_options *options)
{
    prng_init(&ledger->prng, options->seed);
    struct faults faults = draw_faults(&ledger->prng);
    ledger->world = world_create(prng_fork(&ledger->prng), &faults);
    ledger->world->log = options->log;
    world_show_trace(ledger->world, options->trace);
    ledger_server_program_init(&ledger->server_program, mistake_of(options->bite));
    ledger->server = node_create(ledger->world, "server", &ledger->server_program.program, 1);
    ledger_client_program_init(&ledger->client_program,
                               network_address(node_host(ledger->server), LEDGER_PORT));
    ledger->client = node_create(ledger->world, "client", &ledger->client_program.program, 1);
    node_restart_after(ledger->server, second_ns / 20);
    node_start(ledger->server, 0);
    node_start(ledger->client, 0);
    event_init(&ledger->trouble, trouble_fire);
    event_schedule(&ledger->world->queue, &ledger->trouble, second_ns / 10);
}

/* Ends all trouble, so that what must happen in the end can. */
static void ledger_heal(struct ledger *ledger)
{
    struct world *world = ledger->world;
    event_cancel(&world->queue, &ledger->trouble);
    world->faults = (struct faults){0};
    host_block(&world->network, 0, 1, false);
    host_block(&world->network, 1, 0, false);
    node_kill(ledger->server, DEATH_POWER_CUT);
}

/* Everything that was answered is there, in order and once. */
static void ledger_check(struct ledger *ledger, struct verdict *verdict)
{
    uint64_t answered = ledger->client_program.answered;
    uint64_t index = 0;
    uint64_t value = 0;
    uint64_t last = 0;
    while (ledger_block_read(node_disk(ledger->server), index, &value)) {
        if (value != last + 1)
            verdict_fail(verdict, OUTCOME_UNSAFE, "block %lu holds %lu after %lu",
                         (unsigned long)index, (unsigned long)value, (unsigned long)last);
        last = value;
        index++;
    }
    if (last < answered)
        verdict_fail(verdict, OUTCOME_UNSAFE, "%lu was answered, but the ledger ends with %lu",
                     (unsigned long)answered, (unsigned long)last);
}

static void ledger_run(const struct story_options *options, struct verdict *verdict)
{
    struct ledger ledger;
    *verdict = (struct verdict){.outcome = OUTCOME_GOOD};
    ledger_build(&ledger, options);
    world_run_until(ledger.world, TROUBLE_SECONDS * second_ns);
    ledger_heal(&ledger);
    uint64_t wanted = ledger.client_program.answered + ANSWERED_WANTED;
    while (ledger.client_program.answered < wanted &&
           world_now_ns(ledger.world) < PATIENCE_SECONDS * second_ns)
        world_step(ledger.world);
    ledger_check(&ledger, verdict);
    if (ledger.client_program.answered < wanted)
        verdict_fail(verdict, OUTCOME_STUCK, "only %lu of %lu were answered",
                     (unsigned long)ledger.client_program.answered, (unsigned long)wanted);
    verdict->trace_hash = ledger.world->trace.hash;
    verdict->step_count = ledger.world->step_count;
    verdict->simulated_ns = world_now_ns(ledger.world);
    world_destroy(ledger.world);
}

const struct story ledger_story = {
    .name = "ledger",
    .summary = "a server of one file that answers what is durable, and its client",
    .bites = bites,
    .run = ledger_run,
};
