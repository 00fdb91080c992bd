/* One sync after the other would wait for the disk as often as the path has parts; asked for
 * together, they mostly share one wait. */
#include "cluster/folder_names.h"

#include "base/assert.h"
#include "cluster/file_save.h"

#include <stdlib.h>

enum { TOGETHER_MAX = 16 };

struct names {
    struct io *io;
    struct io_request *asked[FOLDER_NAMES_BESIDE_MAX + TOGETHER_MAX];
    uint32_t asked_count;
    struct io_request requests[TOGETHER_MAX];
    char paths[TOGETHER_MAX][FILE_PATH_MAX];
    uint32_t count;
    char rest[FILE_PATH_MAX]; /* the parents of this one have not been asked for yet */
};

/* Makes of a path the one above it; false at the top. */
static bool path_ascend(char path[static FILE_PATH_MAX])
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        path[--size] = '\0';
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(path, ".", sizeof ".");
    else
        slash[slash == path] = '\0';
    return true;
}

/* False: there are no more of them. */
static bool ask_for_some(struct names *names)
{
    names->count = 0;
    while (names->count < TOGETHER_MAX && path_ascend(names->rest)) {
        uint32_t i = names->count++;
        memcpy(names->paths[i], names->rest, sizeof names->rest);
        names->asked[names->asked_count++] = &names->requests[i];
        io_sync_directory(names->io, &names->requests[i], names->paths[i]);
    }
    return names->count == TOGETHER_MAX;
}

static enum status await_asked(struct names *names)
{
    enum status status = STATUS_OK;
    io_await_all(names->io, names->asked, names->asked_count);
    names->asked_count = 0;
    for (uint32_t i = 0; i < names->count && status == STATUS_OK; i++) {
        int32_t result = names->requests[i].completion.result;
        if (result < 0 && result != STATUS_DENIED)
            status = (enum status)result;
    }
    return status;
}

enum status folder_names_sync(struct io *io, const char *folder, struct io_request *const *beside,
                              uint32_t beside_count)
{
    assert(beside_count <= FOLDER_NAMES_BESIDE_MAX);
    assert(strlen(folder) < FILE_PATH_MAX);
    struct names *names = calloc(1, sizeof *names);
    assert(names != NULL);
    names->io = io;
    memcpy(names->rest, folder, strlen(folder) + 1);
    for (uint32_t i = 0; i < beside_count; i++)
        names->asked[names->asked_count++] = beside[i];
    bool has_more;
    enum status status;
    do {
        has_more = ask_for_some(names);
        status = await_asked(names);
    } while (status == STATUS_OK && has_more);
    free(names);
    return status;
}
