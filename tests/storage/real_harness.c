#include "tests/storage/real_harness.h"

#include "base/assert.h"
#include "base/list.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void sink_write(struct log_sink *sink, struct bytes line)
{
}

static int64_t sink_now_ms(struct log_sink *sink)
{
    return 0;
}

static struct io **real_open(struct rig_harness *harness, uint32_t core_count)
{
    struct real_harness *real = container_of(harness, struct real_harness, harness);
    const struct io_cores_options options = {.backend = real->backend, .core_count = core_count};
    enum status status = io_cores_create(&options, &real->logger, &real->cores);
    assert(status == STATUS_OK);
    real->doors = calloc(core_count, sizeof *real->doors);
    for (uint32_t i = 0; i < core_count; i++)
        real->doors[i] = io_cores_at(real->cores, i);
    return real->doors;
}

static void real_close(struct rig_harness *harness, bool cuts_power)
{
    struct real_harness *real = container_of(harness, struct real_harness, harness);
    assert(!cuts_power);
    harness->dying(harness->rig);
    io_cores_destroy(real->cores);
    free(real->doors);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    return remove(path);
}

static void remove_directory(struct rig_harness *harness)
{
    if (nftw(harness->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        perror(harness->directory);
}

static void real_reset(struct rig_harness *harness)
{
    remove_directory(harness);
    int failed = mkdir(harness->directory, 0700);
    assert(failed == 0);
}

void real_harness_init(struct real_harness *real, enum io_backend_choice backend, const char *name)
{
    *real = (struct real_harness){
        .harness = {.name = name, .open = real_open, .close = real_close, .reset = real_reset},
        .backend = backend,
        .sink = {sink_write, sink_now_ms},
    };
    real->logger = (struct logger){.sink = &real->sink, .level = LOG_ERROR, .core = -1};
    snprintf(real->harness.directory, sizeof real->harness.directory, "storage-%s-XXXXXX", name);
    char *made = mkdtemp(real->harness.directory);
    assert(made != NULL);
}

void real_harness_deinit(struct real_harness *real)
{
    remove_directory(&real->harness);
}
