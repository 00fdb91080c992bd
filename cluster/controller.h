/* The controller: takes commands that change the metadata, decides (controller_*_core.c,
 * pure), writes the decision to the metadata log through the quorum, and publishes an image when it
 * is committed. Lives on core 0; other cores send their commands there by mail.
 *
 * A command lands after its records are committed and every core has adopted the image that holds
 * them, so whoever was answered finds what it made. */
#ifndef TAILRACE_CLUSTER_CONTROLLER_H
#define TAILRACE_CLUSTER_CONTROLLER_H

#include "base/completion.h"
#include "cluster/config.h"
#include "cluster/directory_survey.h"
#include "cluster/image.h"
#include "io/io.h"

struct controller;

enum { CONTROLLER_MESSAGE_SIZE = 256 };

enum controller_command_kind {
    CONTROLLER_CREATE_TOPICS,
    CONTROLLER_DELETE_TOPICS,
    CONTROLLER_CREATE_PARTITIONS,
    CONTROLLER_ALTER_CONFIGS,   /* each setting says what becomes of it */
    CONTROLLER_REPLACE_CONFIGS, /* the topic has these settings and no others */
    CONTROLLER_ALLOCATE_PRODUCER_IDS,
};

struct controller_assignment {
    int32_t partition;
    const int32_t *broker_ids;
    uint32_t broker_id_count;
};

/* What ALTER_CONFIGS does with a setting; Kafka's numbers. A number that stands for nothing is
 * refused by the controller. */
enum controller_alteration {
    CONTROLLER_SET = 0,
    CONTROLLER_DELETE = 1, /* back to what the broker says; the value does not count */
    CONTROLLER_APPEND = 2, /* to a list, what it does not hold */
    CONTROLLER_SUBTRACT = 3,
};

struct controller_setting {
    struct bytes name;
    struct bytes value; /* null is refused, but for DELETE */
    int8_t alteration;  /* ALTER_CONFIGS */
};

/* One topic of a command: what is wanted, and what became of it. */
struct controller_topic {
    struct bytes name;
    bool is_group; /* those of configs: it is no topic but a group, whose settings they are */
    struct uuid topic_id;       /* DELETE_TOPICS by id: name is null. Answer: the id */
    int32_t partition_count;    /* -1: the broker's default; CREATE_TOPICS answers what it took.
                                   CREATE_PARTITIONS: the new total */
    int16_t replication_factor; /* -1: the broker's default; CREATE_TOPICS answers what it took */
    /* CREATE_PARTITIONS: of the added ones, in order; NULL: leave it to the controller. */
    const struct controller_assignment *assignments;
    uint32_t assignment_count;
    const struct controller_setting *settings; /* CREATE_TOPICS and those of configs */
    uint32_t setting_count;

    int16_t error;                         /* Kafka's number */
    char message[CONTROLLER_MESSAGE_SIZE]; /* "" when there is nothing to say */
    struct bytes answer_name; /* DELETE_TOPICS by id: the name, from the command's arena */
};

struct controller_command {
    struct completion completion; /* STATUS_OK (each topic has its own error), or
                                     STATUS_CANCELLED, STATUS_FAILED, STATUS_TIMED_OUT,
                                     STATUS_BUSY (too many proposals in flight), STATUS_NO_SPACE */
    enum controller_command_kind kind;
    bool validate_only;
    struct controller_topic *topics;
    uint32_t topic_count;
    struct arena *arena; /* the requester's, for answers; it is not touched by him until landing */

    /* CREATE_TOPICS and CREATE_PARTITIONS: the controller's own, before it decides. */
    struct directory_survey survey;
    struct completion surveyed;
    struct controller *controller;

    /* ALLOCATE_PRODUCER_IDS: how many; answer: the first of the block. */
    uint32_t producer_id_count;
    int64_t producer_id_first;
};

/* Whoever spreads a new image over the cores (the broker). Core 0. */
struct image_publisher {
    /* Takes a reference of its own; lands `adopted` when every core works with this image or a
     * later one. */
    void (*publish)(struct image_publisher *publisher, struct image *image,
                    struct completion *adopted);
};

/* All texts and arrays must outlive the controller. */
struct controller_options {
    const char *directory; /* cluster/ under metadata.log.dir; made if absent */
    const struct config *config;
    int32_t node_id;
    /* What this broker registers: written to the log when it differs from what stands there. */
    const struct image_endpoint *endpoints;
    uint32_t endpoint_count;
    const struct image_log_dir *log_dirs; /* that are online, in the order of log.dirs */
    uint32_t log_dir_count;
    uint64_t free_bytes_min; /* with less, a directory gets no new partitions; 0: nobody looks */
    struct bytes rack;
    struct uuid cluster_id;  /* as the data directory says; zero: it does not */
    struct completion *lost; /* lands when the metadata cannot be written any more; or NULL */
};

/* Blocking (io_await), on core 0's door before the loops run: reads snapshot and log. A new
 * directory gets a cluster id (CLUSTER_ID of the environment through the configuration, or a random
 * one). STATUS_CORRUPT and a line in the log when what is there cannot be trusted. */
enum status controller_create(struct io *io, const struct controller_options *options,
                              struct logger *logger, struct controller **controller);

/* Begins to elect, commit and publish; `active` lands after the first image that holds everything
 * committed before this start, and this broker's registration, has been adopted. */
void controller_start(struct controller *controller, struct image_publisher *publisher,
                      struct completion *active);

/* The cluster's id, or the one that it is going to have. */
struct uuid controller_cluster_id(const struct controller *controller);

/* A directory of this broker that was online is not any more: its partitions lose their leader.
 * Also before the start. */
void controller_directory_failed(struct controller *controller, struct uuid directory);

/* The command, of which the caller has set the completion, lands when it is decided and, if it has
 * changed anything, adopted by all cores. Core 0. */
void controller_submit(struct controller *controller, struct controller_command *command);

/* What is waiting lands with STATUS_CANCELLED; then `stopped` lands. */
void controller_stop(struct controller *controller, struct completion *stopped);

/* After controller_stop has landed; or at any time in the simulator. */
void controller_destroy(struct controller *controller);

/* The present image; the caller borrows it. Core 0. */
struct image *controller_image(const struct controller *controller);

#endif
