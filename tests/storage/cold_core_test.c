/* Walking frames in search of an offset: gaps, damage and indexes that mislead, as tables. */
#include "base/arena.h"
#include "protocol/batch_build.h"
#include "storage/cold_core.h"
#include "tests/storage/check.h"

#include <stdlib.h>
#include <string.h>

static const struct frame_place place = {{{1, 2, 3}}, 7, 100, 2};

enum { FRAMES = 8, RECORDS = 10 };

/* A segment in memory: each frame one batch of ten records and one block; between the third and the
 * fourth frame, ten offsets have been cleaned away, and ten behind the last. */
struct segment_bytes {
    _Alignas(8) uint8_t data[FRAMES * FRAME_ALIGNMENT];
    struct frame_index index;
    bool is_trusted;
};

static int64_t base_of(uint32_t frame)
{
    return 100 + (int64_t)frame * RECORDS + (frame >= 3 ? 10 : 0);
}

enum { END_OFFSET = 100 + FRAMES * RECORDS + 20 };

static void seal(uint8_t *to, uint64_t position, int64_t base_offset)
{
    struct arena arena;
    struct batch_options options = batch_options_plain;
    struct batch_builder builder;
    struct bytes batch;
    arena_init(&arena, 1 << 20);
    options.base_offset = base_offset;
    batch_builder_init(&builder, &options, &arena);
    for (uint32_t i = 0; i < RECORDS; i++)
        batch_builder_append_simple(&builder, 1000, bytes_of_text("k"), bytes_of_text("v"));
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    memcpy(to + FRAME_HEADER_SIZE, batch.data, batch.size);
    frame_seal(to, &place, position,
               &(struct frame_facts){(uint32_t)batch.size, 1, base_offset,
                                     base_offset + RECORDS - 1, 0, 1000, 0, false});
    arena_deinit(&arena);
}

static void make(struct segment_bytes *segment, uint32_t indexed_frame)
{
    *segment = (struct segment_bytes){.is_trusted = true};
    for (uint32_t i = 0; i < FRAMES; i++)
        seal(segment->data + i * FRAME_ALIGNMENT, i * FRAME_ALIGNMENT, base_of(i));
    frame_index_note(&segment->index, base_of(indexed_frame),
                     (uint64_t)indexed_frame * FRAME_ALIGNMENT, 1000);
}

struct outcome {
    enum cold_verdict verdict;
    int64_t from; /* of the run, or of the damage */
    int64_t to;
    uint32_t passed; /* how many damages before */
};

/* Walks by readings of `reading_bytes`, as a load does. */
static struct outcome walk(const struct segment_bytes *segment, int64_t offset,
                           uint32_t reading_bytes, uint64_t file_bytes)
{
    struct cold_walk walk = {
        .place = place,
        .index = &segment->index,
        .trusts_index = segment->is_trusted,
        .end_position = sizeof segment->data,
        .end_offset = END_OFFSET,
        .offset = offset,
    };
    struct outcome outcome = {WALK_MORE};
    cold_walk_begin(&walk);
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t wanted = walk.needed_bytes > reading_bytes ? walk.needed_bytes : reading_bytes;
        if (wanted > sizeof segment->data - walk.position)
            wanted = sizeof segment->data - walk.position;
        uint64_t there = walk.position >= file_bytes ? 0 : file_bytes - walk.position;
        uint64_t size = wanted < there ? wanted : there;
        uint8_t *copy = malloc(size + 1); /* so that sanitizers see a read beyond it */
        memcpy(copy, segment->data + walk.position, size);
        outcome.verdict = cold_walk_take(&walk, bytes_of(copy, size), size < wanted);
        free(copy);
        if (outcome.verdict != WALK_MORE && outcome.verdict != WALK_PASSED)
            break;
        outcome.passed += outcome.verdict == WALK_PASSED;
    }
    bool is_damage = outcome.verdict == WALK_DAMAGED;
    bool has_run = walk.run_bytes > 0;
    outcome.from = is_damage ? walk.damage.from : (has_run ? walk.run_base : walk.end_offset);
    outcome.to = is_damage ? walk.damage.to : walk.run_next;
    return outcome;
}

static void check_offset(const struct segment_bytes *segment, int64_t offset, uint32_t reading)
{
    struct outcome outcome = walk(segment, offset, reading, sizeof segment->data);
    bool is_in_gap = (offset >= 130 && offset < 140) || offset >= 190;
    if (outcome.verdict == WALK_GAP) {
        assert_true(is_in_gap);
        assert_int_equal(outcome.from, offset < 140 ? 140 : END_OFFSET);
        return;
    }
    assert_int_equal(outcome.verdict, WALK_FOUND); /* of a gap too, if the run reaches over it */
    assert_true(offset < 190);
    assert_true(outcome.from <= offset);
    assert_true(outcome.to > offset);
}

/* Every offset is found, or the next one behind its gap, whatever the size of a reading and
 * wherever the index begins. */
static void every_offset(void **state)
{
    (void)state;
    for (uint32_t indexed = 0; indexed < FRAMES; indexed++) {
        struct segment_bytes segment;
        make(&segment, indexed);
        for (int64_t offset = 100; offset < END_OFFSET; offset++) {
            for (uint32_t blocks = 1; blocks <= FRAMES; blocks++)
                check_offset(&segment, offset, blocks * FRAME_ALIGNMENT);
        }
        frame_index_deinit(&segment.index);
    }
}

/* What is damaged is exactly what lies between the good frames around it: those who want it are
 * told so, whoever wants what lies before or behind gets it. */
static void damage_is_its_own_range(void **state)
{
    (void)state;
    for (uint32_t bad = 0; bad < FRAMES * 2; bad++) {
        struct segment_bytes segment;
        uint32_t first = bad % FRAMES;
        uint32_t last = bad < FRAMES || first + 1 == FRAMES ? first : first + 1;
        make(&segment, 0);
        frame_index_deinit(&segment.index); /* no entry points at a bad frame */
        for (uint32_t i = first; i <= last; i++)
            segment.data[i * FRAME_ALIGNMENT + 80] ^= 1;
        int64_t from = first == 3 ? 130 : base_of(first); /* with the gap before it */
        int64_t to = last + 1 == FRAMES ? END_OFFSET : base_of(last + 1);
        for (int64_t offset = 100; offset < END_OFFSET; offset++) {
            struct outcome outcome =
                walk(&segment, offset, 2 * FRAME_ALIGNMENT, sizeof segment.data);
            bool is_damaged = offset >= from && offset < to;
            assert_int_equal(outcome.verdict == WALK_DAMAGED, is_damaged);
            assert_int_equal(outcome.passed, offset >= to);
            if (is_damaged) {
                assert_int_equal(outcome.from, from);
                assert_int_equal(outcome.to, to);
            }
        }
    }
}

/* A length that was damaged sends nobody beyond what can be. */
static void damaged_length(void **state)
{
    (void)state;
    struct segment_bytes segment;
    make(&segment, 0);
    segment.data[2 * FRAME_ALIGNMENT + 10] ^= 1; /* 64 KiB more of payload */
    struct outcome outcome = walk(&segment, 125, FRAME_ALIGNMENT, sizeof segment.data);
    assert_int_equal(outcome.verdict, WALK_DAMAGED);
    assert_int_equal(outcome.from, 120);
    assert_int_equal(outcome.to, 140);
    segment.data[2 * FRAME_ALIGNMENT + 10] ^= 1;
    segment.data[2 * FRAME_ALIGNMENT + 9] ^= 0x20; /* 8 KiB more */
    outcome = walk(&segment, 125, FRAME_ALIGNMENT, sizeof segment.data);
    assert_int_equal(outcome.verdict, WALK_DAMAGED);
    assert_int_equal(outcome.to, 140);
    frame_index_deinit(&segment.index);
}

/* A file that ends too soon has lost what lay behind. */
static void file_cut_short(void **state)
{
    (void)state;
    struct segment_bytes segment;
    make(&segment, 0);
    for (uint32_t blocks = 0; blocks < FRAMES; blocks++) {
        struct outcome outcome = walk(&segment, 189, FRAME_ALIGNMENT * 3, blocks * FRAME_ALIGNMENT);
        assert_int_equal(outcome.verdict, WALK_DAMAGED);
        assert_int_equal(outcome.from, blocks == 3 ? 130 : base_of(blocks));
        assert_int_equal(outcome.to, END_OFFSET);
    }
    frame_index_deinit(&segment.index);
}

/* An index that the frames contradict is doubted before anything is called damaged. */
static void misleading_index(void **state)
{
    (void)state;
    struct segment_bytes segment;
    make(&segment, 5);
    segment.is_trusted = false;
    assert_int_equal(walk(&segment, 175, FRAME_ALIGNMENT, sizeof segment.data).verdict, WALK_FOUND);
    segment.index.entries[0].position = 6 * FRAME_ALIGNMENT; /* another frame is there */
    assert_int_equal(walk(&segment, 175, FRAME_ALIGNMENT, sizeof segment.data).verdict,
                     WALK_DOUBTFUL);
    segment.index.entries[0].position = 5 * FRAME_ALIGNMENT;
    segment.data[6 * FRAME_ALIGNMENT] ^= 1;
    assert_int_equal(walk(&segment, 165, FRAME_ALIGNMENT, sizeof segment.data).verdict, WALK_FOUND);
    assert_int_equal(walk(&segment, 183, FRAME_ALIGNMENT, sizeof segment.data).verdict,
                     WALK_DOUBTFUL);
    segment.data[5 * FRAME_ALIGNMENT] ^= 1; /* no frame is there */
    assert_int_equal(walk(&segment, 175, FRAME_ALIGNMENT, sizeof segment.data).verdict,
                     WALK_DOUBTFUL);
    frame_index_deinit(&segment.index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offset),     cmocka_unit_test(damage_is_its_own_range),
        cmocka_unit_test(damaged_length),   cmocka_unit_test(file_cut_short),
        cmocka_unit_test(misleading_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
