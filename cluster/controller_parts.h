/* The inside of the controller; only the files controller_run.c and controller_life.c include this.
 */
#ifndef TAILRACE_CLUSTER_CONTROLLER_PARTS_H
#define TAILRACE_CLUSTER_CONTROLLER_PARTS_H

#include "cluster/controller.h"
#include "cluster/metadata_record.h"
#include "cluster/quorum.h"

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

/* Ready to run, with nothing under way: what the quorum and the publisher will call is in place. */
void controller_run_init(struct controller *controller);

/* All changes of the list land with this result. */
void controller_end_all(struct controller *controller, struct list *changes, int32_t result);

/* Tells who waits for the controller to be active, if anybody still does. */
void controller_land_active(struct controller *controller, int32_t result);

#endif
