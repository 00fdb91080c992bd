#include "bench/bench.h"

#include "base/assert.h"
#include "bench/produce.h"
#include "bench/run.h"
#include "bench/system.h"

#include <stdlib.h>

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

/* Connects, notes the conditions and makes the topic. */
static void prepare(const struct load *load, struct control *control, struct run *run,
                    struct result *result)
{
    *run = (struct run){.load = load};
    control_open_first(control, load->brokers, &run->address);
    control_create_topic(control, load->topic, load->partitions);
    conditions_find(&result->conditions, load->pid, control);
}

static void run_produce(const struct load *load, struct result *result)
{
    struct control control;
    struct run run;
    struct produce produce;
    prepare(load, &control, &run, result);
    produce_init(&produce, load, 0, &control);
    run.roles[run.role_count++] = &produce.role;
    run_all(&run, result);
    produce_deinit(&produce);
    control_close(&control);
}

struct result *bench_run(const struct load *load)
{
    struct result *result = result_create();
    switch (load->mode) {
    case LOAD_PRODUCE: run_produce(load, result); return result;
    case LOAD_FETCH:
    case LOAD_E2E:
    case LOAD_MIXED:
    case LOAD_PARTITIONS: break;
    }
    unreachable();
}
