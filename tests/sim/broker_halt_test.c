/* A broker in a world ends when a disk fails that it cannot do without, and not when another does;
 * once that is repaired, the next life serves. */
#include "sim/broker_node.h"
#include "sim/node.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { STEP_COUNT_MAX = 400000, RESTART_NS = 20 * 1000 * 1000, OPERATION_COUNT = 150 };

static const char settings[] = "node.id=1\n"
                               "listeners=PLAINTEXT://:9092\n"
                               "advertised.listeners=PLAINTEXT://broker:9092\n"
                               "log.dirs=/data/first,/data/second\n";

struct fixture {
    struct broker_program program;
    struct world *world;
    struct node *node;
};

static void serve(struct fixture *f, uint32_t lives)
{
    for (uint32_t i = 0; i < STEP_COUNT_MAX && f->program.serve_count < lives; i++)
        world_step(f->world);
    assert_int_equal(f->program.serve_count, lives);
}

static void build(struct fixture *f)
{
    const struct faults quiet = {0};
    *f = (struct fixture){.world = world_create(1, &quiet)};
    broker_program_init(&f->program, settings);
    f->node = node_create(f->world, "broker", &f->program.program, 2);
    disk_mount(node_disk(f->node), "/data/first");
    disk_mount(node_disk(f->node), "/data/second");
    node_restart_after(f->node, RESTART_NS);
}

static void begin(struct fixture *f)
{
    build(f);
    node_start(f->node, 0);
    serve(f, 1);
}

/* Long enough for everybody to have noticed. */
static void break_device(struct fixture *f, const char *path)
{
    disk_break(node_disk(f->node), path, true);
    world_run_until(f->world, world_now_ns(f->world) + 60ull * 1000 * 1000 * 1000);
}

static void test_broker_halts_without_its_metadata(void **state)
{
    /* It ends by itself, does not start again while the disk is broken, and does afterwards. */
    struct fixture f;
    begin(&f);
    break_device(&f, "/data/first");
    node_kill(f.node, DEATH_KILL);
    world_run_until(f.world, world_now_ns(f.world) + RESTART_NS * 10ull);
    assert_int_equal(f.program.serve_count, 1);
    assert_int_equal(node_last_death(f.node), DEATH_STOP);
    disk_break(node_disk(f.node), "/data/first", false);
    serve(&f, 2);
    world_destroy(f.world);
}

static void test_broker_goes_on_without_another_disk(void **state)
{
    /* It starts, and lives, with what it has. */
    struct fixture f;
    begin(&f);
    break_device(&f, "/data/second");
    assert_int_equal(node_death_count(f.node), 0);
    node_kill(f.node, DEATH_POWER_CUT);
    serve(&f, 2);
    assert_int_equal(f.program.halt_count, 0);
    world_destroy(f.world);
}

static void test_broker_comes_back_from_any_failure(void **state)
{
    /* Whatever operation of its first life fails: it ends or goes on, and serves at last. */
    uint32_t halt_count = 0;
    for (uint64_t nth = 1; nth <= OPERATION_COUNT; nth++) {
        struct fixture f;
        build(&f);
        node_plan(f.node, (struct planned_fault){PLAN_IO_ERROR, (uint32_t)PLAN_ANY_FILE, nth});
        node_start(f.node, 0);
        serve(&f, 1);
        world_run_until(f.world, world_now_ns(f.world) + 30ull * 1000 * 1000 * 1000);
        if (!node_is_running(f.node))
            serve(&f, 2);
        halt_count += f.program.halt_count;
        world_destroy(f.world);
    }
    assert_int_not_equal(halt_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker_halts_without_its_metadata),
        cmocka_unit_test(test_broker_goes_on_without_another_disk),
        cmocka_unit_test(test_broker_comes_back_from_any_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
