#include "tests/io/real_harness.h"

#include "base/assert.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keeper_write(struct log_sink *sink, struct bytes line)
{
    struct log_keeper *keeper = container_of(sink, struct log_keeper, sink);
    size_t room = sizeof keeper->text - 1 - keeper->size;
    size_t size = line.size < room ? line.size : room;
    memcpy(keeper->text + keeper->size, line.data, size);
    keeper->size += size;
    keeper->text[keeper->size] = '\0';
}

static int64_t keeper_now_ms(struct log_sink *sink)
{
    return 0;
}

void log_keeper_init(struct log_keeper *keeper)
{
    keeper->sink = (struct log_sink){.write = keeper_write, .now_ms = keeper_now_ms};
    keeper->logger = (struct logger){.sink = &keeper->sink, .level = LOG_INFO, .core = -1};
    keeper->size = 0;
    keeper->text[0] = '\0';
}

static struct io **real_open(struct seam_harness *harness, uint32_t core_count)
{
    struct real_harness *real = container_of(harness, struct real_harness, harness);
    const struct io_cores_options options = {.backend = real->backend, .core_count = core_count};
    enum status status = io_cores_create(&options, &real->log.logger, &real->cores);
    if (status != STATUS_OK)
        return NULL;
    struct io **doors = calloc(core_count, sizeof *doors);
    assert(doors != NULL);
    for (uint32_t i = 0; i < core_count; i++)
        doors[i] = io_cores_at(real->cores, i);
    return doors;
}

static void real_close(struct seam_harness *harness, struct io **doors, uint32_t core_count)
{
    struct real_harness *real = container_of(harness, struct real_harness, harness);
    assert(io_cores_count(real->cores) == core_count);
    io_cores_destroy(real->cores);
    free(doors);
}

void real_harness_init(struct real_harness *real, const char *name, enum io_backend_choice backend)
{
    *real = (struct real_harness){
        .harness = {.name = name, .open = real_open, .close = real_close},
        .backend = backend,
    };
    log_keeper_init(&real->log);
    snprintf(real->directory, sizeof real->directory, "%s-XXXXXX", name);
    char *made = mkdtemp(real->directory);
    assert(made != NULL);
    real->harness.directory = real->directory;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    return remove(path);
}

void real_harness_deinit(struct real_harness *real)
{
    int failed = nftw(real->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    assert(failed == 0);
}
