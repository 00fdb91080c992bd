/* The recording of a log's state. A snapshot is encoded when everything has been sealed, given to
 * the catalog when all that it speaks of is synced, and serves whoever asked before it was taken.
 */
#include "base/assert.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/state_file.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* --- Snapshots -------------------------------------------------------------------------------- */

/* From a batch on that compaction could not go through the next life tries again, for it may have
 * more memory. */
static int64_t cleaned_offset(const struct log *log)
{
    return log->opaque_offset < log->cleaned_offset ? log->opaque_offset : log->cleaned_offset;
}

static struct bytes encode(const struct log *log)
{
    struct state_segment *segments = calloc(log->segment_count + 1, sizeof *segments);
    if (segments == NULL)
        return (struct bytes){0};
    uint32_t segment_count = 0;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        if (segment->size_bytes == 0)
            continue; /* the active one, and there is no file yet */
        segments[segment_count++] = (struct state_segment){
            .base_offset = segment->base_offset,
            .size_bytes = segment->size_bytes,
            .max_timestamp_ms = segment->max_timestamp_ms,
            .generation = segment->generation,
            .created_ms = segment->created_ms,
            .appended_ms = segment->appended_ms,
            .aborted_from = segment->aborted_from,
        };
    }
    struct bytes content = state_encode(&(struct state){
        .topic_id = log->id.topic_id,
        .partition = log->id.partition,
        .start_offset = log->start_offset,
        .recovery_offset = log->end_offset,
        .cleaned_offset = cleaned_offset(log),
        .segments = segments,
        .segment_count = segment_count,
        .epochs = &log->epochs,
        .producers = &log->producers,
        .damages = &log->damages,
        .topic_name = log->id.topic_name,
    });
    free(segments);
    return content;
}

void log_drop_snapshot(struct log *log)
{
    if (log->snapshot == NULL)
        return;
    free((void *)log->snapshot->record.payload.data);
    free(log->snapshot);
    log->snapshot = NULL;
}

static void snapshot_landed(struct completion *completion, int32_t result);

void log_take_snapshot(struct log *log)
{
    assert(log->open == NULL);
    if (log->snapshot != NULL)
        return;
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct bytes content = snapshot == NULL ? (struct bytes){0} : encode(log);
    if (bytes_are_null(content)) {
        free(snapshot);
        return;
    }
    snapshot->log = log;
    snapshot->offset = log->end_offset;
    snapshot->start_offset = log->start_offset;
    snapshot->version = log->version;
    snapshot->record = (struct catalog_record){
        .kind = COMMIT_STATE,
        .topic_id = log->id.topic_id,
        .partition = log->id.partition,
        .life = log->life,
        .payload = content,
    };
    completion_init(&snapshot->record.completion, snapshot_landed);
    log->snapshot = snapshot;
    log->unrecorded_bytes = 0;
}

/* --- Pursuing --------------------------------------------------------------------------------- */

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

static void note_recorded(struct log *log, const struct snapshot *snapshot)
{
    struct log_record *record;
    assert(snapshot->version <= log->version);
    assert(snapshot->offset >= log->recorded_offset);
    log->recorded_offset = snapshot->offset;
    log->recorded_start_offset = snapshot->start_offset;
    log->recorded_version = snapshot->version;
    catalog_note_live(&log->store->catalog, &log->place, &snapshot->record);
    while ((record = first_record(log)) != NULL && record->version <= log->recorded_version)
        land(log, record, STATUS_OK);
    checkpoint_note_recorded(log->store, log);
}

/* A lack of space has been noted by the store, which comes back to its logs when there is some. One
 * that is not open yet is not among them. */
static void snapshot_landed(struct completion *completion, int32_t result)
{
    struct snapshot *snapshot = container_of(completion, struct snapshot, record.completion);
    struct log *log = snapshot->log;
    struct store *store = log->store;
    assert(log->snapshot == snapshot);
    assert(snapshot->is_put);
    if (result == STATUS_OK)
        note_recorded(log, snapshot);
    log_drop_snapshot(log);
    if (result == STATUS_OK)
        log_pursue_record(log);
    else if (!list_node_is_linked(&log->node))
        log_land_records(log, (enum status)result);
    log_delete_progressed(log);
    store_progressed(store);
}

/* One that was taken before the newest wish, and that nobody has yet, makes place. */
static void renew_snapshot(struct log *log)
{
    bool is_wanted = log->recorded_version < log->version;
    if (!is_wanted || (log->snapshot != NULL &&
                       (log->snapshot->is_put || log->snapshot->version == log->version)))
        return;
    log_drop_snapshot(log);
    log_seal(log);
    log_take_snapshot(log);
    if (log->snapshot == NULL)
        store_retry_soon(log->store);
}

void log_pursue_record(struct log *log)
{
    if (log->deletion != NULL || log->store->failure != STATUS_OK)
        return;
    renew_snapshot(log);
    struct snapshot *snapshot = log->snapshot;
    if (snapshot == NULL || snapshot->is_put)
        return;
    if (log->synced_offset < snapshot->offset) {
        store_want_flush(log->store, log, false);
        return;
    }
    snapshot->is_put = true;
    catalog_put(&log->store->catalog, &snapshot->record);
}

uint64_t log_want_record(struct log *log)
{
    uint64_t version = ++log->version;
    log_pursue_record(log);
    return version;
}

bool log_wants_record(const struct log *log)
{
    return log->snapshot != NULL || log->recorded_version < log->version;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

void log_record(struct log *log, struct log_record *record)
{
    struct store *store = log->store;
    list_node_init(&record->node);
    list_push_back(&log->records, &record->node);
    record->version = log->version + 1;
    if (log->deletion != NULL)
        land(log, record, STATUS_CANCELLED);
    else if (store->failure != STATUS_OK || store->is_stopping)
        land(log, record, STATUS_FAILED);
    else
        log_want_record(log);
}

void log_land_records(struct log *log, enum status status)
{
    struct log_record *record;
    assert(status != STATUS_OK);
    while ((record = first_record(log)) != NULL)
        land(log, record, status);
}
