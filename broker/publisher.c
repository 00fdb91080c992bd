#include "broker/publisher.h"

#include "base/assert.h"
#include "broker/roster.h"

#include <stdlib.h>

static const uint64_t retry_ns = 1000ull * 1000 * 1000;

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
    assert(publisher->image == NULL);
    struct list_node *node;
    while ((node = list_pop_front(&publisher->under_way)) != NULL) {
        struct publication *publication = container_of(node, struct publication, node);
        io_land(publisher_io(publisher), publication->adopted, STATUS_OK);
        publication_free(publication);
    }
}

static void drop_missed(struct publisher *publisher)
{
    if (publisher->missed != NULL)
        image_release(publisher->missed);
    publisher->missed = NULL;
}

/* All cores have it, if perhaps not all of it. */
static void image_is_adopted(struct publisher *publisher)
{
    assert(publisher->waiting_count == 0);
    assert(publisher->image != NULL);
    struct image *image = publisher->image;
    publisher->image = NULL;
    image_release(image);
    land_under_way(publisher);
    if (publisher->is_stopping)
        drop_missed(publisher);
    if (publisher->missed != NULL)
        io_timer_start(publisher_io(publisher), &publisher->retry,
                       io_now_ns(publisher_io(publisher)) + retry_ns);
    publisher_send_next(publisher);
}

static void leg_returned(struct completion *mail, int32_t result)
{
    struct publisher *publisher = container_of(mail, struct publisher_leg, mail)->publisher;
    assert(publisher->waiting_count > 0);
    assert(publisher->image != NULL);
    if (result != STATUS_OK && publisher->missed == NULL)
        publisher->missed = image_retain(publisher->image);
    if (--publisher->waiting_count == 0)
        image_is_adopted(publisher);
}

/* On the leg's core. */
static void leg_adopted(struct completion *adopted, int32_t result)
{
    struct publisher_leg *leg = container_of(adopted, struct publisher_leg, adopted);
    group_manager_apply(&leg->core->groups, core_image(leg->core));
    completion_init(&leg->mail, leg_returned);
    io_post(leg->core->io, 0, &leg->mail, result);
}

/* On the leg's core. */
static void leg_arrived(struct completion *mail, int32_t result)
{
    struct publisher_leg *leg = container_of(mail, struct publisher_leg, mail);
    completion_init(&leg->adopted, leg_adopted);
    replica_manager_apply(&leg->core->replicas, leg->publisher->image, &leg->adopted);
}

static void send_out(struct publisher *publisher, struct image *image)
{
    assert(publisher->image == NULL);
    assert(image != NULL);
    assert(publisher->waiting_count == 0);
    publisher->image = image_retain(image);
    drop_missed(publisher);
    io_timer_cancel(publisher_io(publisher), &publisher->retry);
    publisher->waiting_count = publisher->roster->core_count;
    for (uint32_t i = 0; i < publisher->waiting_count; i++) {
        struct publisher_leg *leg = &publisher->legs[i];
        completion_init(&leg->mail, leg_arrived);
        io_post(publisher_io(publisher), i, &leg->mail, STATUS_OK);
    }
}

static void publisher_send_next(struct publisher *publisher)
{
    struct list_node *newest = list_last(&publisher->pending);
    if (publisher->image == NULL && newest != NULL) {
        list_append(&publisher->under_way, &publisher->pending);
        send_out(publisher, container_of(newest, struct publication, node)->image);
    } else if (publisher->image == NULL && publisher->stopped != NULL) {
        io_land(publisher_io(publisher), publisher->stopped, STATUS_OK);
        publisher->stopped = NULL;
    }
}

static void retry_fired(struct timer *timer)
{
    struct publisher *publisher = container_of(timer, struct publisher, retry);
    assert(!publisher->is_stopping);
    if (publisher->image == NULL && publisher->missed != NULL)
        send_out(publisher, publisher->missed);
}

void publisher_stop(struct publisher *publisher, struct completion *stopped)
{
    assert(!publisher->is_stopping);
    assert(stopped != NULL);
    publisher->is_stopping = true;
    publisher->stopped = stopped;
    io_timer_cancel(publisher_io(publisher), &publisher->retry);
    publisher_send_next(publisher);
}

static void publish(struct image_publisher *image_publisher, struct image *image,
                    struct completion *adopted)
{
    assert(image != NULL);
    assert(adopted->landed != NULL);
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
    assert(roster->core_count > 0);
    uint32_t count = roster->core_count;
    *publisher = (struct publisher){.image_publisher = {.publish = publish}, .roster = roster};
    timer_init(&publisher->retry, retry_fired);
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
    drop_missed(publisher);
    free(publisher->legs);
}
