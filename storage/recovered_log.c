/* The steps of recovery for one log. Nothing is changed on disk before it has been judged that all
 * that was durable is there, so that a refusal leaves the evidence as it was. */
#include "storage/recovered_log.h"

#include "base/assert.h"
#include "protocol/batch.h"
#include "storage/await.h"
#include "storage/producer_batch.h"

#include <stdlib.h>

enum {
    SCAN_SIZE = 1024 * 1024,
    SCAN_SIZE_MAX = 1 << 30,
    LISTING_BYTES_MAX = 16 << 20,
};

static enum status damage(const struct recovered_log *log, const char *what, const char *file)
{
    log_error(log->logger, what, field_bytes("topic", log->id.topic_name),
              field_i64("partition", log->id.partition), field_text("file", file),
              field_i64("readable_to", log->replayed_offset),
              field_i64("durable_to", log->mark_offset),
              field_text("mend", "restore the file from a copy, or move the partition's directory "
                                 "away to go on without it"));
    return STATUS_CORRUPT;
}

/* --- Scanning ---------------------------------------------------------------------------------
 */

/* -1: none is known. */
static int64_t earliest(int64_t known, int64_t offset)
{
    return known < 0 || offset < known ? offset : known;
}

/* The batches of a good frame become part of what is known. */
static enum status take_batches(struct recovered_log *log, struct bytes payload)
{
    struct bytes batch;
    while (batch_next(&payload, &batch) == STATUS_OK) {
        struct batch_header header;
        if (batch_header_read(batch, &header) != STATUS_OK || header.last_offset_delta < 0 ||
            header.base_offset < log->end_offset)
            return STATUS_CORRUPT;
        if (!epoch_core_reserve(&log->epochs))
            return STATUS_NO_MEMORY;
        if (!producer_batch_reserve(&log->producers, &header))
            return STATUS_NO_MEMORY;
        epoch_core_note(&log->epochs, header.leader_epoch, header.base_offset);
        log->end_offset = batch_last_offset(&header) + 1;
        struct aborted_transaction aborted;
        if (producer_batch_note(&log->producers, &header, batch, log->now_ms, &aborted))
            log->frame_aborted_from = earliest(log->frame_aborted_from, aborted.first_offset);
    }
    return STATUS_OK;
}

/* The markers of the frame lie in this segment now. */
static void give_aborted(struct recovered_log *log, struct state_segment *segment)
{
    if (log->frame_aborted_from >= 0)
        segment->aborted_from = earliest(segment->aborted_from, log->frame_aborted_from);
    log->frame_aborted_from = -1;
}

static enum status take_frame(struct recovered_log *log, struct state_segment *segment,
                              const uint8_t *frame, const struct frame_header *header)
{
    if (log->mark_offset < header->durable_offset)
        log->mark_offset = header->durable_offset;
    if (segment->max_timestamp_ms < header->max_timestamp_ms)
        segment->max_timestamp_ms = header->max_timestamp_ms;
    if (segment->appended_ms < log->now_ms)
        segment->appended_ms = log->now_ms; /* when exactly, nobody has written down */
    segment->size_bytes += frame_stored_size(header->payload_size);
    enum status status =
        take_batches(log, bytes_of(frame + FRAME_HEADER_SIZE, header->payload_size));
    give_aborted(log, segment);
    return status;
}

struct scan_buffer {
    uint8_t *data;
    uint32_t capacity;
};

static enum status grow(struct scan_buffer *buffer, uint64_t size)
{
    if (size <= buffer->capacity)
        return STATUS_OK;
    if (size > SCAN_SIZE_MAX)
        return STATUS_CORRUPT;
    free(buffer->data);
    buffer->data = aligned_alloc(FRAME_ALIGNMENT, size);
    buffer->capacity = buffer->data == NULL ? 0 : (uint32_t)size;
    return buffer->data == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Takes the good frames of one reading. `goes_on` false: something else than a good frame follows;
 * `needed_size` > 0: a frame that needs a reading of that size. */
static enum status take_reading(struct recovered_log *log, struct state_segment *segment,
                                struct bytes reading, bool *goes_on, uint64_t *needed_size)
{
    struct frame_place place = {log->id.topic_id, log->id.partition, segment->base_offset,
                                segment->generation};
    *goes_on = true;
    *needed_size = 0;
    while (reading.size > 0) {
        struct frame_header header;
        uint64_t stored_size;
        enum frame_verdict verdict =
            frame_verify(reading, &place, segment->size_bytes, &header, &stored_size);
        if (verdict == FRAME_SHORT) {
            *needed_size = stored_size;
            return STATUS_OK;
        }
        if (verdict != FRAME_GOOD || header.base_offset != log->end_offset) {
            *goes_on = false;
            log->torn_bytes += verdict == FRAME_END ? 0 : FRAME_ALIGNMENT;
            return STATUS_OK;
        }
        enum status status = take_frame(log, segment, reading.data, &header);
        if (status != STATUS_OK)
            return status;
        reading = bytes_of(reading.data + stored_size, reading.size - stored_size);
    }
    return STATUS_OK;
}

/* What reads back is not always on the disk: after a sync that failed, the cache may show for a
 * while what no later sync will write. So the frames that were found are written once more, as they
 * are, and synced before anything is built on them. */
static enum status write_again(struct recovered_log *log, int32_t handle, const uint8_t *frames,
                               uint64_t size_bytes, uint64_t position)
{
    assert(size_bytes % FRAME_ALIGNMENT == 0);
    assert(size_bytes <= SCAN_SIZE_MAX);
    if (size_bytes == 0)
        return STATUS_OK;
    return await_write(log->io, handle, frames, (uint32_t)size_bytes, position);
}

/* From the segment's known size on. */
static enum status scan_frames(struct recovered_log *log, struct state_segment *segment,
                               int32_t handle, uint64_t file_size)
{
    struct scan_buffer buffer = {0};
    enum status status = grow(&buffer, SCAN_SIZE);
    bool goes_on = true;
    while (status == STATUS_OK && goes_on && segment->size_bytes < file_size) {
        uint32_t read_bytes;
        uint64_t needed_size;
        uint64_t position = segment->size_bytes;
        status = await_read(log->io, handle, buffer.data, buffer.capacity, position, &read_bytes);
        if (status == STATUS_OK)
            status = take_reading(log, segment, bytes_of(buffer.data, read_bytes), &goes_on,
                                  &needed_size);
        if (status == STATUS_OK)
            status =
                write_again(log, handle, buffer.data, segment->size_bytes - position, position);
        if (status != STATUS_OK || needed_size == 0)
            continue;
        goes_on = segment->size_bytes + needed_size <= file_size && needed_size <= SCAN_SIZE_MAX;
        if (goes_on)
            status = grow(&buffer, needed_size);
        else
            log->torn_bytes += FRAME_ALIGNMENT;
    }
    free(buffer.data);
    log->has_excess = segment->size_bytes < file_size;
    return status;
}

/* One reading, at `position`, of what lies behind the last good frame: each block may be the
 * beginning of a frame. Answers how many bytes were looked at; `needed_size` > 0: a frame there
 * needs a larger reading.
 */
static uint32_t look_at_blocks(struct recovered_log *log, const struct state_segment *segment,
                               struct bytes reading, uint64_t position, uint64_t *needed_size)
{
    struct frame_place place = {log->id.topic_id, log->id.partition, segment->base_offset,
                                segment->generation};
    uint32_t done = 0;
    *needed_size = 0;
    while (done < reading.size) {
        struct frame_header header;
        uint64_t stored_size;
        struct bytes rest = bytes_of(reading.data + done, reading.size - done);
        enum frame_verdict verdict =
            frame_verify(rest, &place, position + done, &header, &stored_size);
        if (verdict == FRAME_SHORT && stored_size <= SCAN_SIZE_MAX) {
            *needed_size = stored_size;
            return done;
        }
        if (verdict == FRAME_GOOD && log->mark_offset < header.durable_offset)
            log->mark_offset = header.durable_offset;
        done += verdict == FRAME_GOOD ? (uint32_t)stored_size : FRAME_ALIGNMENT;
    }
    return done;
}

/* Whole frames behind a bad one tell how far the log was durable when they were sealed: if beyond
 * the bad one, that is not a torn tail. */
static enum status look_behind(struct recovered_log *log, const struct state_segment *segment,
                               int32_t handle, uint64_t file_size)
{
    struct scan_buffer buffer = {0};
    enum status status = grow(&buffer, SCAN_SIZE);
    uint64_t position = segment->size_bytes + FRAME_ALIGNMENT;
    while (status == STATUS_OK && position < file_size) {
        uint32_t read_bytes;
        uint64_t needed_size;
        status = await_read(log->io, handle, buffer.data, buffer.capacity, position, &read_bytes);
        if (status != STATUS_OK)
            break;
        uint32_t done =
            look_at_blocks(log, segment, bytes_of(buffer.data, read_bytes), position, &needed_size);
        bool is_impossible = needed_size > 0 && position + done + needed_size > file_size;
        position += is_impossible || done + needed_size == 0 ? done + FRAME_ALIGNMENT : done;
        if (needed_size > 0 && !is_impossible)
            status = grow(&buffer, needed_size);
    }
    free(buffer.data);
    return status;
}

static enum status scan_segment(struct recovered_log *log, struct state_segment *segment)
{
    char path[PATH_SIZE];
    int32_t handle;
    uint64_t file_size;
    uint64_t known_bytes = segment->size_bytes;
    path_segment(log->directory, segment->base_offset, segment->generation, path);
    enum status status = await_open(log->io, path, IO_OPEN_DIRECT, &handle, &file_size);
    if (status == STATUS_NOT_FOUND)
        return damage(log, "segment file is missing", path);
    if (status != STATUS_OK)
        return status;
    if (file_size < segment->size_bytes)
        status = damage(log, "segment file is shorter than its synced data", path);
    else
        status = scan_frames(log, segment, handle, file_size);
    if (status == STATUS_OK && log->has_excess)
        status = look_behind(log, segment, handle, file_size);
    if (status == STATUS_OK && segment->size_bytes > known_bytes)
        status = await_sync(log->io, handle);
    enum status close_status = await_close(log->io, handle);
    return status != STATUS_OK ? status : close_status;
}

/* --- What is there ----------------------------------------------------------------------------
 */

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

static enum status add_segment(struct recovered_log *log, int64_t base_offset)
{
    struct state_segment *segments =
        realloc(log->segments, (log->segment_count + 1) * sizeof *segments);
    if (segments == NULL)
        return STATUS_NO_MEMORY;
    log->segments = segments;
    log->segments[log->segment_count++] = (struct state_segment){.base_offset = base_offset,
                                                                 .max_timestamp_ms = -1,
                                                                 .aborted_from = -1,
                                                                 .created_ms = log->now_ms,
                                                                 .appended_ms = log->now_ms};
    return STATUS_OK;
}

static bool is_known(const struct recovered_log *log, int64_t base_offset)
{
    return log->segment_count > 0 &&
           base_offset <= log->segments[log->segment_count - 1].base_offset;
}

/* A segment is begun only when the one before has been synced, so a whole frame in it proves that
 * all below is durable. */
static enum status scan_beyond(struct recovered_log *log, int64_t base_offset)
{
    if (base_offset == log->end_offset) {
        enum status status = add_segment(log, base_offset);
        return status != STATUS_OK ? status
                                   : scan_segment(log, &log->segments[log->segment_count - 1]);
    }
    char path[PATH_SIZE];
    path_segment(log->directory, base_offset, 0, path);
    if (base_offset > log->mark_offset)
        log->mark_offset = base_offset;
    log_warn(log->logger, "segment does not follow the one before", field_text("file", path),
             field_i64("expected", log->end_offset));
    return STATUS_OK;
}

static enum status scan_new_segments(struct recovered_log *log)
{
    struct arena arena;
    struct io_entry *entries;
    uint32_t entry_count;
    arena_init(&arena, LISTING_BYTES_MAX);
    enum status status = await_list(log->io, log->directory, &arena, &entries, &entry_count);
    for (uint32_t i = 0; i < entry_count && status == STATUS_OK; i++) {
        int64_t base_offset;
        uint32_t generation;
        if (path_parse_segment(entries[i].name, &base_offset, &generation) && generation == 0 &&
            !is_known(log, base_offset))
            status = scan_beyond(log, base_offset);
    }
    arena_deinit(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* its batches are in the journal */
}

static enum status scan(struct recovered_log *log)
{
    enum status status = STATUS_OK;
    if (log->segment_count > 0)
        status = scan_segment(log, &log->segments[log->segment_count - 1]);
    if (status == STATUS_OK)
        status = scan_new_segments(log);
    log->scanned_offset = log->end_offset;
    log->replayed_offset = log->end_offset;
    return status;
}

enum status recovered_log_open(const struct recovery_site *site, const struct store_state *state,
                               struct recovered_log **result)
{
    struct recovered_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return STATUS_NO_MEMORY;
    log->io = site->io;
    log->logger = site->logger;
    log->handle = -1;
    log->frame_aborted_from = -1;
    log->now_ms = io_wall_ms(site->io);
    log->id = (struct log_id){.topic_id = state->topic_id, .partition = state->partition};
    epoch_core_init(&log->epochs);
    producer_core_init(&log->producers, site->producer_expiration_ms);
    enum status status = load_state(log, state);
    path_partition(site->store_directory, &log->id, log->directory);
    if (status == STATUS_OK)
        status = scan(log);
    if (status != STATUS_OK) {
        recovered_log_destroy(log);
        return status;
    }
    *result = log;
    return STATUS_OK;
}

void recovered_log_destroy(struct recovered_log *log)
{
    if (log->handle >= 0)
        await_close(log->io, log->handle);
    epoch_core_deinit(&log->epochs);
    producer_core_deinit(&log->producers);
    damage_core_deinit(&log->damages);
    free(log->segments);
    free(log->buffer);
    free(log);
}

/* --- Judging ----------------------------------------------------------------------------------
 */

/* Is this entry the batch that comes next at `offset`? The commit's checksum was right; but nothing
 * of what is built on the batch may depend on who wrote it. */
static bool is_next_batch(const struct commit_entry *entry, struct bytes batch, int64_t offset,
                          struct batch_header *header)
{
    return entry->kind == COMMIT_BATCH && entry->base_offset == offset &&
           batch_header_read(batch, header) == STATUS_OK && header->base_offset == offset &&
           header->last_offset_delta >= 0 && batch_size_bytes(header) == batch.size;
}

void recovered_log_expect(struct recovered_log *log, const struct commit_entry *entry,
                          struct bytes batch)
{
    if (log->mark_offset < entry->durable_offset)
        log->mark_offset = entry->durable_offset;
    struct batch_header header;
    if (!is_next_batch(entry, batch, log->replayed_offset, &header))
        return;
    log->replayed_offset = batch_last_offset(&header) + 1;
}

/* The place where a later version puts the partition into quarantine and asks a replica. */
enum status recovered_log_judge(const struct recovered_log *log)
{
    if (log->replayed_offset >= log->mark_offset)
        return STATUS_OK;
    return damage(log, "durable batches are damaged or missing", log->directory);
}

/* --- Writing ----------------------------------------------------------------------------------
 */

static struct state_segment *last_segment(struct recovered_log *log)
{
    assert(log->segment_count > 0);
    return &log->segments[log->segment_count - 1];
}

static enum status make_directories(const struct recovered_log *log)
{
    char topic[PATH_SIZE];
    path_parent(log->directory, topic);
    enum status status = await_make_directory(log->io, topic);
    return status == STATUS_OK ? await_make_directory(log->io, log->directory) : status;
}

static enum status open_for_writing(struct recovered_log *log)
{
    if (log->handle >= 0)
        return STATUS_OK;
    if (log->segment_count == 0) {
        enum status status = add_segment(log, log->scanned_offset);
        if (status != STATUS_OK)
            return status;
    }
    char path[PATH_SIZE];
    uint64_t file_size;
    path_segment(log->directory, last_segment(log)->base_offset, last_segment(log)->generation,
                 path);
    uint32_t flags = IO_OPEN_CREATE | IO_OPEN_DIRECT;
    enum status status = await_open(log->io, path, flags, &log->handle, &file_size);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = make_directories(log);
    return status == STATUS_OK ? await_open(log->io, path, flags, &log->handle, &file_size)
                               : status;
}

/* Everything behind the last good frame is taken away, not left to be overwritten: a stale frame
 * that happens to fit would be believed after the next crash. */
enum status recovered_log_cut(struct recovered_log *log)
{
    assert(log->payload_size == 0);
    if (!log->has_excess)
        return STATUS_OK;
    enum status status = open_for_writing(log);
    if (status == STATUS_OK)
        status = await_truncate(log->io, log->handle, last_segment(log)->size_bytes);
    return status == STATUS_OK ? await_sync(log->io, log->handle) : status;
}

static enum status make_room(struct recovered_log *log, uint64_t batch_size)
{
    uint64_t needed = frame_stored_size(log->payload_size + batch_size);
    if (needed > FRAME_SMALL_SIZE_MAX && log->payload_size > 0) {
        enum status status = recovered_log_write(log);
        if (status != STATUS_OK)
            return status;
        needed = frame_stored_size(batch_size);
    }
    if (needed <= log->buffer_capacity)
        return STATUS_OK;
    uint64_t capacity = needed < 2ull * log->buffer_capacity ? 2ull * log->buffer_capacity : needed;
    uint8_t *buffer = aligned_alloc(FRAME_ALIGNMENT, capacity);
    if (buffer == NULL)
        return STATUS_NO_MEMORY;
    if (log->payload_size > 0)
        memcpy(buffer + FRAME_HEADER_SIZE, log->buffer + FRAME_HEADER_SIZE, log->payload_size);
    free(log->buffer);
    log->buffer = buffer;
    log->buffer_capacity = (uint32_t)capacity;
    return STATUS_OK;
}

enum status recovered_log_append(struct recovered_log *log, const struct commit_entry *entry,
                                 struct bytes batch)
{
    struct batch_header header;
    if (!is_next_batch(entry, batch, log->end_offset, &header))
        return STATUS_OK;
    enum status status = make_room(log, batch.size);
    if (status != STATUS_OK)
        return status;
    if (log->payload_size == 0) {
        log->frame_base_offset = header.base_offset;
        log->frame_max_timestamp_ms = -1;
    }
    memcpy(log->buffer + FRAME_HEADER_SIZE + log->payload_size, batch.data, batch.size);
    log->payload_size += (uint32_t)batch.size;
    log->batch_count++;
    log->frame_leader_epoch = header.leader_epoch;
    if (log->frame_max_timestamp_ms < header.max_timestamp)
        log->frame_max_timestamp_ms = header.max_timestamp;
    return take_batches(log, batch);
}

enum status recovered_log_write(struct recovered_log *log)
{
    if (log->payload_size == 0)
        return STATUS_OK;
    enum status status = open_for_writing(log);
    if (status != STATUS_OK)
        return status;
    struct state_segment *segment = last_segment(log);
    struct frame_place place = {log->id.topic_id, log->id.partition, segment->base_offset,
                                segment->generation};
    assert(log->frame_base_offset >= segment->base_offset);
    assert(segment->size_bytes % FRAME_ALIGNMENT == 0);
    frame_seal(log->buffer, &place, segment->size_bytes,
               &(struct frame_facts){
                   .payload_size = log->payload_size,
                   .batch_count = log->batch_count,
                   .base_offset = log->frame_base_offset,
                   .last_offset = log->end_offset - 1,
                   .leader_epoch = log->frame_leader_epoch,
                   .max_timestamp_ms = log->frame_max_timestamp_ms,
                   .durable_offset = log->mark_offset,
               });
    uint64_t stored_size = frame_stored_size(log->payload_size);
    status =
        await_write(log->io, log->handle, log->buffer, (uint32_t)stored_size, segment->size_bytes);
    segment->size_bytes += stored_size;
    if (segment->appended_ms < log->now_ms)
        segment->appended_ms = log->now_ms;
    if (segment->max_timestamp_ms < log->frame_max_timestamp_ms)
        segment->max_timestamp_ms = log->frame_max_timestamp_ms;
    give_aborted(log, segment);
    free(log->buffer);
    log->buffer = NULL;
    log->buffer_capacity = 0;
    log->payload_size = 0;
    log->batch_count = 0;
    return status;
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

/* The journals are read twice, and a disk that has failed a write may show it the first time and
 * not the second. Such bytes were never acknowledged, but nothing may be built on them. */
static enum status check_replay(const struct recovered_log *log)
{
    if (log->end_offset == log->replayed_offset)
        return STATUS_OK;
    log_error(log->logger, "a journal read differently the second time",
              field_text("directory", log->directory),
              field_i64("expected_offset", log->replayed_offset),
              field_i64("found_offset", log->end_offset));
    return STATUS_IO;
}

enum status recovered_log_finish(struct recovered_log *log)
{
    if (check_replay(log) != STATUS_OK)
        return STATUS_IO;
    bool is_unchanged = log->end_offset == log->recorded_offset && !log->has_excess;
    if (is_unchanged || log->segment_count + log->payload_size == 0)
        return STATUS_OK;
    enum status status = recovered_log_write(log);
    if (status == STATUS_OK)
        status = open_for_writing(log);
    if (status == STATUS_OK)
        status = await_sync(log->io, log->handle);
    return status == STATUS_OK ? await_sync_directory(log->io, log->directory) : status;
}
