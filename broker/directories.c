#include "broker/directories.h"

#include "base/assert.h"
#include "broker/broker_parts.h"

#include <limits.h>
#include <stdio.h>

/* Several log.dirs are for later; the first one is taken, and the log says so. */
static enum status choose_directory(struct broker *broker)
{
    const struct config *config = broker->options.config;
    const char *listed = config_text(config, CONFIG_LOG_DIRS);
    const char *text = listed != NULL ? listed : config_text(config, CONFIG_LOG_DIR);
    assert(text != NULL);
    size_t size = strcspn(text, ",");
    if (text[size] == ',')
        log_warn(broker->options.logger, "several log.dirs are not supported yet: using the first",
                 field_bytes("directory", bytes_of(text, size)));
    int length = snprintf(broker->directory, sizeof broker->directory, "%.*s", (int)size, text);
    int cluster_length = snprintf(broker->cluster_directory, sizeof broker->cluster_directory,
                                  "%.*s/cluster", (int)size, text);
    bool fits = length > 0 && cluster_length > 0 &&
                (size_t)cluster_length < sizeof broker->cluster_directory;
    if (!fits)
        log_error(broker->options.logger, "log.dirs is empty or too long");
    return fits ? STATUS_OK : STATUS_INVALID;
}

/* Makes the name of `path` durable. A directory that may not be read is nobody's work here. */
static enum status sync_parent(struct io *io, const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    snprintf(parent, sizeof parent, "%.*s", (int)size, path);
    if (size == 0)
        snprintf(parent, sizeof parent, "%s", slash == NULL ? "." : "/");
    struct io_request request;
    io_sync_directory(io, &request, parent);
    int32_t result = io_await(io, &request);
    return result < 0 && result != STATUS_DENIED ? (enum status)result : STATUS_OK;
}

/* Also of a directory that is there: an earlier run may have died before it got so far. */
static enum status make_directory(struct io *io, const char *path)
{
    struct io_request request;
    io_make_directory(io, &request, path);
    int32_t result = io_await(io, &request);
    if (result < 0 && result != STATUS_EXISTS)
        return (enum status)result;
    return sync_parent(io, path);
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

/* The metadata's directory is made after the names above it have been made durable, so where it
 * stands nothing is left to do: syncing directories of others takes long on a busy machine. */
static bool has_been_used(struct broker *broker)
{
    enum { NAMES_BYTES_MAX = 1024 * 1024 };
    struct arena arena;
    struct io_request request;
    arena_init(&arena, NAMES_BYTES_MAX);
    io_list_directory(broker->options.doors[0], &request, broker->cluster_directory, &arena);
    int32_t result = io_await(broker->options.doors[0], &request);
    arena_deinit(&arena);
    return result >= 0;
}

enum status broker_make_directories(struct broker *broker)
{
    enum status status = choose_directory(broker);
    if (status != STATUS_OK)
        return status;
    if (has_been_used(broker))
        return STATUS_OK;
    status = make_path(broker->options.doors[0], broker->directory);
    if (status != STATUS_OK)
        log_error(broker->options.logger, "cannot make the directory of log.dirs",
                  field_text("directory", broker->directory), field_status("status", status));
    return status;
}
