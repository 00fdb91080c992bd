/* Opening a log. Its state is in memory already, where recovery has put it, so nothing is read: a
 * log that is known is open at once. One that is not is new, and open when the catalog has it: from
 * then on it is known, whatever happens. Its directory comes with its first segment. */
#include "base/assert.h"
#include "storage/compaction.h"
#include "storage/leftovers.h"
#include "storage/log_delete.h"
#include "storage/log_struct.h"
#include "storage/state_file.h"
#include "storage/store_states.h"
#include "storage/store_struct.h"

#include <stdlib.h>

/* A new log on its way into the catalog. */
struct log_opening {
    struct list_node node; /* store->openings */
    struct log_record record;
    struct store_open *open;
    struct log *log;
};

static bool add_segments(struct log *log, const struct state *state)
{
    assert(log->segment_count == 0);
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const struct state_segment *stored = &state->segments[i];
        bool is_last = i + 1 == state->segment_count;
        struct segment *segment = log_add_segment(log, stored->base_offset, stored->generation);
        if (segment == NULL)
            return false;
        segment->size_bytes = stored->size_bytes;
        segment->allocated_bytes = stored->size_bytes;
        segment->indexed_from = stored->size_bytes;
        segment->max_timestamp_ms = stored->max_timestamp_ms;
        segment->created_ms = stored->created_ms;
        segment->appended_ms = stored->appended_ms;
        segment->exists = stored->size_bytes > 0;
        segment->aborted_from = stored->aborted_from;
        segment->aborted_known_from = is_last ? state->recovery_offset : stored[1].base_offset;
    }
    return true;
}

static void take_offsets(struct log *log, const struct state *state)
{
    assert(log->end_offset == 0);
    assert(state->start_offset <= state->recovery_offset);
    log->start_offset = state->start_offset;
    log->high_watermark = state->start_offset;
    log->end_offset = state->recovery_offset;
    log->durable_offset = state->recovery_offset;
    log->journaled_offset = state->recovery_offset;
    log->written_offset = state->recovery_offset;
    log->synced_offset = state->recovery_offset;
    log->recorded_offset = state->recovery_offset;
    log->recorded_start_offset = state->start_offset;
    log->write_limit = state->recovery_offset;
    log->cleaned_offset = state->cleaned_offset;
}

static enum status take_state(struct log *log, struct bytes content)
{
    struct state_cores cores = {&log->epochs, &log->producers, &log->damages};
    struct state state;
    enum status status = state_decode(content, &state, &cores);
    if (status != STATUS_OK)
        return status;
    if (!uuid_equal(state.topic_id, log->id.topic_id) || state.partition != log->id.partition)
        status = STATUS_CORRUPT;
    else if (!add_segments(log, &state))
        status = STATUS_NO_MEMORY;
    else
        take_offsets(log, &state);
    log->has_directory = log->segment_count > 0;
    free(state.segments);
    return status;
}

static void add_to_store(struct log *log)
{
    list_push_back(&log->store->logs, &log->node);
    compaction_want(log->store, log);
}

static void end(struct log_opening *opening, enum status status)
{
    struct log *log = opening->log;
    struct store *store = log->store;
    if (status == STATUS_OK && store->failure != STATUS_OK)
        status = STATUS_FAILED;
    if (status == STATUS_OK) {
        log->is_swept = true;
        add_to_store(log);
        opening->open->log = log;
    } else {
        log_destroy(log);
    }
    io_land(store->io, &opening->open->completion, (int32_t)status);
    list_remove(&opening->node);
    free(opening);
    store_progressed(store);
}

static void recorded(struct completion *completion, int32_t result)
{
    end(container_of(completion, struct log_opening, record.completion), (enum status)result);
}

/* There may have been such a log in this run, and the journals still have its batches: recovery
 * takes none of them for this one's. The catalog has had its removal recorded since its own
 * opening, so the number is another. */
static uint32_t new_life(const struct store *store)
{
    uint32_t life = (uint32_t)(store->catalog.last_version + 1);
    return life == 0 ? 1 : life;
}

/* Its first record says its name, and that there is nothing in it. */
static void begin(struct log *log, struct store_open *open)
{
    struct store *store = log->store;
    struct log_opening *opening = calloc(1, sizeof *opening);
    if (opening == NULL) {
        log_destroy(log);
        io_land(store->io, &open->completion, STATUS_NO_MEMORY);
        return;
    }
    opening->open = open;
    opening->log = log;
    log->life = new_life(store);
    list_push_back(&store->openings, &opening->node);
    completion_init(&opening->record.completion, recorded);
    log_record(log, &opening->record);
    if (log->snapshot == NULL)
        log_land_records(log, STATUS_NO_MEMORY);
}

/* The state is this core's to take: nobody else opens this log. */
static enum status restore(struct log *log, struct store_state *state)
{
    enum status status = take_state(log, state->content);
    if (status != STATUS_OK)
        return status;
    struct store_states *states = log->store->states;
    free((void *)store_states_take(states, state).data);
    add_to_store(log);
    /* A log that nothing was ever appended to has no directory. */
    log->is_swept = states->is_swept || log->end_offset == 0;
    if (!log->is_swept)
        leftovers_want(log);
    return STATUS_OK;
}

void store_open_log(struct store *store, struct store_open *open)
{
    open->log = NULL;
    if (log_is_being_deleted(store, &open->id)) { /* its directory is about to be renamed */
        io_land(store->io, &open->completion, STATUS_BUSY);
        return;
    }
    bool is_refused = store->failure != STATUS_OK || store->is_stopping ||
                      open->id.topic_name.size > TOPIC_NAME_SIZE_MAX;
    struct log *log = is_refused ? NULL : log_create(store, &open->id, &open->config);
    if (log == NULL) {
        io_land(store->io, &open->completion, is_refused ? STATUS_FAILED : STATUS_NO_MEMORY);
        return;
    }
    struct store_state *state =
        store_states_find(store->states, open->id.topic_id, open->id.partition);
    log->place.is_in_base = state != NULL;
    if (state == NULL || bytes_are_null(state->content)) {
        begin(log, open);
        return;
    }
    enum status status = restore(log, state);
    if (status == STATUS_OK)
        open->log = log;
    else
        log_destroy(log);
    io_land(store->io, &open->completion, (int32_t)status);
}

void store_drop_openings(struct store *store)
{
    struct list_node *node;
    while ((node = list_pop_front(&store->openings)) != NULL) {
        struct log_opening *opening = container_of(node, struct log_opening, node);
        log_destroy(opening->log);
        free(opening);
    }
}
