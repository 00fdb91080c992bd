#include "tests/cluster/controller_rig.h"

#include "base/assert.h"
#include "base/list.h"

#include <stdio.h>
#include <string.h>

static void rig_write(struct log_sink *sink, struct bytes line)
{
    struct rig *rig = container_of(sink, struct rig, sink);
    size_t used = strlen(rig->log);
    snprintf(rig->log + used, sizeof rig->log - used, "%.*s", (int)line.size,
             (const char *)line.data);
}

static int64_t rig_now_ms(struct log_sink *sink)
{
    return 0;
}

static void complain(struct config_reporter *reporter, const char *where, const char *message)
{
    fprintf(stderr, "%s: %s\n", where, message);
    assert(!"the test's settings are good");
}

static void rig_publish(struct image_publisher *publisher, struct image *image,
                        struct completion *adopted)
{
    struct rig *rig = container_of(publisher, struct rig, publisher);
    assert(rig->adopted == NULL || image_offset(rig->adopted) < image_offset(image));
    if (rig->adopted != NULL)
        image_release(rig->adopted);
    rig->adopted = image_retain(image);
    rig->published_count++;
    if (rig->holds_adoption)
        rig->held = adopted;
    else
        io_land(rig->io, adopted, 0);
}

void rig_init(struct rig *rig, struct io *io, const char *directory, const char *setting)
{
    struct config_reporter reporter = {complain, complain};
    *rig = (struct rig){.io = io, .port = 9092};
    rig->sink = (struct log_sink){rig_write, rig_now_ms};
    rig->logger = (struct logger){.sink = &rig->sink, .level = LOG_INFO};
    rig->publisher.publish = rig_publish;
    snprintf(rig->directory, sizeof rig->directory, "%s", directory);
    rig->config =
        config_load(NULL, (struct bytes){0}, NULL, &setting, setting == NULL ? 0 : 1, &reporter);
    assert(rig->config != NULL);
}

static void rig_forget(struct rig *rig)
{
    controller_destroy(rig->controller);
    rig->controller = NULL;
    if (rig->adopted != NULL)
        image_release(rig->adopted);
    rig->adopted = NULL;
}

void rig_deinit(struct rig *rig)
{
    rig_forget(rig);
    config_destroy(rig->config);
}

enum status rig_create(struct rig *rig)
{
    struct image_endpoint endpoint = {.listener = bytes_of_text("PLAINTEXT"),
                                      .host = bytes_of_text("localhost"),
                                      .port = rig->port};
    struct controller_options options = {.directory = rig->directory,
                                         .config = rig->config,
                                         .node_id = 1,
                                         .endpoints = &endpoint,
                                         .endpoint_count = 1};
    return controller_create(rig->io, &options, &rig->logger, &rig->controller);
}

static void became_active(struct completion *completion, int32_t result)
{
    struct rig *rig = container_of(completion, struct rig, active);
    rig->is_active = true;
    rig->active_result = result;
}

void rig_start(struct rig *rig)
{
    enum status status = rig_create(rig);
    if (status != STATUS_OK)
        fprintf(stderr, "%s", rig->log);
    assert(status == STATUS_OK);
    rig->is_active = false;
    completion_init(&rig->active, became_active);
    controller_start(rig->controller, &rig->publisher, &rig->active);
    while (!rig->is_active)
        io_turn(rig->io);
    assert(rig->active_result == 0);
}

struct stopping {
    struct completion completion;
    bool has_landed;
};

static void stop_landed(struct completion *completion, int32_t result)
{
    assert(result == 0);
    container_of(completion, struct stopping, completion)->has_landed = true;
}

void rig_stop(struct rig *rig)
{
    struct stopping stopping = {0};
    completion_init(&stopping.completion, stop_landed);
    controller_stop(rig->controller, &stopping.completion);
    while (!stopping.has_landed)
        io_turn(rig->io);
    rig_forget(rig);
}

void rig_kill(struct rig *rig)
{
    rig_settle(rig);
    rig_forget(rig);
}

static void command_landed(struct completion *completion, int32_t result)
{
    struct controller_command *command =
        container_of(completion, struct controller_command, completion);
    struct rig_command *waiting = container_of(command, struct rig_command, command);
    assert(!waiting->has_landed);
    waiting->has_landed = true;
    waiting->result = result;
}

void rig_submit(struct rig *rig, struct rig_command *command)
{
    arena_init(&command->arena, 1 << 20);
    command->command.arena = &command->arena;
    command->has_landed = false;
    completion_init(&command->command.completion, command_landed);
    controller_submit(rig->controller, &command->command);
}

void rig_finish(struct rig *rig, struct rig_command *command)
{
    while (!command->has_landed)
        io_turn(rig->io);
    arena_deinit(&command->arena);
}

static struct controller_topic run(struct rig *rig, enum controller_command_kind kind,
                                   struct controller_topic topic)
{
    struct rig_command command = {.command = {.kind = kind, .topics = &topic, .topic_count = 1}};
    rig_submit(rig, &command);
    rig_finish(rig, &command);
    assert(command.result == 0);
    topic.answer_name = (struct bytes){0}; /* It was in the command's arena. */
    return topic;
}

struct controller_topic rig_create_topic(struct rig *rig, const char *name, int32_t partitions)
{
    return run(rig, CONTROLLER_CREATE_TOPICS,
               (struct controller_topic){.name = bytes_of_text(name),
                                         .partition_count = partitions,
                                         .replication_factor = -1});
}

struct controller_topic rig_delete_topic(struct rig *rig, const char *name)
{
    return run(rig, CONTROLLER_DELETE_TOPICS,
               (struct controller_topic){.name = bytes_of_text(name)});
}

struct controller_topic rig_add_partitions(struct rig *rig, const char *name, int32_t total)
{
    return run(rig, CONTROLLER_CREATE_PARTITIONS,
               (struct controller_topic){.name = bytes_of_text(name), .partition_count = total});
}

struct nudge {
    struct completion completion;
    bool has_landed;
};

static void nudge_landed(struct completion *completion, int32_t result)
{
    container_of(completion, struct nudge, completion)->has_landed = true;
}

/* What an operation lands when it ends may land something else in turn: a few quiet turns say that
 * nothing is left. */
void rig_settle(struct rig *rig)
{
    enum { QUIET_TURNS = 8 };
    for (uint32_t quiet = 0; quiet < QUIET_TURNS; quiet++) {
        struct nudge nudge = {0};
        completion_init(&nudge.completion, nudge_landed);
        io_land(rig->io, &nudge.completion, 0);
        while (!nudge.has_landed)
            io_turn(rig->io);
        for (; io_ops(rig->io)->in_flight_count > 0; quiet = 0)
            io_turn(rig->io);
    }
}
