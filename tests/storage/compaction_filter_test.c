/* What compaction keeps of a batch. */
#include "storage/compaction_filter.h"

#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "tests/storage/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAP_KEYS = 64, ARENA_BYTES_MAX = 8 << 20, RECORDS_BYTES_MAX = 1 << 20 };

struct fixture {
    struct compaction_pass pass;
    struct compaction_transactions transactions;
    struct offset_map map;
    struct epoch_core epochs;
    struct producer_core producers;
    struct arena arena;   /* of the batches that are made */
    struct arena working; /* of the calls */
    uint8_t memory[4096] __attribute__((aligned(8)));
};

static void empty_map(struct fixture *fixture)
{
    offset_map_init(&fixture->map, fixture->memory, offset_map_size(MAP_KEYS),
                    (struct hash_seed){{1, 2}});
    while (offset_map_clear(&fixture->map, 4096))
        ;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    empty_map(fixture);
    epoch_core_init(&fixture->epochs);
    producer_core_init(&fixture->producers, INT64_MAX, NULL);
    arena_init(&fixture->arena, ARENA_BYTES_MAX);
    arena_init(&fixture->working, ARENA_BYTES_MAX);
    compaction_transactions_init(&fixture->transactions, NULL, 0);
    fixture->pass = (struct compaction_pass){
        .map = &fixture->map,
        .transactions = &fixture->transactions,
        .end_offset = 1000,
        .now_ms = 5000,
        .delete_retention_ms = 100,
        .producers = &fixture->producers,
        .epochs = &fixture->epochs,
        .records_bytes_max = RECORDS_BYTES_MAX,
        .opaque_offset = INT64_MAX,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    compaction_transactions_deinit(&fixture->transactions);
    epoch_core_deinit(&fixture->epochs);
    producer_core_deinit(&fixture->producers);
    arena_deinit(&fixture->arena);
    arena_deinit(&fixture->working);
    free(fixture);
    return 0;
}

/* A batch with a record for each word of `keys`, offset after offset: "a" is a value for the key
 * a, "-a" a tombstone, "." a record without a key. */
static struct bytes make(struct fixture *fixture, const struct batch_options *options,
                         const char *keys)
{
    struct batch_builder builder;
    char words[512];
    char *rest = words;
    snprintf(words, sizeof words, "%s", keys);
    batch_builder_init(&builder, options, &fixture->arena);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        bool is_tombstone = word[0] == '-';
        struct bytes key = bytes_of_text(word + is_tombstone);
        batch_builder_append_simple(&builder, 100 + builder.record_count,
                                    strcmp(word, ".") == 0 ? (struct bytes){0} : key,
                                    is_tombstone ? (struct bytes){0} : bytes_of_text("value"));
    }
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static struct batch_options at(int64_t base_offset)
{
    struct batch_options options = batch_options_plain;
    options.base_offset = base_offset;
    options.leader_epoch = 7;
    return options;
}

static struct bytes make_at(struct fixture *fixture, int64_t base_offset, const char *keys)
{
    struct batch_options options = at(base_offset);
    return make(fixture, &options, keys);
}

static void know(struct fixture *fixture, struct bytes batch)
{
    bool is_full;
    arena_reset(&fixture->working);
    assert_int_equal(compaction_index_batch(&fixture->pass, batch, &fixture->working, &is_full),
                     STATUS_OK);
    assert_false(is_full);
}

static struct filtered_batch filter(struct fixture *fixture, struct bytes batch)
{
    struct filtered_batch filtered;
    arena_reset(&fixture->working);
    assert_int_equal(compaction_filter_batch(&fixture->pass, batch, &fixture->working, &filtered),
                     STATUS_OK);
    return filtered;
}

/* The batch says "offset:key" for each record that it has. */
static void check_records(struct fixture *fixture, struct bytes batch, const char *expected)
{
    struct record_iterator iterator;
    struct record_view record;
    char found[256] = "";
    size_t size = 0;
    assert_true(batch_crc_is_right(batch));
    assert_int_equal(record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &fixture->arena),
                     STATUS_OK);
    while (record_iterator_next(&iterator, &record))
        size +=
            (size_t)snprintf(found + size, sizeof found - size, "%s%d:%s%.*s", size == 0 ? "" : " ",
                             (int)record.offset, bytes_are_null(record.value) ? "-" : "",
                             (int)record.key.size, (const char *)record.key.data);
    assert_int_equal(iterator.status, STATUS_OK);
    assert_string_equal(found, expected);
}

static struct batch_header header_of(struct bytes batch)
{
    struct batch_header header;
    assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
    assert_int_equal(batch_size_bytes(&header), batch.size);
    return header;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* The newest of each key stays, at its offset, with every codec; the batch keeps its frame. */
static void newest_of_each_key(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t codec = 0; codec < COMPRESSION_COUNT; codec++) {
        struct batch_options options = at(10);
        options.compression = (enum compression)codec;
        options.level = compression_levels(options.compression).usual;
        options.producer_id = 5;
        options.producer_epoch = 2;
        options.base_sequence = 40;
        struct bytes batch = make(fixture, &options, "a b a c b d");
        know(fixture, batch);
        know(fixture, make_at(fixture, 20, "d"));
        struct filtered_batch filtered = filter(fixture, batch);
        assert_int_equal(filtered.record_count, 6);
        assert_int_equal(filtered.kept_count, 3);
        check_records(fixture, filtered.batch, "12:a 13:c 14:b");
        struct batch_header header = header_of(filtered.batch);
        assert_int_equal(header.attributes, codec);
        assert_int_equal(header.base_offset, 10);
        assert_int_equal(batch_last_offset(&header), 15);
        assert_int_equal(header.leader_epoch, 7);
        assert_int_equal(header.producer_id, 5);
        assert_int_equal(header.producer_epoch, 2);
        assert_int_equal(batch_last_sequence(&header), 45);
        assert_int_equal(header.max_timestamp, 104);
    }
}

/* A batch that loses nothing is the same bytes. */
static void nothing_lost_nothing_changed(void **state)
{
    struct fixture *fixture = *state;
    struct bytes batch = make_at(fixture, 10, "a b c");
    know(fixture, batch);
    assert_true(filter(fixture, batch).batch.data == batch.data);
    struct bytes beyond = make_at(fixture, 1000, "a -a .");
    struct filtered_batch filtered = filter(fixture, beyond);
    assert_true(filtered.batch.data == beyond.data);
}

/* What is not dirty is not noted, but goes by what is. */
static void clean_part_is_not_indexed(void **state)
{
    struct fixture *fixture = *state;
    struct bytes clean = make_at(fixture, 10, "a b");
    fixture->pass.dirty_offset = 12;
    know(fixture, clean);
    assert_int_equal(fixture->map.key_count, 0);
    struct bytes both = make_at(fixture, 11, "x b"); /* begins in the clean part */
    know(fixture, both);
    assert_int_equal(fixture->map.key_count, 1);
    check_records(fixture, filter(fixture, clean).batch, "10:a");
}

/* Records without a key go. */
static void keyless_records_go(void **state)
{
    struct fixture *fixture = *state;
    struct bytes batch = make_at(fixture, 10, ". a .");
    know(fixture, batch);
    struct filtered_batch filtered = filter(fixture, batch);
    assert_int_equal(filtered.keyless_count, 2);
    check_records(fixture, filtered.batch, "11:a");
}

static struct bytes make_packed_at(struct fixture *fixture, int64_t base_offset, const char *keys)
{
    struct batch_options options = at(base_offset);
    options.compression = COMPRESSION_GZIP;
    options.level = compression_levels(COMPRESSION_GZIP).usual;
    return make(fixture, &options, keys);
}

/* A batch with tombstones whose time is over. */
static struct bytes make_expired_at(struct fixture *fixture, int64_t base_offset, const char *keys)
{
    struct batch_options options = at(base_offset);
    options.attributes = BATCH_DELETE_HORIZON;
    options.delete_horizon_ms = fixture->pass.now_ms - 1;
    return make(fixture, &options, keys);
}

/* A batch that is too large to be looked into stays as it is, and from there on tombstones stay:
 * what they hide may be in it. Those before it go as ever. */
static void too_large_batches_stay(void **state)
{
    struct fixture *fixture = *state;
    struct bytes before = make_expired_at(fixture, 10, "-a b");
    struct bytes large = make_packed_at(fixture, 20, "a b c d e f");
    struct bytes behind = make_expired_at(fixture, 30, "-a b");
    fixture->pass.records_bytes_max = 60;
    know(fixture, before);
    know(fixture, large);
    know(fixture, behind);
    assert_int_equal(fixture->pass.opaque_offset, 20);
    assert_int_equal(fixture->map.key_count, 2);
    fixture->pass.opaque_offset = INT64_MAX; /* a later pass, for which all of it is clean */
    assert_true(bytes_are_null(filter(fixture, before).batch));
    struct filtered_batch filtered = filter(fixture, large);
    assert_true(filtered.batch.data == large.data);
    assert_int_equal(filtered.kept_count, 6);
    assert_int_equal(fixture->pass.opaque_offset, 20);
    check_records(fixture, filter(fixture, behind).batch, "30:-a 31:b");
}

/* A batch with more keys than the map holds ends no pass before it; what had no room is treated as
 * not known, and while memory is short it is waited for. */
static void more_keys_than_the_map_holds(void **state)
{
    struct fixture *fixture = *state;
    char keys[4 * (MAP_KEYS + 1) + 1] = "";
    for (uint32_t i = 0; i < MAP_KEYS; i++)
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%u ", 100 + i);
    struct bytes old = make_at(fixture, 1, "100 999");
    struct bytes many = make_at(fixture, 10, keys);
    struct bytes more = make_at(fixture, 10 + MAP_KEYS, "999 998");
    bool is_full;
    fixture->map.key_count_max = MAP_KEYS - 1;
    fixture->pass.map_is_short = true;
    assert_int_equal(compaction_index_batch(&fixture->pass, many, &fixture->working, &is_full),
                     STATUS_NO_MEMORY);
    empty_map(fixture);
    fixture->map.key_count_max = MAP_KEYS - 1;
    fixture->pass.map_is_short = false;
    know(fixture, many);
    assert_int_equal(fixture->pass.opaque_offset, 10);
    assert_int_equal(compaction_index_batch(&fixture->pass, more, &fixture->working, &is_full),
                     STATUS_OK);
    assert_true(is_full);
    check_records(fixture, filter(fixture, old).batch, "2:999");
    assert_int_equal(filter(fixture, many).kept_count, MAP_KEYS);
}

/* A batch of which nothing stays goes, unless something is known by it. */
static void empty_batches(void **state)
{
    struct fixture *fixture = *state;
    struct batch_options options = at(10);
    options.producer_id = 5;
    options.producer_epoch = 1;
    options.base_sequence = 0;
    options.compression = COMPRESSION_LZ4;
    options.level = compression_levels(COMPRESSION_LZ4).usual;
    struct bytes batch = make(fixture, &options, "a b");
    know(fixture, batch);
    know(fixture, make_at(fixture, 20, "a b"));
    assert_true(bytes_are_null(filter(fixture, batch).batch));

    assert_true(producer_core_reserve(&fixture->producers, 5));
    for (int32_t i = 0; i < PRODUCER_WINDOW; i++) {
        producer_core_note(&fixture->producers,
                           &(struct producer_event){5, 1, 2 * i, 1, 10 + 2 * i, 1});
        struct bytes empty = filter(fixture, batch).batch;
        struct batch_header header = header_of(empty);
        assert_int_equal(header.record_count, 0);
        assert_int_equal(header.base_offset, 10);
        assert_int_equal(batch_last_offset(&header), 11);
        assert_int_equal(batch_last_sequence(&header), 1);
        assert_int_equal(header.max_timestamp, 101);
        assert_int_equal(header.base_timestamp, NO_TIMESTAMP);
        assert_int_equal(header.attributes, 0);
        check_records(fixture, empty, "");
        struct bytes copy =
            bytes_of(memcpy(arena_allocate(&fixture->arena, empty.size), empty.data, empty.size),
                     empty.size);
        assert_true(filter(fixture, copy).batch.data == copy.data);
    }
    producer_core_note(&fixture->producers, &(struct producer_event){5, 1, 10, 1, 90, 1});
    assert_true(bytes_are_null(filter(fixture, batch).batch));

    epoch_core_reserve(&fixture->epochs);
    epoch_core_note(&fixture->epochs, 7, 10);
    assert_false(bytes_are_null(filter(fixture, batch).batch));
    epoch_core_deinit(&fixture->epochs);
    assert_true(bytes_are_null(filter(fixture, batch).batch));
    fixture->pass.end_offset = 12;
    assert_false(bytes_are_null(filter(fixture, batch).batch));
}

/* --- Tombstones ------------------------------------------------------------------------------- */

/* A tombstone is given a horizon when it is first met, keeps it, and goes when it has passed;
 * timestamps stay what they were. */
static void tombstones_have_a_horizon(void **state)
{
    struct fixture *fixture = *state;
    struct bytes batch = make_at(fixture, 10, "a -b c");
    know(fixture, batch);
    struct bytes met = filter(fixture, batch).batch;
    check_records(fixture, met, "10:a 11:-b 12:c");
    struct batch_header header = header_of(met);
    assert_int_equal(batch_delete_horizon_ms(&header), 5100);
    assert_int_equal(header.max_timestamp, 102);
    struct record_iterator iterator;
    struct record_view record;
    assert_int_equal(record_iterator_open(&iterator, met, RECORDS_BYTES_MAX, &fixture->arena),
                     STATUS_OK);
    for (int64_t i = 0; record_iterator_next(&iterator, &record); i++)
        assert_int_equal(record.timestamp, 100 + i);

    struct bytes kept =
        bytes_of(memcpy(arena_allocate(&fixture->arena, met.size), met.data, met.size), met.size);
    fixture->pass.now_ms = 5099;
    assert_true(filter(fixture, kept).batch.data == kept.data);
    fixture->pass.now_ms = 5100;
    struct bytes gone = filter(fixture, kept).batch;
    check_records(fixture, gone, "10:a 12:c");
    header = header_of(gone);
    assert_int_equal(batch_delete_horizon_ms(&header), 5100);
}

/* Under LogAppendTime a batch that is written anew still has it. */
static void append_time_stays(void **state)
{
    struct fixture *fixture = *state;
    struct bytes batch = make_at(fixture, 10, "a -b a");
    batch_set_append_time((uint8_t *)batch.data, 777);
    know(fixture, batch);
    struct bytes kept = filter(fixture, batch).batch;
    check_records(fixture, kept, "11:-b 12:a");
    struct batch_header header = header_of(kept);
    assert_int_equal(batch_timestamp_type(&header), TIMESTAMP_LOG_APPEND_TIME);
    assert_int_equal(header.max_timestamp, 777);
}

/* --- Transactions ----------------------------------------------------------------------------- */

static struct bytes make_data(struct fixture *fixture, int64_t offset, int64_t producer_id,
                              const char *keys)
{
    struct batch_options options = at(offset);
    options.attributes = BATCH_TRANSACTIONAL;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    return make(fixture, &options, keys);
}

static struct bytes make_marker(struct fixture *fixture, int64_t offset, int64_t producer_id,
                                uint8_t type)
{
    struct batch_options options = at(offset);
    struct batch_builder builder;
    const uint8_t key[4] = {0, 0, 0, type};
    options.attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    batch_builder_init(&builder, &options, &fixture->arena);
    batch_builder_append_simple(&builder, 100, bytes_of(key, 4), bytes_of_text("marker"));
    struct bytes batch;
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

static void begin_pass(struct fixture *fixture, const struct aborted_transaction *aborted,
                       uint32_t count)
{
    compaction_transactions_deinit(&fixture->transactions);
    compaction_transactions_init(&fixture->transactions, aborted, count);
}

/* A transaction that was over before the reading began says nothing of the producer's next one. */
static void aborted_long_ago(void **state)
{
    static const struct aborted_transaction aborted[] = {{5, 10, 20}};
    struct fixture *fixture = *state;
    struct bytes data = make_data(fixture, 30, 5, "a");
    begin_pass(fixture, aborted, 1);
    know(fixture, data);
    begin_pass(fixture, aborted, 1);
    check_records(fixture, filter(fixture, data).batch, "30:a");
}

/* Aborted data is not noted and goes at once; its marker stays in that pass, is given a horizon in
 * the one that finds nothing left, and goes when that has passed. */
static void aborted_transaction(void **state)
{
    static const struct aborted_transaction aborted[] = {{5, 10, 20}};
    struct fixture *fixture = *state;
    struct bytes older = make_at(fixture, 5, "a");
    struct bytes data = make_data(fixture, 10, 5, "a");
    struct bytes marker = make_marker(fixture, 20, 5, 0);
    begin_pass(fixture, aborted, 1);
    know(fixture, older);
    know(fixture, data);
    know(fixture, marker);
    begin_pass(fixture, aborted, 1);
    assert_true(filter(fixture, older).batch.data == older.data);
    assert_true(bytes_are_null(filter(fixture, data).batch));
    assert_true(filter(fixture, marker).batch.data == marker.data);

    begin_pass(fixture, aborted, 1);
    struct bytes spent = filter(fixture, marker).batch;
    struct batch_header header = header_of(spent);
    assert_int_equal(batch_delete_horizon_ms(&header), 5100);
    assert_true(batch_is_control(&header));
    spent = bytes_of(memcpy(arena_allocate(&fixture->arena, spent.size), spent.data, spent.size),
                     spent.size);
    fixture->pass.now_ms = 5100;
    begin_pass(fixture, aborted, 1);
    assert_true(bytes_are_null(filter(fixture, spent).batch));
}

/* Committed data stays like other data, and its marker as long as any of it. */
static void committed_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct bytes data = make_data(fixture, 10, 5, "a b");
    struct bytes other = make_data(fixture, 15, 6, "b");
    struct bytes marker = make_marker(fixture, 20, 5, 1);
    know(fixture, data);
    know(fixture, other);
    know(fixture, marker);
    begin_pass(fixture, NULL, 0);
    check_records(fixture, filter(fixture, data).batch, "10:a");
    assert_true(filter(fixture, other).batch.data == other.data);
    assert_true(filter(fixture, marker).batch.data == marker.data);
    struct batch_header header = header_of(filter(fixture, make_marker(fixture, 30, 5, 1)).batch);
    assert_int_equal(batch_delete_horizon_ms(&header), 5100);
}

/* --- Bytes that make no sense ----------------------------------------------------------------- */

/* Whatever a batch says, nothing is asserted about it. */
static void any_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct bytes batch = make_at(fixture, 10, "a -b a . c");
    for (size_t i = 0; i < batch.size * 8; i++) {
        struct filtered_batch filtered;
        bool is_full;
        uint8_t *changed = malloc(batch.size);
        memcpy(changed, batch.data, batch.size);
        changed[i / 8] ^= (uint8_t)(1 << i % 8);
        begin_pass(fixture, NULL, 0);
        compaction_index_batch(&fixture->pass, bytes_of(changed, batch.size), &fixture->working,
                               &is_full);
        compaction_filter_batch(&fixture->pass, bytes_of(changed, batch.size), &fixture->working,
                                &filtered);
        free(changed);
        arena_reset(&fixture->working);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(newest_of_each_key),
        CASE(nothing_lost_nothing_changed),
        CASE(clean_part_is_not_indexed),
        CASE(keyless_records_go),
        CASE(too_large_batches_stay),
        CASE(more_keys_than_the_map_holds),
        CASE(empty_batches),
        CASE(tombstones_have_a_horizon),
        CASE(append_time_stays),
        CASE(aborted_transaction),
        CASE(aborted_long_ago),
        CASE(committed_transaction),
        CASE(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
