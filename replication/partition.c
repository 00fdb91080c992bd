/* An append lands twice: from the log when it is durable here, and for acks=all from this file when
 * the high watermark has passed it. Which of the two comes first is left open, and both orders end
 * in one landing of the caller's completion. */
#include "replication/partition.h"

#include "base/assert.h"

/* Appends commit in the order of their offsets, so the walk ends at the first that must wait on. */
static void partition_land_committed(struct partition *partition)
{
    struct list_node *node;
    while ((node = list_first(&partition->commit_waiters)) != NULL) {
        struct partition_append *append = container_of(node, struct partition_append, node);
        assert(append->partition == partition);
        if (append->append.last_offset >= partition->core.high_watermark)
            return;
        list_remove(node);
        io_land(partition->io, &append->completion, STATUS_OK);
    }
}

/* The list is emptied first: whoever is woken may wait again at once, and must not be woken twice.
 */
static void partition_wake_readers(struct partition *partition)
{
    struct list woken;
    list_init(&woken);
    list_append(&woken, &partition->data_waiters);

    struct list_node *node;
    while ((node = list_pop_front(&woken)) != NULL) {
        struct partition_waiter *waiter = container_of(node, struct partition_waiter, node);
        waiter->woken(waiter);
    }
}

static void partition_durable_moved(struct log_observer *observer)
{
    struct partition *partition = container_of(observer, struct partition, observer);
    if (partition->core.in_sync_count == 0)
        return;
    if (!replica_core_log_end(&partition->core, partition->self,
                              log_durable_offset(partition->log)))
        return;
    assert(partition->core.high_watermark <= log_durable_offset(partition->log));
    log_note_high_watermark(partition->log, partition->core.high_watermark);
    partition_land_committed(partition);
    partition_wake_readers(partition);
}

static void partition_start_moved(struct log_observer *observer)
{
    partition_wake_readers(container_of(observer, struct partition, observer));
}

/* Those who wait for the disk hear it from the log itself; those who wait for the commit, here. */
static void partition_log_failed(struct log_observer *observer, enum status status)
{
    struct partition *partition = container_of(observer, struct partition, observer);
    assert(status != STATUS_OK);
    struct list_node *node;
    while ((node = list_pop_front(&partition->commit_waiters)) != NULL) {
        struct partition_append *append = container_of(node, struct partition_append, node);
        io_land(partition->io, &append->completion, (int32_t)status);
    }
    assert(list_is_empty(&partition->commit_waiters));
    partition_wake_readers(partition);
}

void partition_init(struct partition *partition, struct uuid topic_id, int32_t index, int32_t self,
                    struct io *io, struct log *log)
{
    assert(io != NULL);
    assert(self >= 0);
    assert(log != NULL);
    assert(index >= 0);
    *partition = (struct partition){
        .topic_id = topic_id,
        .index = index,
        .self = self,
        .io = io,
        .log = log,
        .observer = {.durable_moved = partition_durable_moved,
                     .start_moved = partition_start_moved,
                     .failed = partition_log_failed},
    };
    list_init(&partition->commit_waiters);
    list_init(&partition->data_waiters);
    log_observe(log, &partition->observer);
}

void partition_deinit(struct partition *partition)
{
    assert(partition->log != NULL);
    struct list_node *node;
    while ((node = list_pop_front(&partition->commit_waiters)) != NULL) {
        struct partition_append *append = container_of(node, struct partition_append, node);
        io_land(partition->io, &append->completion, STATUS_CANCELLED);
    }
    partition_wake_readers(partition);
    assert(list_is_empty(&partition->commit_waiters));
    assert(list_is_empty(&partition->data_waiters));
    log_observe(partition->log, NULL);
    partition->log = NULL;
}

/* May come again with the same epoch; waiters are looked at in any case, as the set in sync may
 * have shrunk. */
void partition_lead(struct partition *partition, int32_t leader_epoch, const int32_t *in_sync_ids,
                    uint32_t in_sync_count)
{
    assert(partition->log != NULL);
    assert(leader_epoch >= 0);
    replica_core_lead(&partition->core, leader_epoch, in_sync_ids, in_sync_count, partition->self,
                      log_durable_offset(partition->log), partition->core.high_watermark);
    log_note_high_watermark(partition->log, partition->core.high_watermark);
    partition_land_committed(partition);
    partition_wake_readers(partition);
}

/* In the order of offsets; only a repeated batch, which has those of its first time, is not last.
 */
static void wait_for_commit(struct partition *partition, struct partition_append *append)
{
    assert(!list_node_is_linked(&append->node));
    assert(append->append.last_offset >= partition->core.high_watermark);
    struct list_node *end = &partition->commit_waiters.head;
    struct list_node *position = end;
    while (position->prev != end &&
           container_of(position->prev, struct partition_append, node)->append.last_offset >
               append->append.last_offset)
        position = position->prev;
    list_insert_before(position, &append->node);
}

/* The batch is durable here, or was refused. */
static void partition_append_landed(struct completion *completion, int32_t result)
{
    struct partition_append *append =
        container_of(completion, struct partition_append, append.completion);
    struct partition *partition = append->partition;
    bool is_committed = append->append.last_offset < partition->core.high_watermark;
    if (result < 0 || !append->wait_committed || is_committed) {
        append->completion.landed(&append->completion, result);
        return;
    }
    if (partition->log == NULL) {
        append->completion.landed(&append->completion, STATUS_CANCELLED);
        return;
    }
    wait_for_commit(partition, append);
}

/* The epoch is the one under which this node leads now: what is appended later under another must
 * be told apart. */
void partition_append(struct partition *partition, struct partition_append *append)
{
    assert(partition->log != NULL);
    assert(partition->core.in_sync_count > 0);
    assert(append->completion.landed != NULL);
    append->partition = partition;
    append->log_start_offset = log_start_offset(partition->log);
    append->append.leader_epoch = partition->core.leader_epoch;
    list_node_init(&append->node);
    completion_init(&append->append.completion, partition_append_landed);
    log_append(partition->log, &append->append);
    if (append->append.refused != STATUS_OK || append->append.is_duplicate)
        return;
    assert(append->append.last_offset >= append->append.base_offset);
    partition->traffic.records_in +=
        (uint64_t)(append->append.last_offset - append->append.base_offset + 1);
    partition->traffic.bytes_in += append->append.batch.size;
}

void partition_append_give_up(struct partition_append *append, struct io *io)
{
    log_append_give_up(&append->append, io, STATUS_TIMED_OUT);
    if (!list_node_is_linked(&append->node))
        return;
    list_remove(&append->node);
    io_land(io, &append->completion, STATUS_TIMED_OUT);
}

void partition_wait(struct partition *partition, struct partition_waiter *waiter)
{
    assert(partition->log != NULL);
    assert(waiter->woken != NULL);
    list_node_init(&waiter->node);
    list_push_back(&partition->data_waiters, &waiter->node);
}

void partition_wait_end(struct partition_waiter *waiter)
{
    list_remove(&waiter->node);
}
