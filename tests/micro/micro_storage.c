/* Where a read begins, and what a durable append takes, in a folder below the current one. */
#include "base/assert.h"
#include "storage/frame_index.h"
#include "tests/micro/micro.h"
#include "tests/storage/real_harness.h"

#include <stdlib.h>

/* --- Index ------------------------------------------------------------------------------------ */

enum { INDEX_ENTRIES = 16384 }; /* of a segment of 1 GiB */

static void *index_begin(int argument)
{
    struct frame_index *index = micro_allocate(sizeof *index);
    for (int64_t i = 0; i < INDEX_ENTRIES; i++)
        frame_index_note(index, i * 64, (uint64_t)i * INDEX_INTERVAL_BYTES, i);
    return index;
}

static void run_index_find(void *context, uint64_t count)
{
    const struct frame_index *index = context;
    for (uint64_t i = 0; i < count; i++) {
        int64_t offset = (int64_t)(i * 7919 % (INDEX_ENTRIES * 64));
        micro_use((uint64_t)(uintptr_t)frame_index_find(index, offset));
    }
}

static void index_end(void *context)
{
    frame_index_deinit(context);
    free(context);
}

/* --- Appends ---------------------------------------------------------------------------------- */

enum { FLIGHT_MAX = 64 };

struct appending {
    struct real_harness real;
    struct rig rig;
    struct bytes batch;
    uint32_t flight; /* how many are in one commit */
    struct rig_append appends[FLIGHT_MAX];
};

static struct appending *appending_begin(enum io_backend_choice backend, uint32_t flight)
{
    struct appending *appending = micro_allocate(sizeof *appending);
    const struct rig_batch shape = {.record_count = 1, .value_size = 1024};
    assert(flight <= FLIGHT_MAX);
    appending->flight = flight;
    real_harness_init(&appending->real, backend, "micro");
    rig_init(&appending->rig, &appending->real.harness);
    enum status status = rig_start(&appending->rig, 1, 1);
    assert(status == STATUS_OK);
    appending->batch = rig_make(&appending->rig, &shape);
    return appending;
}

static void *uring_begin(int flight)
{
    return appending_begin(IO_BACKEND_AUTO, (uint32_t)flight);
}

static void *posix_begin(int flight)
{
    return appending_begin(IO_BACKEND_POSIX, (uint32_t)flight);
}

static void run_append(void *context, uint64_t count)
{
    struct appending *appending = context;
    for (uint64_t done = 0; done < count; done += appending->flight) {
        for (uint32_t i = 0; i < appending->flight; i++)
            rig_append(&appending->rig, 0, &appending->appends[i], appending->batch);
        for (uint32_t i = 0; i < appending->flight; i++) {
            int32_t result = rig_append_wait(&appending->rig, &appending->appends[i]);
            assert(result >= 0);
        }
    }
}

static void appending_end(void *context)
{
    struct appending *appending = context;
    enum status status = rig_stop(&appending->rig);
    assert(status == STATUS_OK);
    rig_deinit(&appending->rig);
    real_harness_deinit(&appending->real);
    free(appending);
}

struct micro_table micro_storage(void)
{
    static const struct micro rows[] = {
        {"index: find an offset of 1 GiB", index_begin, run_index_find, index_end, 0},
        {"journal: durable append, alone", uring_begin, run_append, appending_end, 1},
        {"journal: durable append, 64 in a commit", uring_begin, run_append, appending_end, 64},
        {"journal: durable append, alone, posix", posix_begin, run_append, appending_end, 1},
        {"journal: durable append, 64, posix", posix_begin, run_append, appending_end, 64},
    };
    return (struct micro_table){rows, sizeof rows / sizeof rows[0]};
}
