#include "broker/fetch_watch.h"

#include "base/assert.h"

void fetch_watch_init(struct fetch_watch *watch, struct fetch_session *session, struct io *home,
                      struct io *core)
{
    assert(session != NULL);
    assert(home != NULL);
    assert(core != NULL);
    *watch = (struct fetch_watch){.session = session, .home = home, .core = core};
    list_init(&watch->has_moved);
    list_init(&watch->carried);
    list_init(&watch->leaving);
    list_init(&watch->let_go);
}

static struct fetch_watcher *watcher_of(struct list_node *node)
{
    return container_of(node, struct fetch_watcher, waiter.node);
}

static void post(struct io *from, struct io *to, struct completion *mail,
                 void (*landed)(struct completion *mail, int32_t result))
{
    completion_init(mail, landed);
    io_post(from, io_core_index(to), mail, STATUS_OK);
}

/* --- Leaving ---------------------------------------------------------------------------------- */

static void leave_begin(struct fetch_watch *watch);

/* The watch may go with the last that has left. */
static void leave_returned(struct completion *mail, int32_t result)
{
    struct fetch_watch *watch = container_of(mail, struct fetch_watch, leave);
    assert(watch->is_leaving);
    struct list gone;
    struct list_node *node;
    list_init(&gone);
    list_append(&gone, &watch->let_go);
    watch->is_leaving = false;
    if (!list_is_empty(&watch->leaving))
        leave_begin(watch);
    while ((node = list_pop_front(&gone)) != NULL)
        watch->left(container_of(node, struct fetch_watcher, leaving));
}

static void let_go(struct fetch_watcher *watcher)
{
    switch (watcher->state) {
    case WATCHER_IDLE:
    case WATCHER_CARRIED: return;
    case WATCHER_ARMED: partition_wait_end(&watcher->waiter); break;
    case WATCHER_MOVED: list_remove(&watcher->waiter.node); break;
    }
    watcher->state = WATCHER_IDLE;
}

static void leave_arrived(struct completion *mail, int32_t result)
{
    struct fetch_watch *watch = container_of(mail, struct fetch_watch, leave);
    assert(watch->is_leaving);
    struct fetch_watcher *watcher;
    assert(!watch->is_leave_held);
    list_for_each_entry (watcher, &watch->let_go, leaving)
        let_go(watcher);
    if (watch->is_carrying)
        watch->is_leave_held = true;
    else
        post(watch->core, watch->home, &watch->leave, leave_returned);
}

static void leave_begin(struct fetch_watch *watch)
{
    assert(!watch->is_leaving);
    assert(list_is_empty(&watch->let_go));
    watch->is_leaving = true;
    list_append(&watch->let_go, &watch->leaving);
    post(watch->home, watch->core, &watch->leave, leave_arrived);
}

void fetch_watcher_leave(struct fetch_watcher *watcher)
{
    struct fetch_watch *watch = watcher->watch;
    assert(watch != NULL);
    assert(watch->left != NULL);
    list_node_init(&watcher->leaving);
    list_push_back(&watch->leaving, &watcher->leaving);
    if (!watch->is_leaving)
        leave_begin(watch);
}

/* --- Telling ---------------------------------------------------------------------------------- */

static void gather(struct fetch_watch *watch);

static void carry_returned(struct completion *mail, int32_t result)
{
    struct fetch_watch *watch = container_of(mail, struct fetch_watch, carry);
    struct list_node *node;
    assert(watch->is_carrying);
    watch->is_carrying = false;
    while ((node = list_pop_front(&watch->carried)) != NULL)
        watcher_of(node)->state = WATCHER_IDLE;
    if (watch->is_leave_held)
        post(watch->core, watch->home, &watch->leave, leave_returned);
    watch->is_leave_held = false;
    if (!list_is_empty(&watch->has_moved))
        gather(watch);
}

static void carry_arrived(struct completion *mail, int32_t result)
{
    struct fetch_watch *watch = container_of(mail, struct fetch_watch, carry);
    assert(watch->is_carrying);
    struct fetch_watcher *watcher;
    list_for_each_entry (watcher, &watch->carried, waiter.node)
        watch->moved(watcher);
    post(watch->home, watch->core, &watch->carry, carry_returned);
}

static void gathered(struct completion *mail, int32_t result)
{
    struct fetch_watch *watch = container_of(mail, struct fetch_watch, carry);
    struct fetch_watcher *watcher;
    assert(watch->is_carrying);
    assert(list_is_empty(&watch->carried));
    list_append(&watch->carried, &watch->has_moved);
    list_for_each_entry (watcher, &watch->carried, waiter.node)
        watcher->state = WATCHER_CARRIED;
    post(watch->core, watch->home, &watch->carry, carry_arrived);
}

/* One commit moves many logs within one landing, and the mail leaves after it: with the first of
 * them alone, the fetch that waits would be answered for one partition, and the others would wait
 * until the consumer has asked again. */
static void gather(struct fetch_watch *watch)
{
    assert(!watch->is_carrying);
    assert(watch->moved != NULL);
    watch->is_carrying = true;
    completion_init(&watch->carry, gathered);
    io_land(watch->core, &watch->carry, STATUS_OK);
}

static void watcher_woken(struct partition_waiter *waiter)
{
    struct fetch_watcher *watcher = container_of(waiter, struct fetch_watcher, waiter);
    struct fetch_watch *watch = watcher->watch;
    assert(watcher->state == WATCHER_ARMED);
    watcher->state = WATCHER_MOVED;
    list_push_back(&watch->has_moved, &waiter->node);
    if (!watch->is_carrying)
        gather(watch);
}

bool fetch_watcher_arm(struct fetch_watcher *watcher, struct partition *partition)
{
    assert(watcher->watch != NULL);
    assert(partition != NULL);
    assert(partition->io == watcher->watch->core);
    if (watcher->state == WATCHER_ARMED)
        return true;
    if (watcher->state == WATCHER_CARRIED)
        return false;
    if (watcher->state == WATCHER_MOVED)
        list_remove(&watcher->waiter.node);
    watcher->state = WATCHER_ARMED;
    watcher->waiter.woken = watcher_woken;
    partition_wait(partition, &watcher->waiter);
    return true;
}
