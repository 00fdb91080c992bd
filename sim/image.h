/* The bytes of a file, stored sparsely: a page that holds only zeros takes no memory, so a zeroed
 * journal file of 64 MiB costs one array of page pointers. An image has no size of its own; beyond
 * what was written it reads as zeros. */
#ifndef TAILRACE_SIM_IMAGE_H
#define TAILRACE_SIM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_PAGE_SIZE = 4096 };

struct image {
    uint8_t **pages; /* NULL for a page of zeros */
    size_t page_count;
};

void image_init(struct image *image);
void image_deinit(struct image *image);

void image_read(const struct image *image, uint64_t offset, uint8_t *data, size_t size);

/* `data` NULL writes zeros. */
void image_write(struct image *image, uint64_t offset, const uint8_t *data, size_t size);

/* Everything from `offset` on reads as zeros. */
void image_clear_from(struct image *image, uint64_t offset);

/* Makes `to` equal to `from`. */
void image_copy(struct image *to, const struct image *from);

#endif
