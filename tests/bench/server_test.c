/* What the broker's processes have used is read from /proc; here they are this test itself. */
#include "bench/server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = INT32_MAX };

/* A process that works uses more and more, and has memory. */
static void test_own_use(void **state)
{
    struct server_use before;
    struct server_use use;
    volatile uint64_t sum = 0;
    assert_true(server_use_read((uint32_t)getpid(), &before));
    do {
        for (int i = 0; i < 1000000; i++)
            sum += (uint64_t)i;
        assert_true(server_use_read((uint32_t)getpid(), &use));
    } while (use.cpu_user_ns + use.cpu_system_ns == before.cpu_user_ns + before.cpu_system_ns);
    assert_true(use.memory_bytes > 0);
    server_use_subtract(&use, &before);
    assert_true(use.cpu_user_ns + use.cpu_system_ns > 0);
    assert_true(server_use_switches(&use) >= 0);
}

/* Children count with their parent, for a broker may have been started by a script. */
static void test_children(void **state)
{
    struct server_use alone;
    struct server_use together;
    assert_true(server_use_read((uint32_t)getpid(), &alone));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_true(server_use_read((uint32_t)getpid(), &together));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(together.task_count, alone.task_count + 1);
    assert_true(together.memory_bytes > alone.memory_bytes);
}

/* A thread that has ended takes its count with it, and the rest is not reduced by that. */
static void test_ended_threads(void **state)
{
    struct server_use before = {.tasks = {{1, 500}, {2, 90}}, .task_count = 2};
    struct server_use use = {.tasks = {{2, 100}, {3, 7}}, .task_count = 2};
    server_use_subtract(&use, &before);
    assert_int_equal(server_use_switches(&use), 17);
}

/* There is nothing to be read of a process that is not there. */
static void test_nobody(void **state)
{
    struct server_use use;
    assert_false(server_use_read(NOBODY, &use));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_use),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_ended_threads),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
