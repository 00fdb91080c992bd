#include "tests/storage/rig.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "io/io_backend.h"
#include "protocol/batch_build.h"
#include "storage/await.h"
#include "storage/log_struct.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 256 << 20, TURNS_MAX = 20000000, SOON_NS = 1000 * 1000 * 1000 };

/* --- The rig's own ---------------------------------------------------------------------------- */

static void sink_write(struct log_sink *sink, struct bytes line)
{
    struct rig *rig = container_of(sink, struct rig, sink);
    size_t room = sizeof rig->log_text - 1 - rig->log_size;
    size_t size = line.size < room ? line.size : room;
    memcpy(rig->log_text + rig->log_size, line.data, size);
    rig->log_size += size;
    rig->log_text[rig->log_size] = '\0';
}

static int64_t sink_now_ms(struct log_sink *sink)
{
    return 0;
}

static void observe_move(struct log_observer *observer)
{
    container_of(observer, struct rig, observer)->observed_moves++;
}

static void observe_failure(struct log_observer *observer, enum status status)
{
    container_of(observer, struct rig, observer)->observed_failure = status;
}

static void destroy_stores(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++) {
        if (rig->stores[i] != NULL)
            store_destroy(rig->stores[i]);
        rig->stores[i] = NULL;
    }
    store_states_destroy(rig->states);
    rig->states = NULL;
    rig->is_alive = false;
}

/* The life ends: who holds chunks gives them back first. */
static void die(struct rig *rig)
{
    if (rig->reading != NULL)
        log_read_release(rig->reading, rig->reading_door);
    rig->reading = NULL;
    destroy_stores(rig);
}

void rig_init(struct rig *rig, struct rig_harness *harness)
{
    *rig = (struct rig){.harness = harness};
    harness->rig = rig;
    harness->dying = die;
    harness->reset(harness);
    rig->sink = (struct log_sink){sink_write, sink_now_ms};
    rig->logger = (struct logger){.sink = &rig->sink, .level = LOG_INFO, .core = -1};
    rig->observer = (struct log_observer){.durable_moved = observe_move, .failed = observe_failure};
    log_config_init(&rig->config);
    rig->config.segment_ms_max = INT64_MAX;
    rig->config.retention_ms = -1;
    store_options_init(&rig->options);
    rig->options.retention_check_ms = 0;
    rig->options.directory = harness->directory;
    rig->options.recycle_bytes_min = 64 << 10;
    rig->options.journal_file_bytes = 1 << 20;
    rig->options.journal_file_count = 2;
    rig->options.memory_bytes_max = 64 << 20;
    rig->options.cache_bytes_max = 8 << 20;
    arena_init(&rig->arena, ARENA_BYTES_MAX);
}

void rig_deinit(struct rig *rig)
{
    arena_deinit(&rig->arena);
}

/* --- Turning ---------------------------------------------------------------------------------- */

static bool door_is_busy(const struct io *io)
{
    return io->in_flight_count > 0 || !ready_queue_is_empty(&io->ready);
}

/* Lets a timer fire when there is nothing else to do. */
static bool any_has_timers(const struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++)
        if (rig->doors[i]->timers.count > 0)
            return true;
    return false;
}

static bool any_is_busy(const struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++)
        if (door_is_busy(rig->doors[i]))
            return true;
    return false;
}

void rig_turn(struct rig *rig)
{
    if (rig->harness->turn != NULL) {
        rig->harness->turn(rig->harness);
        return;
    }
    bool is_idle = !any_is_busy(rig);
    for (uint32_t i = 0; i < rig->core_count && rig->is_alive; i++) {
        bool may_wait = is_idle && rig->doors[i]->timers.count > 0;
        if (may_wait || door_is_busy(rig->doors[i]))
            io_turn(rig->doors[i]);
    }
}

/* Turns until `has_landed`; nothing left in flight before that is a lost completion. */
static void wait_for(struct rig *rig, const bool *has_landed)
{
    for (uint32_t turns = 0; !*has_landed && rig->is_alive; turns++) {
        assert(turns < TURNS_MAX);
        rig_turn(rig);
        bool is_lost = !*has_landed && rig->is_alive && !any_is_busy(rig) && !any_has_timers(rig);
        if (is_lost)
            fail_msg("a completion was lost");
    }
}

/* --- Lives ------------------------------------------------------------------------------------ */

struct opening {
    struct store_open open;
    bool has_landed;
    int32_t result;
};

static void opening_landed(struct completion *completion, int32_t result)
{
    struct opening *opening = container_of(completion, struct opening, open.completion);
    opening->has_landed = true;
    opening->result = result;
}

struct log_id rig_log_id(uint32_t log)
{
    struct log_id id = {.partition = (int32_t)log, .topic_name = bytes_of_text("orders")};
    memcpy(id.topic_id.bytes, "tailrace-storage", 16);
    return id;
}

void rig_segment_path(const struct rig *rig, uint32_t log, int64_t base_offset,
                      char path[static PATH_SIZE])
{
    char partition[PATH_SIZE];
    struct log_id id = rig_log_id(log);
    path_partition(rig->harness->directory, &id, partition);
    path_segment(partition, base_offset, 0, path);
}

struct io *rig_door(const struct rig *rig, uint32_t log)
{
    return rig->doors[log % rig->core_count];
}

enum status rig_open(struct rig *rig, uint32_t index)
{
    struct opening opening = {.open.config = rig->config, .open.id = rig_log_id(index)};
    completion_init(&opening.open.completion, opening_landed);
    store_open_log(rig->stores[index % rig->core_count], &opening.open);
    wait_for(rig, &opening.has_landed);
    /* The power may have been cut in the very turn in which it landed. */
    rig->logs[index] = rig->is_alive ? opening.open.log : NULL;
    if (rig->logs[index] != NULL && index == 0)
        log_observe(rig->logs[index], &rig->observer);
    return opening.has_landed ? (enum status)opening.result : STATUS_FAILED;
}

static void open_doors(struct rig *rig, uint32_t core_count)
{
    assert(core_count <= RIG_CORES_MAX);
    rig->doors = rig->harness->open(rig->harness, core_count);
    assert(rig->doors != NULL);
    rig->is_alive = true;
    rig->core_count = core_count;
    rig->io = rig->doors[0];
    memset(rig->stores, 0, sizeof rig->stores);
    memset(rig->logs, 0, sizeof rig->logs);
}

void rig_overwrite(struct rig *rig, const char *path, uint64_t position, struct bytes blocks)
{
    int32_t handle;
    uint64_t size_bytes;
    open_doors(rig, 1);
    assert_int_equal(await_open(rig->io, path, IO_OPEN_DIRECT, &handle, &size_bytes), STATUS_OK);
    assert_int_equal(await_write(rig->io, handle, blocks.data, (uint32_t)blocks.size, position),
                     STATUS_OK);
    assert_int_equal(await_sync(rig->io, handle), STATUS_OK);
    assert_int_equal(await_close(rig->io, handle), STATUS_OK);
    rig->harness->close(rig->harness, false);
}

enum status rig_plant(struct rig *rig, const char *path, struct bytes content)
{
    struct await_draft draft;
    char parent[PATH_SIZE];
    open_doors(rig, 1);
    path_parent(path, parent);
    enum status status = await_draft_open(rig->io, path, 0, &draft);
    if (status == STATUS_OK) {
        status = await_write(rig->io, draft.handle, content.data, (uint32_t)content.size, 0);
        if (status == STATUS_OK)
            status = await_sync(rig->io, draft.handle);
        status = await_draft_end(rig->io, &draft, status);
    }
    if (status == STATUS_OK)
        status = await_sync_directory(rig->io, parent);
    rig->harness->close(rig->harness, false);
    return status;
}

enum status rig_start(struct rig *rig, uint32_t core_count, uint32_t log_count)
{
    assert(log_count <= RIG_LOGS_MANY);
    open_doors(rig, core_count);
    rig->log_count = log_count;
    rig->observed_failure = STATUS_OK;
    if (rig->now_ms < io_wall_ms(rig->io))
        rig->now_ms = io_wall_ms(rig->io);
    enum status status =
        store_recover(rig->io, &rig->options, &rig->logger, &rig->report, &rig->states);
    bool is_damaged = rig->report.logs_damaged > 0 || rig->report.catalog_was_damaged ||
                      rig->report.journal_was_damaged;
    if (status == STATUS_OK && is_damaged && !rig->may_be_damaged)
        status = STATUS_CORRUPT;
    for (uint32_t i = 0; i < core_count && status == STATUS_OK; i++)
        status =
            store_create(rig->doors[i], &rig->options, rig->states, &rig->logger, &rig->stores[i]);
    for (uint32_t i = 0; i < log_count && status == STATUS_OK; i++)
        status = rig_open(rig, i);
    if (status != STATUS_OK && rig->is_alive)
        rig_kill(rig);
    return status;
}

struct landing {
    struct completion completion;
    bool has_landed;
    int32_t result;
};

static void landing_landed(struct completion *completion, int32_t result)
{
    struct landing *landing = container_of(completion, struct landing, completion);
    landing->has_landed = true;
    landing->result = result;
}

enum status rig_stop(struct rig *rig)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < rig->core_count && rig->is_alive; i++) {
        struct landing landing = {0};
        completion_init(&landing.completion, landing_landed);
        store_stop(rig->stores[i], &landing.completion);
        wait_for(rig, &landing.has_landed);
        if (status == STATUS_OK)
            status = landing.has_landed ? (enum status)landing.result : STATUS_FAILED;
    }
    rig->harness->close(rig->harness, false);
    return status;
}

enum status rig_delete(struct rig *rig, uint32_t log)
{
    struct landing landing = {0};
    completion_init(&landing.completion, landing_landed);
    store_delete_log(rig->stores[log % rig->core_count], rig->logs[log], &landing.completion);
    rig->logs[log] = NULL;
    wait_for(rig, &landing.has_landed);
    return landing.has_landed ? (enum status)landing.result : STATUS_FAILED;
}

void rig_kill(struct rig *rig)
{
    while (!rig->harness->is_simulated && any_is_busy(rig))
        rig_turn(rig);
    rig->harness->close(rig->harness, false);
}

void rig_cut_power(struct rig *rig)
{
    assert(rig->harness->is_simulated);
    rig->harness->close(rig->harness, true);
}

/* --- Batches ---------------------------------------------------------------------------------- */

static void fill_random(struct prng *prng, uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t random = prng_u64(prng);
        memcpy(bytes + i, &random, size - i < sizeof random ? size - i : sizeof random);
    }
}

static struct bytes draw_key(struct prng *prng, const struct rig_batch *shape, char text[static 16])
{
    if (shape->key_count == 0)
        return bytes_of_text("key");
    int length = snprintf(text, 16, "key-%u", (uint32_t)prng_below(prng, shape->key_count));
    return bytes_of(text, (size_t)length);
}

struct bytes rig_make(struct rig *rig, const struct rig_batch *shape)
{
    struct batch_options options = batch_options_plain;
    options.compression = shape->compression;
    options.level = compression_levels(shape->compression).usual;
    if (shape->producer_id != 0) {
        options.producer_id = shape->producer_id;
        options.producer_epoch = shape->producer_epoch;
        options.base_sequence = shape->base_sequence;
        options.attributes |= shape->is_transactional ? BATCH_TRANSACTIONAL : 0;
    }
    struct batch_builder builder;
    struct prng prng;
    prng_init(&prng, shape->seed);
    batch_builder_init(&builder, &options, &rig->arena);
    uint32_t size = shape->value_size == 0 ? 10 : shape->value_size;
    uint32_t count = shape->record_count == 0 ? 1 : shape->record_count;
    uint8_t *value = malloc(size);
    for (uint32_t i = 0; i < count; i++) {
        fill_random(&prng, value, size);
        char key[16];
        bool is_null = shape->has_tombstones && prng_chance(&prng, 1, 8);
        int64_t timestamp = shape->timestamp_ms == 0 ? rig->now_ms : shape->timestamp_ms;
        batch_builder_append_simple(&builder, timestamp + i * shape->timestamp_step_ms,
                                    draw_key(&prng, shape, key),
                                    is_null ? (struct bytes){0} : bytes_of(value, size));
    }
    free(value);
    struct bytes batch = {0};
    enum status status = batch_builder_finish(&builder, &batch);
    assert(status == STATUS_OK);
    return batch;
}

struct bytes rig_make_marker(struct rig *rig, const struct rig_marker *shape)
{
    struct batch_options options = batch_options_plain;
    options.producer_id = shape->producer_id;
    options.producer_epoch = shape->producer_epoch;
    options.attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL;
    uint8_t key[4] = {0, 0, 0, shape->is_abort ? 0 : 1};
    uint8_t value[6] = {0};
    store_u32_be(value + 2, (uint32_t)shape->coordinator_epoch);
    struct batch_builder builder;
    struct bytes batch = {0};
    batch_builder_init(&builder, &options, &rig->arena);
    batch_builder_append_simple(&builder, rig->now_ms, bytes_of(key, sizeof key),
                                bytes_of(value, sizeof value));
    enum status status = batch_builder_finish(&builder, &batch);
    assert(status == STATUS_OK);
    return batch;
}

static void append_landed(struct completion *completion, int32_t result)
{
    struct rig_append *append = container_of(completion, struct rig_append, append.completion);
    assert(!append->has_landed);
    append->has_landed = true;
    append->result = result;
}

void rig_append(struct rig *rig, uint32_t log, struct rig_append *append, struct bytes batch)
{
    *append = (struct rig_append){.append.batch = batch,
                                  .append.leader_epoch = rig->leader_epoch,
                                  .append.now_ms = rig->now_ms};
    completion_init(&append->append.completion, append_landed);
    log_append(rig->logs[log], &append->append);
}

int32_t rig_append_wait(struct rig *rig, struct rig_append *append)
{
    wait_for(rig, &append->has_landed);
    return append->result;
}

int64_t rig_put(struct rig *rig, uint32_t log, const struct rig_batch *shape)
{
    struct rig_append append;
    struct bytes batch = rig_make(rig, shape);
    do {
        rig_append(rig, log, &append, batch);
    } while (rig_append_wait(rig, &append) == STATUS_NO_MEMORY);
    assert_int_equal(append.append.refused, STATUS_OK);
    assert_int_equal(append.result, STATUS_OK);
    return append.append.base_offset;
}

void rig_put_many(struct rig *rig, uint32_t log, uint32_t count, uint32_t value_size)
{
    for (uint32_t i = 0; i < count; i++) {
        rig_put(rig, log, &(struct rig_batch){.value_size = value_size, .seed = i});
        arena_reset(&rig->arena);
    }
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct reading {
    struct log_read read;
    bool has_landed;
    int32_t result;
};

static void reading_landed(struct completion *completion, int32_t result)
{
    struct reading *reading = container_of(completion, struct reading, read.completion);
    reading->has_landed = true;
    reading->result = result;
}

int32_t rig_read(struct rig *rig, uint32_t log, int64_t offset, int64_t end_offset,
                 uint32_t size_bytes_max, struct log_read *read)
{
    *read = (struct log_read){.offset = offset,
                              .end_offset = end_offset,
                              .size_bytes_max = size_bytes_max,
                              .first_batch_anyway = true};
    return rig_read_as(rig, log, read);
}

int32_t rig_read_as(struct rig *rig, uint32_t log, struct log_read *read)
{
    struct reading reading = {.read = *read};
    completion_init(&reading.read.completion, reading_landed);
    rig->reading = &reading.read;
    rig->reading_door = rig_door(rig, log);
    log_read(rig->logs[log], &reading.read);
    wait_for(rig, &reading.has_landed);
    rig->reading = NULL;
    *read = reading.read;
    return reading.has_landed ? reading.result : STATUS_FAILED;
}

static int64_t check_pieces(const struct log_read *read, int64_t offset, uint32_t *digest)
{
    for (uint32_t i = 0; i < read->piece_count; i++) {
        struct bytes rest = read->pieces[i];
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            struct batch_header header;
            assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
            assert_int_equal(header.base_offset, offset);
            assert_true(batch_crc_is_right(batch));
            *digest = crc32c(*digest, &header.crc, sizeof header.crc);
            offset = batch_last_offset(&header) + 1;
        }
        assert_int_equal(rest.size, 0);
    }
    assert_int_equal(offset, read->next_offset);
    return offset;
}

int64_t rig_read_all(struct rig *rig, uint32_t log, uint32_t *digest)
{
    int64_t offset = log_start_offset(rig->logs[log]);
    *digest = 0;
    for (;;) {
        struct log_read read;
        assert_int_equal(rig_read(rig, log, offset, INT64_MAX, 300000, &read), STATUS_OK);
        if (read.piece_count == 0)
            return offset;
        offset = check_pieces(&read, offset, digest);
        log_read_release(&read, rig_door(rig, log));
    }
}

struct looking {
    struct log_lookup lookup;
    bool has_landed;
    int32_t result;
};

static void looking_landed(struct completion *completion, int32_t result)
{
    struct looking *looking = container_of(completion, struct looking, lookup.completion);
    looking->has_landed = true;
    looking->result = result;
}

int32_t rig_lookup(struct rig *rig, uint32_t log, struct log_lookup *lookup)
{
    struct looking looking = {.lookup = *lookup};
    completion_init(&looking.lookup.completion, looking_landed);
    log_lookup(rig->logs[log], &looking.lookup);
    wait_for(rig, &looking.has_landed);
    *lookup = looking.lookup;
    return looking.result;
}

struct question {
    struct log_aborted wish;
    bool has_landed;
    int32_t result;
};

static void question_landed(struct completion *completion, int32_t result)
{
    struct question *question = container_of(completion, struct question, wish.completion);
    question->has_landed = true;
    question->result = result;
}

int32_t rig_aborted(struct rig *rig, uint32_t log, uint64_t exchange_count, int64_t from,
                    int64_t to, struct aborted_list *list)
{
    struct question question = {.wish = {.from = from, .to = to, .exchange_count = exchange_count}};
    completion_init(&question.wish.completion, question_landed);
    log_aborted(rig->logs[log], &question.wish);
    wait_for(rig, &question.has_landed);
    *list = question.wish.list;
    return question.result;
}

/* --- Deleting --------------------------------------------------------------------------------- */

void rig_commit(struct rig *rig, uint32_t log)
{
    log_note_high_watermark(rig->logs[log], log_durable_offset(rig->logs[log]));
}

struct trimming {
    struct log_delete_records deletion;
    bool has_landed;
    int32_t result;
};

static void trimming_landed(struct completion *completion, int32_t result)
{
    struct trimming *trimming = container_of(completion, struct trimming, deletion.completion);
    trimming->has_landed = true;
    trimming->result = result;
}

int32_t rig_delete_records(struct rig *rig, uint32_t log, int64_t offset, int64_t *start_offset)
{
    struct trimming trimming = {.deletion.offset = offset};
    completion_init(&trimming.deletion.completion, trimming_landed);
    log_delete_records(rig->logs[log], &trimming.deletion);
    wait_for(rig, &trimming.has_landed);
    *start_offset = trimming.deletion.start_offset;
    return trimming.has_landed ? trimming.result : STATUS_FAILED;
}

/* What is put off for a moment, because a reader is still in the file, counts as due. */
static bool any_has_graves(const struct rig *rig)
{
    uint64_t soon_ns = io_now_ns(rig->io) + SOON_NS;
    for (uint32_t i = 0; i < rig->core_count; i++) {
        const struct graveyard *graveyard = &rig->stores[i]->graveyard;
        const struct list_node *node = list_first(&graveyard->graves);
        if (graveyard->current != NULL ||
            (node != NULL && container_of(node, struct grave, node)->due_ns <= soon_ns))
            return true;
    }
    return false;
}

void rig_retain(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->core_count; i++)
        store_check_retention(rig->stores[i]);
    while (rig->is_alive && (any_is_busy(rig) || any_has_graves(rig)))
        rig_turn(rig);
}

/* --- Files ------------------------------------------------------------------------------------ */

struct asking {
    struct io_request request;
    bool has_landed;
    int32_t result;
};

static void asked_landed(struct completion *completion, int32_t result)
{
    struct asking *asking = container_of(completion, struct asking, request.completion);
    asking->has_landed = true;
    asking->result = result;
}

bool rig_has_file(struct rig *rig, const char *path, uint64_t *size_bytes)
{
    struct asking opening = {0}, sizing = {0}, closing = {0};
    completion_init(&opening.request.completion, asked_landed);
    io_open(rig->io, &opening.request, path, IO_OPEN_READ_ONLY);
    wait_for(rig, &opening.has_landed);
    assert(opening.result >= 0 || opening.result == STATUS_NOT_FOUND);
    if (opening.result < 0)
        return false;
    completion_init(&sizing.request.completion, asked_landed);
    io_file_size(rig->io, &sizing.request, opening.result);
    wait_for(rig, &sizing.has_landed);
    *size_bytes = sizing.request.range.size_bytes;
    completion_init(&closing.request.completion, asked_landed);
    io_close(rig->io, &closing.request, opening.result);
    wait_for(rig, &closing.has_landed);
    return true;
}

int32_t rig_count_files(struct rig *rig, uint32_t log)
{
    char path[PATH_SIZE];
    struct log_id id = rig_log_id(log);
    struct asking listing = {0};
    path_partition(rig->harness->directory, &id, path);
    completion_init(&listing.request.completion, asked_landed);
    io_list_directory(rig->io, &listing.request, path, &rig->arena);
    wait_for(rig, &listing.has_landed);
    if (listing.result < 0)
        return -1;
    int32_t count = 0;
    for (uint32_t i = 0; i < listing.request.listing.entry_count; i++) {
        int64_t base_offset;
        uint32_t generation;
        count +=
            path_parse_segment(listing.request.listing.entries[i].name, &base_offset, &generation);
    }
    return count;
}
