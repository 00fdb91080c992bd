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
#include "cluster/controller_parts.h"

#include "cluster/controller_core.h"
#include "cluster/image_build.h"
#include "cluster/random_uuid.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Landing ---------------------------------------------------------------------------------- */

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

void controller_end_all(struct controller *controller, struct list *changes, int32_t result)
{
    struct list_node *node;
    while ((node = list_first(changes)) != NULL)
        change_end(controller, container_of(node, struct change, node), result);
}

void controller_land_active(struct controller *controller, int32_t result)
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
        controller_land_active(controller, STATUS_OK);
}

/* --- Publishing ------------------------------------------------------------------------------- */

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

/* --- Changes ---------------------------------------------------------------------------------- */

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
    controller_end_all(controller, &controller->uncommitted, STATUS_FAILED);
    image_release(controller->newest);
    controller->newest = image_retain(controller->image);
    controller_land_active(controller, STATUS_FAILED);
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

/* --- Commands --------------------------------------------------------------------------------- */

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

/* --- Registration ----------------------------------------------------------------------------- */

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
        controller_land_active(controller, status);
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

void controller_run_init(struct controller *controller)
{
    controller->handler = (struct quorum_handler){quorum_committed, quorum_role_changed,
                                                  quorum_snapshot, quorum_failed};
    controller->adopted_offset = -1;
    controller->active_offset = -1;
    list_init(&controller->uncommitted);
    list_init(&controller->committed);
    completion_init(&controller->adopted, image_adopted);
}
