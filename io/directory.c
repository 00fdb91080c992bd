/* The worker cannot write into the caller's arena, which belongs to another thread, so it gathers
 * plain records on the heap; they are turned into entries, sorted, on the door's own thread. */
#include "io/directory.h"

#include "base/assert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What was read: one record per name, its kind, its characters and a zero byte. */
struct directory_listing {
    char *records;
    size_t size;
    size_t capacity;
    uint32_t count;
};

static bool listing_reserve(struct directory_listing *listing, size_t size)
{
    assert(listing->size <= listing->capacity);
    if (size <= listing->capacity - listing->size)
        return true;
    size_t capacity = listing->capacity == 0 ? 4096 : listing->capacity * 2;
    char *records = realloc(listing->records, capacity);
    if (records == NULL)
        return false;
    listing->records = records;
    listing->capacity = capacity;
    assert(size <= capacity - listing->size);
    return true;
}

static bool entry_is_directory(DIR *directory, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    struct stat stat;
    return fstatat(dirfd(directory), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(stat.st_mode);
}

static bool listing_add(struct directory_listing *listing, DIR *directory,
                        const struct dirent *entry)
{
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return true;
    size_t size = strlen(entry->d_name) + 1;
    if (!listing_reserve(listing, 1 + size))
        return false;
    listing->records[listing->size] = entry_is_directory(directory, entry);
    memcpy(listing->records + listing->size + 1, entry->d_name, size);
    listing->size += 1 + size;
    listing->count++;
    assert(listing->size <= listing->capacity);
    return true;
}

static int32_t listing_read(struct directory_listing *listing, DIR *directory)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return status_from_errno(errno);
        if (!listing_add(listing, directory, entry))
            return STATUS_NO_MEMORY;
    }
}

int32_t directory_read(struct io_request *request)
{
    assert(request->kind == IO_LIST_DIRECTORY);
    assert(request->backend_word == 0);
    DIR *directory = opendir(request->listing.path);
    if (directory == NULL)
        return status_from_errno(errno);
    int32_t result = STATUS_NO_MEMORY;
    struct directory_listing *listing = calloc(1, sizeof *listing);
    if (listing != NULL) {
        result = listing_read(listing, directory);
        request->backend_word = (uintptr_t)listing;
    }
    closedir(directory);
    return result;
}

static int entry_compare(const void *a, const void *b)
{
    const struct io_entry *left = a;
    const struct io_entry *right = b;
    return strcmp(left->name, right->name);
}

static bool listing_copy(const struct directory_listing *listing, struct io_request *request)
{
    struct arena *arena = request->listing.arena;
    struct io_entry *entries = arena_allocate_array(arena, listing->count, sizeof *entries);
    char *records = arena_copy_text(arena, listing->records, listing->size);
    if (entries == NULL || records == NULL)
        return false;
    const char *end = records + listing->size;
    for (uint32_t i = 0; i < listing->count; i++) {
        entries[i] = (struct io_entry){.name = records + 1, .is_directory = records[0] != 0};
        records += 1 + strlen(records + 1) + 1;
    }
    assert(records == end);
    qsort(entries, listing->count, sizeof *entries, entry_compare);
    request->listing.entries = entries;
    request->listing.entry_count = listing->count;
    return true;
}

int32_t directory_answer(struct io_request *request, int32_t result)
{
    assert(request->kind == IO_LIST_DIRECTORY);
    assert(result <= 0);
    struct directory_listing *listing =
        (struct directory_listing *)(uintptr_t)request->backend_word;
    request->backend_word = 0;
    if (listing == NULL)
        return result;
    if (result >= 0 && !listing_copy(listing, request))
        result = STATUS_NO_MEMORY;
    free(listing->records);
    free(listing);
    return result;
}
