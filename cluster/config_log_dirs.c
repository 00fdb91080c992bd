/* log.dirs and metadata.log.dir, parsed once when the configuration is loaded. */
#include "cluster/config_load.h"

#include "base/assert.h"
#include "base/text.h"

/* "/data/" and "/data" are one directory. */
static struct bytes without_slash(struct bytes path)
{
    while (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    return path;
}

static bool is_listed(const struct config *config, struct bytes path)
{
    for (uint32_t i = 0; i < config->log_dir_count; i++)
        if (bytes_equal(config->log_dirs[i], path))
            return true;
    return false;
}

/* What is wrong with one more name, or NULL. */
static const char *problem_of(const struct config *config, struct bytes path)
{
    if (path.size == 0)
        return "has an empty name";
    if (path.size > CONFIG_LOG_DIR_BYTES_MAX)
        return "has a name of more than 640 bytes";
    if (is_listed(config, path))
        return "names a folder twice";
    return config->log_dir_count == CONFIG_LOG_DIRS_MAX ? "names more than 32 folders" : NULL;
}

void config_load_log_dirs(struct config_loader *loader)
{
    struct config *config = loader->config;
    struct config_entry *dirs = &config->entries[CONFIG_LOG_DIRS];
    const char *metadata_dir = config->entries[CONFIG_METADATA_LOG_DIR].text;
    if (dirs->text == NULL)
        *dirs = config->entries[CONFIG_LOG_DIR];
    struct bytes rest = bytes_of_text(dirs->text);
    struct bytes item;
    const char *problem = rest.size == 0 ? "is empty" : NULL;
    while (problem == NULL && text_next_item(&rest, ',', &item)) {
        struct bytes path = without_slash(item);
        problem = problem_of(config, path);
        if (problem == NULL)
            config->log_dirs[config->log_dir_count++] = path;
    }
    if (problem != NULL)
        config_fail(loader, config_where(config, CONFIG_LOG_DIRS), "log.dirs %s: '%.100s'", problem,
                    dirs->text);
    if (metadata_dir != NULL && strlen(metadata_dir) > CONFIG_LOG_DIR_BYTES_MAX)
        config_fail(loader, config_where(config, CONFIG_METADATA_LOG_DIR),
                    "metadata.log.dir has more than 640 bytes");
}

uint32_t config_log_dirs(const struct config *config, struct bytes dirs[static CONFIG_LOG_DIRS_MAX])
{
    assert(config->log_dir_count > 0);
    memcpy(dirs, config->log_dirs, sizeof config->log_dirs);
    return config->log_dir_count;
}

struct bytes config_metadata_log_dir(const struct config *config)
{
    const char *text = config->entries[CONFIG_METADATA_LOG_DIR].text;
    bool is_set = text != NULL && text[0] != '\0';
    return is_set ? without_slash(text_trim(bytes_of_text(text))) : config->log_dirs[0];
}
