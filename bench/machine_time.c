#include "bench/machine_time.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Its first line is the sum: "cpu", then ticks as user, nice, system, idle, waiting for disks,
 * interrupts, soft interrupts, stolen. Those of guests come after that; user and nice hold them. */
enum { STOLEN_FIELD = 7, FIELD_COUNT = 8, TEXT_SIZE = 512 };

bool machine_time_parse(const char *text, struct machine_time *time)
{
    static const char head[] = "cpu ";
    struct bytes rest = bytes_of_text(text);
    struct bytes line;
    struct bytes item;
    assert(time != NULL);
    *time = (struct machine_time){0};
    if (!text_next_item(&rest, '\n', &line) || line.size < sizeof head - 1 ||
        memcmp(line.data, head, sizeof head - 1) != 0)
        return false;
    struct bytes numbers = bytes_of(line.data + sizeof head - 1, line.size - (sizeof head - 1));
    uint32_t field = 0;
    numbers = text_trim(numbers);
    while (field < FIELD_COUNT && text_next_item(&numbers, ' ', &item)) {
        int64_t ticks;
        if (text_parse_i64(item, 0, INT64_MAX / FIELD_COUNT, &ticks) != STATUS_OK)
            return false;
        time->total_ticks += ticks;
        if (field == STOLEN_FIELD)
            time->stolen_ticks = ticks;
        field++;
    }
    return field == FIELD_COUNT;
}

bool machine_time_read(struct machine_time *time)
{
    char text[TEXT_SIZE];
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    return machine_time_parse(text, time);
}

double machine_time_stolen_percent(const struct machine_time *now,
                                   const struct machine_time *before)
{
    int64_t total = now->total_ticks - before->total_ticks;
    int64_t stolen = now->stolen_ticks - before->stolen_ticks;
    /* The kernel's counts are read one by one and may run back by a tick. */
    if (total <= 0 || stolen <= 0)
        return 0;
    return stolen < total ? (double)stolen * 100 / (double)total : 100;
}
