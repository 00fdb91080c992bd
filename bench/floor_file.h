/* The file on which the floor is measured. It is written with zeroes first, for a sync in fresh
 * space also waits for the file system's own notes of where that space is; brokers that care
 * prepare their files likewise. Whatever goes wrong with it ends the program. */
#ifndef TAILRACE_BENCH_FLOOR_FILE_H
#define TAILRACE_BENCH_FLOOR_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum { FLOOR_PIECE_BYTES = 1 << 20, FLOOR_BLOCK_BYTES = 4 << 10 };

struct floor_file {
    int handle;
    bool is_direct; /* otherwise the file system has only its page cache for it */
    uint8_t *piece; /* to be written: aligned, and no zeroes, for hosts may keep no such blocks */
    uint32_t size_bytes; /* zeroed; whole pieces */
};

/* A file without a name, so that nothing can leave it behind. At least a piece of it is zeroed, and
 * as many as there is time for. */
void floor_file_open(struct floor_file *file, const char *folder, int64_t time_ns);
void floor_file_close(struct floor_file *file);

/* `bytes`, `size` and `offset` are aligned to FLOOR_BLOCK_BYTES, and within the file. */
void floor_file_write(const struct floor_file *file, const uint8_t *bytes, uint32_t size,
                      uint32_t offset);
void floor_file_sync(const struct floor_file *file);

#endif
