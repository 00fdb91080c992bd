#include "broker/fetch_reply.h"
#include "broker/fetch_sessions.h"
#include "protocol/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SESSION_BYTES = 64 * 1024 };

static const struct hash_seed seed = {{1, 2}};

static struct fetch_wish wish(const char *topic, int32_t index, int64_t offset)
{
    return (struct fetch_wish){
        .topic_name = bytes_of_text(topic),
        .index = index,
        .fetch_offset = offset,
        .size_bytes_max = 1000,
        .leader_epoch = -1,
        .last_fetched_epoch = -1,
    };
}

static void put(struct fetch_session *session, const char *topic, int32_t index, int64_t offset)
{
    struct fetch_wish wanted = wish(topic, index, offset);
    assert_true(fetch_session_put(session, &wanted));
}

/* Each request must come with the epoch that is next; a session that is unknown, out of step or of
 * the other kind is told apart by its error. */
static void test_epochs_go_up_by_one(void **state)
{
    struct fetch_sessions sessions;
    int16_t error;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
    assert_non_null(session);

    assert_ptr_equal(fetch_session_continue(&sessions, 7, 1, false, 0, &error), session);
    assert_ptr_equal(fetch_session_continue(&sessions, 7, 2, false, 0, &error), session);
    assert_null(fetch_session_continue(&sessions, 7, 2, false, 0, &error));
    assert_int_equal(error, KAFKA_INVALID_FETCH_SESSION_EPOCH);
    assert_null(fetch_session_continue(&sessions, 8, 1, false, 0, &error));
    assert_int_equal(error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    assert_null(fetch_session_continue(&sessions, 7, 3, true, 0, &error));
    assert_int_equal(error, KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
    fetch_sessions_deinit(&sessions);
}

/* After the largest epoch comes 1, because 0 would begin a new session. */
static void test_epoch_wraps_to_one(void **state)
{
    struct fetch_sessions sessions;
    int16_t error;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
    session->epoch = INT32_MAX;
    assert_non_null(fetch_session_continue(&sessions, 7, INT32_MAX, false, 0, &error));
    assert_non_null(fetch_session_continue(&sessions, 7, 1, false, 0, &error));
    fetch_sessions_deinit(&sessions);
}

/* Partitions are added, changed in place, forgotten, and moved behind the others when served. */
static void test_partitions_are_kept_in_order(void **state)
{
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
    put(session, "a", 0, 10);
    put(session, "a", 1, 20);
    put(session, "b", 0, 30);
    put(session, "a", 1, 25);
    assert_int_equal(session->partition_count, 3);

    struct fetch_wish a1 = wish("a", 1, 0);
    struct fetch_session_partition *partition = fetch_session_partition(session, &a1);
    assert_int_equal(partition->wish.fetch_offset, 25);
    struct fetch_wish b0 = wish("b", 0, 0);
    struct fetch_session_partition *other = fetch_session_partition(session, &b0);
    assert_true(partition->order < other->order);
    fetch_session_move_back(session, partition);
    assert_true(partition->order > other->order);

    fetch_session_forget(session, &a1);
    fetch_session_forget(session, &a1);
    assert_int_equal(session->partition_count, 2);
    assert_null(fetch_session_partition(session, &a1));
    fetch_sessions_deinit(&sessions);
}

/* A full cache gives up the session that was not used for two minutes, and no other of the same
 * size. */
static void test_only_stale_sessions_make_room(void **state)
{
    const uint64_t second_ns = 1000ull * 1000 * 1000;
    struct fetch_sessions sessions;
    int16_t error;
    fetch_sessions_init(&sessions, seed, 1, 2, SESSION_BYTES);
    assert_non_null(fetch_session_create(&sessions, 1, false, 1, 0));
    assert_non_null(fetch_session_create(&sessions, 2, false, 1, 0));
    assert_null(fetch_session_create(&sessions, 3, false, 1, 119 * second_ns));
    assert_non_null(fetch_session_continue(&sessions, 1, 1, false, 119 * second_ns, &error));
    assert_non_null(fetch_session_create(&sessions, 3, false, 1, 120 * second_ns));
    assert_null(fetch_session_find(&sessions, 2));
    assert_non_null(fetch_session_find(&sessions, 1));
    assert_null(fetch_session_create(&sessions, 1, false, 1, 500 * second_ns));
    fetch_sessions_deinit(&sessions);
}

static void put_many(struct fetch_session *session, int32_t count)
{
    assert_non_null(session);
    for (int32_t i = 0; i < count; i++)
        put(session, "t", i, 0);
}

/* Where none is stale, a larger session takes the place of the smallest of those that are two
 * minutes old, however lately it was used. */
static void test_large_sessions_make_room_by_themselves(void **state)
{
    const uint64_t second_ns = 1000ull * 1000 * 1000;
    struct fetch_sessions sessions;
    int16_t error;
    fetch_sessions_init(&sessions, seed, 1, 3, SESSION_BYTES);
    put_many(fetch_session_create(&sessions, 1, false, 5, 0), 5);
    put_many(fetch_session_create(&sessions, 2, false, 3, 0), 3);
    put_many(fetch_session_create(&sessions, 3, false, 1, 60 * second_ns), 1);
    for (int32_t id = 1; id <= 3; id++)
        assert_non_null(fetch_session_continue(&sessions, id, 1, false, 119 * second_ns, &error));
    assert_null(fetch_session_create(&sessions, 4, false, 9, 119 * second_ns));
    assert_null(fetch_session_create(&sessions, 4, false, 3, 120 * second_ns));
    put_many(fetch_session_create(&sessions, 4, false, 4, 120 * second_ns), 4);
    assert_null(fetch_session_find(&sessions, 2));
    assert_int_equal(sessions.count, 3);
    assert_null(fetch_session_create(&sessions, 5, false, 4, 120 * second_ns));
    assert_non_null(fetch_session_create(&sessions, 5, false, 6, 120 * second_ns));
    assert_null(fetch_session_find(&sessions, 1));
    assert_non_null(fetch_session_find(&sessions, 3));
    fetch_sessions_deinit(&sessions);
}

/* Puts partitions of a topic until there is no memory for more; answers how many there are. */
static uint32_t fill(struct fetch_session *session, const char *topic)
{
    int32_t count = 0;
    struct fetch_wish wanted = wish(topic, 0, 0);
    for (; fetch_session_put(session, &wanted); wanted.index = count) {
        assert_in_range(++count, 1, SESSION_BYTES);
    }
    return session->partition_count;
}

static void forget(struct fetch_session *session, const char *topic, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct fetch_wish gone = wish(topic, (int32_t)i, 0);
        fetch_session_forget(session, &gone);
    }
    assert_int_equal(session->partition_count, 0);
}

/* All sessions together have so much memory and no more, names and tables counted, and what one
 * gives back another may have. */
static void test_memory_has_a_limit(void **state)
{
    char long_name[1000] = {0};
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *first = fetch_session_create(&sessions, 1, false, 1, 0);
    struct fetch_session *second = fetch_session_create(&sessions, 2, false, 1, 0);
    size_t empty_bytes = sessions.memory.used_bytes;
    uint32_t short_count = fill(first, "a");
    assert_in_range(short_count, 50, SESSION_BYTES / sizeof(struct fetch_session_partition));
    assert_in_range(sessions.memory.used_bytes, SESSION_BYTES / 2, SESSION_BYTES * 3 / 2);
    assert_int_equal(fill(second, "a"), 0);
    put(first, "a", 0, 10); /* what is there may change */
    assert_null(fetch_session_create(&sessions, 3, false, 1, 0));
    assert_int_equal(sessions.count, 2);

    forget(first, "a", short_count);
    size_t table_bytes = map_bytes(&first->partitions_by_key);
    assert_true(table_bytes > 0);
    assert_int_equal(sessions.memory.used_bytes, empty_bytes + table_bytes);
    fetch_session_end(&sessions, 1);
    memset(long_name, 'n', sizeof long_name - 1);
    uint32_t long_count = fill(second, long_name);
    assert_in_range(long_count, 1, SESSION_BYTES / sizeof long_name);
    forget(second, long_name, long_count);
    put(second, long_name, 0, 0);
    fetch_sessions_deinit(&sessions);
    assert_int_equal(sessions.memory.used_bytes, 0);
}

/* What goes for lack of memory takes along one that was not used for two minutes, and no other. */
static void test_giving_up_makes_room(void **state)
{
    const uint64_t second_ns = 1000ull * 1000 * 1000;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    for (int32_t id = 1; id < 5; id++)
        assert_non_null(fetch_session_create(&sessions, id, false, 1, (uint64_t)id * second_ns));
    fetch_session_give_up(&sessions, 4, 120 * second_ns);
    assert_int_equal(sessions.count, 3);
    fetch_session_give_up(&sessions, 3, 121 * second_ns);
    assert_int_equal(sessions.count, 1);
    assert_non_null(fetch_session_find(&sessions, 2));
    fetch_sessions_deinit(&sessions);
}

struct listener {
    struct fetch_session_reader reader;
    uint32_t woken_count;
    bool is_dismissed;
};

static void listener_woken(struct fetch_session_reader *reader, bool is_dismissed)
{
    struct listener *listener = container_of(reader, struct listener, reader);
    listener->woken_count++;
    listener->is_dismissed = is_dismissed;
}

/* What is new or wanted otherwise is due, once; all of it is when another kind of reader comes. */
static void test_only_what_changed_is_due(void **state)
{
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
    put(session, "a", 0, 10);
    put(session, "a", 1, 20);
    put(session, "a", 0, 11);
    assert_int_equal(session->due_count, 2);
    assert_int_equal(fetch_session_take_due(session)->wish.fetch_offset, 11);
    struct fetch_wish a1 = wish("a", 1, 0);
    fetch_session_forget(session, &a1);
    assert_null(fetch_session_take_due(session));
    fetch_session_read_as(session, 0);
    assert_int_equal(session->due_count, 0);
    fetch_session_read_as(session, 1);
    assert_int_equal(session->due_count, 1);
    fetch_sessions_deinit(&sessions);
}

/* A consumer who has got all there was and asks for what follows makes nothing due; one who asks
 * for anything else does, and so does a partition that has moved meanwhile. */
static void test_going_on_behind_all_is_no_news(void **state)
{
    static const struct {
        bool has_moved;
        int64_t quiet_offset; /* 0: not all was read */
        int64_t offset;
        int32_t leader_epoch;
        uint32_t due_count;
    } cases[] = {
        {false, 15, 15, -1, 0}, {false, 15, 14, -1, 1}, {false, 15, 16, -1, 1},
        {false, 15, 15, 3, 1},  {true, 15, 15, -1, 1},  {false, 0, -1, -1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fetch_sessions sessions;
        fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
        struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
        put(session, "a", 0, 10);
        struct fetch_session_partition *partition = fetch_session_take_due(session);
        if (cases[i].has_moved)
            fetch_session_note_due(session, partition);
        if (cases[i].quiet_offset > 0)
            fetch_session_note_read(session, partition, cases[i].quiet_offset);
        else
            fetch_session_note_due(session, partition);
        assert_int_equal(session->due_count, 1); /* the answer may have been lost */
        struct fetch_wish next = wish("a", 0, cases[i].offset);
        next.leader_epoch = cases[i].leader_epoch;
        fetch_session_put(session, &next);
        assert_int_equal(session->due_count, cases[i].due_count);
        fetch_sessions_deinit(&sessions);
    }
}

/* Whoever waits is called once: when something is due, when another goes on, or at the end. */
static void test_a_reader_is_woken_once(void **state)
{
    struct fetch_sessions sessions;
    struct listener listener = {.reader.woken = listener_woken};
    int16_t error;
    fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
    struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
    fetch_session_wait(session, &listener.reader);
    put(session, "a", 0, 10);
    put(session, "a", 1, 10);
    assert_int_equal(listener.woken_count, 1);
    assert_false(listener.is_dismissed);
    fetch_session_wait(session, &listener.reader);
    fetch_session_wait_end(session, &listener.reader);
    put(session, "a", 2, 10);
    assert_int_equal(listener.woken_count, 1);
    fetch_session_wait(session, &listener.reader);
    assert_non_null(fetch_session_continue(&sessions, 7, 1, false, 0, &error));
    assert_int_equal(listener.woken_count, 2);
    assert_true(listener.is_dismissed);
    listener.is_dismissed = false;
    fetch_session_wait(session, &listener.reader);
    fetch_session_end(&sessions, 7);
    assert_int_equal(listener.woken_count, 3);
    assert_true(listener.is_dismissed);
    assert_true(list_is_empty(&sessions.ending));
    fetch_sessions_deinit(&sessions);
}

/* A fetch of the session that has read all there is of its only partition, up to offset 5, when the
 * session was at `epoch`; now it is answered. */
static void answer_late(struct fetch_sessions *sessions, const struct fetch_session *session,
                        int32_t epoch)
{
    enum { FETCH_VERSION = 12, ARENA_BYTES = 64 * 1024 };
    struct broker_core core = {.fetch_sessions = *sessions};
    struct request request = {.core = &core, .version = FETCH_VERSION};
    struct fetch_request in;
    struct fetch_read fetch_read = {.read = {.next_offset = 5}};
    struct fetch_partition wanted = {
        .wish = wish("a", 0, 0), .fetch_read = &fetch_read, .is_quiet_behind = true};
    struct fetch_plan plan = {
        .partitions = &wanted,
        .partition_count = 1,
        .size_bytes_max = 1000,
        .session_id = session->id,
        .session_epoch = epoch,
    };
    fetch_request_init(&in);
    arena_init(&request.arena, ARENA_BYTES);
    writer_init(&request.response, &request.arena);
    fetch_reply_encode(&request, &in, &plan);
    assert_int_equal(request.response.status, STATUS_OK);
    arena_deinit(&request.arena);
}

/* Whoever goes on behind all that an answer has told waits for news; but not if another fetch has
 * gone on with the session meanwhile: that one looked at the partition later, and what its watcher
 * told is told. */
static void test_a_late_answer_hides_nothing(void **state)
{
    for (int32_t behind = 0; behind < 2; behind++) {
        struct fetch_sessions sessions;
        int16_t error;
        fetch_sessions_init(&sessions, seed, 1, 10, SESSION_BYTES);
        struct fetch_session *session = fetch_session_create(&sessions, 7, false, 1, 0);
        put(session, "a", 0, 0);
        int32_t epoch = session->epoch;
        if (behind > 0)
            assert_non_null(fetch_session_continue(&sessions, 7, epoch, false, 0, &error));
        assert_non_null(fetch_session_take_due(session));
        answer_late(&sessions, session, epoch);
        put(session, "a", 0, 5);
        assert_int_equal(session->due_count, behind);
        fetch_sessions_deinit(&sessions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_go_up_by_one),
        cmocka_unit_test(test_epoch_wraps_to_one),
        cmocka_unit_test(test_partitions_are_kept_in_order),
        cmocka_unit_test(test_only_stale_sessions_make_room),
        cmocka_unit_test(test_large_sessions_make_room_by_themselves),
        cmocka_unit_test(test_memory_has_a_limit),
        cmocka_unit_test(test_giving_up_makes_room),
        cmocka_unit_test(test_only_what_changed_is_due),
        cmocka_unit_test(test_going_on_behind_all_is_no_news),
        cmocka_unit_test(test_a_reader_is_woken_once),
        cmocka_unit_test(test_a_late_answer_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
