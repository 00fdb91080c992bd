/* Composing and parsing names. That none is too long was checked where the names came in. */
#include "storage/path.h"

#include "base/assert.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void compose(char path[static PATH_SIZE],
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(path, PATH_SIZE, format, arguments);
    va_end(arguments);
    assert(size > 0);
    assert(size < PATH_SIZE);
}

void path_topics(const char *store, char path[static PATH_SIZE])
{
    compose(path, "%s/topics", store);
}

void path_topic(const char *store, const struct log_id *id, char path[static PATH_SIZE])
{
    assert(id->topic_name.size <= TOPIC_NAME_SIZE_MAX);
    char text[UUID_TEXT_SIZE];
    uuid_format(id->topic_id, text);
    compose(path, "%s/topics/%.*s-%s", store, (int)id->topic_name.size,
            (const char *)id->topic_name.data, text);
}

void path_partition(const char *store, const struct log_id *id, char path[static PATH_SIZE])
{
    char topic[PATH_SIZE];
    path_topic(store, id, topic);
    compose(path, "%s/%" PRId32, topic, id->partition);
}

void path_journals(const char *store, char path[static PATH_SIZE])
{
    compose(path, "%s/journal", store);
}

void path_epoch(const char *store, char path[static PATH_SIZE])
{
    compose(path, "%s/journal/epoch", store);
}

void path_journal(const char *store, uint32_t core, uint32_t file, char path[static PATH_SIZE])
{
    compose(path, "%s/journal/%" PRIu32 "-%" PRIu32 ".journal", store, core, file);
}

void path_clean(const char *store, uint32_t core, char path[static PATH_SIZE])
{
    compose(path, "%s/journal/%" PRIu32 ".clean", store, core);
}

void path_reserve(const char *store, uint32_t core, char path[static PATH_SIZE])
{
    compose(path, "%s/journal/%" PRIu32 ".reserve", store, core);
}

void path_catalogs(const char *store, char path[static PATH_SIZE])
{
    compose(path, "%s/catalog", store);
}

void path_catalog_base(const char *store, char path[static PATH_SIZE])
{
    compose(path, "%s/catalog/base", store);
}

void path_catalog(const char *store, uint32_t core, uint32_t file, char path[static PATH_SIZE])
{
    compose(path, "%s/catalog/%" PRIu32 "-%" PRIu32 ".catalog", store, core, file);
}

static void compose_segment(const char *partition, int64_t base_offset, uint32_t generation,
                            const char *suffix, char path[static PATH_SIZE])
{
    if (generation == 0)
        compose(path, "%s/%020" PRId64 "%s", partition, base_offset, suffix);
    else
        compose(path, "%s/%020" PRId64 "-%" PRIu32 "%s", partition, base_offset, generation,
                suffix);
}

void path_segment(const char *partition, int64_t base_offset, uint32_t generation,
                  char path[static PATH_SIZE])
{
    compose_segment(partition, base_offset, generation, ".log", path);
}

void path_index(const char *partition, int64_t base_offset, uint32_t generation,
                char path[static PATH_SIZE])
{
    compose_segment(partition, base_offset, generation, ".index", path);
}

void path_copy(const char *path, char copy[static PATH_SIZE])
{
    compose(copy, "%s", path);
}

void path_with_suffix(const char *path, const char *suffix, char result[static PATH_SIZE])
{
    compose(result, "%s%s", path, suffix);
}

void path_join(const char *directory, const char *name, char path[static PATH_SIZE])
{
    compose(path, "%s/%s", directory, name);
}

void path_parent(const char *path, char parent[static PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    assert(slash != NULL);
    compose(parent, "%.*s", (int)(slash - path), path);
}

bool path_parse_topic(const char *name, struct bytes *topic_name, struct uuid *topic_id)
{
    size_t size = strlen(name);
    size_t id_size = UUID_TEXT_SIZE - 1;
    if (size < id_size + 2 || name[size - id_size - 1] != '-')
        return false;
    *topic_name = bytes_of(name, size - id_size - 1);
    return topic_name->size <= TOPIC_NAME_SIZE_MAX &&
           uuid_parse(bytes_of(name + size - id_size, id_size), topic_id);
}

bool path_parse_partition(const char *name, int32_t *partition)
{
    int64_t value;
    if (text_parse_i64(bytes_of_text(name), 0, INT32_MAX, &value) != STATUS_OK)
        return false;
    *partition = (int32_t)value;
    return true;
}

/* `<base offset>[-<generation>]` and then `suffix`. */
static bool parse_of_segment(const char *name, const char *suffix, int64_t *base_offset,
                             uint32_t *generation)
{
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);
    *generation = 0;
    if (size < 20 + suffix_size || strcmp(name + size - suffix_size, suffix) != 0 ||
        text_parse_i64(bytes_of(name, 20), 0, INT64_MAX, base_offset) != STATUS_OK)
        return false;
    if (size == 20 + suffix_size)
        return true;
    int64_t value;
    if (name[20] != '-' || text_parse_i64(bytes_of(name + 21, size - 21 - suffix_size), 1,
                                          UINT32_MAX, &value) != STATUS_OK)
        return false;
    *generation = (uint32_t)value;
    return true;
}

bool path_parse_segment(const char *name, int64_t *base_offset, uint32_t *generation)
{
    return parse_of_segment(name, ".log", base_offset, generation);
}

bool path_parse_index(const char *name, int64_t *base_offset, uint32_t *generation)
{
    return parse_of_segment(name, ".index", base_offset, generation);
}

/* <core>-<file><suffix> */
static bool parse_pair(const char *name, const char *suffix, uint32_t *core, uint32_t *file)
{
    const char *dash = strchr(name, '-');
    const char *dot = strrchr(name, '.');
    if (dash == NULL || dot == NULL || dot < dash || strcmp(dot, suffix) != 0)
        return false;
    int64_t core_value, file_value;
    if (text_parse_i64(bytes_of(name, (size_t)(dash - name)), 0, UINT16_MAX, &core_value) !=
            STATUS_OK ||
        text_parse_i64(bytes_of(dash + 1, (size_t)(dot - dash - 1)), 0, UINT32_MAX, &file_value) !=
            STATUS_OK)
        return false;
    *core = (uint32_t)core_value;
    *file = (uint32_t)file_value;
    return true;
}

bool path_parse_journal(const char *name, uint32_t *core, uint32_t *file)
{
    return parse_pair(name, ".journal", core, file);
}

bool path_parse_catalog(const char *name, uint32_t *core, uint32_t *file)
{
    return parse_pair(name, ".catalog", core, file);
}

void path_deleted(const char *partition, uint64_t number, char path[static PATH_SIZE])
{
    compose(path, "%s.%016" PRIx64 ".deleted", partition, number);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

bool path_is_reserve(const char *name)
{
    static const char suffix[] = ".reserve";
    size_t size = strlen(name);
    return size >= sizeof suffix && strcmp(name + size - (sizeof suffix - 1), suffix) == 0;
}

bool path_is_deleted(const char *name)
{
    return has_suffix(name, ".deleted");
}
