#include "base/bytes.h"

#include "tests/base/check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Every kind of field that is written is read back equal, and nothing remains. */
static void test_round_trip(void **state)
{
    struct arena arena;
    struct writer writer;
    struct uuid uuid = {{1, 2, 3, [15] = 0xff}};
    arena_init(&arena, 1 << 20);
    writer_init(&writer, &arena);
    writer_u8(&writer, 0xfe);
    writer_i8(&writer, INT8_MIN);
    writer_u16(&writer, 0xfedc);
    writer_i16(&writer, INT16_MIN);
    writer_u32(&writer, 0xfedcba98);
    writer_i32(&writer, INT32_MIN);
    writer_u64(&writer, 0xfedcba9876543210);
    writer_i64(&writer, INT64_MIN);
    writer_f64(&writer, -0.75);
    writer_uuid(&writer, uuid);
    writer_uvarint(&writer, UINT32_MAX);
    writer_varint(&writer, INT32_MIN);
    writer_varlong(&writer, INT64_MIN);
    writer_bytes(&writer, bytes_of_text("end"));
    assert_int_equal(writer.status, STATUS_OK);

    struct reader reader;
    reader_init(&reader, writer_result(&writer));
    assert_int_equal(reader_u8(&reader), 0xfe);
    assert_int_equal(reader_i8(&reader), INT8_MIN);
    assert_int_equal(reader_u16(&reader), 0xfedc);
    assert_int_equal(reader_i16(&reader), INT16_MIN);
    assert_true(reader_u32(&reader) == 0xfedcba98);
    assert_true(reader_i32(&reader) == INT32_MIN);
    assert_true(reader_u64(&reader) == 0xfedcba9876543210);
    assert_true(reader_i64(&reader) == INT64_MIN);
    assert_true(reader_f64(&reader) == -0.75);
    assert_true(uuid_equal(reader_uuid(&reader), uuid));
    assert_true(reader_uvarint(&reader) == UINT32_MAX);
    assert_true(reader_varint(&reader) == INT32_MIN);
    assert_true(reader_varlong(&reader) == INT64_MIN);
    assert_true(bytes_equal_text(reader_bytes(&reader, 3), "end"));
    assert_int_equal(reader.status, STATUS_OK);
    assert_int_equal(reader_remaining(&reader), 0);
    arena_deinit(&arena);
}

/* Numbers are big-endian on the wire. */
static void test_byte_order(void **state)
{
    struct arena arena;
    struct writer writer;
    arena_init(&arena, 4096);
    writer_init(&writer, &arena);
    writer_i16(&writer, 0x0102);
    writer_i32(&writer, 0x03040506);
    writer_i64(&writer, 0x0708090a0b0c0d0e);
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    assert_true(bytes_equal(writer_result(&writer), bytes_of(expected, sizeof expected)));
    arena_deinit(&arena);
}

/* The first failure stays, later reads answer zero and move nothing. */
static void test_sticky_reader(void **state)
{
    static const uint8_t data[] = {1, 2, 3};
    struct reader reader;
    reader_init(&reader, bytes_of(data, sizeof data));
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u32(&reader), 0);
    assert_int_equal(reader.status, STATUS_TRUNCATED);
    assert_int_equal(reader_u8(&reader), 0);
    assert_true(bytes_are_null(reader_bytes(&reader, 0)));
    assert_true(uuid_is_zero(reader_uuid(&reader)));
    reader_fail(&reader, STATUS_MALFORMED);
    assert_int_equal(reader.status, STATUS_TRUNCATED);
    assert_int_equal(reader.position, 1);
}

/* A size near the end of the address space does not wrap around. */
static void test_huge_size(void **state)
{
    static const uint8_t data[] = {1, 2, 3};
    struct reader reader;
    reader_init(&reader, bytes_of(data, sizeof data));
    reader_u8(&reader);
    assert_true(bytes_are_null(reader_bytes(&reader, SIZE_MAX)));
    assert_int_equal(reader.status, STATUS_TRUNCATED);
    reader_init(&reader, bytes_of(data, sizeof data));
    reader_skip(&reader, 3);
    assert_false(bytes_are_null(reader_bytes(&reader, 0)));
    assert_int_equal(reader.status, STATUS_OK);
}

/* Variable-length numbers: the known forms, over-long ones that fit, and everything refused. */
static void test_varints(void **state)
{
    static const struct {
        struct bytes bytes;
        enum status status;
        int64_t varlong; /* as zigzag of 64 bits */
        bool fits_32;    /* the same bytes are a good 32-bit number */
    } cases[] = {
#define RAW(text) {(const uint8_t *)(text), sizeof(text) - 1}
        {RAW("\x00"), STATUS_OK, 0, true},
        {RAW("\x01"), STATUS_OK, -1, true},
        {RAW("\x7f"), STATUS_OK, -64, true},
        {RAW("\x80\x01"), STATUS_OK, 64, true},
        {RAW("\x80\x00"), STATUS_OK, 0, true},
        {RAW("\x80\x80\x80\x80\x00"), STATUS_OK, 0, true},
        {RAW("\xff\xff\xff\xff\x0f"), STATUS_OK, INT32_MIN, true},
        {RAW("\xff\xff\xff\xff\x1f"), STATUS_OK, -4294967296, false},
        {RAW("\x80\x80\x80\x80\x80\x00"), STATUS_OK, 0, false},
        {RAW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STATUS_OK, INT64_MIN, false},
        {RAW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), STATUS_MALFORMED, 0, false},
        {RAW("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), STATUS_MALFORMED, 0, false},
        {RAW("\x80"), STATUS_TRUNCATED, 0, false},
        {RAW("\xff\xff\xff\xff"), STATUS_TRUNCATED, 0, false},
        {RAW(""), STATUS_TRUNCATED, 0, false},
#undef RAW
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reader reader;
        reader_init(&reader, cases[i].bytes);
        assert_true(reader_varlong(&reader) == cases[i].varlong);
        assert_int_equal(reader.status, cases[i].status);
        reader_init(&reader, cases[i].bytes);
        int32_t value = reader_varint(&reader);
        assert_int_equal(reader.status == STATUS_OK, cases[i].fits_32);
        assert_int_equal(value, cases[i].fits_32 ? (int32_t)cases[i].varlong : 0);
    }
}

/* The writer uses the shortest form. */
static void test_varint_sizes(void **state)
{
    static const struct {
        int64_t value;
        size_t size;
    } cases[] = {{0, 1},   {-1, 1},  {63, 1},        {64, 2},
                 {-64, 1}, {-65, 2}, {INT32_MAX, 5}, {INT64_MAX, 10}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct writer writer;
        arena_init(&arena, 4096);
        writer_init(&writer, &arena);
        writer_varlong(&writer, cases[i].value);
        assert_int_equal(writer.size, cases[i].size);
        arena_deinit(&arena);
    }
}

/* References stand where they were put, in whole pieces, with own bytes between them. */
static void test_references(void **state)
{
    struct arena arena;
    struct writer writer;
    struct bytes *pieces;
    uint32_t piece_count;
    arena_init(&arena, 1 << 16);
    writer_init(&writer, &arena);
    writer_reference(&writer, bytes_of_text("first"));
    writer_u8(&writer, 'a');
    writer_u8(&writer, 'b');
    for (int i = 0; i < 20; i++)
        writer_reference(&writer, bytes_of_text("xy"));
    writer_reference(&writer, bytes_of_text(""));
    writer_u8(&writer, 'c');
    assert_int_equal(writer_total_size(&writer), 5 + 2 + 40 + 1);
    assert_true(writer_pieces(&writer, &pieces, &piece_count));
    assert_int_equal(piece_count, 23);
    assert_true(bytes_equal_text(pieces[0], "first"));
    assert_true(bytes_equal_text(pieces[1], "ab"));
    assert_true(bytes_equal_text(pieces[21], "xy"));
    assert_true(bytes_equal_text(pieces[22], "c"));
    arena_deinit(&arena);
}

/* A writer whose arena is used up fails for good and writes nothing more. */
static void test_writer_limit(void **state)
{
    static const uint8_t large[3000];
    struct arena arena;
    struct writer writer;
    arena_init(&arena, 4096);
    writer_init(&writer, &arena);
    writer_bytes(&writer, bytes_of(large, sizeof large));
    writer_bytes(&writer, bytes_of(large, sizeof large));
    assert_int_equal(writer.status, STATUS_NO_MEMORY);
    size_t size = writer.size;
    writer_u64(&writer, 1);
    writer_reference(&writer, bytes_of(large, 10));
    writer_patch_i32(&writer, 1u << 30, 5);
    writer_fail(&writer, STATUS_TOO_LARGE);
    assert_int_equal(writer.status, STATUS_NO_MEMORY);
    assert_int_equal(writer.size, size);
    assert_int_equal(writer.reference_count, 0);
    arena_deinit(&arena);
}

/* A length known late is written over its place. */
static void test_patch(void **state)
{
    struct arena arena;
    struct writer writer;
    arena_init(&arena, 4096);
    writer_init(&writer, &arena);
    writer_i32(&writer, 0);
    writer_u8(&writer, 9);
    writer_patch_i32(&writer, 0, (int32_t)writer.size);
    static const uint8_t expected[] = {0, 0, 0, 5, 9};
    assert_true(bytes_equal(writer_result(&writer), bytes_of(expected, sizeof expected)));
    arena_deinit(&arena);
}

/* The text form of a uuid is Kafka's, and only the exact form is read. */
static void test_uuid_text(void **state)
{
    static const struct {
        struct uuid uuid;
        const char *text;
    } cases[] = {
        {{{0}}, "AAAAAAAAAAAAAAAAAAAAAA"},
        {{{[15] = 1}}, "AAAAAAAAAAAAAAAAAAAAAQ"},
        {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
           0xff}},
         "_____________________w"},
        {{{0xfb, 0xef, 0xbe}}, "----AAAAAAAAAAAAAAAAAA"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[UUID_TEXT_SIZE];
        struct uuid uuid = {{7}};
        uuid_format(cases[i].uuid, text);
        assert_string_equal(text, cases[i].text);
        assert_true(uuid_parse(bytes_of_text(text), &uuid));
        assert_true(uuid_equal(uuid, cases[i].uuid));
    }
    static const char *const refused[] = {"",
                                          "AAAAAAAAAAAAAAAAAAAAA",
                                          "AAAAAAAAAAAAAAAAAAAAAAA",
                                          "AAAAAAAAAAAAAAAAAAAAAB",
                                          "AAAAAAAAAAAAAAAAAAAA==",
                                          "AAAAAAAAAA+AAAAAAAAAAA"};
    struct uuid untouched = {{7}};
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(uuid_parse(bytes_of_text(refused[i]), &untouched));
    assert_int_equal(untouched.bytes[0], 7);
}

/* Null and empty are different values. */
static void test_null_is_not_empty(void **state)
{
    struct bytes null = {0};
    struct bytes empty = bytes_of("", 0);
    assert_true(bytes_equal(null, null));
    assert_true(bytes_equal(empty, empty));
    assert_false(bytes_equal(null, empty));
    assert_false(bytes_equal_text(null, ""));
    assert_true(bytes_equal_text(empty, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_byte_order),
        cmocka_unit_test(test_sticky_reader),
        cmocka_unit_test(test_huge_size),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_varint_sizes),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_writer_limit),
        cmocka_unit_test(test_patch),
        cmocka_unit_test(test_uuid_text),
        cmocka_unit_test(test_null_is_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
