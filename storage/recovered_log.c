/* The steps of recovery for one log. Nothing is changed on disk before it has been judged that all
 * that was durable is there, so that a refusal leaves the evidence as it was. */
#include "storage/recovered_log.h"

#include "base/assert.h"
#include "protocol/batch.h"
#include "storage/await.h"
#include "storage/producer_batch.h"

#include <stdlib.h>

/* Both may be -1: no aborted transaction is known. */
static int64_t earlier(int64_t known, int64_t first_offset)
{
    if (known < 0 || first_offset < 0)
        return known < 0 ? first_offset : known;
    return first_offset < known ? first_offset : known;
}

enum status recovered_log_take(struct recovered_log *log, struct bytes payload,
                               int64_t *aborted_from)
{
    struct bytes batch;
    while (batch_next(&payload, &batch) == STATUS_OK) {
        struct batch_header header;
        if (batch_header_read(batch, &header) != STATUS_OK || header.last_offset_delta < 0 ||
            header.base_offset < log->end_offset)
            return STATUS_CORRUPT;
        if (!epoch_core_reserve(&log->epochs) || !producer_batch_reserve(&log->producers, &header))
            return STATUS_NO_MEMORY;
        epoch_core_note(&log->epochs, header.leader_epoch, header.base_offset);
        log->end_offset = batch_last_offset(&header) + 1;
        struct aborted_transaction aborted;
        if (producer_batch_note(&log->producers, &header, batch, log->now_ms, &aborted))
            *aborted_from = earlier(*aborted_from, aborted.first_offset);
    }
    return STATUS_OK;
}

static enum status load_state(struct recovered_log *log, const struct store_state *stored)
{
    struct state_cores cores = {&log->epochs, &log->producers, &log->damages};
    struct state state;
    enum status status = state_decode(stored->content, &state, &cores);
    if (status != STATUS_OK)
        return status;
    log->segments = state.segments;
    log->segment_count = state.segment_count;
    log->start_offset = state.start_offset;
    log->recorded_offset = state.recovery_offset;
    log->cleaned_offset = state.cleaned_offset;
    log->mark_offset = state.recovery_offset;
    log->end_offset = state.recovery_offset;
    memcpy(log->topic_name, state.topic_name.data, state.topic_name.size);
    log->id.topic_name = bytes_of_text(log->topic_name);
    return STATUS_OK;
}

bool recovered_log_add_segment(struct recovered_log *log, int64_t base_offset, uint32_t generation)
{
    struct state_segment *segments =
        realloc(log->segments, (log->segment_count + 1) * sizeof *segments);
    if (segments == NULL)
        return false;
    assert(log->segment_count == 0 || segments[log->segment_count - 1].base_offset < base_offset);
    log->segments = segments;
    log->segments[log->segment_count++] = (struct state_segment){
        .base_offset = base_offset,
        .max_timestamp_ms = -1,
        .aborted_from = -1,
        .generation = generation,
        .created_ms = log->now_ms,
        .appended_ms = log->now_ms,
    };
    return true;
}

static struct recovered_log *create(const struct recovery_site *site, const struct log_id *id)
{
    struct recovered_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    log->io = site->io;
    log->logger = site->logger;
    log->now_ms = io_wall_ms(site->io);
    log->id = *id;
    assert(id->topic_name.size <= TOPIC_NAME_SIZE_MAX);
    if (id->topic_name.size > 0)
        memcpy(log->topic_name, id->topic_name.data, id->topic_name.size);
    log->id.topic_name = bytes_of_text(log->topic_name);
    path_partition(site->store_directory, &log->id, log->directory);
    epoch_core_init(&log->epochs);
    producer_core_init(&log->producers, site->producer_expiration_ms, NULL);
    return log;
}

enum status recovered_log_open(const struct recovery_site *site, const struct store_state *state,
                               struct recovered_log **result)
{
    struct log_id id = {.topic_id = state->topic_id, .partition = state->partition};
    struct recovered_log *log = create(site, &id);
    if (log == NULL)
        return STATUS_NO_MEMORY;
    log->life = state->life;
    enum status status = load_state(log, state);
    path_partition(site->store_directory, &log->id, log->directory);
    *result = status == STATUS_OK ? log : NULL;
    if (status != STATUS_OK)
        recovered_log_destroy(log);
    return status;
}

enum status recovered_log_open_lost(const struct recovery_site *site, const struct log_id *id,
                                    struct recovered_log **result)
{
    struct recovered_log *log = create(site, id);
    if (log == NULL)
        return STATUS_NO_MEMORY;
    log->is_lost = true;
    enum status status = recovered_log_rebuild(log);
    *result = status == STATUS_OK ? log : NULL;
    if (status != STATUS_OK)
        recovered_log_destroy(log);
    return status;
}

void recovered_log_destroy(struct recovered_log *log)
{
    epoch_core_deinit(&log->epochs);
    producer_core_deinit(&log->producers);
    damage_core_deinit(&log->damages);
    free(log->segments);
    free(log->buffer);
    free(log);
}

/* --- Judging ---------------------------------------------------------------------------------- */

/* Is this entry the batch that comes next at `offset`? The commit's checksum was right; but nothing
 * of what is built on the batch may depend on who wrote it. */
static bool is_next_batch(const struct commit_entry *entry, struct bytes batch, int64_t offset,
                          struct batch_header *header)
{
    return entry->kind == COMMIT_BATCH && entry->base_offset == offset &&
           batch_header_read(batch, header) == STATUS_OK && header->base_offset == offset &&
           header->last_offset_delta >= 0 && batch_size_bytes(header) == batch.size;
}

/* Where all below was durable and nothing has it any more, the entry is what comes next. */
static bool crosses_gap(const struct recovered_log *log, const struct commit_entry *entry,
                        int64_t offset)
{
    return log->may_cross && entry->kind == COMMIT_BATCH && entry->base_offset > offset &&
           entry->base_offset <= log->mark_offset;
}

void recovered_log_expect(struct recovered_log *log, const struct commit_entry *entry,
                          struct bytes batch)
{
    if (log->mark_offset < entry->durable_offset)
        log->mark_offset = entry->durable_offset;
    struct batch_header header;
    if (crosses_gap(log, entry, log->replayed_offset))
        log->replayed_offset = entry->base_offset;
    if (!is_next_batch(entry, batch, log->replayed_offset, &header))
        return;
    log->replayed_offset = batch_last_offset(&header) + 1;
}

bool recovered_log_is_short(const struct recovered_log *log)
{
    return log->replayed_offset < log->mark_offset;
}

/* --- Gathering -------------------------------------------------------------------------------- */

/* What is damaged stays as it is: the log goes on in another file. */
static enum status begin_segment(struct recovered_log *log, int64_t base_offset)
{
    assert(log->sealed_bytes == 0);
    log->begins_segment = false;
    if (log->segment_count > 0 && recovered_log_last_segment(log)->base_offset == base_offset)
        return STATUS_OK;
    return recovered_log_add_segment(log, base_offset, 0) ? STATUS_OK : STATUS_NO_MEMORY;
}

static void note_sealed(const struct recovered_log *log, struct state_segment *segment)
{
    if (segment->appended_ms < log->now_ms)
        segment->appended_ms = log->now_ms;
    if (segment->max_timestamp_ms < log->frame_max_timestamp_ms)
        segment->max_timestamp_ms = log->frame_max_timestamp_ms;
    segment->aborted_from = earlier(segment->aborted_from, log->frame_aborted_from);
}

enum status recovered_log_seal(struct recovered_log *log)
{
    enum status status = STATUS_OK;
    if (log->payload_size == 0)
        return STATUS_OK;
    if (log->segment_count == 0 || log->begins_segment)
        status = begin_segment(log, log->frame_base_offset);
    if (status != STATUS_OK)
        return status;
    struct state_segment *segment = recovered_log_last_segment(log);
    struct frame_place place = {log->id.topic_id, log->id.partition, segment->base_offset,
                                segment->generation};
    assert(log->frame_base_offset >= segment->base_offset);
    assert(segment->size_bytes % FRAME_ALIGNMENT == 0);
    frame_seal(log->buffer + log->sealed_bytes, &place, segment->size_bytes + log->sealed_bytes,
               &(struct frame_facts){
                   .payload_size = log->payload_size,
                   .batch_count = log->batch_count,
                   .base_offset = log->frame_base_offset,
                   .last_offset = log->end_offset - 1,
                   .leader_epoch = log->frame_leader_epoch,
                   .max_timestamp_ms = log->frame_max_timestamp_ms,
                   .durable_offset = log->mark_offset,
               });
    note_sealed(log, segment);
    log->sealed_bytes += (uint32_t)frame_stored_size(log->payload_size);
    log->payload_size = 0;
    log->batch_count = 0;
    return STATUS_OK;
}

void recovered_log_written(struct recovered_log *log)
{
    assert(log->payload_size == 0);
    recovered_log_last_segment(log)->size_bytes += log->sealed_bytes;
    free(log->buffer);
    log->buffer = NULL;
    log->buffer_capacity = 0;
    log->sealed_bytes = 0;
}

static enum status grow_buffer(struct recovered_log *log, uint64_t needed)
{
    uint64_t capacity = needed < 2ull * log->buffer_capacity ? 2ull * log->buffer_capacity : needed;
    uint8_t *buffer = aligned_alloc(FRAME_ALIGNMENT, capacity);
    if (buffer == NULL)
        return STATUS_NO_MEMORY;
    assert(capacity <= UINT32_MAX);
    if (log->buffer != NULL)
        memcpy(buffer, log->buffer, log->buffer_capacity);
    free(log->buffer);
    log->buffer = buffer;
    log->buffer_capacity = (uint32_t)capacity;
    return STATUS_OK;
}

static enum status make_room(struct recovered_log *log, uint64_t batch_size)
{
    uint64_t needed = frame_stored_size(log->payload_size + batch_size);
    if (needed > FRAME_SMALL_SIZE_MAX && log->payload_size > 0) {
        enum status status = recovered_log_seal(log);
        if (status != STATUS_OK)
            return status;
        needed = frame_stored_size(batch_size);
    }
    needed += log->sealed_bytes;
    return needed <= log->buffer_capacity ? STATUS_OK : grow_buffer(log, needed);
}

static enum status pass_over(struct recovered_log *log, int64_t to)
{
    if (log->sealed_bytes + log->payload_size > 0)
        return STATUS_BUSY;
    recovered_log_note_damage(log, to, log->directory);
    return begin_segment(log, to);
}

enum status recovered_log_append(struct recovered_log *log, const struct commit_entry *entry,
                                 struct bytes batch)
{
    struct batch_header header;
    enum status status =
        crosses_gap(log, entry, log->end_offset) ? pass_over(log, entry->base_offset) : STATUS_OK;
    if (status != STATUS_OK || !is_next_batch(entry, batch, log->end_offset, &header))
        return status;
    status = make_room(log, batch.size);
    if (status != STATUS_OK)
        return status;
    if (log->payload_size == 0) {
        log->frame_base_offset = header.base_offset;
        log->frame_max_timestamp_ms = -1;
        log->frame_aborted_from = -1;
    }
    memcpy(log->buffer + log->sealed_bytes + FRAME_HEADER_SIZE + log->payload_size, batch.data,
           batch.size);
    log->payload_size += (uint32_t)batch.size;
    log->batch_count++;
    log->frame_leader_epoch = header.leader_epoch;
    if (log->frame_max_timestamp_ms < header.max_timestamp)
        log->frame_max_timestamp_ms = header.max_timestamp;
    return recovered_log_take(log, batch, &log->frame_aborted_from);
}

struct bytes recovered_log_encode(const struct recovered_log *log)
{
    return state_encode(&(struct state){
        .topic_id = log->id.topic_id,
        .partition = log->id.partition,
        .start_offset = log->start_offset,
        .recovery_offset = log->end_offset,
        .cleaned_offset = log->cleaned_offset,
        .segments = log->segments,
        .segment_count = log->segment_count,
        .epochs = &log->epochs,
        .producers = &log->producers,
        .damages = &log->damages,
        .topic_name = log->id.topic_name,
    });
}

/* A journal that is not kept in memory is read twice, and a disk that has failed a write may show
 * it the first time and not the second. Such bytes were never acknowledged, but nothing may be
 * built on them. */
enum status recovered_log_check(struct recovered_log *log)
{
    if (log->end_offset == log->replayed_offset)
        return STATUS_OK;
    log_error(log->logger, "a journal read differently the second time",
              field_text("directory", log->directory),
              field_i64("expected_offset", log->replayed_offset),
              field_i64("found_offset", log->end_offset));
    return STATUS_IO;
}

/* For the segment that was begun behind the damage, which has no file yet. */
static enum status make_directories(struct recovered_log *log)
{
    char topic[PATH_SIZE];
    path_parent(log->directory, topic);
    log->has_new_names = true;
    enum status status = await_make_directory(log->io, topic);
    return status == STATUS_OK ? await_make_directory(log->io, log->directory) : status;
}

enum status recovered_log_finish(struct recovered_log *log)
{
    assert(log->sealed_bytes + log->payload_size == 0);
    if (log->end_offset >= log->mark_offset)
        return STATUS_OK;
    enum status status = pass_over(log, log->mark_offset);
    return status == STATUS_OK ? make_directories(log) : status;
}
