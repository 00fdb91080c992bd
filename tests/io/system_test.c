/* What only a real machine has: refusals, limits and signals. Every case that needs the process
 * changed for good runs in a child. */
#include "io/cores.h"
#include "io/uring_setup.h"
#include "tests/io/real_harness.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void wait_for_success(pid_t child)
{
    int how = -1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static bool install(struct sock_filter *filter, uint16_t count)
{
    struct sock_fprog program = {.len = count, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* From here on the process gets `error_number` from io_uring_setup, as in a container. */
static bool forbid_io_uring(uint32_t error_number)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, 4);
}

static enum status create(struct log_keeper *log, enum io_backend_choice backend,
                          struct io_cores **cores)
{
    const struct io_cores_options options = {.backend = backend, .core_count = 1};
    log_keeper_init(log);
    return io_cores_create(&options, &log->logger, cores);
}

/* 0, or the number of the first thing that was not so. */
static int check_refusal(uint32_t error_number, const char *reason)
{
    static struct log_keeper log;
    struct io_cores *cores = NULL;
    struct io_request request;
    if (!forbid_io_uring(error_number))
        return 1;
    if (create(&log, IO_BACKEND_URING, &cores) != STATUS_UNSUPPORTED)
        return 2;
    if (create(&log, IO_BACKEND_AUTO, &cores) != STATUS_OK)
        return 3;
    if (strcmp(io_backend_name(io_cores_at(cores, 0)), "posix") != 0)
        return 4;
    if (strstr(log.text, "backend=posix") == NULL || strstr(log.text, reason) == NULL)
        return 5;
    io_free_space(io_cores_at(cores, 0), &request, ".");
    if (io_await(io_cores_at(cores, 0), &request) != STATUS_OK)
        return 6;
    io_cores_destroy(cores);
    return 0;
}

static void refused_rings_fall_back(void **state)
{
    /* Where io_uring is forbidden or unknown, AUTO takes posix and says why; URING is refused. */
    const struct {
        uint32_t error_number;
        const char *reason;
    } cases[] = {{EPERM, "forbidden"}, {ENOSYS, "has no io_uring"}, {ENOMEM, "no memory"}};
    for (uint32_t i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(check_refusal(cases[i].error_number, cases[i].reason));
        wait_for_success(child);
    }
}

static void the_winner_is_logged(void **state)
{
    /* One line says which backend serves. */
    static struct log_keeper log;
    struct io_cores *cores;
    assert_int_equal(create(&log, IO_BACKEND_POSIX, &cores), STATUS_OK);
    assert_non_null(strstr(log.text, "backend=posix reason=\"asked for\" cores=1"));
    io_cores_destroy(cores);
    assert_int_equal(create(&log, IO_BACKEND_AUTO, &cores), STATUS_OK);
    const char *winner = uring_refusal() == NULL ? "backend=uring" : "backend=posix";
    assert_non_null(strstr(log.text, winner));
    io_cores_destroy(cores);
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
        count++;
    return count;
}

static void check_direct_refusal(enum io_backend_choice backend)
{
    static struct log_keeper log;
    struct io_cores *cores;
    struct io_request request;
    char text[5000];
    assert_int_equal(create(&log, backend, &cores), STATUS_OK);
    struct io *io = io_cores_at(cores, 0);
    for (uint32_t i = 0; i < 3; i++) {
        /* proc knows no direct transfers, whoever the user is. */
        io_open(io, &request, "/proc/self/status", IO_OPEN_READ_ONLY | IO_OPEN_DIRECT);
        int32_t handle = io_await(io, &request);
        assert_true(handle >= 0);
        io_read(io, &request, handle, text + 1, 6, 0);
        assert_int_equal(io_await(io, &request), 6);
        assert_memory_equal(text + 1, "Name:\t", 6);
        io_close(io, &request, handle);
        assert_int_equal(io_await(io, &request), STATUS_OK);
    }
    assert_int_equal(count_of(log.text, "refuses direct transfers"), 1);
    io_cores_destroy(cores);
}

static void refused_direct_files_are_buffered(void **state)
{
    /* A file system without direct transfers serves DIRECT files through its cache, with transfers
     * of any alignment, and the log says so once. */
    check_direct_refusal(IO_BACKEND_POSIX);
    if (uring_refusal() == NULL)
        check_direct_refusal(IO_BACKEND_URING);
}

/* A write over the largest allowed file size is short, and what follows is refused. */
static int check_short_write(enum io_backend_choice backend)
{
    static struct log_keeper log;
    static uint8_t content[12000];
    struct io_cores *cores;
    struct io_request request;
    struct rlimit limit = {.rlim_cur = 6000, .rlim_max = 6000};
    if (create(&log, backend, &cores) != STATUS_OK)
        return 1;
    struct io *io = io_cores_at(cores, 0);
    io_open(io, &request, "short-write", IO_OPEN_CREATE | IO_OPEN_TRUNCATE);
    int32_t handle = io_await(io, &request);
    signal(SIGXFSZ, SIG_IGN);
    if (handle < 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    io_write_durable(io, &request, handle, content, sizeof content, 0);
    if (io_await(io, &request) != STATUS_NO_SPACE || request.transfer.done_bytes != 6000)
        return 3;
    io_write_durable_at_once(io, &request, handle, content, sizeof content, 0);
    if (io_await(io, &request) != STATUS_NO_SPACE || request.transfer.done_bytes != 6000)
        return 8;
    struct bytes pieces[] = {{content, 5000}, {content + 5000, 500}, {content + 5500, 6500}};
    io_write_pieces(io, &request, handle, pieces, 3, 0);
    if (io_await(io, &request) != STATUS_NO_SPACE || request.transfer.done_bytes != 6000)
        return 7;
    io_write_durable(io, &request, handle, content, 5000, 0);
    if (io_await(io, &request) != 5000)
        return 4;
    io_unlink(io, &request, "short-write");
    if (io_await(io, &request) != STATUS_OK)
        return 5;
    io_close(io, &request, handle);
    if (io_await(io, &request) != STATUS_OK)
        return 6;
    io_cores_destroy(cores);
    return 0;
}

static void short_durable_writes_go_on(void **state)
{
    /* After a short count the rest of a durable write is tried, and its error is the answer; no
     * sync lands in its place, and the next one works. */
    for (int backend = IO_BACKEND_URING; backend <= IO_BACKEND_POSIX; backend++) {
        if (backend == IO_BACKEND_URING && uring_refusal() != NULL)
            continue;
        pid_t child = fork();
        if (child == 0)
            _exit(check_short_write((enum io_backend_choice)backend));
        wait_for_success(child);
    }
}

static void check_failed_sync(enum io_backend_choice backend)
{
    static struct log_keeper log;
    struct io_cores *cores;
    struct io_request request;
    assert_int_equal(create(&log, backend, &cores), STATUS_OK);
    struct io *io = io_cores_at(cores, 0);
    /* This file takes every write and has nothing that could be synced. */
    io_open(io, &request, "/dev/null", 0);
    int32_t handle = io_await(io, &request);
    assert_true(handle >= 0);
    io_write(io, &request, handle, "content", 7, 0);
    assert_int_equal(io_await(io, &request), 7);
    io_write_durable(io, &request, handle, "content", 7, 0);
    assert_int_equal(io_await(io, &request), STATUS_INVALID);
    struct io_request next;
    io_write_durable_at_once(io, &request, handle, "content", 7, 0);
    io_write_durable_next(io, &next, &request, handle, "content", 7, 0);
    io_await_all(io, (struct io_request *[]){&request, &next}, 2);
    assert_int_equal(request.completion.result, STATUS_INVALID);
    assert_int_equal(next.completion.result, STATUS_CANCELLED);
    io_close(io, &request, handle);
    assert_int_equal(io_await(io, &request), STATUS_OK);
    io_cores_destroy(cores);
}

static void durable_writes_answer_with_their_sync(void **state)
{
    /* A write that succeeds and a sync that fails are a durable write that failed, and one that
     * nothing follows. */
    check_failed_sync(IO_BACKEND_POSIX);
    if (uring_refusal() == NULL)
        check_failed_sync(IO_BACKEND_URING);
}

/* From here on the process gets no new threads. */
static bool forbid_threads(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, 5);
}

static int check_no_threads(void)
{
    static struct log_keeper log;
    struct io_cores *cores;
    struct io_request request;
    if (create(&log, IO_BACKEND_URING, &cores) != STATUS_OK || !forbid_threads())
        return 1;
    struct io *io = io_cores_at(cores, 0);
    io_open(io, &request, "no-threads", IO_OPEN_CREATE);
    int32_t handle = io_await(io, &request);
    struct io_request next;
    io_write_durable_at_once(io, &request, handle, "content", 7, 0);
    io_write_durable_next(io, &next, &request, handle, "content", 7, 7);
    io_await_all(io, (struct io_request *[]){&request, &next}, 2);
    if (request.completion.result != 7 || next.completion.result != 7)
        return 2;
    io_free_space(io, &request, ".");
    if (io_await(io, &request) != STATUS_NO_MEMORY)
        return 3;
    io_unlink(io, &request, "no-threads");
    if (io_await(io, &request) != STATUS_OK)
        return 4;
    io_close(io, &request, handle);
    if (io_await(io, &request) != STATUS_OK)
        return 5;
    io_cores_destroy(cores);
    return 0;
}

static void commits_go_on_without_threads(void **state)
{
    /* Where no thread can be started, a commit goes through the ring like any durable write; what
     * only a thread can do is refused. */
    if (uring_refusal() != NULL)
        skip();
    pid_t child = fork();
    if (child == 0)
        _exit(check_no_threads());
    wait_for_success(child);
}

struct catcher {
    struct io_request request;
    struct io_cores *cores;
    int32_t signal_number;
};

static void signal_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct catcher *catcher = container_of(request, struct catcher, request);
    catcher->signal_number = result;
    io_cores_stop(catcher->cores);
}

static int check_signal(enum io_backend_choice backend, int signal_number)
{
    static struct log_keeper log;
    struct catcher catcher = {0};
    if (create(&log, backend, &catcher.cores) != STATUS_OK)
        return 1;
    completion_init(&catcher.request.completion, signal_landed);
    io_signal(io_cores_at(catcher.cores, 0), &catcher.request);
    if (kill(getpid(), signal_number) != 0)
        return 2;
    io_cores_run(catcher.cores);
    io_cores_destroy(catcher.cores);
    return catcher.signal_number == signal_number ? 0 : 3;
}

/* From here on the kernel takes entries of a ring only from a call that also looks for completions,
 * as if it had no memory for more whenever the submission ring runs full. */
static bool refuse_plain_submission(void)
{
    const uint32_t flags = offsetof(struct seccomp_data, args) + 3 * sizeof(uint64_t);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_enter, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IORING_ENTER_GETEVENTS, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBUSY),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, 6);
}

enum { CROWD = 3 * URING_ENTRY_COUNT };

struct crowd_totals {
    uint32_t landed_count;
    uint32_t failed_count;
};

struct crowd_member {
    struct io_request request;
    struct crowd_totals *totals;
};

static void member_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct crowd_member *member = container_of(request, struct crowd_member, request);
    member->totals->landed_count++;
    member->totals->failed_count += result != 1;
}

static int check_crowd(void)
{
    static struct log_keeper log;
    static struct crowd_member members[CROWD];
    struct crowd_totals totals = {0};
    struct io_cores *cores;
    struct io_request request;
    if (create(&log, IO_BACKEND_URING, &cores) != STATUS_OK || !refuse_plain_submission())
        return 1;
    struct io *io = io_cores_at(cores, 0);
    io_open(io, &request, "crowd", IO_OPEN_CREATE);
    int32_t handle = io_await(io, &request);
    for (uint32_t i = 0; i < CROWD; i++) {
        members[i].totals = &totals;
        completion_init(&members[i].request.completion, member_landed);
        io_write_durable(io, &members[i].request, handle, "x", 1, i);
    }
    while (totals.landed_count < CROWD)
        io_turn(io);
    io_file_size(io, &request, handle);
    if (io_await(io, &request) != STATUS_OK || request.range.size_bytes != CROWD)
        return 2;
    io_unlink(io, &request, "crowd");
    if (io_await(io, &request) != STATUS_OK)
        return 3;
    io_close(io, &request, handle);
    if (io_await(io, &request) != STATUS_OK)
        return 4;
    io_cores_destroy(cores);
    return totals.failed_count == 0 ? 0 : 5;
}

static void a_full_ring_holds_requests(void **state)
{
    /* Requests for which the ring has no room, and the kernel makes none, wait and land later. */
    if (uring_refusal() != NULL)
        skip();
    pid_t child = fork();
    if (child == 0)
        _exit(check_crowd());
    wait_for_success(child);
}

struct writes {
    struct io_request requests[2]; /* of which the second follows the first */
    uint32_t landed_count;
    bool is_in_order;
    int32_t results[2];
};

static void note_landing(struct writes *writes, uint32_t index, int32_t result)
{
    writes->is_in_order = writes->is_in_order && writes->landed_count == index;
    writes->results[index] = result;
    writes->landed_count++;
}

static void first_landed(struct completion *completion, int32_t result)
{
    note_landing(container_of(completion, struct writes, requests[0].completion), 0, result);
}

static void second_landed(struct completion *completion, int32_t result)
{
    note_landing(container_of(completion, struct writes, requests[1].completion), 1, result);
}

static void check_late_second(struct io *io, int32_t handle, bool is_withdrawn)
{
    struct writes writes = {.is_in_order = true};
    struct io_request *first = &writes.requests[0];
    struct io_request *second = &writes.requests[1];
    completion_init(&first->completion, first_landed);
    completion_init(&second->completion, second_landed);
    io_write_durable_at_once(io, first, handle, "x", 1, 0);
    while (atomic_load(&first->next) != first)
        sched_yield();
    io_write_durable_next(io, second, first, handle, "y", 1, 1);
    if (is_withdrawn)
        assert_true(io_withdraw_next(io, first));
    while (writes.landed_count < (is_withdrawn ? 1u : 2u))
        io_turn(io);
    assert_true(writes.is_in_order);
    assert_true(writes.results[0] < 0);
    assert_int_equal(writes.results[1], is_withdrawn ? 0 : STATUS_CANCELLED);
}

static void seconds_of_failed_firsts_come_late(void **state)
{
    /* A second that is offered when a thread has failed at the first, and the core has not heard of
     * that, lands behind it; or can be withdrawn. */
    for (int backend = IO_BACKEND_URING; backend <= IO_BACKEND_POSIX; backend++) {
        static struct log_keeper log;
        struct io_cores *cores;
        struct io_request request;
        if (backend == IO_BACKEND_URING && uring_refusal() != NULL)
            continue;
        assert_int_equal(create(&log, (enum io_backend_choice)backend, &cores), STATUS_OK);
        struct io *io = io_cores_at(cores, 0);
        io_open(io, &request, "/proc/self/status", IO_OPEN_READ_ONLY);
        int32_t handle = io_await(io, &request);
        assert_true(handle >= 0);
        check_late_second(io, handle, false);
        check_late_second(io, handle, true);
        io_close(io, &request, handle);
        assert_int_equal(io_await(io, &request), STATUS_OK);
        io_cores_destroy(cores);
    }
}

static void signals_land(void **state)
{
    /* A wish to stop lands with its number instead of ending the process; both wishes do. */
    const int numbers[] = {SIGTERM, SIGINT};
    for (int backend = IO_BACKEND_URING; backend <= IO_BACKEND_POSIX; backend++) {
        if (backend == IO_BACKEND_URING && uring_refusal() != NULL)
            continue;
        for (uint32_t i = 0; i < 2; i++) {
            pid_t child = fork();
            if (child == 0)
                _exit(check_signal((enum io_backend_choice)backend, numbers[i]));
            wait_for_success(child);
        }
    }
}

struct arrival {
    struct io_request request;
    bool has_landed;
    int32_t result;
};

static void arrival_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct arrival *arrival = container_of(request, struct arrival, request);
    arrival->has_landed = true;
    arrival->result = result;
}

static int32_t turn_until(struct io *io, struct arrival *arrival)
{
    while (!arrival->has_landed)
        io_turn(io);
    arrival->has_landed = false;
    return arrival->result;
}

/* A connection that comes while no descriptor is free is not lost. */
static int check_no_files_for_accept(enum io_backend_choice backend)
{
    static struct log_keeper log;
    struct io_cores *cores;
    struct arrival arrival = {0};
    struct io_address address;
    struct rlimit limit;
    int32_t listener;
    completion_init(&arrival.request.completion, arrival_landed);
    if (create(&log, backend, &cores) != STATUS_OK || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    struct io *io = io_cores_at(cores, 0);
    if (io_address_parse("127.0.0.1", 0, &address) != STATUS_OK ||
        io_listen(io, &address, &listener) != STATUS_OK)
        return 2;
    io_connect(io, &arrival.request, &address);
    if (turn_until(io, &arrival) < 0)
        return 3;
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        return 4;
    io_accept(io, &arrival.request, listener);
    if (turn_until(io, &arrival) != STATUS_NO_FILES)
        return 5;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 6;
    io_accept(io, &arrival.request, listener);
    if (turn_until(io, &arrival) < 0)
        return 7;
    io_close_listener(io, listener);
    io_cores_destroy(cores);
    return 0;
}

/* All descriptors used up: what needs one says so, and works again when there is one. */
static int check_no_files(enum io_backend_choice backend)
{
    static struct log_keeper log;
    struct io_cores *cores;
    struct io_request request;
    struct rlimit limit;
    if (create(&log, backend, &cores) != STATUS_OK || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    struct io *io = io_cores_at(cores, 0);
    io_free_space(io, &request, "."); /* a worker's thread is there from now on */
    if (io_await(io, &request) != STATUS_OK)
        return 2;
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        return 3;
    io_open(io, &request, ".", IO_OPEN_READ_ONLY);
    if (io_await(io, &request) != STATUS_NO_FILES)
        return 4;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 5;
    io_open(io, &request, ".", IO_OPEN_READ_ONLY);
    int32_t handle = io_await(io, &request);
    io_close(io, &request, handle);
    if (handle < 0 || io_await(io, &request) != STATUS_OK)
        return 6;
    io_cores_destroy(cores);
    return 0;
}

static void used_up_descriptors_are_an_answer(void **state)
{
    /* Without a free descriptor an open and an accept land with NO_FILES, and the door goes on
     * working: the connection that waited is accepted later. */
    for (int backend = IO_BACKEND_URING; backend <= IO_BACKEND_POSIX; backend++) {
        if (backend == IO_BACKEND_URING && uring_refusal() != NULL)
            continue;
        pid_t child = fork();
        if (child == 0)
            _exit(check_no_files((enum io_backend_choice)backend));
        wait_for_success(child);
        child = fork();
        if (child == 0)
            _exit(check_no_files_for_accept((enum io_backend_choice)backend));
        wait_for_success(child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_rings_fall_back),
        cmocka_unit_test(the_winner_is_logged),
        cmocka_unit_test(refused_direct_files_are_buffered),
        cmocka_unit_test(durable_writes_answer_with_their_sync),
        cmocka_unit_test(short_durable_writes_go_on),
        cmocka_unit_test(commits_go_on_without_threads),
        cmocka_unit_test(a_full_ring_holds_requests),
        cmocka_unit_test(seconds_of_failed_firsts_come_late),
        cmocka_unit_test(signals_land),
        cmocka_unit_test(used_up_descriptors_are_an_answer),
    };
    return cmocka_run_group_tests_name("io_system", tests, NULL, NULL);
}
