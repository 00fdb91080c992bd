/* The stored formats: whatever byte of a frame, a commit or a state file is changed, it is noticed.
 */
#include "base/arena.h"
#include "base/crc32c.h"
#include "protocol/batch_build.h"
#include "storage/commit.h"
#include "storage/frame.h"
#include "storage/path.h"
#include "storage/state_file.h"
#include "tests/storage/check.h"

#include <stdlib.h>

static const struct frame_place place = {{{1, 2, 3}}, 7, 100};

static struct bytes make_batch(struct arena *arena, int64_t base_offset)
{
    struct batch_options options = batch_options_plain;
    struct batch_builder builder;
    struct bytes batch;
    options.base_offset = base_offset;
    batch_builder_init(&builder, &options, arena);
    batch_builder_append_simple(&builder, 1000, bytes_of_text("key"), bytes_of_text("value"));
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

/* A frame of three batches from offset 100 on. */
static uint32_t make_frame(uint8_t frame[static FRAME_ALIGNMENT])
{
    struct arena arena;
    uint32_t payload_size = 0;
    arena_init(&arena, 1 << 20);
    for (int64_t i = 0; i < 3; i++) {
        struct bytes batch = make_batch(&arena, 100 + i);
        memcpy(frame + FRAME_HEADER_SIZE + payload_size, batch.data, batch.size);
        payload_size += (uint32_t)batch.size;
    }
    arena_deinit(&arena);
    frame_seal(frame, &place, 8192,
               &(struct frame_facts){payload_size, 3, 100, 102, 0, 1000, 90, false});
    return payload_size;
}

static enum frame_verdict verify_at(const uint8_t *frame, size_t size,
                                    const struct frame_place *frame_place, uint64_t position)
{
    struct frame_header header;
    uint64_t needed_size;
    return frame_verify(bytes_of(frame, size), frame_place, position, &header, &needed_size);
}

static enum frame_verdict verify(const uint8_t *frame, size_t size,
                                 const struct frame_place *frame_place)
{
    return verify_at(frame, size, frame_place, 8192);
}

/* Every single bit of header and batches is covered by one of the checksums. */
static void frame_notices_every_bit(void **state)
{
    uint8_t frame[FRAME_ALIGNMENT];
    uint32_t payload_size = make_frame(frame);
    assert_int_equal(verify(frame, sizeof frame, &place), FRAME_GOOD);
    for (uint32_t bit = 0; bit < (FRAME_HEADER_SIZE + payload_size) * 8; bit++) {
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum frame_verdict verdict = verify(frame, sizeof frame, &place);
        assert_true(verdict == FRAME_BAD || verdict == FRAME_SHORT || verdict == FRAME_FOREIGN);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(verify(frame, sizeof frame, &place), FRAME_GOOD);
}

/* A frame is good only where it belongs. */
static void frame_is_bound_to_its_place(void **state)
{
    uint8_t frame[FRAME_ALIGNMENT];
    make_frame(frame);
    struct frame_place other = place;
    other.partition++;
    assert_int_equal(verify(frame, sizeof frame, &other), FRAME_FOREIGN);
    other = place;
    other.topic_id.bytes[15] = 1;
    assert_int_equal(verify(frame, sizeof frame, &other), FRAME_FOREIGN);
    other = place;
    other.segment_base_offset--;
    assert_int_equal(verify(frame, sizeof frame, &other), FRAME_FOREIGN);
    assert_int_equal(verify_at(frame, sizeof frame, &place, 4096), FRAME_FOREIGN);
}

/* Zeros are the end; a cut frame says how much it needs. */
static void frame_end_and_cut(void **state)
{
    uint8_t frame[FRAME_ALIGNMENT] = {0};
    assert_int_equal(verify(frame, sizeof frame, &place), FRAME_END);
    make_frame(frame);
    assert_int_equal(verify(frame, 10, &place), FRAME_SHORT);
    assert_int_equal(verify(frame, FRAME_HEADER_SIZE, &place), FRAME_SHORT);
}

static uint32_t make_commit(uint8_t commit[static 3 * COMMIT_ALIGNMENT])
{
    uint32_t size = COMMIT_HEADER_SIZE;
    uint8_t payload[5000];
    for (uint32_t i = 0; i < 3; i++) {
        memset(payload, (int)i + 1, sizeof payload);
        struct commit_entry entry = {COMMIT_BATCH, (int32_t)i, {{9}}, {i * 10}, i, 100 + i, 0};
        size = commit_put(commit, size, &entry, payload);
    }
    commit_seal(commit, (struct commit_header){
                            .epoch = 4, .sequence = 17, .size_bytes = size, .entry_count = 3});
    return size;
}

/* Entries come back as they were put in, and any changed byte is noticed. */
static void commit_round_trip(void **state)
{
    uint8_t commit[3 * COMMIT_ALIGNMENT];
    struct commit_header header;
    uint32_t size = make_commit(commit);
    assert_int_equal(commit_verify(bytes_of(commit, sizeof commit), 4, COMMIT_SIZE_MAX, &header),
                     STATUS_OK);
    assert_int_equal(header.sequence, 17);
    uint32_t position = COMMIT_HEADER_SIZE;
    struct commit_entry entry;
    struct bytes payload;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(commit_next(bytes_of(commit, size), &position, &entry, &payload));
        assert_int_equal(entry.base_offset, i * 10);
        assert_int_equal(payload.size, 100 + i);
        assert_int_equal(payload.data[payload.size - 1], i + 1);
    }
    assert_false(commit_next(bytes_of(commit, size), &position, &entry, &payload));
    for (uint32_t byte = 0; byte < size; byte++) {
        commit[byte] ^= 0x40;
        assert_int_not_equal(
            commit_verify(bytes_of(commit, sizeof commit), 4, COMMIT_SIZE_MAX, &header), STATUS_OK);
        commit[byte] ^= 0x40;
    }
}

/* A commit of another run is none; one that goes on beyond what is there says so. */
static void commit_of_another_run(void **state)
{
    uint8_t commit[3 * COMMIT_ALIGNMENT];
    struct commit_header header;
    uint32_t size = make_commit(commit);
    assert_int_equal(commit_verify(bytes_of(commit, size), 5, COMMIT_SIZE_MAX, &header),
                     STATUS_NOT_FOUND);
    assert_int_equal(commit_verify(bytes_of(commit, size - 1), 4, COMMIT_SIZE_MAX, &header),
                     STATUS_TRUNCATED);
    assert_int_equal(commit_verify(bytes_of(commit, 10), 4, COMMIT_SIZE_MAX, &header),
                     STATUS_NOT_FOUND);
}

static struct bytes make_state(void)
{
    struct epoch_core epochs;
    struct producer_core producers;
    epoch_core_init(&epochs);
    producer_core_init(&producers, 1000, NULL);
    for (int32_t i = 0; i < 3; i++) {
        epoch_core_reserve(&epochs);
        epoch_core_note(&epochs, i * 2, i * 10);
        producer_core_reserve(&producers, i);
        producer_core_reserve_transaction(&producers);
        producer_core_note(&producers, &(struct producer_event){i, 1, 5, 2, i * 10, 77, i > 0});
    }
    struct aborted_transaction aborted;
    producer_core_note_marker(&producers, &(struct producer_marker){1, 1, 9, true, 25, 78},
                              &aborted);
    struct state_segment segments[2] = {
        {.base_offset = 0, .size_bytes = 8192, .aborted_from = -1},
        {.base_offset = 15, .size_bytes = 4096, .aborted_from = 10}};
    struct damage_core damages = {0};
    damage_core_note(&damages, 7, 9);
    damage_core_note(&damages, 17, 18);
    struct bytes content = state_encode(&(struct state){
        .topic_id = {{5}},
        .partition = 3,
        .start_offset = 2,
        .recovery_offset = 30,
        .cleaned_offset = 12,
        .segments = segments,
        .segment_count = 2,
        .epochs = &epochs,
        .producers = &producers,
        .damages = &damages,
        .topic_name = bytes_of_text("orders"),
    });
    damage_core_deinit(&damages);
    epoch_core_deinit(&epochs);
    producer_core_deinit(&producers);
    return content;
}

/* A state file decodes to what was encoded; any changed byte, and any cut, is noticed. */
static void state_round_trip(void **state)
{
    struct bytes content = make_state();
    struct state decoded;
    for (size_t byte = 0; byte <= content.size; byte++) {
        struct epoch_core epochs;
        struct producer_core producers;
        struct damage_core damages = {0};
        struct state_cores cores = {&epochs, &producers, &damages};
        epoch_core_init(&epochs);
        producer_core_init(&producers, 1000, NULL);
        uint8_t *changed = malloc(content.size + 1);
        memcpy(changed, content.data, content.size);
        changed[byte] ^= byte == content.size ? 0 : 0x10;
        enum status status = state_decode(bytes_of(changed, content.size), &decoded, &cores);
        assert_int_equal(status == STATUS_OK, byte == content.size);
        if (status == STATUS_OK) {
            assert_int_equal(decoded.recovery_offset, 30);
            assert_int_equal(decoded.cleaned_offset, 12);
            assert_int_equal(decoded.segment_count, 2);
            assert_int_equal(decoded.segments[1].size_bytes, 4096);
            assert_int_equal(epochs.count, 3);
            assert_int_equal(producer_core_find(&producers, 2)->batches[0].base_offset, 20);
            assert_int_equal(decoded.segments[1].aborted_from, 10);
            assert_int_equal(producer_core_find(&producers, 1)->coordinator_epoch, 9);
            assert_int_equal(producer_core_find(&producers, 1)->noted_ms, 78);
            assert_int_equal(producer_core_find(&producers, 1)->open_offset, -1);
            assert_int_equal(producer_core_find(&producers, 2)->open_offset, 20);
            assert_int_equal(producers.transactions.count, 2);
            assert_int_equal(producers.transactions.entries[0].last_offset, 25);
            assert_int_equal(producers.transactions.entries[1].last_offset, TRANSACTION_OPEN);
            assert_int_equal(damages.count, 2);
            assert_int_equal(damages.ranges[1].to, 18);
            assert_true(bytes_equal(decoded.topic_name, bytes_of_text("orders")));
            free(decoded.segments);
        }
        struct bytes cut = bytes_of(changed, byte == content.size ? 0 : byte);
        assert_int_not_equal(state_decode(cut, &decoded, &cores), STATUS_OK);
        free(changed);
        epoch_core_deinit(&epochs);
        producer_core_deinit(&producers);
        damage_core_deinit(&damages);
    }
    free((void *)content.data);
}

/* Puts a number of 64 bits there, under a checksum that accepts it. */
static void exchange(uint8_t *content, size_t size, size_t position, int64_t number)
{
    enum { CRC_AT = 12 };
    memcpy(content + position, &number, sizeof number);
    memset(content + CRC_AT, 0, sizeof(uint32_t));
    uint32_t crc = crc32c(0, content, size);
    memcpy(content + CRC_AT, &crc, sizeof crc);
}

/* A state that its checksum accepts is refused if an epoch or a producer's batch lies beyond the
 * recovery point: what is appended next would come before it. */
static void state_that_makes_no_sense(void **state)
{
    enum {
        EPOCHS_AT = 88 + 2 * 56,
        PRODUCERS_AT = EPOCHS_AT + 3 * 16,
        BATCH_AT = PRODUCERS_AT + 24
    };
    static const struct {
        size_t position;
        int64_t number;
        enum status status;
    } rows[] = {
        {EPOCHS_AT + 2 * 16 + 8, 29, STATUS_OK}, /* begins with the last record */
        {EPOCHS_AT + 2 * 16 + 8, 30, STATUS_CORRUPT},
        {BATCH_AT + 16, 29, STATUS_OK}, /* ends with the last record */
        {BATCH_AT + 16, 30, STATUS_CORRUPT},
        {BATCH_AT + 8, 29, STATUS_CORRUPT}, /* begins behind its end */
        {BATCH_AT + 8, -1, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes content = make_state();
        struct epoch_core epochs;
        struct producer_core producers;
        struct damage_core damages = {0};
        struct state_cores cores = {&epochs, &producers, &damages};
        struct state decoded;
        epoch_core_init(&epochs);
        producer_core_init(&producers, 1000, NULL);
        exchange((uint8_t *)content.data, content.size, rows[i].position, rows[i].number);
        assert_int_equal(state_decode(content, &decoded, &cores), rows[i].status);
        free(decoded.segments);
        free((void *)content.data);
        epoch_core_deinit(&epochs);
        producer_core_deinit(&producers);
        damage_core_deinit(&damages);
    }
}

/* Names of directories and files lead back to what they were made of. */
static void paths_round_trip(void **state)
{
    char path[PATH_SIZE];
    struct log_id id = {{{1, 2, 250}}, 12, bytes_of_text("a-b.c_d")};
    path_topic("/store", &id, path);
    struct bytes name;
    struct uuid topic_id;
    assert_true(path_parse_topic(path + strlen("/store/topics/"), &name, &topic_id));
    assert_true(bytes_equal_text(name, "a-b.c_d"));
    assert_true(uuid_equal(topic_id, id.topic_id));
    int64_t offset;
    uint32_t generation;
    path_segment("/p", 1234567, 3, path);
    assert_true(path_parse_segment(path + 3, &offset, &generation));
    assert_int_equal(offset, 1234567);
    assert_int_equal(generation, 3);
    path_segment("/p", 7, 0, path);
    assert_true(path_parse_segment(path + 3, &offset, &generation));
    assert_int_equal(generation, 0);
    assert_false(path_parse_segment("00000000000000000007-0.log", &offset, &generation));
    assert_false(path_parse_segment("state", &offset, &generation));
    uint32_t core, file;
    path_journal("/s", 3, 15, path);
    assert_true(path_parse_journal(path + strlen("/s/journal/"), &core, &file));
    assert_int_equal(core * 100 + file, 315);
    assert_false(path_parse_journal("3.clean", &core, &file));
    assert_true(path_is_deleted("12.deleted"));
    assert_false(path_parse_topic("no-id-here", &name, &topic_id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_notices_every_bit),   cmocka_unit_test(frame_is_bound_to_its_place),
        cmocka_unit_test(frame_end_and_cut),         cmocka_unit_test(commit_round_trip),
        cmocka_unit_test(commit_of_another_run),     cmocka_unit_test(state_round_trip),
        cmocka_unit_test(state_that_makes_no_sense), cmocka_unit_test(paths_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
