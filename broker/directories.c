#include "broker/directories.h"

#include "base/assert.h"
#include "broker/broker_parts.h"

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

/* Makes the directory and what is above it, from the root down. */
static enum status make_path(struct io *io, char *path)
{
    for (char *end = path + 1; *end != '\0'; end++) {
        char *slash = strchr(end, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
        struct io_request request;
        io_make_directory(io, &request, path);
        io_await(io, &request); /* What is wrong with it shows at the last one. */
        *slash = '/';
        end = slash;
    }
    struct io_request request;
    io_make_directory(io, &request, path);
    int32_t result = io_await(io, &request);
    return result == STATUS_EXISTS ? STATUS_OK : (enum status)(result < 0 ? result : STATUS_OK);
}

enum status broker_make_directories(struct broker *broker)
{
    enum status status = choose_directory(broker);
    if (status != STATUS_OK)
        return status;
    status = make_path(broker->options.doors[0], broker->directory);
    if (status != STATUS_OK)
        log_error(broker->options.logger, "cannot make the directory of log.dirs",
                  field_text("directory", broker->directory), field_status("status", status));
    return status;
}
