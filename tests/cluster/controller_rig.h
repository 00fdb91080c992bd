/* A controller on one door, with a publisher that adopts at once, driven turn by turn. */
#ifndef TAILRACE_TESTS_CLUSTER_CONTROLLER_RIG_H
#define TAILRACE_TESTS_CLUSTER_CONTROLLER_RIG_H

#include "cluster/controller.h"

enum { RIG_TEXT_MAX = 16 * 1024 };

struct rig {
    struct io *io;
    struct logger logger;
    struct log_sink sink;
    char log[RIG_TEXT_MAX]; /* what the controller logged */
    char directory[512];
    struct config *config;
    struct controller *controller;
    struct image_publisher publisher;
    struct image *adopted; /* the newest image that was published */
    uint32_t published_count;
    struct completion *held; /* an adoption that waits, if holds_adoption */
    bool holds_adoption;
    uint16_t port; /* of the endpoint that is registered */
    struct completion active;
    bool is_active;
    int32_t active_result;
};

/* `setting` is one name=value, or NULL. The directory's name must be new. */
void rig_init(struct rig *rig, struct io *io, const char *directory, const char *setting);
void rig_deinit(struct rig *rig);

/* Creates the controller; what it answers. */
enum status rig_create(struct rig *rig);

/* Creates, starts, and turns until it is active; asserts that all goes well. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* As SIGKILL leaves it: nothing is closed or marked. Nothing may be in flight. */
void rig_kill(struct rig *rig);

/* A command that waits for its landing. */
struct rig_command {
    struct controller_command command;
    struct arena arena;
    bool has_landed;
    int32_t result;
};

void rig_submit(struct rig *rig, struct rig_command *command);

/* Turns until it has landed, and frees its arena. */
void rig_finish(struct rig *rig, struct rig_command *command);

/* One topic; what became of it. */
struct controller_topic rig_create_topic(struct rig *rig, const char *name, int32_t partitions);
struct controller_topic rig_delete_topic(struct rig *rig, const char *name);
struct controller_topic rig_add_partitions(struct rig *rig, const char *name, int32_t total);

/* Turns until no operation is in flight. */
void rig_settle(struct rig *rig);

#endif
