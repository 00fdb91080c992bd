/* The controller's life: it is made from what the quorum has on disk, starts, stops and goes. What
 * happens in between is in controller_run.c. */
#include "cluster/controller_parts.h"

#include "cluster/image_build.h"
#include "cluster/random_uuid.h"

#include "base/assert.h"

#include <stdlib.h>

enum { DECISION_BYTES_MAX = 256 * 1024 * 1024, RECOVERY_BYTES_MAX = 2000 * 1000 * 1000 };

/* --- Making ----------------------------------------------------------------------------------- */

/* What the metadata says, else what the data directory says, else what is configured, so that a
 * container that is made anew belongs to the cluster that it names. */
static struct uuid choose_cluster_id(struct controller *controller)
{
    struct uuid id = image_cluster_id(controller->image);
    const char *text = config_text(controller->config, CONFIG_TAILRACE_CLUSTER_ID);
    if (!uuid_is_zero(id))
        return id;
    if (!uuid_is_zero(controller->cluster_id))
        return controller->cluster_id;
    if (text != NULL && uuid_parse(bytes_of_text(text), &id))
        return id;
    return random_uuid(controller->io);
}

static enum status replay(struct image_delta *delta, const struct quorum_recovered *recovered,
                          struct logger *logger)
{
    char message[IMAGE_MESSAGE_SIZE];
    uint64_t index = recovered->snapshot_index;
    enum status status = STATUS_OK;
    if (recovered->has_snapshot)
        status = image_delta_apply_all(delta, recovered->records, message);
    for (uint32_t i = 0; status == STATUS_OK && i < recovered->entry_count; i++) {
        index = recovered->first_index + i;
        if (recovered->entries[i].kind == METADATA_ENTRY_COMMAND)
            status = image_delta_apply_all(delta, recovered->entries[i].data, message);
    }
    if (status != STATUS_OK)
        log_error(logger, "the metadata cannot be read; the broker does not start",
                  field_u64("index", index), field_text("reason", message));
    return status;
}

/* The image of everything that is committed on disk. */
static enum status recover(struct controller *controller, const struct quorum_recovered *recovered)
{
    assert(controller->image == NULL);
    assert(controller->quorum != NULL);
    struct image *empty = image_create();
    struct image_delta *delta = image_delta_create(empty);
    image_release(empty);
    enum status status = replay(delta, recovered, controller->logger);
    if (status != STATUS_OK) {
        image_delta_destroy(delta);
        return status;
    }
    controller->committed_offset = (int64_t)quorum_describe(controller->quorum).commit_index;
    controller->image =
        image_delta_finish(delta, controller->committed_offset, controller->node_id);
    controller->newest = image_retain(controller->image);
    assert(image_offset(controller->image) == controller->committed_offset);
    controller->cluster_id = choose_cluster_id(controller);
    return STATUS_OK;
}

static enum status load(struct controller *controller)
{
    struct arena arena;
    struct quorum_recovered recovered;
    struct quorum_options options = {
        .directory = controller->directory,
        .node_id = controller->node_id,
        .snapshot_bytes = (uint64_t)config_i64(
            controller->config, CONFIG_METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS)};
    arena_init(&arena, RECOVERY_BYTES_MAX);
    enum status status = quorum_create(controller->io, &options, controller->logger, &arena,
                                       &recovered, &controller->quorum);
    if (status == STATUS_OK)
        status = recover(controller, &recovered);
    arena_deinit(&arena);
    return status;
}

static struct controller *controller_allocate(struct io *io,
                                              const struct controller_options *options,
                                              struct logger *logger)
{
    struct controller *controller = calloc(1, sizeof *controller);
    assert(controller != NULL);
    controller->io = io;
    controller->logger = logger;
    controller->config = options->config;
    controller->directory = options->directory;
    controller->node_id = options->node_id;
    controller->free_bytes_min = options->free_bytes_min;
    controller->cluster_id = options->cluster_id;
    controller->lost = options->lost;
    arena_init(&controller->arena, DECISION_BYTES_MAX);
    controller_run_init(controller);
    return controller;
}

static void keep_registration(struct controller *controller,
                              const struct controller_options *options)
{
    assert(options->endpoints != NULL || options->endpoint_count == 0);
    struct broker_record_endpoint *endpoints =
        calloc(options->endpoint_count + 1, sizeof *endpoints);
    struct broker_record_log_dir *log_dirs = calloc(options->log_dir_count + 1, sizeof *log_dirs);
    assert(endpoints != NULL);
    assert(log_dirs != NULL);
    for (uint32_t i = 0; i < options->endpoint_count; i++)
        endpoints[i] = (struct broker_record_endpoint){.listener = options->endpoints[i].listener,
                                                       .host = options->endpoints[i].host,
                                                       .port = options->endpoints[i].port,
                                                       .security_protocol =
                                                           options->endpoints[i].security_protocol};
    for (uint32_t i = 0; i < options->log_dir_count; i++)
        log_dirs[i] = (struct broker_record_log_dir){.directory_id = options->log_dirs[i].id,
                                                     .path = options->log_dirs[i].path,
                                                     .is_online = true};
    controller->registration = (struct broker_record){.broker_id = options->node_id,
                                                      .rack = options->rack,
                                                      .endpoints = endpoints,
                                                      .endpoints_count = options->endpoint_count,
                                                      .log_dirs = log_dirs,
                                                      .log_dirs_count = options->log_dir_count};
}

enum status controller_create(struct io *io, const struct controller_options *options,
                              struct logger *logger, struct controller **controller)
{
    assert(io_core_index(io) == 0);
    assert(options->directory != NULL);
    assert(controller != NULL);
    assert(options->node_id >= 0);
    assert(options->config != NULL);
    struct controller *created = controller_allocate(io, options, logger);
    keep_registration(created, options);
    enum status status = load(created);
    if (status != STATUS_OK) {
        controller_destroy(created);
        *controller = NULL;
        return status;
    }
    *controller = created;
    return STATUS_OK;
}

/* --- Starting --------------------------------------------------------------------------------- */

void controller_start(struct controller *controller, struct image_publisher *publisher,
                      struct completion *active)
{
    assert(publisher->publish != NULL);
    assert(active->landed != NULL);
    assert(controller->stopped == NULL);
    assert(controller->publisher == NULL);
    controller->publisher = publisher;
    controller->active = active;
    quorum_start(controller->quorum, &controller->handler);
}

struct uuid controller_cluster_id(const struct controller *controller)
{
    assert(!uuid_is_zero(controller->cluster_id));
    return controller->cluster_id;
}

struct image *controller_image(const struct controller *controller)
{
    assert(controller->image != NULL);
    return controller->image;
}

/* --- Stopping --------------------------------------------------------------------------------- */

enum { STOP_BEGIN, STOP_DONE };

static const struct op_stage stop_stages[] = {
    [STOP_BEGIN] = {"begin", 0},
    [STOP_DONE] = {"done", AFTER(STOP_BEGIN)},
};

static void quorum_has_stopped(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct controller, quorum_stopped)->stop_op, result);
}

static enum op_progress stop_begin(struct controller *controller)
{
    assert(controller->stopped != NULL);
    controller_end_all(controller, &controller->uncommitted, STATUS_CANCELLED);
    controller_end_all(controller, &controller->committed, STATUS_CANCELLED);
    controller_land_active(controller, STATUS_CANCELLED);
    assert(list_is_empty(&controller->uncommitted));
    assert(list_is_empty(&controller->committed));
    op_move(&controller->stop_op, STOP_DONE);
    completion_init(&controller->quorum_stopped, quorum_has_stopped);
    op_expect(&controller->stop_op);
    if (controller->is_publishing)
        op_expect(&controller->stop_op);
    quorum_stop(controller->quorum, &controller->quorum_stopped);
    return OP_WAIT;
}

static enum op_progress stop_step(struct op *op)
{
    struct controller *controller = container_of(op, struct controller, stop_op);
    switch (op->stage) {
    case STOP_BEGIN: return stop_begin(controller);
    case STOP_DONE: io_land(controller->io, controller->stopped, op->error); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind stop_kind = {"controller-stop", stop_step, stop_stages};

/* Commands are cancelled before the quorum stops: their commits may still happen, which is what an
 * unanswered request means in Kafka, too. */
void controller_stop(struct controller *controller, struct completion *stopped)
{
    assert(stopped->landed != NULL);
    assert(controller->stopped == NULL);
    controller->stopped = stopped;
    op_start(&controller->stop_op, &stop_kind, io_ops(controller->io));
}

/* Nobody is told: after a stop nobody is left, and at the end of a simulated world those who wait
 * are gone. */
static void forget_all(struct list *changes)
{
    struct list_node *node;
    while ((node = list_pop_front(changes)) != NULL) {
        struct change *change = container_of(node, struct change, node);
        if (change->image != NULL)
            image_release(change->image);
        free(change);
    }
}

void controller_destroy(struct controller *controller)
{
    if (controller == NULL)
        return;
    forget_all(&controller->uncommitted);
    forget_all(&controller->committed);
    if (controller->image != NULL)
        image_release(controller->image);
    if (controller->newest != NULL)
        image_release(controller->newest);
    quorum_destroy(controller->quorum);
    arena_deinit(&controller->arena);
    free(controller->registration.endpoints);
    free(controller->registration.log_dirs);
    free(controller);
}
