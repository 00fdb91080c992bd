#include "sim/image.h"

#include "base/assert.h"
#include "sim/memory.h"

void image_init(struct image *image)
{
    *image = (struct image){0};
}

void image_deinit(struct image *image)
{
    for (size_t i = 0; i < image->page_count; i++)
        free(image->pages[i]);
    free(image->pages);
    *image = (struct image){0};
}

/* How much of [offset, offset + size) lies in the page of `offset`. */
static size_t part_in_page(uint64_t offset, size_t size)
{
    size_t room = IMAGE_PAGE_SIZE - offset % IMAGE_PAGE_SIZE;
    return size < room ? size : room;
}

void image_read(const struct image *image, uint64_t offset, uint8_t *data, size_t size)
{
    assert(offset + size >= offset);
    while (size > 0) {
        size_t page = offset / IMAGE_PAGE_SIZE;
        size_t part = part_in_page(offset, size);
        if (page < image->page_count && image->pages[page] != NULL)
            memcpy(data, image->pages[page] + offset % IMAGE_PAGE_SIZE, part);
        else
            memset(data, 0, part);
        data += part;
        offset += part;
        size -= part;
    }
}

static void image_write_zeros(struct image *image, size_t page, size_t from, size_t size)
{
    assert(from + size <= IMAGE_PAGE_SIZE);
    if (page >= image->page_count || image->pages[page] == NULL)
        return;
    if (size == IMAGE_PAGE_SIZE) {
        free(image->pages[page]);
        image->pages[page] = NULL;
    } else {
        memset(image->pages[page] + from, 0, size);
    }
}

static uint8_t *image_page_for_writing(struct image *image, size_t page)
{
    if (page >= image->page_count) {
        size_t page_count = page + 1 + page / 2;
        image->pages =
            must_grow(image->pages, image->page_count, page_count, sizeof image->pages[0]);
        image->page_count = page_count;
    }
    if (image->pages[page] == NULL)
        image->pages[page] = must_allocate(1, IMAGE_PAGE_SIZE);
    return image->pages[page];
}

void image_write(struct image *image, uint64_t offset, const uint8_t *data, size_t size)
{
    assert(offset + size >= offset);
    while (size > 0) {
        size_t page = offset / IMAGE_PAGE_SIZE;
        size_t from = offset % IMAGE_PAGE_SIZE;
        size_t part = part_in_page(offset, size);
        if (data == NULL) {
            image_write_zeros(image, page, from, part);
        } else {
            memcpy(image_page_for_writing(image, page) + from, data, part);
            data += part;
        }
        offset += part;
        size -= part;
    }
}

void image_clear_from(struct image *image, uint64_t offset)
{
    uint64_t end = (uint64_t)image->page_count * IMAGE_PAGE_SIZE;
    if (offset < end)
        image_write(image, offset, NULL, end - offset);
}

void image_copy(struct image *to, const struct image *from)
{
    assert(to != from);
    image_deinit(to);
    for (size_t i = 0; i < from->page_count; i++)
        if (from->pages[i] != NULL)
            image_write(to, (uint64_t)i * IMAGE_PAGE_SIZE, from->pages[i], IMAGE_PAGE_SIZE);
}
