/* Reactors on threads of their own: mail, stopping, and chunks that travel. Run on both backends.
 */
#include "io/chunk.h"
#include "io/cores.h"
#include "io/uring_setup.h"
#include "tests/io/real_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* Together 100,000 messages to and fro. */
enum { BALL_COUNT = 10, FLIGHT_COUNT = 10 * 1000, FLOOD_COUNT = 20 * 1000 };

static struct io_cores *cores_open(struct log_keeper *log, enum io_backend_choice backend,
                                   uint32_t core_count, bool pin)
{
    const struct io_cores_options options = {
        .backend = backend, .core_count = core_count, .pin = pin};
    struct io_cores *cores = NULL;
    log_keeper_init(log);
    assert_int_equal(io_cores_create(&options, &log->logger, &cores), STATUS_OK);
    return cores;
}

struct game;

/* Mail that goes to and fro between two cores. */
struct ball {
    struct completion mail;
    struct game *game;
    uint32_t core_index;
    int32_t remaining;
};

struct game {
    struct io_cores *cores;
    _Atomic int32_t remaining; /* balls that still move */
    struct ball balls[BALL_COUNT];
};

static void ball_arrived(struct completion *mail, int32_t result)
{
    struct ball *ball = container_of(mail, struct ball, mail);
    assert_int_equal(result, ball->remaining);
    struct io *here = io_cores_at(ball->game->cores, ball->core_index);
    assert_int_equal(io_core_index(here), ball->core_index);
    if (--ball->remaining > 0) {
        ball->core_index = 1 - ball->core_index;
        io_post(here, ball->core_index, mail, ball->remaining);
    } else if (atomic_fetch_sub(&ball->game->remaining, 1) == 1) {
        io_cores_stop(ball->game->cores);
    }
}

static void play(enum io_backend_choice backend, bool pin)
{
    struct log_keeper log;
    struct game game = {.cores = cores_open(&log, backend, 2, pin), .remaining = BALL_COUNT};
    for (uint32_t i = 0; i < BALL_COUNT; i++) {
        struct ball *ball = &game.balls[i];
        *ball = (struct ball){.game = &game, .core_index = 1, .remaining = FLIGHT_COUNT};
        completion_init(&ball->mail, ball_arrived);
        io_post(io_cores_at(game.cores, 0), 1, &ball->mail, FLIGHT_COUNT);
    }
    io_cores_run(game.cores);
    for (uint32_t i = 0; i < BALL_COUNT; i++)
        assert_int_equal(game.balls[i].remaining, 0);
    io_cores_destroy(game.cores);
}

/* Numbered mail from one core, much more than a mailbox holds, counted on the other. */
struct flood;

struct drop {
    struct completion mail;
    struct flood *flood;
};

struct flood {
    struct completion start;
    struct completion finish;
    struct io_cores *cores;
    int32_t arrived_count;
    struct drop drops[FLOOD_COUNT];
};

static void drop_arrived(struct completion *mail, int32_t result)
{
    struct flood *flood = container_of(mail, struct drop, mail)->flood;
    assert_int_equal(result, flood->arrived_count);
    flood->arrived_count++;
    if (flood->arrived_count == FLOOD_COUNT)
        io_cores_stop(flood->cores);
}

static void flood_started(struct completion *start, int32_t result)
{
    struct flood *flood = container_of(start, struct flood, start);
    for (int32_t i = 0; i < FLOOD_COUNT; i++) {
        flood->drops[i].flood = flood;
        completion_init(&flood->drops[i].mail, drop_arrived);
        io_post(io_cores_at(flood->cores, 1), 0, &flood->drops[i].mail, i);
    }
}

static void pour(enum io_backend_choice backend)
{
    struct log_keeper log;
    struct flood *flood = test_calloc(1, sizeof *flood);
    flood->cores = cores_open(&log, backend, 2, false);
    completion_init(&flood->start, flood_started);
    io_post(io_cores_at(flood->cores, 0), 1, &flood->start, 0);
    io_cores_run(flood->cores);
    assert_int_equal(flood->arrived_count, FLOOD_COUNT);
    io_cores_destroy(flood->cores);
    test_free(flood);
}

/* A chunk made on core 0, filled and released on core 1, over and over. */
struct courier {
    struct completion mail;
    struct io_cores *cores;
    struct chunk_pool pool;
    struct chunk *chunk;
    uint32_t core_index;
    int32_t remaining;
};

static void courier_arrived(struct completion *mail, int32_t result)
{
    struct courier *courier = container_of(mail, struct courier, mail);
    struct io *here = io_cores_at(courier->cores, courier->core_index);
    if (courier->core_index == 1) {
        courier->chunk->data[0]++;
        chunk_release(courier->chunk, here);
        courier->core_index = 0;
        io_post(here, 0, mail, 0);
        return;
    }
    /* The chunk was posted first, so it has come home before this mail. */
    assert_int_equal(courier->pool.used_bytes, 0);
    if (courier->remaining-- == 0) {
        io_cores_stop(courier->cores);
        return;
    }
    courier->chunk = chunk_acquire(&courier->pool, CHUNK_SIZE_MIN);
    assert_non_null(courier->chunk);
    courier->chunk->data[0] = (uint8_t)courier->remaining;
    courier->core_index = 1;
    io_post(here, 1, mail, 0);
}

static void carry(enum io_backend_choice backend)
{
    struct log_keeper log;
    struct courier courier = {.remaining = 1000};
    courier.cores = cores_open(&log, backend, 2, false);
    chunk_pool_init(&courier.pool, io_cores_at(courier.cores, 0), CHUNK_SIZE_MIN);
    completion_init(&courier.mail, courier_arrived);
    io_land(io_cores_at(courier.cores, 0), &courier.mail, 0);
    io_cores_run(courier.cores);
    chunk_pool_deinit(&courier.pool);
    io_cores_destroy(courier.cores);
}

struct probe {
    struct completion mail;
    struct io_cores *cores;
    uint64_t slice_ns;
};

/* 0 where the kernel has one length for all. */
static uint64_t slice_of_this_thread(void)
{
    enum { SLICE_WORD = 3, WORD_COUNT = 6 };
    uint64_t attributes[WORD_COUNT] = {0};
    assert_int_equal(syscall(SYS_sched_getattr, 0, attributes, sizeof attributes, 0), 0);
    return attributes[SLICE_WORD];
}

static void probe_arrived(struct completion *mail, int32_t result)
{
    struct probe *probe = container_of(mail, struct probe, mail);
    probe->slice_ns = slice_of_this_thread();
    io_cores_stop(probe->cores);
}

static void posix_mail_goes_to_and_fro(void **state)
{
    /* 100,000 messages between two threads arrive where they are sent, none lost, none twice. */
    play(IO_BACKEND_POSIX, false);
}

static void uring_mail_goes_to_and_fro(void **state)
{
    /* The same between two rings, each bound to a CPU. */
    if (uring_refusal() != NULL)
        skip();
    play(IO_BACKEND_URING, true);
}

static void posix_mail_overflows_in_order(void **state)
{
    /* Mail that does not fit waits with its sender and arrives in order. */
    pour(IO_BACKEND_POSIX);
}

static void uring_mail_overflows_in_order(void **state)
{
    /* The same between two rings. */
    if (uring_refusal() != NULL)
        skip();
    pour(IO_BACKEND_URING);
}

static void posix_chunks_come_home(void **state)
{
    /* What another thread released is back before the mail it sent afterwards. */
    carry(IO_BACKEND_POSIX);
}

static void uring_chunks_come_home(void **state)
{
    /* The same between two rings. */
    if (uring_refusal() != NULL)
        skip();
    carry(IO_BACKEND_URING);
}

static void core_0_serves_before_and_after(void **state)
{
    /* Core 0 serves files before the reactors run and after they were stopped, and a stop that
     * came before the run ends it. */
    for (int backend = IO_BACKEND_URING; backend <= IO_BACKEND_POSIX; backend++) {
        if (backend == IO_BACKEND_URING && uring_refusal() != NULL)
            continue;
        struct log_keeper log;
        struct io_cores *cores = cores_open(&log, (enum io_backend_choice)backend, 2, true);
        assert_int_equal(io_cores_count(cores), 2);
        struct io_request request;
        io_free_space(io_cores_at(cores, 0), &request, ".");
        assert_int_equal(io_await(io_cores_at(cores, 0), &request), STATUS_OK);
        io_cores_stop(cores);
        io_cores_run(cores);
        io_sync_directory(io_cores_at(cores, 0), &request, ".");
        assert_int_equal(io_await(io_cores_at(cores, 0), &request), STATUS_OK);
        io_cores_destroy(cores);
    }
}

static void reactors_have_short_slices(void **state)
{
    /* Who wakes with a shorter slice than the one at work is let in at once. */
    uint64_t usual_ns = slice_of_this_thread();
    struct log_keeper log;
    struct probe probe = {.cores = cores_open(&log, IO_BACKEND_POSIX, 2, false)};
    completion_init(&probe.mail, probe_arrived);
    io_post(io_cores_at(probe.cores, 0), 1, &probe.mail, 0);
    io_cores_run(probe.cores);
    io_cores_destroy(probe.cores);
    if (usual_ns == 0)
        skip();
    assert_int_equal(probe.slice_ns, 100 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posix_mail_goes_to_and_fro),
        cmocka_unit_test(uring_mail_goes_to_and_fro),
        cmocka_unit_test(posix_mail_overflows_in_order),
        cmocka_unit_test(uring_mail_overflows_in_order),
        cmocka_unit_test(posix_chunks_come_home),
        cmocka_unit_test(uring_chunks_come_home),
        cmocka_unit_test(core_0_serves_before_and_after),
        cmocka_unit_test(reactors_have_short_slices),
    };
    return cmocka_run_group_tests_name("io_cores", tests, NULL, NULL);
}
