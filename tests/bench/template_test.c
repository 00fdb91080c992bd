/* What is prepared before a run is what a broker accepts: the broker's own judgement of batches is
 * asked here. */
#include "bench/template.h"

#include "bench/control.h"
#include "protocol/batch_validate.h"
#include "protocol/headers.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/request_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { CORRELATION_ID = 77, PARTITION = 5, MEMORY = 64 << 20 };

struct word {
    const char *name;
    const char *text;
};

static void set(struct load *load, const struct word *words)
{
    char problem[LOAD_PROBLEM_SIZE];
    load_init(load, LOAD_PRODUCE, "127.0.0.1:9092");
    for (; words->name != NULL; words++)
        assert_true(load_set(load, words->name, words->text, problem));
}

static void check_batch(struct bytes batch, uint32_t record_count, struct arena *arena)
{
    struct batch_rules rules = {
        .produce_version = PRODUCE_VERSION,
        .message_bytes_max = 1 << 20,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = 3600 * 1000,
        .now_ms = time(NULL) * 1000ll,
        .records_bytes_max = 16 << 20,
    };
    struct batch_verdict verdict;
    batch_validate(batch, &rules, arena, &verdict);
    assert_int_equal(verdict.error, KAFKA_NONE);
    assert_int_equal(verdict.header.record_count, record_count);
}

/* Head, batch and tail, with the head that was written for this request. */
static struct bytes join(const struct template *template, struct arena *arena)
{
    uint8_t head[TEMPLATE_HEAD_SIZE_MAX];
    size_t size = template->head.size + template->batch.size + template->tail.size;
    uint8_t *frame = arena_allocate(arena, size);
    assert_non_null(frame);
    template_write_head(template, CORRELATION_ID, PARTITION, head);
    memcpy(frame, head, template->head.size);
    memcpy(frame + template->head.size, template->batch.data, template->batch.size);
    memcpy(frame + size - template->tail.size, template->tail.data, template->tail.size);
    assert_int_equal(load_u32_be(frame), size - FRAME_PREFIX_SIZE);
    return bytes_of(frame + FRAME_PREFIX_SIZE, size - FRAME_PREFIX_SIZE);
}

static void check_request(const struct load *load, const struct template *template,
                          struct arena *arena)
{
    struct reader reader;
    struct request_header header;
    const struct api *api;
    struct produce_request request;
    reader_init(&reader, join(template, arena));
    assert_int_equal(request_header_read(&reader, &header, &api), STATUS_OK);
    assert_int_equal(header.correlation_id, CORRELATION_ID);
    produce_request_init(&request);
    assert_int_equal(produce_request_decode(&reader, header.request_api_version, arena, &request),
                     STATUS_OK);
    assert_int_equal(reader_remaining(&reader), 0);
    assert_int_equal(request.acks, load->acks);
    assert_int_equal(request.topic_data_count, 1);
    assert_true(bytes_equal_text(request.topic_data[0].name, load->topic));
    assert_int_equal(request.topic_data[0].partition_data_count, 1);
    assert_int_equal(request.topic_data[0].partition_data[0].index, PARTITION);
    const struct records_field *records = &request.topic_data[0].partition_data[0].records;
    assert_int_equal(records->piece_count, 1);
    check_batch(records->pieces[0], template->record_count, arena);
}

static void check_all(const struct word *words, struct bytes key)
{
    struct load load;
    struct templates templates;
    struct arena arena;
    arena_init(&arena, MEMORY);
    set(&load, words);
    templates_init(&templates, &load, key);
    for (uint32_t i = 0; i < templates.count; i++)
        check_request(&load, &templates.variants[i], &arena);
    templates_deinit(&templates);
    arena_deinit(&arena);
}

/* Every codec, size and kind of payload gives requests that are taken. */
static void test_requests_are_valid(void **state)
{
    const struct word loads[][5] = {
        {{0}},
        {{"record-bytes", "1"}, {0}},
        {{"record-bytes", "100"}, {"batch-records", "300"}, {"acks", "1"}, {0}},
        {{"compression", "gzip"}, {"payload", "text"}, {"batch-records", "10"}, {0}},
        {{"compression", "snappy"}, {"batch-records", "10"}, {0}},
        {{"compression", "lz4"}, {"payload", "text"}, {"batch-bytes", "64KiB"}, {0}},
        {{"compression", "zstd"}, {"record-bytes", "100-4000"}, {"batch-records", "1-20"}, {0}},
        {{"topic", "a.rather-long_name.of.a.topic"}, {"record-bytes", "10:9,64KiB:1"}, {0}},
    };
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        check_all(loads[i], (struct bytes){0});
        check_all(loads[i], bytes_of_text("a key"));
    }
}

/* A batch of so many bytes is as full as records allow, and not larger. */
static void test_batch_bytes(void **state)
{
    struct load load;
    struct templates templates;
    const struct word words[] = {{"batch-bytes", "64KiB"}, {"record-bytes", "1000"}, {0}};
    set(&load, words);
    templates_init(&templates, &load, (struct bytes){0});
    assert_in_range(templates.variants[0].batch.size, 65536 - 2000, 65536);
    templates_deinit(&templates);
}

/* The same load gives the same bytes in every run, the time in the batches aside. */
static void test_sizes_repeat(void **state)
{
    struct load load;
    struct templates first;
    struct templates second;
    const struct word words[] = {{"record-bytes", "1-5000"}, {0}};
    set(&load, words);
    templates_init(&first, &load, (struct bytes){0});
    templates_init(&second, &load, (struct bytes){0});
    assert_int_equal(first.count, TEMPLATE_VARIANTS_MAX);
    assert_int_equal(first.count, second.count);
    for (uint32_t i = 0; i < first.count; i++)
        assert_int_equal(first.variants[i].batch.size, second.variants[i].batch.size);
    assert_int_not_equal(first.variants[0].batch.size, first.variants[1].batch.size);
    templates_deinit(&first);
    templates_deinit(&second);
}

/* A time that was put into a batch is found there by this run, and by no other. */
static void test_stamps(void **state)
{
    struct load load;
    struct templates templates;
    int64_t time_ns = 0;
    const struct word words[] = {{"record-bytes", "16"}, {"batch-records", "3"}, {0}};
    set(&load, words);
    templates_init(&templates, &load, bytes_of_text("key"));
    const struct template *template = &templates.variants[0];
    uint8_t *batch = malloc(template->batch.size);
    assert_non_null(batch);
    memcpy(batch, template->batch.data, template->batch.size);
    struct bytes stamped = bytes_of(batch, template->batch.size);
    assert_false(template_read_stamp(stamped, 4711, &time_ns));
    template_stamp(template, 4711, 123456789012345, batch);
    assert_true(template_read_stamp(stamped, 4711, &time_ns));
    assert_true(time_ns == 123456789012345);
    assert_false(template_read_stamp(stamped, 4712, &time_ns));
    free(batch);
    templates_deinit(&templates);
}

/* Keys go where Kafka's clients put them: the hashes are those of its own tests. */
static void test_partitions(void **state)
{
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(template_partition(bytes_of_text(cases[i].key), 100000),
                         (uint32_t)(cases[i].hash & INT32_MAX) % 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_valid), cmocka_unit_test(test_batch_bytes),
        cmocka_unit_test(test_sizes_repeat),       cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
