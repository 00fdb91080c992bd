/* Data directories while the broker runs: the stores of a core, and what happens when one of them
 * fails.
 *
 *   store, any core ─ failed ─▶ mail to core 0 ─▶ log_dir_fail ─┬▶ mail to every core: the others'
 *                                                              │   stores there fail, too
 *                                                              └▶ the controller takes the leaders
 *                                                                 away, or the broker halts
 *
 * A disk fails for all cores at once: what one has seen, the others need not find out. */
#include "broker/log_dirs_life.h"

#include "base/assert.h"
#include "broker/broker_parts.h"

/* Kafka stops then as well: a broker that can neither write metadata nor records would only keep
 * its clients from looking elsewhere. */
void broker_halt(struct broker *broker, enum status status)
{
    assert(status != STATUS_OK);
    struct completion *halted = broker->options.halted;
    if (halted == NULL)
        return;
    broker->options.halted = NULL;
    io_land(broker->options.doors[0], halted, (int32_t)status);
}

static bool is_last_online(const struct log_dirs *dirs)
{
    for (uint32_t i = 0; i < dirs->count; i++)
        if (dirs->dirs[i].failure == STATUS_OK)
            return false;
    return true;
}

static void order_arrived(struct completion *order, int32_t result)
{
    assert(result != STATUS_OK);
    struct core_log_dir *dir = container_of(order, struct core_log_dir, order);
    if (dir->store != NULL)
        store_fail(dir->store, (enum status)result);
}

static void order_cores(struct broker *broker, uint32_t index, enum status status)
{
    assert(index < broker->log_dirs.count);
    for (uint32_t i = 0; i < broker->options.core_count; i++) {
        struct core_log_dir *dir = &roster_core(&broker->roster, i)->log_dirs[index];
        completion_init(&dir->order, order_arrived);
        io_post(broker->options.doors[0], i, &dir->order, (int32_t)status);
    }
}

/* On core 0; only the first word of it counts. */
static void log_dir_fail(struct broker *broker, uint32_t index, enum status status)
{
    assert(status != STATUS_OK);
    struct log_dirs *dirs = &broker->log_dirs;
    struct log_dir *dir = &dirs->dirs[index];
    assert(index < dirs->count);
    if (dir->failure != STATUS_OK)
        return;
    dir->failure = status;
    order_cores(broker, index, status);
    if (index == dirs->metadata_index || is_last_online(dirs)) {
        log_error(broker->options.logger,
                  "a data directory has failed, and there is no broker without it",
                  field_text("directory", dir->path), field_status("error", status));
        broker_halt(broker, status);
        return;
    }
    log_error(broker->options.logger, "a data directory has failed: its partitions are offline",
              field_text("directory", dir->path), field_status("error", status));
    controller_directory_failed(broker->roster.controller, dir->id);
}

static void failure_arrived(struct completion *mail, int32_t result)
{
    struct core_log_dir *dir = container_of(mail, struct core_log_dir, mail);
    uint32_t index = (uint32_t)(dir - dir->core->log_dirs);
    log_dir_fail(dir->broker, index, (enum status)result);
}

/* On the store's core, once. */
static void store_failed(struct store_observer *observer, enum status status)
{
    assert(status != STATUS_OK);
    struct core_log_dir *dir = container_of(observer, struct core_log_dir, observer);
    completion_init(&dir->mail, failure_arrived);
    io_post(dir->core->io, 0, &dir->mail, (int32_t)status);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* Memory and journals of a core are shared by its stores, so that one more disk costs no more of
 * either. */
static struct store_options share_of(const struct broker *broker, uint32_t online_count)
{
    assert(online_count > 0);
    struct store_options options = broker->store_options;
    options.memory_bytes_max /= online_count;
    options.cache_bytes_max /= online_count;
    options.cleaner_dedupe_buffer_bytes /= online_count;
    options.producers_max = (options.producers_max + online_count - 1) / online_count;
    options.journal_file_bytes =
        options.journal_file_bytes / online_count / IO_BLOCK_SIZE * IO_BLOCK_SIZE;
    return options;
}

static uint32_t online_count(const struct log_dirs *dirs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < dirs->count; i++)
        count += dirs->dirs[i].was_online;
    return count;
}

/* A store that cannot be opened has failed like one that fails later; core 0 hears of it by mail.
 */
enum status log_dirs_open_stores(struct broker *broker, struct broker_core *core)
{
    const struct log_dirs *dirs = &broker->log_dirs;
    struct store_options options = share_of(broker, online_count(dirs));
    enum status last = STATUS_OK;
    for (uint32_t i = 0; i < dirs->count; i++) {
        struct core_log_dir *dir = &core->log_dirs[i];
        dir->broker = broker;
        dir->core = core;
        dir->observer.failed = store_failed;
        if (!dirs->dirs[i].was_online)
            continue;
        options.directory = dirs->dirs[i].path;
        options.observer = &dir->observer;
        options.metrics = &core->metrics;
        enum status status =
            store_create(core->io, &options, dirs->dirs[i].states, core->logger, &dir->store);
        if (status == STATUS_OK) {
            core->directories[core->directory_count++] =
                (struct replica_directory){dirs->dirs[i].id, dir->store};
            continue;
        }
        last = status;
        store_failed(&dir->observer, status);
    }
    return core->directory_count > 0 ? STATUS_OK : last;
}

/* --- Closing ---------------------------------------------------------------------------------- */

static void store_closed(struct completion *completion, int32_t result)
{
    struct broker_core *core = container_of(completion, struct core_log_dir, closed)->core;
    assert(core->closing_count > 0);
    if (core->closing_status == STATUS_OK)
        core->closing_status = (enum status)result;
    if (--core->closing_count == 0)
        io_land(core->io, core->closed, (int32_t)core->closing_status);
}

void log_dirs_expect_stop(struct broker_core *core)
{
    for (uint32_t i = 0; i < CONFIG_LOG_DIRS_MAX; i++)
        if (core->log_dirs[i].store != NULL)
            store_expect_stop(core->log_dirs[i].store);
}

void log_dirs_close_stores(struct broker_core *core, struct completion *closed)
{
    assert(core->directory_count > 0);
    core->closed = closed;
    core->closing_count = core->directory_count;
    for (uint32_t i = 0; i < CONFIG_LOG_DIRS_MAX; i++) {
        struct core_log_dir *dir = &core->log_dirs[i];
        if (dir->store == NULL)
            continue;
        completion_init(&dir->closed, store_closed);
        store_stop(dir->store, &dir->closed);
    }
}
