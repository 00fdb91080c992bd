/* A check goes round all logs in turns of the loop that are short. */
#include "storage/retention.h"

#include "base/assert.h"
#include "storage/log_retire.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

enum { LOGS_PER_TURN = 256, NS_PER_MS = 1000 * 1000 };

int64_t retention_now_ms(struct store *store)
{
    int64_t jumped_ms;
    int64_t now_ms = retention_clock_check(&store->retention.clock, io_wall_ms(store->io),
                                           (int64_t)(io_now_ns(store->io) / NS_PER_MS), &jumped_ms);
    if (jumped_ms > 0)
        log_warn(store->logger,
                 "the clock has jumped forward: for an hour nothing is deleted for its age",
                 field_i64("jump_ms", jumped_ms), field_text("directory", store->directory));
    return now_ms;
}

static void go_on_soon(struct store *store);

/* Each log goes to the end of the list when it has been looked at, so that no place in the list
 * need be remembered while logs come and go. */
static void turn_landed(struct completion *completion, int32_t result)
{
    struct store *store = container_of(completion, struct store, retention.turn);
    struct retention *retention = &store->retention;
    (void)result;
    assert(retention->turn_is_pending);
    retention->turn_is_pending = false;
    int64_t now_ms = retention_now_ms(store);
    for (uint32_t i = 0; i < LOGS_PER_TURN && !store->is_stopping; i++) {
        struct list_node *node = list_first(&store->logs);
        struct log *log = node == NULL ? NULL : container_of(node, struct log, node);
        if (log == NULL || log->retention_round == retention->round)
            break;
        log->retention_round = retention->round;
        list_remove(node);
        list_push_back(&store->logs, node);
        log_retire_check(log, now_ms);
        producer_core_expire(&log->producers, io_wall_ms(store->io));
        if (i + 1 == LOGS_PER_TURN)
            go_on_soon(store);
    }
    store_progressed(store);
}

static void go_on_soon(struct store *store)
{
    struct retention *retention = &store->retention;
    if (retention->turn_is_pending || store->is_stopping)
        return;
    retention->turn_is_pending = true;
    completion_init(&retention->turn, turn_landed);
    io_land(store->io, &retention->turn, STATUS_OK);
}

/* The first check is not before an interval has passed: the clock of a machine that has just come
 * up may not have been set yet. */
static void start_timer(struct store *store)
{
    int64_t delay_ms = store->options.retention_check_ms;
    int64_t delay_ms_max = INT64_MAX / NS_PER_MS / 2;
    if (delay_ms > delay_ms_max)
        delay_ms = delay_ms_max;
    io_timer_start(store->io, &store->retention.timer,
                   io_now_ns(store->io) + (uint64_t)delay_ms * NS_PER_MS);
}

static void timer_fired(struct timer *timer)
{
    struct store *store = container_of(timer, struct store, retention.timer);
    assert(!store->is_stopping);
    start_timer(store);
    store_check_retention(store);
}

void store_check_retention(struct store *store)
{
    store->retention.round++;
    go_on_soon(store);
}

void retention_init(struct store *store)
{
    timer_init(&store->retention.timer, timer_fired);
    if (store->options.retention_check_ms > 0)
        start_timer(store);
}

void retention_stop(struct store *store)
{
    io_timer_cancel(store->io, &store->retention.timer);
}
