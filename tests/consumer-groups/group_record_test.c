/* The records of __consumer_offsets against what Apache Kafka 4.3.1 writes. The file of vectors
 * (tests/vectors/README.md) is the argument. */
#include "consumer-groups/group_record.h"

#include "consumer-groups/group_writer.h"
#include "consumer-groups/records/list.h"
#include "tests/consumer-groups/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { LINE_SIZE_MAX = 1 << 20, ARENA_BYTES_MAX = 64 << 20 };

static const char *vectors_path;

static struct bytes parse_hex(const char *hex, struct arena *arena)
{
    size_t size = strlen(hex) / 2;
    uint8_t *data = arena_allocate(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        data[i] = (uint8_t)value;
    }
    return bytes_of(data, size);
}

/* --- The codecs ------------------------------------------------------------------------------- */

typedef enum status recode_function(struct reader *reader, int16_t version, struct arena *arena,
                                    struct writer *writer);

#define X(name, title, kind, key, version_min, version_max, flexible_since)                        \
    static enum status name##_recode(struct reader *reader, int16_t version, struct arena *arena,  \
                                     struct writer *writer)                                        \
    {                                                                                              \
        struct name message;                                                                       \
        enum status status = name##_decode(reader, version, arena, &message);                      \
        if (status == STATUS_OK)                                                                   \
            name##_encode(writer, version, &message);                                              \
        return status == STATUS_OK ? writer->status : status;                                      \
    }
CONSUMER_GROUPS_RECORDS_LIST(X)
#undef X

struct codec {
    const char *title;
    recode_function *recode;
};

static const struct codec codecs[] = {
#define X(name, title, kind, key, version_min, version_max, flexible_since)                        \
    {(title), name##_recode},
    CONSUMER_GROUPS_RECORDS_LIST(X)
#undef X
};

static recode_function *find_codec(const char *title)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (strcmp(codecs[i].title, title) == 0)
            return codecs[i].recode;
    return NULL;
}

/* Kafka writes a null there as a tag with nothing in it, we leave the tag out; both are read as
 * null here. */
static bool writes_null_otherwise(const json_t *line)
{
    const json_t *json = json_object_get(line, "json");
    return json_is_null(json_object_get(json, "classicMemberMetadata"));
}

/* True: it came back as it was, or without the tags that nobody knows. */
static bool comes_back(const json_t *line, recode_function *recode, struct arena *arena)
{
    const char *body = json_string_value(json_object_get(line, "body_hex"));
    const char *canonical = json_string_value(json_object_get(line, "canonical_hex"));
    bool is_key = strcmp(json_string_value(json_object_get(line, "type")), "stored_key") == 0;
    struct bytes bytes = parse_hex(body, arena);
    struct reader reader;
    struct writer writer;
    reader_init(&reader, bytes);
    writer_init(&writer, arena);
    int16_t number = reader_i16(&reader);
    writer_i16(&writer, number);
    enum status status = recode(&reader, is_key ? 0 : number, arena, &writer);
    struct bytes wanted = canonical == NULL ? bytes : parse_hex(canonical, arena);
    if (status != STATUS_OK || reader_remaining(&reader) > 0)
        return false;
    return writes_null_otherwise(line) || bytes_equal(writer_result(&writer), wanted);
}

/* Keys of kinds that are not ours are passed over, whatever stands behind the number. */
static bool is_passed_over(const json_t *line, struct arena *arena)
{
    struct group_record_view view;
    struct bytes body = parse_hex(json_string_value(json_object_get(line, "body_hex")), arena);
    return group_record_read(body, body, arena, &view) == STATUS_OK &&
           view.kind == GROUP_RECORD_UNKNOWN;
}

static bool judge(const json_t *line, struct arena *arena)
{
    const char *title = json_string_value(json_object_get(line, "api"));
    bool is_key = strcmp(json_string_value(json_object_get(line, "type")), "stored_key") == 0;
    recode_function *recode = find_codec(title);
    if (recode != NULL)
        return comes_back(line, recode, arena);
    if (strncmp(title, "Legacy", strlen("Legacy")) == 0)
        return true;
    return !is_key || is_passed_over(line, arena);
}

/* Every key and value comes back from the codec byte for byte; what is not ours is passed over. */
static void golden_records_come_back(void **state)
{
    gzFile file = gzopen(vectors_path, "rb");
    char *text = malloc(LINE_SIZE_MAX);
    uint32_t count = 0;
    assert_non_null(file);
    while (gzgets(file, text, LINE_SIZE_MAX) != NULL) {
        struct arena arena;
        json_t *line = json_loads(text, 0, NULL);
        assert_non_null(line);
        arena_init(&arena, ARENA_BYTES_MAX);
        if (!judge(line, &arena))
            fail_msg("%s", text);
        arena_deinit(&arena);
        json_decref(line);
        count++;
    }
    assert_true(count > 150);
    free(text);
    gzclose(file);
}

/* --- Reading and writing ---------------------------------------------------------------------- */

struct fixture {
    struct group_writer writer;
    struct group_turn turn;
    struct arena arena;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    group_writer_init(&fixture->writer, 1 << 20);
    arena_init(&fixture->arena, 1 << 20);
    fixture->turn.writer = &fixture->writer;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    group_writer_deinit(&fixture->writer);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

static const struct group_record *only_record(struct fixture *fixture)
{
    assert_int_equal(fixture->writer.status, STATUS_OK);
    assert_int_equal(fixture->writer.count, 1);
    return group_writer_first(&fixture->writer);
}

static void put_offset(struct fixture *fixture, struct uuid topic_id, int64_t expire_ms)
{
    const struct group_offset offset = {
        .partition = 7,
        .leader_epoch = 3,
        .offset = 1234567890123,
        .commit_ms = 1700000000000,
        .expire_ms = expire_ms,
        .metadata = bytes_of_text("so far"),
    };
    group_record_put_offset(&fixture->turn, bytes_of_text("g"), bytes_of_text("t"), topic_id,
                            &offset);
}

struct written {
    struct uuid topic_id;
    int64_t expire_ms;
    uint8_t version;
};

/* An offset is written in the version that can say all of it, and read again as it was. */
static void an_offset_is_read_as_it_was_written(void **state)
{
    static const struct written rows[] = {
        {{{0}}, -1, 3},
        {{{9, 9}}, -1, 4},
        {{{9, 9}}, 1800000000000, 1}, /* which has neither epoch nor id */
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct group_record_view view;
        group_writer_reset(&fixture->writer);
        put_offset(fixture, rows[i].topic_id, rows[i].expire_ms);
        const struct group_record *record = only_record(fixture);
        assert_int_equal(record->value.data[1], rows[i].version);
        assert_int_equal(group_record_read(record->key, record->value, &fixture->arena, &view),
                         STATUS_OK);
        assert_int_equal(view.kind, GROUP_RECORD_OFFSET);
        assert_true(bytes_equal_text(view.group_id, "g"));
        assert_true(bytes_equal_text(view.topic, "t"));
        assert_int_equal(view.partition, 7);
        assert_int_equal(view.offset.offset, 1234567890123);
        assert_int_equal(view.offset.leader_epoch, rows[i].version == 1 ? -1 : 3);
        assert_int_equal(view.offset.expire_timestamp, rows[i].expire_ms);
        assert_true(bytes_equal_text(view.offset.metadata, "so far"));
        bool has_id = rows[i].version == 4;
        assert_int_equal(uuid_is_zero(view.offset.topic_id), !has_id);
    }
}

/* What is said of a record's size beforehand is enough, and not much too much. */
static void sizes_are_known_beforehand(void **state)
{
    struct fixture *fixture = *state;
    put_offset(fixture, (struct uuid){{1}}, -1);
    size_t size_max = group_record_offset_size_max(bytes_of_text("g"), bytes_of_text("t"),
                                                   bytes_of_text("so far"));
    assert_true(fixture->writer.size_bytes <= size_max);
    assert_true(fixture->writer.size_bytes + 32 >= size_max);
}

static void a_tombstone_has_no_value(void **state)
{
    struct fixture *fixture = *state;
    struct group_record_view view;
    group_record_put_offset_tombstone(&fixture->turn, bytes_of_text("g"), bytes_of_text("t"), 7);
    const struct group_record *record = only_record(fixture);
    assert_true(bytes_are_null(record->value));
    assert_int_equal(group_record_read(record->key, record->value, &fixture->arena, &view),
                     STATUS_OK);
    assert_true(view.is_tombstone);
    assert_int_equal(view.partition, 7);
}

struct strange {
    const char *key;
    const char *value; /* NULL: a tombstone */
    enum status status;
    enum group_record_kind kind;
};

/* Kinds that are not known are passed over; values of unknown versions are not; bytes that are no
 * record are told. */
static void strange_records_are_told_apart(void **state)
{
    static const struct strange rows[] = {
        {"0000"
         "000167"
         "000174"
         "00000007",
         NULL, STATUS_OK, GROUP_RECORD_OFFSET}, /* legacy */
        {"0001"
         "000167"
         "000174"
         "00000007",
         "0063", STATUS_UNSUPPORTED, GROUP_RECORD_OFFSET},
        {"0002"
         "000167",
         "0005", STATUS_UNSUPPORTED, GROUP_RECORD_CLASSIC},
        {"000a"
         "000167",
         "0000", STATUS_OK, GROUP_RECORD_UNKNOWN},
        {"0063", NULL, STATUS_OK, GROUP_RECORD_UNKNOWN},
        {"ffff", NULL, STATUS_OK, GROUP_RECORD_UNKNOWN},
        {"00", NULL, STATUS_TRUNCATED, GROUP_RECORD_UNKNOWN},
        {"0001"
         "0005",
         NULL, STATUS_TRUNCATED, GROUP_RECORD_OFFSET},
        {"0001"
         "000167"
         "000174"
         "00000007",
         "00", STATUS_TRUNCATED, GROUP_RECORD_OFFSET},
        {"0001"
         "ffff"
         "000174"
         "00000007",
         NULL, STATUS_MALFORMED, GROUP_RECORD_OFFSET},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct group_record_view view;
        struct bytes key = parse_hex(rows[i].key, &fixture->arena);
        struct bytes value = {NULL, 0};
        if (rows[i].value != NULL)
            value = parse_hex(rows[i].value, &fixture->arena);
        assert_int_equal(group_record_read(key, value, &fixture->arena, &view), rows[i].status);
        assert_int_equal(view.kind, rows[i].kind);
    }
}

/* What a turn has put is one whole, and is known by its end. */
static void turns_end_in_the_writer(void **state)
{
    struct fixture *fixture = *state;
    put_offset(fixture, UUID_NONE, -1);
    put_offset(fixture, UUID_NONE, -1);
    size_t both = group_writer_end_turn(&fixture->writer);
    assert_int_equal(both, fixture->writer.size_bytes);
    put_offset(fixture, UUID_NONE, -1);
    assert_int_equal(group_writer_end_turn(&fixture->writer), both / 2);
    static const bool ends[] = {false, true, true};
    for (uint32_t i = 0; i < 3; i++) {
        struct group_record *record = group_writer_first(&fixture->writer);
        assert_int_equal(record->ends_turn, ends[i]);
        group_writer_take(&fixture->writer, record);
    }
    assert_int_equal(fixture->writer.size_bytes, 0);
    assert_null(group_writer_first(&fixture->writer));
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_records_come_back),
        cmocka_unit_test_setup_teardown(an_offset_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_are_known_beforehand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tombstone_has_no_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_records_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(turns_end_in_the_writer, set_up, tear_down),
    };
    if (argument_count != 2)
        return 2;
    vectors_path = arguments[1];
    return cmocka_run_group_tests_name("group_record", tests, NULL, NULL);
}
