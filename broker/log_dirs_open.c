/* The data directories at the start. A directory that is missing is made; one that cannot be used
 * is told in the log and left out, for its disk may come back with the next start. */
#include "broker/log_dirs_open.h"

#include "base/assert.h"
#include "broker/broker_parts.h"
#include "cluster/folder_names.h"
#include "cluster/meta_properties.h"
#include "cluster/random_uuid.h"
#include "io/cores.h"

#include <limits.h>
#include <stdio.h>

/* --- Names ------------------------------------------------------------------------------------ */

static void put_path(struct log_dir *dir, struct bytes path)
{
    assert(path.size < sizeof dir->path);
    *dir = (struct log_dir){.failure = STATUS_OK};
    memcpy(dir->path, path.data, path.size);
}

/* A directory of the metadata alone stands behind the others. */
static void take_names(struct broker *broker)
{
    const struct config *config = broker->options.config;
    struct log_dirs *dirs = &broker->log_dirs;
    struct bytes paths[CONFIG_LOG_DIRS_MAX];
    struct bytes metadata_path = config_metadata_log_dir(config);
    dirs->count = config_log_dirs(config, paths);
    dirs->metadata_index = dirs->count;
    put_path(&dirs->dirs[dirs->count], metadata_path);
    for (uint32_t i = 0; i < dirs->count; i++) {
        put_path(&dirs->dirs[i], paths[i]);
        if (bytes_equal(paths[i], metadata_path))
            dirs->metadata_index = i;
    }
    snprintf(broker->cluster_directory, sizeof broker->cluster_directory, "%s/cluster",
             dirs->dirs[dirs->metadata_index].path);
}

/* --- Making and locking ----------------------------------------------------------------------- */

static enum status make_directory(struct io *io, const char *path)
{
    struct io_request request;
    io_make_directory(io, &request, path);
    int32_t result = io_await(io, &request);
    return result < 0 && result != STATUS_EXISTS ? (enum status)result : STATUS_OK;
}

/* Makes the directory and what is above it, from the root down. What is wrong above shows at the
 * directory itself. */
static enum status make_path(struct io *io, char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        make_directory(io, path);
        *slash = '/';
    }
    return make_directory(io, path);
}

/* Their names are made durable also if they are there: an earlier run may have died before it got
 * so far. Where meta.properties stands nothing is left to do, and syncing directories of others
 * takes long on a busy machine. The metadata's directory is left to the metadata log, which makes
 * all names above its own durable before it writes its first file. */
static enum status make_durable_path(struct broker *broker, struct log_dir *dir)
{
    struct io *io = broker->options.doors[0];
    struct meta_properties properties;
    if (meta_properties_load(io, dir->path, &properties) != STATUS_NOT_FOUND)
        return STATUS_OK;
    enum status status = make_path(io, dir->path);
    bool is_of_metadata = dir == &broker->log_dirs.dirs[broker->log_dirs.metadata_index];
    return status != STATUS_OK || is_of_metadata ? status
                                                 : folder_names_sync(io, dir->path, NULL, 0);
}

/* While a former broker still has writes under way, it holds the lock. */
static enum status lock_directory(struct broker *broker, const struct log_dir *dir)
{
    char path[PATH_MAX];
    if (broker->options.cores == NULL)
        return STATUS_OK;
    snprintf(path, sizeof path, "%s/.lock", dir->path);
    return io_cores_lock(broker->options.cores, path, broker->options.logger);
}

/* --- Whose it is ------------------------------------------------------------------------------ */

static enum status refuse(struct broker *broker, const struct log_dir *dir, const char *reason)
{
    log_error(broker->options.logger, "a data directory belongs to somebody else",
              field_text("directory", dir->path), field_text("reason", reason));
    return STATUS_INVALID;
}

/* What is said here is a mistake of the configuration, not trouble with a disk: no start. */
static enum status check_owner(struct broker *broker, struct log_dir *dir,
                               const struct meta_properties *properties)
{
    struct log_dirs *dirs = &broker->log_dirs;
    dir->id = properties->directory_id;
    dir->is_claimed = true;
    if (properties->node_id != broker->roster.node_id)
        return refuse(broker, dir, "its meta.properties has another node.id");
    if (!uuid_is_zero(dirs->cluster_id) && !uuid_equal(dirs->cluster_id, properties->cluster_id))
        return refuse(broker, dir, "its meta.properties has another cluster.id");
    dirs->cluster_id = properties->cluster_id;
    for (uint32_t i = 0; i <= dirs->count; i++)
        if (&dirs->dirs[i] != dir && uuid_equal(dirs->dirs[i].id, dir->id))
            return refuse(broker, dir, "another directory has the same directory.id");
    return STATUS_OK;
}

static enum status read_owner(struct broker *broker, struct log_dir *dir)
{
    struct io *io = broker->options.doors[0];
    struct meta_properties properties;
    dir->failure = meta_properties_load(io, dir->path, &properties);
    if (dir->failure == STATUS_OK)
        return check_owner(broker, dir, &properties);
    if (dir->failure == STATUS_NOT_FOUND) {
        dir->failure = STATUS_OK;
        dir->id = random_uuid(io);
    }
    return STATUS_OK;
}

/* Answers what keeps the broker from starting; what keeps it from using this directory alone is the
 * directory's failure. */
static enum status open_dir(struct broker *broker, struct log_dir *dir)
{
    dir->failure = make_durable_path(broker, dir);
    if (dir->failure == STATUS_OK)
        dir->failure = lock_directory(broker, dir);
    if (dir->failure == STATUS_IN_USE)
        return STATUS_IN_USE;
    return dir->failure == STATUS_OK ? read_owner(broker, dir) : STATUS_OK;
}

/* --- All of them ------------------------------------------------------------------------------ */

static uint32_t dir_count(const struct log_dirs *dirs)
{
    return dirs->count + (dirs->metadata_index == dirs->count);
}

/* Told once for each directory, when it is found out. */
static void report_failure(struct broker *broker, const struct log_dir *dir)
{
    log_error(broker->options.logger, "a data directory cannot be used: its partitions are offline",
              field_text("directory", dir->path), field_status("error", dir->failure));
}

/* Whether what can be used is enough for a broker. */
static enum status check_online(struct broker *broker)
{
    const struct log_dirs *dirs = &broker->log_dirs;
    const struct log_dir *metadata = &dirs->dirs[dirs->metadata_index];
    if (metadata->failure != STATUS_OK) {
        log_error(broker->options.logger, "no start without the directory of the metadata",
                  field_text("directory", metadata->path));
        return metadata->failure;
    }
    for (uint32_t i = 0; i < dirs->count; i++)
        if (dirs->dirs[i].failure == STATUS_OK)
            return STATUS_OK;
    log_error(broker->options.logger, "no start: none of log.dirs can be used");
    return dirs->dirs[0].failure;
}

enum status log_dirs_open(struct broker *broker)
{
    struct log_dirs *dirs = &broker->log_dirs;
    enum status status = STATUS_OK;
    take_names(broker);
    for (uint32_t i = 0; i < dir_count(dirs) && status == STATUS_OK; i++) {
        status = open_dir(broker, &dirs->dirs[i]);
        if (status == STATUS_OK && dirs->dirs[i].failure != STATUS_OK)
            report_failure(broker, &dirs->dirs[i]);
    }
    return status == STATUS_OK ? check_online(broker) : status;
}

static enum status claim_dir(struct broker *broker, struct log_dir *dir)
{
    const struct meta_properties properties = {
        .cluster_id = broker->log_dirs.cluster_id,
        .node_id = broker->roster.node_id,
        .directory_id = dir->id,
    };
    if (dir->failure != STATUS_OK || dir->is_claimed)
        return STATUS_OK;
    dir->failure = meta_properties_save(broker->options.doors[0], dir->path, &properties);
    dir->is_claimed = dir->failure == STATUS_OK;
    return dir->failure;
}

/* Found out after the directory was counted in. */
static void give_up_dir(struct broker *broker, const struct log_dir *dir)
{
    report_failure(broker, dir);
    controller_directory_failed(broker->roster.controller, dir->id);
}

static bool has_topics(struct broker *broker, const struct log_dir *dir)
{
    enum { NAMES_BYTES_MAX = 64 * 1024 * 1024 };
    char path[PATH_MAX];
    struct arena arena;
    struct io_request request;
    snprintf(path, sizeof path, "%s/topics", dir->path);
    arena_init(&arena, NAMES_BYTES_MAX);
    io_list_directory(broker->options.doors[0], &request, path, &arena);
    int32_t result = io_await(broker->options.doors[0], &request);
    arena_deinit(&arena);
    return result >= 0 ? request.listing.entry_count > 0 : result != STATUS_NOT_FOUND;
}

/* Metadata that is new beside topics that are old: rather a disk that is not mounted than a wish to
 * begin anew. All those topics would be nobody's. */
static bool metadata_is_missing(struct broker *broker)
{
    const struct log_dirs *dirs = &broker->log_dirs;
    const struct image *image = controller_image(broker->roster.controller);
    if (!uuid_is_zero(image_cluster_id(image)))
        return false;
    for (uint32_t i = 0; i < dirs->count; i++)
        if (dirs->dirs[i].failure == STATUS_OK && has_topics(broker, &dirs->dirs[i]))
            return true;
    return false;
}

static bool is_listed(const struct log_dirs *dirs, struct uuid id)
{
    for (uint32_t i = 0; i < dirs->count; i++)
        if (uuid_equal(dirs->dirs[i].id, id))
            return true;
    return false;
}

/* Taken out of log.dirs, or under its name there is another disk now. */
static void report_missing(const struct broker *broker)
{
    const struct image *image = controller_image(broker->roster.controller);
    const struct image_broker *self = image_broker_by_id(image, broker->roster.node_id);
    for (uint32_t i = 0; self != NULL && i < self->log_dir_count; i++) {
        const struct image_log_dir *known = &self->log_dirs[i];
        if (!is_listed(&broker->log_dirs, known->id))
            log_warn(broker->options.logger,
                     "a data directory of before is not among log.dirs: partitions in it are "
                     "offline",
                     field_bytes("directory", known->path), field_uuid("id", known->id));
    }
}

/* The metadata's directory first: if this start gets no further, the next one finds there which
 * cluster the others were marked for. */
enum status log_dirs_claim(struct broker *broker)
{
    struct log_dirs *dirs = &broker->log_dirs;
    struct log_dir *metadata = &dirs->dirs[dirs->metadata_index];
    struct uuid cluster_id = controller_cluster_id(broker->roster.controller);
    if (metadata_is_missing(broker)) {
        log_error(broker->options.logger,
                  "no start: log.dirs hold topics, but there is no metadata; is a disk missing?",
                  field_text("directory", metadata->path));
        return STATUS_NOT_FOUND;
    }
    if (!uuid_is_zero(dirs->cluster_id) && !uuid_equal(dirs->cluster_id, cluster_id))
        return refuse(broker, metadata,
                      "its metadata is of another cluster than meta.properties says");
    dirs->cluster_id = cluster_id;
    report_missing(broker);
    if (claim_dir(broker, metadata) != STATUS_OK)
        report_failure(broker, metadata);
    for (uint32_t i = 0; i < dirs->count; i++)
        if (&dirs->dirs[i] != metadata && !uuid_is_zero(dirs->dirs[i].id) &&
            claim_dir(broker, &dirs->dirs[i]) != STATUS_OK)
            give_up_dir(broker, &dirs->dirs[i]);
    return check_online(broker);
}

/* --- What lies in them ------------------------------------------------------------------------ */

static enum status recover_dir(struct broker *broker, struct log_dir *dir)
{
    struct logger *logger = broker->options.logger;
    struct store_options options = broker->store_options;
    struct store_recovery_report report;
    options.directory = dir->path;
    enum status status =
        store_recover(broker->options.doors[0], &options, logger, &report, &dir->states);
    if (status == STATUS_OK && !report.was_clean && report.log_count > 0)
        log_info(logger, "recovered after an unclean stop", field_text("directory", dir->path),
                 field_u64("logs", report.log_count),
                 field_u64("journal_bytes", report.journal_bytes_replayed),
                 field_u64("torn_bytes_cut", report.bytes_truncated));
    if (status == STATUS_OK)
        status = strays_create(broker->options.doors[0], dir->path, &dir->strays);
    return status;
}

enum status log_dirs_recover(struct broker *broker)
{
    struct io *io = broker->options.doors[0];
    uint64_t begun_ns = io_now_ns(io);
    for (uint32_t i = 0; i < broker->log_dirs.count; i++) {
        struct log_dir *dir = &broker->log_dirs.dirs[i];
        if (dir->failure != STATUS_OK)
            continue;
        dir->failure = recover_dir(broker, dir);
        dir->was_online = dir->failure == STATUS_OK;
        if (!dir->was_online)
            give_up_dir(broker, dir);
    }
    metrics_add(&roster_core(&broker->roster, 0)->metrics, METRIC_RECOVERY_MICROSECONDS,
                (int64_t)((io_now_ns(io) - begun_ns) / 1000));
    return check_online(broker);
}

void log_dirs_forget(struct broker *broker)
{
    for (uint32_t i = 0; i < broker->log_dirs.count; i++) {
        struct log_dir *dir = &broker->log_dirs.dirs[i];
        store_states_destroy(dir->states);
        dir->states = NULL;
        if (dir->strays != NULL)
            strays_destroy(dir->strays);
        dir->strays = NULL;
    }
}
