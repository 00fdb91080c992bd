/* The file is Kafka's own format, properties, so that whoever looks into a directory finds what
 * they know. */
#include "cluster/meta_properties.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/text.h"
#include "cluster/file_save.h"
#include "cluster/properties.h"

#include <inttypes.h>
#include <stdio.h>

enum { META_VERSION = 1, META_BYTES_MAX = 64 * 1024 };

static const char file_name[] = "meta.properties";

/* A property that is not one of ours is no fault: a later release may write more of them. */
static bool take_property(struct meta_properties *properties, const struct property *property,
                          int64_t *version)
{
    struct bytes value = bytes_of_text(property->value);
    int64_t number;
    if (strcmp(property->name, "cluster.id") == 0)
        return uuid_parse(value, &properties->cluster_id);
    if (strcmp(property->name, "directory.id") == 0)
        return uuid_parse(value, &properties->directory_id);
    if (strcmp(property->name, "version") == 0)
        return text_parse_i64(value, 0, INT32_MAX, version) == STATUS_OK;
    if (strcmp(property->name, "node.id") != 0)
        return true;
    if (text_parse_i64(value, 0, INT32_MAX, &number) != STATUS_OK)
        return false;
    properties->node_id = (int32_t)number;
    return true;
}

enum status meta_properties_parse(struct bytes text, struct arena *arena,
                                  struct meta_properties *result)
{
    assert(result != NULL);
    struct properties properties;
    struct property property;
    int64_t version = -1;
    *result = (struct meta_properties){.node_id = -1};
    properties_init(&properties, text);
    while (properties_next(&properties, arena, &property))
        if (property.problem != NULL || !take_property(result, &property, &version))
            return STATUS_CORRUPT;
    if (version >= 0 && version != META_VERSION)
        return STATUS_UNSUPPORTED;
    bool is_whole = version == META_VERSION && result->node_id >= 0 &&
                    !uuid_is_zero(result->cluster_id) && !uuid_is_zero(result->directory_id);
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}

enum status meta_properties_load(struct io *io, const char *directory,
                                 struct meta_properties *properties)
{
    assert(directory != NULL);
    assert(properties != NULL);
    struct arena arena;
    struct bytes text = {0};
    char path[FILE_PATH_MAX];
    file_path(path, directory, file_name);
    arena_init(&arena, 2 * META_BYTES_MAX);
    enum status status = file_load_await(io, path, &arena, &text);
    if (status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = meta_properties_parse(text, &arena, properties);
    arena_deinit(&arena);
    return status;
}

enum status meta_properties_save(struct io *io, const char *directory,
                                 const struct meta_properties *properties)
{
    assert(properties->node_id >= 0);
    assert(!uuid_is_zero(properties->cluster_id));
    assert(!uuid_is_zero(properties->directory_id));
    char cluster_id[UUID_TEXT_SIZE];
    char directory_id[UUID_TEXT_SIZE];
    char text[256];
    uuid_format(properties->cluster_id, cluster_id);
    uuid_format(properties->directory_id, directory_id);
    int size = snprintf(text, sizeof text,
                        "version=%d\ncluster.id=%s\nnode.id=%" PRId32 "\ndirectory.id=%s\n",
                        META_VERSION, cluster_id, properties->node_id, directory_id);
    assert(size > 0 && (size_t)size < sizeof text);
    return file_save_await(io, directory, file_name, bytes_of(text, (size_t)size));
}
