/* The controller: commands in, records through the quorum, images out.
 *
 *   submit ─ decide ─ propose ──▶ [uncommitted] ── committed ──▶ [committed] ── adopted ──▶ land
 *                                                     └ publish the newest image ┘
 *
 * Decisions are made against the newest image, committed or not, and each change carries the image
 * that it makes, so proposals need not wait for each other and two commands that create one topic
 * have one winner. What a decision rests on commits before it or not at all: entries commit in
 * order, and a quorum that fails takes all that is uncommitted with it.
 *
 * While one image is on its way to the cores, further commits gather, and the next image published
 * is the newest. A command that changes nothing is answered when what it was decided on is adopted,
 * so "exists already" is never told before the topic can be found. */
#include "cluster/controller.h"

#include "cluster/controller_core.h"
#include "cluster/image_build.h"
#include "cluster/quorum.h"
#include "cluster/random_uuid.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DECISION_BYTES_MAX = 256 * 1024 * 1024, RECOVERY_BYTES_MAX = 2000 * 1000 * 1000 };

/* A change on its way. */
struct change {
    struct list_node node;
    int64_t offset;                     /* of the image that holds it */
    struct image *image;                /* NULL: it changes nothing, it only waits */
    struct controller_command *command; /* NULL: our own registration */
};

struct controller {
    struct io *io;
    struct logger *logger;
    const struct config *config;
    const char *directory;
    int32_t node_id;
    uint64_t free_bytes_min;
    struct quorum *quorum;
    struct quorum_handler handler;
    struct image *image;  /* the newest committed */
    struct image *newest; /* the newest of all */
    int64_t committed_offset;
    struct list uncommitted;
    struct list committed; /* until adopted */
    struct arena arena;    /* of one decision */
    enum status failed;

    struct image_publisher *publisher;
    struct completion adopted;
    bool is_publishing;
    bool was_published; /* some image was */
    int64_t publishing_offset;
    int64_t adopted_offset; /* -1: none yet */

    struct broker_record registration; /* what this broker wants to be known as */
    bool directories_changed;          /* and the metadata does not say so yet */
    struct uuid cluster_id;
    struct completion *lost; /* lands when nothing can be written any more; or NULL */
    struct completion *active;
    int64_t active_offset; /* -1: not known yet */

    struct op stop_op;
    struct completion quorum_stopped;
    struct completion *stopped;
};

/* --- Landing ------------------------------------------------------------------------------------
 */

static void change_end(struct controller *controller, struct change *change, int32_t result)
{
    assert(list_node_is_linked(&change->node));
    list_remove(&change->node);
    if (change->command != NULL)
        io_land(controller->io, &change->command->completion, result);
    if (change->image != NULL)
        image_release(change->image);
    free(change);
}

static void end_all(struct controller *controller, struct list *changes, int32_t result)
{
    struct list_node *node;
    while ((node = list_first(changes)) != NULL)
        change_end(controller, container_of(node, struct change, node), result);
}

static void land_active(struct controller *controller, int32_t result)
{
    if (controller->active == NULL)
        return;
    io_land(controller->io, controller->active, result);
    controller->active = NULL;
}

/* Commands land in the order of their offsets, so a client that sent two sees the first answered
 * first. */
static void land_adopted(struct controller *controller)
{
    struct list_node *node;
    while ((node = list_first(&controller->committed)) != NULL) {
        struct change *change = container_of(node, struct change, node);
        assert(change->offset <= controller->committed_offset);
        if (change->offset > controller->adopted_offset)
            break;
        change_end(controller, change, STATUS_OK);
    }
    if (controller->active_offset >= 0 && controller->adopted_offset >= controller->active_offset)
        land_active(controller, STATUS_OK);
}

/* --- Publishing ---------------------------------------------------------------------------------
 */

/* One image at a time is on its way; those that commit meanwhile are skipped, as a later image
 * holds all of an earlier one. */
static void publish(struct controller *controller)
{
    assert(controller->publisher != NULL);
    assert(controller->adopted_offset <= controller->committed_offset);
    int64_t offset = image_offset(controller->image);
    bool is_ready = controller->active_offset >= 0 && offset >= controller->active_offset;
    if (controller->is_publishing || controller->stopped != NULL || !is_ready ||
        offset <= controller->adopted_offset)
        return;
    controller->is_publishing = true;
    controller->publishing_offset = offset;
    controller->publisher->publish(controller->publisher, controller->image, &controller->adopted);
}

static void image_adopted(struct completion *completion, int32_t result)
{
    struct controller *controller = container_of(completion, struct controller, adopted);
    assert(controller->publishing_offset > controller->adopted_offset);
    assert(controller->is_publishing);
    controller->is_publishing = false;
    if (controller->stopped != NULL) {
        op_landed(&controller->stop_op, 0);
        return;
    }
    controller->adopted_offset = controller->publishing_offset;
    land_adopted(controller);
    publish(controller);
}

/* --- Changes ------------------------------------------------------------------------------------
 */

/* Changes stand in the order of their offsets, so that walks may end at the first that must wait.
 * -1: there is none. */
static int64_t last_offset(const struct list *changes)
{
    struct list_node *node = list_last(changes);
    return node == NULL ? -1 : container_of(node, struct change, node)->offset;
}

/* A change whose offset is committed already waits only for its image to be adopted. */
static void change_add(struct controller *controller, struct controller_command *command,
                       int64_t offset, struct image *image)
{
    assert(offset >= 0);
    struct change *change = calloc(1, sizeof *change);
    assert(change != NULL);
    *change = (struct change){.offset = offset, .image = image, .command = command};
    list_node_init(&change->node);
    bool is_committed = offset <= controller->committed_offset;
    struct list *changes = is_committed ? &controller->committed : &controller->uncommitted;
    assert(last_offset(changes) <= offset);
    list_push_back(changes, &change->node);
}

static enum status apply(struct image_delta *delta, const struct metadata_record *records,
                         uint32_t record_count, struct writer *writer)
{
    for (uint32_t i = 0; i < record_count; i++) {
        metadata_record_write(writer, &records[i]);
        enum status status = image_delta_apply(delta, &records[i]);
        /* The core decides nothing that contradicts the image it was given. */
        assert(status == STATUS_OK);
    }
    return writer->status;
}

/* Proposes the records; the newest image is then one that holds them. */
static enum status propose(struct controller *controller, const struct metadata_record *records,
                           uint32_t record_count, struct controller_command *command)
{
    assert(record_count > 0);
    assert(command == NULL || command->completion.landed != NULL);
    struct writer writer;
    uint64_t index;
    struct image_delta *delta = image_delta_create(controller->newest);
    writer_init(&writer, &controller->arena);
    enum status status = apply(delta, records, record_count, &writer);
    if (status == STATUS_OK)
        status = quorum_propose(controller->quorum, writer_result(&writer), &index);
    if (status != STATUS_OK) {
        image_delta_destroy(delta);
        return status;
    }
    assert((int64_t)index > image_offset(controller->newest));
    struct image *image = image_delta_finish(delta, (int64_t)index, controller->node_id);
    image_release(controller->newest);
    controller->newest = image_retain(image);
    change_add(controller, command, (int64_t)index, image);
    return STATUS_OK;
}

/* Writes what this broker wants to be known as, if it is not. After a restart without changes that
 * is nothing, and the broker serves without waiting for the disk. */
static enum status propose_registration(struct controller *controller)
{
    struct controller_decision decision;
    const struct controller_facts facts = {.image = controller->newest,
                                           .config = controller->config};
    enum status status =
        controller_core_register(&facts, &controller->registration, &controller->arena, &decision);
    if (status == STATUS_OK && decision.record_count > 0)
        status = propose(controller, decision.records, decision.record_count, NULL);
    arena_reset(&controller->arena);
    return status;
}

/* A directory that has failed is told until the quorum takes it: proposals in flight are bounded,
 * and each that commits makes room. */
static void tell_directories(struct controller *controller)
{
    if (!controller->directories_changed || controller->active_offset < 0 ||
        controller->stopped != NULL || controller->failed != STATUS_OK)
        return;
    controller->directories_changed = propose_registration(controller) != STATUS_OK;
}

static void quorum_committed(struct quorum_handler *handler, uint64_t index)
{
    struct controller *controller = container_of(handler, struct controller, handler);
    assert(controller->failed == STATUS_OK);
    struct list_node *node;
    assert((int64_t)index >= controller->committed_offset);
    controller->committed_offset = (int64_t)index;
    while ((node = list_first(&controller->uncommitted)) != NULL) {
        struct change *change = container_of(node, struct change, node);
        if (change->offset > controller->committed_offset)
            break;
        assert(change->image == NULL || image_offset(change->image) == change->offset);
        list_remove(&change->node);
        list_push_back(&controller->committed, &change->node);
        if (change->image == NULL)
            continue;
        image_release(controller->image);
        controller->image = image_retain(change->image);
    }
    tell_directories(controller);
    publish(controller);
}

/* What was not committed will never be: decisions must not rest on it any more, so the newest image
 * falls back to the committed one. */
static void quorum_failed(struct quorum_handler *handler, enum status status)
{
    struct controller *controller = container_of(handler, struct controller, handler);
    assert(status != STATUS_OK);
    assert(controller->failed == STATUS_OK);
    controller->failed = status;
    end_all(controller, &controller->uncommitted, STATUS_FAILED);
    image_release(controller->newest);
    controller->newest = image_retain(controller->image);
    land_active(controller, STATUS_FAILED);
    if (controller->lost != NULL)
        io_land(controller->io, controller->lost, (int32_t)status);
}

/* The image holds everything up to the last commit, also what has not been adopted by all cores:
 * adoption is a promise to clients, not to the log. */
static uint64_t quorum_snapshot(struct quorum_handler *handler, struct writer *writer)
{
    struct controller *controller = container_of(handler, struct controller, handler);
    assert(image_offset(controller->image) <= controller->committed_offset);
    image_write_records(controller->image, writer);
    log_info(controller->logger, "snapshot of the metadata",
             field_i64("offset", controller->committed_offset),
             field_u64("topics", image_topic_count(controller->image)),
             field_u64("bytes", writer_total_size(writer)));
    return (uint64_t)controller->committed_offset;
}

/* --- Commands -----------------------------------------------------------------------------------
 */

/* Ids are drawn before the decision, which is pure and comes out the same from the same facts. */
static struct uuid *make_topic_ids(struct controller *controller, uint32_t count)
{
    struct uuid *ids = arena_allocate_array(&controller->arena, count + 1, sizeof *ids);
    for (uint32_t i = 0; ids != NULL && i < count; i++)
        ids[i] = random_uuid(controller->io);
    return ids;
}

static enum status decide(struct controller *controller, struct controller_command *command,
                          struct controller_decision *decision)
{
    assert(!list_node_is_linked(&command->completion.node));
    bool creates = command->kind == CONTROLLER_CREATE_TOPICS;
    struct controller_facts facts = {
        .image = controller->newest,
        .config = controller->config,
        .topic_ids = make_topic_ids(controller, creates ? command->topic_count : 0),
        .full_directories = command->survey.full,
        .full_directory_count = command->survey.full_count};
    if (facts.topic_ids == NULL)
        return STATUS_NO_MEMORY;
    return controller_core_decide(&facts, command, &controller->arena, decision);
}

static bool makes_partitions(const struct controller_command *command)
{
    return command->kind == CONTROLLER_CREATE_TOPICS ||
           command->kind == CONTROLLER_CREATE_PARTITIONS;
}

/* On a full disk nothing is made any more, and the last of what is reserved is for deletions. */
static bool has_space(struct controller *controller, const struct controller_command *command)
{
    enum { FOR_DELETIONS_BYTES = 256 * 1024 };
    if (!quorum_is_short_of_space(controller->quorum) || command->kind == CONTROLLER_DELETE_TOPICS)
        return true;
    return !makes_partitions(command) &&
           quorum_room_bytes(controller->quorum) > FOR_DELETIONS_BYTES;
}

static void answer_full(struct controller *controller, struct controller_command *command)
{
    for (uint32_t i = 0; i < command->topic_count; i++) {
        struct controller_topic *topic = &command->topics[i];
        topic->error = KAFKA_KAFKA_STORAGE_ERROR;
        snprintf(topic->message, sizeof topic->message, "No space left in log directory %s",
                 controller->directory);
    }
}

static enum status carry_out(struct controller *controller, struct controller_command *command)
{
    struct controller_decision decision;
    if (controller->stopped != NULL)
        return STATUS_CANCELLED;
    if (controller->failed != STATUS_OK || controller->publisher == NULL)
        return STATUS_FAILED;
    if (!has_space(controller, command))
        return STATUS_NO_SPACE;
    enum status status = decide(controller, command, &decision);
    if (status == STATUS_OK && decision.record_count > 0)
        return propose(controller, decision.records, decision.record_count, command);
    if (status == STATUS_OK)
        change_add(controller, command, image_offset(controller->newest), NULL);
    return status;
}

static void submit(struct controller *controller, struct controller_command *command)
{
    enum status status = carry_out(controller, command);
    arena_reset(&controller->arena);
    if (status == STATUS_NO_SPACE)
        answer_full(controller, command);
    if (status != STATUS_OK)
        io_land(controller->io, &command->completion, status);
    else
        land_adopted(controller);
}

static void surveyed(struct completion *completion, int32_t result)
{
    struct controller_command *command =
        container_of(completion, struct controller_command, surveyed);
    submit(command->controller, command);
}

void controller_submit(struct controller *controller, struct controller_command *command)
{
    assert(command->topics != NULL || command->topic_count == 0);
    assert(command->completion.landed != NULL);
    command->survey.full_count = 0;
    if (!makes_partitions(command) || controller->free_bytes_min == 0) {
        submit(controller, command);
        return;
    }
    command->controller = controller;
    completion_init(&command->surveyed, surveyed);
    directory_survey_start(&command->survey, controller->io, &controller->registration,
                           controller->free_bytes_min, &command->surveyed);
}

/* --- Registration -------------------------------------------------------------------------------
 */

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

struct uuid controller_cluster_id(const struct controller *controller)
{
    assert(!uuid_is_zero(controller->cluster_id));
    return controller->cluster_id;
}

/* The cluster's first record, or the word that this release writes more than the one before. */
static enum status propose_cluster(struct controller *controller)
{
    if (image_feature_level(controller->newest) >= METADATA_FEATURE_LEVEL)
        return STATUS_OK;
    const struct metadata_record record = {
        .kind = METADATA_CLUSTER, .cluster = {controller->cluster_id, METADATA_FEATURE_LEVEL}};
    return propose(controller, &record, 1, NULL);
}

static void register_broker(struct controller *controller)
{
    assert(controller->active_offset < 0);
    enum status status = propose_cluster(controller);
    controller->registration.broker_epoch =
        (int64_t)quorum_describe(controller->quorum).last_index + 1;
    if (status == STATUS_OK)
        status = propose_registration(controller);
    if (status != STATUS_OK)
        land_active(controller, status);
    controller->active_offset = image_offset(controller->newest);
}

void controller_directory_failed(struct controller *controller, struct uuid directory)
{
    struct broker_record *registration = &controller->registration;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < registration->log_dirs_count; i++)
        if (!uuid_equal(registration->log_dirs[i].directory_id, directory))
            registration->log_dirs[kept++] = registration->log_dirs[i];
    assert(kept + 1 == registration->log_dirs_count);
    registration->log_dirs_count = kept;
    controller->directories_changed = true;
    tell_directories(controller);
}

static void quorum_role_changed(struct quorum_handler *handler, enum quorum_role role)
{
    struct controller *controller = container_of(handler, struct controller, handler);
    if (role != QUORUM_LEADER || controller->active_offset >= 0)
        return;
    register_broker(controller);
    publish(controller);
}

/* --- Life ---------------------------------------------------------------------------------------
 */

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
    controller->handler = (struct quorum_handler){quorum_committed, quorum_role_changed,
                                                  quorum_snapshot, quorum_failed};
    controller->adopted_offset = -1;
    controller->active_offset = -1;
    list_init(&controller->uncommitted);
    list_init(&controller->committed);
    arena_init(&controller->arena, DECISION_BYTES_MAX);
    completion_init(&controller->adopted, image_adopted);
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

struct image *controller_image(const struct controller *controller)
{
    assert(controller->image != NULL);
    return controller->image;
}

/* --- Stopping -----------------------------------------------------------------------------------
 */

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
    end_all(controller, &controller->uncommitted, STATUS_CANCELLED);
    end_all(controller, &controller->committed, STATUS_CANCELLED);
    land_active(controller, STATUS_CANCELLED);
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
