/* Slices as the kernel gives them, which is asked once more here. */
#include "io/scheduling.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* struct sched_attr as it was first; the headers that have it do not go together with <pthread.h>.
 */
struct attributes {
    uint32_t size;
    uint32_t sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime;
    uint64_t sched_deadline;
    uint64_t sched_period;
};

/* All zero where they cannot be had: only the test's own thread may fail it. */
static struct attributes own_attributes(void)
{
    struct attributes attributes = {.size = sizeof attributes};
    long failed = syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
    return failed ? (struct attributes){0} : attributes;
}

static void *note_attributes(void *noted)
{
    *(struct attributes *)noted = own_attributes();
    return NULL;
}

static struct attributes attributes_of_new_thread(void)
{
    struct attributes noted = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, note_attributes, &noted), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return noted;
}

/* The caller's and those of the threads that it starts. */
static void test_slices(void **state)
{
    uint64_t before_ns = own_attributes().sched_runtime;
    enum status status = scheduling_shorten_slices();
    uint64_t after_ns = own_attributes().sched_runtime;
    if (status == STATUS_UNSUPPORTED || status == STATUS_DENIED) {
        assert_int_equal(after_ns, before_ns);
        skip();
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(before_ns == 0 || before_ns >= SCHEDULING_SLICE_NS);
    assert_int_equal(after_ns, SCHEDULING_SLICE_NS);
    assert_int_equal(attributes_of_new_thread().sched_runtime, SCHEDULING_SLICE_NS);
    assert_int_equal(scheduling_shorten_slices(), STATUS_OK);
}

struct chosen {
    bool is_refused; /* no policy may be chosen here */
    struct attributes before;
    struct attributes after;
    enum status status;
};

static void *become_batch(void *argument)
{
    struct chosen *chosen = argument;
    chosen->before = own_attributes();
    chosen->before.sched_policy = SCHED_BATCH;
    chosen->is_refused = syscall(SYS_sched_setattr, 0, &chosen->before, 0) != 0;
    if (chosen->is_refused)
        return NULL;
    chosen->status = scheduling_shorten_slices();
    chosen->after = own_attributes();
    return NULL;
}

/* What an administrator has chosen stays. */
static void test_policy(void **state)
{
    struct chosen chosen = {.status = STATUS_FAILED};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, become_batch, &chosen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (chosen.is_refused)
        skip();
    assert_int_equal(chosen.status, STATUS_OK);
    assert_int_equal(chosen.after.sched_policy, SCHED_BATCH);
    assert_int_equal(chosen.after.sched_runtime, chosen.before.sched_runtime);
}

struct stand {
    bool is_short; /* of slices before */
    struct attributes after;
    enum status status;
};

static void *stand_back(void *argument)
{
    struct stand *stand = argument;
    if (stand->is_short && scheduling_shorten_slices() != STATUS_OK) {
        stand->is_short = false;
        return NULL;
    }
    stand->status = scheduling_stand_back();
    stand->after = own_attributes();
    return NULL;
}

/* Only a thread with short slices does, and no other does with it. */
static void test_standing_back(void **state)
{
    struct attributes before = own_attributes();
    for (int is_short = 0; is_short < 2; is_short++) {
        struct stand stand = {.is_short = is_short};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, stand_back, &stand), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (is_short && !stand.is_short)
            skip();
        bool was_short = before.sched_runtime == SCHEDULING_SLICE_NS;
        assert_int_equal(stand.status, is_short || was_short ? STATUS_OK : STATUS_UNSUPPORTED);
        assert_int_equal(stand.after.sched_policy,
                         stand.status == STATUS_OK ? SCHED_IDLE : before.sched_policy);
    }
    assert_int_equal(own_attributes().sched_policy, before.sched_policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_standing_back),
        cmocka_unit_test(test_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
