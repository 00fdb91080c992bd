#include "bench/bench.h"

#include "base/assert.h"
#include "base/list.h"
#include "bench/fetch.h"
#include "bench/produce.h"
#include "bench/run.h"
#include "bench/server.h"
#include "bench/system.h"
#include "bench/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct result *result_create(void)
{
    struct result *result = calloc(1, sizeof *result);
    if (result == NULL)
        fail("no memory for the result");
    return result;
}

void bench_free(struct result *result)
{
    assert(result != NULL);
    result_deinit(result);
    free(result);
}

/* Connects, and notes the conditions before anything runs. The questions for these go over a
 * connection of their own: a broker that does not know one of them closes it. */
static void prepare(const struct load *load, struct control *control, struct run *run,
                    struct result *result)
{
    struct server_use use;
    if (load->pid != 0 && !server_use_read(load->pid, &use))
        fail("there is no process %u", load->pid);
    *run = (struct run){.load = load};
    control_open_first(control, load->brokers, &run->address);
    conditions_find(&result->conditions, load->pid, control);
    control_close(control);
    if (!control_open(control, &run->address))
        fail("the broker at %s is gone", load->brokers);
}

/* --- One role --------------------------------------------------------------------------------- */

static void run_produce(const struct load *load, struct result *result)
{
    struct control control;
    struct run run;
    struct produce produce;
    prepare(load, &control, &run, result);
    topic_create(&control, load->topic, load->partitions, &load->topic_configs);
    produce_init(&produce, load, 0, &control);
    run.roles[run.role_count++] = &produce.role;
    run_all(&run, result);
    produce_deinit(&produce);
    control_close(&control);
}

static void run_fetch(const struct load *load, struct result *result)
{
    struct control control;
    struct run run;
    struct fetch fetch;
    const struct fetch_options options = {
        .name = "fetch",
        .topic = load->topic,
        .partitions = load->partitions,
        .connections = load->connections,
        .has_session = load->sessions,
        .is_once = load->once,
    };
    prepare(load, &control, &run, result);
    fetch_init(&fetch, load, &options, &control);
    if (load->cold)
        page_cache_drop();
    run.roles[run.role_count++] = &fetch.role;
    run_all(&run, result);
    fetch_deinit(&fetch);
    control_close(&control);
}

/* --- Producers and those who follow ----------------------------------------------------------- */

struct tail {
    struct run run;
    struct control control;
    struct produce produce;
    struct fetch follow;
    struct fetch backlog; /* of the mixed load */
};

static bool is_caught_up(const struct run *run)
{
    const struct tail *tail = container_of((struct run *)(uintptr_t)run, struct tail, run);
    return __atomic_load_n(&tail->follow.received_batches, __ATOMIC_RELAXED) >=
           __atomic_load_n(&tail->produce.taken_batches, __ATOMIC_RELAXED);
}

static void tail_init(struct tail *tail, const struct load *load, struct result *result)
{
    /* What an earlier run has left in the topic must not be taken for this one's. */
    uint64_t run_id = (uint64_t)now_ns() << 20 | (uint64_t)getpid();
    const struct fetch_options follow = {
        .name = "receive",
        .topic = load->topic,
        .partitions = load->partitions,
        .connections = load->consumers,
        .is_follower = true,
        .has_session = true,
        .run_id = run_id,
    };
    prepare(load, &tail->control, &tail->run, result);
    topic_create(&tail->control, load->topic, load->partitions, &load->topic_configs);
    produce_init(&tail->produce, load, run_id, &tail->control);
    fetch_init(&tail->follow, load, &follow, &tail->control);
    tail->run.roles[0] = &tail->produce.role;
    tail->run.roles[1] = &tail->follow.role;
    tail->run.role_count = 2;
    tail->run.cost_role = 0;
    tail->run.main_role = 1;
    tail->run.is_caught_up = is_caught_up;
}

static void tail_run(struct tail *tail, struct result *result)
{
    run_all(&tail->run, result);
    /* A batch that was acknowledged and did not arrive. */
    uint64_t taken = tail->produce.taken_batches;
    uint64_t received = tail->follow.received_batches;
    if (taken > received)
        result->roles[1].tally.unanswered += taken - received;
}

static void tail_deinit(struct tail *tail)
{
    fetch_deinit(&tail->follow);
    produce_deinit(&tail->produce);
    control_close(&tail->control);
}

static void run_e2e(const struct load *load, struct result *result)
{
    struct tail tail;
    tail_init(&tail, load, result);
    tail_run(&tail, result);
    tail_deinit(&tail);
}

/* --- Beside a reader from the beginning ------------------------------------------------------- */

enum { FILL_RECORD_BYTES = 1024, FILL_BATCH_RECORDS = 63, FILL_SECONDS_MAX = 3600 };

static uint64_t count_records(struct control *control, const struct load *load)
{
    uint64_t records = 0;
    for (uint32_t i = 0; i < load->backlog_readers; i++) {
        int64_t begin;
        int64_t end;
        if (!control_find_offsets(control, load->backlog_topic, false, i, 1, &begin) ||
            !control_find_offsets(control, load->backlog_topic, true, i, 1, &end))
            fail("topic %s has fewer than %u partitions", load->backlog_topic,
                 load->backlog_readers);
        records += (uint64_t)(end - begin);
    }
    return records;
}

void bench_fill(const char *brokers, const char *topic, uint32_t partitions,
                const struct topic_configs *configs, uint64_t bytes)
{
    struct load fill;
    load_init(&fill, LOAD_PRODUCE, brokers);
    fill.topic = topic;
    fill.partitions = partitions;
    if (configs != NULL)
        fill.topic_configs = *configs;
    fill.closed = true;
    fill.in_flight = 4;
    fill.warm_up = 0;
    fill.seconds = FILL_SECONDS_MAX;
    fill.batch_records.parts[0] =
        (struct distribution_part){FILL_BATCH_RECORDS, FILL_BATCH_RECORDS, 1};
    fill.requests = (uint32_t)(bytes / (FILL_BATCH_RECORDS * FILL_RECORD_BYTES) + 1);
    struct result *result = result_create();
    run_produce(&fill, result);
    if (!result_is_good(result))
        fail("topic %s could not be filled", topic);
    bench_free(result);
}

/* Makes the backlog as long as was asked for, a partition for each reader. */
static void fill_backlog(const struct load *load, struct control *control)
{
    uint64_t wanted = load->backlog_bytes / FILL_RECORD_BYTES;
    topic_create(control, load->backlog_topic, load->backlog_readers, NULL);
    uint64_t there = count_records(control, load);
    if (there < wanted)
        bench_fill(load->brokers, load->backlog_topic, load->backlog_readers, NULL,
                   (wanted - there) * FILL_RECORD_BYTES);
}

static void run_mixed(const struct load *load, struct result *result)
{
    struct tail tail;
    const struct fetch_options backlog = {
        .name = "backlog",
        .topic = load->backlog_topic,
        .partitions = load->backlog_readers,
        .connections = load->backlog_readers,
    };
    tail_init(&tail, load, result);
    fill_backlog(load, &tail.control);
    fetch_init(&tail.backlog, load, &backlog, &tail.control);
    if (load->cold)
        page_cache_drop();
    tail.run.roles[tail.run.role_count++] = &tail.backlog.role;
    tail_run(&tail, result);
    fetch_deinit(&tail.backlog);
    tail_deinit(&tail);
}

/* --- Steps ------------------------------------------------------------------------------------ */

static void run_step(struct load *step, char topic[static LOAD_TOPIC_SIZE], uint32_t value,
                     struct result *result)
{
    if (step->over == OVER_PARTITIONS)
        step->partitions = value;
    else
        step->connections = value;
    if (step->threads > step->connections)
        step->threads = step->connections;
    step->topic = topic;
    run_produce(step, result);
}

/* The result of the last step, with those of all in it. */
static struct result *run_steps(const struct load *load)
{
    struct result *result = NULL;
    json_t *steps = json_array();
    for (uint32_t i = 0; i < load->steps.count; i++) {
        struct load step = *load;
        char topic[LOAD_TOPIC_SIZE];
        uint32_t value = load->steps.values[i];
        snprintf(topic, sizeof topic, "%s-%u", load->topic,
                 load->over == OVER_PARTITIONS ? value : load->partitions);
        if (result != NULL)
            bench_free(result);
        result = result_create();
        run_step(&step, topic, value, result);
        result->load = &step;
        json_array_append_new(steps, result_step_json(result));
        result->load = load;
    }
    assert(result != NULL);
    result->steps = steps;
    return result;
}

struct result *bench_run(const struct load *load)
{
    assert(!load_has_groups(load));
    if (load->mode == LOAD_PARTITIONS)
        return run_steps(load);
    struct result *result = result_create();
    switch (load->mode) {
    case LOAD_PRODUCE: run_produce(load, result); break;
    case LOAD_FETCH: run_fetch(load, result); break;
    case LOAD_E2E: run_e2e(load, result); break;
    case LOAD_MIXED: run_mixed(load, result); break;
    case LOAD_PARTITIONS:
    case LOAD_GROUPS_HEARTBEAT:
    case LOAD_GROUPS_COMMIT:
    case LOAD_GROUPS_JOIN:
    case LOAD_GROUPS_LIST:
    case LOAD_GROUPS_RESTART: unreachable();
    }
    return result;
}
