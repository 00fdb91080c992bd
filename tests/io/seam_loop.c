/* Cases of the seam: timers, landings, mail, time and chance. */
#include "tests/io/seam.h"

#include <string.h>

static const uint64_t ms = 1000 * 1000;

/* What a case saw, in order. */
struct story {
    struct io *io;
    uint32_t count;
    uint32_t numbers[64];
};

static void story_note(struct story *story, uint32_t number)
{
    assert_true(story->count < sizeof story->numbers / sizeof story->numbers[0]);
    story->numbers[story->count++] = number;
}

static void story_turn_until(struct story *story, uint32_t count)
{
    while (story->count < count)
        io_turn(story->io);
    assert_int_equal(story->count, count);
}

static void story_check(const struct story *story, const uint32_t *expected, uint32_t count)
{
    assert_int_equal(story->count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(story->numbers[i], expected[i]);
}

/* A timer with a number, and what it does to another one when it fires. */
struct alarm {
    struct timer timer;
    struct story *story;
    uint32_t number;
    uint32_t again_count;
    struct alarm *cancels;
};

static void alarm_fired(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    struct io *io = alarm->story->io;
    assert_true(io_now_ns(io) >= timer->deadline);
    story_note(alarm->story, alarm->number);
    if (alarm->cancels != NULL)
        io_timer_cancel(io, &alarm->cancels->timer);
    if (alarm->again_count > 0) {
        alarm->again_count--;
        io_timer_start(io, timer, io_now_ns(io) + ms);
    }
}

static void alarm_start(struct alarm *alarm, struct story *story, uint32_t number,
                        uint64_t deadline_ns)
{
    alarm->story = story;
    alarm->number = number;
    timer_init(&alarm->timer, alarm_fired);
    io_timer_start(story->io, &alarm->timer, deadline_ns);
}

static void timers_fire_in_order(void **state)
{
    /* Timers fire by deadline, equal ones as they were started, none early, none in the call. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct alarm alarms[5] = {0};
    uint64_t now_ns = io_now_ns(seam->io);
    alarm_start(&alarms[0], &story, 1, now_ns + 5 * ms);
    alarm_start(&alarms[1], &story, 2, now_ns + 3 * ms);
    alarm_start(&alarms[2], &story, 3, now_ns);
    alarm_start(&alarms[3], &story, 4, now_ns + 5 * ms);
    alarm_start(&alarms[4], &story, 5, now_ns + 4 * ms + 1);
    assert_int_equal(story.count, 0);
    story_turn_until(&story, 5);
    story_check(&story, (uint32_t[]){3, 2, 5, 1, 4}, 5);
}

static void cancelled_timers_never_fire(void **state)
{
    /* Neither a timer cancelled before its time fires nor one cancelled by another that is due
     * together with it; cancelling what does not run is allowed. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct alarm alarms[4] = {0};
    uint64_t now_ns = io_now_ns(seam->io);
    alarm_start(&alarms[0], &story, 1, now_ns + ms);
    alarm_start(&alarms[1], &story, 2, now_ns + 2 * ms);
    alarms[1].cancels = &alarms[2];
    alarm_start(&alarms[2], &story, 3, now_ns + 2 * ms);
    alarm_start(&alarms[3], &story, 4, now_ns + 4 * ms);
    io_timer_cancel(seam->io, &alarms[0].timer);
    io_timer_cancel(seam->io, &alarms[0].timer);
    story_turn_until(&story, 2);
    story_check(&story, (uint32_t[]){2, 4}, 2);
}

static void timers_start_again_when_they_fire(void **state)
{
    /* A timer that has fired may be started again from within. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct alarm alarm = {.again_count = 3};
    alarm_start(&alarm, &story, 7, io_now_ns(seam->io) + ms);
    story_turn_until(&story, 4);
    story_check(&story, (uint32_t[]){7, 7, 7, 7}, 4);
}

static void timers_fire_while_requests_wait(void **state)
{
    /* A timer fires although something is in flight that does not land. */
    struct seam *seam = *state;
    struct io_address address;
    int32_t listener;
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), STATUS_OK);
    assert_int_equal(io_listen(seam->io, &address, &listener), STATUS_OK);
    struct seam_request accepted;
    io_accept(seam->io, seam_ask(&accepted), listener);
    struct story story = {.io = seam->io};
    struct alarm alarm = {0};
    alarm_start(&alarm, &story, 1, io_now_ns(seam->io) + 3 * ms);
    story_turn_until(&story, 1);
    assert_int_equal(accepted.landed_count, 0);
    io_close_listener(seam->io, listener);
    assert_int_equal(seam_wait(seam, &accepted), STATUS_CANCELLED);
}

/* Something that lands, notes its number, and may land another. */
struct letter {
    struct completion completion;
    struct story *story;
    struct letter *next;
};

static void letter_landed(struct completion *completion, int32_t result)
{
    struct letter *letter = container_of(completion, struct letter, completion);
    story_note(letter->story, (uint32_t)result);
    if (letter->next != NULL)
        io_land(letter->story->io, &letter->next->completion, result + 100);
}

static void landings_keep_their_order(void **state)
{
    /* What is landed lands at the next turn in order; what a landing lands comes behind it. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct letter letters[3];
    for (uint32_t i = 0; i < 3; i++) {
        letters[i] = (struct letter){.story = &story};
        completion_init(&letters[i].completion, letter_landed);
    }
    letters[0].next = &letters[2];
    io_land(seam->io, &letters[0].completion, 1);
    io_post(seam->io, 0, &letters[1].completion, 2);
    assert_int_equal(story.count, 0);
    io_turn(seam->io);
    story_check(&story, (uint32_t[]){1, 2, 101}, 3);
}

/* Lands itself for ever. */
struct echo {
    struct completion completion;
    struct io *io;
    uint32_t landed_count;
};

static void echo_landed(struct completion *completion, int32_t result)
{
    struct echo *echo = container_of(completion, struct echo, completion);
    echo->landed_count++;
    io_land(echo->io, completion, result);
}

static void a_turn_ends_though_landings_do_not(void **state)
{
    /* A chain of landings without end neither holds up timers nor waits for anything. */
    struct seam *seam = *state;
    struct echo echo = {.io = seam->io};
    struct story story = {.io = seam->io};
    struct alarm alarm = {0};
    completion_init(&echo.completion, echo_landed);
    alarm_start(&alarm, &story, 1, io_now_ns(seam->io) + ms);
    io_land(seam->io, &echo.completion, 0);
    io_turn(seam->io);
    assert_in_range(echo.landed_count, 2, 100);
    story_turn_until(&story, 1);
    list_remove(&echo.completion.node);
}

/* Numbered mail that expects to arrive in order. */
struct parcel {
    struct completion mail;
    uint32_t *arrived_count;
};

static void parcel_arrived(struct completion *mail, int32_t result)
{
    struct parcel *parcel = container_of(mail, struct parcel, mail);
    assert_int_equal(result, *parcel->arrived_count);
    (*parcel->arrived_count)++;
}

static void mail_keeps_its_order(void **state)
{
    /* Far more mail than a mailbox holds arrives on the other core, each once and in order. */
    struct seam *seam = *state;
    enum { COUNT = 3000 };
    uint32_t arrived_count = 0;
    struct parcel parcels[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        parcels[i].arrived_count = &arrived_count;
        completion_init(&parcels[i].mail, parcel_arrived);
        io_post(seam->doors[1], 0, &parcels[i].mail, (int32_t)i);
    }
    assert_int_equal(arrived_count, 0);
    seam_rotate_until(seam, &arrived_count, COUNT);
}

/* Mail that travels to and fro. */
struct ball {
    struct completion mail;
    struct seam *seam;
    uint32_t core_index;
    uint32_t flight_count;
};

static void ball_arrived(struct completion *mail, int32_t result)
{
    struct ball *ball = container_of(mail, struct ball, mail);
    assert_int_equal(result, ball->flight_count);
    ball->flight_count++;
    struct io *here = ball->seam->doors[ball->core_index];
    assert_int_equal(io_core_index(here), ball->core_index);
    ball->core_index = 1 - ball->core_index;
    if (ball->flight_count < 1000)
        io_post(here, ball->core_index, mail, (int32_t)ball->flight_count);
}

static void mail_travels_back(void **state)
{
    /* A piece of mail may be sent on from where it arrives, as often as wanted. */
    struct seam *seam = *state;
    assert_int_equal(io_core_count(seam->io), SEAM_CORE_COUNT);
    struct ball ball = {.seam = seam, .core_index = 1};
    completion_init(&ball.mail, ball_arrived);
    io_post(seam->io, 1, &ball.mail, 0);
    seam_rotate_until(seam, &ball.flight_count, 1000);
}

static void stop_from_landing(struct completion *completion, int32_t result)
{
    struct letter *letter = container_of(completion, struct letter, completion);
    story_note(letter->story, (uint32_t)result);
    io_stop(letter->story->io);
}

static void a_stop_ends_one_run(void **state)
{
    /* io_run returns after io_stop, even one that came before it, and can be called again. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct letter letter = {.story = &story};
    io_stop(seam->io);
    io_run(seam->io);
    for (uint32_t i = 1; i <= 2; i++) {
        completion_init(&letter.completion, stop_from_landing);
        io_land(seam->io, &letter.completion, (int32_t)i);
        io_run(seam->io);
    }
    story_check(&story, (uint32_t[]){1, 2}, 2);
}

static void a_door_that_was_woken_sleeps_again(void **state)
{
    /* What wakes a door wakes it once: after it, the door waits for its next timer. */
    struct seam *seam = *state;
    struct story story = {.io = seam->io};
    struct alarm alarm = {0};
    for (uint32_t i = 0; i < 3; i++) {
        io_stop(seam->io);
        io_run(seam->io);
    }
    alarm_start(&alarm, &story, 1, io_now_ns(seam->io) + 20 * ms);
    uint32_t turn_count = 0;
    for (; story.count == 0; turn_count++)
        io_turn(seam->io);
    assert_in_range(turn_count, 1, 30);
}

static void time_goes_on(void **state)
{
    /* Time never goes back and moves with the turns; the wall clock shows a year of this age. */
    struct seam *seam = *state;
    uint64_t before_ns = io_now_ns(seam->io);
    struct story story = {.io = seam->io};
    struct alarm alarm = {0};
    alarm_start(&alarm, &story, 1, before_ns + 2 * ms);
    story_turn_until(&story, 1);
    assert_true(io_now_ns(seam->io) >= before_ns + 2 * ms);
    const int64_t year_2020_ms = 1577836800000;
    assert_true(io_wall_ms(seam->io) > year_2020_ms);
}

static void chance_and_secrets_vary(void **state)
{
    /* Two draws differ; a secret fills all of its buffer and nothing behind it. */
    struct seam *seam = *state;
    assert_true(io_random_u64(seam->io) != io_random_u64(seam->io));
    uint8_t first[65] = {0};
    uint8_t second[65] = {0};
    io_secret(seam->io, first, 64);
    io_secret(seam->io, second, 64);
    assert_memory_not_equal(first, second, 32);
    assert_memory_not_equal(first + 32, second + 32, 32);
    assert_int_equal(first[64], 0);
}

static void a_door_knows_its_place(void **state)
{
    /* Each door knows its number, how many there are, and what serves it; nothing is in flight in
     * a new one. */
    struct seam *seam = *state;
    for (uint32_t i = 0; i < SEAM_CORE_COUNT; i++) {
        struct io *io = seam->doors[i];
        assert_int_equal(io_core_index(io), i);
        assert_int_equal(io_core_count(io), SEAM_CORE_COUNT);
        assert_string_equal(io_backend_name(io), io_backend_name(seam->io));
        assert_int_equal(io_ops(io)->in_flight_count, 0);
        assert_non_null(io_logger(io)->sink);
    }
}

uint32_t seam_loop_cases(struct CMUnitTest *tests, struct seam_harness *harness)
{
    static const struct CMUnitTest cases[] = {
        SEAM_CASE(timers_fire_in_order),
        SEAM_CASE(cancelled_timers_never_fire),
        SEAM_CASE(timers_start_again_when_they_fire),
        SEAM_CASE(timers_fire_while_requests_wait),
        SEAM_CASE(landings_keep_their_order),
        SEAM_CASE(a_turn_ends_though_landings_do_not),
        SEAM_CASE(mail_keeps_its_order),
        SEAM_CASE(mail_travels_back),
        SEAM_CASE(a_stop_ends_one_run),
        SEAM_CASE(a_door_that_was_woken_sleeps_again),
        SEAM_CASE(time_goes_on),
        SEAM_CASE(chance_and_secrets_vary),
        SEAM_CASE(a_door_knows_its_place),
    };
    memcpy(tests, cases, sizeof cases);
    return sizeof cases / sizeof cases[0];
}
