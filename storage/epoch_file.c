/* Two files of one form: the number of the present run, and the mark of an orderly stop. */
#include "storage/epoch_file.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/await.h"
#include "storage/path.h"

#include <stdlib.h>

enum { EPOCH_MAGIC = 0x31455254, EPOCH_VERSION = 1 };

struct stored_epoch {
    uint32_t magic;
    uint32_t version;
    uint64_t epoch;
    uint32_t crc;
    uint32_t zero;
};
_Static_assert(sizeof(struct stored_epoch) == EPOCH_FILE_SIZE, "stored format");
_Static_assert(offsetof(struct stored_epoch, epoch) == 8, "stored format");
_Static_assert(offsetof(struct stored_epoch, crc) == 16, "stored format");

void epoch_file_encode(uint64_t epoch, uint8_t content[static EPOCH_FILE_SIZE])
{
    assert(epoch > 0);
    struct stored_epoch stored = {EPOCH_MAGIC, EPOCH_VERSION, epoch, 0, 0};
    stored.crc = crc32c(0, &stored, offsetof(struct stored_epoch, crc));
    memcpy(content, &stored, sizeof stored);
}

enum status epoch_file_decode(struct bytes content, uint64_t *epoch)
{
    struct stored_epoch stored = {0};
    if (content.size == sizeof stored)
        memcpy(&stored, content.data, sizeof stored);
    if (stored.magic != EPOCH_MAGIC ||
        stored.crc != crc32c(0, &stored, offsetof(struct stored_epoch, crc)))
        return STATUS_CORRUPT;
    *epoch = stored.epoch;
    return stored.version == EPOCH_VERSION ? STATUS_OK : STATUS_UNSUPPORTED;
}

static enum status read_file(struct io *io, const char *path, uint64_t *epoch)
{
    struct bytes content;
    enum status status = await_read_whole(io, path, EPOCH_FILE_SIZE, &content);
    if (status != STATUS_OK)
        return status;
    status = epoch_file_decode(content, epoch);
    free((void *)content.data);
    return status;
}

enum status epoch_file_read(struct io *io, const char *store, uint64_t *epoch)
{
    char path[PATH_SIZE];
    path_epoch(store, path);
    enum status status = read_file(io, path, epoch);
    if (status != STATUS_NOT_FOUND)
        return status;
    *epoch = EPOCH_FIRST;
    return STATUS_OK;
}

enum status epoch_file_write(struct io *io, const char *store, uint64_t epoch)
{
    uint8_t content[EPOCH_FILE_SIZE];
    char path[PATH_SIZE];
    epoch_file_encode(epoch, content);
    path_epoch(store, path);
    return await_replace(io, path, bytes_of(content, sizeof content));
}

enum status epoch_file_settle(struct io *io, const char *store)
{
    char path[PATH_SIZE];
    char directory[PATH_SIZE];
    path_epoch(store, path);
    path_parent(path, directory);
    return await_sync_directory(io, directory);
}

bool epoch_file_is_clean(struct io *io, const char *store, uint32_t core, uint64_t epoch)
{
    char path[PATH_SIZE];
    uint64_t clean_epoch;
    path_clean(store, core, path);
    return read_file(io, path, &clean_epoch) == STATUS_OK && clean_epoch == epoch;
}
