/* Waiting for the state of a log to be durable. The flush writes a snapshot in its turn, after what
 * the snapshot says is synced; one that was taken before the wish does not serve it. */
#include "base/assert.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"

static struct log_record *first_record(const struct log *log)
{
    struct list_node *node = list_first(&log->records);
    return node == NULL ? NULL : container_of(node, struct log_record, node);
}

static void land(struct log *log, struct log_record *record, enum status status)
{
    list_remove(&record->node);
    io_land(log->store->io, &record->completion, (int32_t)status);
}

void log_record(struct log *log, struct log_record *record)
{
    struct store *store = log->store;
    list_node_init(&record->node);
    record->version = ++log->version;
    list_push_back(&log->records, &record->node);
    if (log->deletion != NULL)
        land(log, record, STATUS_CANCELLED);
    else if (store->failure != STATUS_OK || store->is_stopping)
        land(log, record, STATUS_FAILED);
    else
        store_want_flush(store, log, false);
}

void log_snapshot_for_records(struct log *log)
{
    if (list_is_empty(&log->records) || !bytes_are_null(log->snapshot.content))
        return;
    log_seal(log);
    log_take_snapshot(log);
    if (bytes_are_null(log->snapshot.content))
        log_land_records(log, STATUS_NO_MEMORY);
}

void log_note_recorded(struct log *log, uint64_t version)
{
    struct log_record *record;
    assert(version <= log->version);
    while ((record = first_record(log)) != NULL && record->version <= version)
        land(log, record, STATUS_OK);
}

void log_land_records(struct log *log, enum status status)
{
    struct log_record *record;
    assert(status != STATUS_OK);
    while ((record = first_record(log)) != NULL)
        land(log, record, status);
}
