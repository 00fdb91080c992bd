#include "tests/io/seam.h"

#include "base/assert.h"
#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>

static const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;

enum { SEAM_TURN_COUNT_MAX = 50 * 1000 * 1000 };

int seam_suite_run(struct seam_harness *harness)
{
    struct CMUnitTest tests[SEAM_CASE_COUNT_MAX];
    uint32_t count = seam_file_cases(tests, harness);
    count += seam_next_cases(tests + count, harness);
    count += seam_socket_cases(tests + count, harness);
    count += seam_sendfile_cases(tests + count, harness);
    count += seam_loop_cases(tests + count, harness);
    assert(count <= SEAM_CASE_COUNT_MAX);
    for (uint32_t i = 0; i < count; i++)
        tests[i].initial_state = harness;
    return _cmocka_run_group_tests(harness->name, tests, count, NULL, NULL);
}

static void watchdog_fired(struct timer *timer)
{
    fail_msg("nothing landed for two minutes of the door's own time");
}

static void nudged(struct completion *completion, int32_t result)
{
    assert_int_equal(result, 0);
}

int seam_setup(void **state)
{
    struct seam *seam = calloc(1, sizeof *seam);
    assert_non_null(seam);
    seam->harness = *state;
    seam->doors = seam->harness->open(seam->harness, SEAM_CORE_COUNT);
    assert_non_null(seam->doors);
    seam->io = seam->doors[0];
    timer_init(&seam->watchdog, watchdog_fired);
    for (uint32_t i = 0; i < SEAM_CORE_COUNT; i++)
        completion_init(&seam->nudges[i], nudged);

    snprintf(seam->directory, sizeof seam->directory, "%s/case-%u", seam->harness->directory,
             seam->harness->case_count++);
    struct seam_request made;
    io_make_directory(seam->io, seam_ask(&made), seam->directory);
    assert_int_equal(seam_wait(seam, &made), STATUS_OK);
    *state = seam;
    return 0;
}

int seam_teardown(void **state)
{
    struct seam *seam = *state;
    seam->harness->close(seam->harness, seam->doors, SEAM_CORE_COUNT);
    free(seam);
    return 0;
}

static void request_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct seam_request *asked = container_of(request, struct seam_request, request);
    asked->landed_count++;
    asked->result = result;
}

struct io_request *seam_ask(struct seam_request *request)
{
    *request = (struct seam_request){0};
    completion_init(&request->request.completion, request_landed);
    return &request->request;
}

int32_t seam_wait(struct seam *seam, struct seam_request *request)
{
    io_timer_start(seam->io, &seam->watchdog, io_now_ns(seam->io) + patience_ns);
    for (uint32_t turn = 0; request->landed_count == 0; turn++) {
        assert_true(turn < SEAM_TURN_COUNT_MAX);
        io_turn(seam->io);
    }
    io_timer_cancel(seam->io, &seam->watchdog);
    assert_int_equal(request->landed_count, 1);
    return request->result;
}

/* A door with nothing ready would wait for events, and the door that is to send them does not turn
 * meanwhile; so each has something ready. */
void seam_rotate_until(struct seam *seam, const uint32_t *count, uint32_t wanted)
{
    for (uint32_t turn = 0; *count < wanted; turn++) {
        assert_true(turn < SEAM_TURN_COUNT_MAX);
        for (uint32_t i = 0; i < SEAM_CORE_COUNT; i++) {
            if (!list_node_is_linked(&seam->nudges[i].node))
                io_land(seam->doors[i], &seam->nudges[i], 0);
            io_turn(seam->doors[i]);
        }
    }
    assert_int_equal(*count, wanted);
}

const char *seam_path(const struct seam *seam, const char *name, char path[static SEAM_PATH_SIZE])
{
    int size = snprintf(path, SEAM_PATH_SIZE, "%s/%s", seam->directory, name);
    assert_in_range(size, 1, SEAM_PATH_SIZE - 1);
    return path;
}

int32_t seam_open(struct seam *seam, const char *name, uint32_t open_flags)
{
    char path[SEAM_PATH_SIZE];
    struct seam_request opened;
    io_open(seam->io, seam_ask(&opened), seam_path(seam, name, path), open_flags);
    int32_t handle = seam_wait(seam, &opened);
    assert_true(handle >= 0);
    return handle;
}

void seam_close(struct seam *seam, int32_t handle)
{
    struct seam_request closed;
    io_close(seam->io, seam_ask(&closed), handle);
    assert_int_equal(seam_wait(seam, &closed), STATUS_OK);
}

void seam_write(struct seam *seam, int32_t handle, const void *buffer, uint32_t size,
                uint64_t offset)
{
    struct seam_request written;
    io_write(seam->io, seam_ask(&written), handle, buffer, size, offset);
    assert_int_equal(seam_wait(seam, &written), size);
}

int32_t seam_read(struct seam *seam, int32_t handle, void *buffer, uint32_t size, uint64_t offset)
{
    struct seam_request read;
    io_read(seam->io, seam_ask(&read), handle, buffer, size, offset);
    return seam_wait(seam, &read);
}

void seam_fill(uint8_t *bytes, size_t size, uint32_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i % 8 == 0 ? prng_u64(&prng) : bytes[i - 1] * 31u + i);
}
