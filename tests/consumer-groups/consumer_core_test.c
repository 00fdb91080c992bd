/* Stories about a group of the consumer protocol (KIP-848). */
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/consumer_rig.h"

#include <stdio.h>
#include <string.h>

static struct heard heard;

static void expect(struct consumer_rig *rig, const struct beat *beat, const char *wanted)
{
    consumer_rig_beat(rig, beat, &heard);
    assert_string_equal(consumer_rig_show(rig, &heard), wanted);
}

static void expect_refused(struct consumer_rig *rig, const struct beat *beat, const char *error,
                           const char *message)
{
    consumer_rig_beat(rig, beat, &heard);
    assert_string_equal(consumer_rig_show(rig, &heard), error);
    assert_string_equal(heard.message, message);
}

static struct beat join(const char *member, const char *topics)
{
    return (struct beat){.member = member, .topics = topics};
}

static struct beat at(const char *member, int32_t epoch)
{
    return (struct beat){.member = member, .epoch = epoch};
}

/* It tells that it owns what it was given last, as the last answer has it. */
static struct beat owning(const char *member, int32_t epoch, const struct heard *given)
{
    return (struct beat){
        .member = member, .epoch = epoch, .tells_owned = true, .owned = given->assigned};
}

/* The first member gets everything; the second waits until the first has given up its share. */
static void handing_over(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:4");
    struct beat a = join("a", "orders");
    struct beat b = join("b", "orders");
    expect(&rig, &a, "ok 2: orders-0 orders-1 orders-2 orders-3");
    expect(&rig, &b, "ok 3:");
    a = at("a", 2);
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    struct heard kept = heard;
    b = at("b", 3);
    expect(&rig, &b, "ok 3"); /* a has not confirmed yet */
    a = owning("a", 2, &kept);
    a.owned.items = kept.items;
    expect(&rig, &a, "ok 3");
    expect(&rig, &b, "ok 3: orders-2 orders-3");
    assert_string_equal(consumer_rig_show_group(&rig, &rig.group),
                        "Stable 3/3\n"
                        "a 3<2 state 0 has orders-0 orders-1 gives up target orders-0 orders-1\n"
                        "b 3<3 state 0 has orders-2 orders-3 gives up target orders-2 orders-3\n");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* Who leaves gives everything back at once. */
static void leaving(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:2");
    struct beat a = join("a", "orders");
    struct beat b = join("b", "orders");
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    struct beat bye = at("a", MEMBER_EPOCH_LEAVE);
    expect(&rig, &bye, "ok -1");
    expect(&rig, &b, "ok 4: orders-0 orders-1");
    bye = at("c", MEMBER_EPOCH_LEAVE);
    expect_refused(&rig, &bye, "UNKNOWN_MEMBER_ID", "Member c is not a member of group group.");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* Without a heartbeat the session ends; without revoking in time, the membership. */
static void timeouts(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:2");
    struct beat a = join("a", "orders");
    struct beat b = join("b", "orders");
    a.rebalance_timeout_ms = 10 * 1000;
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    expect(&rig, &b, "ok 3:");
    a = at("a", 2);
    expect(&rig, &a, "ok 2: orders-0");
    consumer_rig_pass(&rig, 9 * 1000);
    expect(&rig, &a, "ok 2");
    consumer_rig_pass(&rig, 1 * 1000);
    expect(&rig, &a, "UNKNOWN_MEMBER_ID");
    b = at("b", 3);
    expect(&rig, &b, "ok 4: orders-0 orders-1");
    consumer_rig_pass(&rig, 45 * 1000 - 1);
    assert_false(consumer_is_empty(&rig.group));
    consumer_rig_pass(&rig, 1);
    assert_true(consumer_is_empty(&rig.group));
    assert_string_equal(consumer_rig_show_group(&rig, &rig.group), "Empty 5/5\n");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* An epoch that is not the member's fences it, but for the one before when an answer was lost. */
static void epochs(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:2");
    struct beat a = join("a", "orders");
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    expect(&rig, &a, "ok 2: orders-0 orders-1"); /* the first answer was lost */
    struct beat wrong = at("a", 3);
    expect_refused(&rig, &wrong, "FENCED_MEMBER_EPOCH",
                   "The consumer group member has a greater member epoch (3) than the one known by "
                   "the group coordinator (2). The member must abandon all its partitions and "
                   "rejoin.");
    struct beat more = at("a", 2);
    more.topics = "orders audit";
    expect(&rig, &more, "ok 3");
    struct beat anew = join("a", "orders audit");
    expect(&rig, &anew, "ok 3: orders-0 orders-1");
    wrong = at("a", 1);
    wrong.tells_owned = true;
    expect(&rig, &wrong, "FENCED_MEMBER_EPOCH");
    struct beat again = at("a", 2);
    expect(&rig, &again, "FENCED_MEMBER_EPOCH"); /* it does not say what it owns */
    again.tells_owned = true;
    expect(&rig, &again, "ok 3");
    assert_int_equal(consumer_check_fetch(&rig.group, (struct bytes){NULL, 0}, -1), KAFKA_NONE);
    assert_int_equal(consumer_check_fetch(&rig.group, bytes_of_text("a"), 2),
                     KAFKA_STALE_MEMBER_EPOCH);
    consumer_rig_deinit(&rig);
}

/* What a commit of one partition is told. */
static int16_t commit(const struct consumer_rig *rig, const char *member, int32_t epoch,
                      int32_t partition)
{
    const struct image_topic *topic = image_topic_by_name(rig->image, bytes_of_text("orders"));
    const struct consumer_member *late;
    int16_t error_code = consumer_check_commit(&rig->group, bytes_of_text(member), epoch, 9, &late);
    return error_code != KAFKA_NONE || late == NULL
               ? error_code
               : consumer_check_late_commit(late, epoch, topic->id, partition);
}

/* A member commits at its epoch, whatever it is about; at an older one what has been its own since
 * then, also while it is to give it up (KIP-1251). */
static void late_commits(void **state)
{
    (void)state;
    struct consumer_rig rig;
    const struct consumer_member *late;
    consumer_rig_init(&rig, "orders:2");
    assert_int_equal(commit(&rig, "", -1, 0), KAFKA_NONE);
    struct beat a = join("a", "orders");
    struct beat b = join("b", "orders");
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    expect(&rig, &b, "ok 3:");
    a = at("a", 2);
    expect(&rig, &a, "ok 2: orders-0");
    assert_int_equal(commit(&rig, "a", 1, 1), KAFKA_STALE_MEMBER_EPOCH);
    assert_int_equal(commit(&rig, "a", 2, 1), KAFKA_NONE);
    assert_int_equal(commit(&rig, "a", 3, 0), KAFKA_STALE_MEMBER_EPOCH);
    a = owning("a", 2, &heard);
    a.owned.items = heard.items;
    expect(&rig, &a, "ok 3");
    b = at("b", 3);
    expect(&rig, &b, "ok 3: orders-1");
    const struct {
        const char *member;
        int32_t epoch;
        int32_t partition;
        int16_t error_code;
    } table[] = {
        {"a", 3, 0, KAFKA_NONE},
        {"a", 3, 1, KAFKA_NONE},
        {"a", 2, 0, KAFKA_NONE},
        {"a", 2, 1, KAFKA_STALE_MEMBER_EPOCH}, /* given up */
        {"a", 1, 0, KAFKA_STALE_MEMBER_EPOCH}, /* before it had it */
        {"a", 0, 0, KAFKA_STALE_MEMBER_EPOCH},
        {"a", -1, 0, KAFKA_STALE_MEMBER_EPOCH},
        {"a", 4, 0, KAFKA_STALE_MEMBER_EPOCH},
        {"b", 3, 1, KAFKA_NONE},
        {"b", 2, 1, KAFKA_STALE_MEMBER_EPOCH},
        {"c", 3, 1, KAFKA_UNKNOWN_MEMBER_ID},
        {"", -1, 1, KAFKA_UNKNOWN_MEMBER_ID},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(commit(&rig, table[i].member, table[i].epoch, table[i].partition),
                         table[i].error_code);
    assert_int_equal(consumer_check_commit(&rig.group, bytes_of_text("a"), 3, 8, &late),
                     KAFKA_UNSUPPORTED_VERSION);
    a = at("a", 3);
    a.topics = "audit";
    expect(&rig, &a, "ok 3:");
    assert_int_equal(commit(&rig, "a", 2, 0), KAFKA_NONE);
    assert_int_equal(commit(&rig, "a", 1, 0), KAFKA_STALE_MEMBER_EPOCH);
    consumer_rig_deinit(&rig);
}

/* A static member keeps what it has while it is away, and whoever comes in its place gets it. */
static void static_members(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:2");
    struct beat a = join("a", "orders");
    a.instance = "one";
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    struct beat thief = join("t", "orders");
    thief.instance = "one";
    expect(&rig, &thief, "UNRELEASED_INSTANCE_ID");
    struct beat away = at("a", MEMBER_EPOCH_AWAY);
    expect_refused(&rig, &away, "INVALID_REQUEST", "InstanceId can't be null.");
    away.instance = "one";
    expect(&rig, &away, "ok -2");
    struct beat other = join("b", "orders");
    expect(&rig, &other, "ok 3:"); /* the other still has everything */
    struct beat b = at("b", MEMBER_EPOCH_LEAVE);
    expect(&rig, &b, "ok -1");
    struct beat back = join("a2", "orders");
    back.instance = "one";
    expect(&rig, &back, "ok 4: orders-0 orders-1");
    struct beat ghost = at("a", 2);
    ghost.instance = "one";
    expect(&rig, &ghost, "FENCED_INSTANCE_ID");
    ghost.epoch = MEMBER_EPOCH_LEAVE;
    expect(&rig, &ghost, "FENCED_INSTANCE_ID");
    ghost.instance = "two";
    expect(&rig, &ghost, "UNKNOWN_MEMBER_ID");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* The place of a member that is away is not for whoever is in the group already under another id:
 * the two would be one in the log. */
static void place_taken_by_member(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:2");
    struct beat a = join("a", "orders");
    a.instance = "one";
    expect(&rig, &a, "ok 2: orders-0 orders-1");
    struct beat away = at("a", MEMBER_EPOCH_AWAY);
    away.instance = "one";
    expect(&rig, &away, "ok -2");
    struct beat b = join("b", "orders");
    expect(&rig, &b, "ok 3:");
    b.instance = "one";
    expect_refused(&rig, &b, "INVALID_REQUEST",
                   "Member b is in the group without this instance id.");
    struct beat still = at("b", 3);
    expect(&rig, &still, "ok 3");
    struct beat back = join("a", "orders");
    back.instance = "one";
    expect(&rig, &back, "ok 3: orders-0");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* Two members of one instance in the log: the later one has its place. */
static void instance_recorded_twice(void **state)
{
    (void)state;
    struct consumer_rig rig;
    struct consumer_group_member_metadata_value value;
    consumer_rig_init(&rig, "orders:1");
    consumer_group_member_metadata_value_init(&value);
    value.instance_id = bytes_of_text("i");
    value.client_id = bytes_of_text("client");
    value.client_host = bytes_of_text("/127.0.0.1");
    for (int i = 0; i < 2; i++)
        assert_int_equal(consumer_restore_member(&rig.group, &rig.memory,
                                                 bytes_of_text(i == 0 ? "a" : "b"), &value),
                         STATUS_OK);
    assert_int_equal(rig.group.members.count, 1);
    assert_ptr_equal(consumer_member_of_instance(&rig.group, bytes_of_text("i")),
                     consumer_member_find(&rig.group, bytes_of_text("b")));
    consumer_rig_deinit(&rig);
}

/* New partitions, and topics made anew, are assigned without anybody asking. */
static void topics_change(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders:1 other:1");
    struct beat a = join("a", "orders");
    expect(&rig, &a, "ok 2: orders-0");
    consumer_rig_topics(&rig, "orders:1 other:7");
    assert_int_equal(rig.group.epoch, 2);
    consumer_rig_topics(&rig, "orders:2 other:7");
    a = at("a", 2);
    expect(&rig, &a, "ok 3: orders-0 orders-1");
    consumer_rig_topics(&rig, "orders:2! other:7");
    a = at("a", 3);
    expect(&rig, &a, "ok 3:"); /* the old topic's partitions are to be given up */
    a.tells_owned = true;
    expect(&rig, &a, "ok 4: orders-0 orders-1");
    consumer_rig_topics(&rig, "other:7");
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* An expression stands for the topics that it matches, now and later. */
static void patterns(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "orders-1:1 orders-2:1 audit:1");
    struct beat a = join("a", NULL);
    a.pattern = "orders-[0-9]+";
    expect(&rig, &a, "ok 2: orders-1-0 orders-2-0");
    assert_true(consumer_is_subscribed(&rig.group, bytes_of_text("orders-2")));
    assert_false(consumer_is_subscribed(&rig.group, bytes_of_text("audit")));
    consumer_rig_topics(&rig, "orders-1:1 orders-2:1 orders-3:1 audit:1");
    consumer_rig_pass(&rig, 2000);
    a = at("a", 2);
    expect(&rig, &a, "ok 3: orders-1-0 orders-2-0 orders-3-0");
    a = at("a", 3);
    a.pattern = "(orders";
    expect_refused(&rig, &a, "INVALID_REGULAR_EXPRESSION",
                   "SubscribedTopicRegex `(orders` is not a valid regular expression: missing ) at "
                   "character 0.");
    a.pattern = "";
    a.topics = "audit";
    expect(&rig, &a, "ok 3:");
    assert_null(list_first(&rig.group.patterns));
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* A hostile expression over many topics is matched a slice at a time, and still comes to an end. */
static void patterns_in_slices(void **state)
{
    (void)state;
    struct consumer_rig rig;
    char topics[1024] = "";
    for (char letter = 'a'; letter < 'a' + 25; letter++)
        snprintf(topics + strlen(topics), sizeof topics - strlen(topics),
                 "%c-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1 ", letter);
    consumer_rig_init(&rig, topics);
    struct beat a = join("a", NULL);
    a.pattern = "[a-c].(a?){900}(a?){900}";
    expect(&rig, &a, "ok 2:");
    assert_true(consumer_deadline_ms(&rig.group) <= rig.turn.now_ms);
    consumer_rig_pass(&rig, 1);
    a = at("a", 2);
    expect(&rig, &a, "ok 3: a-aaaaaa-0 b-aaaaaa-0 c-aaaaaa-0");
    consumer_rig_deinit(&rig);
}

static uint32_t matching_count(const struct consumer_rig *rig)
{
    uint32_t count = 0;
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &rig->group.patterns, node)
        count += pattern->matching != NULL;
    return count;
}

/* However many hostile expressions a group has, one is matched at a time; its program counts as
 * memory of groups, and each has its turn. */
static void patterns_one_at_a_time(void **state)
{
    enum { MEMBERS = 5, PROGRAM_BYTES_MIN = 50 * 1024 };
    (void)state;
    struct consumer_rig rig;
    char patterns[MEMBERS][40];
    char members[MEMBERS][2];
    consumer_rig_init(&rig, "a-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1 b-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1 "
                            "c-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1 d-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1");
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(members[i], sizeof members[i], "%c", 'a' + i);
        snprintf(patterns[i], sizeof patterns[i], "[a-d].(a?){900}(a?){%d}", 900 + i);
        struct beat beat = join(members[i], NULL);
        beat.pattern = patterns[i];
        consumer_rig_beat(&rig, &beat, &heard);
        assert_int_equal(heard.error_code, KAFKA_NONE);
        assert_int_equal(matching_count(&rig), 1);
        assert_true(rig.memory.used_bytes > PROGRAM_BYTES_MIN);
    }
    consumer_rig_pass(&rig, 1);
    assert_int_equal(matching_count(&rig), 0);
    assert_true(rig.memory.used_bytes < PROGRAM_BYTES_MIN);
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &rig.group.patterns, node)
        assert_int_equal(pattern->topics.count, 4);
    consumer_rig_check_restored(&rig);
    consumer_rig_deinit(&rig);
}

/* Without memory for its program an expression waits until there is some. */
static void patterns_wait_for_memory(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "a-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1");
    size_t limit_bytes = rig.memory.limit_bytes;
    rig.memory.limit_bytes = rig.memory.used_bytes + 50 * 1024;
    struct beat a = join("a", NULL);
    a.pattern = "a.(a?){900}(a?){900}";
    expect(&rig, &a, "ok 2:");
    assert_int_equal(matching_count(&rig), 0);
    assert_true(consumer_deadline_ms(&rig.group) > rig.turn.now_ms);
    rig.memory.limit_bytes = limit_bytes;
    consumer_rig_pass(&rig, 1000);
    a = at("a", 2);
    expect(&rig, &a, "ok 3: a-aaaaaa-0");
    consumer_rig_deinit(&rig);
}

/* What makes no sense is refused with Kafka's words, and changes nothing. */
static void nonsense(void **state)
{
    (void)state;
    static const struct {
        struct beat beat;
        const char *error;
        const char *message;
    } rows[] = {
        {{.member = "", .topics = "t"}, "INVALID_REQUEST", "MemberId can't be empty."},
        {{.member = "", .epoch = 3}, "INVALID_REQUEST", "MemberId can't be empty."},
        {{.member = "a", .topics = "t", .instance = ""},
         "INVALID_REQUEST",
         "InstanceId can't be empty."},
        {{.member = "a", .topics = "t", .rack = ""}, "INVALID_REQUEST", "RackId can't be empty."},
        {{.member = "a", .topics = "t", .rebalance_timeout_ms = -1},
         "INVALID_REQUEST",
         "RebalanceTimeoutMs must be provided in first request."},
        {{.member = "a"},
         "INVALID_REQUEST",
         "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
         "(re-)joining."},
        {{.member = "a", .epoch = -3}, "INVALID_REQUEST", "MemberEpoch is invalid."},
        {{.member = "a", .topics = "t", .assignor = "sticky"},
         "UNSUPPORTED_ASSIGNOR",
         "ServerAssignor sticky is not supported. Supported assignors: uniform, range."},
        {{.member = "a", .epoch = 1},
         "UNKNOWN_MEMBER_ID",
         "Member a is not a member of group group."},
        {{.member = "a", .epoch = 2, .instance = "x"},
         "UNKNOWN_MEMBER_ID",
         "Instance id x is unknown."},
    };
    struct consumer_rig rig;
    consumer_rig_init(&rig, "t:1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refused(&rig, &rows[i].beat, rows[i].error, rows[i].message);
    assert_int_equal(rig.history.count, 0);
    assert_int_equal(rig.memory.used_bytes, 0);
    consumer_rig_deinit(&rig);
}

/* Below version 1 the broker makes the member's id. */
static void made_id(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "t:1");
    struct beat a = join("", "t");
    a.is_version_0 = true;
    consumer_rig_beat(&rig, &a, &heard);
    assert_int_equal(heard.error_code, KAFKA_NONE);
    assert_int_equal(strlen(heard.member_id), 22);
    consumer_rig_deinit(&rig);
}

/* So many and no more; and a member that is in already is none too many. */
static void full(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "t:1");
    rig.settings.consumer_size_max = 1;
    struct beat a = join("a", "t");
    struct beat b = join("b", "t");
    expect(&rig, &a, "ok 2: t-0");
    expect_refused(&rig, &b, "GROUP_MAX_SIZE_REACHED",
                   "The consumer group has reached its maximum capacity of 1 members.");
    a = at("a", 2);
    expect(&rig, &a, "ok 2");
    consumer_rig_deinit(&rig);
}

/* The assignor that most members ask for; and no more than one target in an interval. */
static void assigning(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "x:3 y:3");
    rig.settings.consumer_assignment_interval_ms = 1000;
    struct beat a = join("a", "x y");
    struct beat b = join("b", "x y");
    a.assignor = "range";
    expect(&rig, &a, "ok 2: x-0 x-1 x-2 y-0 y-1 y-2");
    expect(&rig, &b, "ok 2:");
    assert_string_equal(consumer_state_name(&rig.group), "Assigning");
    consumer_rig_pass(&rig, 1000);
    assert_int_equal(rig.group.assignment_epoch, 3);
    a = at("a", 2);
    expect(&rig, &a, "ok 2: x-0 x-1 y-0 y-1");
    assert_string_equal(consumer_state_name(&rig.group), "Reconciling");
    consumer_rig_deinit(&rig);
}

/* The first of the list is for those who do not ask; others are not to be had. */
static void assignors_that_are_allowed(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "x:3 y:3");
    assignor_list_parse(&rig.settings.assignors, bytes_of_text("range"));
    struct beat a = join("a", "x y");
    struct beat b = join("b", "x y");
    a.assignor = "uniform";
    expect_refused(&rig, &a, "UNSUPPORTED_ASSIGNOR",
                   "ServerAssignor uniform is not supported. Supported assignors: range.");
    a.assignor = NULL;
    expect(&rig, &a, "ok 2: x-0 x-1 x-2 y-0 y-1 y-2");
    expect(&rig, &b, "ok 3:");
    a = at("a", 2);
    expect(&rig, &a, "ok 2: x-0 x-1 y-0 y-1");
    consumer_rig_deinit(&rig);
}

/* After a load nobody is thrown out for the time that it took. */
static void forgiving(void **state)
{
    (void)state;
    struct consumer_rig rig;
    consumer_rig_init(&rig, "t:1");
    struct beat a = join("a", "t");
    expect(&rig, &a, "ok 2: t-0");
    rig.turn.now_ms += 100 * 1000;
    consumer_forgive(&rig.group, &rig.turn);
    a = at("a", 2);
    expect(&rig, &a, "ok 2");
    consumer_rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handing_over),
        cmocka_unit_test(leaving),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(epochs),
        cmocka_unit_test(late_commits),
        cmocka_unit_test(static_members),
        cmocka_unit_test(place_taken_by_member),
        cmocka_unit_test(topics_change),
        cmocka_unit_test(patterns),
        cmocka_unit_test(patterns_in_slices),
        cmocka_unit_test(patterns_one_at_a_time),
        cmocka_unit_test(patterns_wait_for_memory),
        cmocka_unit_test(assignors_that_are_allowed),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(made_id),
        cmocka_unit_test(full),
        cmocka_unit_test(assigning),
        cmocka_unit_test(forgiving),
        cmocka_unit_test(instance_recorded_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
