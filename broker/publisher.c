#include "broker/publisher.h"

#include "base/assert.h"
#include "broker/roster.h"

#include <stdlib.h>

/* An image that the controller wants adopted. */
struct publication {
    struct list_node node;
    struct image *image;
    struct completion *adopted;
};

static void publisher_send_next(struct publisher *publisher);

static struct io *publisher_io(const struct publisher *publisher)
{
    return roster_core(publisher->roster, 0)->io;
}

static void publication_free(struct publication *publication)
{
    image_release(publication->image);
    free(publication);
}

static void land_under_way(struct publisher *publisher)
{
    struct list_node *node;
    while ((node = list_pop_front(&publisher->under_way)) != NULL) {
        struct publication *publication = container_of(node, struct publication, node);
        io_land(publisher_io(publisher), publication->adopted, STATUS_OK);
        publication_free(publication);
    }
}

static void leg_returned(struct completion *mail, int32_t result)
{
    struct publisher *publisher = container_of(mail, struct publisher_leg, mail)->publisher;
    assert(publisher->waiting_count > 0);
    if (--publisher->waiting_count > 0)
        return;
    image_release(publisher->image);
    publisher->image = NULL;
    land_under_way(publisher);
    publisher_send_next(publisher);
}

/* On the leg's core. */
static void leg_adopted(struct completion *adopted, int32_t result)
{
    struct publisher_leg *leg = container_of(adopted, struct publisher_leg, adopted);
    group_manager_apply(&leg->core->groups, core_image(leg->core));
    completion_init(&leg->mail, leg_returned);
    io_post(leg->core->io, 0, &leg->mail, STATUS_OK);
}

/* On the leg's core. */
static void leg_arrived(struct completion *mail, int32_t result)
{
    struct publisher_leg *leg = container_of(mail, struct publisher_leg, mail);
    completion_init(&leg->adopted, leg_adopted);
    replica_manager_apply(&leg->core->replicas, leg->publisher->image, &leg->adopted);
}

static void publisher_send_next(struct publisher *publisher)
{
    struct list_node *newest = list_last(&publisher->pending);
    if (publisher->image != NULL || newest == NULL)
        return;
    publisher->image = image_retain(container_of(newest, struct publication, node)->image);
    list_append(&publisher->under_way, &publisher->pending);
    publisher->waiting_count = publisher->roster->core_count;
    for (uint32_t i = 0; i < publisher->waiting_count; i++) {
        struct publisher_leg *leg = &publisher->legs[i];
        completion_init(&leg->mail, leg_arrived);
        io_post(publisher_io(publisher), i, &leg->mail, STATUS_OK);
    }
}

static void publish(struct image_publisher *image_publisher, struct image *image,
                    struct completion *adopted)
{
    struct publisher *publisher = container_of(image_publisher, struct publisher, image_publisher);
    struct publication *publication = calloc(1, sizeof *publication);
    assert(publication != NULL);
    publication->image = image_retain(image);
    publication->adopted = adopted;
    list_push_back(&publisher->pending, &publication->node);
    publisher_send_next(publisher);
}

void publisher_init(struct publisher *publisher, const struct roster *roster)
{
    uint32_t count = roster->core_count;
    *publisher = (struct publisher){.image_publisher = {.publish = publish}, .roster = roster};
    list_init(&publisher->pending);
    list_init(&publisher->under_way);
    publisher->legs = calloc(count, sizeof *publisher->legs);
    assert(publisher->legs != NULL);
    for (uint32_t i = 0; i < count; i++) {
        publisher->legs[i].publisher = publisher;
        publisher->legs[i].core = roster_core(roster, i);
    }
}

void publisher_deinit(struct publisher *publisher)
{
    struct list_node *node;
    list_append(&publisher->under_way, &publisher->pending);
    while ((node = list_pop_front(&publisher->under_way)) != NULL)
        publication_free(container_of(node, struct publication, node));
    if (publisher->image != NULL)
        image_release(publisher->image);
    free(publisher->legs);
}
