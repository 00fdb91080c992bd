/* Many askers on few connections: each hears what was answered to it. The broker is a socket of the
 * test. */
#include "bench/crowd.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINES = 2, HEARD_MAX = 16, HEARTBEAT_VERSION = 4, ANSWER_SIZE = 4 + 4 + 1 + 1 };

struct fixture {
    struct crowd crowd;
    int listener;
    int lines[LINES]; /* the broker's ends */
    uint32_t heard[HEARD_MAX];
    uint8_t bodies[HEARD_MAX];
    uint32_t heard_count;
};

static void answered(struct crowd *crowd, const struct crowd_answer *answer)
{
    struct fixture *fixture = container_of(crowd, struct fixture, crowd);
    assert_true(fixture->heard_count < HEARD_MAX);
    assert_int_equal(answer->key, API_HEARTBEAT);
    assert_int_equal(answer->version, HEARTBEAT_VERSION);
    fixture->bodies[fixture->heard_count] = (uint8_t)reader_i8(answer->reader);
    fixture->heard[fixture->heard_count++] = answer->asker;
}

static void begin(struct fixture *fixture)
{
    struct address address = address_loopback(0);
    *fixture = (struct fixture){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(
        bind(fixture->listener, (struct sockaddr *)&address.socket, address.socket_size), 0);
    assert_int_equal(listen(fixture->listener, LINES), 0);
    assert_int_equal(
        getsockname(fixture->listener, (struct sockaddr *)&address.socket, &address.socket_size),
        0);
    crowd_init(&fixture->crowd, &address, LINES, answered);
    for (int i = 0; i < LINES; i++)
        fixture->lines[i] = accept(fixture->listener, NULL, NULL);
}

static void end(struct fixture *fixture)
{
    crowd_deinit(&fixture->crowd);
    for (int i = 0; i < LINES; i++)
        close(fixture->lines[i]);
    close(fixture->listener);
}

static void ask(struct fixture *fixture, uint32_t line, uint32_t asker)
{
    writer_i8(crowd_ask(&fixture->crowd, line, asker, API_HEARTBEAT, HEARTBEAT_VERSION), 0);
    crowd_send(&fixture->crowd);
}

/* The size, the id, no tags, and a body of one byte. */
static void make_answer(uint8_t answer[static ANSWER_SIZE], uint8_t id, uint8_t body)
{
    const uint8_t bytes[ANSWER_SIZE] = {0, 0, 0, ANSWER_SIZE - 4, 0, 0, 0, id, 0, body};
    memcpy(answer, bytes, ANSWER_SIZE);
}

static void say(const struct fixture *fixture, uint32_t line, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(fixture->lines[line], bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void turn_until(struct fixture *fixture, uint32_t heard_count)
{
    while (fixture->heard_count < heard_count)
        crowd_turn(&fixture->crowd);
}

/* Requests are pipelined on a line, and answers go to the askers in the order of their questions,
 * whatever comes on other lines meanwhile. */
static void test_order(void **state)
{
    struct fixture fixture;
    uint8_t answers[2][ANSWER_SIZE];
    begin(&fixture);
    ask(&fixture, 0, 10);
    ask(&fixture, 1, 20);
    ask(&fixture, 0, 11);
    assert_int_equal(fixture.crowd.in_flight, 3);
    make_answer(answers[0], 0, 7);
    say(&fixture, 1, answers[0], ANSWER_SIZE);
    turn_until(&fixture, 1);
    make_answer(answers[1], 1, 8);
    say(&fixture, 0, answers[0], sizeof answers);
    turn_until(&fixture, 3);
    const uint32_t heard[] = {20, 10, 11};
    const uint8_t bodies[] = {7, 7, 8};
    assert_memory_equal(fixture.heard, heard, sizeof heard);
    assert_memory_equal(fixture.bodies, bodies, sizeof bodies);
    assert_int_equal(fixture.crowd.in_flight, 0);
    end(&fixture);
}

/* An answer counts when all of it is there, wherever it was cut. */
static void test_parts(void **state)
{
    struct fixture fixture;
    uint8_t answer[ANSWER_SIZE];
    begin(&fixture);
    for (size_t cut = 1; cut < ANSWER_SIZE; cut++) {
        uint32_t heard = fixture.heard_count;
        ask(&fixture, 0, (uint32_t)cut);
        make_answer(answer, (uint8_t)(cut - 1), (uint8_t)cut);
        say(&fixture, 0, answer, cut);
        crowd_turn(&fixture.crowd);
        assert_int_equal(fixture.heard_count, heard);
        say(&fixture, 0, answer + cut, ANSWER_SIZE - cut);
        turn_until(&fixture, heard + 1);
        assert_int_equal(fixture.bodies[heard], cut);
    }
    end(&fixture);
}

static void taken(struct crowd *crowd, const struct crowd_answer *answer)
{
    _exit(EXIT_SUCCESS);
}

/* Hears the answer with that id to its `asked` requests in a child; does the program go on? */
static bool is_taken(uint32_t asked, uint8_t id)
{
    int state = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct fixture fixture;
        uint8_t answer[ANSWER_SIZE];
        (void)!freopen("/dev/null", "w", stderr);
        begin(&fixture);
        fixture.crowd.answered = taken;
        for (uint32_t i = 0; i < asked; i++)
            ask(&fixture, 0, i);
        make_answer(answer, id, 0);
        say(&fixture, 0, answer, sizeof answer);
        for (;;)
            crowd_turn(&fixture.crowd);
    }
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFEXITED(state));
    return WEXITSTATUS(state) == EXIT_SUCCESS;
}

/* What nobody asked for, and the answer to something else, end the program. */
static void test_strays(void **state)
{
    assert_true(is_taken(2, 0));
    assert_false(is_taken(2, 1));
    assert_false(is_taken(0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_strays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
