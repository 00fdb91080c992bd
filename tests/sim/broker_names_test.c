/* A broker whose log.dirs is a fresh path of several directories: whatever the power cut takes, the
 * path is there once the broker has served, and the next life goes on in it. */
#include "base/arena.h"
#include "io/io.h"
#include "sim/broker_node.h"
#include "sim/disk.h"
#include "sim/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_COUNT = 40, STEP_COUNT_MAX = 100000, ARENA_BYTES_MAX = 64 << 10 };

static const char settings[] = "node.id=1\n"
                               "listeners=PLAINTEXT://:9092\n"
                               "advertised.listeners=PLAINTEXT://broker:9092\n"
                               "log.dirs=/data/some/where/else\n";

static bool has_name(const struct disk *disk, const char *directory, const char *name)
{
    struct arena arena;
    struct io_entry *entries;
    uint32_t count;
    bool is_there = false;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (disk_list(disk, directory, &arena, &entries, &count) == STATUS_OK)
        for (uint32_t i = 0; i < count; i++)
            is_there = is_there || strcmp(entries[i].name, name) == 0;
    arena_deinit(&arena);
    return is_there;
}

static void serve(struct world *world, const struct broker_program *program, uint32_t lives)
{
    for (uint32_t i = 0; i < STEP_COUNT_MAX && program->serve_count < lives; i++)
        world_step(world);
    assert_int_equal(program->serve_count, lives);
}

static void die(struct world *world, struct node *node, enum death death)
{
    uint32_t deaths = node_death_count(node);
    node_kill(node, death);
    while (node_death_count(node) == deaths || node_is_running(node))
        world_step(world);
}

static bool has_names(struct node *node)
{
    static const char *const names[] = {"cluster", "journal", "topics"};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        count += has_name(node_disk(node), "/data/some/where/else", names[i]);
    return count == sizeof names / sizeof names[0];
}

/* The power goes as soon as the broker serves; the fault, if any, strikes before. True if all names
 * were still there; and the next life has served. */
static bool path_survives(uint64_t seed, const struct planned_fault *fault)
{
    const struct faults quiet = {0};
    struct broker_program program;
    struct world *world = world_create(seed, &quiet);
    broker_program_init(&program, settings);
    struct node *node = node_create(world, "broker", &program.program, 1);
    node_restart_after(node, 1000 * 1000);
    if (fault != NULL)
        node_plan(node, *fault);
    node_start(node, 0);
    serve(world, &program, 1);
    node_restart_after(node, 0);
    die(world, node, DEATH_POWER_CUT);
    bool is_whole = has_names(node);
    node_start(node, 0);
    serve(world, &program, 2);
    world_destroy(world);
    return is_whole;
}

static void test_path_is_durable_when_the_broker_serves(void **state)
{
    /* Every name of the path has been synced before the first request is answered. */
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++)
        assert_true(path_survives(seed, NULL));
}

static void test_path_made_by_a_killed_life_is_durable_as_well(void **state)
{
    /* A name that is there already may have been made by a process that did not live to sync it. */
    for (uint64_t nth = 1; nth <= SEED_COUNT; nth++)
        assert_true(
            path_survives(nth, &(struct planned_fault){PLAN_KILL, (uint32_t)PLAN_ANY_FILE, nth}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_is_durable_when_the_broker_serves),
        cmocka_unit_test(test_path_made_by_a_killed_life_is_durable_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
