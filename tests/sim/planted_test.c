/* Mistakes planted into the broker, or under it, and found by the checkers of its story: each is a
 * function that the linker puts in the place of the right one (-Wl,--wrap), and does as that one
 * does unless its mistake is the planted one. So nothing of it stands in the code that is shipped.
 */
#include "replication/log_settings.h"
#include "sim/broker_story.h"
#include "sim/disk.h"
#include "sim/runner.h"
#include "storage/log_struct.h"
#include "storage/offset_map.h"
#include "storage/store_struct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED_COUNT = 300 };

enum mistake {
    MISTAKE_NONE,
    MISTAKE_REMOVE_UNRECORDED,
    MISTAKE_DELETE_EARLY,
    MISTAKE_LOSE_NEWEST,
    MISTAKE_FORGET_TOMBSTONES,
    MISTAKE_IGNORE_FULL_DISK,
    MISTAKE_SYNC_AGAIN,
};

/* Runs are children of this process, one after the other. */
static enum mistake *planted(void)
{
    static enum mistake mistake;
    return &mistake;
}

/* --- Files go before the state that does without them is on disk ------------------------------ */

void __real_log_record(struct log *log, struct log_record *record);
void __wrap_log_record(struct log *log, struct log_record *record);

void __wrap_log_record(struct log *log, struct log_record *record)
{
    if (*planted() == MISTAKE_REMOVE_UNRECORDED && log->retire != NULL)
        io_land(log->store->io, &record->completion, STATUS_OK);
    else
        __real_log_record(log, record);
}

/* --- A new start is told before it is on disk ------------------------------------------------- */

void __real_log_delete_records(struct log *log, struct log_delete_records *deletion);
void __wrap_log_delete_records(struct log *log, struct log_delete_records *deletion);

static void nobody_waits(struct completion *completion, int32_t result)
{
    free(container_of(completion, struct log_delete_records, completion));
}

void __wrap_log_delete_records(struct log *log, struct log_delete_records *deletion)
{
    if (*planted() != MISTAKE_DELETE_EARLY) {
        __real_log_delete_records(log, deletion);
        return;
    }
    struct log_delete_records *other = calloc(1, sizeof *other);
    assert_non_null(other);
    completion_init(&other->completion, nobody_waits);
    other->offset = deletion->offset;
    __real_log_delete_records(log, other);
    deletion->start_offset = other->start_offset;
    io_land(log->store->io, &deletion->completion, STATUS_OK);
}

/* --- Compaction takes the newest record of a key for an old one ------------------------------- */

int64_t __real_offset_map_get(const struct offset_map *map, struct bytes key);
int64_t __wrap_offset_map_get(const struct offset_map *map, struct bytes key);

int64_t __wrap_offset_map_get(const struct offset_map *map, struct bytes key)
{
    int64_t offset = __real_offset_map_get(map, key);
    bool is_wrong = *planted() == MISTAKE_LOSE_NEWEST && bytes_equal_text(key, "c");
    return is_wrong && offset >= 0 ? offset + 1 : offset;
}

/* --- Tombstones go with the first compaction, whatever delete.retention.ms says --------------- */

struct log_config __real_log_settings_of(const struct topic_config *topic,
                                         const struct config *config);
struct log_config __wrap_log_settings_of(const struct topic_config *topic,
                                         const struct config *config);

struct log_config __wrap_log_settings_of(const struct topic_config *topic,
                                         const struct config *config)
{
    struct log_config settings = __real_log_settings_of(topic, config);
    if (*planted() == MISTAKE_FORGET_TOMBSTONES)
        settings.delete_retention_ms = 0;
    return settings;
}

/* --- What a full disk does not take is taken for written -------------------------------------- */

enum status __real_disk_write(struct disk *disk, struct inode *inode, uint64_t offset,
                              const uint8_t *data, size_t size);
enum status __wrap_disk_write(struct disk *disk, struct inode *inode, uint64_t offset,
                              const uint8_t *data, size_t size);
enum status __real_disk_allocate(struct disk *disk, struct inode *inode, uint64_t offset,
                                 uint64_t size);
enum status __wrap_disk_allocate(struct disk *disk, struct inode *inode, uint64_t offset,
                                 uint64_t size);
enum status __real_disk_free_space(const struct disk *disk, const char *path, uint64_t *free_bytes);
enum status __wrap_disk_free_space(const struct disk *disk, const char *path, uint64_t *free_bytes);

static enum status unless_full(enum status status)
{
    bool is_ignored = *planted() == MISTAKE_IGNORE_FULL_DISK && status == STATUS_NO_SPACE;
    return is_ignored ? STATUS_OK : status;
}

enum status __wrap_disk_write(struct disk *disk, struct inode *inode, uint64_t offset,
                              const uint8_t *data, size_t size)
{
    return unless_full(__real_disk_write(disk, inode, offset, data, size));
}

enum status __wrap_disk_allocate(struct disk *disk, struct inode *inode, uint64_t offset,
                                 uint64_t size)
{
    return unless_full(__real_disk_allocate(disk, inode, offset, size));
}

enum status __wrap_disk_free_space(const struct disk *disk, const char *path, uint64_t *free_bytes)
{
    enum status status = __real_disk_free_space(disk, path, free_bytes);
    if (*planted() == MISTAKE_IGNORE_FULL_DISK)
        *free_bytes = INT64_MAX;
    return status;
}

/* --- A sync that has failed is tried again, and answers that all is well ---------------------- */

void __real_file_sync_failed(struct file *file, uint64_t mark);
void __wrap_file_sync_failed(struct file *file, uint64_t mark);
struct core;
void __real_core_landed(struct core *core, struct io_request *request, int32_t result);
void __wrap_core_landed(struct core *core, struct io_request *request, int32_t result);

static bool *has_just_failed(void)
{
    static bool has_failed;
    return &has_failed;
}

void __wrap_file_sync_failed(struct file *file, uint64_t mark)
{
    __real_file_sync_failed(file, mark);
    *has_just_failed() = *planted() == MISTAKE_SYNC_AGAIN;
}

void __wrap_core_landed(struct core *core, struct io_request *request, int32_t result)
{
    bool is_tried_again = *has_just_failed();
    int32_t rest = (int32_t)(request->transfer.size_bytes - request->transfer.done_bytes);
    *has_just_failed() = false;
    if (is_tried_again)
        result = request->kind == IO_WRITE ? rest : STATUS_OK;
    __real_core_landed(core, request, result);
}

/* --- The cases -------------------------------------------------------------------------------- */

static struct verdict verdict_of(uint64_t seed)
{
    struct verdict verdict;
    struct runner runner = {.story = &broker_story, .options = {.seed = seed}};
    assert_true(runner_start(&runner));
    runner_wait(&runner, 1, &verdict);
    return verdict;
}

/* A seed says so, in the words of the checker that is there for it. */
static void assert_found(enum mistake mistake, enum outcome outcome, const char *promise)
{
    *planted() = mistake;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        struct verdict verdict = verdict_of(seed);
        if (verdict.outcome == outcome && strstr(verdict.reason, promise) != NULL)
            return;
    }
    fail_msg("no seed has found the mistake: \"%s\"", promise);
}

/* The state names files that are gone, so what is left cannot be read to its end. */
static void removal_before_the_record_is_found(void **state)
{
    assert_found(MISTAKE_REMOVE_UNRECORDED, OUTCOME_STUCK, "auditor");
}

static void start_told_before_it_is_durable_is_found(void **state)
{
    assert_found(MISTAKE_DELETE_EARLY, OUTCOME_UNSAFE, "deleted, and there");
}

static void lost_newest_record_is_found(void **state)
{
    assert_found(MISTAKE_LOSE_NEWEST, OUTCOME_UNSAFE, "newest of its key, and lost");
}

static void forgotten_tombstone_is_found(void **state)
{
    assert_found(MISTAKE_FORGET_TOMBSTONES, OUTCOME_UNSAFE, "tombstone, and lost");
}

static void ignored_full_disk_is_found(void **state)
{
    assert_found(MISTAKE_IGNORE_FULL_DISK, OUTCOME_UNSAFE, "latest went back");
}

static void sync_tried_again_is_found(void **state)
{
    assert_found(MISTAKE_SYNC_AGAIN, OUTCOME_UNSAFE, "latest went back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removal_before_the_record_is_found),
        cmocka_unit_test(start_told_before_it_is_durable_is_found),
        cmocka_unit_test(lost_newest_record_is_found),
        cmocka_unit_test(forgotten_tombstone_is_found),
        cmocka_unit_test(ignored_full_disk_is_found),
        cmocka_unit_test(sync_tried_again_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
