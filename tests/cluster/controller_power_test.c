/* Whatever file operation the power fails at, or the process dies at, a controller that comes back
 * holds every topic it has answered for, none that it has not been asked for, and goes on; and an
 * operation that fails ends it without a wrong answer. */
#include "cluster/controller.h"
#include "sim/node.h"

#include "base/list.h"
#include "cluster/image_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TOPIC_COUNT = 8, STEP_COUNT_MAX = 200000 };

/* What the client of the story knows; outlives the lives of the node. */
struct story {
    struct program program;
    struct config *config;
    bool is_answered[TOPIC_COUNT];
    struct uuid ids[TOPIC_COUNT];
    bool is_over;     /* all topics are answered for */
    bool has_failed;  /* the controller said so */
    bool tries_again; /* with a new process, when it has failed */
    bool was_refused; /* it did not start */
    enum status refusal;
    uint32_t life_count;
};

/* One life of the node. */
struct life {
    struct process process;
    struct story *story;
    struct io *io;
    struct log_sink sink;
    struct logger logger;
    struct controller *controller;
    struct image_publisher publisher;
    struct completion active;
    struct image *adopted;
    struct controller_command command;
    struct controller_topic topic;
    struct arena arena;
    char name[16];
    uint32_t next;
};

static void silent_write(struct log_sink *sink, struct bytes line)
{
}

static int64_t silent_now(struct log_sink *sink)
{
    return 0;
}

static void publish(struct image_publisher *publisher, struct image *image,
                    struct completion *adopted)
{
    struct life *life = container_of(publisher, struct life, publisher);
    if (life->adopted != NULL)
        image_release(life->adopted);
    life->adopted = image_retain(image);
    io_land(life->io, adopted, 0);
}

static const struct image_topic *find(const struct image *image, uint32_t number)
{
    char name[16];
    snprintf(name, sizeof name, "topic-%u", number);
    return image_topic_by_name(image, bytes_of_text(name));
}

/* Everything answered is there, as it was answered. */
static void check_image(struct story *story, const struct image *image)
{
    for (uint32_t i = 0; i < TOPIC_COUNT; i++) {
        const struct image_topic *topic = find(image, i);
        if (!story->is_answered[i])
            continue;
        assert_non_null(topic);
        assert_true(uuid_equal(topic->id, story->ids[i]));
        assert_int_equal(topic->partition_count, 2);
    }
    assert_true(image_topic_count(image) <= TOPIC_COUNT);
}

static void ask_for_next(struct life *life)
{
    struct story *story = life->story;
    while (life->next < TOPIC_COUNT && story->is_answered[life->next])
        life->next++;
    if (life->next == TOPIC_COUNT) {
        story->is_over = true;
        return;
    }
    snprintf(life->name, sizeof life->name, "topic-%u", life->next);
    life->topic = (struct controller_topic){
        .name = bytes_of_text(life->name), .partition_count = 2, .replication_factor = 1};
    life->command.topics = &life->topic;
    life->command.topic_count = 1;
    life->command.arena = &life->arena;
    controller_submit(life->controller, &life->command);
}

static void answered(struct completion *completion, int32_t result)
{
    struct controller_command *command =
        container_of(completion, struct controller_command, completion);
    struct life *life = container_of(command, struct life, command);
    if (result != 0) {
        life->story->has_failed = true;
        return;
    }
    const struct image_topic *topic = find(life->adopted, life->next);
    assert_non_null(topic);
    life->story->is_answered[life->next] = true;
    life->story->ids[life->next] = topic->id;
    ask_for_next(life);
}

static void became_active(struct completion *completion, int32_t result)
{
    struct life *life = container_of(completion, struct life, active);
    if (result != 0) {
        life->story->has_failed = true;
        return;
    }
    check_image(life->story, life->adopted);
    ask_for_next(life);
}

static void life_destroy(struct process *process)
{
    struct life *life = container_of(process, struct life, process);
    controller_destroy(life->controller);
    if (life->adopted != NULL)
        image_release(life->adopted);
    arena_deinit(&life->arena);
    free(life);
}

static struct process *life_start(const struct program *program, struct node *node,
                                  struct io *const *cores, uint32_t core_count)
{
    struct story *story = container_of(program, struct story, program);
    struct life *life = calloc(1, sizeof *life);
    struct controller_options options = {
        .directory = "/data/cluster", .config = story->config, .node_id = 1};
    life->process = (struct process){program, node};
    life->story = story;
    life->io = cores[0];
    life->sink = (struct log_sink){silent_write, silent_now};
    life->logger = (struct logger){.sink = &life->sink, .level = LOG_ERROR};
    life->publisher.publish = publish;
    life->command.kind = CONTROLLER_CREATE_TOPICS;
    arena_init(&life->arena, 1 << 16);
    completion_init(&life->command.completion, answered);
    completion_init(&life->active, became_active);
    story->life_count++;
    enum status status = controller_create(life->io, &options, &life->logger, &life->controller);
    if (status != STATUS_OK) {
        story->was_refused = true;
        story->refusal = status;
        life_destroy(&life->process);
        return NULL;
    }
    controller_start(life->controller, &life->publisher, &life->active);
    return &life->process;
}

static void complain(struct config_reporter *reporter, const char *where, const char *message)
{
    fail_msg("%s: %s", where, message);
}

/* A snapshot every few topics, so that its operations are struck as well. */
static void story_init(struct story *story)
{
    static const char *const setting = "metadata.log.max.record.bytes.between.snapshots=10000";
    struct config_reporter reporter = {complain, complain};
    *story = (struct story){.program = {.start = life_start, .destroy = life_destroy}};
    story->config = config_load(NULL, (struct bytes){0}, NULL, &setting, 1, &reporter);
    assert_non_null(story->config);
}

/* Somebody restarts the process, and the machine's cache lives on. */
static void restart_if_failed(struct story *story, struct node *node)
{
    if (!story->tries_again || !story->has_failed)
        return;
    story->has_failed = false;
    node_kill(node, DEATH_KILL);
}

/* Plays the story to its end; answers how many file operations that took. */
static uint64_t play(struct story *story, uint64_t seed, const struct planned_fault *faults,
                     uint32_t fault_count)
{
    const struct faults quiet = {0};
    struct world *world = world_create(seed, &quiet);
    struct node *node = node_create(world, "node", &story->program, 1);
    node_restart_after(node, 1000000);
    for (uint32_t i = 0; i < fault_count; i++)
        node_plan(node, faults[i]);
    node_start(node, 0);
    for (uint32_t i = 0; i < STEP_COUNT_MAX && !story->is_over && !story->has_failed; i++) {
        world_step(world);
        restart_if_failed(story, node);
    }
    uint64_t count = node_file_operation_count(node);
    world_destroy(world);
    return count;
}

static uint64_t count_operations(void)
{
    struct story story;
    story_init(&story);
    uint64_t count = play(&story, 1, NULL, 0);
    assert_true(story.is_over);
    assert_int_equal(story.life_count, 1);
    config_destroy(story.config);
    return count;
}

/* True if the story came to its end in spite of these faults. */
static bool survives(const struct planned_fault *faults, uint32_t fault_count, uint64_t seed,
                     bool tries_again)
{
    struct story story;
    story_init(&story);
    story.tries_again = tries_again;
    play(&story, seed, faults, fault_count);
    bool is_over = story.is_over;
    if (!is_over)
        print_error("effect %d at operation %lu, seed %lu\n", faults[0].effect, faults[0].nth,
                    seed);
    config_destroy(story.config);
    return is_over;
}

/* Answers how many cases did not come to their end. */
static uint32_t strike_everywhere(enum planned_effect effect)
{
    uint32_t failed_count = 0;
    uint64_t count = count_operations();
    assert_true(count > 50);
    for (uint64_t nth = 1; nth <= count; nth++) {
        struct planned_fault fault = {effect, PLAN_ANY_FILE, nth};
        for (uint64_t seed = 1; seed <= 5; seed++)
            failed_count += !survives(&fault, 1, seed, false);
    }
    return failed_count;
}

static void test_a_power_cut_at_any_file_operation_loses_nothing_answered(void **state)
{
    assert_int_equal(strike_everywhere(PLAN_POWER_CUT), 0);
}

static void test_a_kill_at_any_file_operation_loses_nothing_answered(void **state)
{
    assert_int_equal(strike_everywhere(PLAN_KILL), 0);
}

static uint32_t strike_and_cut_power_soon(enum planned_effect effect)
{
    enum { SOON = 30 };
    uint32_t failed_count = 0;
    uint64_t count = count_operations();
    for (uint64_t nth = 1; nth <= count; nth++) {
        for (uint64_t later = 1; later <= SOON; later++) {
            const struct planned_fault faults[] = {{effect, PLAN_ANY_FILE, nth},
                                                   {PLAN_POWER_CUT, PLAN_ANY_FILE, nth + later}};
            failed_count += !survives(faults, 2, nth * SOON + later, true);
        }
    }
    return failed_count;
}

/* What a killed process wrote may be read by the next one and yet not be on disk. */
static void test_a_power_cut_soon_after_a_kill_loses_nothing_answered(void **state)
{
    assert_int_equal(strike_and_cut_power_soon(PLAN_KILL), 0);
}

/* What a failed sync has left in the cache is read by the next process, and no sync of the file
 * makes it durable any more. */
static void test_a_power_cut_soon_after_an_error_loses_nothing_answered(void **state)
{
    assert_int_equal(strike_and_cut_power_soon(PLAN_IO_ERROR), 0);
}

/* An error is final: either this life ends with it, or it struck where it does not matter. */
static void test_an_error_at_any_file_operation_never_gives_a_wrong_answer(void **state)
{
    uint64_t count = count_operations();
    uint32_t failures = 0;
    for (uint64_t nth = 1; nth <= count; nth++) {
        struct story story;
        struct planned_fault fault = {PLAN_IO_ERROR, PLAN_ANY_FILE, nth};
        story_init(&story);
        play(&story, nth, &fault, 1);
        assert_true(story.is_over || story.has_failed);
        if (story.was_refused)
            assert_int_not_equal(story.refusal, STATUS_CORRUPT);
        failures += story.has_failed || story.was_refused;
        config_destroy(story.config);
    }
    assert_true(failures > count / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_power_cut_at_any_file_operation_loses_nothing_answered),
        cmocka_unit_test(test_a_kill_at_any_file_operation_loses_nothing_answered),
        cmocka_unit_test(test_a_power_cut_soon_after_a_kill_loses_nothing_answered),
        cmocka_unit_test(test_a_power_cut_soon_after_an_error_loses_nothing_answered),
        cmocka_unit_test(test_an_error_at_any_file_operation_never_gives_a_wrong_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
