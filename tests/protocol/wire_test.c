/* Words of the wire: what is malformed is refused, and nothing is taken before it is checked. */
#include "protocol/wire.h"

#include "tests/protocol/check.h"

#define BYTES(...) bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

struct fixture {
    struct arena arena;
    struct reader reader;
    struct writer writer;
};

static struct fixture fixture_of(struct bytes bytes)
{
    struct fixture f;
    arena_init(&f.arena, 1024 * 1024);
    reader_init(&f.reader, bytes);
    return f;
}

static void start_writer(struct fixture *f)
{
    writer_init(&f->writer, &f->arena);
}

static void assert_written(const struct fixture *f, struct bytes expected)
{
    assert_int_equal(f->writer.status, STATUS_OK);
    struct bytes written = writer_result(&f->writer);
    assert_int_equal(written.size, expected.size);
    assert_memory_equal(written.data, expected.data, expected.size);
}

static void a_string_is_a_view_in_both_forms(void **state)
{
    struct fixture f = fixture_of(BYTES(0, 2, 'h', 'i', 3, 'h', 'i'));
    assert_true(bytes_equal_text(wire_read_string(&f.reader, WIRE_CLASSIC, WIRE_NOT_NULL), "hi"));
    struct bytes view = wire_read_string(&f.reader, WIRE_COMPACT, WIRE_NOT_NULL);
    assert_true(bytes_equal_text(view, "hi"));
    assert_ptr_equal(view.data, f.reader.data + 5);
    assert_int_equal(f.reader.status, STATUS_OK);
}

static void an_empty_string_is_not_null(void **state)
{
    struct fixture f = fixture_of(BYTES(0, 0, 1));
    assert_false(bytes_are_null(wire_read_string(&f.reader, WIRE_CLASSIC, WIRE_NULLABLE)));
    assert_false(bytes_are_null(wire_read_string(&f.reader, WIRE_COMPACT, WIRE_NULLABLE)));
    assert_int_equal(f.reader.status, STATUS_OK);
}

static void any_negative_length_is_null_where_null_may_be(void **state)
{
    struct fixture f = fixture_of(BYTES(0xff, 0xff, 0x80, 0, 0, 0xff, 0xff, 0xff, 0xff));
    assert_true(bytes_are_null(wire_read_string(&f.reader, WIRE_CLASSIC, WIRE_NULLABLE)));
    assert_true(bytes_are_null(wire_read_string(&f.reader, WIRE_CLASSIC, WIRE_NULLABLE)));
    assert_true(bytes_are_null(wire_read_bytes(&f.reader, WIRE_COMPACT, WIRE_NULLABLE)));
    assert_true(wire_read_records(&f.reader, WIRE_CLASSIC, WIRE_NULLABLE, NULL).is_null);
    assert_int_equal(f.reader.status, STATUS_OK);
}

static void a_null_where_none_may_be_is_malformed(void **state)
{
    struct fixture classic = fixture_of(BYTES(0xff, 0xff));
    wire_read_string(&classic.reader, WIRE_CLASSIC, WIRE_NOT_NULL);
    assert_int_equal(classic.reader.status, STATUS_MALFORMED);
    struct fixture compact = fixture_of(BYTES(0));
    wire_read_bytes(&compact.reader, WIRE_COMPACT, WIRE_NOT_NULL);
    assert_int_equal(compact.reader.status, STATUS_MALFORMED);
}

static void a_length_beyond_the_end_is_truncated(void **state)
{
    struct fixture classic = fixture_of(BYTES(0, 3, 'h', 'i'));
    wire_read_string(&classic.reader, WIRE_CLASSIC, WIRE_NOT_NULL);
    assert_int_equal(classic.reader.status, STATUS_TRUNCATED);
    struct fixture huge = fixture_of(BYTES(0x7f, 0xff, 0xff, 0xff, 0));
    wire_read_bytes(&huge.reader, WIRE_CLASSIC, WIRE_NOT_NULL);
    assert_int_equal(huge.reader.status, STATUS_TRUNCATED);
}

static void a_compact_string_longer_than_kafka_allows_is_malformed(void **state)
{
    /* 0x8001 is a length of 0x8000, one beyond the limit. */
    struct fixture f = fixture_of(BYTES(0x81, 0x80, 0x02, 'x'));
    wire_read_string(&f.reader, WIRE_COMPACT, WIRE_NOT_NULL);
    assert_int_equal(f.reader.status, STATUS_MALFORMED);
}

static void an_over_long_varint_is_malformed(void **state)
{
    struct fixture f = fixture_of(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
    wire_read_bytes(&f.reader, WIRE_COMPACT, WIRE_NULLABLE);
    assert_int_equal(f.reader.status, STATUS_MALFORMED);
    struct fixture wide = fixture_of(BYTES(0xff, 0xff, 0xff, 0xff, 0x1f));
    wire_read_bytes(&wide.reader, WIRE_COMPACT, WIRE_NULLABLE);
    assert_int_equal(wide.reader.status, STATUS_MALFORMED);
}

static struct wire_array array_of(enum wire_form form, enum wire_null null, uint32_t wire_size_min)
{
    return (struct wire_array){form, null, wire_size_min, sizeof(int64_t)};
}

static void a_count_is_checked_before_memory_is_taken(void **state)
{
    uint32_t count;
    struct fixture f = fixture_of(BYTES(0, 0, 0, 3, 1, 2, 3, 4, 5));
    struct wire_array array = array_of(WIRE_CLASSIC, WIRE_NOT_NULL, 2);
    assert_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(count, 0);
    assert_int_equal(f.reader.status, STATUS_TRUNCATED);
    assert_int_equal(f.arena.total_bytes, 0);
}

static void a_huge_count_takes_no_memory(void **state)
{
    uint32_t count;
    struct fixture f = fixture_of(BYTES(0xff, 0xff, 0xff, 0xff, 0x07, 1));
    struct wire_array array = array_of(WIRE_COMPACT, WIRE_NULLABLE, 1);
    assert_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(f.reader.status, STATUS_TRUNCATED);
    assert_int_equal(f.arena.total_bytes, 0);
}

static void an_array_tells_null_empty_and_full_apart(void **state)
{
    uint32_t count = 7;
    struct fixture f = fixture_of(BYTES(0, 1, 3, 1, 2));
    struct wire_array array = array_of(WIRE_COMPACT, WIRE_NULLABLE, 1);
    assert_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(count, 0);
    assert_non_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(count, 0);
    assert_non_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(count, 2);
    assert_int_equal(f.reader.status, STATUS_OK);
    arena_deinit(&f.arena);
}

static void an_array_beyond_the_arena_is_no_memory(void **state)
{
    uint32_t count;
    struct fixture f = fixture_of(BYTES(9, 1, 2, 3, 4, 5, 6, 7, 8));
    f.arena.limit_bytes = 32;
    struct wire_array array = array_of(WIRE_COMPACT, WIRE_NOT_NULL, 1);
    assert_null(wire_read_array(&f.reader, &f.arena, array, &count));
    assert_int_equal(f.reader.status, STATUS_NO_MEMORY);
    arena_deinit(&f.arena);
}

static void unknown_tags_are_skipped_in_any_order(void **state)
{
    struct fixture f = fixture_of(BYTES(3, 9, 2, 0xaa, 0xbb, 4, 0, 9, 1, 0xcc, 0x55));
    wire_skip_tags(&f.reader);
    assert_int_equal(f.reader.status, STATUS_OK);
    assert_int_equal(reader_u8(&f.reader), 0x55);
}

static void a_tag_larger_than_what_remains_is_truncated(void **state)
{
    struct fixture f = fixture_of(BYTES(1, 0, 3, 1, 2));
    wire_skip_tags(&f.reader);
    assert_int_equal(f.reader.status, STATUS_TRUNCATED);
}

static void more_tags_than_bytes_end_at_once(void **state)
{
    struct fixture f = fixture_of(BYTES(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0));
    wire_skip_tags(&f.reader);
    assert_int_equal(f.reader.status, STATUS_TRUNCATED);
}

static void a_known_tag_must_have_the_size_of_its_content(void **state)
{
    struct fixture f = fixture_of(BYTES(1, 0, 3, 0, 1, 0xff));
    struct wire_tags tags = wire_tags_open(&f.reader);
    assert_true(wire_tags_next(&f.reader, &tags));
    assert_int_equal(tags.tag, 0);
    reader_i16(&f.reader);
    assert_false(wire_tags_next(&f.reader, &tags));
    assert_int_equal(f.reader.status, STATUS_MALFORMED);
}

static void a_tag_is_written_with_its_size_before_its_content(void **state)
{
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    size_t tags = wire_write_tags_begin(&f.writer);
    size_t first = wire_write_tag_begin(&f.writer, tags, 0);
    writer_i16(&f.writer, 0x0102);
    wire_write_tag_end(&f.writer, first);
    size_t second = wire_write_tag_begin(&f.writer, tags, 3);
    wire_write_tag_end(&f.writer, second);
    assert_written(&f, BYTES(2, 0, 2, 1, 2, 3, 0));
    arena_deinit(&f.arena);
}

static void a_large_tag_moves_up_for_a_size_of_two_bytes(void **state)
{
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    size_t tags = wire_write_tags_begin(&f.writer);
    size_t tag = wire_write_tag_begin(&f.writer, tags, 0);
    for (uint32_t i = 0; i < 200; i++)
        writer_u8(&f.writer, (uint8_t)i);
    wire_write_tag_end(&f.writer, tag);
    struct bytes written = writer_result(&f.writer);
    assert_int_equal(written.size, 4 + 200);
    assert_int_equal(written.data[2], 0xc8);
    assert_int_equal(written.data[3], 0x01);
    assert_int_equal(written.data[4], 0);
    assert_int_equal(written.data[203], 199);
    arena_deinit(&f.arena);
}

static void a_null_is_not_written_where_none_may_be(void **state)
{
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    wire_write_string(&f.writer, WIRE_COMPACT, WIRE_NOT_NULL, (struct bytes){0});
    assert_int_equal(f.writer.status, STATUS_INVALID);
    assert_int_equal(f.writer.size, 0);
}

static void a_string_beyond_the_limit_is_not_written(void **state)
{
    static const uint8_t text[WIRE_STRING_SIZE_MAX + 1];
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    wire_write_string(&f.writer, WIRE_COMPACT, WIRE_NOT_NULL, bytes_of(text, sizeof text));
    assert_int_equal(f.writer.status, STATUS_TOO_LARGE);
}

static void a_missing_array_that_may_not_be_null_is_empty(void **state)
{
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    wire_write_count(&f.writer, WIRE_COMPACT, WIRE_NOT_NULL, true, 0);
    wire_write_count(&f.writer, WIRE_COMPACT, WIRE_NULLABLE, true, 0);
    wire_write_count(&f.writer, WIRE_CLASSIC, WIRE_NULLABLE, true, 0);
    assert_written(&f, BYTES(1, 0, 0xff, 0xff, 0xff, 0xff));
    arena_deinit(&f.arena);
}

static void records_are_referenced_not_copied(void **state)
{
    struct fixture f = fixture_of(BYTES(0));
    start_writer(&f);
    struct bytes pieces[] = {BYTES(1, 2, 3), BYTES(4, 5)};
    struct records_field records = {.pieces = pieces, .piece_count = 2, .size = 5};
    wire_write_records(&f.writer, WIRE_CLASSIC, WIRE_NULLABLE, &records);
    assert_int_equal(f.writer.size, 4);
    assert_int_equal(f.writer.reference_count, 2);
    assert_ptr_equal(f.writer.references[0].bytes.data, pieces[0].data);
    assert_ptr_equal(f.writer.references[1].bytes.data, pieces[1].data);
    assert_int_equal(writer_total_size(&f.writer), 9);
    arena_deinit(&f.arena);
}

static void a_nullable_struct_has_one_byte_before_it(void **state)
{
    struct fixture f = fixture_of(BYTES(1, 0xff, 1, 0));
    assert_true(wire_read_presence(&f.reader));
    assert_false(wire_read_presence(&f.reader));
    assert_true(wire_read_tag_presence(&f.reader));
    assert_false(wire_read_tag_presence(&f.reader));
    start_writer(&f);
    assert_true(wire_write_presence(&f.writer, WIRE_NULLABLE, true));
    assert_false(wire_write_presence(&f.writer, WIRE_NULLABLE, false));
    assert_true(wire_write_presence(&f.writer, WIRE_NOT_NULL, true));
    assert_true(wire_write_tag_presence(&f.writer, WIRE_NULLABLE, true));
    assert_false(wire_write_tag_presence(&f.writer, WIRE_NULLABLE, false));
    assert_written(&f, BYTES(1, 0xff, 1, 0));
    arena_deinit(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_a_view_in_both_forms),
        cmocka_unit_test(an_empty_string_is_not_null),
        cmocka_unit_test(any_negative_length_is_null_where_null_may_be),
        cmocka_unit_test(a_null_where_none_may_be_is_malformed),
        cmocka_unit_test(a_length_beyond_the_end_is_truncated),
        cmocka_unit_test(a_compact_string_longer_than_kafka_allows_is_malformed),
        cmocka_unit_test(an_over_long_varint_is_malformed),
        cmocka_unit_test(a_count_is_checked_before_memory_is_taken),
        cmocka_unit_test(a_huge_count_takes_no_memory),
        cmocka_unit_test(an_array_tells_null_empty_and_full_apart),
        cmocka_unit_test(an_array_beyond_the_arena_is_no_memory),
        cmocka_unit_test(unknown_tags_are_skipped_in_any_order),
        cmocka_unit_test(a_tag_larger_than_what_remains_is_truncated),
        cmocka_unit_test(more_tags_than_bytes_end_at_once),
        cmocka_unit_test(a_known_tag_must_have_the_size_of_its_content),
        cmocka_unit_test(a_tag_is_written_with_its_size_before_its_content),
        cmocka_unit_test(a_large_tag_moves_up_for_a_size_of_two_bytes),
        cmocka_unit_test(a_null_is_not_written_where_none_may_be),
        cmocka_unit_test(a_string_beyond_the_limit_is_not_written),
        cmocka_unit_test(a_missing_array_that_may_not_be_null_is_empty),
        cmocka_unit_test(records_are_referenced_not_copied),
        cmocka_unit_test(a_nullable_struct_has_one_byte_before_it),
    };
    return cmocka_run_group_tests_name("protocol_wire", tests, NULL, NULL);
}
