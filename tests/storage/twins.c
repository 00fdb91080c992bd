#include "tests/storage/twins.h"

#include "base/assert.h"
#include "storage/linger.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/compacted.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_TURNS = 1000000, READ_ATTEMPTS = 100 };

void twins_init(struct twins *twins, struct rig *rig, uint32_t log_count)
{
    assert(log_count <= RIG_LOGS_MAX);
    *twins = (struct twins){.rig = rig, .log_count = log_count};
    for (uint32_t log = 0; log < log_count; log++)
        model_init(&twins->models[log]);
}

void twins_deinit(struct twins *twins)
{
    for (uint32_t log = 0; log < twins->log_count; log++)
        model_deinit(&twins->models[log]);
}

bool twins_are_well(const struct twins *twins)
{
    return twins->complaint[0] == '\0';
}

void twins_complain(struct twins *twins, const char *format, ...)
{
    if (!twins_are_well(twins))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(twins->complaint, sizeof twins->complaint, format, arguments);
    va_end(arguments);
}

/* The two must be the same. */
static void must_equal(struct twins *twins, uint32_t log, const char *what, int64_t found,
                       int64_t expected)
{
    twins->answer_count++;
    if (found != expected)
        twins_complain(twins, "log %u: %s is %" PRId64 " and should be %" PRId64, log, what, found,
                       expected);
}

static const struct store *store_of(const struct twins *twins, uint32_t log)
{
    return twins->rig->stores[log % twins->rig->core_count];
}

/* --- Appending -------------------------------------------------------------------------------- */

/* What a log takes for durable must not be lost, acknowledged or not: where acknowledgements run
 * ahead of the disk, this is what counts. */
static void note_durable(struct twins *twins, uint32_t log)
{
    struct model *model = &twins->models[log];
    int64_t durable_offset = twins->rig->logs[log]->durable_offset;
    for (uint32_t i = model->batch_count; i > 0; i--) {
        struct model_batch *batch = &model->batches[i - 1];
        if (batch->last_offset < durable_offset && batch->is_acknowledged)
            return;
        batch->is_acknowledged = batch->is_acknowledged || batch->last_offset < durable_offset;
    }
}

/* What lingers does so for a moment only. */
static void watch_loose(struct twins *twins, uint32_t log)
{
    const struct store *store = store_of(twins, log);
    note_durable(twins, log);
    if (linger_is_any(store) && !timer_is_running(&store->lingering))
        twins_complain(twins, "log %u: something lingers for ever", log);
}

static void acknowledge(struct twins *twins, const struct flight *flight)
{
    struct model *model = &twins->models[flight->log];
    for (uint32_t i = model->batch_count; i > 0; i--) {
        if (model->batches[i - 1].base_offset != flight->base_offset)
            continue;
        if (!twins->are_loose[flight->log])
            model->batches[i - 1].is_acknowledged = true;
        return;
    }
    twins_complain(twins, "log %u: acknowledged is offset %" PRId64 ", which no batch has",
                   flight->log, flight->base_offset);
}

static void land(struct twins *twins, struct flight *flight)
{
    int32_t result = flight->append.result;
    flight->is_used = false;
    if (flight->append.append.refused != STATUS_OK)
        must_equal(twins, flight->log, "the end of a refused append", result,
                   flight->append.append.refused);
    else if (result == STATUS_OK)
        acknowledge(twins, flight);
    else if (!twins->may_fail || !store_has_failed(store_of(twins, flight->log)))
        twins_complain(twins, "log %u: an append landed with %s", flight->log,
                       status_text((enum status)result));
}

void twins_harvest(struct twins *twins)
{
    uint32_t used_count = 0;
    for (uint32_t i = 0; i < TWINS_FLIGHTS_MAX; i++) {
        struct flight *flight = &twins->flights[i];
        if (flight->is_used && flight->append.has_landed)
            land(twins, flight);
        else if (!twins->rig->is_alive)
            flight->is_used = false;
        used_count += flight->is_used;
    }
    for (uint32_t log = 0; log < twins->log_count && twins->rig->is_alive; log++)
        if (twins->are_loose[log] && twins->fates[log] == TWIN_LIVES)
            watch_loose(twins, log);
    if (used_count == 0)
        arena_reset(&twins->rig->arena);
}

static struct flight *find_idle(struct twins *twins)
{
    for (uint32_t i = 0; i < TWINS_FLIGHTS_MAX; i++)
        if (!twins->flights[i].is_used)
            return &twins->flights[i];
    return NULL;
}

static bool any_flies(const struct twins *twins)
{
    for (uint32_t i = 0; i < TWINS_FLIGHTS_MAX; i++)
        if (twins->flights[i].is_used)
            return true;
    return false;
}

void twins_settle(struct twins *twins)
{
    for (uint32_t turns = 0; any_flies(twins) && turns < PATIENCE_TURNS; turns++) {
        if (twins->rig->is_alive)
            rig_turn(twins->rig);
        twins_harvest(twins);
    }
    if (any_flies(twins))
        twins_complain(twins, "an append does not land");
}

static struct flight *take_flight(struct twins *twins)
{
    twins_harvest(twins);
    struct flight *flight = find_idle(twins);
    if (flight == NULL)
        twins_settle(twins);
    return flight == NULL ? find_idle(twins) : flight;
}

static bool means_try_later(const struct twins *twins, uint32_t log, enum status status)
{
    if (status == STATUS_FAILED)
        return twins->may_fail && store_has_failed(store_of(twins, log));
    return status == STATUS_NO_MEMORY || (twins->may_fail && status == STATUS_NO_SPACE);
}

static void check_offsets(struct twins *twins, uint32_t log, const struct log_append *append,
                          const struct model_batch *batch)
{
    must_equal(twins, log, "the base offset of a batch", append->base_offset, batch->base_offset);
    must_equal(twins, log, "the last offset of a batch", append->last_offset, batch->last_offset);
}

/* The append has been accepted, or refused, as the model expects. */
static void take_answer(struct twins *twins, struct flight *flight, enum status expected,
                        const struct model_batch *original)
{
    const struct log_append *append = &flight->append.append;
    struct model *model = &twins->models[flight->log];
    bool is_duplicate = expected == STATUS_DUPLICATE;
    flight->base_offset = -1;
    if (means_try_later(twins, flight->log, append->refused))
        return;
    must_equal(twins, flight->log, "what an append is refused with", append->refused,
               is_duplicate ? STATUS_OK : expected);
    must_equal(twins, flight->log, "being a duplicate", append->is_duplicate, is_duplicate);
    if (!twins_are_well(twins) || append->refused != STATUS_OK)
        return;
    const struct model_batch *batch =
        is_duplicate ? original
                     : model_append(model, append->batch, append->leader_epoch, append->now_ms);
    check_offsets(twins, flight->log, append, batch);
    flight->base_offset = batch->base_offset;
}

static enum status append_bytes(struct twins *twins, uint32_t log, struct flight *flight,
                                struct bytes batch)
{
    assert(log < twins->log_count);
    const struct model_batch *original = NULL;
    enum status expected = model_judge(&twins->models[log], batch, &original);

    flight->log = log;
    flight->is_used = true;
    rig_append(twins->rig, log, &flight->append, batch);
    take_answer(twins, flight, expected, original);
    return flight->append.append.refused;
}

/* NULL when nothing can be appended any more. */
static struct flight *begin_append(struct twins *twins)
{
    struct flight *flight = take_flight(twins);
    return twins->rig->is_alive && twins_are_well(twins) ? flight : NULL;
}

enum status twins_append(struct twins *twins, uint32_t log, const struct rig_batch *shape)
{
    struct flight *flight = begin_append(twins);
    if (flight == NULL)
        return STATUS_CANCELLED;
    return append_bytes(twins, log, flight, rig_make(twins->rig, shape));
}

enum status twins_append_marker(struct twins *twins, uint32_t log, const struct rig_marker *shape)
{
    struct flight *flight = begin_append(twins);
    if (flight == NULL)
        return STATUS_CANCELLED;
    return append_bytes(twins, log, flight, rig_make_marker(twins->rig, shape));
}

void twins_delete(struct twins *twins, uint32_t log)
{
    assert(twins->fates[log] == TWIN_LIVES);
    twins_settle(twins);
    if (!twins->rig->is_alive)
        return;
    twins->fates[log] = TWIN_MAY_BE_GONE;
    enum status status = rig_delete(twins->rig, log);
    if (status == STATUS_OK)
        twins->fates[log] = TWIN_IS_GONE;
    else if (twins->rig->is_alive && !twins->may_fail)
        twins_complain(twins, "log %u: its deletion landed with %s", log, status_text(status));
}

/* --- Retention -------------------------------------------------------------------------------- */

/* Retention goes its own way: its moves are judged when they are seen. What went for its size left
 * retention.bytes behind. */
static void judge_start(struct twins *twins, uint32_t log, uint64_t size_bytes)
{
    const struct log *watched = twins->rig->logs[log];
    struct model *model = &twins->models[log];
    int64_t start_offset = watched->start_offset;
    if (start_offset == model->start_offset)
        return;
    struct model_retention retention = {
        .now_ms = io_wall_ms(twins->rig->io),
        .retention_ms = watched->config.retention_ms,
        .is_compacted = twins->are_compacted,
        .retention_bytes = watched->config.retention_bytes,
        .size_bytes = size_bytes,
    };
    const char *complaint = model_retain(model, start_offset, &retention);
    if (complaint != NULL)
        twins_complain(twins, "log %u begins at %" PRId64 ": %s", log, start_offset, complaint);
}

static void watch_start(struct twins *twins, uint32_t log)
{
    bool may_have_shrunk = twins->are_compacted;
    judge_start(twins, log, may_have_shrunk ? UINT64_MAX : log_size_bytes(twins->rig->logs[log]));
}

void twins_watch(struct twins *twins)
{
    for (uint32_t log = 0; log < twins->log_count && twins->rig->is_alive; log++)
        if (twins->fates[log] == TWIN_LIVES)
            watch_start(twins, log);
}

void twins_commit(struct twins *twins, uint32_t log)
{
    struct model *model = &twins->models[log];
    model->high_watermark = log_durable_offset(twins->rig->logs[log]);
    if (model->committed_to < model->high_watermark)
        model->committed_to = model->high_watermark;
    rig_commit(twins->rig, log);
}

static void check_deleted(struct twins *twins, uint32_t log, int64_t offset, int64_t start_offset)
{
    struct model *model = &twins->models[log];
    int64_t wanted_offset = offset == -1 ? model->high_watermark : offset;
    if (start_offset < wanted_offset)
        twins_complain(twins, "log %u: records below %" PRId64 " are deleted up to %" PRId64, log,
                       wanted_offset, start_offset);
    if (model->deleted_to < wanted_offset)
        model->deleted_to = wanted_offset;
}

/* What becomes of a wish to delete records; STATUS_OK: readers see it at once. */
static enum status judge_deletion(const struct twins *twins, uint32_t log, int64_t offset)
{
    const struct log_config *config = &twins->rig->logs[log]->config;
    if (config->compacts && !config->deletes)
        return STATUS_DENIED;
    if (offset < -1 || offset > twins->models[log].high_watermark)
        return STATUS_OUT_OF_RANGE;
    return store_has_failed(store_of(twins, log)) ? STATUS_FAILED : STATUS_OK;
}

void twins_delete_records(struct twins *twins, uint32_t log, int64_t offset)
{
    struct model *model = &twins->models[log];
    int64_t start_offset = -1;
    watch_start(twins, log);
    enum status expected = judge_deletion(twins, log, offset);
    int64_t wanted_offset = offset == -1 ? model->high_watermark : offset;
    if (expected == STATUS_OK && model->start_offset < wanted_offset)
        model->start_offset = wanted_offset;
    enum status result = (enum status)rig_delete_records(twins->rig, log, offset, &start_offset);
    if (!twins->rig->is_alive)
        return;
    if (expected == STATUS_OK && result == STATUS_OK)
        check_deleted(twins, log, offset, start_offset);
    else if (expected != STATUS_OK || !twins->may_fail)
        must_equal(twins, log, "how deleting records lands", result, expected);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void check_batch(struct twins *twins, uint32_t log, struct bytes batch,
                        const struct model_batch *expected)
{
    struct batch_header header;
    if (batch_header_read(batch, &header) != STATUS_OK) {
        twins_complain(twins, "log %u: what should be offset %" PRId64 " is no batch", log,
                       expected->base_offset);
        return;
    }
    must_equal(twins, log, "the offset of a batch read", header.base_offset, expected->base_offset);
    must_equal(twins, log, "the checksum of a batch read", model_digest(batch), expected->digest);
}

/* The batches of the answer, one after the other, from `expected` on. */
static void check_pieces(struct twins *twins, uint32_t log, const struct log_read *read,
                         const struct model_batch *expected)
{
    const struct model *model = &twins->models[log];
    const struct model_batch *end = model->batches + model->batch_count;
    int64_t next_offset = read->offset;
    for (uint32_t i = 0; i < read->piece_count && twins_are_well(twins); i++) {
        struct bytes rest = read->pieces[i];
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK && twins_are_well(twins)) {
            if (expected == end || expected->base_offset >= read->end_offset) {
                twins_complain(twins, "log %u: a read goes beyond its end", log);
                return;
            }
            check_batch(twins, log, batch, expected);
            next_offset = expected->last_offset + 1;
            expected++;
        }
        if (rest.size != 0)
            twins_complain(twins, "log %u: a piece ends within a batch", log);
    }
    must_equal(twins, log, "the next offset of a read", read->next_offset, next_offset);
}

/* Whether a question may be answered with this. */
static bool may_land(const struct twins *twins, enum status status)
{
    return status == STATUS_CORRUPT ? twins->may_be_damaged : twins->may_fail;
}

static void check_compacted(struct twins *twins, uint32_t log, const struct log_read *read)
{
    const char *complaint = compacted_check_read(&twins->models[log], read);
    twins->answer_count++;
    if (complaint != NULL)
        twins_complain(twins, "log %u, read from %" PRId64 " to %" PRId64 ": %s", log, read->offset,
                       read->next_offset, complaint);
}

static void check_read(struct twins *twins, uint32_t log, const struct log_read *read)
{
    if (twins->are_compacted) {
        check_compacted(twins, log, read);
        return;
    }
    const struct model_batch *first = model_batch_from(&twins->models[log], read->offset);
    bool has_some = first != NULL && first->base_offset < read->end_offset &&
                    read->offset < read->end_offset &&
                    (read->first_batch_anyway || first->size_bytes <= read->size_bytes_max);
    if (has_some != (read->piece_count > 0))
        twins_complain(twins, "log %u: a read from %" PRId64 " up to %" PRId64 " gets %s", log,
                       read->offset, read->end_offset, has_some ? "nothing" : "something");
    if (first == NULL || !twins_are_well(twins))
        return;
    check_pieces(twins, log, read, first);
    if (read->size_bytes > read->size_bytes_max && read->size_bytes != first->size_bytes)
        twins_complain(twins, "log %u: a read gets more bytes than it asked for", log);
}

/* Asks until there is memory. */
static int32_t ask_read(struct twins *twins, uint32_t log, struct log_read *read)
{
    const struct log_read question = *read;
    int32_t result = STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < READ_ATTEMPTS && result == STATUS_NO_MEMORY; i++) {
        *read = question;
        result = rig_read_as(twins->rig, log, read);
        if (result == STATUS_NO_MEMORY && twins->rig->is_alive)
            rig_turn(twins->rig);
    }
    return result;
}

enum status twins_read(struct twins *twins, uint32_t log, struct log_read *read)
{
    const struct model *model = &twins->models[log];
    watch_start(twins, log);
    bool is_outside = read->offset < model->start_offset || read->offset > model->end_offset;
    enum status result = (enum status)ask_read(twins, log, read);
    if (!twins->rig->is_alive)
        return STATUS_CANCELLED;
    watch_start(twins, log);
    bool has_gone = !is_outside && read->offset < model->start_offset;
    if (has_gone && result == STATUS_OUT_OF_RANGE)
        read->next_offset = model->start_offset;
    else if (is_outside)
        must_equal(twins, log, "a read out of range", result, STATUS_OUT_OF_RANGE);
    else if (result == STATUS_OK)
        check_read(twins, log, read);
    else if (!may_land(twins, result))
        twins_complain(twins, "log %u: a read from %" PRId64 " lands with %s", log, read->offset,
                       status_text(result));
    log_read_release(read, rig_door(twins->rig, log));
    return result;
}

/* --- Looking up ------------------------------------------------------------------------------- */

static void check_lookup(struct twins *twins, uint32_t log, const struct log_lookup *lookup)
{
    const struct model *model = &twins->models[log];
    int64_t durable_offset = log_durable_offset(twins->rig->logs[log]);
    int64_t end_offset = lookup->end_offset < durable_offset ? lookup->end_offset : durable_offset;
    if (twins->are_compacted) {
        const char *complaint = compacted_check_lookup(model, lookup, end_offset);
        if (complaint != NULL)
            twins_complain(twins, "log %u: %s", log, complaint);
        return;
    }
    const struct model_record *record =
        lookup->want_max ? model_find_greatest(model, end_offset)
                         : model_find_time(model, lookup->timestamp_ms, end_offset);
    must_equal(twins, log, "finding a timestamp", lookup->found, record != NULL);
    if (record == NULL || !twins_are_well(twins))
        return;
    must_equal(twins, log, "the offset of a timestamp", lookup->found_offset, record->offset);
    must_equal(twins, log, "a timestamp found", lookup->found_timestamp_ms, record->timestamp_ms);
    must_equal(twins, log, "the epoch of a timestamp", lookup->found_leader_epoch,
               model_epoch_at(model, record->offset));
}

void twins_lookup(struct twins *twins, uint32_t log, struct log_lookup *lookup)
{
    twins_settle(twins);
    if (!twins->rig->is_alive)
        return;
    watch_start(twins, log);
    int64_t start_offset = twins->models[log].start_offset;
    enum status result = (enum status)rig_lookup(twins->rig, log, lookup);
    if (!twins->rig->is_alive)
        return;
    watch_start(twins, log);
    if (start_offset != twins->models[log].start_offset)
        return; /* what was true when it was asked is not any more */
    if (result == STATUS_OK)
        check_lookup(twins, log, lookup);
    else if (!may_land(twins, result))
        twins_complain(twins, "log %u: a lookup lands with %s", log, status_text(result));
}

/* --- What is known without reading ------------------------------------------------------------ */

void twins_ask_epoch(struct twins *twins, uint32_t log, int32_t epoch, int64_t offset)
{
    const struct log *asked = twins->rig->logs[log];
    int32_t found_epoch = -1, expected_epoch;
    int64_t found_end = -1, expected_end;
    bool found = log_epoch_end(asked, epoch, &found_epoch, &found_end);
    bool expected = model_epoch_end(&twins->models[log], epoch, &expected_epoch, &expected_end);
    bool may_be_forgotten = expected && expected_end <= asked->start_offset;
    if (!may_be_forgotten)
        must_equal(twins, log, "having an epoch", found, expected);
    if (found && expected) {
        must_equal(twins, log, "the largest epoch up to one", found_epoch, expected_epoch);
        must_equal(twins, log, "the end of an epoch", found_end, expected_end);
    }
    if (offset >= asked->start_offset)
        must_equal(twins, log, "the epoch at an offset", log_epoch_at(asked, offset),
                   model_epoch_at(&twins->models[log], offset));
}

static void compare_producer(struct twins *twins, uint32_t log, int64_t producer_id)
{
    const struct model_batch *expected[PRODUCER_WINDOW];
    uint32_t count = model_producer(&twins->models[log], producer_id, expected, PRODUCER_WINDOW);
    const struct producer *known =
        producer_core_find(&twins->rig->logs[log]->producers, producer_id);
    must_equal(twins, log, "how many batches of a producer are known",
               known == NULL ? 0 : known->batch_count, count);
    for (uint32_t i = 0; i < count && twins_are_well(twins); i++) {
        const struct producer_batch *batch = &known->batches[count - 1 - i];
        must_equal(twins, log, "a producer's epoch", known->epoch, expected[i]->producer_epoch);
        must_equal(twins, log, "a base sequence", batch->base_sequence, expected[i]->base_sequence);
        must_equal(twins, log, "a last sequence", batch->last_sequence, expected[i]->last_sequence);
        must_equal(twins, log, "a known base offset", batch->base_offset, expected[i]->base_offset);
        must_equal(twins, log, "a known last offset", batch->last_offset, expected[i]->last_offset);
    }
}

void twins_compare_state(struct twins *twins, uint32_t log)
{
    const struct model *model = &twins->models[log];
    const struct log *asked = twins->rig->logs[log];
    watch_start(twins, log);
    must_equal(twins, log, "the end offset", log_end_offset(asked), model->end_offset);
    must_equal(twins, log, "the last epoch", log_last_epoch(asked),
               model_epoch_at(model, model->end_offset - 1));
    for (uint32_t i = 0; i < model->producer_count; i++)
        compare_producer(twins, log, model->producer_ids[i]);
    int32_t epoch = -1;
    for (uint32_t i = 0; i < model->batch_count; i++) {
        const struct model_batch *batch = &model->batches[i];
        if (batch->leader_epoch != epoch)
            twins_ask_epoch(twins, log, batch->leader_epoch, batch->base_offset);
        epoch = batch->leader_epoch;
    }
}

/* --- Everything ------------------------------------------------------------------------------- */

/* Answers how far the reading came. */
static int64_t read_on(struct twins *twins, uint32_t log, int64_t offset)
{
    struct log_read read = {.offset = offset,
                            .end_offset = INT64_MAX,
                            .size_bytes_max = 300000,
                            .first_batch_anyway = true};
    twins_read(twins, log, &read);
    return read.next_offset;
}

/* A store that has failed keeps to itself what it could not make durable. */
void twins_compare(struct twins *twins, uint32_t log)
{
    twins_compare_state(twins, log);
    int64_t offset = twins->models[log].start_offset;
    int64_t durable_offset = log_durable_offset(twins->rig->logs[log]);
    if (durable_offset < twins->models[log].end_offset && !twins->may_fail)
        twins_complain(twins, "log %u is not durable from %" PRId64 " on", log, durable_offset);
    while (offset < durable_offset && twins_are_well(twins) && twins->rig->is_alive) {
        int64_t next_offset = read_on(twins, log, offset);
        if (next_offset == offset && twins->may_fail) /* a fault strikes only once */
            next_offset = read_on(twins, log, offset);
        if (next_offset == offset && twins->are_compacted)
            return; /* that all of the rest may be missing has been checked */
        if (next_offset <= offset && twins->rig->is_alive)
            twins_complain(twins, "log %u: nothing can be read from %" PRId64, log, offset);
        offset = next_offset;
    }
}

/* The log that goes by that name now is a new one, if the old one has gone. */
static void bury(struct twins *twins, uint32_t log, int64_t end_offset)
{
    bool is_gone = twins->fates[log] == TWIN_IS_GONE ||
                   (twins->fates[log] == TWIN_MAY_BE_GONE && end_offset == 0);
    twins->fates[log] = TWIN_LIVES;
    if (!is_gone)
        return;
    model_deinit(&twins->models[log]);
    model_init(&twins->models[log]);
}

/* The log may begin earlier again than it did: a start offset that was not recorded yet. But not
 * below what DeleteRecords has acknowledged. */
static void take_start(struct twins *twins, uint32_t log)
{
    struct model *model = &twins->models[log];
    int64_t start_offset = log_start_offset(twins->rig->logs[log]);
    if (start_offset < model->deleted_to)
        twins_complain(twins, "log %u begins at %" PRId64 ", but is deleted up to %" PRId64, log,
                       start_offset, model->deleted_to);
    if (start_offset < model->start_offset)
        model->start_offset = start_offset;
    if (start_offset > model->high_watermark)
        twins_complain(twins, "log %u begins at %" PRId64 ", above its high watermark", log,
                       start_offset);
    judge_start(twins, log, UINT64_MAX); /* how large it was then, nobody knows any more */
    model->high_watermark = start_offset;
}

void twins_stopped(struct twins *twins)
{
    for (uint32_t log = 0; log < twins->log_count; log++)
        if (twins->fates[log] == TWIN_LIVES)
            model_acknowledge_all(&twins->models[log]);
}

void twins_reopened(struct twins *twins)
{
    for (uint32_t log = 0; log < twins->log_count && twins->rig->is_alive; log++) {
        struct model *model = &twins->models[log];
        int64_t end_offset = log_end_offset(twins->rig->logs[log]);
        bury(twins, log, end_offset);
        take_start(twins, log);
        const char *complaint = model_cut(model, end_offset);
        if (complaint != NULL)
            twins_complain(twins, "log %u ends at %" PRId64 ": %s", log, end_offset, complaint);
        if (!twins_are_well(twins))
            return;
        model_acknowledge_all(model);
        must_equal(twins, log, "the durable offset", log_durable_offset(twins->rig->logs[log]),
                   end_offset);
        twins_compare(twins, log);
    }
}
