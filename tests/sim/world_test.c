/* The life of simulated nodes: what a program may rely on while it runs, and what is left of it
 * when it dies. */
#include "sim/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CORE_COUNT = 2, REQUEST_COUNT = 8, MAIL_COUNT = 50, PORT = 9000 };

static const uint64_t ms_ns = 1000 * 1000;

struct probe;

/* A program whose test says what it does, and which counts what lands. */
struct probe_program {
    struct program program;
    void (*begin)(struct probe *probe);
    void (*finish)(struct probe *probe);
    bool refuses; /* to start */
    uint32_t start_count;
    uint32_t destroy_count;
    uint32_t landed_count;
    int32_t results[MAIL_COUNT];
    uint64_t fired_ns; /* when the last timer fired, by the node's clock */
};

struct probe {
    struct process process;
    struct probe_program *program;
    struct io *cores[CORE_COUNT];
    struct io_request requests[REQUEST_COUNT];
    struct completion mails[MAIL_COUNT];
    struct timer timer;
    struct timer *neighbour; /* on the heap, due with `timer`; or NULL */
    uint8_t *buffer;         /* a block */
    struct bytes piece;
    int32_t file;
};

static struct process *probe_start(const struct program *program, struct node *node,
                                   struct io *const *cores, uint32_t core_count)
{
    struct probe *probe = calloc(1, sizeof *probe);
    probe->process = (struct process){.program = program, .node = node};
    probe->program = container_of(program, struct probe_program, program);
    probe->buffer = aligned_alloc(IO_BLOCK_SIZE, IO_BLOCK_SIZE);
    memset(probe->buffer, 'p', IO_BLOCK_SIZE);
    for (uint32_t i = 0; i < core_count; i++)
        probe->cores[i] = cores[i];
    probe->program->start_count++;
    if (probe->program->begin != NULL)
        probe->program->begin(probe);
    if (!probe->program->refuses)
        return &probe->process;
    free(probe->buffer);
    free(probe);
    return NULL;
}

static void probe_finish(struct process *process)
{
    struct probe *probe = container_of(process, struct probe, process);
    if (probe->program->finish != NULL)
        probe->program->finish(probe);
}

/* Frees in the worst order what others may still point at: the sanitizer sees whoever touches it.
 */
static void probe_destroy(struct process *process)
{
    struct probe *probe = container_of(process, struct probe, process);
    probe->program->destroy_count++;
    free(probe->neighbour);
    if (probe->timer.fired != NULL)
        io_timer_cancel(probe->cores[0], &probe->timer);
    free(probe->buffer);
    free(probe);
}

static struct probe_program probe_program(void (*begin)(struct probe *))
{
    return (struct probe_program){
        .program = {.start = probe_start, .finish = probe_finish, .destroy = probe_destroy},
        .begin = begin,
    };
}

static struct probe *probe_of(struct node *node)
{
    return container_of(node_process(node), struct probe, process);
}

/* A world with one node that has started. */
static struct world *start_one(struct probe_program *program, uint64_t seed, struct node **node)
{
    struct world *world = world_create(seed, &(struct faults){0});
    *node = node_create(world, "node", &program->program, CORE_COUNT);
    node_start(*node, 0);
    world_run_until(world, 0);
    return world;
}

/* --- Doors ------------------------------------------------------------------------------------ */

static void timer_fired(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    probe->program->landed_count++;
    probe->program->fired_ns = io_now_ns(probe->cores[0]);
}

static void begin_timer(struct probe *probe)
{
    timer_init(&probe->timer, timer_fired);
    io_timer_start(probe->cores[0], &probe->timer, io_now_ns(probe->cores[0]) + 5 * ms_ns);
}

static void test_timers_fire_when_due(void **state)
{
    /* A timer fires at its deadline or a little later, whatever the node's clock is. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct probe_program program = probe_program(begin_timer);
        struct world *world = world_create(
            seed, &(struct faults){.node = {.clock_drift_ppm = 10000, .wall_error_ms_max = 5}});
        struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
        node_start(node, 0);
        world_run_until(world, 0);
        uint64_t deadline_ns = probe_of(node)->timer.deadline;
        world_run_until(world, 4 * ms_ns);
        assert_int_equal(program.landed_count, 0);
        world_run_until(world, 6 * ms_ns);
        assert_int_equal(program.landed_count, 1);
        assert_in_range(program.fired_ns, deadline_ns, deadline_ns + ms_ns / 100);
        world_destroy(world);
    }
}

static void test_paused_process_stands_still(void **state)
{
    /* While a process is paused none of its code runs; afterwards it goes on. */
    struct probe_program program = probe_program(begin_timer);
    struct node *node;
    struct world *world = start_one(&program, 1, &node);
    node_pause(node, 100 * ms_ns);
    world_run_until(world, 90 * ms_ns);
    assert_int_equal(program.landed_count, 0);
    world_run_until(world, 101 * ms_ns);
    assert_int_equal(program.landed_count, 1);
    world_destroy(world);
}

static void test_wall_clock_jumps_alone(void **state)
{
    /* When the wall clock jumps, the monotonic one goes on as before. */
    struct probe_program program = probe_program(NULL);
    struct node *node;
    struct world *world = start_one(&program, 1, &node);
    struct io *io = node_core(node, 0);
    int64_t wall_ms = io_wall_ms(io);
    uint64_t now_ns = io_now_ns(io);
    node_jump_wall_clock(node, -3600 * 1000);
    assert_int_equal(io_wall_ms(io), wall_ms - 3600 * 1000);
    assert_int_equal(io_now_ns(io), now_ns);
    world_destroy(world);
}

static void mail_landed(struct completion *completion, int32_t result)
{
    /* The mails lie in an array of the probe, in the order in which they were sent. */
    struct probe *probe = container_of(completion - result, struct probe, mails[0]);
    probe->program->results[probe->program->landed_count++] = result;
}

static void begin_mail(struct probe *probe)
{
    for (int32_t i = 0; i < MAIL_COUNT; i++) {
        completion_init(&probe->mails[i], mail_landed);
        io_post(probe->cores[0], 1, &probe->mails[i], i);
    }
}

static void test_mail_keeps_its_order(void **state)
{
    /* What one core sends to another lands once each, in order. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct probe_program program = probe_program(begin_mail);
        struct node *node;
        struct world *world = start_one(&program, seed, &node);
        world_run_until(world, ms_ns);
        assert_int_equal(program.landed_count, MAIL_COUNT);
        for (int32_t i = 0; i < MAIL_COUNT; i++)
            assert_int_equal(program.results[i], i);
        world_destroy(world);
    }
}

/* --- Death ------------------------------------------------------------------------------------ */

static void must_not_land(struct completion *completion, int32_t result)
{
    fail_msg("a completion of a dead process landed");
}

static void must_not_fire(struct timer *timer)
{
    fail_msg("a timer of a dead process fired");
}

static struct io_request *next_request(struct probe *probe, uint32_t index)
{
    assert_true(index < REQUEST_COUNT);
    completion_init(&probe->requests[index].completion, must_not_land);
    return &probe->requests[index];
}

/* Everything that a door can have in flight. */
static void begin_everything(struct probe *probe)
{
    struct io *io = probe->cores[0];
    io_open(io, &probe->requests[0], "/data/file", IO_OPEN_CREATE);
    probe->file = io_await(io, &probe->requests[0]);
    assert_true(probe->file >= 0);
    struct io_address address = {.port = PORT};
    int32_t listener;
    assert_int_equal(io_listen(io, &address, &listener), STATUS_OK);
    address = network_address(node_host(probe->process.node), PORT);

    io_write_durable(io, next_request(probe, 0), probe->file, probe->buffer, IO_BLOCK_SIZE, 0);
    io_read(io, next_request(probe, 1), probe->file, probe->buffer, IO_BLOCK_SIZE, 0);
    io_rename(io, next_request(probe, 2), "/data/file", "/data/other");
    io_sync_directory(io, next_request(probe, 3), "/data");
    io_accept(io, next_request(probe, 4), listener);
    io_connect(io, next_request(probe, 5), &address);
    io_signal(io, next_request(probe, 6));
    timer_init(&probe->timer, must_not_fire);
    io_timer_start(io, &probe->timer, io_now_ns(io) + ms_ns);
    probe->neighbour = malloc(sizeof *probe->neighbour);
    timer_init(probe->neighbour, must_not_fire);
    io_timer_start(io, probe->neighbour, io_now_ns(io) + ms_ns);
    completion_init(&probe->mails[0], must_not_land);
    io_post(io, 1, &probe->mails[0], 0);
    completion_init(&probe->mails[1], must_not_land);
    io_land(io, &probe->mails[1], 0);
}

static void test_death_forgets_what_is_in_flight(void **state)
{
    /* When a node dies nothing of it lands any more, and all its memory may be freed. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct probe_program program = probe_program(begin_everything);
        struct world *world = world_create(seed, &(struct faults){0});
        struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
        node_start(node, 0);
        node_plan(node, (struct planned_fault){
                            .effect = PLAN_KILL, .kinds = 1u << IO_SYNC_DIRECTORY, .nth = 1});
        world_run_until(world, 10 * ms_ns);
        assert_int_equal(program.destroy_count, 1);
        assert_int_equal(node_last_death(node), DEATH_KILL);
        assert_false(node_is_running(node));
        world_destroy(world);
    }
}

static void begin_write(struct probe *probe)
{
    struct io *io = probe->cores[0];
    io_open(io, &probe->requests[0], "/data/file", IO_OPEN_CREATE);
    probe->file = io_await(io, &probe->requests[0]);
    if (probe->file < 0)
        return;
    io_write(io, &probe->requests[0], probe->file, probe->buffer, IO_BLOCK_SIZE, 0);
    probe->program->results[0] = io_await(io, &probe->requests[0]);
}

static void test_kill_keeps_the_page_cache(void **state)
{
    /* A complete write survives a SIGKILL without any sync. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct probe_program program = probe_program(begin_write);
        struct node *node;
        struct world *world = start_one(&program, seed, &node);
        node_kill(node, DEATH_KILL);
        world_run_until(world, ms_ns);
        struct inode *file;
        assert_int_equal(disk_open(node_disk(node), "/data/file", 0, &file), STATUS_OK);
        assert_int_equal(file->file.current_size_bytes, IO_BLOCK_SIZE);
        disk_release(node_disk(node), file);
        world_destroy(world);
    }
}

static void test_power_cut_during_start_fails_what_is_awaited(void **state)
{
    /* From a planned power cut on, every request fails, so that start-up code unwinds. */
    struct probe_program program = probe_program(begin_write);
    struct world *world = world_create(1, &(struct faults){0});
    struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
    node_plan(node,
              (struct planned_fault){.effect = PLAN_POWER_CUT, .kinds = 1u << IO_WRITE, .nth = 1});
    node_restart_after(node, ms_ns);
    node_start(node, 0);
    world_run_until(world, ms_ns / 2);
    assert_int_equal(program.results[0], STATUS_FAILED);
    assert_int_equal(program.destroy_count, 1);
    assert_int_equal(node_last_death(node), DEATH_POWER_CUT);
    world_run_until(world, 2 * ms_ns);
    assert_true(node_is_running(node));
    assert_int_equal(program.start_count, 2);
    assert_int_equal(program.results[0], IO_BLOCK_SIZE);
    world_destroy(world);
}

static void test_program_that_refuses_to_start_is_started_again(void **state)
{
    /* A start that answers NULL ends the node, which is restarted as after any death. */
    struct probe_program program = probe_program(NULL);
    program.refuses = true;
    struct world *world = world_create(1, &(struct faults){0});
    struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
    node_restart_after(node, ms_ns);
    node_start(node, 0);
    world_run_until(world, ms_ns / 2);
    assert_false(node_is_running(node));
    program.refuses = false;
    world_run_until(world, 2 * ms_ns);
    assert_true(node_is_running(node));
    assert_int_equal(node_death_count(node), 1);
    world_destroy(world);
}

static void signalled(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct probe *probe = container_of(request, struct probe, requests[0]);
    probe->program->results[0] = result;
    io_stop(probe->cores[0]);
}

static void begin_signal(struct probe *probe)
{
    completion_init(&probe->requests[0].completion, signalled);
    io_signal(probe->cores[0], &probe->requests[0]);
}

static void test_signal_stops_a_process_cleanly(void **state)
{
    /* After a signal the process stops its door, finishes with awaits, and is gone. */
    struct probe_program program = probe_program(begin_signal);
    program.finish = begin_write;
    struct node *node;
    struct world *world = start_one(&program, 1, &node);
    node_signal(node, 15);
    world_run_until(world, ms_ns);
    assert_int_equal(program.destroy_count, 1);
    assert_int_equal(program.results[0], IO_BLOCK_SIZE);
    assert_int_equal(node_last_death(node), DEATH_STOP);
    world_destroy(world);
}

/* --- Planned faults --------------------------------------------------------------------------- */

static int32_t result_with_plan(struct planned_fault fault)
{
    struct probe_program program = probe_program(begin_write);
    struct world *world = world_create(1, &(struct faults){0});
    struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
    node_plan(node, fault);
    node_start(node, 0);
    world_run_until(world, 0);
    world_destroy(world);
    return program.results[0];
}

static void test_planned_faults_strike_once_where_they_are_planned(void **state)
{
    /* The n-th operation of a kind gets the planned error; a short count is gone on from. */
    uint32_t writes = 1u << IO_WRITE;
    assert_int_equal(result_with_plan((struct planned_fault){PLAN_IO_ERROR, writes, 1}), STATUS_IO);
    assert_int_equal(result_with_plan((struct planned_fault){PLAN_NO_SPACE, writes, 1}),
                     STATUS_NO_SPACE);
    assert_int_equal(result_with_plan((struct planned_fault){PLAN_SHORT, writes, 1}),
                     IO_BLOCK_SIZE);
    assert_int_equal(result_with_plan((struct planned_fault){PLAN_IO_ERROR, writes, 2}),
                     IO_BLOCK_SIZE);
    assert_int_equal(result_with_plan((struct planned_fault){PLAN_IO_ERROR, PLAN_ANY_FILE, 2}),
                     STATUS_IO);
}

static void begin_open_three(struct probe *probe)
{
    for (int i = 0; i < 3; i++) {
        io_open(probe->cores[0], &probe->requests[0], "/data/file", IO_OPEN_CREATE);
        probe->program->results[i] = io_await(probe->cores[0], &probe->requests[0]);
    }
}

static void test_planned_faults_are_counted_from_when_they_are_planned(void **state)
{
    /* What the node has asked for before does not count, what later lives ask for does. */
    struct probe_program program = probe_program(begin_open_three);
    struct node *node;
    struct world *world = start_one(&program, 1, &node);
    assert_true(program.results[1] >= 0);
    node_plan(node, (struct planned_fault){PLAN_IO_ERROR, (uint32_t)PLAN_ANY_FILE, 2});
    node_restart_after(node, ms_ns);
    node_kill(node, DEATH_KILL);
    world_run_until(world, world_now_ns(world) + 10 * ms_ns);
    assert_true(program.results[0] >= 0);
    assert_int_equal(program.results[1], STATUS_IO);
    assert_true(program.results[2] >= 0);
    world_destroy(world);
}

static void test_handles_run_out(void **state)
{
    /* A process that has all the handles it may have is refused more. */
    struct probe_program program = probe_program(begin_open_three);
    struct world *world = world_create(1, &(struct faults){.disk = {.handle_count_max = 2}});
    struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
    node_start(node, 0);
    world_run_until(world, 0);
    assert_true(program.results[0] >= 0);
    assert_true(program.results[1] >= 0);
    assert_int_equal(program.results[2], STATUS_NO_FILES);
    world_destroy(world);
}

/* --- Disks ------------------------------------------------------------------------------------ */

static void test_the_seed_says_whether_a_disk_keeps_an_order(void **state)
{
    /* Disks of both kinds come up, and the same seed has the same. */
    uint32_t unordered_count = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct probe_program program = probe_program(NULL);
        struct world *worlds[2];
        struct node *nodes[2];
        for (int i = 0; i < 2; i++) {
            worlds[i] = world_create(seed, &(struct faults){0});
            nodes[i] = node_create(worlds[i], "node", &program.program, 1);
        }
        assert_int_equal(node_disk(nodes[0])->order, node_disk(nodes[1])->order);
        unordered_count += node_disk(nodes[0])->order == DISK_UNORDERED;
        world_destroy(worlds[0]);
        world_destroy(worlds[1]);
    }
    assert_in_range(unordered_count, 10, 40);
}

/* --- A medium that lies ----------------------------------------------------------------------- */

/* Eight blocks of zeros, of which the first is written. */
static void begin_overwrite(struct probe *probe)
{
    struct io *io = probe->cores[0];
    io_open(io, &probe->requests[0], "/data/file", IO_OPEN_CREATE);
    probe->file = io_await(io, &probe->requests[0]);
    io_allocate(io, &probe->requests[0], probe->file, 0, 8 * IO_BLOCK_SIZE);
    assert_int_equal(io_await(io, &probe->requests[0]), STATUS_OK);
    io_write(io, &probe->requests[0], probe->file, probe->buffer, IO_BLOCK_SIZE, 0);
    probe->program->results[0] = io_await(io, &probe->requests[0]);
}

/* Which block of the file is the one that was written; there is exactly one. */
static uint64_t place_of_written_block(struct disk *disk)
{
    struct inode *file;
    uint64_t place = UINT64_MAX;
    assert_int_equal(disk_open(disk, "/data/file", 0, &file), STATUS_OK);
    for (uint64_t i = 0; i < 8; i++) {
        uint8_t byte;
        assert_int_equal(file_read(&file->file, i * IO_BLOCK_SIZE, &byte, 1), 1);
        if (byte != 'p')
            continue;
        assert_int_equal(place, UINT64_MAX);
        place = i;
    }
    disk_release(disk, file);
    return place;
}

static void test_write_may_go_elsewhere(void **state)
{
    /* A misdirected write says that all went well, and lies at another block of its file. */
    uint32_t elsewhere_count = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct probe_program program = probe_program(begin_overwrite);
        struct faults faults = {.disk = {.misdirected_write = CHANCE_ALWAYS}};
        struct world *world = world_create(seed, &faults);
        struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
        node_start(node, 0);
        world_run_until(world, 0);
        assert_int_equal(program.results[0], IO_BLOCK_SIZE);
        elsewhere_count += place_of_written_block(node_disk(node)) != 0;
        world_destroy(world);
    }
    assert_true(elsewhere_count > 10);
}

static void test_space_may_be_short_for_once(void **state)
{
    /* What may need a block more can be refused it, whatever the disk has left. */
    struct probe_program program = probe_program(begin_open_three);
    struct world *world = world_create(1, &(struct faults){.disk = {.no_space = CHANCE_ALWAYS}});
    struct node *node = node_create(world, "node", &program.program, CORE_COUNT);
    node_start(node, 0);
    world_run_until(world, 0);
    assert_int_equal(program.results[0], STATUS_NO_SPACE);
    world->faults.disk.no_space = 0;
    node_kill(node, DEATH_KILL);
    node_restart_after(node, ms_ns);
    world_run_until(world, 10 * ms_ns);
    assert_true(program.results[0] >= 0);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_when_due),
        cmocka_unit_test(test_paused_process_stands_still),
        cmocka_unit_test(test_wall_clock_jumps_alone),
        cmocka_unit_test(test_mail_keeps_its_order),
        cmocka_unit_test(test_death_forgets_what_is_in_flight),
        cmocka_unit_test(test_kill_keeps_the_page_cache),
        cmocka_unit_test(test_power_cut_during_start_fails_what_is_awaited),
        cmocka_unit_test(test_program_that_refuses_to_start_is_started_again),
        cmocka_unit_test(test_signal_stops_a_process_cleanly),
        cmocka_unit_test(test_planned_faults_strike_once_where_they_are_planned),
        cmocka_unit_test(test_planned_faults_are_counted_from_when_they_are_planned),
        cmocka_unit_test(test_the_seed_says_whether_a_disk_keeps_an_order),
        cmocka_unit_test(test_handles_run_out),
        cmocka_unit_test(test_write_may_go_elsewhere),
        cmocka_unit_test(test_space_may_be_short_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
