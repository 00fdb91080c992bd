/* However records are cut into deltas, and whether they come from a snapshot or from the log, the
 * same history gives the same image; what changes nothing is shared; what contradicts is refused.
 */
#include "cluster/image_build.h"
#include "cluster/image_changes.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{1}};
    memcpy(&id.bytes[4], &number, sizeof number);
    return id;
}

static struct metadata_record topic_record(uint32_t number, const char *name)
{
    return (struct metadata_record){
        .kind = METADATA_TOPIC, .topic = {.topic_id = id_of(number), .name = bytes_of_text(name)}};
}

static struct metadata_record partition_record(uint32_t number, int32_t partition)
{
    static int32_t replicas[] = {1, 2};
    static struct uuid directories[] = {{{8}}, {{9}}};
    return (struct metadata_record){.kind = METADATA_PARTITION,
                                    .partition = {.topic_id = id_of(number),
                                                  .partition = partition,
                                                  .replicas = replicas,
                                                  .replicas_count = 2,
                                                  .in_sync = replicas,
                                                  .in_sync_count = 2,
                                                  .leader = 1,
                                                  .directories = directories,
                                                  .directories_count = 2}};
}

static struct metadata_record remove_record(uint32_t number)
{
    return (struct metadata_record){.kind = METADATA_REMOVE_TOPIC,
                                    .remove_topic = {.topic_id = id_of(number)}};
}

static struct metadata_record config_record(uint32_t number, const char *name, const char *value)
{
    struct bytes text = value == NULL ? (struct bytes){0} : bytes_of_text(value);
    return (struct metadata_record){
        .kind = METADATA_TOPIC_CONFIG,
        .topic_config = {.topic_id = id_of(number), .name = bytes_of_text(name), .value = text}};
}

static struct metadata_record cluster_record(int16_t level)
{
    return (struct metadata_record){.kind = METADATA_CLUSTER, .cluster = {id_of(7), level}};
}

/* The next image after some records, in place of `image`, which is released. */
static struct image *next(struct image *image, const struct metadata_record *records,
                          uint32_t count)
{
    struct image_delta *delta = image_delta_create(image);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(image_delta_apply(delta, &records[i]), STATUS_OK);
    struct image *made = image_delta_finish(delta, image_offset(image) + 1, 1);
    image_release(image);
    return made;
}

static enum status refused(struct image *image, struct metadata_record record)
{
    struct image_delta *delta = image_delta_create(image);
    enum status status = image_delta_apply(delta, &record);
    image_delta_destroy(delta);
    return status;
}

static struct image *from_snapshot_of(const struct image *image)
{
    struct arena arena;
    struct writer writer;
    char message[IMAGE_MESSAGE_SIZE];
    arena_init(&arena, 1 << 28);
    writer_init(&writer, &arena);
    image_write_records(image, &writer);
    struct image *empty = image_create();
    struct image_delta *delta = image_delta_create(empty);
    image_release(empty);
    assert_int_equal(image_delta_apply_all(delta, writer_result(&writer), message), STATUS_OK);
    arena_deinit(&arena);
    return image_delta_finish(delta, image_offset(image), 1);
}

/* --- Histories -------------------------------------------------------------------------------- */

enum { HISTORY_MAX = 1200, TOPIC_MAX = 400 };

struct history {
    struct metadata_record records[HISTORY_MAX];
    char names[HISTORY_MAX][24];
    uint32_t count;
    uint32_t partitions[HISTORY_MAX]; /* by topic number; 0: gone */
    uint32_t topic_count;
};

static void history_grow(struct history *history, struct prng *prng)
{
    uint32_t at = history->count++;
    uint32_t number =
        history->topic_count == 0 ? 0 : (uint32_t)prng_below(prng, history->topic_count);
    bool is_there = history->topic_count > 0 && history->partitions[number] > 0;
    uint64_t choice = prng_below(prng, 10);
    if (is_there && choice < 4)
        history->records[at] = partition_record(number, (int32_t)history->partitions[number]++ - 1);
    else if (is_there && choice == 4)
        history->records[at] = config_record(number, "retention.ms", choice % 2 ? "5" : NULL);
    else if (is_there && choice == 5)
        history->records[at] = config_record(number, "segment.bytes", "2000000");
    else if (is_there && choice == 6) {
        history->records[at] = remove_record(number);
        history->partitions[number] = 0;
    } else {
        number = history->topic_count++;
        history->partitions[number] = 1;
        snprintf(history->names[at], sizeof history->names[at], "%c.topic-%u",
                 (char)('a' + prng_below(prng, 26)), number);
        history->records[at] = topic_record(number, history->names[at]);
    }
}

static void test_snapshot_and_the_rest_of_the_log_give_what_all_of_the_log_gives(void **state)
{
    static struct history history;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        history = (struct history){0};
        while (history.count < HISTORY_MAX)
            history_grow(&history, &prng);
        struct image *all = next(image_create(), history.records, history.count);
        uint32_t cut = (uint32_t)prng_below(&prng, history.count);
        struct image *first = next(image_create(), history.records, cut);
        struct image *middle = from_snapshot_of(first);
        assert_true(image_hash(first) == image_hash(middle));
        while (cut < history.count) {
            uint32_t count = (uint32_t)prng_between(&prng, 1, 9);
            count = count > history.count - cut ? history.count - cut : count;
            middle = next(middle, &history.records[cut], count);
            cut += count;
        }
        assert_true(image_hash(all) == image_hash(middle));
        assert_int_equal(image_topic_count(all), image_topic_count(middle));
        image_release(first);
        image_release(middle);
        image_release(all);
    }
}

/* How many topics are not the same in both, by looking up every one. */
static uint32_t count_changes(const struct image *before, const struct image *after)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < image_topic_count(before); i++) {
        const struct image_topic *topic = image_topic_at(before, i);
        count += topic != image_topic_by_id(after, topic->id);
    }
    for (uint32_t i = 0; i < image_topic_count(after); i++)
        count += image_topic_by_id(before, image_topic_at(after, i)->id) == NULL;
    return count;
}

static void check_changes(const struct image *before, const struct image *after)
{
    struct image_changes changes;
    struct image_change change;
    struct uuid last = {{0}};
    uint32_t count = 0;
    image_changes_init(&changes, before, after);
    for (; image_changes_next(&changes, &change); count++) {
        const struct image_topic *topic = change.after != NULL ? change.after : change.before;
        assert_true(memcmp(&last, &topic->id, sizeof last) < 0);
        assert_ptr_not_equal(change.before, change.after);
        assert_ptr_equal(change.before, image_topic_by_id(before, topic->id));
        assert_ptr_equal(change.after, image_topic_by_id(after, topic->id));
        last = topic->id;
    }
    assert_int_equal(count, count_changes(before, after));
}

/* Whatever was made, changed and removed between two images, and however leaves were split and
 * emptied by it, exactly that is told, each topic once, in the order of ids. */
static void test_changes_between_two_images_are_all_and_only_those(void **state)
{
    static struct history history;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        history = (struct history){0};
        while (history.count < HISTORY_MAX)
            history_grow(&history, &prng);
        struct image *image = image_create();
        for (uint32_t cut = 0; cut < history.count;) {
            uint32_t count = (uint32_t)prng_between(&prng, 1, cut % 3 == 0 ? 300 : 3);
            count = count > history.count - cut ? history.count - cut : count;
            struct image *before = image_retain(image);
            image = next(image, &history.records[cut], count);
            check_changes(before, image);
            check_changes(image, before);
            image_release(before);
            cut += count;
        }
        struct image *empty = image_create();
        check_changes(empty, image);
        check_changes(image, image);
        image_release(empty);
        image_release(image);
    }
}

static void test_topics_are_found_in_every_order_among_thousands(void **state)
{
    enum { COUNT = 3000 };
    struct image *image = image_create();
    char name[24];
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t number = i * 7919 % COUNT;
        snprintf(name, sizeof name, "t.%05u", number);
        image = next(image, (struct metadata_record[]){topic_record(number, name)}, 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "t.%05u", i);
        const struct image_topic *topic = image_topic_at(image, i);
        assert_true(bytes_equal_text(topic->name, name));
        assert_ptr_equal(topic, image_topic_by_name(image, bytes_of_text(name)));
        assert_ptr_equal(topic, image_topic_by_id(image, id_of(i)));
        name[1] = '_';
        assert_ptr_equal(topic, image_topic_colliding(image, bytes_of_text(name)));
    }
    assert_int_equal(image_topic_lower_bound(image, bytes_of_text("t.00100x")), 101);
    assert_int_equal(image_topic_lower_bound(image, bytes_of_text("zz")), COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        image = next(image, (struct metadata_record[]){remove_record(i * 31 % COUNT)}, 1);
    assert_int_equal(image_topic_count(image), 0);
    image_release(image);
}

static void test_a_topic_that_was_not_touched_is_shared(void **state)
{
    struct image *first =
        next(image_create(),
             (struct metadata_record[]){topic_record(1, "a"), topic_record(2, "b"),
                                        partition_record(2, 0)},
             3);
    struct image *second =
        next(image_retain(first), (struct metadata_record[]){partition_record(2, 1)}, 1);
    assert_ptr_equal(image_topic_at(first, 0), image_topic_at(second, 0));
    assert_ptr_not_equal(image_topic_at(first, 1), image_topic_at(second, 1));
    assert_int_equal(image_topic_at(first, 1)->partition_count, 1);
    assert_int_equal(image_topic_at(second, 1)->partition_count, 2);
    assert_false(image_hash(first) == image_hash(second));
    image_release(first);
    image_release(second);
}

static void test_a_name_may_pass_from_one_topic_to_another_within_a_delta(void **state)
{
    struct image *image = next(image_create(), (struct metadata_record[]){topic_record(1, "a")}, 1);
    image = next(image, (struct metadata_record[]){remove_record(1), topic_record(2, "a")}, 2);
    assert_int_equal(image_topic_count(image), 1);
    assert_true(uuid_equal(image_topic_at(image, 0)->id, id_of(2)));
    assert_null(image_topic_by_id(image, id_of(1)));
    image_release(image);
}

static void test_brokers_and_their_settings_are_kept(void **state)
{
    struct metadata_record records[] = {
        cluster_record(1),
        {.kind = METADATA_BROKER, .broker = {.broker_id = 2, .rack = bytes_of_text("r")}},
        {.kind = METADATA_BROKER, .broker = {.broker_id = 1, .is_fenced = true}},
        {.kind = METADATA_BROKER_CONFIG,
         .broker_config = {-1, bytes_of_text("num.partitions"), bytes_of_text("4")}},
        {.kind = METADATA_BROKER_CONFIG,
         .broker_config = {1, bytes_of_text("fetch.max.bytes"), bytes_of_text("5000")}},
        {.kind = METADATA_PRODUCER_IDS, .producer_ids = {3000}},
    };
    struct image *image = next(image_create(), records, 6);
    struct image *copy = from_snapshot_of(image);
    assert_true(image_hash(image) == image_hash(copy));
    assert_true(uuid_equal(image_cluster_id(copy), id_of(7)));
    assert_int_equal(image_broker_at(copy, 0)->id, 1);
    assert_true(image_broker_by_id(copy, 1)->is_fenced);
    assert_true(bytes_equal_text(image_broker_by_id(copy, 2)->rack, "r"));
    assert_string_equal(image_broker_config(copy, -1, CONFIG_NUM_PARTITIONS), "4");
    assert_null(image_broker_config(copy, 1, CONFIG_NUM_PARTITIONS));
    assert_int_equal(image_next_producer_id(copy), 3000);
    records[3].broker_config.value = (struct bytes){0};
    copy = next(copy, &records[3], 1);
    assert_null(image_broker_config(copy, -1, CONFIG_NUM_PARTITIONS));
    image_release(copy);
    image_release(image);
}

static const char *session_of(const struct image *image, const char *group)
{
    const struct group_config *config = image_group_config(image, bytes_of_text(group));
    return config == NULL ? NULL : config->texts[GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS];
}

/* In whatever order they come, and one that has lost its last setting takes no place. */
static void test_settings_of_groups_are_kept(void **state)
{
    struct metadata_record records[] = {
        cluster_record(1),
        {.kind = METADATA_GROUP_CONFIG,
         .group_config = {bytes_of_text("m"), bytes_of_text("consumer.session.timeout.ms"),
                          bytes_of_text("1")}},
        {.kind = METADATA_GROUP_CONFIG,
         .group_config = {bytes_of_text("z"), bytes_of_text("consumer.session.timeout.ms"),
                          bytes_of_text("2")}},
        {.kind = METADATA_GROUP_CONFIG,
         .group_config = {bytes_of_text("a"), bytes_of_text("consumer.session.timeout.ms"),
                          bytes_of_text("3")}},
        {.kind = METADATA_GROUP_CONFIG,
         .group_config = {bytes_of_text("m"), bytes_of_text("share.isolation.level"),
                          bytes_of_text("read_committed")}},
    };
    struct image *image = next(image_create(), records, 5);
    struct image *copy = from_snapshot_of(image);
    assert_true(image_hash(image) == image_hash(copy));
    assert_int_equal(image_group_config_count(copy), 3);
    assert_string_equal(session_of(copy, "a"), "3");
    assert_string_equal(session_of(copy, "m"), "1");
    assert_string_equal(session_of(copy, "z"), "2");
    assert_null(session_of(copy, "b"));
    records[1].group_config.value = (struct bytes){0};
    records[3].group_config.value = (struct bytes){0};
    copy = next(copy, &records[1], 1);
    copy = next(copy, &records[3], 1);
    assert_int_equal(image_group_config_count(copy), 2);
    assert_null(session_of(copy, "m"));
    assert_null(session_of(copy, "a"));
    assert_string_equal(session_of(copy, "z"), "2");
    image_release(copy);
    assert_string_equal(session_of(image, "m"), "1");
    image_release(image);
}

/* As many groups as may have settings, in no order and altered time and again, as a start reads
 * them from the log: what one record leaves behind makes room for the next. */
static void test_settings_of_very_many_groups_are_read_at_once(void **state)
{
    enum { STEP = 7919, ROUNDS = 20 };
    struct image *empty = image_create();
    struct image_delta *delta = image_delta_create(empty);
    image_release(empty);
    static char long_value[4000];
    memset(long_value, 'x', sizeof long_value);
    for (uint32_t i = 0; i < ROUNDS * IMAGE_GROUP_CONFIGS_MAX; i++) {
        char group[16];
        snprintf(group, sizeof group, "g%05u", i * STEP % IMAGE_GROUP_CONFIGS_MAX);
        bool is_last = i >= (ROUNDS - 1) * IMAGE_GROUP_CONFIGS_MAX;
        const struct metadata_record record = {
            .kind = METADATA_GROUP_CONFIG,
            .group_config = {bytes_of_text(group), bytes_of_text("share.auto.offset.reset"),
                             is_last ? bytes_of_text("latest")
                                     : bytes_of(long_value, i % 10 == 0 ? sizeof long_value : 9)}};
        assert_int_equal(image_delta_apply(delta, &record), STATUS_OK);
    }
    struct image *image = image_delta_finish(delta, 1, 1);
    assert_int_equal(image_group_config_count(image), IMAGE_GROUP_CONFIGS_MAX);
    struct image *copy = from_snapshot_of(image);
    assert_true(image_hash(image) == image_hash(copy));
    const struct group_config *config = image_group_config(copy, bytes_of_text("g00042"));
    assert_string_equal(config->texts[GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET], "latest");
    image_release(copy);
    image_release(image);
}

/* --- Deleted topics --------------------------------------------------------------------------- */

static struct metadata_record deleted_record(struct uuid *ids, uint32_t count)
{
    return (struct metadata_record){.kind = METADATA_DELETED_TOPICS,
                                    .deleted_topics = {.topic_ids = ids, .topic_ids_count = count}};
}

/* That a topic was deleted is known of every one that was there and is not, also of one that came
 * and went within a delta; a snapshot says it on, and it is in the hash. */
static void test_deleted_topics_are_remembered_across_snapshots(void **state)
{
    struct image *image =
        next(image_create(),
             (struct metadata_record[]){topic_record(1, "a"), topic_record(2, "b"),
                                        topic_record(3, "c"), remove_record(3)},
             4);
    uint64_t hash = image_hash(image);
    assert_true(image_topic_was_deleted(image, id_of(3)));
    image = next(image, (struct metadata_record[]){remove_record(1)}, 1);
    struct image *again = from_snapshot_of(image);
    image = next(image, (struct metadata_record[]){topic_record(4, "d")}, 1);
    again = next(again, (struct metadata_record[]){topic_record(4, "d")}, 1);
    assert_true(image_hash(again) != hash);
    assert_int_equal(image_hash(again), image_hash(image));
    for (uint32_t number = 1; number <= 5; number++) {
        bool was_deleted = number == 1 || number == 3;
        assert_int_equal(image_topic_was_deleted(image, id_of(number)), was_deleted);
        assert_int_equal(image_topic_was_deleted(again, id_of(number)), was_deleted);
    }
    image_release(image);
    image_release(again);
}

/* The image with topics from..to made and deleted, all in one delta or each in one of its own. */
static struct image *come_and_go(struct image *image, uint32_t from, uint32_t to, bool at_once)
{
    static struct metadata_record records[2 * (IMAGE_DELETED_MAX + 10)];
    uint32_t count = 0;
    for (uint32_t number = from; number < to; number++) {
        records[count++] = topic_record(number, "brief");
        records[count++] = remove_record(number);
        if (!at_once)
            image = next(image, records, count);
        count = at_once ? count : 0;
    }
    return count == 0 ? image : next(image, records, count);
}

/* The list has an end: those that went first are forgotten, however the records were cut. */
static void test_the_last_deleted_topics_are_remembered(void **state)
{
    for (uint32_t at_once = 0; at_once < 2; at_once++) {
        struct image *image = come_and_go(image_create(), 1, 11, at_once);
        image = come_and_go(image, 11, IMAGE_DELETED_MAX + 1, true);
        assert_true(image_topic_was_deleted(image, id_of(1)));
        image = come_and_go(image, IMAGE_DELETED_MAX + 1, IMAGE_DELETED_MAX + 4, at_once);
        assert_false(image_topic_was_deleted(image, id_of(3)));
        assert_true(image_topic_was_deleted(image, id_of(4)));
        assert_true(image_topic_was_deleted(image, id_of(IMAGE_DELETED_MAX + 3)));
        image = come_and_go(image, IMAGE_DELETED_MAX + 4, 2 * IMAGE_DELETED_MAX + 9, true);
        assert_false(image_topic_was_deleted(image, id_of(IMAGE_DELETED_MAX + 8)));
        assert_true(image_topic_was_deleted(image, id_of(IMAGE_DELETED_MAX + 9)));
        image_release(image);
    }
}

static void test_records_that_contradict_the_image_are_refused(void **state)
{
    struct metadata_record gap = partition_record(1, 5);
    struct metadata_record stranger = partition_record(1, 0);
    struct metadata_record homeless = partition_record(1, 0);
    struct metadata_record twice = partition_record(1, 0);
    struct metadata_record newer = config_record(1, "setting.of.tomorrow", "1");
    static int32_t others[] = {3};
    static int32_t one_twice[] = {1, 1};
    static struct uuid nobody[] = {{{0}}};
    struct uuid living[] = {id_of(9), id_of(1)};
    homeless.partition.directories_count = 1;
    stranger.partition.in_sync = others;
    stranger.partition.in_sync_count = 1;
    twice.partition.in_sync = one_twice;
    struct image *image =
        next(image_create(), (struct metadata_record[]){topic_record(1, "a.b")}, 1);
    assert_int_equal(refused(image, topic_record(2, "a.b")), STATUS_CORRUPT);
    assert_int_equal(refused(image, topic_record(2, "a_b")), STATUS_CORRUPT);
    assert_int_equal(refused(image, topic_record(1, "c")), STATUS_CORRUPT);
    assert_int_equal(refused(image, topic_record(2, "")), STATUS_CORRUPT);
    assert_int_equal(refused(image, remove_record(9)), STATUS_CORRUPT);
    assert_int_equal(refused(image, partition_record(9, 0)), STATUS_CORRUPT);
    assert_int_equal(refused(image, gap), STATUS_CORRUPT);
    assert_int_equal(refused(image, stranger), STATUS_CORRUPT);
    assert_int_equal(refused(image, homeless), STATUS_CORRUPT);
    assert_int_equal(refused(image, twice), STATUS_CORRUPT);
    assert_int_equal(refused(image, deleted_record(living, 2)), STATUS_CORRUPT);
    assert_int_equal(refused(image, deleted_record(nobody, 1)), STATUS_CORRUPT);
    assert_int_equal(refused(image, deleted_record(living, 1)), STATUS_OK);
    assert_int_equal(refused(image, newer), STATUS_UNSUPPORTED);
    assert_int_equal(refused(image, cluster_record(METADATA_FEATURE_LEVEL + 1)),
                     STATUS_UNSUPPORTED);
    image_release(image);
}

/* Values that no command of this release would have taken, and numbers after which there are none:
 * whoever works with them relies on that. */
static void test_records_of_what_cannot_be_are_refused(void **state)
{
    const struct {
        enum metadata_record_kind kind;
        const char *name;
        const char *value;
    } rows[] = {
        {METADATA_TOPIC_CONFIG, "segment.ms", "0"},
        {METADATA_TOPIC_CONFIG, "retention.ms", "-2"},
        {METADATA_TOPIC_CONFIG, "min.cleanable.dirty.ratio", "1.5"},
        {METADATA_TOPIC_CONFIG, "message.timestamp.type", "Never"},
        {METADATA_BROKER_CONFIG, "num.partitions", "none"},
        {METADATA_GROUP_CONFIG, "consumer.session.timeout.ms", "-1"},
    };
    struct metadata_record last_epoch = partition_record(1, 0);
    last_epoch.partition.leader_epoch = INT32_MAX;
    struct metadata_record last_change = partition_record(1, 0);
    last_change.partition.partition_epoch = INT32_MAX;
    const struct metadata_record last_id = {.kind = METADATA_PRODUCER_IDS,
                                            .producer_ids = {INT64_MAX - 1}};
    struct image *image = next(image_create(), (struct metadata_record[]){topic_record(1, "t")}, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes name = bytes_of_text(rows[i].name);
        struct bytes value = bytes_of_text(rows[i].value);
        struct metadata_record record = config_record(1, rows[i].name, rows[i].value);
        record.kind = rows[i].kind;
        if (record.kind == METADATA_BROKER_CONFIG)
            record.broker_config = (struct broker_config_record){-1, name, value};
        if (record.kind == METADATA_GROUP_CONFIG)
            record.group_config = (struct group_config_record){bytes_of_text("g"), name, value};
        assert_int_equal(refused(image, record), STATUS_UNSUPPORTED);
    }
    assert_int_equal(refused(image, last_epoch), STATUS_CORRUPT);
    assert_int_equal(refused(image, last_change), STATUS_CORRUPT);
    assert_int_equal(refused(image, last_id), STATUS_CORRUPT);
    image_release(image);
}

static void test_a_record_of_a_newer_release_is_refused_and_named(void **state)
{
    static const uint8_t key_99[] = {0, 99, 0, 0, 0, 0, 0, 0};
    static const uint8_t version_1[] = {0, 5, 0, 1, 0, 0, 0, 16, 1, 0, 0, 0,
                                        0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0};
    static const uint8_t cut_short[] = {0, 5, 0, 0, 0, 0, 0, 16, 1};
    const struct {
        struct bytes bytes;
        enum status status;
        const char *message;
    } rows[] = {
        {bytes_of(key_99, sizeof key_99), STATUS_UNSUPPORTED,
         "metadata record 99 version 0 was written by a newer release; start that release"},
        {bytes_of(version_1, sizeof version_1), STATUS_UNSUPPORTED,
         "metadata record 5 version 1 was written by a newer release; start that release"},
        {bytes_of(cut_short, sizeof cut_short), STATUS_TRUNCATED,
         "metadata record 5 is broken: fewer bytes than announced"},
    };
    struct image *image = image_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[IMAGE_MESSAGE_SIZE];
        struct image_delta *delta = image_delta_create(image);
        assert_int_equal(image_delta_apply_all(delta, rows[i].bytes, message), rows[i].status);
        assert_string_equal(message, rows[i].message);
        image_delta_destroy(delta);
    }
    image_release(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_and_the_rest_of_the_log_give_what_all_of_the_log_gives),
        cmocka_unit_test(test_changes_between_two_images_are_all_and_only_those),
        cmocka_unit_test(test_topics_are_found_in_every_order_among_thousands),
        cmocka_unit_test(test_a_topic_that_was_not_touched_is_shared),
        cmocka_unit_test(test_a_name_may_pass_from_one_topic_to_another_within_a_delta),
        cmocka_unit_test(test_settings_of_groups_are_kept),
        cmocka_unit_test(test_settings_of_very_many_groups_are_read_at_once),
        cmocka_unit_test(test_brokers_and_their_settings_are_kept),
        cmocka_unit_test(test_deleted_topics_are_remembered_across_snapshots),
        cmocka_unit_test(test_the_last_deleted_topics_are_remembered),
        cmocka_unit_test(test_records_that_contradict_the_image_are_refused),
        cmocka_unit_test(test_records_of_what_cannot_be_are_refused),
        cmocka_unit_test(test_a_record_of_a_newer_release_is_refused_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
