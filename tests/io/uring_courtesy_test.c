/* What a ring's turn sends of large answers: beside commits a step of one of them, otherwise of
 * all. Where the machine refuses rings there is nothing to test. */
#include "tests/io/real_harness.h"
#include "tests/io/seam_pair.h"
#include "tests/io/uring_refused.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { LARGE_SIZE = 1024 * 1024, PAIR_COUNT = 2 };

struct large {
    struct seam_pair pairs[PAIR_COUNT];
    struct seam_request sent[PAIR_COUNT];
    uint8_t *bytes;
    struct bytes piece;
};

static void large_init(struct large *large, struct seam *seam)
{
    large->bytes = malloc(LARGE_SIZE);
    assert_non_null(large->bytes);
    seam_fill(large->bytes, LARGE_SIZE, 7);
    for (uint32_t i = 0; i < PAIR_COUNT; i++)
        large->pairs[i] = seam_connect(seam);
}

static void large_send(struct large *large, struct seam *seam)
{
    large->piece = bytes_of(large->bytes, LARGE_SIZE);
    for (uint32_t i = 0; i < PAIR_COUNT; i++)
        io_send(seam->io, seam_ask(&large->sent[i]), large->pairs[i].server, &large->piece, 1);
}

/* All of it arrives, whatever the turns made of it. */
static void large_end(struct large *large, struct seam *seam)
{
    uint8_t *received = malloc(LARGE_SIZE);
    for (uint32_t i = 0; i < PAIR_COUNT; i++) {
        struct seam_sink sink = {.seam = seam,
                                 .handle = large->pairs[i].client,
                                 .bytes = received,
                                 .wanted = LARGE_SIZE};
        seam_sink_run(&sink);
        assert_int_equal(seam_wait(seam, &large->sent[i]), LARGE_SIZE);
        assert_memory_equal(received, large->bytes, LARGE_SIZE);
        seam_close_pair(seam, large->pairs[i]);
    }
    free(received);
    free(large->bytes);
}

static bool has_arrived(struct seam_pair pair)
{
    uint8_t byte;
    return recv(pair.client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void commit(struct seam *seam, int32_t handle)
{
    struct seam_request committed;
    io_write_durable_at_once(seam->io, seam_ask(&committed), handle, "commit", 6, 0);
    assert_int_equal(seam_wait(seam, &committed), 6);
}

static void one_goes_in_a_turn_beside_commits(void **state)
{
    struct seam *seam = *state;
    struct large large;
    large_init(&large, seam);
    int32_t handle = seam_open(seam, "journal", IO_OPEN_CREATE);
    commit(seam, handle);
    large_send(&large, seam);
    io_turn(seam->io);
    assert_true(has_arrived(large.pairs[0]));
    assert_false(has_arrived(large.pairs[1]));
    large_end(&large, seam);
    seam_close(seam, handle);
}

static void all_go_in_a_turn_otherwise(void **state)
{
    struct seam *seam = *state;
    struct large large;
    large_init(&large, seam);
    large_send(&large, seam);
    io_turn(seam->io);
    assert_true(has_arrived(large.pairs[0]));
    assert_true(has_arrived(large.pairs[1]));
    large_end(&large, seam);
}

int main(void)
{
    if (uring_is_refused())
        return EXIT_SKIPPED;
    struct real_harness real;
    real_harness_init(&real, "uring-courtesy", IO_BACKEND_URING);
    struct CMUnitTest tests[] = {
        SEAM_CASE(one_goes_in_a_turn_beside_commits),
        SEAM_CASE(all_go_in_a_turn_otherwise),
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i].initial_state = &real.harness;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_harness_deinit(&real);
    return failed;
}
