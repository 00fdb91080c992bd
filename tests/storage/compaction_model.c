#include "tests/storage/compaction_model.h"

#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "storage/producer_batch.h"
#include "storage/segment_reader.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORDS_BYTES_MAX = 16 << 20, VALUE_SIZE_MAX = 4096, TURNS_MAX = 2000000 };

void model_init(struct compaction_model *model, struct rig *rig, uint64_t seed)
{
    *model = (struct compaction_model){.rig = rig, .key_count = 50, .tombstone_percent = 10};
    prng_init(&model->prng, seed);
}

void model_deinit(struct compaction_model *model)
{
    free(model->records);
}

static struct log *log_of(const struct compaction_model *model)
{
    return model->rig->logs[0];
}

/* --- Appending -------------------------------------------------------------------------------- */

static struct bytes key_text(uint32_t key, char text[static 16])
{
    int length = snprintf(text, 16, "key-%u", key);
    return bytes_of(text, (size_t)length);
}

/* Words that repeat, so that codecs have something to do. */
static struct bytes value_of(const struct model_record *record, uint8_t value[VALUE_SIZE_MAX])
{
    struct prng prng;
    prng_init(&prng, record->value_seed);
    for (uint32_t i = 0; i < record->value_size; i++)
        value[i] = (uint8_t)('a' + prng_below(&prng, 4));
    return record->is_tombstone ? (struct bytes){0} : bytes_of(value, record->value_size);
}

static struct model_record *add_record(struct compaction_model *model)
{
    if (model->record_count == model->record_capacity) {
        model->record_capacity = model->record_capacity == 0 ? 1024 : 2 * model->record_capacity;
        model->records = realloc(model->records, model->record_capacity * sizeof *model->records);
        assert_non_null(model->records);
    }
    struct model_record *record = &model->records[model->record_count++];
    struct prng *prng = &model->prng;
    *record = (struct model_record){
        .timestamp_ms = model->rig->now_ms + (int64_t)prng_below(prng, 1000),
        .key = (uint32_t)prng_below(prng, 1 + prng_below(prng, model->key_count)),
        .value_size = (uint32_t)prng_below(prng, prng_chance(prng, 1, 20) ? VALUE_SIZE_MAX : 200),
        .value_seed = prng_u64(prng),
        .is_tombstone = prng_below(prng, 100) < model->tombstone_percent,
    };
    return record;
}

static struct batch_options random_options(struct compaction_model *model, uint32_t count)
{
    struct batch_options options = batch_options_plain;
    struct prng *prng = &model->prng;
    options.compression = (enum compression)prng_below(prng, COMPRESSION_COUNT);
    options.level = compression_levels(options.compression).usual;
    uint32_t producer = (uint32_t)prng_below(prng, MODEL_PRODUCERS + 1);
    if (producer < MODEL_PRODUCERS) {
        options.producer_id = 1 + producer;
        options.producer_epoch = 0;
        options.base_sequence = model->next_sequence[producer];
        model->next_sequence[producer] += (int32_t)count;
    }
    return options;
}

static struct bytes make_batch(struct compaction_model *model)
{
    uint32_t count = 1 + (uint32_t)prng_below(&model->prng, 12);
    struct batch_options options = random_options(model, count);
    struct batch_builder builder;
    batch_builder_init(&builder, &options, &model->rig->arena);
    for (uint32_t i = 0; i < count; i++) {
        const struct model_record *record = add_record(model);
        char text[16];
        uint8_t value[VALUE_SIZE_MAX];
        batch_builder_append_simple(&builder, record->timestamp_ms, key_text(record->key, text),
                                    value_of(record, value));
    }
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

bool model_append(struct compaction_model *model, uint32_t record_count)
{
    struct rig *rig = model->rig;
    uint32_t until = model->record_count + record_count;
    while (model->record_count < until && rig->is_alive) {
        struct rig_append append;
        int64_t base_offset = model->record_count;
        rig->leader_epoch += prng_chance(&model->prng, 1, 40);
        struct bytes batch = make_batch(model);
        do {
            rig_append(rig, 0, &append, batch);
            rig_append_wait(rig, &append);
        } while (rig->is_alive && append.result == STATUS_NO_MEMORY);
        assert_true(append.append.base_offset == base_offset || !rig->is_alive);
        arena_reset(&rig->arena);
    }
    return rig->is_alive;
}

void model_cut(struct compaction_model *model)
{
    assert_true(log_end_offset(log_of(model)) <= model->record_count);
    model->record_count = (uint32_t)log_end_offset(log_of(model));
    for (uint32_t i = 0; i < MODEL_PRODUCERS; i++) {
        const struct producer *producer = producer_core_find(&log_of(model)->producers, 1 + i);
        bool is_known = producer != NULL && producer->batch_count > 0;
        model->next_sequence[i] =
            is_known ? producer->batches[producer->batch_count - 1].last_sequence + 1 : 0;
    }
    model->rig->leader_epoch = log_last_epoch(log_of(model)) + 1;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

void model_turn(struct compaction_model *model)
{
    rig_turn(model->rig);
    if (model->rig->is_alive)
        log_note_high_watermark(log_of(model), log_durable_offset(log_of(model)));
}

struct recording {
    struct log_record record;
    bool has_landed;
};

static void recording_landed(struct completion *completion, int32_t result)
{
    container_of(completion, struct recording, record.completion)->has_landed = true;
}

bool model_settle(struct compaction_model *model)
{
    struct rig *rig = model->rig;
    struct recording *recording = calloc(1, sizeof *recording);
    completion_init(&recording->record.completion, recording_landed);
    log_record(log_of(model), &recording->record);
    while (rig->is_alive && !recording->has_landed)
        model_turn(model);
    free(recording);
    return rig->is_alive;
}

bool model_wait_clean(struct compaction_model *model)
{
    struct rig *rig = model->rig;
    for (uint32_t turns = 0; rig->is_alive; turns++) {
        const struct log *log = log_of(model);
        int64_t active = log->segment_count == 0 ? 0 : log_active_segment(log)->base_offset;
        if (log->cleaned_offset >= active && log->busy_count == 0)
            return true;
        assert_true(turns < TURNS_MAX);
        model_turn(model);
    }
    return false;
}

/* --- Comparing -------------------------------------------------------------------------------- */

/* What a plain reading of the batches tells. */
struct reading {
    struct compaction_model *model;
    struct epoch_core epochs;
    struct producer_core producers;
    int64_t next_offset;
    bool has_landed;
    int32_t result;
    struct completion completion;
};

static void reading_landed(struct completion *completion, int32_t result)
{
    struct reading *reading = container_of(completion, struct reading, completion);
    reading->has_landed = true;
    reading->result = result;
}

static void wait_reading(struct reading *reading)
{
    while (!reading->has_landed)
        rig_turn(reading->model->rig);
    reading->has_landed = false;
    assert_int_equal(reading->result, STATUS_OK);
}

static void check_record(struct reading *reading, const struct record_view *view)
{
    struct compaction_model *model = reading->model;
    char text[16];
    uint8_t value[VALUE_SIZE_MAX];
    assert_true(view->offset >= reading->next_offset);
    assert_true(view->offset < model->record_count);
    struct model_record *record = &model->records[view->offset];
    assert_false(record->is_there);
    assert_true(bytes_equal(view->key, key_text(record->key, text)));
    assert_true(bytes_equal(view->value, value_of(record, value)));
    assert_true(view->timestamp == record->timestamp_ms);
    record->is_there = true;
    reading->next_offset = view->offset + 1;
}

static void note_header(struct reading *reading, const struct batch_header *header,
                        struct bytes batch)
{
    assert_true(header->base_offset >= reading->next_offset);
    assert_true(epoch_core_reserve(&reading->epochs));
    epoch_core_note(&reading->epochs, header->leader_epoch, header->base_offset);
    struct aborted_transaction aborted;
    assert_true(producer_batch_reserve(&reading->producers, header));
    producer_batch_note(&reading->producers, header, batch, reading->model->rig->now_ms, &aborted);
}

static void check_batches(struct reading *reading, struct bytes payload)
{
    struct bytes batch;
    while (batch_next(&payload, &batch) == STATUS_OK) {
        struct record_iterator iterator;
        struct record_view record;
        struct arena arena;
        arena_init(&arena, 4 * RECORDS_BYTES_MAX);
        assert_true(batch_crc_is_right(batch));
        assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena),
                         STATUS_OK);
        note_header(reading, &iterator.header, batch);
        while (record_iterator_next(&iterator, &record))
            check_record(reading, &record);
        assert_int_equal(iterator.status, STATUS_OK);
        reading->next_offset = batch_last_offset(&iterator.header) + 1;
        arena_deinit(&arena);
    }
}

static void check_newest(const struct compaction_model *model)
{
    static int64_t newest[MODEL_KEYS_MAX];
    memset(newest, -1, sizeof newest);
    for (uint32_t i = 0; i < model->record_count; i++)
        newest[model->records[i].key] = i;
    for (uint32_t key = 0; key < MODEL_KEYS_MAX; key++)
        assert_true(newest[key] < 0 || model->records[newest[key]].is_there);
}

void model_read(struct compaction_model *model)
{
    struct reading reading = {.model = model};
    epoch_core_init(&reading.epochs);
    producer_core_init(&reading.producers, INT64_MAX, NULL);
    for (uint32_t i = 0; i < model->record_count; i++)
        model->records[i].is_there = false;
    int64_t offset = 0;
    while (offset < log_end_offset(log_of(model))) {
        struct log_read read;
        assert_int_equal(rig_read(model->rig, 0, offset, INT64_MAX, 20000, &read), STATUS_OK);
        assert_true(read.piece_count > 0);
        for (uint32_t i = 0; i < read.piece_count; i++)
            check_batches(&reading, read.pieces[i]);
        assert_int_equal(reading.next_offset, read.next_offset);
        offset = read.next_offset;
        log_read_release(&read, model->rig->io);
    }
    check_newest(model);
    epoch_core_deinit(&reading.epochs);
    producer_core_deinit(&reading.producers);
}

static void read_segments(struct reading *reading)
{
    const struct log *log = log_of(reading->model);
    struct segment_reader *reader = calloc(1, sizeof *reader);
    struct segment **segments = calloc(log->segment_count + 1, sizeof(struct segment *));
    uint32_t count = 0;
    for (; count < log->segment_count && log->segments[count]->size_bytes > 0; count++)
        segments[count] = segment_retain(log->segments[count]);
    segment_reader_init(reader, log_of(reading->model), segments, count);
    completion_init(&reading->completion, reading_landed);
    for (;;) {
        struct frame_header header;
        struct bytes payload;
        enum segment_reader_verdict verdict = segment_reader_take(reader, &header, &payload);
        assert_int_not_equal(verdict, READER_DAMAGED);
        if (verdict == READER_END)
            break;
        if (verdict == READER_FRAME) {
            check_batches(reading, payload);
            continue;
        }
        segment_reader_advance(reader, &reading->completion);
        wait_reading(reading);
    }
    segment_reader_close(reader, &reading->completion);
    wait_reading(reading);
    for (uint32_t i = 0; i < count; i++)
        segment_release(segments[i]);
    free(segments);
    free(reader);
}

static void compare_derived(const struct reading *reading)
{
    const struct log *log = log_of(reading->model);
    assert_int_equal(reading->epochs.count, log->epochs.count);
    for (uint32_t i = 0; i < log->epochs.count; i++) {
        assert_int_equal(reading->epochs.entries[i].epoch, log->epochs.entries[i].epoch);
        assert_int_equal(reading->epochs.entries[i].start_offset,
                         log->epochs.entries[i].start_offset);
    }
    for (int64_t id = 1; id <= MODEL_PRODUCERS; id++) {
        const struct producer *known = producer_core_find(&log->producers, id);
        const struct producer *read = producer_core_find(&reading->producers, id);
        assert_int_equal(known == NULL, read == NULL);
        if (known == NULL)
            continue;
        assert_int_equal(known->batch_count, read->batch_count);
        for (uint32_t i = 0; i < known->batch_count; i++) {
            assert_int_equal(known->batches[i].base_offset, read->batches[i].base_offset);
            assert_int_equal(known->batches[i].last_sequence, read->batches[i].last_sequence);
        }
    }
}

static void compare_survivors(const struct compaction_model *model,
                              struct model_expectation expectation)
{
    const struct log *log = log_of(model);
    if (log->segment_count == 0)
        return;
    int64_t cleaned_offset =
        expectation.is_exact ? log->cleaned_offset : log_active_segment(log)->base_offset;
    static int64_t newest[MODEL_KEYS_MAX];
    static int64_t newest_clean[MODEL_KEYS_MAX];
    for (uint32_t i = 0; i < MODEL_KEYS_MAX; i++)
        newest[i] = newest_clean[i] = -1;
    for (uint32_t i = 0; i < model->record_count; i++) {
        newest[model->records[i].key] = i;
        if (i < cleaned_offset)
            newest_clean[model->records[i].key] = i;
    }
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        bool may_go = record->is_tombstone && !expectation.tombstones_stay;
        bool is_newest = i < cleaned_offset && newest_clean[record->key] == i;
        bool must_stay =
            newest[record->key] == i || i >= cleaned_offset || (is_newest && expectation.is_exact);
        bool must_go = expectation.is_exact && i < cleaned_offset && !is_newest;
        assert_true(record->is_there || !must_stay || may_go);
        assert_false(record->is_there && must_go);
    }
}

void model_compare(struct compaction_model *model, struct model_expectation expectation)
{
    struct reading reading = {.model = model};
    epoch_core_init(&reading.epochs);
    producer_core_init(&reading.producers, INT64_MAX, NULL);
    for (uint32_t i = 0; i < model->record_count; i++)
        model->records[i].is_there = false;
    read_segments(&reading);
    assert_int_equal(reading.next_offset, log_end_offset(log_of(model)));
    compare_survivors(model, expectation);
    compare_derived(&reading);
    epoch_core_deinit(&reading.epochs);
    producer_core_deinit(&reading.producers);
}
