/* The offsets of a group, against a plain list of them. */
#include "consumer-groups/group_offsets.h"

#include "base/prng.h"
#include "tests/consumer-groups/check.h"

enum { TOPICS = 3, PARTITIONS = 400, STEPS = 60000, MEMORY_BYTES = 8 << 20 };

static const struct hash_seed seed = {{1, 2}};

struct fixture {
    struct group_offsets offsets;
    struct group_memory memory;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.memory = {.limit_bytes = MEMORY_BYTES}};
    group_offsets_init(&fixture->offsets, &seed);
}

static void end(struct fixture *fixture)
{
    group_offsets_deinit(&fixture->offsets, &fixture->memory);
    assert_int_equal(fixture->memory.used_bytes, 0);
}

static struct bytes topic_name(uint32_t topic)
{
    static const char *const names[TOPICS] = {"a", "topic", "another-topic"};
    return bytes_of_text(names[topic]);
}

static struct uuid id_of(uint8_t number)
{
    return (struct uuid){{number}};
}

/* Some have one or the other, or both, or neither. */
static struct bytes metadata_of(int64_t offset)
{
    return offset % 2 == 0 ? (struct bytes){NULL, 0} : bytes_of_text("metadata");
}

static int64_t expiry_of(int64_t offset)
{
    return offset % 3 == 0 ? offset : GROUP_OFFSET_NEVER;
}

static enum status put(struct fixture *fixture, uint32_t topic, uint8_t id, int32_t partition,
                       int64_t offset)
{
    const struct group_offset wanted = {
        .partition = partition,
        .offset = offset,
        .expire_ms = expiry_of(offset),
        .metadata = metadata_of(offset),
    };
    return group_offsets_put(&fixture->offsets, &fixture->memory, topic_name(topic), id_of(id),
                             &wanted);
}

static int64_t find(const struct fixture *fixture, uint32_t topic, uint8_t id, int32_t partition)
{
    struct group_offset found;
    if (!group_offsets_find(&fixture->offsets, topic_name(topic), id_of(id), partition, &found))
        return -1;
    assert_int_equal(found.partition, partition);
    assert_int_equal(found.expire_ms, expiry_of(found.offset));
    assert_true(bytes_equal(found.metadata, metadata_of(found.offset)));
    return found.offset;
}

/* --- Random lives ----------------------------------------------------------------------------- */

struct model {
    int64_t offsets[TOPICS][PARTITIONS]; /* -1: none */
    uint32_t count;
};

static void step(struct fixture *fixture, struct model *model, struct prng *prng)
{
    uint32_t topic = (uint32_t)prng_below(prng, TOPICS);
    int32_t partition = (int32_t)prng_below(prng, PARTITIONS);
    int64_t *kept = &model->offsets[topic][partition];
    if (prng_below(prng, 3) == 0) {
        bool was_there =
            group_offsets_remove(&fixture->offsets, &fixture->memory, topic_name(topic), partition);
        assert_int_equal(was_there, *kept >= 0);
        model->count -= was_there;
        *kept = -1;
        return;
    }
    int64_t offset = (int64_t)prng_below(prng, 1000);
    assert_int_equal(put(fixture, topic, 1, partition, offset), STATUS_OK);
    model->count += *kept < 0;
    *kept = offset;
}

static void compare_topic(const struct fixture *fixture, const struct model *model, uint32_t topic)
{
    const struct group_offsets_topic *kept =
        group_offsets_topic(&fixture->offsets, topic_name(topic));
    struct group_offset offset;
    bool is_more = kept != NULL && group_offsets_next(kept, 0, &offset);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(find(fixture, topic, 1, p), model->offsets[topic][p]);
        if (model->offsets[topic][p] < 0)
            continue;
        assert_true(is_more);
        assert_int_equal(offset.partition, p);
        assert_int_equal(offset.offset, model->offsets[topic][p]);
        is_more = group_offsets_next(kept, p + 1, &offset);
    }
    assert_false(is_more);
}

/* Whatever is put and removed, in whatever order, what is there is what was put last, in the order
 * of partitions, and no memory is left over. */
static void what_was_put_last_is_there(void **state)
{
    struct fixture fixture;
    struct model model;
    struct prng prng;
    begin(&fixture);
    memset(&model.offsets, 0xff, sizeof model.offsets);
    model.count = 0;
    prng_init(&prng, 7);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&fixture, &model, &prng);
        assert_int_equal(fixture.offsets.count, model.count);
    }
    for (uint32_t topic = 0; topic < TOPICS; topic++)
        compare_topic(&fixture, &model, topic);
    end(&fixture);
}

/* --- Topics made anew ------------------------------------------------------------------------- */

/* Offsets of a topic that was deleted do not apply to the one that has its name, and go with the
 * first commit for that. */
static void offsets_belong_to_the_topic_id(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    assert_int_equal(put(&fixture, 0, 1, 0, 5), STATUS_OK);
    assert_int_equal(put(&fixture, 0, 1, 70, 6), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 1, 0), 5);
    assert_int_equal(find(&fixture, 0, 2, 0), -1);
    assert_int_equal(find(&fixture, 0, 0, 70), 6);
    assert_int_equal(put(&fixture, 0, 2, 0, 1), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 2, 0), 1);
    assert_int_equal(find(&fixture, 0, 2, 70), -1);
    assert_int_equal(fixture.offsets.count, 1);
    end(&fixture);
}

/* A record of a release that knew no ids says nothing about them. */
static void no_id_says_nothing(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    assert_int_equal(put(&fixture, 0, 0, 0, 5), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 9, 0), 5);
    assert_int_equal(put(&fixture, 0, 3, 1, 6), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 3, 0), 5);
    assert_int_equal(put(&fixture, 0, 0, 1, 7), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 3, 1), 7);
    assert_int_equal(find(&fixture, 0, 4, 1), -1);
    end(&fixture);
}

/* --- Limits ----------------------------------------------------------------------------------- */

/* When memory is used up a put is refused and changes nothing; what is removed makes room. */
static void memory_has_an_end(void **state)
{
    struct fixture fixture;
    int32_t count = 0;
    begin(&fixture);
    fixture.memory.limit_bytes = 20000;
    while (put(&fixture, 1, 1, count, 1) == STATUS_OK)
        count++;
    assert_true(count > 100);
    assert_int_equal(fixture.offsets.count, count);
    fixture.memory.limit_bytes = fixture.memory.used_bytes;
    assert_int_equal(put(&fixture, 2, 1, 0, 1), STATUS_NO_MEMORY);
    assert_null(group_offsets_topic(&fixture.offsets, topic_name(2)));
    for (int32_t p = 0; p < count; p++)
        assert_int_equal(find(&fixture, 1, 1, p), 1);
    for (int32_t p = 0; p < count; p += 2)
        assert_true(group_offsets_remove(&fixture.offsets, &fixture.memory, topic_name(1), p));
    assert_int_equal(put(&fixture, 1, 1, 0, 2), STATUS_OK);
    end(&fixture);
}

/* A partition that no topic can have is refused, and takes no memory. */
static void partitions_have_an_end(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    assert_int_equal(put(&fixture, 0, 1, GROUP_OFFSETS_PARTITIONS_MAX, 1), STATUS_MALFORMED);
    assert_int_equal(put(&fixture, 0, 1, -1, 1), STATUS_MALFORMED);
    assert_int_equal(fixture.memory.used_bytes, 0);
    assert_int_equal(put(&fixture, 0, 1, 100000, 1), STATUS_OK);
    assert_int_equal(find(&fixture, 0, 1, 100000), 1);
    assert_int_equal(find(&fixture, 0, 1, INT32_MAX), -1);
    end(&fixture);
}

/* Ten thousand partitions in the worst order take no time to speak of, and little more memory than
 * themselves. */
static void no_order_is_dear(void **state)
{
    enum { MANY = 10000 };
    struct fixture fixture;
    begin(&fixture);
    for (int32_t p = MANY - 1; p >= 0; p--)
        assert_int_equal(put(&fixture, 0, 1, p, 2), STATUS_OK);
    assert_int_equal(fixture.offsets.count, MANY);
    assert_true(fixture.memory.used_bytes < MANY * (sizeof(struct group_kept_offset) + 8));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_last_is_there),
        cmocka_unit_test(offsets_belong_to_the_topic_id),
        cmocka_unit_test(no_id_says_nothing),
        cmocka_unit_test(memory_has_an_end),
        cmocka_unit_test(partitions_have_an_end),
        cmocka_unit_test(no_order_is_dear),
    };
    return cmocka_run_group_tests_name("group_offsets", tests, NULL, NULL);
}
