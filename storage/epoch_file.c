/* Two files of one form: the number of the present run, and the mark of an orderly stop. What is
 * damaged in the first is looked for in its copy; of the second it means that there is none. */
#include "storage/epoch_file.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/await.h"
#include "storage/path.h"

#include <stdlib.h>

enum { EPOCH_MAGIC = 0x31455254, SWEPT_MAGIC = 0x31535254, EPOCH_VERSION = 1 };

struct stored_epoch {
    uint32_t magic;
    uint32_t version;
    uint64_t epoch;
    uint32_t crc;
    uint32_t zero;
};
_Static_assert(sizeof(struct stored_epoch) == EPOCH_SIZE, "stored format");
_Static_assert(offsetof(struct stored_epoch, epoch) == 8, "stored format");
_Static_assert(offsetof(struct stored_epoch, crc) == 16, "stored format");

static void encode(uint32_t magic, uint64_t epoch, uint8_t *content)
{
    assert(epoch > 0);
    struct stored_epoch stored = {magic, EPOCH_VERSION, epoch, 0, 0};
    stored.crc = crc32c(0, &stored, offsetof(struct stored_epoch, crc));
    memcpy(content, &stored, sizeof stored);
}

static enum status decode(uint32_t magic, struct bytes content, uint64_t *epoch)
{
    struct stored_epoch stored = {0};
    if (content.size >= sizeof stored)
        memcpy(&stored, content.data, sizeof stored);
    if (stored.magic != magic ||
        stored.crc != crc32c(0, &stored, offsetof(struct stored_epoch, crc)) || stored.epoch == 0)
        return STATUS_CORRUPT;
    *epoch = stored.epoch;
    return stored.version == EPOCH_VERSION ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status epoch_file_decode(struct bytes content, uint64_t *epoch)
{
    return decode(EPOCH_MAGIC, content, epoch);
}

static enum status read_copy(struct io *io, int32_t handle, uint64_t position, uint64_t *epoch)
{
    uint8_t content[EPOCH_SIZE];
    uint32_t size = 0;
    enum status status = await_read(io, handle, content, sizeof content, position, &size);
    return status == STATUS_OK ? epoch_file_decode(bytes_of(content, size), epoch) : status;
}

/* A block that cannot be read at all is as good as one that reads wrong. */
static enum status read_either(struct io *io, int32_t handle, struct logger *logger,
                               const char *path, uint64_t *epoch)
{
    enum status status = read_copy(io, handle, 0, epoch);
    if (status == STATUS_OK || status == STATUS_UNSUPPORTED)
        return status;
    if (read_copy(io, handle, EPOCH_COPY_AT, epoch) != STATUS_OK)
        return status;
    log_warn(logger, "the number of the last run is damaged, its copy is not",
             field_text("file", path));
    return STATUS_OK;
}

enum status epoch_file_read(struct io *io, const char *store, struct logger *logger,
                            uint64_t *epoch)
{
    char path[PATH_SIZE];
    int32_t handle;
    uint64_t size_bytes;
    path_epoch(store, path);
    *epoch = EPOCH_FIRST;
    enum status status = await_open(io, path, IO_OPEN_READ_ONLY, &handle, &size_bytes);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    status = read_either(io, handle, logger, path, epoch);
    enum status close_status = await_close(io, handle);
    return status != STATUS_OK ? status : close_status;
}

enum status epoch_file_draft(struct io *io, const char *store, uint64_t epoch,
                             struct await_draft *draft)
{
    uint8_t content[EPOCH_COPY_AT + EPOCH_SIZE] = {0};
    char path[PATH_SIZE];
    encode(EPOCH_MAGIC, epoch, content);
    encode(EPOCH_MAGIC, epoch, content + EPOCH_COPY_AT);
    path_epoch(store, path);
    enum status status = await_draft_open(io, path, 0, draft);
    if (status != STATUS_OK)
        return status;
    status = await_write(io, draft->handle, content, sizeof content, 0);
    return status == STATUS_OK ? STATUS_OK : await_draft_end(io, draft, status);
}

uint32_t epoch_file_encode_clean(uint64_t epoch, bool is_swept,
                                 uint8_t content[static CLEAN_SIZE_MAX])
{
    encode(EPOCH_MAGIC, epoch, content);
    encode(SWEPT_MAGIC, epoch, content + EPOCH_SIZE);
    return is_swept ? CLEAN_SIZE_MAX : EPOCH_SIZE;
}

struct clean_mark epoch_file_read_clean(struct io *io, const char *store, uint32_t core,
                                        uint64_t epoch)
{
    char path[PATH_SIZE];
    struct bytes content;
    struct clean_mark mark = {0};
    uint64_t found;
    path_clean(store, core, path);
    if (await_read_whole(io, path, CLEAN_SIZE_MAX, &content) != STATUS_OK)
        return mark;
    mark.is_clean = decode(EPOCH_MAGIC, content, &found) == STATUS_OK && found == epoch;
    if (mark.is_clean && content.size == CLEAN_SIZE_MAX)
        mark.is_swept =
            decode(SWEPT_MAGIC, bytes_of(content.data + EPOCH_SIZE, content.size - EPOCH_SIZE),
                   &found) == STATUS_OK &&
            found == epoch;
    free((void *)content.data);
    return mark;
}
