#include "io/process.h"

#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAGE_COUNTS_SIZE = 128, SECOND_US = 1000 * 1000 };

/* "size resident shared ...", in pages. */
static int64_t resident_bytes(void)
{
    char text[PAGE_COUNTS_SIZE];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text);
    if (file >= 0)
        close(file);
    struct bytes rest = bytes_of(text, size > 0 ? (size_t)size : 0);
    struct bytes item;
    int64_t pages;
    if (!text_next_item(&rest, ' ', &item) || !text_next_item(&rest, ' ', &item) ||
        text_parse_i64(item, 0, INT64_MAX / 65536, &pages) != STATUS_OK)
        return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_file_count(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int64_t count = 0;
    if (directory == NULL)
        return 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 3; /* ".", "..", and the directory itself */
}

void process_describe(struct process_facts *facts)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    *facts = (struct process_facts){
        .resident_bytes = resident_bytes(),
        .open_file_count = open_file_count(),
        .cpu_us = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US +
                  usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
    };
}
