#include "broker/fetch_leg.h"

#include "base/assert.h"
#include "broker/kafka_status.h"
#include "broker/topics.h"
#include "protocol/errors.h"

/* Reads of one leg in flight at once. */
enum { LEG_READS_MAX = 64 };

/* So often in a row compaction may be quicker than one read; then the fetch waits for more. */
enum { REREADS_MAX = 8 };

enum fetch_leg_stage { FETCH_LEG_READ, FETCH_LEG_DONE };

static const struct op_stage fetch_leg_stages[] = {
    [FETCH_LEG_READ] = {"read", 0},
    [FETCH_LEG_DONE] = {"done", AFTER(FETCH_LEG_READ)},
};

static void leg_returned(struct completion *mail, int32_t result)
{
    struct fetch_leg *leg = container_of(mail, struct fetch_leg, mail);
    leg->landed(leg);
}

static void leg_go_home(struct fetch_leg *leg)
{
    assert(!leg->is_watching);
    assert(leg->op.waiting == 0);
    completion_init(&leg->mail, leg_returned);
    io_post(leg->core->io, io_core_index(leg->home->io), &leg->mail, STATUS_OK);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void fetch_read_arrived_home(struct completion *mail, int32_t result)
{
    struct fetch_read *fetch_read = container_of(mail, struct fetch_read, home_mail);
    struct broker_core *home = fetch_read->home;
    pool_release(&home->read_pool, fetch_read);
    core_check_settled(home);
}

void fetch_read_give_back(struct fetch_read *fetch_read, struct io *io)
{
    assert(fetch_read->home != NULL);
    log_read_release(&fetch_read->read, io);
    aborted_list_deinit(&fetch_read->aborted.list);
    completion_init(&fetch_read->home_mail, fetch_read_arrived_home);
    io_post(io, io_core_index(fetch_read->home->io), &fetch_read->home_mail, STATUS_OK);
}

/* The reader's last epoch, if it sends one, must be ours up to its offset; otherwise it has records
 * that this log does not, and must first go back to where the two agree. */
static bool has_diverged(struct fetch_partition *wanted, const struct log *log)
{
    int32_t epoch = wanted->wish.last_fetched_epoch;
    int32_t found_epoch;
    int64_t end_offset;
    if (epoch < 0)
        return false;
    if (!log_epoch_end(log, epoch, &found_epoch, &end_offset)) {
        found_epoch = -1;
        end_offset = -1;
    }
    if (found_epoch == epoch && end_offset >= wanted->wish.fetch_offset)
        return false;
    wanted->diverging_epoch = found_epoch;
    wanted->diverging_end_offset = end_offset;
    return true;
}

/* Fills in where the partition stands. NULL when there is nothing to read from it now. */
static struct partition *leg_look_at(struct fetch_leg *leg, struct fetch_partition *wanted)
{
    assert(wanted->leg == leg);
    assert(wanted->error == KAFKA_NONE);
    struct partition *partition = partition_resolve(leg->core, wanted->topic_id, wanted->wish.index,
                                                    wanted->wish.leader_epoch, &wanted->error);
    if (partition == NULL)
        return NULL;
    const struct log *log = partition->log;
    if (log_has_failed(log)) {
        wanted->error = KAFKA_KAFKA_STORAGE_ERROR;
        return NULL;
    }
    int64_t offset = wanted->wish.fetch_offset;
    if (offset < log_start_offset(log) || offset > log_end_offset(log)) {
        wanted->error = KAFKA_OFFSET_OUT_OF_RANGE;
        return NULL;
    }
    wanted->high_watermark = partition_high_watermark(partition);
    wanted->last_stable_offset = partition_last_stable_offset(partition);
    wanted->start_offset = log_start_offset(log);
    wanted->has_diverged = has_diverged(wanted, log);
    return wanted->has_diverged ? NULL : partition;
}

/* Where this reader's records end. */
static int64_t leg_limit(const struct fetch_leg *leg, const struct fetch_partition *wanted)
{
    return leg->read_committed ? wanted->last_stable_offset : wanted->high_watermark;
}

/* The partition may have gone while its records were read. */
static void count_read(struct fetch_leg *leg, const struct fetch_partition *wanted,
                       size_t size_bytes)
{
    assert(size_bytes > 0);
    struct partition *partition =
        replica_manager_find(&leg->core->replicas, wanted->topic_id, wanted->wish.index);
    if (partition != NULL)
        partition->traffic.bytes_out += size_bytes;
}

static void end_read(struct fetch_read *fetch_read, int32_t result)
{
    struct fetch_partition *wanted = fetch_read->wanted;
    assert(wanted->fetch_read == fetch_read);
    struct fetch_leg *leg = wanted->leg;
    assert(leg->op.waiting > 0);
    bool is_empty = result < 0 || fetch_read->read.size_bytes == 0;
    if (result < 0 && result != STATUS_NO_MEMORY && result != STATUS_BUSY)
        wanted->error = kafka_error_of_status((enum status)result);
    wanted->is_quiet_behind =
        !is_empty && wanted->is_armed && fetch_read->read.next_offset >= leg_limit(leg, wanted);
    leg->size_bytes += is_empty ? 0 : (int64_t)fetch_read->read.size_bytes;
    if (!is_empty)
        count_read(leg, wanted, fetch_read->read.size_bytes);
    if (is_empty) {
        wanted->fetch_read = NULL;
        fetch_read_give_back(fetch_read, leg->core->io);
    }
    op_landed(&leg->op, STATUS_OK);
}

/* What was read may show records of aborted transactions of which nobody knows any more. */
static void read_again(struct fetch_read *fetch_read)
{
    assert(fetch_read->reread_count < REREADS_MAX);
    const struct fetch_partition *wanted = fetch_read->wanted;
    const struct broker_core *core = wanted->leg->core;
    struct partition *partition =
        replica_manager_find(&core->replicas, wanted->topic_id, wanted->wish.index);
    log_read_release(&fetch_read->read, core->io);
    fetch_read->reread_count++;
    if (partition == NULL)
        end_read(fetch_read, STATUS_CANCELLED);
    else
        log_read(partition->log, &fetch_read->read);
}

static void aborted_landed(struct completion *completion, int32_t result)
{
    struct fetch_read *fetch_read = container_of(completion, struct fetch_read, aborted.completion);
    assert(fetch_read->read.piece_count > 0);
    if (result == STATUS_BUSY && fetch_read->reread_count < REREADS_MAX)
        read_again(fetch_read);
    else
        end_read(fetch_read, result);
}

/* A reader of committed records must know of all aborted transactions in what it gets. */
static void read_landed(struct completion *completion, int32_t result)
{
    struct fetch_read *fetch_read = container_of(completion, struct fetch_read, read.completion);
    const struct log_read *read = &fetch_read->read;
    const struct fetch_partition *wanted = fetch_read->wanted;
    assert(wanted->fetch_read == fetch_read);
    struct fetch_leg *leg = wanted->leg;
    if (result < 0 || read->size_bytes == 0 || !leg->read_committed) {
        end_read(fetch_read, result);
        return;
    }
    struct partition *partition =
        replica_manager_find(&leg->core->replicas, wanted->topic_id, wanted->wish.index);
    if (partition == NULL || !log_may_have_aborted(partition->log, read)) {
        end_read(fetch_read, partition == NULL ? STATUS_CANCELLED : result);
        return;
    }
    fetch_read->aborted.from = read->offset;
    fetch_read->aborted.to = read->next_offset;
    fetch_read->aborted.exchange_count = read->exchange_count;
    completion_init(&fetch_read->aborted.completion, aborted_landed);
    log_aborted(partition->log, &fetch_read->aborted);
}

/* False when the core has no reads left. */
static bool leg_begin_read(struct fetch_leg *leg, struct fetch_partition *wanted,
                           struct partition *partition, int64_t budget_bytes)
{
    assert(partition != NULL);
    assert(wanted->fetch_read == NULL);
    assert(wanted->wish.fetch_offset < leg_limit(leg, wanted));
    struct fetch_read *fetch_read = pool_acquire(&leg->core->read_pool);
    if (fetch_read == NULL)
        return false;
    int64_t size_bytes_max = wanted->wish.size_bytes_max;
    if (size_bytes_max > budget_bytes)
        size_bytes_max = budget_bytes;
    *fetch_read = (struct fetch_read){
        .home = leg->core,
        .wanted = wanted,
        .read = {.offset = wanted->wish.fetch_offset,
                 .end_offset = leg_limit(leg, wanted),
                 .size_bytes_max = size_bytes_max < 0 ? 0 : (uint32_t)size_bytes_max,
                 .first_batch_anyway = leg->size_bytes == 0 && leg->asked_bytes == 0,
                 .takes_files = leg->takes_files},
    };
    wanted->fetch_read = fetch_read;
    leg->asked_bytes += size_bytes_max > 0 ? size_bytes_max : 0;
    op_expect(&leg->op);
    completion_init(&fetch_read->read.completion, read_landed);
    log_read(partition->log, &fetch_read->read);
    return true;
}

static enum op_progress fetch_leg_read_on(struct fetch_leg *leg)
{
    leg->asked_bytes = 0;
    while (leg->next != NULL && leg->op.waiting < LEG_READS_MAX) {
        struct fetch_partition *wanted = leg->next;
        int64_t budget_bytes = leg->size_bytes_max - leg->size_bytes - leg->asked_bytes;
        if (budget_bytes <= 0 && leg->op.waiting > 0)
            break;
        leg->next = wanted->next;
        struct partition *partition = leg_look_at(leg, wanted);
        bool is_at_end = wanted->wish.fetch_offset >= leg_limit(leg, wanted);
        wanted->is_quiet = partition != NULL && is_at_end && wanted->is_armed;
        if (partition == NULL || is_at_end)
            continue;
        bool is_full = budget_bytes <= 0 && leg->size_bytes > 0;
        if (!is_full && !leg_begin_read(leg, wanted, partition, budget_bytes))
            break;
    }
    if (leg->op.waiting > 0)
        return OP_WAIT;
    op_move(&leg->op, FETCH_LEG_DONE);
    return OP_AGAIN;
}

static enum op_progress fetch_leg_step(struct op *op)
{
    struct fetch_leg *leg = container_of(op, struct fetch_leg, op);
    switch ((enum fetch_leg_stage)op->stage) {
    case FETCH_LEG_READ: return fetch_leg_read_on(leg);
    case FETCH_LEG_DONE: leg_go_home(leg); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind fetch_leg_kind = {
    .name = "fetch_leg",
    .step = fetch_leg_step,
    .stages = fetch_leg_stages,
};

/* At once, and before any of them is looked at: whatever comes after that look will be told, and
 * a session that lets go of a watcher does so behind this leg. */
static void leg_arm(struct fetch_leg *leg)
{
    for (struct fetch_partition *wanted = leg->first; wanted != NULL; wanted = wanted->next) {
        wanted->is_armed = false;
        assert(wanted->leg == leg);
        if (wanted->watcher == NULL)
            continue;
        struct partition *partition =
            replica_manager_find(&leg->core->replicas, wanted->topic_id, wanted->wish.index);
        wanted->is_armed = partition != NULL && fetch_watcher_arm(wanted->watcher, partition);
        wanted->watcher = NULL;
    }
}

static void leg_arrived_to_read(struct completion *mail, int32_t result)
{
    struct fetch_leg *leg = container_of(mail, struct fetch_leg, mail);
    assert(leg->first != NULL);
    assert(!leg->is_watching);
    leg_arm(leg);
    leg->next = leg->first;
    leg->size_bytes = 0;
    op_start(&leg->op, &fetch_leg_kind, io_ops(leg->core->io));
}

void fetch_leg_read(struct fetch_leg *leg)
{
    assert(leg->first != NULL);
    assert(leg->landed != NULL);
    completion_init(&leg->mail, leg_arrived_to_read);
    io_post(leg->home->io, io_core_index(leg->core->io), &leg->mail, STATUS_OK);
}

/* --- Watching --------------------------------------------------------------------------------- */

static void leg_stop_watching(struct fetch_leg *leg)
{
    assert(leg->is_watching);
    leg->is_watching = false;
    for (struct fetch_partition *wanted = leg->first; wanted != NULL; wanted = wanted->next) {
        if (wanted->is_watching)
            partition_wait_end(&wanted->waiter);
        wanted->is_watching = false;
    }
    leg_go_home(leg);
}

static void leg_woken(struct partition_waiter *waiter)
{
    struct fetch_partition *wanted = container_of(waiter, struct fetch_partition, waiter);
    assert(wanted->is_watching);
    assert(wanted->leg->is_watching);
    leg_stop_watching(wanted->leg);
}

static bool has_news(const struct fetch_partition *wanted, const struct partition *partition)
{
    return partition == NULL || log_has_failed(partition->log) ||
           partition_high_watermark(partition) != wanted->high_watermark;
}

static void leg_arrived_to_watch(struct completion *mail, int32_t result)
{
    struct fetch_leg *leg = container_of(mail, struct fetch_leg, mail);
    assert(leg->first != NULL);
    assert(!leg->is_watching);
    leg->is_watching = true;
    for (struct fetch_partition *wanted = leg->first; wanted != NULL; wanted = wanted->next) {
        struct partition *partition =
            replica_manager_find(&leg->core->replicas, wanted->topic_id, wanted->wish.index);
        if (has_news(wanted, partition)) {
            leg_stop_watching(leg);
            return;
        }
        wanted->is_watching = true;
        wanted->waiter.woken = leg_woken;
        partition_wait(partition, &wanted->waiter);
    }
}

void fetch_leg_watch(struct fetch_leg *leg)
{
    assert(leg->first != NULL);
    assert(leg->landed != NULL);
    completion_init(&leg->mail, leg_arrived_to_watch);
    io_post(leg->home->io, io_core_index(leg->core->io), &leg->mail, STATUS_OK);
}

static void recall_returned(struct completion *mail, int32_t result)
{
    struct fetch_leg *leg = container_of(mail, struct fetch_leg, recall_mail);
    leg->recalled(leg);
}

/* The leg may be on its way home already; then there is nothing to call back. */
static void recall_arrived(struct completion *mail, int32_t result)
{
    struct fetch_leg *leg = container_of(mail, struct fetch_leg, recall_mail);
    if (leg->is_watching)
        leg_stop_watching(leg);
    completion_init(&leg->recall_mail, recall_returned);
    io_post(leg->core->io, io_core_index(leg->home->io), &leg->recall_mail, STATUS_OK);
}

void fetch_leg_recall(struct fetch_leg *leg)
{
    assert(leg->first != NULL);
    assert(leg->recalled != NULL);
    completion_init(&leg->recall_mail, recall_arrived);
    io_post(leg->home->io, io_core_index(leg->core->io), &leg->recall_mail, STATUS_OK);
}
