/* The bytes of a file, stored sparsely: a page that holds only zeros takes no memory, so a zeroed
 * journal file of 64 MiB costs one array of page pointers. It has no size of its own; beyond
 * what was written it reads as zeros. */
#ifndef TAILRACE_SIM_SPARSE_H
#define TAILRACE_SIM_SPARSE_H

#include <stddef.h>
#include <stdint.h>

enum { SPARSE_PAGE_SIZE = 4096 };

struct sparse {
    uint8_t **pages; /* NULL for a page of zeros */
    size_t page_count;
};

void sparse_init(struct sparse *sparse);
void sparse_deinit(struct sparse *sparse);

void sparse_read(const struct sparse *sparse, uint64_t offset, uint8_t *data, size_t size);

/* `data` NULL writes zeros. */
void sparse_write(struct sparse *sparse, uint64_t offset, const uint8_t *data, size_t size);

/* Everything from `offset` on reads as zeros. */
void sparse_clear_from(struct sparse *sparse, uint64_t offset);

/* Makes `to` equal to `from`. */
void sparse_copy(struct sparse *to, const struct sparse *from);

#endif
