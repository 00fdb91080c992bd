/* Pages are allocated when something else than zeros is written to them; writing zeros over a page
 * frees it again where it is whole. */
#include "sim/sparse.h"

#include "base/assert.h"
#include "sim/memory.h"

void sparse_init(struct sparse *sparse)
{
    *sparse = (struct sparse){0};
}

void sparse_deinit(struct sparse *sparse)
{
    for (size_t i = 0; i < sparse->page_count; i++)
        free(sparse->pages[i]);
    free(sparse->pages);
    *sparse = (struct sparse){0};
}

/* How much of [offset, offset + size) lies in the page of `offset`. */
static size_t part_in_page(uint64_t offset, size_t size)
{
    size_t room = SPARSE_PAGE_SIZE - offset % SPARSE_PAGE_SIZE;
    return size < room ? size : room;
}

void sparse_read(const struct sparse *sparse, uint64_t offset, uint8_t *data, size_t size)
{
    assert(offset + size >= offset);
    while (size > 0) {
        size_t page = offset / SPARSE_PAGE_SIZE;
        size_t part = part_in_page(offset, size);
        if (page < sparse->page_count && sparse->pages[page] != NULL)
            memcpy(data, sparse->pages[page] + offset % SPARSE_PAGE_SIZE, part);
        else
            memset(data, 0, part);
        data += part;
        offset += part;
        size -= part;
    }
}

static void sparse_write_zeros(struct sparse *sparse, size_t page, size_t from, size_t size)
{
    assert(from + size <= SPARSE_PAGE_SIZE);
    if (page >= sparse->page_count || sparse->pages[page] == NULL)
        return;
    if (size == SPARSE_PAGE_SIZE) {
        free(sparse->pages[page]);
        sparse->pages[page] = NULL;
    } else {
        memset(sparse->pages[page] + from, 0, size);
    }
}

static uint8_t *sparse_page_for_writing(struct sparse *sparse, size_t page)
{
    if (page >= sparse->page_count) {
        size_t page_count = page + 1 + page / 2;
        sparse->pages =
            must_grow(sparse->pages, sparse->page_count, page_count, sizeof sparse->pages[0]);
        sparse->page_count = page_count;
    }
    if (sparse->pages[page] == NULL)
        sparse->pages[page] = must_allocate(1, SPARSE_PAGE_SIZE);
    return sparse->pages[page];
}

void sparse_write(struct sparse *sparse, uint64_t offset, const uint8_t *data, size_t size)
{
    assert(offset + size >= offset);
    while (size > 0) {
        size_t page = offset / SPARSE_PAGE_SIZE;
        size_t from = offset % SPARSE_PAGE_SIZE;
        size_t part = part_in_page(offset, size);
        if (data == NULL) {
            sparse_write_zeros(sparse, page, from, part);
        } else {
            memcpy(sparse_page_for_writing(sparse, page) + from, data, part);
            data += part;
        }
        offset += part;
        size -= part;
    }
}

void sparse_clear_from(struct sparse *sparse, uint64_t offset)
{
    uint64_t end = (uint64_t)sparse->page_count * SPARSE_PAGE_SIZE;
    if (offset < end)
        sparse_write(sparse, offset, NULL, end - offset);
}

void sparse_copy(struct sparse *to, const struct sparse *from)
{
    assert(to != from);
    sparse_deinit(to);
    for (size_t i = 0; i < from->page_count; i++)
        if (from->pages[i] != NULL)
            sparse_write(to, (uint64_t)i * SPARSE_PAGE_SIZE, from->pages[i], SPARSE_PAGE_SIZE);
}
