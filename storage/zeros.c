#include "storage/zeros.h"

#include "base/assert.h"

#include <string.h>

_Static_assert(ZEROS_SIZE % IO_BLOCK_SIZE == 0, "pieces may be written past the page cache");

void zeros_init(struct chunk *zeros)
{
    assert(zeros != NULL);
    assert(zeros->capacity_bytes >= ZEROS_SIZE);
    memset(zeros->data, 0, ZEROS_SIZE);
}

uint32_t zeros_gather(const struct chunk *zeros, uint64_t *position, uint64_t end,
                      struct bytes pieces[static IO_WRITE_PIECE_COUNT_MAX])
{
    assert(zeros != NULL);
    assert(*position < end);
    uint32_t count = 0;
    while (count < IO_WRITE_PIECE_COUNT_MAX && *position < end) {
        uint64_t size = end - *position;
        if (size > ZEROS_SIZE)
            size = ZEROS_SIZE;
        pieces[count++] = bytes_of(zeros->data, size);
        *position += size;
    }
    return count;
}
