#include "cli/log_place.h"

#include "base/assert.h"

#include <string.h>

/* The last part of `path`, and what stands before it, in `parent`. */
static const char *split(const char *path, char parent[static PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) : 0;
    assert(size < PATH_SIZE);
    memcpy(parent, path, size);
    parent[size] = '\0';
    return slash != NULL ? slash + 1 : path;
}

static bool log_place_of_topic(const char *path, struct log_place *place)
{
    char parent[PATH_SIZE];
    struct bytes name;
    if (!path_parse_topic(split(path, parent), &name, &place->frame.topic_id))
        return false;
    memcpy(place->topic_name, name.data, name.size);
    place->topic_name[name.size] = '\0';
    return true;
}

static bool log_place_of_partition(const char *path, struct log_place *place)
{
    char parent[PATH_SIZE];
    char number[PATH_SIZE];
    path_copy(split(path, parent), number);
    number[strcspn(number, ".")] = '\0';
    return path_parse_partition(number, &place->frame.partition) &&
           log_place_of_topic(parent, place);
}

bool log_place_of_segment(const char *path, struct log_place *place)
{
    char parent[PATH_SIZE];
    const char *name = split(path, parent);
    return path_parse_segment(name, &place->frame.segment_base_offset,
                              &place->frame.segment_generation) &&
           log_place_of_partition(parent, place);
}
