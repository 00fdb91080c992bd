#include "bench/floor_file.h"

#include "base/assert.h"
#include "bench/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 32 << 20 };

static uint8_t *piece_create(void)
{
    void *piece = NULL;
    if (posix_memalign(&piece, FLOOR_BLOCK_BYTES, FLOOR_PIECE_BYTES) != 0)
        fail("no memory for what is written");
    memset(piece, 0, FLOOR_PIECE_BYTES);
    return piece;
}

/* That the file system refuses O_DIRECT shows here; some leave a file there if they are asked when
 * it is made. */
static void open_nameless(struct floor_file *file, const char *folder)
{
    char *path = NULL;
    if (asprintf(&path, "%s/tailrace-floor-XXXXXX", folder) < 0)
        fail("no memory for a path");
    file->handle = mkostemp(path, O_CLOEXEC);
    if (file->handle < 0)
        fail("cannot make a file in %s: %s", folder, strerror(errno));
    unlink(path);
    free(path);
    file->is_direct = fcntl(file->handle, F_SETFL, O_DIRECT) == 0;
}

static void zero(struct floor_file *file, int64_t time_ns)
{
    int64_t end_ns = now_ns() + time_ns;
    do {
        uint32_t offset = file->size_bytes;
        file->size_bytes += FLOOR_PIECE_BYTES;
        floor_file_write(file, file->piece, FLOOR_PIECE_BYTES, offset);
    } while (file->size_bytes < FILE_BYTES_MAX && now_ns() < end_ns);
    floor_file_sync(file);
}

static void fill(uint8_t *piece)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < FLOOR_PIECE_BYTES; i++) {
        state = state * 1664525 + 1013904223;
        piece[i] = (uint8_t)(state >> 24);
    }
}

void floor_file_open(struct floor_file *file, const char *folder, int64_t time_ns)
{
    assert(time_ns > 0);
    *file = (struct floor_file){.piece = piece_create()};
    open_nameless(file, folder);
    zero(file, time_ns);
    fill(file->piece);
}

void floor_file_close(struct floor_file *file)
{
    close(file->handle);
    free(file->piece);
}

void floor_file_write(const struct floor_file *file, const uint8_t *bytes, uint32_t size,
                      uint32_t offset)
{
    assert(size <= file->size_bytes);
    assert(offset <= file->size_bytes - size);
    assert(size % FLOOR_BLOCK_BYTES == 0);
    assert(offset % FLOOR_BLOCK_BYTES == 0);
    ssize_t written = pwrite(file->handle, bytes, size, offset);
    if (written != (ssize_t)size)
        fail("cannot write to the disk: %s", written < 0 ? strerror(errno) : "no space");
}

void floor_file_sync(const struct floor_file *file)
{
    if (fdatasync(file->handle) != 0)
        fail("cannot sync the disk: %s", strerror(errno));
}
